"""The native room against independent computations: fractions, and Newton's method in numpy."""

import base64
import hashlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assay import _core

VECTORS = Path(__file__).parents[3] / "vectors" / "probe"


def whole(value: float, least: int) -> int:
    """Of value * 2^least, which is a whole number."""
    scaled = Fraction(value) * 2**least
    assert scaled.denominator == 1
    return scaled.numerator


def exact(rows: NDArray[np.float32], covector: NDArray[np.float64], bias: float) -> list[float]:
    """Rounded once, by Python's division of whole numbers, which fractions use."""
    least = 149 + 1074
    numbers = [whole(float(v), 1074) for v in covector]
    start = whole(bias, least)
    out = []
    for row in rows.tolist():
        total = start + sum(whole(a, 149) * b for a, b in zip(row, numbers, strict=True))
        out.append(float(Fraction(total, 2**least)))
    return out


def rows_of_all_kinds(count: int, width: int) -> NDArray[np.float32]:
    draw = np.random.default_rng(3)
    rows = draw.standard_normal((count, width)).astype(np.float32)
    rows[::5, width // 2 :] = -rows[::5, : width // 2]  # cancels, with the covector below
    rows[1::5] *= np.float32(2.0**-140)  # denormals
    rows[2::5, 3] = np.float32(1e4)  # outliers, as real models have them
    rows[3::5] *= np.float32(2.0) ** draw.integers(-60, 60, (len(rows[3::5]), width))
    return rows


def test_ten_thousand_readings_equal_fractions() -> None:
    width = 8
    rows = rows_of_all_kinds(10_000, width)
    covector = np.random.default_rng(4).standard_normal(width)
    covector[width // 2 :] = covector[: width // 2] * (1 + 2.0**-52)
    found = _core.probe_readings(rows, covector[None], [0.0])
    assert found.shape == (10_000, 1)
    assert found[:, 0].tolist() == exact(rows, covector, 0.0)


def draws(state: int = 7) -> Iterator[int]:
    """SplitMix64, as src/probe/readings_test.cc draws."""
    mask = 2**64 - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        yield z ^ (z >> 31)


def test_the_digest_that_every_machine_must_find() -> None:
    draw = draws()
    bits = np.array([next(draw) for _ in range(80_000)], np.uint64)
    exponent = ((bits >> 32) % 188).astype(np.uint32)
    floats = bits.astype(np.uint32) & np.uint32(0x807FFFFF) | exponent << 23
    rows = floats.view(np.float32).reshape(10_000, 8)
    rows[::5, 4:] = -rows[::5, :4]
    first = np.array([next(draw) for _ in range(4)], np.uint64)
    first = first & np.uint64(0x800FFFFFFFFFFFFF) | np.uint64(0x3FF0000000000000)
    covector = np.concatenate([first, first + np.uint64(1)]).view(np.float64)
    readings = np.array(exact(rows, covector, 0.125), "<f8")
    assert hashlib.sha256(readings.tobytes()).hexdigest() == (
        "c1d6af95789c31b4051b63b6926bac4a069bcc2690826727ffb48d115b9bea6d"
    )


def test_a_mean_is_rounded_once() -> None:
    rows = rows_of_all_kinds(777, 6)
    covector = np.random.default_rng(5).standard_normal(6)
    total = Fraction(0)
    for row in rows.tolist():
        total += sum(
            (Fraction(a) * Fraction(b) for a, b in zip(row, covector, strict=True)), Fraction(0.25)
        )
    assert _core.probe_mean_readings(rows, covector[None], [0.25])[0] == float(total / len(rows))
    mean = _core.probe_mean_row(rows)
    for j in range(6):
        exactly = sum((Fraction(v) for v in rows[:, j].tolist()), Fraction(0)) / len(rows)
        distance = abs(Fraction(float(mean[j])) - exactly)
        for other in (
            np.nextafter(mean[j], np.float32(9e9)),
            np.nextafter(mean[j], np.float32(-9e9)),
        ):
            assert distance <= abs(Fraction(float(other)) - exactly)


def newton(
    features: NDArray[np.float64], labels: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float64], float]:
    """The least of mean log-loss + penalty / 2 |beta|^2, all coefficients at once."""
    design = np.hstack([features, np.ones((len(features), 1))])
    ridge = np.diag([penalty] * features.shape[1] + [0.0])
    at = np.zeros(design.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-design @ at))
        gradient = design.T @ (p - labels) / len(labels) + ridge @ at
        hessian = (design.T * (p * (1 - p))) @ design / len(labels) + ridge
        at = at - np.linalg.solve(hessian, gradient)
    scores = design @ at
    loss = np.logaddexp(0, scores).mean() - (labels * scores).mean()
    return at, float(loss + penalty / 2 * (at[:-1] ** 2).sum())


