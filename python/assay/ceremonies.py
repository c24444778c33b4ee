"""Ceremonies: several parties make the secrets of an SRS, and one who forgets theirs suffices."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple

from . import _core
from .arguments import path_of, require, sizes, unsigned, whole_bytes


class Contribution(NamedTuple):
    """A line of a ceremony's transcript.

    Attributes:
        name: As the contributor gave it.
        digest: Of the transcript up to here, 64 hexadecimal digits: contributors keep theirs.
        beacon: The public value that the secrets come from; None where somebody drew them.
        log_iterations: The value was hashed 2**log_iterations times; None without a beacon.
    """

    name: str
    digest: str
    beacon: bytes | None
    log_iterations: int | None


class Ceremony:
    """The transcript of a ceremony: all it takes to check where the secrets come from."""

    def __init__(self, native: _core.Ceremony) -> None:
        self._native = native

    @classmethod
    def from_bytes(cls, data: bytes) -> "Ceremony":
        """Read the bytes of a transcript.

        Raises:
            DecodeError: They are not the canonical bytes of one.
        """
        return cls(_core.Ceremony.decode(whole_bytes(data), "transcript"))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "Ceremony":
        """Read a transcript from a file of its own, or out of a file of powers.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(_core.Ceremony.read(path_of(path)))

    def to_bytes(self) -> bytes:
        """The bytes of a transcript."""
        return self._native.encode()

    __bytes__ = to_bytes

    def write(self, path: str | PathLike[str]) -> None:
        """Write the transcript to a file, which appears under its name when it is complete.

        Raises:
            InputError: It could not be written ("io").
        """
        self._native.write(path_of(path))

    @property
    def axes(self) -> tuple[int, ...]:
        """The largest shape that an SRS of this ceremony serves."""
        return self._native.axes

    @property
    def digest(self) -> str:
        """What names the transcript, 64 hexadecimal digits."""
        return self._native.digest.hex()

    @property
    def contributors(self) -> int:
        """How many drew secrets: all contributions but a beacon."""
        return self._native.contributors

    @property
    def contributions(self) -> list[Contribution]:
        """All contributions, in their order."""
        return [
            Contribution(name, digest.hex(), *(beacon or (None, None)))
            for name, digest, beacon in self._native.contributions
        ]

    def check(self) -> _core.Verdict:
        """Check that each contribution builds on the one before.

        Steps: "beacon order", "contribution points", "contribution proof", "beacon". The item is
        the contribution, counted from 0.
        """
        return self._native.check()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ceremony) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __reduce__(self) -> tuple[Any, ...]:
        return Ceremony.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return (
            f"Ceremony(axes={self.axes}, contributors={self.contributors}, digest={self.digest!r})"
        )


class Contributed(NamedTuple):
    """What became of a contribution.

    Attributes:
        before: Verdict on the powers before it. Unless it is accepted, nothing was written.
        ceremony: The transcript with the contribution; None where nothing was written.
    """

    before: _core.Verdict
    ceremony: Ceremony | None


class Powers:
    """The powers of a ceremony's secrets, mapped from a file: 64 bytes for each of them.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     start = Powers.start((2, 3), f"{folder}/0.powers")
        ...     made = Powers.open(f"{folder}/0.powers").contribute("Ada", f"{folder}/1.powers")
        ...     Powers.open(f"{folder}/1.powers").check().outcome
        'accepted'
    """

    def __init__(self, native: _core.Powers) -> None:
        self._native = native

    @staticmethod
    def start(axes: Sequence[int], path: str | PathLike[str]) -> Ceremony:
        """Begin a ceremony: write powers of secrets that are all 1.

        Raises:
            InputError: Axes out of range; the file could not be written ("io").
        """
        return Ceremony(_core.Powers.start(sizes(axes), path_of(path)))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "Powers":
        """Map a file of powers. Its points are not checked: see `check`.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: It is not a whole file of powers.
        """
        return cls(_core.Powers.open(path_of(path)))

    @property
    def ceremony(self) -> Ceremony:
        """The transcript up to these powers."""
        return Ceremony(self._native.ceremony)

    def check(self) -> _core.Verdict:
        """Check the transcript, and that the points are the powers of the secrets it ends with.

        Steps: those of `Ceremony.check`, "points", "random weights" (inconclusive), "first power",
        "power relation".
        """
        return self._native.check()

    def contribute(
        self, name: str, path: str | PathLike[str], *, entropy: bytes = b""
    ) -> Contributed:
        """Check these powers, multiply them by secrets of one's own, and write new ones.

        The secrets come from the operating system, and from `entropy` beside it. They are wiped
        and never on the disk. The arithmetic is variable time.

        Raises:
            InputError: A name that is not 1 to 64 printable ASCII characters ("malformed"), a
                ceremony that a beacon has ended ("mismatch"), a file that could not be written.
        """
        require("name", name, str)
        drawn = whole_bytes(entropy, "entropy")
        before, made = self._native.contribute(name, drawn, path_of(path))
        return Contributed(before, None if made is None else Ceremony(made))

    def apply_beacon(
        self,
        value: bytes,
        path: str | PathLike[str],
        *,
        log_iterations: int = 20,
        name: str = "beacon",
    ) -> Contributed:
        """End the ceremony with secrets out of a public value, which everybody can recompute.

        Args:
            value: 1 to 256 bytes that nobody could know before the last contribution.
            path: Where the new powers go.
            log_iterations: It is hashed 2**log_iterations times, 10 to 24.
            name: Where the value comes from.

        Raises:
            InputError: As `contribute`; a value or a number out of range ("out_of_range").
        """
        log_iterations = unsigned(log_iterations, "log_iterations", 32)
        require("name", name, str)
        known = whole_bytes(value, "value")
        before, made = self._native.apply_beacon(name, known, log_iterations, path_of(path))
        return Contributed(before, None if made is None else Ceremony(made))

    def __repr__(self) -> str:
        return f"Powers({self.ceremony!r})"
