"""Flags whose values are integers take them as the command `assay` does."""

import argparse

import pytest

from assay.arguments import Parser, at_least, integer


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


def repeating() -> Parser:
    parser = Parser(prog="assay x")
    parser.add_argument("--seed", type=integer, default=1)
    parser.add_argument("--layers", nargs="+", type=integer, default=[3])
    parser.add_argument("--quiet", action="store_true")
    return parser


def test_a_flag_given_twice_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = repeating()
    for _ in range(2):  # one call leaves nothing to the next
        assert parser.parse_args(["--seed", "2", "--quiet", "--quiet"]).seed == 2
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--seed", "2", "--seed=3"])
    assert ended.value.code == 2
    assert "assay x: --seed: given twice; give it once (" in capsys.readouterr().err


def test_a_flag_of_several_values_takes_those_of_each_use() -> None:
    parser = repeating()
    assert parser.parse_args([]).layers == [3]
    assert parser.parse_args(["--layers", "1", "2"]).layers == [1, 2]
    assert parser.parse_args(["--layers", "1", "--layers", "2", "4"]).layers == [1, 2, 4]
