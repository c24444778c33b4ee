"""Rank correlation, and bootstrap intervals of figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that 95 of 100 resamples fall into (percentile bootstrap).

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
    """

    value: float
    low: float
    high: float


def ranks(values: Sequence[float] | Floats) -> Floats:
    """The rank of each value from 1, equal ones share the mean of theirs."""
    array = np.asarray(values, dtype=np.float64)
    _, at, counts = np.unique(array, return_inverse=True, return_counts=True)
    # Of each distinct value the mean of the ranks that its copies fill.
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[at.reshape(-1)], dtype=np.float64)


def spearman(left: Sequence[float] | Floats, right: Sequence[float] | Floats) -> float:
    """Spearman's rank correlation: Pearson's, of the ranks. 0 where all of a side are equal.

    Raises:
        InputError: Not as many of one as of the other, or fewer than 2 ("mismatch").
    """
    if len(left) != len(right) or len(left) < 2:
        reason = f"{len(left)} values and {len(right)}; as many of each are needed, 2 or more"
        raise InputError("mismatch", "rank correlation", reason)
    one, other = ranks(left), ranks(right)
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale > 0 else 0.0


def bootstrap(
    figure: Callable[[npt.NDArray[np.int64]], float],
    clusters: Sequence[Sequence[int]],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """A figure of some of the values, and its interval when whole clusters of them are drawn anew.

    Values of one cluster, such as the layers of a block, may depend on each other.

    Args:
        figure: Of the values at these indices, some perhaps more than once.
        clusters: Indices, each in one cluster.
        resamples: How often.
        seed: Of the draws.
    """
    members = [np.asarray(one, dtype=np.int64) for one in clusters]
    drawn = np.random.default_rng(seed)
    figures = np.empty(resamples)
    for index in range(resamples):
        chosen = drawn.integers(0, len(members), len(members))
        figures[index] = figure(np.concatenate([members[one] for one in chosen]))
    low, high = np.percentile(figures, [2.5, 97.5])
    return Estimate(figure(np.concatenate(members)), float(low), float(high))


def correlation(
    score: Sequence[float], damage: Sequence[float], blocks: Sequence[Sequence[int]]
) -> Estimate:
    """Spearman's correlation of a score with damage, over layers; blocks are drawn anew."""
    left, right = np.asarray(score, dtype=np.float64), np.asarray(damage, dtype=np.float64)
    return bootstrap(lambda at: spearman(left[at], right[at]), blocks)


def mean(values: Sequence[float]) -> Estimate:
    """The mean of independent values, and its interval."""
    array = np.asarray(values, dtype=np.float64)
    return bootstrap(lambda at: float(array[at].mean()), [[index] for index in range(len(array))])
