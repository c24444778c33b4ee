"""Polynomials over the integers modulo 65497."""

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay import _core

P = 65497


def compute_newton_coefficients(x: Sequence[int], y: Sequence[int]) -> list[int]:
    """Ascending coefficients of the polynomial of least degree through the points.

    Args:
        x: Distinct modulo 65497.
        y: As many values, taken modulo 65497.

    Raises:
        RuntimeError: No points, not as many x as y, or two x that are equal modulo 65497.
    """
    if not x or len(x) != len(y):
        raise RuntimeError(f"{len(x)} x and {len(y)} y; give as many points, at least one")
    places, values = _residues(x), _residues(y)
    if len(np.unique(places)) < len(places):
        raise RuntimeError("x must be distinct modulo 65497")
    coefficients: list[int] = _core.toploc_interpolate(places, values).tolist()
    return coefficients


def evaluate_polynomial(coefficients: Sequence[int], x: int) -> int:
    """The value at `x`.

    Raises:
        ValueError: No coefficients.
    """
    return evaluate_polynomials(coefficients, [x])[0]


def evaluate_polynomials(coefficients: Sequence[int], x: Sequence[int]) -> list[int]:
    """The values at all `x`.

    Raises:
        ValueError: No coefficients.
    """
    values: list[int] = _core.toploc_evaluate(_residues(coefficients), _residues(x)).tolist()
    return values


def _residues(integers: Sequence[int]) -> NDArray[np.uint32]:
    return np.array([operator.index(integer) % P for integer in integers], np.uint32)
