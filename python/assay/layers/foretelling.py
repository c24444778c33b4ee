"""Whether scores foretell damage: rank correlations, and the damage that selections find."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .cases import make_cases
from .comparing import compare
from .norms import ModelNorms
from .objectives import RANDOM
from .random_runs import random_runs, share_within
from .ranking import Estimate, correlation, mean
from .scores import Scores
from .selecting import Order

# Random selections for each case; their mean is what a selection by scores is held against.
_DRAWS = 200
_SEED = 7


@dataclass(frozen=True)
class Foretelling:
    """What scores say of a measured damage.

    Attributes:
        correlations: By score: Spearman's correlation with the damage over layers; the interval is
            that of blocks drawn anew.
        found: By method: the share of the damage that its selections find, mean over cases.
        beyond_random: By method: that, less the share that random runs of the same budgets find;
            the interval is that of cases drawn anew.
        random_share: The share that random runs find, mean over cases.
        cost_share: By method and "random runs": the share of the parameters that is selected.
    """

    correlations: Mapping[str, Estimate]
    found: Mapping[str, float]
    beyond_random: Mapping[str, Estimate]
    random_share: float
    cost_share: Mapping[str, float]

    def as_fields(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def scores_by_name(scores: Scores, norms: ModelNorms | None) -> dict[str, Sequence[float]]:
    """What damage is compared with: significance, raw metric, norms, parameters, depth."""
    found: dict[str, Sequence[float]] = {"significance": scores.values}
    if scores.metrics is not None:
        found[scores.metric_name] = scores.metrics
    if norms is not None:
        for name in ("norm_1", "norm_2", "norm_inf"):
            found[name] = [getattr(layer, name) for layer in norms.layers]
    return found | {"parameters": scores.costs, "depth": range(len(scores.costs))}


def foretell(
    damage: Sequence[float],
    scores: Scores,
    norms: ModelNorms | None = None,
    *,
    num_cases: int = 100,
    order: Order = "free",
) -> Foretelling:
    """Hold scores against damage.

    Args:
        damage: Of each layer, changed alone.
        scores: Of the same layers.
        norms: Of the same layers, or None.
        num_cases: Budgets that selections are made for, as `make_cases` makes them.
        order: As `select` takes it.

    Raises:
        InputError: Another number of layers ("mismatch"), or no damage at all ("out_of_range").
    """
    if len(damage) != len(scores.values):
        reason = f"of {len(damage)} layers, the scores are of {len(scores.values)}"
        raise InputError("mismatch", "damage", f"{reason}: of another model")
    if not math.fsum(damage) > 0:
        raise InputError("out_of_range", "damage", "no layer's change did anything")
    if norms is not None:
        norms.require_of(scores.names, "norms")
    blocks = [list(block) for block in scores.blocks]
    correlations = {
        name: correlation(values, damage, blocks)
        for name, values in scores_by_name(scores, norms).items()
    }
    values, costs = np.asarray(damage), np.asarray(scores.costs, dtype=np.int64)
    drawn = np.random.default_rng(_SEED)
    results = compare(make_cases(num_cases), scores, norms, order=order)
    at_random, costs_at_random = [], []
    for case in results:
        draws = [random_runs(costs, case.budgets, drawn) for _ in range(_DRAWS)]
        at_random.append(float(np.mean([share_within(values, runs) for runs in draws])))
        costs_at_random.append(
            float(np.mean([share_within(costs.astype(float), runs) for runs in draws]))
        )
    found, beyond, cost_share = {}, {}, {"random runs": float(np.mean(costs_at_random))}
    for method in results[0].results:
        # By values at random: that is what the random runs are for.
        if method == RANDOM:
            continue
        runs = [case.results[method].assignments for case in results]
        shares = [share_within(values, one) for one in runs]
        found[method] = float(np.mean(shares))
        beyond[method] = mean(np.subtract(shares, at_random).tolist())
        cost_share[method] = float(
            np.mean([share_within(costs.astype(float), one) for one in runs])
        )
    return Foretelling(correlations, found, beyond, float(np.mean(at_random)), cost_share)


def table(found: Foretelling) -> list[str]:
    """The figures, line by line, for people."""
    lines = ["rank correlation with the damage (Spearman, 95 % by drawing blocks anew)"]
    for name, one in found.correlations.items():
        lines.append(f"  {name:22} {one.value:+.3f}   {one.low:+.3f} to {one.high:+.3f}")
    lines.append("")
    lines.append("share of the damage that selections find (95 % by drawing cases anew)")
    share = found.cost_share["random runs"]
    lines.append(f"  {'random runs':22} {found.random_share:6.1%} of it at {share:.1%} of the cost")
    for method, beyond in found.beyond_random.items():
        lines.append(
            f"  {method:22} {found.found[method]:6.1%} of it at {found.cost_share[method]:.1%}; "
            f"beyond random {beyond.value:+.1%}, {beyond.low:+.1%} to {beyond.high:+.1%}"
        )
    return lines
