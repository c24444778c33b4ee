"""The program `assay` as the tests run it: $ASSAY_BIN, or the one beside this Python."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

DONE, REJECTED, FAILED, INCONCLUSIVE = 0, 1, 2, 3

PROGRAM = Path(os.environ.get("ASSAY_BIN") or Path(sys.executable).with_name("assay")).absolute()


def restore_signals() -> None:
    # A test that runs in the background of a shell has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_")}
    # No list of trusted parameters but the test's own.
    return kept | {"ASSAY_TRUST_FILE": "trusted"} | changes


def run(
    where: Path,
    line: str,
    *more: object,
    file_limit: int | None = None,
    seconds: float = 240,
    **changes: str,
) -> subprocess.CompletedProcess[str]:
    """Run it in a folder with the words of `line`, and with `more` as they are."""

    def prepare() -> None:
        restore_signals()
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.run(
        [PROGRAM, *line.split(), *map(str, more)], cwd=where, env=environment(**changes),
        check=False, capture_output=True, text=True, timeout=seconds, preexec_fn=prepare,
    )  # fmt: skip


def done(where: Path, line: str, *more: object, code: int = DONE, seconds: float = 240) -> str:
    """What it prints when it ends with `code`."""
    ended = run(where, line, *more, seconds=seconds)
    assert ended.returncode == code, ended.stderr + ended.stdout
    return ended.stdout


def report(where: Path, line: str, *more: object, code: int = DONE) -> dict[str, Any]:
    """The one JSON object that it prints."""
    found = json.loads(done(where, line, *more, "--json", code=code))
    assert isinstance(found, dict)
    return found


def listing(where: Path) -> dict[str, int]:
    """Every file below `where`, hidden ones too, with its time of change."""
    return {str(p.relative_to(where)): p.stat().st_mtime_ns for p in where.rglob("*")}


def refused(
    where: Path, line: str, *more: object, file_limit: int | None = None, **changes: str
) -> str:
    """The one line with which it refuses. It must leave everything as it was."""
    before = listing(where)
    ended = run(where, line, *more, file_limit=file_limit, **changes)
    assert ended.returncode == FAILED, (ended.returncode, ended.stdout, ended.stderr)
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith("assay"), ended.stderr
    assert listing(where) == before
    return ended.stderr.rstrip("\n")
