"""Rank correlation, bootstrap intervals and runs at random, against values by hand."""

import itertools

import numpy as np
import pytest

from assay import InputError
from assay.layers.random_runs import EMPTY, random_runs, share_within
from assay.layers.ranking import bootstrap, correlation, mean, ranks, spearman


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert ranks([10, 5, 10, 1, 10]).tolist() == [4, 2, 4, 1, 4]
    assert ranks([0.5]).tolist() == [1]


def test_spearman_is_that_of_textbooks() -> None:
    # Without ties 1 - 6 sum d^2 / (n (n^2 - 1)): d = 2 1 1 1 1 -> 1 - 48 / 120.
    assert spearman([1, 2, 3, 4, 5], [3, 1, 2, 5, 4]) == pytest.approx(0.6)
    assert spearman([1, 2, 3], [1, 8, 27]) == pytest.approx(1)
    assert spearman([1, 2, 3], [0.5, -1, -9]) == pytest.approx(-1)
    # With ties Pearson's of the ranks: 1 2.5 2.5 4 and 1 2 3 4.
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert spearman([1, 1, 1], [1, 2, 3]) == 0


@pytest.mark.parametrize(("left", "right"), [([1, 2], [1]), ([1], [1]), ([], [])])
def test_spearman_needs_pairs(left: list[float], right: list[float]) -> None:
    with pytest.raises(InputError, match="as many of each"):
        spearman(left, right)


def test_the_interval_of_a_mean_is_about_that_of_theory() -> None:
    values = np.random.default_rng(4).normal(3.0, 2.0, 400)
    found = mean(values.tolist())
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.15 * half)
    assert mean(values.tolist()) == found


def test_values_of_a_cluster_are_drawn_together() -> None:
    # Ten clusters of forty equal values are ten observations, not four hundred.
    values = np.repeat(np.random.default_rng(5).normal(0.0, 1.0, 10), 40)
    clusters = [list(range(at, at + 40)) for at in range(0, 400, 40)]
    apart = bootstrap(lambda at: float(values[at].mean()), [[i] for i in range(400)])
    together = bootstrap(lambda at: float(values[at].mean()), clusters)
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low > 4 * (apart.high - apart.low)


def test_a_correlation_has_an_interval_around_it() -> None:
    drawn = np.random.default_rng(6)
    score = drawn.normal(size=120)
    damage = score + drawn.normal(size=120)
    blocks = [range(at, at + 6) for at in range(0, 120, 6)]
    found = correlation(score.tolist(), damage.tolist(), blocks)
    assert found.value == pytest.approx(spearman(score, damage))
    assert found.low < found.value < found.high
    assert found.low > 0.3
    assert found.high < 0.9


def test_runs_at_random_keep_to_the_budgets_and_apart() -> None:
    costs = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], dtype=np.int64)
    budgets = [9, 4, 1]
    drawn = np.random.default_rng(0)
    starts = []
    for _ in range(2000):
        runs = random_runs(costs, budgets, drawn)
        filled = sorted(run for run in runs if run != EMPTY)
        for left, right in itertools.pairwise(filled):
            assert left[1] < right[0]
        for (first, last), budget in zip(runs, budgets, strict=True):
            if (first, last) != EMPTY:
                assert costs[first : last + 1].sum() <= budget
                # As far as the budget allows.
                assert last == 11 or costs[first : last + 2].sum() > budget
        starts.append(runs[0][0])
    # The first verifier begins everywhere that its budget allows.
    assert set(starts) == set(range(12))
    assert {run for _ in range(50) for run in random_runs(costs, [1], drawn)} <= {
        *(EMPTY, (1, 1), (3, 3)),
    }


def test_budgets_that_leave_no_room_are_refused() -> None:
    costs = np.ones(4, dtype=np.int64)
    with pytest.raises(InputError, match="too little room"):
        random_runs(costs, [4, 4, 4, 4, 4], np.random.default_rng(0))


def test_the_share_within_runs_is_of_the_whole() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert share_within(values, [(1, 2), EMPTY, (3, 3)]) == pytest.approx(0.9)
    assert share_within(values, [EMPTY]) == 0
