"""Spectra, metrics and scores of weights in memory, as the native module gives them."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from assay import InputError, _core

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


def test_fits_and_ratios() -> None:
    alpha, distance, smallest, start, note = _core.layers_fit(
        "alpha_mid", np.arange(1.0, 11.0), "compat"
    )
    assert alpha == pytest.approx(4.681550358521012, rel=1e-13)
    assert distance == pytest.approx(0.253237800145, rel=1e-11)
    assert (smallest, start, note) == (6, 5, "")
    ratios, _, full = _core.layers_pruning_ratios(
        np.array([0.0, 1.0]), [10, 10], [1, 1], "block_wise", 0.9, 0.3, "fill"
    )
    np.testing.assert_allclose(ratios, [0.8, 1.0], rtol=1e-14)
    assert full == 1


def test_a_model_in_memory_is_scored() -> None:
    blocks = [[("q_proj", ("layers.0.q_proj.weight", WIDE, ""))], [("q_proj", ("b", TALL, ""))]]
    text, needed, taken_over = _core.layers_score(
        ("mine", "opt"), blocks, "norm", "compat", "auto", "layer_wise", 0.7, 0.3, "fill", 0,
        bytes(32), None, False,
    )  # fmt: skip
    scores = json.loads(text)
    assert (needed, taken_over) == (2, 0)
    assert (scores["model_name"], scores["is_opt_model"]) == ("mine", True)
    assert [layer["name"] for layer in scores["layers"]] == ["0.q_proj", "1.q_proj"]
    norms = [float((w.astype(np.float64) ** 2).sum()) for w in (WIDE, TALL)]
    assert scores["assay"]["metrics"] == pytest.approx(norms, rel=1e-12)


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
