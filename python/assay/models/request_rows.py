"""Rows of an engine whose batches change while it runs, kept until an answer is known.

Such an engine puts other requests into each pass, takes tokens back when it preempts one, runs on
for some passes when an answer has ended already, and is told late that a text stops it. So rows are
told to observers only when none before them can be taken back, and the rest when the answer is
known.
"""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError, one_line
from .rows import Observer, Rows, Span
from .taps import HEAD_INPUT, Tap

WINDOW = 2 << 20
"""Bytes of rows that are kept of an answer which a text can stop: that is found out late."""

_MOST_CLOSED = 1024
# For each tap.
_MOST_CLOSED_BYTES = 32 << 20


@dataclass
class _Request:
    """One answer that is being made, or is made and not asked for yet.

    Attributes:
        number: By which observers know it.
        prompt: Its tokens.
        stopped_by_text: Whether a text may end it, which is found out late.
        tokens: All that came.
        told: Of these, how many rows observers have seen.
        kept: The rows after these, (capacity, taps, width).
        refused: Why nothing will come of it.
    """

    number: int
    prompt: list[int]
    stopped_by_text: bool
    tokens: list[int] = field(default_factory=list)
    told: int = 0
    kept: NDArray[Any] | None = None
    refused: str = ""

    @property
    def bytes(self) -> int:
        return 0 if self.kept is None else self.kept.nbytes

    def trim(self) -> None:
        """Let go of the room for more rows."""
        if self.kept is not None:
            self.kept = self.kept[: len(self.tokens) - self.told].copy()


