"""Wraps the passes of vLLM's workers: which of their rows tokens were chosen from, and whose.

In each pass the scheduler says where each request stands, and the sampler which tokens came of
which rows. Both are read. What a model gives its head is in the runner's state of the pass, and
what its blocks hand on, where that is asked for, is beside it.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .known import named, refused

NONCE = "assay_nonce"
"""Of a request's extra arguments, `vllm_xargs` at a server."""

# What there is of a request each token of which has the largest of the model's own scores.
_GREEDY: dict[str, object] = {
    "temperature": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "min_tokens": 0,
    "logit_bias": None,
    "bad_words": None,
    "allowed_token_ids": None,
    "structured_outputs": None,
    "thinking_token_budget": None,
    "watermarking": None,
}

_INTERFACES = "vllm.model_executor.models.interfaces"


@dataclass(frozen=True)
class Begun:
    """A request that a worker is given for the first time.

    Attributes:
        name: The engine's own.
        prompt: Its tokens.
        stopped_by_text: Whether a text may stop it.
        missing: Tokens of the prompt, from the first, whose rows a cache spares.
        refused: Why its rows say nothing, or "".
        sampling: How its tokens are chosen: "greedy" where each has the largest score.
        nonce: The verifier's, where it sent one (`assay_nonce` of the extra arguments).
    """

    name: str
    prompt: list[int]
    stopped_by_text: bool
    missing: int
    refused: str
    sampling: str = "greedy"
    nonce: str = ""


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
        """Rows, on the CPU, and the tokens that were chosen from them.

        Args:
            rows: (rows, taps, width): what the head was given, and what `Handed` wants, in its
                order.
            chosen: Whose they are.
        """
        raise NotImplementedError

    def close(self, name: str) -> None:
        """The engine has done with a request."""
        raise NotImplementedError

    def broken(self, error: Exception) -> None:
        """One of these calls failed, or the engine's pass was not as it is known."""
        raise NotImplementedError


def blocks_of(worker: Any) -> int:
    """How many blocks a worker's model has."""
    return int(worker.vllm_config.model_config.get_total_num_hidden_layers())


def hand_on(worker: Any, entries: Sequence[int]) -> None:
    """Have the model of a worker hand on what enters some blocks, beside its last hidden state.

    vLLM does this itself for drafts by EAGLE-3, so that it holds for models that are compiled and
    for CUDA graphs too. To be called before the model runs.

    Args:
        worker: Of any rank.
        entries: Ascending. i stands for what enters block i, and the number of blocks for what
            enters the norm behind the last.

    Raises:
        InputError: The model cannot, or not in the way that is known ("unsupported").
    """
    model, count = worker.get_model(), blocks_of(worker)
    supporting = named(f"{_INTERFACES}:SupportsEagle3")
    mixin = named(f"{_INTERFACES}:EagleModelMixin")
    setter = getattr(type(model), "set_aux_hidden_state_layers", None)
    holders = [module for module in model.modules() if isinstance(module, mixin)]
    known = (
        setter is supporting.set_aux_hidden_state_layers
        and len(holders) == 1
        and type(holders[0])._maybe_add_hidden_state is mixin._maybe_add_hidden_state
        and "_maybe_add_hidden_state" in inspect.getsource(type(holders[0]).forward)
        and len(holders[0].layers) == count
    )
    if not known:
        reason = "does not hand on what its blocks give as it is known; leave out layers"
        raise InputError("unsupported", f"model {type(model).__name__}", reason)
    if worker.model_runner.use_aux_hidden_state_outputs:
        reason = "hands on rows of blocks already, for another's sake; leave out layers"
        raise InputError("unsupported", f"model {type(model).__name__}", reason)
    if entries:
        set_handed_on(worker, entries)


def set_handed_on(worker: Any, entries: Sequence[int]) -> None:
    """Change what the model of a worker hands on, as `hand_on` lists it.

    Once a model has run it must be one that is not compiled: others go on as they began.
    """
    worker.get_model().set_aux_hidden_state_layers(tuple(entries))
    worker.model_runner.use_aux_hidden_state_outputs = bool(entries)


def norm_of(worker: Any) -> bool:
    """Whether the last hidden state of a model of `hand_on` comes out of a norm."""
    mixin = named(f"{_INTERFACES}:EagleModelMixin")
    return any(
        hasattr(one, "norm") for one in worker.get_model().modules() if isinstance(one, mixin)
    )


@dataclass(frozen=True)
class Handed:
    """What a model of `hand_on` hands on.

    Attributes:
        entries: All that it was asked for.
        wanted: Those of which rows are told.
    """

    entries: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()

    def of(self, state: Any) -> list[Tensor]:
        """The rows of all tokens of a pass at those wanted, (tokens, width) each.

        Raises:
            InputError: The pass has others ("unsupported").
        """
        found = state.aux_hidden_states or []
        if len(found) != len(self.entries):
            asked = len(self.entries)
            raise refused(f"a pass handed on {len(found)} states, where {asked} were asked for")
        return [found[self.entries.index(entry)] for entry in self.wanted]


