"""The one place that wraps what is vLLM's.

vLLM offers entry points and extension classes, but no way to see the rows that tokens are chosen
from, or to learn that an answer is whole. So five of its functions are wrapped. They, and all that
is read of what they are given, are in the tables of `known`, which are checked before.
"""

import functools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .known import installed, named, refused

_LOG = logging.getLogger("vllm.assay")

_GROUPS = "vllm.distributed.parallel_state"

SETTINGS_KEY = "assay"
"""Of vLLM's additional_config."""


@dataclass(frozen=True)
class Begun:
    """A request that a worker is given for the first time.

    Attributes:
        name: The engine's own.
        prompt: Its tokens.
        stopped_by_text: Whether a text may stop it.
        missing: Tokens of the prompt, from the first, whose rows a cache spares.
        refused: Why its rows say nothing, or "".
    """

    name: str
    prompt: list[int]
    stopped_by_text: bool
    missing: int
    refused: str


class Chosen(NamedTuple):
    """Tokens that a request was given in a pass.

    Attributes:
        name: The engine's own name of the request.
        position: Of the token that the first of the rows was computed at.
        start: First of its rows.
        tokens: One for each of its rows, from that one on; rows behind are of refused drafts.
    """

    name: str
    position: int
    start: int
    tokens: list[int]


@dataclass(frozen=True)
class Finished:
    """An answer that is whole, as the engine's front knows it.

    Attributes:
        name: The engine's own name of the request.
        asked_as: The name that the caller gave.
        choice: Which of several answers to one prompt.
        question: Which of several prompts that were asked at once.
        prompt: Its text, or "".
        prompt_token_ids: Its tokens.
        output_token_ids: Those of the answer.
        adapter: Name of a LoRA adapter, or "".
    """

    name: str
    asked_as: str
    choice: int
    question: int
    prompt: str
    prompt_token_ids: list[int]
    output_token_ids: list[int]
    adapter: str


class Follower:
    """What a worker's passes are told to. Whatever it raises is its own affair: see `broken`.

    Attributes:
        paused: Whether it is told of nothing for the time being.
    """

    paused = False

    def begin(self, request: Begun) -> None:
        """A request begins."""
        raise NotImplementedError

    def chosen(self, rows: Tensor, chosen: Sequence[Chosen]) -> None:
        """Rows, on the CPU, and the tokens that were chosen from them."""
        raise NotImplementedError

    def close(self, name: str) -> None:
        """The engine has done with a request."""
        raise NotImplementedError

    def broken(self, error: Exception) -> None:
        """One of these calls failed, or the engine's pass was not as it is known."""
        raise NotImplementedError


def on_configuration(configured: Callable[[Any], None]) -> None:
    """Have `configured` called with every configuration that this process makes for an engine.

    It may change it, and what it raises stops the engine before it starts.
    """
    kind = named("vllm.engine.arg_utils:EngineArgs")
    make = kind.create_engine_config

    @functools.wraps(make)
    def create_engine_config(self: Any, *args: Any, **kwargs: Any) -> Any:
        config = make(self, *args, **kwargs)
        configured(config)
        return config

    kind.create_engine_config = create_engine_config


def extend_workers(config: Any, extension: str) -> None:
    """Let workers have the methods of a class, and load its module.

    Raises:
        InputError: They are extended already, and can be once ("unsupported").
    """
    parallel = config.parallel_config
    if parallel.worker_extension_cls not in ("", extension):
        reason = f"--worker-extension-cls is {parallel.worker_extension_cls}; leave it out"
        raise InputError("unsupported", "vLLM", f"{reason}: workers can be extended once")
    parallel.worker_extension_cls = extension


def on_finished(finished: Callable[[Any, Finished], None]) -> None:
    """Have `finished` called in the engine's front when an answer is whole.

    It is given the front's output processor too, of which each engine has one.
    """
    kind = named("vllm.v1.engine.output_processor:OutputProcessor")
    finish = kind._finish_request

    @functools.wraps(finish)
    def _finish_request(self: Any, req_state: Any) -> Any:
        result = finish(self, req_state)
        try:
            if req_state.detokenizer is not None:
                finished(self, _finished(req_state))
        except Exception:
            _LOG.exception("assay: an answer has no proofs")  # and goes its way
        return result

    kind._finish_request = _finish_request


