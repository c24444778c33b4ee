"""Wraps the passes of vLLM's workers: the rows of every token at every linear layer.

Rows come by while a pass is made, by hooks of torch on the layers, and belong to whom the runner's
batch says at that moment. Layers that vLLM has merged, as q, k and v, are told of apart.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from .known import named, refused
from .passes import Begun, Handed, begun_of

_LINEAR = "vllm.model_executor.layers.linear:LinearBase"


class Fed(NamedTuple):
    """Tokens that a request is fed in a pass.

    Attributes:
        name: The engine's own name of the request.
        position: Of the first.
        start: Its row.
        tokens: How many.
    """

    name: str
    position: int
    start: int
    tokens: int


class Layer(NamedTuple):
    """A linear layer, or one of those that were merged into one.

    Attributes:
        name: As the model's own, `model.layers.0.self_attn.q_proj`, not the merged one.
        module: That computes it.
        first: Its first output among those of the module.
        outputs: How many it has.
        leads: Whether it is the first of its module, which all read the same rows.
    """

    name: str
    module: nn.Module
    first: int
    outputs: int
    leads: bool


class Watcher(Protocol):
    """What is told of all rows. Whatever it raises is its own affair: see `broken`.

    Attributes:
        paused: Whether it is told of no rows for the time being.
    """

    paused: bool

    def begin(self, request: Begun) -> None:
        """A request begins; its first pass comes next."""

    def fed(self, requests: Sequence[Fed]) -> None:
        """A pass began, in which these requests have rows."""

    def layer(self, layer: Layer, given: Tensor | None, returned: Tensor) -> None:
        """What a layer was given, if it leads, and what it returned: (tokens, width)."""

    def passed(self, entries: Sequence[Tensor], last: Tensor, logits: Tensor) -> None:
        """The pass is made.

        Args:
            entries: What enters each block, and the norm behind the last: (tokens, width) each.
            last: What the head was given, a row for each request.
            logits: What it returned.
        """

    def chosen(self, names: Sequence[str], tokens: Sequence[Sequence[int]]) -> None:
        """The tokens that came of the pass."""

    def close(self, name: str) -> None:
        """The engine has done with a request."""

    def broken(self, error: Exception) -> None:
        """One of these calls failed, or the pass was not as it is known."""


def layers_of(model: nn.Module) -> tuple[list[Layer], int]:
    """The linear layers of a model by their own names, and how many modules are not known."""
    kind = named(_LINEAR)
    merged: dict[str, list[str]] = getattr(model, "packed_modules_mapping", {})
    layers, unseen = [], 0
    for name, module in model.named_modules():
        if not isinstance(module, kind):
            continue
        stem, dot, end = name.rpartition(".")
        parts = merged.get(end, [end])
        sizes = list(getattr(module, "output_partition_sizes", [module.output_size]))
        if len(parts) == 1:
            sizes = [sum(sizes)]
        if len(parts) != len(sizes):
            unseen += 1
            continue
        first = 0
        for part, size in zip(parts, sizes, strict=True):
            layers.append(Layer(f"{stem}{dot}{part}", module, first, size, first == 0))
            first += size
    return layers, unseen


def watch(worker: Any, watcher: Watcher, layers: Sequence[Layer], handed: Handed) -> None:
    """Tell `watcher` of the passes of a worker.

    The engine never learns of what goes wrong with that.

    Args:
        worker: With its model, which runs as it is written: neither compiled nor spread.
        watcher: Is told.
        layers: Of `layers_of`, those that it wants.
        handed: Entries of all blocks and behind the last.
    """
    _Watch(worker, watcher, handed).install(layers)


class _Watch:
    def __init__(self, worker: Any, watcher: Watcher, handed: Handed) -> None:
        self._runner = worker.model_runner
        self._watcher = watcher
        self._handed = handed
        # Of the pass that is being made: what it was planned to be, until its first row comes.
        self._planned: Any = None
        self._inside = False

    def install(self, layers: Sequence[Layer]) -> None:
        for layer in layers:
            layer.module.register_forward_hook(functools.partial(self._on_layer, layer))
        execute, sample = self._runner.execute_model, self._runner.sample_tokens

        @functools.wraps(execute)
        def execute_model(scheduler_output: Any, *args: Any, **kwargs: Any) -> Any:
            self._safely(lambda: self._before(scheduler_output))
            try:
                return execute(scheduler_output, *args, **kwargs)
            finally:
                self._safely(self._after)

        @functools.wraps(sample)
        def sample_tokens(grammar_output: Any) -> Any:
            state = self._runner.execute_model_state
            output = sample(grammar_output)
            if state is not None:
                self._safely(lambda: self._watcher.chosen(output.req_ids, output.sampled_token_ids))
            return output

        self._runner.execute_model, self._runner.sample_tokens = execute_model, sample_tokens

    def _safely(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self._inside = False
            self._watcher.broken(error)

    def _before(self, scheduled: Any) -> None:
        for name in scheduled.finished_req_ids:
            self._watcher.close(name)
        if self._watcher.paused:
            return
        for new in scheduled.scheduled_new_reqs:
            self._watcher.begin(begun_of(new))
        self._planned, self._inside = scheduled, True

    def _on_layer(self, layer: Layer, _: nn.Module, given: Any, returned: Any) -> None:
        # Passes to warm up are nobody's.
        if self._inside:
            self._safely(lambda: self._tell(layer, given, returned))

    def _tell(self, layer: Layer, given: Any, returned: Any) -> None:
        self._begin()
        output = returned[0] if isinstance(returned, tuple) else returned
        rows = output[:, layer.first : layer.first + layer.outputs]
        self._watcher.layer(layer, given[0] if layer.leads else None, rows)

    def _begin(self) -> None:
        """Say whose the rows are, once in a pass: the batch is known when its first row comes."""
        if self._planned is not None:
            scheduled, self._planned = self._planned, None
            self._watcher.fed(list(_fed(scheduled, self._runner.input_batch.req_ids)))

    def _after(self) -> None:
        state, inside = self._runner.execute_model_state, self._inside
        self._inside, self._planned = False, None
        if state is not None and inside:
            self._watcher.passed(self._handed.of(state), state.sample_hidden_states, state.logits)


def _fed(scheduled: Any, names: Sequence[str]) -> Iterator[Fed]:
    before = {new.req_id: new.num_computed_tokens for new in scheduled.scheduled_new_reqs}
    cached = scheduled.scheduled_cached_reqs
    before.update(zip(cached.req_ids, cached.num_computed_tokens, strict=True))
    if set(names) != set(scheduled.num_scheduled_tokens):
        raise refused("a pass was of other requests than its plan")
    start = 0
    for name in names:
        count = scheduled.num_scheduled_tokens[name]
        yield Fed(name, before[name], start, count)
        start += count
