"""Rows again, by the verifier's own model; and causal measurements again."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tiny_models
from assay import InputError, _core
from assay.models import load, with_rounded_weights
from assay.probe import Direction, Measurer, PositionRule, Text, extract, measure, moves_of
from assay.probe.recomputing import MEAN, own_rows, source_of
from assay.probe.remeasuring import remeasure
from probe_models import LAYER, Built, built, plan

TEXTS = [Text((3, 1, 4, 1, 5), "a", 0), Text((9, 2), "a", 1), Text((6, 5, 3), "b", 0)]
TOKENS = [text.tokens for text in TEXTS]


def statement(rule: str, layer: int = 1) -> Any:
    return SimpleNamespace(position_rule=rule, layer=layer)


def extracted(where: Path, rule: str, texts: list[Text] = TEXTS) -> tuple[Any, Any, list[int]]:
    one = load(str(tiny_models.folder(where)))
    found = extract(one, texts, [1], where / "x.gotact", rule=PositionRule(rule))
    _, _, _, numbers, values = _core.probe_read_activations(str(found.activations))
    return one.model, values[0], list(numbers)


@pytest.mark.parametrize("rule", ["all", "last", "mean", "0,1"])
def test_the_same_setting_gives_equal_bits(rule: str, tmp_path: Path) -> None:
    model, rows, numbers = extracted(tmp_path, rule)
    source = source_of(statement(rule), TOKENS, numbers)
    own = own_rows(model, 1, source, numbers)
    assert own.tobytes() == rows.tobytes()


def test_of_one_text_rows_are_known_by_their_positions(tmp_path: Path) -> None:
    model, rows, numbers = extracted(tmp_path, "1,3", TEXTS[:1])
    assert numbers == [1, 3]
    source = source_of(statement("1,3"), TOKENS[:1], numbers)
    assert own_rows(model, 1, source, [3]).tobytes() == rows[1:].tobytes()


@pytest.mark.parametrize(
    ("texts", "rule", "numbers", "reason"),
    [
        (1, "1,3", [1, 2], "row 1 is called 2, by the rule of positions it is 3"),
        (1, "0,3", [1, 5], "row 0 is called 1, by the rule of positions it is 0"),
        (1, "mean", [4], "row 0 is called 4, by the rule of positions it is 0"),
        (2, "last", [0, 2], "row 1 is called 2, by the rule of positions it is 1"),
    ],
)
def test_rows_at_other_positions_than_the_rule_names(
    texts: int, rule: str, numbers: list[int], reason: str
) -> None:
    with pytest.raises(InputError, match=f"activations: {reason}"):
        source_of(statement(rule), TOKENS[:texts], numbers)


def test_only_texts_with_a_row_that_was_read_are_run(tmp_path: Path) -> None:
    model, rows, numbers = extracted(tmp_path, "all")
    ran = 0

    def count(*_: object) -> None:
        nonlocal ran
        ran += 1

    source = source_of(statement("all"), TOKENS, numbers)
    model.model.layers[0].register_forward_hook(count)
    own = own_rows(model, 1, source, [2, 9])
    assert own.tobytes() == rows[[2, 9]].tobytes()
    # Two texts, and the pass over two tokens that finds the layout.
    assert ran == 3


def test_the_mean_of_all_rows(tmp_path: Path) -> None:
    model, rows, numbers = extracted(tmp_path, "last")
    source = source_of(statement("last"), TOKENS, numbers)
    own = own_rows(model, 1, source, [MEAN])
    np.testing.assert_allclose(own[0], rows.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert own.shape == (1, tiny_models.HIDDEN)


def test_another_model_and_another_prompt_give_other_rows(tmp_path: Path) -> None:
    model, rows, numbers = extracted(tmp_path, "last")
    source = source_of(statement("last"), TOKENS, numbers)
    rounded = with_rounded_weights(model, 4)
    other = [(7, *tokens[1:]) for tokens in TOKENS]
    for own in (
        own_rows(rounded, 1, source, numbers),
        own_rows(model, 1, source_of(statement("last"), other, numbers), numbers),
    ):
        distance = np.linalg.norm(own - rows, axis=1) / np.linalg.norm(rows, axis=1)
        assert distance.min() > 0.01


def test_what_cannot_be_recomputed(tmp_path: Path) -> None:
    model, _, numbers = extracted(tmp_path, "last")
    with pytest.raises(InputError, match="does not say which rows of a text were taken"):
        source_of(statement("unknown"), TOKENS, numbers)
    with pytest.raises(InputError, match="tokens: the texts have 10 rows, the activations 3"):
        source_of(statement("all"), TOKENS, numbers)
    source = source_of(statement("last"), TOKENS, numbers)
    with pytest.raises(InputError, match="reads row 3, which is not there"):
        own_rows(model, 1, source, [0, 3])


# Causal measurements.


@pytest.fixture(scope="module")
def measured() -> tuple[Built, Measurer, dict[str, Any]]:
    model = built()
    sd = float((model.rows @ model.used).std())
    moves = moves_of(Direction(model.used, model.used, sd), np.eye(32), model.rows, plan())
    measurer = Measurer(model.model, LAYER, plan(), moves)
    return model, measurer, measure(measurer, plan())


def test_honest_results_come_out_again(measured: tuple[Built, Measurer, dict[str, Any]]) -> None:
    _, measurer, raw = measured
    again = remeasure(measurer, plan(), raw, 0.1)
    assert (len(again.prompts), len(again.directions)) == (2, 20)
    assert again.numbers == (2 + 20) * 6
    assert again.difference < 1e-4
    # Nobody foresees which.
    assert len({tuple(remeasure(measurer, plan(), raw, 0.02).directions) for _ in range(3)}) > 1


@pytest.mark.parametrize("name", ["dose", "random_dose", "ablated", "random_ablated"])
def test_numbers_that_somebody_made_up_do_not(
    name: str, measured: tuple[Built, Measurer, dict[str, Any]]
) -> None:
    _, measurer, raw = measured
    false = {**raw, name: (np.asarray(raw[name]) + 0.05).tolist()}
    again = remeasure(measurer, plan(), false, 0.05)
    assert again.difference == pytest.approx(0.05, abs=1e-3)
    assert again.where == name


def test_results_of_other_sizes(measured: tuple[Built, Measurer, dict[str, Any]]) -> None:
    _, measurer, raw = measured
    short = {**raw, "random_dose": raw["random_dose"][1:]}
    with pytest.raises(InputError, match="results: random_dose: not of shape"):
        remeasure(measurer, plan(), short, 0.1)
    with pytest.raises(InputError, match="share: is 0"):
        remeasure(measurer, plan(), raw, 0)
