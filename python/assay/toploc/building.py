"""Make TOPLOC proofs, of a whole sequence or while it comes."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _core
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
            self._store(row)
            full = self._held + 1 == self._capacity
            proof = self._prove(self._shape.chunk) if full else None
            self._held += 1
            self._tokens += 1
            if proof is None:
                return None
            self._chunks += 1
            rest = self._held - self._shape.chunk
            if rest > 0:
                # The two ranges may overlap.
                tail = self._rows[self._shape.chunk : self._held]
                self._rows[:rest] = tail.clone() if is_torch(tail) else tail.copy()
            self._held = rest
            return proof

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

    def _store(self, row: Array) -> None:
        place = f"token {self._tokens}"
        torch_row = is_torch(row) and self._ties == "reference"
        flat: Any = (to_bfloat16 if torch_row else to_bits)(row, place, self._rounded)
        if self._rows is None:
            # Told now, not when the first chunk is whole. A merged tail makes a chunk longer.
            longest = self._capacity - 1 if self._shape.merge_short_tails else self._capacity
            require_values(longest * len(flat), "a whole chunk", self._shape.k)
            size = (self._capacity, len(flat))
            self._rows = flat.new_empty(size) if torch_row else np.empty(size, np.uint16)
        held = self._rows
        if is_torch(held) != torch_row or held.shape[1] != len(flat):
            kind = f"{held.shape[1]} values of {type(held).__name__}"
            raise InputError("mismatch", place, f"is unlike the tokens before, each {kind}")
        if torch_row and held.device != flat.device:
            raise InputError("mismatch", place, f"on {flat.device}, others on {held.device}")
        held[self._held] = flat

    def _prove(self, rows: int) -> bytes:
        rows_held = [self._rows[:rows]]
        return prove(points_of(rows_held, self._chunks, self._shape, self._ties, self._rounded))