@pytest.mark.parametrize(("count", "width"), [(120, 10), (60, 90)])
def test_loss_and_coefficients_of_an_independent_newton(count: int, width: int) -> None:
    draw = np.random.default_rng(6)
    features = draw.standard_normal((count, width))
    labels = (features[:, 0] + draw.standard_normal(count) > 0.3).astype(float)
    for penalty in (1e-3, 0.1):
        beta, intercept, loss = _core.probe_fit_logistic(
            features, [bool(v == 1) for v in labels], penalty
        )
        expected, least = newton(features, labels, penalty)
        np.testing.assert_allclose(np.append(beta, intercept), expected, atol=1e-8)
        assert loss == pytest.approx(least, abs=1e-8)


def test_files_both_ways(tmp_path: Path) -> None:
    model, precision, layers, positions, values = _core.probe_read_activations(
        str(VECTORS / "rows.gotact")
    )
    assert (model, precision, layers, positions) == ("tiny/model", "bf16", [1, 3], [0, 2, 5])
    assert values.shape == (2, 3, 4)
    path = tmp_path / "again.gotact"
    _core.probe_write_activations(str(path), model, precision, layers, positions, values)
    assert path.read_bytes() == (VECTORS / "rows.gotact").read_bytes()
    rows = _core.ProbeRows.read(str(VECTORS / "a.rows"))
    again = _core.ProbeRows(
        rows.model_id, rows.rule, rows.engine, rows.texts, b"\x55" * 32, None, rows.weights_root
    )
    assert again.encode() == (VECTORS / "a.rows").read_bytes()
    salt, texts = _core.probe_read_tokens(str(VECTORS / "a.tokens"))
    statement = _core.ProbeStatement.read(str(VECTORS / "a.statement"))
    assert _core.probe_token_digest(salt, texts) == statement.tokens_digest
    assert (statement.layer, statement.rows, statement.names) == (3, [0, 5], ["honesty"])
    assert statement.readings.tolist() == [[0.1], [-3.5]]
    verdict = _core.probe_verify(
        str(VECTORS / "a.statement"), str(VECTORS / "key.pub"), now=1775000001, require="L1"
    )
    assert verdict.outcome == "accepted"
    assert math.isfinite(statement.issued_at)
    assert base64.b64encode(salt)


def test_the_geometry_is_the_covariance() -> None:
    phi = _core.probe_geometry(str(VECTORS / "u.gotue"), True, None)
    raw = (VECTORS / "u.gotue").read_bytes()[14:]
    matrix = np.frombuffer(raw, "<f4").reshape(6, 4).astype(float)
    np.testing.assert_allclose(phi, np.cov(matrix.T, bias=True), atol=1e-12)
    gain = np.array([1, 2, 3, 4], np.float32)
    folded = _core.probe_geometry(str(VECTORS / "u.gotue"), False, gain)
    np.testing.assert_allclose(folded, (matrix * gain).T @ (matrix * gain) / 6, atol=1e-12)
