"""Methods side by side, more verifiers, and whether scores foretell damage."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import DecodeError, InputError
from assay.layers.cases import Case, make_cases
from assay.layers.checking import made_scores
from assay.layers.comparing import (
    MethodResult,
    compare,
    is_valid,
    read_results,
    summary,
    write_results,
)
from assay.layers.foretelling import foretell, scores_by_name, table
from assay.layers.norms import LayerNorms, ModelNorms
from assay.layers.objectives import METHODS
from assay.layers.scalability import (
    COUNTS,
    read_cases,
    read_steps,
    scale,
    write_cases,
    write_steps,
)
from assay.layers.scores import Scores, quarters, read_scores

# Where arrays of AlphaPruning's repository are: <model>/alpha_peak.npy.
DATA = "ASSAY_ALPHAPRUNING"


def scores_of(values: list[float], costs: list[int]) -> Scores:
    names = tuple(f"0.{i}" for i in range(len(values)))
    ratios = tuple(1 - value for value in values)
    blocks = (range(len(values)),)
    return Scores("a/small", "alpha", names, tuple(values), tuple(costs), ratios, None, blocks)


def norms_for(scores: Scores, values: list[float]) -> ModelNorms:
    return ModelNorms("a/small", scores.names, tuple(LayerNorms(v, v, v) for v in values))


SCORES = scores_of([0.1, 0.4, 0.2, 0.3], [100, 100, 100, 100])


def test_budgets_are_brought_to_the_models_size() -> None:
    cases = [Case(1, "", (300, 100)), Case(2, "", (100, 100)), Case(9, "", (800, 800))]
    scores = scores_of([1.0] * 8, [1000] * 8)
    results = compare(cases, scores)
    for case, found in zip(cases, results, strict=True):
        assert (found.case_id, found.original_budgets) == (case.case_id, case.budgets)
        assert 0.2 <= found.budget_ratio <= 0.4
        # A quarter of the parameters is 2000, and the first case's budgets sum to 400.
        assert found.scale_factor == pytest.approx(found.budget_ratio * 2000 / 400)
        assert found.budgets == tuple(int(b * found.scale_factor) for b in case.budgets)
    assert len({found.budget_ratio for found in results}) == 3
    assert compare(cases, scores) == results


def test_each_method_selects_by_its_own_values_and_is_scored_by_significance() -> None:
    # One budget of one layer: each method takes the layer that is largest by its values.
    case = Case(1, "", (1,))
    norms = norms_for(SCORES, [8.0, 4.0, 2.0, 1.0])
    (found,) = compare([case], replace(SCORES, costs=(1,) * 4), norms)
    assert found.budgets == (1,)
    assert tuple(found.results) == METHODS
    by_norm = MethodResult(8.0, 0.1, pytest.approx(0.1), ((0, 0),), True)
    by_inverse = MethodResult(1.0, 0.3, pytest.approx(0.3), ((3, 3),), True)
    for name in ("norm_1", "norm_2", "norm_inf"):
        assert found.results[name] == by_norm
        assert found.results[f"inverse_{name}"] == by_inverse
    assert found.results["alphaprun"] == MethodResult(0.4, 0.4, pytest.approx(0.4), ((1, 1),), True)
    with pytest.raises(InputError, match="of another model"):
        compare([case], SCORES, norms_for(scores_of([1.0], [1]), [1.0]))


def test_runs_are_valid_within_budgets_and_apart() -> None:
    costs, budgets = [3, 1, 4], [4, 4]
    assert is_valid([(0, 1), (2, 2)], costs, budgets)
    assert is_valid([(2, 2), (-1, -1)], costs, budgets)
    assert is_valid([(-1, -1), (-1, -1)], costs, budgets)
    for runs in (
        [(0, 2), (-1, -1)],  # over budget
        [(0, 1), (1, 1)],  # overlap
        [(0, 0), (0, 0)],
        [(0, 1)],  # one run for two budgets
        [(2, 3), (-1, -1)],  # behind the last layer
        [(1, 0), (-1, -1)],
        [(-1, 0), (-1, -1)],
    ):
        assert not is_valid(runs, costs, budgets)


def test_results_are_written_as_in_the_original_pipeline(tmp_path: Path) -> None:
    results = compare(make_cases(5), made_scores())
    path = write_results(results, "made", "free", tmp_path / "results")
    assert path == tmp_path / "results" / "made_all_results.json"
    one = json.loads((tmp_path / "results" / "case_004_results.json").read_text())
    assert {"case_id", "budgets", "original_budgets", "budget_ratio", "scale_factor"} < one.keys()
    assert set(one["results"]) == {"random", "alphaprun"}
    best = one["results"]["alphaprun"]
    assert best.keys() == {
        *("optimal_benefit", "alphaprun_benefit", "alphaprun_ratio", "assignments", "is_valid"),
    }
    assert len(best["assignments"]) == 3
    assert all(len(run) == 2 for run in best["assignments"])
    assert read_results(path) == ("made", results)
    ratios = [case.results["random"].alphaprun_ratio for case in results]
    found = summary(results)["random"]
    assert found["mean"] == pytest.approx(np.mean(ratios))
    assert found["std"] == pytest.approx(np.std(ratios))
    assert (found["min"], found["max"]) == (min(ratios), max(ratios))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("results",), [], "none, or of other methods"),
        (("results", 1, "results"), {}, "no methods"),
        (("results", 1, "results"), {"random": 3}, r"results\.random: an object"),
        (("results", 0, "results", "random", "is_valid"), 1, "true or false"),
        (("results", 0, "results", "random", "assignments", 0), [2, 1], "first and last layer"),
        (("results", 0, "results", "random", "assignments", 0), [1], "first and last layer"),
        (("results", 0, "results", "random", "alphaprun_ratio"), "1", "a number"),
        (("results", 0, "budgets"), [0], "not between 1"),
        (("model_name",), 3, "a text"),
    ],
)
def test_other_results_are_refused(
    place: tuple[Any, ...], value: object, said: str, tmp_path: Path
) -> None:
    path = write_results(compare(make_cases(2), made_scores()), "made", "free", tmp_path)
    fields = json.loads(path.read_text())
    inner = fields
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path.write_text(json.dumps(fields))
    with pytest.raises(DecodeError, match=said):
        read_results(path)


# Scalability.


def test_more_verifiers_find_more_and_the_most_that_there_is() -> None:
    scores = scores_of([1.0, 5.0, 2.0, 4.0], [1, 1, 1, 1])
    steps = scale(scores, counts=[1, 2, 4], fraction=0.25)
    assert [step.num_verifiers for step in steps] == [1, 2, 4]
    assert [step.budget for step in steps] == [1, 1, 1]
    found = [step.alphaprun_ratio["alphaprun"] for step in steps]
    assert found == pytest.approx([5 / 12, 9 / 12, 1])
    assert [step.total_cost for step in steps] == [1, 2, 4]
    for step in steps:
        assert step.alphaprun_ratio["random"] <= step.alphaprun_ratio["alphaprun"]


def test_the_steps_are_those_of_the_original_pipeline(tmp_path: Path) -> None:
    assert COUNTS == (1, 6, 11, 16, 21, 26, 31, 36, 41, 46, 51, 56, 61, 66, 71, 76, 81, 86, 91, 96)
    write_cases(tmp_path / "scalability_cases.json")
    assert read_cases(tmp_path / "scalability_cases.json") == (list(COUNTS), 0.01)
    steps = scale(made_scores(), counts=[1, 3])
    path = write_steps(steps, "made", "free", tmp_path)
    assert path.name == "made_scalability_results.json"
    assert read_steps(path) == ("made", steps)


@pytest.mark.parametrize(
    ("counts", "fraction"), [([], 0.01), ([0], 0.01), ([5000], 0.01), ([1], 0.0), ([1], 1e-9)]
)
def test_steps_that_cannot_be_are_refused(counts: list[int], fraction: float) -> None:
    with pytest.raises(InputError, match="verifiers with"):
        scale(SCORES, counts=counts, fraction=fraction)


def published(model: str, sparsity: float, epsilon: float) -> Scores:
    """Scores of a model of 7 billion parameters from its published metrics, block by block."""
    folder = os.environ.get(DATA)
    if not folder:
        pytest.skip(f"{DATA} names no folder with AlphaPruning's arrays")
    metrics = np.load(Path(folder) / model / "alpha_peak.npy").astype(np.float64)
    costs = np.tile([4096 * 4096] * 4 + [4096 * 11008] * 3, 32)
    means = metrics.reshape(32, 7).mean(1).repeat(7)
    shape = 1 - epsilon + (means - means.min()) / (means.max() - means.min()) * 2 * epsilon
    ratios = shape * sparsity * costs.sum() / (costs * shape).sum()
    names = tuple(str(i) for i in range(224))
    blocks = tuple(range(at, at + 7) for at in range(0, 224, 7))
    listed = (tuple((1 - ratios).tolist()), tuple(costs.tolist()), tuple(ratios.tolist()))
    return Scores(model, "alpha_peak", names, *listed, tuple(metrics.tolist()), blocks)


def test_scalability_of_a_published_model_is_the_known_one() -> None:
    steps = scale(published("llama2-7b-hf", 0.7, 0.3), counts=[1, 6, 51, 96])
    found = [step.alphaprun_ratio["alphaprun"] for step in steps]
    assert found == pytest.approx([0.024024, 0.119462, 0.652370, 0.909022], abs=5e-7)


# Foretelling.


def test_a_score_that_is_the_damage_foretells_it_best() -> None:
    drawn = np.random.default_rng(2)
    scores = made_scores(20)
    blocks = [list(block) for block in scores.blocks]
    damage = [float(v) for v in drawn.lognormal(0, 1, len(scores.values))]
    other = drawn.lognormal(0, 1, len(damage)).tolist()
    perfect = replace(scores, values=tuple(damage))
    found = foretell(damage, perfect, norms_for(perfect, other), num_cases=10)
    assert found.correlations["significance"].value == pytest.approx(1)
    assert abs(found.correlations["norm_1"].value) < 0.4
    best = found.beyond_random["alphaprun"]
    assert best.low > 0.02
    assert best.value == pytest.approx(found.found["alphaprun"] - found.random_share)
    for name in ("norm_1", "inverse_norm_2"):
        assert found.found[name] < found.found["alphaprun"]
        assert found.beyond_random[name].low < best.low
    assert "random" not in found.found
    assert 0.03 < found.cost_share["random runs"] < 0.2
    assert set(scores_by_name(perfect, None)) == {"significance", "parameters", "depth"}
    assert len(blocks) == 20
    lines = table(found)
    assert any(line.split()[:2] == ["significance", "+1.000"] for line in lines)


def test_damage_at_random_is_not_foretold() -> None:
    scores = made_scores(20)
    drawn = np.random.default_rng(3)
    damage = drawn.lognormal(0, 1, len(scores.values)).tolist()
    found = foretell(damage, scores, num_cases=20)
    one = found.correlations["significance"]
    assert one.low < 0 < one.high


def test_damage_of_another_model_is_refused() -> None:
    with pytest.raises(InputError, match="of 3 layers, the scores are of 4"):
        foretell([1.0, 2.0, 3.0], SCORES)
    with pytest.raises(InputError, match="no layer's change did anything"):
        foretell([0.0] * 4, SCORES)
    with pytest.raises(InputError, match="of another model"):
        foretell([1.0] * 4, SCORES, norms_for(scores_of([1.0], [1]), [1.0]))


# Scores.


def test_quarters_cut_the_depth_in_four() -> None:
    found = quarters(list(range(10)))
    assert list(found.values()) == [[0, 1], [2, 3, 4], [5, 6], [7, 8, 9]]


def written(tmp_path: Path, **changes: Any) -> Path:
    """A file of scores as the original pipeline writes it, with some fields changed."""
    layers = [
        {
            "index": i,
            "name": f"0.fc{i}",
            "num_parameters": 6 + 2 * i,
            "significance_score": 0.25 * i,
            "pruning_ratio": 1 - 0.25 * i,
            "weight_shape": [2, 3 + i],
        }
        for i in range(2)
    ]
    block = {
        "block_index": 0,
        "start_layer_index": 0,
        "end_layer_index": 1,
        "num_layers": 2,
        "total_parameters": 14,
        "avg_significance": 0.125,
        "avg_pruning_ratio": 0.875,
    }
    metadata = {f"raw_metrics_{name}": 2.0 for name in ("min", "max", "mean")}
    metadata |= {"pruning_ratios_min": 0.75, "pruning_ratios_max": 1.0}
    metadata |= {f"significance_scores_{name}": 0.125 for name in ("min", "max", "mean")}
    fields = {
        "model_name": "org/tiny",
        "metric_name": "alpha",
        "sparsity_ratio": 0.7,
        "epsilon": 0.3,
        "mapping_type": "block_wise",
        "significance_method": "inverse_ratio",
        "total_parameters": 14,
        "num_blocks": 1,
        "num_prunable_layers": 2,
        "layers_per_block": 2,
        "is_opt_model": False,
        "layers": layers,
        "blocks": [block],
        "metadata": metadata,
    }
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({**fields, **changes}))
    return path


def test_scores_are_read(tmp_path: Path) -> None:
    found = read_scores(written(tmp_path))
    assert found.short_name == "tiny"
    assert (found.names, found.values, found.costs) == (("0.fc0", "0.fc1"), (0.0, 0.25), (6, 8))
    assert (found.ratios, found.metrics, found.blocks) == ((1.0, 0.75), None, (range(2),))
    assert found.value_of((0, 1)) == 0.25
    assert found.cost_of((0, 1)) == 14
    assert (found.value_of((-1, -1)), found.cost_of((-1, -1))) == (0.0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"blocks": []},
        {"layers": []},
        {"model_name": 1},
        {"total_parameters": 13},
        {"sparsity_ratio": 1.5},
        {"something": 1},
    ],
)
def test_other_scores_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DecodeError):
        read_scores(written(tmp_path, **changes))
