"""Selection of layers from Python."""

import itertools
import json
from pathlib import Path

import pytest

from assay import InputError, layers
from layer_cases import CASES, write_scores


@pytest.mark.parametrize("name", CASES)
def test_published_cases(name: str) -> None:
    values, costs, budgets, fixed, free = CASES[name]
    found = layers.select(values, costs, budgets)
    assert (found.value, found.upper_bound, found.proven_optimal) == (free, free, True)
    assert found.fixed_order_value == fixed
    in_order = layers.select(values, costs, budgets, order="fixed")
    assert in_order.value == fixed
    assert in_order.upper_bound >= free
    greedy = layers.select(values, costs, budgets, order="greedy")
    assert free / 2 <= greedy.value <= free
    for selection in (found, in_order, greedy):
        taken = []
        for (start, end), budget in zip(selection.assignments, budgets, strict=True):
            assert ((start, end) == (-1, -1)) or 0 <= start <= end < len(costs)
            run = range(start, end + 1) if start >= 0 else range(0)
            assert sum(costs[i] for i in run) <= budget
            taken += run
        assert len(taken) == len(set(taken))
        assert sum(values[i] for i in taken) == selection.value


def test_the_optimum_is_the_best_of_all_fixed_orders() -> None:
    values, costs, budgets, _, free = CASES["H"]
    orders = itertools.permutations(budgets)
    found = {layers.select(values, costs, order, order="fixed").value for order in orders}
    assert found == {22, 24, 25, 29}
    assert max(found) == free


@pytest.mark.parametrize(
    ("values", "costs", "budgets", "place"),
    [
        ([1, -1], [1, 1], [1], "values[1]"),
        ([float("nan")], [1], [1], "values[0]"),
        ([1, 1], [1, 0], [1], "costs[1]"),
        ([1], [-5], [1], "costs[0]"),
        ([1], [1 << 70], [1], "costs[0]"),
        ([1], [1], [1, 0], "budgets[1]"),
        ([1], [1], [float("inf")], "budgets[0]"),
        ([1], [1, 2], [1], "costs"),
        ([], [], [1], "values"),
        ([1], [1], [], "budgets"),
    ],
)
def test_bad_input_is_named(
    values: list[float], costs: list[int], budgets: list[float], place: str
) -> None:
    with pytest.raises(InputError) as caught:
        layers.select(values, costs, budgets)
    assert caught.value.place == place


def test_an_order_that_is_none() -> None:
    with pytest.raises(InputError, match="order"):
        layers.select([1], [1], [1], order="best")  # type: ignore[arg-type]


def test_draws_differ_and_stay_within_budgets() -> None:
    values, costs, budgets, *_ = CASES["G"]
    draws = layers.draw(values, costs, budgets, count=30, simulated=500)
    assert len(draws.assignments) == 30
    assert len(draws.key) == 32
    assert len({tuple(runs) for runs in draws.assignments}) > 1
    assert all(0 <= chance <= 1 for chance in draws.chance)
    for runs in draws.assignments:
        for (start, end), budget in zip(runs, budgets, strict=True):
            assert start == -1 or sum(costs[start : end + 1]) <= budget
    assert layers.draw(values, costs, budgets).key != draws.key


def test_a_result_is_written_and_checked(tmp_path: Path) -> None:
    values, costs, budgets, _, free = CASES["G"]
    scores = write_scores(tmp_path / "scores.json", [float(v) for v in values], costs)
    read = layers.LayerScores.read(scores)
    assert (read.model, read.values, read.costs) == ("tests/case", values, costs)
    assert read.names[3] == "1.fc1"
    result = tmp_path / "result.json"
    layers.select_to(result, scores, budgets)
    assert layers.check(result, scores, budgets)
    assert layers.check(result, scores)
    written = json.loads(result.read_text())
    assert written["results"]["optimal_benefit"] == free
    assert written["assay"]["tensors"] == [
        ["layer_1", "layer_2"],
        ["embedding", "layer_0", "layer_1"],
    ]
    other = layers.check(result, scores, [5, 5])
    assert (other.outcome, other.step) == ("rejected", "budgets")
    tensors = written["assay"]["tensors"][0]
    written["assay"]["tensors"][0] = ["layer_2"]
    result.write_text(json.dumps(written))
    lied = layers.check(result, scores, budgets)
    assert (lied.outcome, lied.step, lied.item) == ("rejected", "tensors", 0)
    assert "layer_1 to layer_2" in lied.reason
    written["assay"]["tensors"][0] = tensors
    written["results"]["assignments"][0]["budget"] = 4
    written["input"]["budgets"][0] = 4
    result.write_text(json.dumps(written))
    assert layers.check(result, scores).step == "budget"
    with pytest.raises(InputError, match="cannot open"):
        layers.check(tmp_path / "none.json", scores)