class RequestRows:
    """Tells observers of the rows that tokens were chosen from, one request after another.

    An observer sees `begin`, rows of consecutive positions from the last of the prompt on, and
    `end` or `drop`: what it would see of one sequence that `generate` makes, less the rows of the
    prompt. May be called from several threads.

    Args:
        observers: All of them see all requests, each at its own taps.
        dtype: Of the rows.
        window: Bytes of rows that are kept of an answer which a text can stop.
        taps: Of which the engine gives rows, all of one width.
        block: Rows that are told at once, while an answer goes on.
        settled: Tokens behind the newest that the engine does not take back by itself.

    Attributes:
        BLOCK: Where nothing else is asked for.
        SETTLED: Where it is not known of an engine.

    Raises:
        InputError: An observer has a tap that is not among these ("unsupported").
    """

    BLOCK = 32
    SETTLED = 32

    def __init__(
        self,
        observers: Sequence[Observer],
        dtype: torch.dtype,
        window: int = WINDOW,
        taps: Sequence[Tap] = (HEAD_INPUT,),
        block: int = BLOCK,
        settled: int = SETTLED,
    ) -> None:
        self._observers = observers
        columns = {tap: column for column, tap in enumerate(taps)}
        for tap in (tap for observer in observers for tap in observer.taps):
            if tap not in columns:
                raise InputError("unsupported", tap.name, "no rows of it are taken")
        self._columns = [[columns[tap] for tap in observer.taps] for observer in observers]
        self._dtype = dtype
        self._window = window
        self._block = block
        self._settled = settled
        self._most_closed_bytes = _MOST_CLOSED_BYTES * len(taps)
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        self._open: dict[str, _Request] = {}
        self._closed: OrderedDict[str, _Request] = OrderedDict()
        # Asked for while the engine still runs them.
        self._taken: set[str] = set()

    def __len__(self) -> int:
        return len(self._open) + len(self._closed)

    @property
    def bytes(self) -> int:
        """Of all rows that are held."""
        with self._lock:
            held = [*self._open.values(), *self._closed.values()]
        return sum(one.bytes for one in held)

    def begin(
        self, name: str, prompt: Sequence[int], *, stopped_by_text: bool = False, refused: str = ""
    ) -> None:
        """A request begins. With `refused`, no row of it is kept, and that is why.

        A request of a name that is running is refused from then on.
        """
        with self._lock:
            if name in self._open:
                self.refuse(name, "its prompt came in pieces")
                return
            request = _Request(next(self._numbers), list(prompt), stopped_by_text)
            self._open[name] = request
            if refused:
                request.refused = refused
                return
            self._tell(request, lambda one: one.begin(request.number, list(request.prompt)))

    def add(self, rows: Tensor, chosen: Iterable[tuple[str, int, int, Sequence[int]]]) -> None:
        """Rows of a pass that tokens were chosen from.

        Args:
            rows: (rows, taps, width), or with one tap (rows, width), on the CPU; they are copied.
            chosen: Name of a request; position of the token that its first row was computed at;
                which of the rows that is; and what was chosen from that one and those behind it.
                Where tokens were chosen from a position before, these replace them and all behind
                them. Requests that nobody wants any more are passed over.
        """
        values = _as_numpy(rows if rows.ndim == 3 else rows[:, None])
        with self._lock:
            for name, position, start, tokens in chosen:
                request = self._open.get(name)
                if request is None or request.refused or not tokens:
                    continue
                first = position + 1 - len(request.prompt)
                if not 0 <= first <= len(request.tokens):
                    self.refuse(name, f"the rows before its token {max(first, 0)} were not seen")
                elif first < request.told:
                    self.refuse(name, f"its token {first} was taken back too late")
                else:
                    self._keep(request, first, values[start : start + len(tokens)], tokens)

    def refuse(self, name: str, reason: str) -> None:
        """Nothing shall come of a request."""
        with self._lock:
            request = self._open.get(name)
            if request is not None and not request.refused:
                self._drop(request, reason)

    def refuse_all(self, reason: str) -> None:
        """Nothing shall come of the requests that run."""
        with self._lock:
            for name in self._open:
                self.refuse(name, reason)

    def close(self, name: str) -> None:
        """The engine has done with a request; it waits to be asked for."""
        with self._lock:
            self._taken.discard(name)
            request = self._open.pop(name, None)
            if request is None:
                return
            # No more come: what is held until it is asked for is as little as can be.
            self._tell_settled(request, 1)
            request.trim()
            self._closed[name] = request
            held = sum(one.bytes for one in self._closed.values())
            while len(self._closed) > 1 and (
                len(self._closed) > _MOST_CLOSED or held > self._most_closed_bytes
            ):
                _, oldest = self._closed.popitem(last=False)
                held -= oldest.bytes
                self._drop(oldest, "")

    def take(self, name: str, output: Sequence[int]) -> int:
        """Tell the observers the end of a request; gives the number by which they know it.

        Args:
            name: Of a request; it is forgotten.
            output: The answer: what came, or a beginning of it.

        Raises:
            InputError: There is no such request ("mismatch"), or its rows are not those of this
                answer ("unsupported"); observers were told `drop`.
        """
        with self._lock:
            request = self._closed.pop(name, None)
            if request is None:
                request = self._open.pop(name, None)
                if request is None:
                    raise InputError("mismatch", name, "no rows of such a request are held")
                self._taken.add(name)
            count = len(output)
            reason = request.refused
            if not reason and (count == 0 or request.tokens[:count] != list(output)):
                reason = f"its {count} tokens are not those that the rows are of"
            if not reason and count < request.told:
                reason = f"it was cut to {count} tokens when {request.told} were proved"
            if not reason:
                self._tell_rows(request, count)
                self._tell(request, lambda one: one.end(request.number, list(output)))
                reason = request.refused
            if reason:
                self._drop(request, reason)
                raise InputError("unsupported", name, reason)
            return request.number

    def forget(self, name: str) -> None:
        """Nobody will ask for a request."""
        with self._lock:
            request = self._closed.pop(name, None)
            if request is None and name in self._open:
                request = self._open.pop(name)
                self._taken.add(name)
            if request is not None:
                self._drop(request, "")

    def _keep(
        self, request: _Request, first: int, values: NDArray[Any], tokens: Sequence[int]
    ) -> None:
        if request.kept is None:
            request.kept = np.empty((2 * self._block, *values.shape[1:]), values.dtype)
        del request.tokens[first:]
        request.tokens.extend(tokens)
        start = first - request.told
        stop = start + len(tokens)
        if stop > len(request.kept):
            longer = np.empty((2 * stop, *values.shape[1:]), values.dtype)
            longer[:start] = request.kept[:start]
            request.kept = longer
        request.kept[start:stop] = values
        self._tell_settled(request, self._block)

    def _tell_settled(self, request: _Request, block: int) -> None:
        """Tell the rows that nothing will take back, as many as are whole blocks."""
        if request.kept is None:
            return
        behind = self._settled
        if request.stopped_by_text:
            behind = max(behind, self._window // request.kept[0].nbytes)
        settled = len(request.tokens) - behind - request.told
        if settled >= block:
            self._tell_rows(request, request.told + settled // block * block)

    def _tell_rows(self, request: _Request, until: int) -> None:
        count, kept = until - request.told, request.kept
        if kept is None or count <= 0:
            return
        spans = (Span(request.number, len(request.prompt) - 1 + request.told, 0, count),)
        with torch.inference_mode(False):
            columns = [
                Rows(torch.from_numpy(kept[:count, column].copy()).view(self._dtype), spans)
                for column in range(kept.shape[1])
            ]
        for observer, numbers in zip(self._observers, self._columns, strict=True):
            for tap, column in enumerate(numbers):
                self._tell_one(request, observer, _telling_rows(tap, columns[column]))
        left = len(request.tokens) - until
        if left > 0:
            kept[:left] = kept[count : count + left].copy()
        request.told = until

    def _tell(self, request: _Request, telling: Callable[[Observer], None]) -> None:
        """Tell all observers; where one fails the request is refused, and the engine goes on."""
        for observer in self._observers:
            self._tell_one(request, observer, telling)

    def _tell_one(
        self, request: _Request, observer: Observer, telling: Callable[[Observer], None]
    ) -> None:
        if request.refused:
            return
        try:
            # An engine's passes are in that mode, and what observers keep of one of them they go
            # on with when it is over.
            with torch.inference_mode(False):
                telling(observer)
        except Exception as error:
            self._drop(request, one_line(error))

    def _drop(self, request: _Request, reason: str) -> None:
        refused, request.refused, request.kept = request.refused, reason or "dropped", None
        if refused:
            return
        for observer in self._observers:
            with suppress(Exception):  # it may not have begun
                observer.drop(request.number)


def _telling_rows(tap: int, rows: Rows) -> Callable[[Observer], None]:
    return lambda observer: observer.rows(tap, rows)


def _as_numpy(rows: Tensor) -> NDArray[Any]:
    """The same memory; numpy has no bfloat16."""
    bits = rows.view(torch.int16) if rows.dtype == torch.bfloat16 else rows
    values: NDArray[Any] = bits.detach().numpy()
    return values
