"""What has one encoding in bytes, which is also that of its file, and what is mapped from one."""

from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, Self

from .arguments import path_of, whole_bytes
from .errors import InputError


class Filed:
    """What has one encoding in bytes, which is also that of its file.

    A value: two of a kind are equal when their bytes are, a copy is the object itself, and a pickle
    has the bytes.
    """

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
        self._native.write(path_of(path))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Filed) or type(other) is not type(self):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self


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
        return cls(cls._kind.decode(whole_bytes(data), cls.__name__.lower()))

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Self:
        """Read a file.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(cls._kind.read(path_of(path)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_bytes, (self.to_bytes(),)


class Changing(Filed):
    """What its owner adds to: a copy is another object, and there is no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Self:
        reduced: Any = self.__reduce__()
        make, given = reduced
        made: Self = make(*given)
        return made

    def __deepcopy__(self, _: Any) -> Self:
        return self.__copy__()


class _Named(Protocol):
    @property
    def digest(self) -> str: ...


class Mapped:
    """Points that a file may hold, mapped into memory, and the verifier's part that names them.

    A copy is the object itself. A pickle has the points; of an object that was opened from a file
    it has the path alone.
    """

    _kind: Any

    def __init__(self, native: Any, path: Path | None = None) -> None:
        self._native = native
        self._path = path

    @property
    def verifier_key(self) -> _Named:
        """The verifier's part."""
        raise NotImplementedError

    def write(self, path: str | PathLike[str]) -> None:
        """Write a file, which appears under its name when it is complete.

        Raises:
            InputError: It could not be written ("io").
        """
        self._native.write(path_of(path))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._path is not None:
            return _opened_again, (type(self), self._path, self.verifier_key.digest)
        with TemporaryDirectory(prefix="assay") as folder:
            path = Path(folder) / "points"
            self.write(path)
            return _of_file, (type(self), path.read_bytes())


def _opened_again(kind: type[Mapped], path: Path, digest: str) -> Mapped:
    """What a pickle names by its file.

    Raises:
        InputError: The file could not be read ("io"), or is another one now ("mismatch").
    """
    opened = kind(kind._kind.open(path_of(path)), path)
    if opened.verifier_key.digest != digest:
        raise InputError("mismatch", str(path), "it is another SRS than the one that was pickled")
    return opened


def _of_file(kind: type[Mapped], data: bytes) -> Mapped:
    """What a pickle has the points of."""
    with TemporaryDirectory(prefix="assay") as folder:
        path = Path(folder) / "points"
        path.write_bytes(data)
        return kind(kind._kind.open(path_of(path)))  # the mapping outlives the name
