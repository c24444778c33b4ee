"""Damage of changed layers: against whole models that are changed, and its file."""

import copy
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_models
from assay import DecodeError, InputError
from assay.layers.damage import Bench, Change, Damage, Unchanged, answers, measure_all
from assay.layers.damage_file import (
    Keeper,
    Measured,
    Subject,
    digest_of,
    read_damage,
    resume,
    values_of,
)
from assay.layers.layer_groups import Group, groups_of, name_of
from assay.models import linear_layers, noised, pruned, rounded
from assay.progress import Progress

IDS = torch.arange(24).reshape(2, 12) % tiny_models.VOCAB


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# Groups.


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("all", [(0,), (1,), (2,), (3,)]),
        ("3,0-1", [(3,), (0,), (1,)]),
        ("(0-1),(2-3)", [(0, 1), (2, 3)]),
        ("(3,0-1),2", [(0, 1, 3), (2,)]),
        ("0,(0-3),1", [(0,), (0, 1, 2, 3), (1,)]),
    ],
)
def test_groups_are_read(text: str, groups: list[tuple[int, ...]]) -> None:
    assert groups_of(text, 4) == groups
    assert groups_of(",".join(map(name_of, groups)), 4) == groups


def test_names_of_groups_are_short() -> None:
    assert [name_of(one) for one in ((7,), (0, 1, 2), (0, 3, 4, 5, 9))] == [
        *("7", "(0-2)", "(0,3-5,9)"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no layers"),
        ("all,", "names no layers"),
        ("0,,1", "names no layers"),
        ("(0-1", "names no layers"),
        ("0-1)", "names no layers"),
        ("((0))", "names no layers"),
        ("-1", "names no layers"),
        ("0 1", "names no layers"),
        ("٣", "names no layers"),
        ("4", "numbered 0 to 3"),
        ("2-1", "the lower one first"),
        ("(0,2-4)", "numbered 0 to 3"),
        ("1,0-2", "1 is named twice"),
        ("(0-1),(1,0)", r"\(0-1\) is named twice"),
        ("(1,0-2)", "names a layer twice"),
    ],
)
def test_other_texts_are_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        groups_of(text, 4)
    assert caught.value.place == "--layers"


# Measuring.


def divergence(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    p, q = own.double().softmax(-1), other.double().softmax(-1)
    return (p * (p / q).log()).sum(-1)


@pytest.mark.parametrize("layout", ["llama", "gpt2", "opt_projected"])
@pytest.mark.parametrize(
    "change", [Change(), Change("noise", strength=0.3, seed=5), Change("prune", share=0.3)]
)
def test_damage_is_that_of_the_whole_model_with_changed_layers(layout: str, change: Any) -> None:
    model = tiny_models.tiny(layout)
    before = copy.deepcopy(model.state_dict())
    bench = Bench(model, IDS)
    group = (1, len(bench.layers) - 1)
    found = bench.measure(group, change)
    changed = copy.deepcopy(model)
    layers = linear_layers(changed)
    with torch.no_grad():
        for index in group:
            weight = layers[index].weight
            made = {
                "round": lambda w, _: rounded(w, 4, 128),
                "noise": lambda w, i: noised(w, 0.3, 5 * 65536 + i),
                "prune": lambda w, _: pruned(w, 0.3),
            }[change.kind](weight, index)
            weight.copy_(made)
        own = model(input_ids=IDS).logits.flatten(0, 1)
        other = changed(input_ids=IDS).logits.flatten(0, 1)
    kl = divergence(own, other)
    assert found.kl == pytest.approx(kl.mean().item(), rel=1e-9)
    assert found.kl_max == pytest.approx(kl.max().item(), rel=1e-9)
    assert found.kl > 1e-4
    moved = (own.double() - other.double()).square().mean() / own.double().var(
        -1, correction=0
    ).mean()
    assert found.logit_change == pytest.approx(math.sqrt(moved.item()), rel=1e-9)
    others = (own.argmax(-1) != other.argmax(-1)).double().mean().item()
    assert found.changed_tokens == others
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_scores_are_compared_as_by_hand() -> None:
    # Odds 1:3 become 3:1: KL = .25 ln(1/3) + .75 ln 3 = ln(3) / 2, and the likelier one is another.
    own = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    other = torch.tensor([[math.log(3), 0.0], [1.0, 1.0]])
    found = Unchanged(own).compared(other)
    assert found.kl == pytest.approx(math.log(3) / 4)
    assert found.kl_max == pytest.approx(math.log(3) / 2)
    assert found.changed_tokens == 0.5
    # Squares of the change: log(3)^2 and 1; variances log(3)^2 / 4 and 0.
    spread = math.log(3) ** 2 / 4
    assert found.logit_change == pytest.approx(math.sqrt((math.log(3) ** 2 + 1) / spread))
    same = Unchanged(own).compared(own)
    assert (same.logit_change, same.changed_tokens) == (0, 0)
    assert 0 <= same.kl <= same.kl_max < 1e-15


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="NaN, infinite or all alike"):
        Unchanged(torch.tensor([[0.0, 1.0]])).compared(torch.tensor([[0.0, value]]))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "melt"}, "one of round, noise, prune"),
        ({"bits": 1}, "2 to 16"),
        ({"group": 0}, "1 to 1048576"),
        ({"strength": 0.0}, "above 0"),
        ({"strength": math.inf}, "above 0"),
        ({"strength": math.nan}, "above 0"),
        ({"share": 1.5}, "at most 1"),
        ({"seed": -1}, "0 to"),
    ],
)
def test_changes_that_there_are_not_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Change(**fields)


