"""Selections made at random within budgets: what a selection by scores is held against."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError

Interval = tuple[int, int]
"""First and last layer of a run; (-1, -1): no layer."""

EMPTY: Interval = (-1, -1)
_MOST_TRIES = 1000


def random_runs(
    costs: npt.NDArray[np.int64],
    budgets: Sequence[int],
    drawn: np.random.Generator,
) -> list[Interval]:
    """One run for each budget, disjoint, in places drawn at random.

    Each run begins at a layer that is drawn evenly among all and goes on to the right as long as
    its budget and the last layer allow. Where two would overlap, all are drawn again, so that no
    order of the verifiers is preferred. A budget that not even the layer allows takes none.

    Args:
        costs: Of each layer.
        budgets: Of each verifier.
        drawn: Gives the places.

    Raises:
        InputError: The budgets are so large that 1000 draws overlap ("out_of_range").
    """
    sums = np.concatenate([[0], np.cumsum(costs)])
    limits = np.asarray(budgets, dtype=np.int64)
    for _ in range(_MOST_TRIES):
        starts = drawn.integers(0, len(costs), len(limits))
        stops = np.searchsorted(sums, sums[starts] + limits, side="right") - 1
        order = np.argsort(starts, kind="stable")
        if np.all(stops[order][:-1] <= starts[order][1:]):
            return [
                (int(start), int(stop) - 1) if stop > start else EMPTY
                for start, stop in zip(starts, stops, strict=True)
            ]
    reason = f"{len(limits)} budgets leave too little room for runs at random; give smaller ones"
    raise InputError("out_of_range", "budgets", reason)


def share_within(values: npt.NDArray[np.float64], runs: Sequence[Interval]) -> float:
    """The share of all values that lies within the runs."""
    inside = sum(float(values[first : last + 1].sum()) for first, last in runs if first >= 0)
    return inside / float(values.sum())
