"""Pictures of what probes are worth: the numbers in them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import InputError
from assay.errors import DecodeError
from assay.plotting import Chart, draw
from assay.probe import pictures
from assay_program import done, refused


def evaluation(layer: int = 3, shift: float = 1.5) -> dict[str, Any]:
    labels = np.tile([False, True], 40)
    scores = np.random.default_rng(layer).standard_normal(80) + shift * labels
    return {
        "format": "assay/probe/evaluation/v1",
        "layer": layer,
        "probes": [
            {
                "dimension": "past",
                "examples": 80,
                "groups": 40,
                "positives": 40,
                "auroc": 0.85,
                "auroc_low": 0.76,
                "auroc_high": 0.92,
                "ece": 0.06,
                "brier": 0.16,
                "baselines": {"difference_of_means": 0.8, "bag_of_tokens": 0.6},
                "scores": scores.tolist(),
                "labels": labels.tolist(),
                "group_of": np.repeat(np.arange(40), 2).tolist(),
            }
        ],
    }


def results() -> dict[str, Any]:
    alphas = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    generator = np.random.default_rng(5)
    own = 3 + 0.7 * alphas + 0.2 * generator.standard_normal((12, 5))
    others = 3 + generator.standard_normal((200, 1)) * 0.1 * alphas
    return {
        "format": "assay/probe/causal/v1",
        "layer": 3,
        "dimension": "past",
        "alphas": alphas.tolist(),
        "kl_bound": 0.5,
        "dose": own.tolist(),
        "random_dose": others.tolist(),
        "ablated": own[:, 2].tolist(),
        "random_ablated": others[:, 2].tolist(),
        "neutral_kl": [0.1, 0.2],
    }


def test_the_area_under_the_curve_is_the_share_of_pairs() -> None:
    probe = evaluation()["probes"][0]
    scores, labels = np.array(probe["scores"]), np.array(probe["labels"])
    scores = scores.round(1)  # ties
    grid = np.linspace(0, 1, 100_001)
    rates = pictures._true_rates(scores, labels, grid)
    pairs = scores[labels][:, None] - scores[~labels][None]
    counted = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert np.trapezoid(rates, grid) == pytest.approx(counted, abs=1e-4)


def test_the_band_of_the_curve_holds_it() -> None:
    curve = pictures.of_roc(evaluation()["probes"][0]).series[0]
    inside = np.logical_and(np.array(curve.low) <= curve.y, np.array(curve.y) <= curve.high)
    assert inside.mean() > 0.9
    assert curve.label == "AUROC 0.850 [0.760, 0.920]"
    assert np.mean(np.array(curve.high) - curve.low) > 0.02


def test_reliability_is_counted_in_ten_bins() -> None:
    probe = {**evaluation()["probes"][0]}
    probe["scores"] = [-2.0, -2.0, 2.0, 2.0]
    probe["labels"] = [False, True, True, True]
    (observed, _) = pictures.of_reliability(probe, 1.0, 0.0).series
    said = 1 / (1 + np.exp(-2))
    assert observed.x == pytest.approx([1 - said, said])
    assert observed.y == [0.5, 1.0]
    # Wilson's interval, by its formula solved apart: |p - r| = z sqrt(p (1 - p) / n).
    for rate, low, high in zip(observed.y, observed.low, observed.high, strict=True):
        for end in (low, high):
            if 0 < end < 1:
                assert abs(end - rate) == pytest.approx(1.959964 * (end * (1 - end) / 2) ** 0.5)


def test_layers_are_in_order_with_their_baselines() -> None:
    chart = pictures.of_layers([evaluation(9), evaluation(2), evaluation(5)], "past")
    assert [one.label for one in chart.series] == [
        "probe", "difference of means", "bag of tokens",
    ]  # fmt: skip
    assert list(chart.series[0].x) == [2.0, 5.0, 9.0]
    with pytest.raises(InputError, match="two are of one layer"):
        pictures.of_layers([evaluation(2), evaluation(2)], None)


def test_the_dose_is_a_change_over_the_band_of_random_directions() -> None:
    own, band = pictures.of_dose(results()).series
    given = results()
    dose = np.array(given["dose"])
    np.testing.assert_allclose(own.y, (dose - dose[:, 2:3]).mean(axis=0))
    assert own.y[2] == 0
    drawn = np.array(given["random_dose"])
    low = np.quantile(drawn - drawn[:, 2:3], 0.005, axis=0)
    np.testing.assert_allclose(band.low, low)
    assert own.y[4] > band.high[4]


@pytest.mark.parametrize("ending", ["png", "vl.json"])
def test_each_panel_can_be_drawn(ending: str, tmp_path: Path) -> None:
    picture = pictures.picture_of([evaluation()], results(), None, None)
    assert all(isinstance(panel, Chart) for panel in picture.panels)
    assert len(picture.panels) == 2
    draw(picture, tmp_path / f"x.{ending}")
    assert (tmp_path / f"x.{ending}").stat().st_size > 1000


def write(path: Path, fields: object) -> Path:
    path.write_text(json.dumps(fields))
    return path


def test_the_program(tmp_path: Path) -> None:
    for layer in (2, 7):
        write(tmp_path / f"{layer}.json", evaluation(layer))
    write(tmp_path / "causal.json", results())
    line = "probe plot --output x.vl.json --evaluation 2.json 7.json --causal causal.json"
    done(tmp_path, line)
    drawn = json.loads((tmp_path / "x.vl.json").read_text())
    titles = [panel["title"] for panel in drawn["concat"]]
    assert titles == ["AUROC by layer", "layer 3: moved along the direction"]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--output x.png", "nothing to draw; give --evaluation or --causal"),
        ("--output x.pdf --causal causal.json", "of an ending that is not drawn"),
        ("--output x.png --evaluation no.json", "no.json: No such file"),
        ("--output x.png --evaluation causal.json", "causal.json: no assay/probe/evaluation/v1"),
        ("--output x.png --evaluation 2.json --dimension other", "dimension other: not among"),
        ("--output x.png --causal broken.json", "broken.json: a field is missing"),
    ],
)
def test_bad_input_is_one_line(flags: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path / "2.json", evaluation(2))
    write(tmp_path / "causal.json", results())
    broken = results()
    del broken["random_dose"]
    write(tmp_path / "broken.json", broken)
    assert reason in refused(tmp_path, f"probe plot {flags}")


def test_files_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="no assay/probe/causal/v1"):
        pictures.read_results(write(tmp_path / "x.json", []))
