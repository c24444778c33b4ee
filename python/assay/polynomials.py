"""The polynomial of a tensor by its coefficients.

A tensor with axes n_0, n_1, .. is the one polynomial of degree below n_i in x_i that takes its
values on the grid {0, .., n_0 - 1} x {0, .., n_1 - 1} x .. Coefficients are residues modulo `R`, in
C order of the exponents.
"""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arguments import listed, sizes, whole
from .residues import R, Rows, from_rows, is_rows, residue, to_rows


@overload
def interpolate(values: Rows, axes: Sequence[int]) -> Rows: ...
@overload
def interpolate(values: Sequence[Any] | NDArray[Any], axes: None = None) -> list[int]: ...
def interpolate(
    values: Sequence[Any] | NDArray[Any], axes: Sequence[int] | None = None
) -> list[int] | Rows:
    """Coefficients of the polynomial that takes `values` on the grid.

    Args:
        values: A (nested) list or an array of integers, whose shape gives the axes; or, with
            `axes`, rows of 32 bytes (see `to_rows`) in C order.
        axes: Sizes of at most 1024, for rows.

    Returns:
        Residues from 0 to R - 1 in C order of the exponents, as integers, or as rows for rows.

    Raises:
        InputError: A count that is not the volume of the axes, or an axis that is too long.

    >>> interpolate([1, 2, 5])  # 1 + x**2
    [1, 0, 1]
    """
    if axes is not None:
        return _core.interpolate(sizes(axes), _rows(values))
    array = np.asarray(values, object)
    return from_rows(_core.interpolate(list(array.shape), to_rows(array.flat)), signed=False)


@overload
def grid_values(coefficients: Rows, axes: Sequence[int]) -> Rows: ...
@overload
def grid_values(coefficients: Sequence[int], axes: Sequence[int]) -> list[int]: ...
def grid_values(coefficients: Sequence[int] | Rows, axes: Sequence[int]) -> list[int] | Rows:
    """Values on the grid; the inverse of `interpolate`.

    Returns:
        Signed integers in C order of the grid, or rows for rows.

    Raises:
        InputError: As `interpolate`.

    >>> grid_values([1, 0, 1], (3,))
    [1, 2, 5]
    """
    values = _core.grid_values(sizes(axes), _rows(coefficients))
    return values if is_rows(coefficients) else from_rows(values)


def evaluate(coefficients: Sequence[int] | Rows, axes: Sequence[int], point: Sequence[int]) -> int:
    """The polynomial's value at a point, a residue from 0 to R - 1.

    Args:
        coefficients: In C order of the exponents, above -R and below R; or rows of 32 bytes.
        axes: One more than the largest exponent of each variable.
        point: One integer for each axis, taken modulo `R`.

    Raises:
        InputError: Counts that do not go together ("mismatch").

    >>> evaluate([1, 0, 1], (3,), [10])
    101
    """
    coordinates = to_rows(whole(coordinate, "point") % R for coordinate in listed(point, "point"))
    return residue(_core.evaluate(sizes(axes), _rows(coefficients), coordinates))


def _rows(integers: Sequence[Any] | NDArray[Any]) -> Rows:
    return np.ascontiguousarray(integers) if is_rows(integers) else to_rows(integers)
