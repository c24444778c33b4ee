"""Selections of values that are at hand, by the native solver."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import _core
from .random_runs import Interval

# For the search among more orders than fit a table.
_SECONDS = 10.0


@dataclass(frozen=True)
class Selected:
    """A selection.

    Attributes:
        runs: First and last layer of each verifier; (-1, -1): none.
        value: What they are worth together.
        upper_bound: No selection in any order is worth more.
        proven_optimal: Whether none is worth more than this one.
    """

    runs: tuple[Interval, ...]
    value: float
    upper_bound: float
    proven_optimal: bool


def solve(
    values: Sequence[float], costs: Sequence[int], budgets: Sequence[int], order: str = "free"
) -> Selected:
    """One contiguous run of layers for each budget, disjoint, worth most together.

    Args:
        values: Of each layer, at least 0.
        costs: Of each layer, above 0.
        budgets: Of each verifier, above 0.
        order: "free", "fixed" or "greedy": which verifier may stand left of which.

    Raises:
        InputError: Of other values, with the place: "values[3]".
    """
    found = _core.layers_select(
        [float(value) for value in values],
        [int(cost) for cost in costs],
        [float(budget) for budget in budgets],
        order,
        _SECONDS,
    )
    runs, value, upper_bound, proven, _ = found
    return Selected(tuple(runs), value, upper_bound, proven)
