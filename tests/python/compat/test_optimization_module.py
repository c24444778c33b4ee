"""The module `OptimizationModule` as programs written for the original use it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from OptimizationModule import LayerSelectionOptimizer, load_scores_from_json
from OptimizationModule.layer_selection_optimizer import LayerSelectionOptimizer as Same
from OptimizationModule.scores_loader import load_scores_from_json as same_loader

from layer_cases import write_scores

VALUES = [10.0, 5.0, 8.0, 12.0, 3.0, 15.0, 7.0]
COSTS = [2.0, 1.0, 3.0, 2.0, 1.0, 4.0, 2.0]


def test_names_are_those_of_the_original() -> None:
    assert Same is LayerSelectionOptimizer
    assert same_loader is load_scores_from_json


def test_the_fixture_of_the_original() -> None:
    optimizer = LayerSelectionOptimizer(VALUES, COSTS, [5.0, 6.0])
    benefit, assignments = optimizer.solve()
    assert (benefit, assignments) == (43.0, [(4, 5), (1, 3)])
    assert optimizer.verify_solution(assignments) == (True, "Solution is valid")
    assert optimizer.compute_total_benefit(assignments) == benefit
    fixed, _ = LayerSelectionOptimizer(VALUES, COSTS, [5.0, 6.0], order="fixed").solve()
    assert fixed == 42.0


def test_a_verifier_without_layers_has_minus_ones() -> None:
    assert LayerSelectionOptimizer([5], [10], [10, 1]).solve() == (5.0, [(0, 0), (-1, -1)])


def test_costs_need_not_be_whole() -> None:
    # 0.1 + 0.2 is more than 0.3, as doubles are.
    assert LayerSelectionOptimizer([1, 1], [0.1, 0.2], [0.3]).solve()[0] == 1
    assert LayerSelectionOptimizer([1, 1], [0.1, 0.2], [0.1 + 0.2]).solve()[0] == 2
    assert LayerSelectionOptimizer([1, 1], [1.5, 2.5], [4]).solve()[0] == 2
    assert LayerSelectionOptimizer([1, 1], [1.5, 2.5], [3.99]).solve()[0] == 1


@pytest.mark.parametrize(
    ("values", "costs", "budgets"),
    [
        ([], [], []),
        ([1], [1, 2], [1]),
        ([1], [0], [1]),
        ([1], [-1], [1]),
        ([1], [1], [0]),
        ([1], [1], []),
        ([-1], [1], [1]),
    ],
)
def test_bad_input_is_a_value_error(
    values: list[float], costs: list[float], budgets: list[float]
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the original promises no more
        LayerSelectionOptimizer(values, costs, budgets)


def test_what_is_no_solution() -> None:
    optimizer = LayerSelectionOptimizer(VALUES, COSTS, [5, 6])
    for assignments, word in [
        ([(0, 1)], "Expected 2"),
        ([(0, 0), (3, 2)], "Invalid"),
        ([(0, 0), (5, 7)], "Invalid"),
        ([(0, 1), (1, 2)], "overlaps"),
        ([(0, 3), (4, 5)], "exceeds budget"),
    ]:
        valid, reason = optimizer.verify_solution(assignments)
        assert not valid
        assert word in reason


def test_of_a_layer_two_fields_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    listed = [
        {"num_parameters": int(cost), "significance_score": value}
        for value, cost in zip(VALUES, COSTS, strict=True)
    ]
    path.write_text(json.dumps({"model_name": "m", "layers": listed}))
    values, costs, metadata = load_scores_from_json(str(path))
    assert (values, costs) == (VALUES, COSTS)
    assert metadata == {
        "model_name": "m", "num_layers": 7, "total_parameters": 15.0, "num_blocks": None,
        "layers_per_block": None,
    }  # fmt: skip
    for broken in ({}, {"layers": []}, {"layers": [{"num_parameters": 1}]}):
        path.write_text(json.dumps(broken))
        with pytest.raises(ValueError, match=r"layers|missing"):
            load_scores_from_json(str(path))


def test_the_program(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "OptimizationModule.optimize_layers", *words],
            cwd=tmp_path, check=False, capture_output=True, text=True,
        )  # fmt: skip

    write_scores(tmp_path / "s.json", [0.5], [4])
    done = run("--scores_file", "s.json", "--budgets", "1", "4.0", "--output", "r.json", "--pretty")
    assert done.returncode == 0, done.stderr
    assert "Verifier 1: Empty (budget: 1)" in done.stdout
    assert "Verifier 2: Layers 0-0 (cost: 4/4)" in done.stdout
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["results"]["optimal_benefit"] == 0.5
    assert [a["start_layer"] for a in result["results"]["assignments"]] == [-1, 0]
    failed = run("--scores", "none.json", "--budgets", "1")
    assert failed.returncode == 1
    assert "none.json" in failed.stderr
