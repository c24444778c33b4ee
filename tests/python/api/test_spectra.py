"""Spectra, metrics and scores of weights in memory, as the native module gives them."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from assay import InputError, _core
from assay.weights import manifest, stored_tensors

RANDOM = np.random.default_rng(4)
WIDE = RANDOM.standard_normal((20, 50)).astype(np.float32)
TALL = RANDOM.standard_normal((60, 30)).astype(np.float32)


def test_spectra_are_numpys() -> None:
    for weight in (WIDE, TALL):
        expected = np.linalg.svd(weight.astype(np.float64), compute_uv=False)[::-1] ** 2
        for method in ("gram", "svd"):
            found = _core.layers_spectrum(("w", weight, ""), method, None)
            np.testing.assert_allclose(found.eigenvalues, expected, rtol=1e-10)
            assert (found.rows, found.columns, found.zeros) == (*weight.shape, 0)
            assert found.method == method
        value, note = found.metric("stable_rank")
        assert value == pytest.approx(expected.sum() / expected.max(), rel=1e-12)
        assert note == ""


def test_bfloat16_comes_as_its_bits() -> None:
    bits = (WIDE.view(np.uint32) >> 16).astype(np.uint16)
    exact = (bits.astype(np.uint32) << 16).view(np.float32)
    as_bits = _core.layers_spectrum(("w", bits, "bfloat16"), "auto", None)
    as_floats = _core.layers_spectrum(("w", exact, ""), "auto", None)
    np.testing.assert_array_equal(as_bits.eigenvalues, as_floats.eigenvalues)


ONE_TO_TEN = np.arange(1.0, 11.0)
ONE_TO_A_THOUSAND = np.arange(1.0, 1001.0)
# An exact power law of exponent 3.
PARETO = (1 - (np.arange(1000) + 0.5) / 1000) ** -0.5
# Its peak lies below 1.05, where the two lower ends of the window differ most.
WAVES = np.sort(0.05 * np.exp(2 * np.sin(np.arange(512.0))))


@pytest.mark.parametrize(
    ("eigenvalues", "kind", "lower", "alpha", "distance", "smallest"),
    [
        (ONE_TO_TEN, "alpha_mid", "compat", 4.681550358521012, 0.253237800145, 6),
        (ONE_TO_TEN, "alpha", "compat", 4.681550358521012, 0.2532378, 6),
        (ONE_TO_TEN, "alpha_peak", "compat", 1.6620581867464064, 0.316809967, 1),
        (ONE_TO_TEN, "alpha_peak", "exact", 1.6620581867464064, 0.316809967, 1),
        (ONE_TO_A_THOUSAND, "alpha_mid", "compat", 3.5974745240281463, 0.193548165474, 501),
        (ONE_TO_A_THOUSAND, "alpha", "compat", 25.977924624831722, 0.162331689, 924),
        (ONE_TO_A_THOUSAND, "alpha_peak", "compat", 25.977924624831722, 0.162331689, 924),
        (ONE_TO_A_THOUSAND, "alpha_peak", "exact", 25.977924624831722, 0.162331689, 924),
        (PARETO, "alpha_mid", "compat", 3.0033927071796596, 0.001345358, 1.4149212),
        (PARETO, "alpha", "compat", 3.0016947488014734, 0.000672606, None),
        (PARETO, "alpha_peak", "compat", 3.0016947488014734, 0.000672606, None),
        (PARETO, "alpha_peak", "exact", 3.0016947488014734, 0.000672606, None),
        (WAVES, "alpha_mid", "compat", 1.7923513118395067, 0.215982446, None),
        (WAVES, "alpha", "compat", 1.4982649440673128, 0.138543619, 0.0067668949),
        (WAVES, "alpha_peak", "compat", 1.4982649440673128, 0.138543619, 0.0067668949),
        (WAVES, "alpha_peak", "exact", 49.226413104905724, None, 0.35752257),
    ],
)
def test_power_laws(
    eigenvalues: np.ndarray,
    kind: str,
    lower: str,
    alpha: float,
    distance: float | None,
    smallest: float | None,
) -> None:
    found = _core.layers_fit(kind, eigenvalues, lower)
    assert found[0] == pytest.approx(alpha, rel=1e-12)
    assert distance is None or found[1] == pytest.approx(distance, abs=1e-7)
    assert smallest is None or found[2] == pytest.approx(smallest, rel=1e-7)
    assert eigenvalues[found[3]] == found[2]
    assert found[4] == ""


@pytest.mark.parametrize(
    ("metrics", "sizes", "blocks", "settings", "ratios", "full"),
    [
        # Two equal layers: what is over 1 is filled into the others, or cut off.
        ([0, 1], [10, 10], [1, 1], ("block_wise", 0.9, 0.3, "fill"), [0.8, 1], 1),
        ([0, 1], [10, 10], [1, 1], ("block_wise", 0.9, 0.3, "seed"), [0.63, 1], 1),
        ([3, 3, 3], [1, 20, 300], [3], ("layer_wise", 0.7, 0.3, "fill"), [0.7] * 3, 0),
        ([3, 3, 3], [1, 20, 300], [3], ("layer_wise", 0.7, 0.3, "seed"), [0.7] * 3, 0),
        # The means of the blocks are 2 and 4.
        ([1, 3, 4], [1, 1, 2], [2, 1], ("block_wise", 0.5, 0.2, "fill"), [0.4, 0.4, 0.6], 0),
        ([1, 3], [1, 1], [1, 1], ("layer_wise", 0.5, 0.0, "fill"), [0.5, 0.5], 0),
    ],
)
def test_pruning_ratios(
    metrics: list[float],
    sizes: list[int],
    blocks: list[int],
    settings: tuple[str, float, float, str],
    ratios: list[float],
    full: int,
) -> None:
    found, _, filled = _core.layers_pruning_ratios(
        np.array(metrics, float), sizes, blocks, *settings
    )
    np.testing.assert_allclose(found, ratios, rtol=1e-14)
    assert filled == full


def test_a_model_in_memory_is_scored() -> None:
    blocks = [[("q_proj", ("layers.0.q_proj.weight", WIDE, ""))], [("q_proj", ("b", TALL, ""))]]
    weights = {"layers.0.q_proj.weight": WIDE, "b": TALL, "head": WIDE[:1]}
    text, needed, taken_over = _core.layers_score(
        ("mine", "opt"), blocks, "norm", "compat", "auto", "layer_wise", 0.7, 0.3, "fill", 0,
        stored_tensors(weights), None, False,
    )  # fmt: skip
    scores = json.loads(text)
    assert (needed, taken_over) == (2, 0)
    assert (scores["model_name"], scores["is_opt_model"]) == ("mine", True)
    assert [layer["name"] for layer in scores["layers"]] == ["0.q_proj", "1.q_proj"]
    norms = [float((w.astype(np.float64) ** 2).sum()) for w in (WIDE, TALL)]
    assert scores["assay"]["metrics"] == pytest.approx(norms, rel=1e-12)
    assert scores["assay"]["weights"] == manifest(weights).root


def test_given_metrics_make_unbound_scores() -> None:
    blocks = [[("q_proj", ("a", WIDE, ""))], [("q_proj", ("b", TALL, ""))]]

    def score(metrics: list[float]) -> str:
        return _core.layers_score_given(
            ("mine", "opt"), blocks, "alpha_hill", "layer_wise", 0.7, 0.3, "fill", metrics,
            "cache/mine/alpha_hill.npy", False,
        )  # fmt: skip

    scores = json.loads(score([3.0, 2.0]))
    assert scores["metric_name"] == "alpha_mid"
    assert scores["assay"]["metrics"] == [3.0, 2.0]
    assert scores["assay"].get("weights") is None
    assert any("bound to no weights" in note for note in scores["assay"]["notes"])
    with pytest.raises(InputError, match=r"alpha_hill\.npy: 3 metrics, the model has 2 layers"):
        score([3.0, 2.0, 1.0])


SPECTRUM = ("w", WIDE, "")


@pytest.mark.parametrize(
    "bad",
    [
        lambda: _core.layers_spectrum(SPECTRUM, "qr", None),
        lambda: _core.layers_spectrum(("w", WIDE * 0, ""), "auto", None),
        lambda: _core.layers_spectrum(("w", WIDE[0], ""), "auto", None),
        lambda: _core.layers_spectrum(SPECTRUM, "auto", None).metric("beta"),
        lambda: _core.layers_spectrum(SPECTRUM, "auto", None).metric("random_distance"),
        lambda: _core.layers_fit("norm", np.arange(1.0, 5.0), "compat"),
        lambda: _core.layers_fit("alpha", np.arange(1.0, 2.0), "compat"),
        lambda: _core.layers_pruning_ratios(
            np.zeros(2), [1, 1], [2], "block_wise", 1.0, 0.3, "fill"
        ),
    ],
)
def test_refusals(bad: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        bad()