def on_server_engine(made: Callable[[Any], None]) -> None:
    """Have `made` called with each asynchronous engine that this process makes."""
    kind = named("vllm.v1.engine.async_llm:AsyncLLM")
    make = kind.__init__

    @functools.wraps(make)
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        made(self)

    kind.__init__ = initialise


def on_loaded_worker(loaded: Callable[[Any], None]) -> None:
    """Have `loaded` called with each worker of this process once it has its model."""
    kind = named("vllm.v1.worker.gpu_worker:Worker")
    load = kind.load_model

    @functools.wraps(load)
    def load_model(self: Any, *args: Any, **kwargs: Any) -> None:
        load(self, *args, **kwargs)
        loaded(self)

    kind.load_model = load_model


def settings_of(config: Any) -> object:
    """What additional_config says under our key, or None."""
    extra = config.additional_config
    return extra.get(SETTINGS_KEY) if isinstance(extra, Mapping) else None


def keep_settings(config: Any, settings: Mapping[str, object]) -> None:
    """Let workers find settings in additional_config.

    Raises:
        InputError: It is no object that can hold them ("unsupported").
    """
    if not isinstance(config.additional_config, dict):
        raise InputError("unsupported", "vLLM", "additional_config is not an object")
    config.additional_config[SETTINGS_KEY] = dict(settings)


def has_rows(worker: Any) -> bool:
    """Whether a worker computes rows that are nobody else's: of each group one does."""
    last: bool = named(f"{_GROUPS}:get_pp_group")().is_last_rank
    first: bool = named(f"{_GROUPS}:get_tp_group")().rank_in_group == 0
    return last and first


class _Seen(Exception):  # noqa: N818 - no error: the scores themselves are nobody's wish
    """The head was given its rows."""


