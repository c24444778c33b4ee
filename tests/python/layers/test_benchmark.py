"""Budgets, objectives, norms: what the benchmark is made of, against values by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from assay import DecodeError, InputError
from assay.layers.cases import FAMILIES, Case, make_cases, read_cases, write_cases
from assay.layers.norms import LayerNorms, ModelNorms, measure, norms_of, read_norms
from assay.layers.objectives import METHODS, objectives, random_values
from assay.models import linear_layers

# Cases.


def test_a_hundred_cases_are_twenty_of_each_family() -> None:
    cases = make_cases()
    assert [case.case_id for case in cases] == list(range(1, 101))
    assert [case.family for case in cases] == [name for name in FAMILIES for _ in range(20)]
    assert list(FAMILIES) == ["random", "dominant", "decreasing", "increasing", "equal"]
    assert all(len(case.budgets) == 3 for case in cases)


def test_budgets_sum_to_a_share_of_the_cost() -> None:
    shares = [sum(case.budgets) / 1e9 for case in make_cases(1000)]
    assert all(0.15 - 1e-8 <= share <= 0.35 for share in shares)
    assert np.mean(shares) == pytest.approx(0.25, abs=0.01)
    assert min(shares) < 0.155
    assert max(shares) > 0.345
    (case,) = make_cases(1, cost=10**6)
    assert sum(case.budgets) == pytest.approx(sum(make_cases(1)[0].budgets) / 1000, abs=4)


def test_families_have_their_shapes() -> None:
    by_family: dict[str, list[tuple[int, ...]]] = {}
    for case in make_cases(500, 4):
        by_family.setdefault(case.family, []).append(case.budgets)
    for budgets in by_family["dominant"]:
        assert max(budgets) / sum(budgets) > 0.65
    # All places may hold the largest.
    assert {one.index(max(one)) for one in by_family["dominant"]} == {0, 1, 2, 3}
    for falling, rising in zip(by_family["decreasing"], by_family["increasing"], strict=True):
        assert falling[0] / falling[3] == pytest.approx(np.exp(2), rel=1e-6)
        assert falling[0] / falling[1] == pytest.approx(np.exp(2 / 3), rel=1e-6)
        assert rising[3] / rising[0] == pytest.approx(np.exp(2), rel=1e-6)
    for budgets in by_family["equal"]:
        assert len(set(budgets)) == 1
    spread = [max(one) / min(one) for one in by_family["random"]]
    assert 1 < min(spread) < 2 < max(spread) < 10


def test_cases_come_of_their_seed_alone() -> None:
    assert make_cases(10) == make_cases(10)
    assert make_cases(10, seed=43) != make_cases(10)
    assert make_cases(2)[0] == make_cases(10)[0]


@pytest.mark.parametrize(
    "given", [{"count": 0}, {"verifiers": 0}, {"verifiers": 5000}, {"count": 10**6}, {"cost": 0}]
)
def test_counts_outside_their_range_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(InputError, match="give 1 to"):
        make_cases(**given)


def test_cases_are_written_as_in_the_original_pipeline(tmp_path: Path) -> None:
    cases = make_cases(5, 2)
    write_cases(cases, tmp_path / "cases")
    names = sorted(path.name for path in (tmp_path / "cases").iterdir())
    assert names == ["all_cases.json", *(f"case_00{i}.json" for i in range(1, 6))]
    one = json.loads((tmp_path / "cases" / "case_003.json").read_text())
    assert one["case_id"] == 3
    assert one["budgets"] == list(cases[2].budgets)
    everything = json.loads((tmp_path / "cases" / "all_cases.json").read_text())
    assert (everything["num_cases"], everything["num_verifiers"]) == (5, 2)
    assert everything["cases"][2] == one
    assert read_cases(tmp_path / "cases") == cases
    assert read_cases(tmp_path / "cases" / "all_cases.json") == cases


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([], "0 of them"),
        ([{"case_id": 1, "budgets": []}], r"cases\[0\]\.budgets: 0 of them"),
        ([{"case_id": 1, "budgets": [0]}], r"budgets\[0\]: 0 is not between 1"),
        ([{"case_id": 1, "budgets": [2.5]}], "an integer is expected here"),
        ([{"case_id": 1, "budgets": [True]}], "an integer is expected here"),
        ([{"budgets": [1]}], "case_id: an integer is expected here"),
        ([{"case_id": 1, "budgets": [1]}] * 2, "case 1 is there twice"),
        ([1], "an object is expected here"),
    ],
)
def test_other_cases_are_refused(cases: list[Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "all_cases.json").write_text(json.dumps({"cases": cases}))
    with pytest.raises(DecodeError, match=said) as caught:
        read_cases(tmp_path)
    assert "all_cases.json" in caught.value.place


def test_cases_of_the_original_pipeline_are_read(tmp_path: Path) -> None:
    fields = {"num_cases": 1, "cases": [{"case_id": 7, "budgets": [3.0, 4]}]}
    (tmp_path / "all_cases.json").write_text(json.dumps(fields))
    assert read_cases(tmp_path) == [Case(7, "", (3, 4))]


# Norms.


def test_norms_are_those_of_the_flattened_weights() -> None:
    weight = torch.tensor([[3.0, -4.0], [0.0, 12.0], [-1.0, 1.0]])
    found = norms_of(weight, "w")
    assert found == LayerNorms(21.0, pytest.approx(np.sqrt(171)), 12.0)
    # Sums in bfloat16 would be far off.
    ones = torch.full((300, 3000), 1.0078125, dtype=torch.bfloat16)
    found = norms_of(ones, "w")
    assert found.norm_1 == 900000 * 1.0078125
    assert found.norm_2 == pytest.approx(1.0078125 * np.sqrt(900000), rel=1e-12)


def test_norms_of_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(37, 11, generator=torch.Generator().manual_seed(1))
    whole = norms_of(weight, "w")
    monkeypatch.setattr("assay.layers.norms._ROWS_OF", 25)
    pieces = norms_of(weight, "w")
    assert pieces.norm_inf == whole.norm_inf
    assert (pieces.norm_1, pieces.norm_2) == pytest.approx((whole.norm_1, whole.norm_2), rel=1e-13)
    weight[20, 3] = float("nan")
    with pytest.raises(InputError, match="weight 223 is NaN or infinite") as caught:
        norms_of(weight, "5.fc1")
    assert caught.value.place == "5.fc1"


def test_norms_are_written_and_read(tmp_path: Path) -> None:
    layers = linear_layers(tiny_models.tiny("gpt2"))
    found = measure("tiny", layers)
    path = tmp_path / "tiny_norms.json"
    found.write(path)
    fields = json.loads(path.read_text())
    third = fields["layers"][2]
    assert third == {
        "index": 2,
        "name": "0.mlp.c_fc",
        "norm_1": pytest.approx(layers[2].weight.double().abs().sum().item()),
        "norm_2": pytest.approx(layers[2].weight.double().norm().item()),
        "norm_inf": layers[2].weight.abs().max().item(),
    }
    assert read_norms(path) == found
    names = [layer.name for layer in layers]
    found.require_of(names, "norms")
    with pytest.raises(InputError, match="norms of 12 layers, the scores are of 11: of another"):
        found.require_of(names[:-1], "norms")
    with pytest.raises(InputError, match=r"layer 3 is 0\.mlp\.c_proj, in the scores 0\.x"):
        found.require_of([*names[:3], "0.x", *names[4:]], "norms")


def norm(index: int, **changes: Any) -> dict[str, Any]:
    return {"index": index, "norm_1": 3.0, "norm_2": 2.0, "norm_inf": 1.0, **changes}


def test_norms_of_the_original_pipeline_name_no_layers(tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    path.write_text(json.dumps({"layers": [norm(0), norm(1)]}))
    found = read_norms(path)
    assert found == ModelNorms("", (), (LayerNorms(3.0, 2.0, 1.0),) * 2)
    found.require_of(["any", "names"], "norms")


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([], "none, or some without a name"),
        ([norm(1)], "0 is expected here"),
        ([norm(0), norm(1, name="x")], "some without a name"),
        ([norm(0, norm_2=-1)], "at least 0"),
        ([norm(0, norm_inf=None)], "a number is expected here"),
        ([norm(0, norm_1=10**400)], "inf is not finite"),
    ],
)
def test_other_norms_are_refused(layers: list[Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    path.write_text(json.dumps({"layers": layers}))
    with pytest.raises(DecodeError, match=said):
        read_norms(path)


# Objectives.


def test_each_method_has_its_values() -> None:
    layers = (LayerNorms(4.0, 2.0, 0.5), LayerNorms(8.0, 4.0, 0.25))
    found = objectives([0.3, 0.1], ModelNorms("", (), layers), 1)
    assert tuple(found) == METHODS
    assert {name: values.tolist() for name, values in found.items() if name != "random"} == {
        "norm_1": [4, 8],
        "inverse_norm_1": [0.25, 0.125],
        "norm_2": [2, 4],
        "inverse_norm_2": [0.5, 0.25],
        "norm_inf": [0.5, 0.25],
        "inverse_norm_inf": [2, 4],
        "alphaprun": [0.3, 0.1],
    }
    assert tuple(objectives([0.3, 0.1], None, 1)) == ("random", "alphaprun")
    with pytest.raises(InputError, match="norm_2 of layer 1: is 0"):
        objectives([1, 1], ModelNorms("", (), (layers[0], LayerNorms(1.0, 0.0, 1.0))), 1)


def test_random_values_peak_in_the_middle_of_the_depth() -> None:
    values = np.array([random_values(101, case) for case in range(1, 2001)])
    assert values.min() >= 0.1
    assert values[:, 0].max() <= 99_999.9
    expected = 500_000 * (0.1 + 0.9 * (1 - np.linspace(-1, 1, 101) ** 2))
    assert values.mean(0) == pytest.approx(expected, rel=0.06)
    assert (random_values(101, 3) == random_values(101, 3)).all()
    assert (random_values(101, 3) != random_values(101, 4)).any()
    # At the middle the bump is 1, so that the value is the integer itself.
    assert float(random_values(101, 5)[50]).is_integer()
    assert random_values(1, 1)[0] >= 1
