"""Which rows of a text count."""

from fractions import Fraction

import numpy as np
import pytest

from assay import InputError
from assay.probe.positions import PositionRule

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize(
    ("rule", "positions"),
    [("all", [0, 1, 2, 3]), ("last", [3]), ("0", [0]), ("1,3", [1, 3]), ("mean", [0, 1, 2, 3])],
)
def test_rules(rule: str, positions: list[int]) -> None:
    asked = PositionRule(rule)
    assert asked.positions(4, "text") == positions
    picked = asked.pick(ROWS, "text")
    assert len(picked) == asked.rows(4, "text") == (1 if rule == "mean" else len(positions))
    if rule != "mean":
        assert (picked == ROWS[positions]).all()


def test_the_mean_is_exact_and_rounded_once() -> None:
    generator = np.random.default_rng(3)
    # Outliers that cancel, so that no sum in floats would do.
    rows = (generator.standard_normal((7, 50)) * 10.0 ** generator.integers(-9, 9, 50)).astype("f4")
    rows[5] = -rows[6] + np.float32(1e-7)
    (mean,) = PositionRule("mean").pick(rows, "text")
    for column, found in zip(rows.T, mean, strict=True):
        exact = sum(map(Fraction, column.tolist()), Fraction(0)) / len(column)
        near = [np.nextafter(found, np.float32(end)) for end in (-np.inf, np.inf)]
        distance = abs(Fraction(float(found)) - exact)
        assert all(distance <= abs(Fraction(float(other)) - exact) for other in near)


def test_a_position_that_a_text_has_not() -> None:
    with pytest.raises(InputError, match="text 7: has 3 tokens, and none at position 3"):
        PositionRule("0,3").positions(3, "text 7")


@pytest.mark.parametrize(
    "rule", ["", "first", "-1", "1,", "01", "1,1", "3,2", "1.0", "٣", "9999999999"]
)
def test_what_is_no_rule(rule: str) -> None:
    with pytest.raises(InputError, match="positions"):
        PositionRule(rule)