NOTHING = Handed()


def follow(worker: Any, follower: Follower, handed: Handed = NOTHING) -> None:
    """Tell `follower` of the passes of a worker that has rows of its own.

    The engine never learns of what goes wrong with that.

    Args:
        worker: With its model.
        follower: Is told.
        handed: What the model hands on, and what of it is told.
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
                follower.begin(begun_of(new))
        except Exception as error:
            follower.broken(error)
        return result

    @functools.wraps(sample)
    def sample_tokens(grammar_output: Any) -> Any:
        state = runner.execute_model_state
        if state is None or follower.paused:
            return sample(grammar_output)
        names = list(runner.input_batch.req_ids)
        output = sample(grammar_output)
        try:
            places = _places(state.scheduler_output)
            rows = _OnTheWay(_rows_of(state, names, places, handed))
        except Exception as error:
            follower.broken(error)
            return output

        def tell(made: Any) -> None:
            try:
                if list(made.req_ids) != names:
                    raise refused("a pass was of other requests than its batch")
                chosen = list(_chosen(names, made.sampled_token_ids, places, len(rows)))
                follower.chosen(_required(rows.arrived()), chosen)
            except Exception as error:
                follower.broken(error)

        if isinstance(output, asynchronous):
            _tell_later(output, tell)
        else:
            tell(output)
        return output

    runner.execute_model, runner.sample_tokens = execute_model, sample_tokens


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
    """Of a request in a pass.

    Attributes:
        position: Of the first of the rows that tokens are chosen from.
        rows: How many of these it has: the last ones.
        fed: How many tokens it was fed.
    """

    position: int
    rows: int
    fed: int


def _places(scheduled: Any) -> dict[str, _Place]:
    before = {new.req_id: new.num_computed_tokens for new in scheduled.scheduled_new_reqs}
    cached = scheduled.scheduled_cached_reqs
    before.update(zip(cached.req_ids, cached.num_computed_tokens, strict=True))
    places = {}
    for name, fed in scheduled.num_scheduled_tokens.items():
        drafts = len(scheduled.scheduled_spec_decode_tokens.get(name, ()))
        places[name] = _Place(before[name] + fed - 1 - drafts, 1 + drafts, fed)
    return places


def _rows_of(
    state: Any, names: Sequence[str], places: Mapping[str, _Place], handed: Handed
) -> Tensor:
    """Rows that tokens are chosen from, (rows, taps, width), on the device.

    With several taps their first is what the head was given, and so is the last: once as the runner
    took it, and once from where the rows of the blocks are taken. See `_required`.
    """
    states = handed.of(state)
    if not states:
        rows: Tensor = state.sample_hidden_states[:, None]
        return rows
    at = 0
    numbers: list[int] = []
    for name in names:
        at += places[name].fed
        numbers += range(at - places[name].rows, at)
    given = state.sample_hidden_states
    if len(numbers) != len(given):
        raise refused(f"a pass has {len(given)} rows, where its plan has {len(numbers)}")
    index = torch.tensor(numbers, device=given.device)
    return torch.stack([given, *(one[index] for one in (*states, state.hidden_states))], 1)


def _required(rows: Tensor) -> Tensor:
    """Rows of `_rows_of` without the last of the taps, which must be the first."""
    if rows.shape[1] == 1:
        return rows
    first, last = (rows[:, at].contiguous().view(torch.uint8) for at in (0, -1))
    if not torch.equal(first, last):
        raise refused("the rows of a pass are not where its plan has them")
    return rows[:, :-1]


def _chosen(
    names: Sequence[str], tokens: Sequence[Sequence[int]], places: Mapping[str, _Place], rows: int
) -> Iterator[Chosen]:
    if len(names) != len(tokens) or sum(places[name].rows for name in names) != rows:
        raise refused(f"a pass gave {rows} rows and {len(tokens)} answers of {len(names)} requests")
    start = 0
    for name, made in zip(names, tokens, strict=True):
        position, count, _ = places[name]
        if len(made) > count:
            raise refused(f"a pass gave {len(made)} tokens of {count} rows")
        if made:
            yield Chosen(name, position, start, list(made))
        start += count


def begun_of(new: Any) -> Begun:
    """What a scheduler's plan says of a request that is new."""
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
        sampling=_sampling_of(sampling),
        nonce=str(((sampling and sampling.extra_args) or {}).get(NONCE, "")),
    )


def _sampling_of(sampling: Any) -> str:
    if sampling is None:
        return "none"
    given = {name: getattr(sampling, name) for name in _GREEDY}
    # An empty list is as good as none.
    changed = [name for name, one in given.items() if (one or None) != (_GREEDY[name] or None)]
    if not changed:
        return "greedy"
    said = " ".join(f"{name}={given[name]}" for name in sorted(changed))
    return f"sampled {said}".replace("\n", " ")[:200]