def require_known_head(worker: Any) -> None:
    """See that the model's head is given the very rows that are taken.

    Some models change them once more on the way to the head.

    Raises:
        InputError: The model has no such head ("unsupported").
    """
    model = worker.get_model()
    kind = named("vllm.model_executor.layers.logits_processor:LogitsProcessor")
    processors = [module for module in model.modules() if isinstance(module, kind)]
    name = type(model).__name__
    if len(processors) != 1:
        reason = f"{len(processors)} modules make its scores, where one should"
        raise InputError("unsupported", f"model {name}", reason)
    seen: list[Tensor] = []

    def forward(_: Any, lm_head: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        seen.append(hidden_states.clone())
        raise _Seen

    config = worker.vllm_config.model_config
    rows = torch.linspace(-1, 1, config.get_hidden_size(), device=worker.device).to(config.dtype)
    # An adapter's own module calls that of the class.
    own = kind.forward
    kind.forward = forward
    try:
        with torch.inference_mode(), suppress(_Seen):
            model.compute_logits(rows[None])
    finally:
        kind.forward = own
    if len(seen) != 1 or not torch.equal(seen[0], rows[None]):
        reason = "what it gives its head is not the row that it hands on; no proofs of it"
        raise InputError("unsupported", f"model {name}", reason)


def engine_of(worker: Any) -> dict[str, str]:
    """What runs the model of a worker that serves: dtype, attention, device and versions."""
    backends = {
        group.backend.get_name() for groups in worker.model_runner.attn_groups for group in groups
    }
    return {
        "model": worker.vllm_config.model_config.model,
        "dtype": str(worker.vllm_config.model_config.dtype).removeprefix("torch."),
        "attention": "+".join(sorted(f"vllm-{name.lower()}" for name in backends)),
        "device": str(worker.device.type),
        "vllm": installed(),
        "torch": str(torch.__version__),
    }


def follow(worker: Any, follower: Follower) -> None:
    """Tell `follower` of the passes of a worker that `has_rows`.

    The engine never learns of what goes wrong with that.
    """
    runner = worker.model_runner
    execute, sample = runner.execute_model, runner.sample_tokens
    asynchronous = named("vllm.v1.outputs:AsyncModelRunnerOutput")

    @functools.wraps(execute)
    def execute_model(scheduler_output: Any, *args: Any, **kwargs: Any) -> Any:
        result = execute(scheduler_output, *args, **kwargs)
        if follower.paused:
            return result
        try:
            for name in scheduler_output.finished_req_ids:
                follower.close(name)
            for new in scheduler_output.scheduled_new_reqs:
                follower.begin(_begun(new))
        except Exception as error:
            follower.broken(error)
        return result

    @functools.wraps(sample)
    def sample_tokens(grammar_output: Any) -> Any:
        state = runner.execute_model_state
        output = sample(grammar_output)
        if state is None or follower.paused:
            return output
        try:
            rows = _OnTheWay(state.sample_hidden_states)
            places = _places(state.scheduler_output)
        except Exception as error:
            follower.broken(error)
            return output

        def tell(made: Any) -> None:
            try:
                chosen = list(_chosen(made.req_ids, made.sampled_token_ids, places, len(rows)))
                follower.chosen(rows.arrived(), chosen)
            except Exception as error:
                follower.broken(error)

        if isinstance(output, asynchronous):
            _tell_later(output, tell)
        else:
            tell(output)
        return output

    runner.execute_model, runner.sample_tokens = execute_model, sample_tokens


def _finished(state: Any) -> Finished:
    asked_as, question = _asked(state.external_req_id)
    return Finished(
        name=state.request_id,
        asked_as=asked_as,
        choice=state.request_index,
        question=question,
        prompt=state.prompt or "",
        prompt_token_ids=list(state.prompt_token_ids or ()),
        output_token_ids=list(state.detokenizer.output_token_ids),
        adapter=state.lora_name or "",
    )


def _asked(name: str) -> tuple[str, int]:
    """The id of a server's response, and the number of the prompt, of a request's name.

    A completion may have several prompts, so the server numbers them: cmpl-ID-0, cmpl-ID-1.
    """
    whole, dash, number = name.rpartition("-")
    if name.startswith("cmpl-") and dash and number.isascii() and number.isdigit():
        return whole, int(number)
    return name, 0


class _OnTheWay:
    """Rows on their way to the CPU, so that a device need not wait for them."""

    def __init__(self, rows: Tensor) -> None:
        self._rows = rows.to("cpu", non_blocking=True)
        self._event: Any = None
        if rows.is_cuda:
            self._event = torch.Event("cuda")
            self._event.record()

    def __len__(self) -> int:
        return len(self._rows)

    def arrived(self) -> Tensor:
        if self._event is not None:
            self._event.synchronize()
        return self._rows


def _tell_later(output: Any, tell: Callable[[Any], None]) -> None:
    """Tell what an asynchronous output has once the engine asks for it."""
    get = output.get_output

    def get_output() -> Any:
        made = get()
        tell(made)
        return made

    output.get_output = get_output


class _Place(NamedTuple):
    """Of a request in a pass: the position of its first row, and how many rows it has."""

    position: int
    rows: int


def _places(scheduled: Any) -> dict[str, _Place]:
    before = {new.req_id: new.num_computed_tokens for new in scheduled.scheduled_new_reqs}
    cached = scheduled.scheduled_cached_reqs
    before.update(zip(cached.req_ids, cached.num_computed_tokens, strict=True))
    places = {}
    for name, fed in scheduled.num_scheduled_tokens.items():
        drafts = len(scheduled.scheduled_spec_decode_tokens.get(name, ()))
        places[name] = _Place(before[name] + fed - 1 - drafts, 1 + drafts)
    return places


def _chosen(
    names: Sequence[str], tokens: Sequence[Sequence[int]], places: Mapping[str, _Place], rows: int
) -> Iterator[Chosen]:
    if len(names) != len(tokens) or sum(places[name].rows for name in names) != rows:
        raise refused(f"a pass gave {rows} rows and {len(tokens)} answers of {len(names)} requests")
    start = 0
    for name, made in zip(names, tokens, strict=True):
        position, count = places[name]
        if len(made) > count:
            raise refused(f"a pass gave {len(made)} tokens of {count} rows")
        if made:
            yield Chosen(name, position, start, list(made))
        start += count


def _begun(new: Any) -> Begun:
    sampling = new.sampling_params
    refused = ""
    if sampling is None:
        refused = "it asks for no tokens"
    elif new.prompt_embeds is not None or new.prompt_token_ids is None:
        refused = "its prompt is given as embeddings, which cannot be recomputed from tokens"
    elif new.mm_features:
        refused = "its prompt has more than text, which tokens do not say"
    return Begun(
        name=new.req_id,
        prompt=list(new.prompt_token_ids or ()),
        stopped_by_text=bool(sampling is not None and sampling.stop),
        missing=new.num_computed_tokens,
        refused=refused,
    )
