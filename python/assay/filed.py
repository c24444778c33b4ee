"""What has one encoding in bytes, which is also that of its file."""

from os import PathLike
from typing import Any, Self

from .arguments import path_of, whole_bytes


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
