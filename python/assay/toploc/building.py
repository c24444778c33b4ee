"""Make TOPLOC proofs, of a whole sequence or while it comes."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _core
from ..arguments import require
from ..errors import InputError
from .arrays import Array, is_torch, to_bfloat16, to_bits
from .chunks import (
    SHORTEST_TAIL,
    Points,
    Shape,
    Ties,
    by_torch,
    check_ties,
    chunks_of,
    points_of,
    require_values,
    selector,
)


def build(
    states: Array | Sequence[Array],
    *,
    chunk: int = 32,
    k: int = 128,
    prefill: bool = False,
    merge_short_tails: bool = False,
    ties: Ties = "reference",
    rounded: bool = False,
) -> list[bytes]:
    """Make the proofs of a sequence: 2 + 2 * k bytes for every `chunk` tokens.

    Args:
        states: The final hidden states, the input of the language model head. One array, whose axis
            0 is tokens, or a list of arrays of any shape, one for each token. (1, tokens, width) is
            taken as one sequence, (tokens, width), except with `prefill`. numpy (bfloat16 of
            ml_dtypes, its bits as uint16, floats), torch on any device, anything with DLPack; it
            need not be contiguous.
        chunk: Tokens that one proof covers; the last may cover fewer.
        k: Values of largest magnitude that go into one proof.
        prefill: Element 0 is the prompt, and gets a proof of its own.
        merge_short_tails: A last piece of fewer than 8 tokens goes into the one before.
        ties: Which of equal magnitudes at the k-th place is kept. "reference": what torch.topk
            keeps, on its device for torch tensors and as on the CPU for all others. "lower-index":
            the first ones, on every machine alike.
        rounded: Round floats to bfloat16. Without it they must hold values of bfloat16 alone.

    Raises:
        InputError: Fewer values than k, another word for `ties`, floats that would lose bits
            ("out_of_range"), elements of another type ("unsupported").

    >>> import numpy as np
    >>> build(np.array([[1, 5, -2, 3]], np.float32), k=2)[0].hex()
    'ffd940d0ffa9'
    """
    shape = Shape(chunk, k, prefill, merge_short_tails)
    check_ties(ties)
    if by_torch(states, ties):
        count, select = selector(states, shape, rounded)
        return [prove(select(chunk, False)) for chunk in range(count)]
    return _core.toploc_build(*chunks_of(states, shape, rounded), k, ties == "lower-index")


def prove(points: Points) -> bytes:
    """The proof of one chunk, from its points."""
    require("points", points, Points)
    return _core.toploc_prove(points.indices, points.values)


class Builder:
    """Makes the proofs of one sequence while its tokens come; safe to use from several threads.

    It keeps the rows of one chunk, copied, and with `merge_short_tails` up to 8 more: whether they
    belong to the chunk is known when more come, or at the end.

    The arguments are those of `build`.
    """

    def __init__(
        self,
        *,
        chunk: int = 32,
        k: int = 128,
        merge_short_tails: bool = False,
        ties: Ties = "reference",
        rounded: bool = False,
    ) -> None:
        self._shape = Shape(chunk, k, False, merge_short_tails)
        check_ties(ties)
        self._ties = ties
        self._rounded = rounded
        self._lock = threading.Lock()
        waiting = min(SHORTEST_TAIL, chunk) if merge_short_tails else 0
        self._capacity = chunk + waiting
        self._rows: Any = None
        self._held = 0
        self._chunks = 0
        self._tokens = 0

    @property
    def tokens(self) -> int:
        """Rows that were added."""
        return self._tokens

    def add(self, row: Array) -> bytes | None:
        """Take the hidden state of the next token; it may be changed afterwards.

        After an error the builder is as it was before the call.

        Args:
            row: Of any shape, as many values as the rows before.

        Returns:
            The proof of the chunk that is now whole, or None.

        Raises:
            InputError: Another number of values, device or kind of array ("mismatch"), so few that
                a chunk of them has fewer than k ("out_of_range"), or as `build`.
        """
        with self._lock:
            return next(iter(self._take(row, 1)), None)

    def extend(self, rows: Array) -> list[bytes]:
        """Take the hidden states of several tokens, in fewer steps than one by one.

        After an error the rows of the chunks before it are taken.

        Args:
            rows: (tokens, width); otherwise as for `add`.

        Returns:
            The proofs of the chunks that are now whole.

        Raises:
            InputError: As `add`.
        """
        with self._lock:
            return self._take(rows, len(rows)) if len(rows) else []

    def finish(self) -> bytes | None:
        """The proof of the rows that are left, or None.

        After it the builder is ready for another sequence, also when it raises.

        Raises:
            InputError: The rows that are left have fewer values than k ("out_of_range"), as for
                `build`.
        """
        with self._lock:
            try:
                return self._prove(self._held) if self._held else None
            finally:
                self._rows, self._held, self._chunks, self._tokens = None, 0, 0, 0

    def _take(self, rows: Array, count: int) -> list[bytes]:
        values, proofs, at = self._converted(rows, count), [], 0
        while at < count:
            taken = min(count - at, self._capacity - self._held)
            self._rows[self._held : self._held + taken] = values[at : at + taken]
            full = self._held + taken == self._capacity
            proof = self._prove(self._shape.chunk) if full else None
            self._held += taken
            self._tokens += taken
            at += taken
            if proof is not None:
                proofs.append(proof)
                self._chunks += 1
                self._shift()
        return proofs

    def _shift(self) -> None:
        """Let the rows behind a chunk that is proved be the first."""
        rest = self._held - self._shape.chunk
        if rest > 0:
            # The two ranges may overlap.
            tail = self._rows[self._shape.chunk : self._held]
            self._rows[:rest] = tail.clone() if is_torch(tail) else tail.copy()
        self._held = rest

    def _converted(self, rows: Array, count: int) -> Any:
        """The rows as (count, width), like those before; the first ones make room for all."""
        place = f"token {self._tokens}"
        torch_rows = is_torch(rows) and self._ties == "reference"
        flat: Any = (to_bfloat16 if torch_rows else to_bits)(rows, place, self._rounded)
        width = len(flat) // count
        if self._rows is None:
            # Told now, not when the first chunk is whole. A merged tail makes a chunk longer.
            longest = self._capacity - 1 if self._shape.merge_short_tails else self._capacity
            require_values(longest * width, "a whole chunk", self._shape.k)
            size = (self._capacity, width)
            self._rows = flat.new_empty(size) if torch_rows else np.empty(size, np.uint16)
        held = self._rows
        if is_torch(held) != torch_rows or held.shape[1] != width:
            kind = f"{held.shape[1]} values of {type(held).__name__}"
            raise InputError("mismatch", place, f"is unlike the tokens before, each {kind}")
        if torch_rows and held.device != flat.device:
            raise InputError("mismatch", place, f"on {flat.device}, others on {held.device}")
        return flat.reshape(count, width)

    def _prove(self, rows: int) -> bytes:
        rows_held = [self._rows[:rows]]
        return prove(points_of(rows_held, self._chunks, self._shape, self._ties, self._rounded))
