"""Two sides of a protocol as two processes that share nothing but files.

What one side sends, it writes into the exchange folder under its final name in one step; the other
side waits for that name. Each side keeps its own folder for everything else.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import Error
from .stopping import obey

WAIT_SECONDS = 1800.0


class Party:
    """One side: its own folder, the exchange folder, and the time and size of what it did."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.own = root / name
        self.exchange = root / "exchange"
        self.report: dict[str, Any] = {"seconds": {}, "bytes": {}}

    def run(self, phase: str, *arguments: object, accepted: Sequence[int] = (0,)) -> dict[str, Any]:
        """Run `assay ARGUMENTS` and note its time under `phase`; gives what it printed as JSON."""
        started = time.monotonic()
        assay = Path(sys.executable).with_name("assay")
        done = subprocess.run(  # noqa: S603 - our own command
            [assay, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        self.report["seconds"][phase] = time.monotonic() - started
        if done.returncode not in accepted:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise Error(f"{self.name}: {phase}: {''.join(last) or done.returncode}")
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def note_size(self, name: str, path: Path) -> None:
        """Note the size of a file under `name`."""
        self.report["bytes"][name] = path.stat().st_size

    def send(self, path: Path, noted: str = "") -> None:
        """Put a file into the exchange folder, and note its size where a name is given."""
        if noted:
            self.note_size(noted, path)
        staged = self.exchange / f".{path.name}.part"
        shutil.copyfile(path, staged)
        staged.rename(self.exchange / path.name)

    def receive(self, name: str) -> Path:
        """Wait for a file in the exchange folder and copy it into the own folder.

        Raises:
            Error: The other side gave up, or nothing came for half an hour.
        """
        source = self.exchange / name
        deadline = time.monotonic() + WAIT_SECONDS
        while not source.exists():
            if (self.exchange / "given-up").exists():
                raise Error(f"{self.name}: the other side gave up before it sent {name}")
            if time.monotonic() > deadline:
                raise Error(f"{self.name}: no {name} came in {WAIT_SECONDS:.0f} s")
            obey()
            time.sleep(0.02)
        return Path(shutil.copyfile(source, self.own / name))


def play(role: str, root: Path, act: Callable[[Party], None]) -> None:
    """Play one role to its end; should it fail, the other side is told."""
    party = Party(role, root)
    try:
        act(party)
    except Exception:
        (party.exchange / "given-up").touch()
        raise
    # For whoever started the two sides.
    (party.own / "report.json").write_text(json.dumps(party.report), encoding="utf-8")


class Sides:
    """The two processes, while they run.

    Attributes:
        root: The folder that holds both sides' own folders and the exchange folder.
    """

    def __init__(self, root: Path, roles: Sequence[str], line: Sequence[str]) -> None:
        self.root = root
        self._roles = roles
        for name in (*roles, "exchange"):
            (root / name).mkdir()
        self._processes = [
            subprocess.Popen([*line, "--root", str(root), "--role", role])  # noqa: S603 - our own
            for role in roles
        ]

    def running(self) -> bool:
        """Whether one of them still runs; a place to stop at."""
        obey()
        time.sleep(0.02)
        return any(process.poll() is None for process in self._processes)

    def reports(self) -> Mapping[str, Any] | None:
        """What each of them noted; None where one failed, which has said why."""
        if any(process.returncode for process in self._processes):
            return None
        return {
            role: json.loads((self.root / role / "report.json").read_text(encoding="utf-8"))
            for role in self._roles
        }

    def stop(self) -> None:
        """End those that still run."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()


@contextmanager
def started(prefix: str, roles: Sequence[str], line: Sequence[str]) -> Iterator[Sides]:
    """Start both sides in a temporary folder, which is gone with the block, as they are.

    Args:
        prefix: Of the folder's name.
        roles: The names of the sides.
        line: The program that plays a side, to which `--root DIR --role ROLE` is added.
    """
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        sides = Sides(Path(folder), roles, line)
        try:
            yield sides
        finally:
            sides.stop()
