"""Where a server puts the proofs of its answers: a folder of signatures, or a SQLite file."""

import hashlib
import json
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Protocol

from ..commitments import Commitment
from ..errors import InputError, one_line
from ..json_text import parse_json
from ..toploc import Signature
from ..writing import write_together
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


_NONE = ".none.json"
_WITHOUT = ".without.json"
_FINGERPRINT = ".fingerprint"
_COMMITMENT = ".commitment"
_ROWS = ".safetensors"
_HEAD = ".head"


class Folder:
    """Files of one answer, together or not at all: `NAME.QUESTION.CHOICE` and an ending.

    The signature has `.json`, and a reason why there is none `.none.json`; then there are
    `.fingerprint`, `.commitment` and its rows, `.safetensors`, the `.head` of a log, and
    `.without.json` for reasons why one of these is not there.

    Args:
        path: Made if it is not there.

    Raises:
        InputError: Nothing can be written there ("io").
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        require_writable(path)

    def write(self, asked_as: str, answer: Answer) -> None:
        """As `Store`."""
        with self._lock:
            target = self._free(asked_as, answer)
            contents = _files_of(answer)
            write_together({target.with_suffix(end): one for end, one in contents.items()})

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
                reason = _texts_at(path).get("without_proofs", "")
                found.append(Answer(choice, None, reason, question=question))
                continue
            fingerprint, commitment, head, without = (
                path.with_suffix(end) for end in (_FINGERPRINT, _COMMITMENT, _HEAD, _WITHOUT)
            )
            answer = Answer(
                choice,
                Signature.read(str(path)),
                question=question,
                fingerprint=fingerprint.read_bytes() if fingerprint.exists() else None,
                commitment=Commitment.read(commitment) if commitment.exists() else None,
                without=_texts_at(without) if without.exists() else {},
                head=head.read_bytes() if head.exists() else None,
            )
            found.append(answer)
        return found

    def _free(self, asked_as: str, answer: Answer) -> Path:
        stem = f"{_file_name(asked_as)}.{answer.question}.{answer.choice}"
        target, number = self._path / f"{stem}.json", 1
        while target.exists() or target.with_suffix(_NONE).exists():
            number += 1
            target = self._path / f"{stem}-{number}.json"
        return target


class Database:
    """One row for each answer, and in a table beside one for the rows of its layers.

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
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS rows (answer INTEGER PRIMARY KEY, file BLOB NOT NULL)"
            )
        except sqlite3.Error as error:
            raise InputError(
                "io", path, f"{one_line(error)}; proofs cannot be kept there"
            ) from error

    def write(self, asked_as: str, answer: Answer) -> None:
        """As `Store`."""
        row = (asked_as, told_bytes([answer], asked_as))
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                made = self._connection.execute("INSERT INTO answers VALUES (?, ?)", row)
                if answer.rows:
                    kept = (made.lastrowid, answer.rows)
                    self._connection.execute("INSERT INTO rows VALUES (?, ?)", kept)
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self._connection.execute("ROLLBACK")
                raise

    def read(self, asked_as: str) -> list[Answer]:
        """As `Store`."""
        question = "SELECT told FROM answers WHERE asked_as = ? ORDER BY rowid"
        with self._lock, closing(self._connection.execute(question, (asked_as,))) as rows:
            return [answer for (told,) in rows for answer in read_answers(told)]


def require_writable(folder: str) -> None:
    """Make a folder where it is not there, and see that something can be written in it.

    Raises:
        InputError: Nothing can ("io").
    """
    probe = Path(folder) / ".assay-probe"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        reason = f"{error.strerror or one_line(error)}; proofs cannot be written there"
        raise InputError("io", folder, reason) from error


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


def _files_of(answer: Answer) -> dict[str, bytes]:
    """What is in the files of an answer, by their endings."""
    if answer.signature is None:
        return {_NONE: _text_of({"without_proofs": answer.reason})}
    commitment = b"" if answer.commitment is None else answer.commitment.to_bytes()
    contents = {
        _FINGERPRINT: answer.fingerprint,
        _COMMITMENT: commitment,
        _ROWS: answer.rows,
        _HEAD: answer.head,
        _WITHOUT: _text_of(dict(answer.without)) if answer.without else b"",
        # The last: whoever sees it finds the others.
        ".json": answer.signature.encode(),
    }
    return {end: content for end, content in contents.items() if content}


def _text_of(said: dict[str, str]) -> bytes:
    return json.dumps(said).encode()


def _texts_at(path: Path) -> dict[str, str]:
    said = parse_json(path.read_text("utf-8"), str(path))
    return {name: str(one) for name, one in said.items()} if isinstance(said, dict) else {}
