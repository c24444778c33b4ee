"""Integers modulo r, the order of BN254's groups, as Python integers and as rows of 32 bytes."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import require
from .errors import ArgumentError, InputError

R = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
"""The order of BN254's groups, a prime of 254 bits."""

Rows = NDArray[np.uint8]
"""Residues as an array of shape (n, 32), uint8: each row little-endian and below `R`."""


def to_rows(integers: Iterable[int]) -> Rows:
    """Write integers as rows of 32 little-endian bytes; a negative integer -x becomes R - x.

    Args:
        integers: Above -R and below R.

    Raises:
        InputError: One is outside ("out_of_range").

    >>> to_rows([1, -1])[0, 0]
    np.uint8(1)
    >>> from_rows(to_rows([1, -1]))
    [1, -1]
    """
    data = bytearray()
    require("integers", integers, Iterable)
    for index, integer in enumerate(integers):
        try:
            value = operator.index(integer)
        except TypeError as error:
            reason = f"{type(integer).__name__}, an integer is expected here"
            raise ArgumentError(f"integer {index}", reason) from error
        if not -R < value < R:
            raise InputError("out_of_range", f"integer {index}", "not between -R and R")
        data += (value % R).to_bytes(32, "little")
    return np.frombuffer(bytes(data), np.uint8).reshape(-1, 32)


def from_rows(rows: Rows, *, signed: bool = True) -> list[int]:
    """Read rows of 32 little-endian bytes.

    Args:
        rows: Shape (n, 32), dtype uint8.
        signed: Give a residue over (R - 1) / 2 as the negative integer that it stands for.

    Raises:
        InputError: Another array ("mismatch"), or a row that is not below R ("out_of_range").
    """
    require("rows", rows, np.ndarray)
    if not is_rows(rows):
        raise InputError(
            "mismatch", "rows", f"shape {rows.shape} of {rows.dtype}; give (n, 32) of uint8"
        )
    data = rows.tobytes()
    read = [residue(data[i : i + 32]) for i in range(0, len(data), 32)]
    for index, value in enumerate(read):
        if value >= R:
            raise InputError("out_of_range", f"row {index}", "not below R")
    return [as_signed(value) for value in read] if signed else read


def residue(data: bytes) -> int:
    """The integer that little-endian bytes spell."""
    return int.from_bytes(data, "little")


def as_signed(value: int) -> int:
    """The integer from -(R - 1) / 2 to (R - 1) / 2 that the residue `value` stands for.

    >>> as_signed(R - 5)
    -5
    """
    return value - R if value > R // 2 else value


def is_rows(array: Any) -> bool:
    """Whether `array` is a numpy array of rows of 32 bytes."""
    return isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.shape[1:] == (32,)
