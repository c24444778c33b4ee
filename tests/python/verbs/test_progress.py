"""The progress line."""

import sys
from io import StringIO

import pytest

from assay.progress import Bar, Progress


def test_bar_shows_the_time_left() -> None:
    stream, clock = StringIO(), iter([0.0, 10.0, 20.0])
    bar = Bar(stream, "tiny", enabled=True, clock=lambda: next(clock))
    bar(Progress("generate", 0, 64))
    bar(Progress("generate", 8, 64))
    bar(Progress("generate", 64, 64))
    bar.close()
    lines = stream.getvalue().split("\r")
    assert lines[1] == f"tiny: generating [{'.' * 24}] 0/64"
    assert lines[2] == f"tiny: generating [{'#' * 3}{'.' * 21}] 8/64, 1 min 10 s left"
    assert lines[3].rstrip() == f"tiny: generating [{'#' * 24}] 64/64"
    # Whatever was drawn is wiped, also the tail of a longer line before it.
    assert lines[4].strip() == lines[5] == ""
    assert len(lines[3]) >= len(lines[2])
    assert len(lines[4]) >= len(lines[3].rstrip())
    assert "\x1b" not in stream.getvalue()


def test_time_restarts_with_the_stage() -> None:
    stream, clock = StringIO(), iter([0.0, 3600.0, 3601.0])
    bar = Bar(stream, "tiny", enabled=True, clock=lambda: next(clock))
    bar(Progress("load", 0, 1))
    bar(Progress("check", 1, 4))
    bar(Progress("check", 2, 4))
    assert stream.getvalue().endswith("2/4, 1 s left")


def test_no_terminal_no_bar() -> None:
    stream = StringIO()
    bar = Bar(stream, "tiny", enabled=False)
    bar(Progress("generate", 1, 2))
    bar.close()
    assert stream.getvalue() == ""


def test_the_line_is_cleared_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)

    def fail() -> None:
        with Bar.on_stderr("calibrating", quiet=False) as bar:
            bar(Progress("measure", 1, 2))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert "calibrating: measuring [############............] 1/2" in stream.getvalue()
    assert stream.getvalue().endswith(" \r")
    written = stream.getvalue()
    with Bar.on_stderr("calibrating", quiet=True) as bar:
        bar(Progress("measure", 1, 2))
    assert stream.getvalue() == written
