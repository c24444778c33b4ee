"""Logs of what the layers computed, one for each request, made in a worker while it runs."""

import itertools
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ..arguments import bytes_of_hex
from ..audit import BlockLayer, Prover, key_in, open_recorder, wires_between
from ..errors import Error, one_line
from ..models import (
    EMBEDDING,
    HEAD_INPUT,
    Rows,
    Span,
    Tap,
    linear_input,
    linear_output,
    residual,
    resolve,
)
from ..weights import manifest
from .passes import Begun, Handed, blocks_of
from .seams import engine_of
from .settings import Settings
from .watching import Fed, Layer, Watcher, layers_of, watch

HEAD = "lm_head"
"""What the output layer is called here, which vLLM never calls as a module."""

_MOST_CLOSED = 1024
# The number of a block, and a layer's name within it.
_IN_BLOCK = re.compile(r"(?:\D+\.)?(\d+)\.(.+)")
# Of all tokens of a prompt; of the others the row of its last alone.
_OF_ALL_TOKENS = {"residual", "k", "v", "qkv"}


class Logged(NamedTuple):
    """What came of the log of an answer.

    Attributes:
        head: Its signed head, which names its folder.
        reason: Why there is none, or "".
    """

    head: bytes = b""
    reason: str = ""


@dataclass
class _Request:
    """A request that is recorded.

    Attributes:
        number: By which the prover knows it.
        prompt: Its tokens.
        tokens: That came.
        seen: Positions, from the first, whose rows are recorded. What is computed once more after
            a preemption is not.
        reason: Why it has no log.
    """

    number: int
    prompt: list[int]
    tokens: list[int] = field(default_factory=list)
    seen: int = 0
    reason: str = ""


def audit_worker(worker: Any, settings: Settings) -> "Auditor":
    """Record what a worker's model computes from now on.

    Args:
        worker: With a model that `hand_on` was asked for all entries of.
        settings: With a folder for logs.

    Raises:
        InputError: The folder or the signing key cannot be written ("io"), or the weights are not
            in a folder ("unsupported").
    """
    sink, model = Path(settings.audit), worker.get_model()
    layers, unseen = layers_of(model)
    known = {}
    for layer in layers:
        found = _IN_BLOCK.fullmatch(layer.name)
        if found is not None:
            known[layer.name] = BlockLayer(int(found[1]), found[2], layer.name)
    blocks = blocks_of(worker)
    wires = wires_between(known.values(), blocks, HEAD)
    recorded = [layer for layer in layers if linear_output(layer.name) in wires]
    unseen += len({layer.module for layer in layers} - {layer.module for layer in recorded})
    engine = {**engine_of(worker), "unseen_layers": str(unseen)}
    prover = Prover(
        open_recorder(sink),
        wires,
        nonce=bytes(32),
        manifest=bytes.fromhex(manifest(resolve(engine.pop("model")).location).root),
        engine=" ".join(f"{name}={value}" for name, value in engine.items())[:1000],
        sampling="greedy",
        signing_key=Path(settings.audit_key) if settings.audit_key else key_in(sink),
    )
    auditor = Auditor(prover, {tap: place.role for tap, place in wires.items()})
    entries = tuple(range(blocks + 1))
    watch(worker, auditor, recorded, Handed(entries, entries))
    return auditor


