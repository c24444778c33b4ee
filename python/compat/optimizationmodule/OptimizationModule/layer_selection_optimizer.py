"""The class LayerSelectionOptimizer."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import floor, lcm

from assay import layers


class LayerSelectionOptimizer:
    """One contiguous run of layers for each verifier, within its budget, worth most together.

    Attributes:
        L: The number of layers.
        M: The number of verifiers.
        values: What each layer is worth.
        costs: What each layer costs.
        budgets: Of each verifier.
        V: Prefix sums of the values, L + 1 of them.
        C: Prefix sums of the costs.
    """

    def __init__(
        self,
        values: Sequence[float],
        costs: Sequence[float],
        budgets: Sequence[float],
        *,
        order: layers.Order = "free",
    ) -> None:
        """Take the problem.

        Args:
            values: Of each layer, at least 0.
            costs: Of each layer, above 0; they need not be whole.
            budgets: Of each verifier, above 0.
            order: "free", "fixed" or "greedy", as in `assay.layers.select`.

        Raises:
            ValueError: Nothing there, lists of different lengths, or numbers outside.
        """
        if not len(values) or not len(costs) or not len(budgets):
            raise ValueError("Values, costs, and budgets must be non-empty")
        self.values = [float(value) for value in values]
        self.costs = [float(cost) for cost in costs]
        self.budgets = [float(budget) for budget in budgets]
        self.L, self.M = len(self.values), len(self.budgets)
        self._order: layers.Order = order
        # Whole costs compare exactly: all are multiplied by one number, and so are the budgets.
        parts = [Fraction(cost) for cost in self.costs]
        unit = lcm(*(part.denominator for part in parts))
        self._whole_costs = [int(part * unit) for part in parts]
        self._whole_budgets = [float(floor(Fraction(b) * unit)) or b for b in self.budgets]
        self.V = [0.0, *accumulate(self.values)]
        self.C = [0.0, *accumulate(self.costs)]
        # Bad input is refused here, as it was by the original.
        self._selection = layers.select(
            self.values, self._whole_costs, self._whole_budgets, order=order
        )

    def solve(self) -> tuple[float, list[tuple[int, int]]]:
        """The worth of the selection; first and last layer of each verifier, or (-1, -1)."""
        return self._selection.value, list(self._selection.assignments)

    def verify_solution(self, assignments: Sequence[tuple[int, int]]) -> tuple[bool, str]:
        """Whether these are disjoint runs of layers within the budgets, and what is wrong."""
        if len(assignments) != self.M:
            return False, f"Expected {self.M} assignments, got {len(assignments)}"
        taken: set[int] = set()
        for k, (start, end) in enumerate(assignments):
            if (start, end) == (-1, -1):
                continue
            if not 0 <= start <= end < self.L:
                return False, f"Verifier {k}: Invalid interval [{start}, {end}]"
            run = set(range(start, end + 1))
            if run & taken:
                return False, f"Verifier {k}: Interval [{start}, {end}] overlaps with previous ones"
            taken |= run
            if sum(self._whole_costs[start : end + 1]) > self._whole_budgets[k]:
                return False, (
                    f"Verifier {k}: Interval [{start}, {end}] cost "
                    f"{self.C[end + 1] - self.C[start]:.6f} exceeds budget {self.budgets[k]:.6f}"
                )
        return True, "Solution is valid"

    def compute_total_benefit(self, assignments: Sequence[tuple[int, int]]) -> float:
        """What these runs are worth together."""
        return sum(
            self.V[end + 1] - self.V[start]
            for start, end in assignments
            if (start, end) != (-1, -1)
        )
