"""Wraps what is vLLM's: how engines, fronts and workers are made, and how answers end.

vLLM offers entry points and extension classes, but no way to see the rows that tokens are chosen
from, or to learn that an answer is whole. So some of its functions are wrapped, here and, where
they are passes of a model, in `passes`. They, and all that is read of what they are given, are in
the tables of `known`, which are checked before.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from .known import installed, named

_LOG = logging.getLogger("vllm.assay")

_GROUPS = "vllm.distributed.parallel_state"

SETTINGS_KEY = "assay"
"""Of vLLM's additional_config."""


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


def on_failed(failed: Callable[[Any, int, Exception], None]) -> None:
    """Have `failed` called in the front of a server when its engine is dead.

    It is given the front's output processor, how many answers will not be whole, and why.
    """
    kind = named("vllm.v1.engine.output_processor:OutputProcessor")
    propagate = kind.propagate_error

    @functools.wraps(propagate)
    def propagate_error(self: Any, e: Exception) -> Any:
        try:
            failed(self, len(self.request_states), e)
        except Exception:
            _LOG.exception("assay: the end of an engine is not told of")
        return propagate(self, e)

    kind.propagate_error = propagate_error


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


def settled_tokens(config: Any) -> int:
    """Tokens behind the newest that an engine does not take back by itself.

    A pass gives a request one token and those that were drafted. While one pass runs, the plan of
    the next is made: when a request is preempted, or has ended, what that one gave is void. This is
    twice as many.
    """
    speculation = config.speculative_config
    drafted = 0 if speculation is None else int(speculation.num_speculative_tokens or 0)
    return 4 * (1 + drafted)


def ask_for_amx(worker: Any) -> None:
    """Ask the system for the registers of AMX, on processors that have them.

    vLLM's attention in bfloat16 uses them and does not ask. A worker in which no other kernel asked
    before, as with small models, dies of an illegal instruction.
    """
    if worker.device.type == "cpu" and torch.cpu._is_amx_tile_supported():
        torch.cpu._init_amx()


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
