"""Where a server puts the proofs of its answers: a folder of signatures, or a SQLite file."""

import hashlib
import json
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Protocol

from ..errors import InputError, one_line
from ..json_text import parse_json
from ..toploc import Signature
from .answers import Answer, read_answers, told_bytes
from .settings import Settings

# Names of files that say which answer they are of. All others are hashed: with dots, with slashes,
# longer ones, and those that look like a hash.
_PLAIN = re.compile(r"(?!sha256-)[A-Za-z0-9_-]{1,150}")


class Store(Protocol):
    """Keeps answers by the name of what was asked; called from several threads."""

    def write(self, asked_as: str, answer: Answer) -> None:
        """Keep an answer; one that was asked under the same name stays beside it."""

    def read(self, asked_as: str) -> list[Answer]:
        """All answers that were kept under a name."""


class NoStore:
    """Keeps nothing."""

    def write(self, asked_as: str, answer: Answer) -> None:
        """As `Store`."""

    def read(self, asked_as: str) -> list[Answer]:
        """As `Store`."""
        return []


class Folder:
    """One signature in each file, `NAME.QUESTION.CHOICE.json`, and `.none.json` for a reason.

    Args:
        path: Made if it is not there.

    Raises:
        InputError: Nothing can be written there ("io").
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        probe = self._path / ".assay-probe"
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            reason = f"{error.strerror or one_line(error)}; proofs cannot be written there"
            raise InputError("io", path, reason) from error

    def write(self, asked_as: str, answer: Answer) -> None:
        """As `Store`."""
        with self._lock:
            target = self._free(asked_as, answer)
            if answer.signature is not None:
                answer.signature.write(str(target))
            else:
                reason = {"without_proofs": answer.reason}
                target.with_suffix(".none.json").write_text(json.dumps(reason), "utf-8")

    def read(self, asked_as: str) -> list[Answer]:
        """As `Store`."""
        stem = _file_name(asked_as)
        pattern = re.compile(re.escape(stem) + r"\.(\d+)\.(\d+)(?:-\d+)?(\.none)?\.json")
        found = []
        for path in sorted(self._path.glob(f"{stem}.*.json")):
            named = pattern.fullmatch(path.name)
            if named is None:
                continue
            question, choice = int(named[1]), int(named[2])
            if named[3]:
                said = parse_json(path.read_text("utf-8"), str(path))
                reason = str(said.get("without_proofs")) if isinstance(said, dict) else ""
                found.append(Answer(choice, None, reason, question=question))
            else:
                found.append(Answer(choice, Signature.read(str(path)), question=question))
        return found

    def _free(self, asked_as: str, answer: Answer) -> Path:
        stem = f"{_file_name(asked_as)}.{answer.question}.{answer.choice}"
        target, number = self._path / f"{stem}.json", 1
        while target.exists() or target.with_suffix(".none.json").exists():
            number += 1
            target = self._path / f"{stem}-{number}.json"
        return target


class Database:
    """One row for each answer.

    Args:
        path: A SQLite file, made if it is not there.

    Raises:
        InputError: It cannot be written, or is no such file ("io").
    """

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (asked_as TEXT NOT NULL, told BLOB NOT NULL)"
            )
            self._connection.execute(
                "CREATE INDEX IF NOT EXISTS answers_by_name ON answers (asked_as)"
            )
        except sqlite3.Error as error:
            raise InputError(
                "io", path, f"{one_line(error)}; proofs cannot be kept there"
            ) from error

    def write(self, asked_as: str, answer: Answer) -> None:
        """As `Store`."""
        row = (asked_as, told_bytes([answer], asked_as))
        with self._lock:
            self._connection.execute("INSERT INTO answers VALUES (?, ?)", row)

    def read(self, asked_as: str) -> list[Answer]:
        """As `Store`."""
        question = "SELECT told FROM answers WHERE asked_as = ? ORDER BY rowid"
        with self._lock, closing(self._connection.execute(question, (asked_as,))) as rows:
            return [answer for (told,) in rows for answer in read_answers(told)]


def store_of(settings: Settings) -> Store:
    """Where these settings put proofs.

    Raises:
        InputError: Nothing can be written there ("io").
    """
    if settings.folder:
        return Folder(settings.folder)
    return Database(settings.database) if settings.database else NoStore()


def _file_name(asked_as: str) -> str:
    if _PLAIN.fullmatch(asked_as):
        return asked_as
    return "sha256-" + hashlib.sha256(asked_as.encode("utf-8", "surrogatepass")).hexdigest()