class Auditor(Watcher):
    """Hands the rows of all requests of a worker to a recorder.

    Args:
        prover: With the wires of the model.
        roles: Of the prover's taps.
    """

    paused = False

    def __init__(self, prover: Prover, roles: Mapping[Tap, str]) -> None:
        self._prover = prover
        self._taps = {tap: number for number, tap in enumerate(prover.taps)}
        self._of_all = {tap for tap, role in roles.items() if role in _OF_ALL_TOKENS}
        self._numbers = itertools.count()
        self._open: dict[str, _Request] = {}
        self._closed: OrderedDict[str, _Request] = OrderedDict()
        # Of the pass that is being made: the rows of all that are fed, and those of requests that
        # a token comes of, in the order of tokens and in that of the head's rows.
        self._fed: tuple[Span, ...] = ()
        self._last: tuple[Span, ...] = ()
        self._ends: tuple[Span, ...] = ()

    def begin(self, request: Begun) -> None:
        """As `Watcher`."""
        one = self._open[request.name] = _Request(next(self._numbers), request.prompt)
        one.reason = request.refused
        if request.stopped_by_text:
            one.reason = "a text may stop it, which is found out when more was computed"
        elif request.missing:
            one.reason = "rows of its prompt were in a cache"
        if one.reason:
            return
        nonce = bytes_of_hex(request.nonce, 32) if request.nonce else bytes(32)
        if not nonce:
            one.reason = "its assay_nonce is not 64 hexadecimal digits"
            return
        self._prover.ask(one.number, nonce, request.sampling)
        self._prover.begin(one.number, one.prompt)

    def fed(self, requests: Sequence[Fed]) -> None:
        """As `Watcher`."""
        fed, last, ends = [], [], []
        for row, each in enumerate(requests):
            one = self._open.get(each.name)
            if one is None or one.reason:
                continue
            end = each.position + each.tokens
            if each.position > one.seen:
                self._refuse(one, f"the rows before its position {each.position} were not seen")
            if one.reason or end <= one.seen:
                continue
            new = end - one.seen
            span = Span(
                one.number, one.seen, each.start + each.tokens - new, each.start + each.tokens
            )
            fed.append(span)
            if end == len(one.prompt) + len(one.tokens):
                last.append(span)
                ends.append(Span(one.number, end - 1, row, row + 1))
            one.seen = end
        self._fed, self._last, self._ends = tuple(fed), tuple(last), tuple(ends)

    def layer(self, layer: Layer, given: Tensor | None, returned: Tensor) -> None:
        """As `Watcher`."""
        if given is not None:
            self._record(linear_input(layer.name), given)
        self._record(linear_output(layer.name), returned)

    def passed(self, entries: Sequence[Tensor], last: Tensor, logits: Tensor) -> None:
        """As `Watcher`."""
        for block, rows in enumerate(entries):
            self._record(EMBEDDING if block == 0 else residual(block - 1), rows)
        for tap, rows in ((HEAD_INPUT, last), (linear_output(HEAD), logits)):
            if self._ends:
                self._prover.rows(self._taps[tap], Rows(rows, self._ends))

    def chosen(self, names: Sequence[str], tokens: Sequence[Sequence[int]]) -> None:
        """As `Watcher`."""
        ended = {span.sequence for span in self._ends}
        for name, made in zip(names, tokens, strict=True):
            one = self._open.get(name)
            if one is None or one.reason or not made:
                continue
            if len(made) != 1 or one.number not in ended:
                self._refuse(one, f"{len(made)} tokens came of a pass that was not to give them")
                continue
            one.tokens.append(made[0])
            self._prover.token(one.number, made[0])
        self._fed = self._last = self._ends = ()

    def close(self, name: str) -> None:
        """As `Watcher`."""
        one = self._open.pop(name, None)
        if one is not None:
            self._closed[name] = one
            while len(self._closed) > _MOST_CLOSED:
                _, oldest = self._closed.popitem(last=False)
                self._prover.drop(oldest.number)

    def broken(self, error: Exception) -> None:
        """As `Watcher`."""
        self._fed = self._last = self._ends = ()
        for one in self._open.values():
            self._refuse(one, f"a pass could not be followed: {one_line(error)}")

    def end(self, name: str, output: Sequence[int]) -> "int | Logged":
        """Have the log of an answer signed: the number to ask `result` for, or why there is none.

        Args:
            name: The engine's own name of the request; it is forgotten.
            output: The answer.
        """
        one = self._closed.pop(name, None) or self._open.pop(name, None)
        if one is None:
            return Logged(reason="no rows of such a request are held")
        if not one.reason and one.tokens != list(output):
            self._refuse(one, f"its {len(output)} tokens are not those that the rows are of")
        if one.reason:
            return Logged(reason=one.reason)
        self._prover.end(one.number, one.tokens)
        return one.number

    def result(self, number: int) -> Logged | None:
        """What came of an answer of `end`; None: its head is not signed yet."""
        try:
            run = self._prover.run_of(number)
        except Error as error:
            return Logged(reason=one_line(error))
        return None if run is None else Logged((run.folder / "head").read_bytes())

    def forget(self, name: str) -> None:
        """Nobody will ask for a request."""
        one = self._closed.pop(name, None) or self._open.pop(name, None)
        if one is not None:
            self._prover.drop(one.number)

    def _record(self, tap: Tap, rows: Tensor) -> None:
        number = self._taps.get(tap)
        spans = self._fed if tap in self._of_all else self._last
        if number is not None and spans:
            self._prover.rows(number, Rows(rows.contiguous(), spans))

    def _refuse(self, one: _Request, reason: str) -> None:
        if not one.reason:
            one.reason = reason
            self._prover.drop(one.number)
