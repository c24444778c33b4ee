"""What has one encoding in bytes, which is also that of its file."""

from os import PathLike, fspath
from typing import Any, Self


class Filed:
    """What has one encoding in bytes, which is also that of its file."""

    _native: Any

    def to_bytes(self) -> bytes:
        """The canonical bytes: those of the file."""
        encoded: bytes = self._native.encode()
        return encoded

    __bytes__ = to_bytes

    def write(self, path: str | PathLike[str]) -> None:
        """Write it to a file.

        Raises:
            InputError: It could not be written ("io").
        """
        self._native.write(fspath(path))


class Readable(Filed):
    """What is read without knowing anything else."""

    _kind: Any

    def __init__(self, native: Any) -> None:
        self._native = native

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read it.

        Raises:
            DecodeError: The bytes are not the canonical ones.
        """
        return cls(cls._kind.decode(bytes(data), cls.__name__.lower()))

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Self:
        """Read a file.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(cls._kind.read(fspath(path)))
