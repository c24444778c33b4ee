"""Codes and words of the package's commands when something goes wrong in them."""

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from assay import InputError, bench_overhead, demo, run, two_party
from assay.ending import ended
from assay.hidden_states import cli as capture_cli
from assay.layers import cli as layers_cli
from assay.toploc import cli as toploc_cli

FAILED = 2


def raising(error: BaseException) -> Callable[[], int]:
    def act() -> int:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("io", "a.json", "could not be read"), "a.json: could not be read"),
        (KeyboardInterrupt(), "stopped half-way"),
        (ValueError("first\nsecond"), "unexpected ValueError at test_ending.py:"),
        (MemoryError(), "unexpected MemoryError at test_ending.py:"),
    ],
)
def test_no_error_ends_with_the_code_of_a_verdict(
    error: BaseException, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("assay x", raising(error), stopped="stopped half-way") == FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"assay x: {line}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_verdict_keeps_its_code(code: int) -> None:
    assert ended("assay x", lambda: code) == code


@pytest.mark.parametrize(
    ("module", "act", "line"),
    [
        (run, "_run_all", "--prompt x"),
        (demo, "_tell", ""),
        (two_party, "_both", ""),
        (two_party, "_play", "--role verifier --root ."),
        (bench_overhead, "_report", ""),
        (toploc_cli, "_run", "demo"),
        (layers_cli, "_run", "check"),
    ],
)
def test_every_command_ends_so(
    module: ModuleType,
    act: str,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> int:
        raise IndexError("index out of range in self")

    monkeypatch.setattr(module, act, fail)
    # Else the program would start itself anew with another environment.
    monkeypatch.setattr(os, "execve", lambda *_: None)
    assert module.main(line.split()) == FAILED
    _, err = capsys.readouterr()
    assert "unexpected IndexError" in err
    assert err.count("\n") == 1


def test_a_party_that_fails_tells_the_other(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("axes")

    exchange = tmp_path / "exchange"
    exchange.mkdir()
    monkeypatch.setitem(two_party.ROLES, "verifier", fail)
    assert two_party.main(["--role", "verifier", "--root", str(tmp_path)]) == FAILED
    assert [path.name for path in exchange.iterdir()] == ["given-up"]
    assert "KeyError" in capsys.readouterr().err


def flags_of(parser: argparse.ArgumentParser) -> Iterator[tuple[list[str], str]]:
    """The words of a verb and a flag of it that takes a value, for all there are."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, verb in action.choices.items():
                yield from (([name, *words], flag) for words, flag in flags_of(verb))
        elif action.option_strings and action.nargs != 0:
            yield [], action.option_strings[-1]


# An unset variable of a shell would drop what the flag asks for without a word.
@pytest.mark.parametrize(
    "module",
    [run, demo, two_party, bench_overhead, toploc_cli, capture_cli, layers_cli],
    ids=lambda m: m.__name__,
)
def test_no_flag_takes_an_empty_value(
    module: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(flags_of(module._parser()))
    assert found
    for words, flag in found:
        for given in ([flag, ""], [f"{flag}="]):
            try:
                code = module.main([*words, *given])
            except SystemExit as ended_with:
                code = ended_with.code
            assert code == FAILED
            assert f"{flag}: an empty value" in capsys.readouterr().err


def test_a_flag_is_taken_with_dashes_and_with_underscores(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = layers_cli._parser()
    for flag in ("--num-cases", "--num_cases"):
        for given in ([flag, "7"], [f"{flag}=7"]):
            assert parser.parse_args(["cases", *given]).num_cases == 7
    # A flag that is declared with underscores, and one that is a mixture.
    taken = toploc_cli._parser().parse_args(
        ["generate", "--model-name", "m", "--dataset_name", "d", "--max-decode_tokens", "9"]
    )
    assert (taken.model_name, taken.dataset_name, taken.max_decode_tokens) == ("m", "d", 9)
    # The value is left as it is.
    assert parser.parse_args(["cases", "--output_dir=a_b-c"]).output_dir == Path("a_b-c")
    with pytest.raises(SystemExit):
        parser.parse_args(["cases", "--num_casess", "7"])
    assert "--num_casess" in capsys.readouterr().err


def test_an_empty_word_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["", "--prompt", "x"])
    assert "argument: an empty value" in capsys.readouterr().err
