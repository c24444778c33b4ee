"""Which rows a proof covers, and the points that it is made from."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..arguments import unsigned
from ..errors import ArgumentError, InputError
from ..tensors import plain_torch
from .arrays import Array, Bits, bits_of_torch, is_torch, joined, to_bfloat16, to_bits

Ties = Literal["reference", "lower-index"]

# A tail shorter than this is noisy: few rows, and the top values are those of all of them.
SHORTEST_TAIL = 8


Parameters: TypeAlias = _core.ToplocParameters
"""How a sequence is cut up and what is taken of each piece; both sides must agree on it."""


class Shape(_core.ToplocParameters):
    """The native parameters by the names of `build`, of a sequence whose rows are its tokens.

    With a prefill row 0 is the prompt, of any shape, and gets a proof of its own.
    """

    def __init__(
        self,
        chunk: int = 32,
        k: int = 128,
        prefill: bool = False,
        merge_short_tails: bool = False,
    ) -> None:
        """Check the numbers.

        Args:
            chunk: Tokens that one proof covers.
            k: Values of largest magnitude that go into one proof.
            prefill: Whether element 0 is the prompt.
            merge_short_tails: Whether a last piece of fewer than 8 tokens goes into the one before.

        Raises:
            InputError: A number that there cannot be ("out_of_range").
        """
        super().__init__(
            topk=unsigned(k, "k"),
            decode_batching_size=unsigned(chunk, "chunk"),
            prefill_rows=int(prefill),
            merge_tail_below=SHORTEST_TAIL if merge_short_tails else 0,
        )

    @property
    def chunk(self) -> int:
        """Tokens that one proof covers."""
        return self.decode_batching_size

    @property
    def k(self) -> int:
        """Values of largest magnitude that go into one proof."""
        return self.topk

    @property
    def merge_short_tails(self) -> bool:
        """Whether a last piece of fewer than 8 tokens goes into the one before."""
        return self.merge_tail_below > 0


def spans_of(parameters: Parameters, rows: int) -> list[tuple[int, int]]:
    """First row, and the row after the last, of each proof of a sequence of `rows`."""
    if rows == 0:
        return []
    ends = list(accumulate(parameters.chunk_lengths(rows, 1)))
    return list(pairwise([0, *ends]))


def check_ties(ties: str) -> None:
    """Check the name of a rule for equal magnitudes.

    Raises:
        InputError: There is none of this name ("out_of_range").
    """
    known = get_args(Ties)
    if ties not in known:
        raise InputError("out_of_range", "ties", f"is {ties!r}; give {' or '.join(known)}")


class Points(NamedTuple):
    """The values of largest magnitude in a chunk.

    Attributes:
        indices: Where they are in the chunk, rows one after another.
        values: Their bits.
    """

    indices: NDArray[np.uint32]
    values: Bits


class Chunks(NamedTuple):
    """A sequence as bits in one piece, for the native selection, and how it is cut up.

    Attributes:
        bits: All chunks one after another.
        lengths: Values in each.
    """

    bits: Bits
    lengths: list[int]


Select: TypeAlias = Callable[[int, bool], Points]
"""The points of a chunk; whether of equal magnitudes those at lower indices go first."""


def selector(
    states: Array | Sequence[Array], parameters: Parameters, rounded: bool
) -> tuple[int, Select]:
    """How many chunks there are, and what takes the points of one.

    Raises:
        InputError: As `tokens_of`; what is given raises as `points_of`.
    """
    spans = spans_of(parameters, tokens_of(states, parameters))
    rows: Any = states[0] if _is_one_sequence(states, parameters) else states
    if is_torch(rows):
        rows = plain_torch(rows, "states")

    def select(chunk: int, lower_index_first: bool) -> Points:
        start, stop = spans[chunk]
        pieces = rows[start:stop] if _is_list(states) else [rows[start:stop]]
        ties: Ties = "lower-index" if lower_index_first else "reference"
        return points_of(pieces, chunk, parameters, ties, rounded)

    return len(spans), select


def points_of(
    pieces: Sequence[Array], index: int, parameters: Parameters, ties: Ties, rounded: bool
) -> Points:
    """The points of one chunk.

    Raises:
        InputError: Fewer values than k ("out_of_range"), or as `to_bits`.
    """
    place = f"chunk {index}"
    if ties == "reference" and pieces and all(is_torch(piece) for piece in pieces):
        return _torch_points(pieces, place, parameters.topk, rounded)
    bits = joined([to_bits(piece, place, rounded) for piece in pieces])
    require_values(bits.size, place, parameters.topk)
    indices = _core.toploc_select(bits, parameters.topk, ties == "lower-index")
    return Points(indices, bits[indices])


def require_values(count: int, place: str, k: int) -> None:
    """Check that k values can be taken of `count`.

    Raises:
        InputError: They cannot ("out_of_range").
    """
    if count < k:
        raise InputError("out_of_range", place, f"{count} values, fewer than k = {k}; lower k")


def chunks_of(states: Array | Sequence[Array], parameters: Parameters, rounded: bool) -> Chunks:
    """All chunks as bits; one array of bits in C order is not copied.

    Raises:
        InputError: A chunk of fewer values than k ("out_of_range"), or as `tokens_of` and
            `to_bits`.
    """
    tokens = tokens_of(states, parameters)
    spans = spans_of(parameters, tokens)
    if _is_list(states):
        rows = [to_bits(row, f"token {i}", rounded) for i, row in enumerate(states)]
        bits = joined(rows)
        lengths = [sum(row.size for row in rows[start:stop]) for start, stop in spans]
    else:
        bits = to_bits(states, "states", rounded)
        lengths = [bits.size // tokens * (stop - start) for start, stop in spans]
    for index, length in enumerate(lengths):
        require_values(length, f"chunk {index}", parameters.topk)
    return Chunks(bits, lengths)


def tokens_of(states: Array | Sequence[Array], parameters: Parameters) -> int:
    """How many tokens there are: axis 0 of one array, or the items of a list.

    Models put an axis of sequences before that of tokens; of one sequence, (1, tokens, width), it
    is left out.

    Raises:
        InputError: An array without axes ("mismatch").
    """
    if _is_list(states):
        return len(states)
    array: Array = states
    if not hasattr(array, "shape"):
        reason = f"{type(array).__name__}, an array or a list of arrays is expected here"
        raise ArgumentError("states", reason)
    if len(array.shape) == 0:
        raise InputError("mismatch", "states", "one number; give (tokens, width)")
    return int(array.shape[1 if _is_one_sequence(states, parameters) else 0])


def by_torch(states: Array | Sequence[Array], ties: Ties) -> bool:
    """Whether the points are to be taken by torch: it alone decides equal values as it does."""
    arrays = states if _is_list(states) else [states]
    return ties == "reference" and any(is_torch(array) for array in arrays)


def _is_one_sequence(states: Array | Sequence[Array], parameters: Parameters) -> bool:
    # With a prefill element 0 is the prompt, of any shape.
    if _is_list(states) or parameters.prefill_rows > 0:
        return False
    array: Array = states
    return len(array.shape) == 3 and array.shape[0] == 1


def _is_list(states: Array | Sequence[Array]) -> bool:
    return isinstance(states, list | tuple)


def _torch_points(pieces: Sequence[Any], place: str, k: int, rounded: bool) -> Points:
    import torch

    flat = torch.cat([to_bfloat16(piece, place, rounded) for piece in pieces])
    require_values(flat.numel(), place, k)
    # Of equal magnitudes torch keeps some and drops others: only torch itself knows which.
    indices = torch.topk(flat.abs(), k).indices
    values = bits_of_torch(flat[indices])
    return Points(indices.cpu().numpy().astype(np.uint32), values)
