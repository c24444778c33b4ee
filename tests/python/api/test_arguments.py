"""Flags whose values are integers take them as the command `assay` does."""

import argparse

import pytest

from assay.arguments import at_least, integer


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("-12", -12), ("100", 100)])
def test_integers_in_decimal(text: str, value: int) -> None:
    assert integer(text) == value


@pytest.mark.parametrize(
    "text", ["0x7", "07", "-0", "+7", " 7", "7\n", "1_000", "7.0", "1e1", "\u0667", ""]
)
def test_what_is_no_integer_in_decimal(text: str) -> None:
    for kind in (integer, at_least(0)):
        with pytest.raises(argparse.ArgumentTypeError, match="is not an integer in decimal"):
            kind(text)