def test_answers_are_of_equal_length_and_the_models_own() -> None:
    model = tiny_models.tiny()
    prompts = [[1, 2, 3], [4, 5, 6, 7, 8], [9] * 30]

    def encode(count: int) -> list[list[int]]:
        assert count == 3
        return prompts

    ids = answers(model, encode, tokens=30, length=10)
    assert ids.shape == (3, 10)
    assert ids[0, :3].tolist() == prompts[0]
    assert ids[2, :9].tolist() == [9] * 9
    with torch.no_grad():
        row = list(prompts[0])
        while len(row) < 10:
            row.append(int(model(input_ids=torch.tensor([row])).logits[0, -1].argmax()))
    assert ids[0].tolist() == row
    with pytest.raises(InputError, match="one sequence"):
        answers(model, encode, tokens=5, length=10)


# The file.


def subject_of(**changes: Any) -> Subject:
    fields: dict[str, Any] = {
        "model_name": "tiny",
        "model_files": {"model.safetensors": "ab" * 32},
        "engine": "float32, sdpa, cpu",
        "change": Change().described(),
        "sequences": 2,
        "length": 12,
        "tokens": digest_of(IDS),
        "layers": tuple(f"{i}.fc" for i in range(3)),
        "num_parameters": (6, 6, 8),
    }
    return Subject(**{**fields, **changes})


def keep(path: Path, measured: Measured, found: Iterable[tuple[Group, Damage, float]]) -> None:
    with Keeper(path, measured) as keeper:
        for group, damage, _ in found:
            keeper.add(group, damage)


def test_a_measurement_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    path = tmp_path / "damage.json"
    model = tiny_models.tiny()
    bench = Bench(model, IDS)
    names = tuple(layer.name for layer in bench.layers)
    sizes = tuple(layer.weight.numel() for layer in bench.layers)
    subject = subject_of(layers=names, num_parameters=sizes)
    groups = groups_of("0-4,(5-6)", len(names))
    measured = resume(path, subject)
    assert measured.damage == {}

    def stop(progress: Progress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep(path, measured, measure_all(bench, groups, Change(), stop))
    again = resume(path, subject)
    assert list(again.damage) == [(0,), (1,), (2,)]
    assert again.damage == measured.damage
    left = [group for group in groups if group not in again.damage]
    keep(path, again, measure_all(bench, left, Change()))
    whole = {group: damage for group, damage, _ in measure_all(bench, groups, Change())}
    assert read_damage(path).damage == whole
    assert read_damage(path).subject == subject


@pytest.mark.parametrize(
    "changes",
    [
        {"model_files": {}},
        {"engine": "bfloat16, sdpa, cpu"},
        {"change": Change(bits=3).described()},
        {"change": Change("noise").described()},
        {"tokens": digest_of(IDS + 1)},
        {"layers": ("0.fc", "1.fc", "2.other")},
    ],
)
def test_a_measurement_of_another_subject_is_not_gone_on_with(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "damage.json"
    path.write_text(Measured(subject_of()).to_json())
    (name,) = changes
    with pytest.raises(InputError, match=f"with another {name}; remove it, or choose another"):
        resume(path, subject_of(**changes))
    assert resume(path, subject_of()).damage == {}


def entry(*layers: int, **changes: Any) -> dict[str, Any]:
    figures = {"kl": 0.5, "kl_max": 1.0, "logit_change": 0.1, "changed_tokens": 0.25}
    return {"layers": list(layers), "name": "x", **figures, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "assay/layers/damage/v0"}, "format: not"),
        ({"damage": [entry(3)]}, r"damage\[0\]\.layers\[0\]: 3 is not between 0 and 2"),
        ({"damage": [entry(0), entry(0)]}, "measured twice"),
        ({"damage": [entry(1, 0)]}, "not ascending"),
        ({"damage": [entry()]}, "no layers"),
        ({"damage": [entry(0, kl=-1.0)]}, r"kl: -1.0 is not finite and at least 0"),
        ({"damage": [entry(0, kl="1")]}, "a number is expected here"),
        ({"damage": [3]}, r"damage\[0\]: an object is expected here"),
        ({"damage": {}}, "damage: a list is expected here"),
        ({"num_parameters": [6, 6]}, "not one for each layer"),
        ({"layers": [1, 2, 3]}, "a list of texts"),
        ({"sequences": 0}, "not between 1"),
        ({"model_name": None}, "a text is expected here"),
    ],
)
def test_other_files_are_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "damage.json"
    fields = {**json.loads(Measured(subject_of()).to_json()), **changes}
    path.write_text(json.dumps(fields))
    with pytest.raises(DecodeError, match=said) as caught:
        read_damage(path)
    assert caught.value.place.startswith(str(path))


@pytest.mark.parametrize("text", ["", "[]", "{", "nul", "[" * 200])
def test_what_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "damage.json"
    path.write_text(text)
    with pytest.raises(DecodeError, match=r"not JSON|an object|nested"):
        read_damage(path)


def test_values_need_every_layer_alone(tmp_path: Path) -> None:
    path = tmp_path / "damage.json"
    fields = json.loads(Measured(subject_of()).to_json())
    listed = [entry(2, kl=3.0), entry(0, kl=1.0), entry(0, 1, kl=9.0)]
    path.write_text(json.dumps({**fields, "damage": listed}))
    with pytest.raises(InputError, match="1 layers were not changed alone, the first is 1"):
        values_of(read_damage(path))
    path.write_text(json.dumps({**fields, "damage": [*listed, entry(1, kl=2.0)]}))
    assert values_of(read_damage(path)) == [1.0, 2.0, 3.0]
