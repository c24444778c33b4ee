"""Checks of the integers that callers give."""

import argparse
import operator
from collections.abc import Callable, Iterable

from .errors import InputError


def unsigned(value: int, place: str, bits: int = 64) -> int:
    """`value` as an integer from 0 to 2**bits - 1.

    Raises:
        InputError: It is outside ("out_of_range").
        TypeError: It is no integer.
    """
    integer = operator.index(value)
    if not 0 <= integer < 1 << bits:
        raise InputError("out_of_range", place, f"{integer} is not between 0 and 2**{bits} - 1")
    return integer


def at_least(smallest: int) -> Callable[[str], int]:
    """The type of a flag whose value is an integer of at least `smallest`."""

    def number(text: str) -> int:
        value = int(text)
        if value < smallest:
            raise argparse.ArgumentTypeError(f"give at least {smallest}")
        return value

    return number


def sizes(axes: Iterable[int]) -> list[int]:
    """Sizes of axes as integers that the native code takes; it checks the rest."""
    return [unsigned(size, f"axes, axis {axis}") for axis, size in enumerate(axes)]
