"""Results as lines of JSON, one a measurement: runs append, and go on where a killed one ended."""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Hashable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import DecodeError, InputError, SaveError
from ..json_text import parse_json

Line = dict[str, Any]

_MOST_BYTES = 64 << 20


def read_lines(path: Path) -> list[Line]:
    """The whole lines of a file; what a killed run left of a last one is not counted.

    Raises:
        InputError: It could not be read ("io"), or is over 64 MiB ("too_large").
        DecodeError: A line is no JSON object.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("too_large", str(path), "over 64 MiB: not a file of results")
        data = path.read_bytes()
    except OSError as error:
        raise InputError("io", str(path), f"could not be read ({error.strerror})") from error
    return _parsed(data, path)


def _parsed(data: bytes, path: Path) -> list[Line]:
    lines = []
    for number, raw in enumerate(data.split(b"\n")[:-1], 1):
        place = f"{path}: line {number}"
        try:
            found = parse_json(raw.decode(), place)
        except UnicodeDecodeError as error:
            raise DecodeError("malformed", place, "not UTF-8") from error
        if not isinstance(found, dict):
            raise DecodeError("malformed", place, "no JSON object")
        lines.append(found)
    return lines


class Lines:
    """A file that one run at a time appends whole lines to.

    Each line is on the disk before `add` returns. A line that a killed run left unfinished is cut
    off when the file is opened, so that its measurement is made again.
    """

    def __init__(self, path: Path, *, clear: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            self._begin(clear)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, clear: bool) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            reason = "another run appends to it; wait for that, or give another file"
            raise InputError("io", str(self.path), reason) from error
        if clear:
            self._file.truncate(0)
        if os.fstat(self._file.fileno()).st_size > _MOST_BYTES:
            raise InputError("too_large", str(self.path), "over 64 MiB: not a file of results")
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        self._found = _parsed(data[:whole], self.path)
        self._file.truncate(whole)

    @property
    def found(self) -> list[Line]:
        """What was in the file when it was opened."""
        return self._found

    def counted(self, key: Callable[[Line], Hashable]) -> Counter[Hashable]:
        """How many of those lines there are by a key."""
        return Counter(map(key, self._found))

    def add(self, line: Line) -> None:
        """Append one.

        Raises:
            SaveError: It could not be written.
        """
        try:
            self._file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()


def _unwritable(path: Path, error: OSError) -> SaveError:
    return SaveError("io", str(path), f"could not be written ({error.strerror})")
