"""Codes and words of the package's commands when something goes wrong in them."""

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from assay import InputError, bench_overhead, demo, run, two_party
from assay.ending import ended
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
        (two_party, "play", "--role verifier --root ."),
        (bench_overhead, "_report", ""),
        (toploc_cli, "_run", "demo"),
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
