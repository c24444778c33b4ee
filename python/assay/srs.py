"""The structured reference string (SRS) that commitments are made with, and its verifier's part."""

from collections.abc import Sequence
from os import PathLike, fspath

from . import _core
from .arguments import sizes, unsigned


class VerifierKey:
    """The verifier's part of an SRS: a few KB, all of it that `verify` needs."""

    def __init__(self, native: _core.VerifierKey) -> None:
        self._native = native

    @classmethod
    def from_bytes(cls, data: bytes) -> "VerifierKey":
        """Read the bytes of a .vk file.

        Raises:
            DecodeError: They are not the canonical bytes of points in the right groups.
        """
        return cls(_core.VerifierKey.decode(bytes(data), "verifier key"))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "VerifierKey":
        """Read a .vk file, or the verifier's part of an .srs file.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(_core.VerifierKey.read(fspath(path)))

    def to_bytes(self) -> bytes:
        """The bytes of a .vk file."""
        return self._native.encode()

    __bytes__ = to_bytes

    @property
    def digest(self) -> str:
        """SHA-256 that names the SRS, 64 hexadecimal digits."""
        return self._native.digest.hex()

    @property
    def axes(self) -> tuple[int, ...]:
        """Sizes of the axes of what can be committed to."""
        return self._native.axes

    @property
    def trust(self) -> str:
        """The label of the SRS, "dev" or "ceremony". It is a claim: see `verify`."""
        return self._native.trust

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifierKey) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return f"VerifierKey(axes={self.axes}, trust={self.trust!r}, digest={self.digest!r})"


class Srs:
    """A structured reference string for tensors with given axes.

    Whoever knows its secrets can open a commitment to anything. Copies of the points: 64 bytes for
    each value of the tensor, mapped into memory when opened from a file.
    """

    def __init__(self, native: _core.Srs) -> None:
        self._native = native
        self._verifier_key: VerifierKey | None = None

    @classmethod
    def dev(cls, axes: Sequence[int], seed: int) -> "Srs":
        """Make an SRS from a seed, in memory. Everybody who knows the seed can cheat.

        Args:
            axes: 1 to 32 sizes.
            seed: 0 to 2**64 - 1.

        Raises:
            InputError: Axes out of range, or over 2**25 points ("too_large": see `write_dev`).

        >>> Srs.dev((2, 3), seed=1).axes
        (2, 3)
        """
        return cls(_core.Srs.dev(sizes(axes), unsigned(seed, "seed")))

    @classmethod
    def random(cls, axes: Sequence[int]) -> "Srs":
        """Make an SRS from random secrets that are forgotten at once, in memory.

        Its label is "dev" too: nobody but this process can know that they were forgotten.

        Raises:
            InputError: As `dev`.
        """
        return cls(_core.Srs.random(sizes(axes)))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "Srs":
        """Map an SRS file. Its points are not checked: see `verify`.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: It is not a whole SRS file.
        """
        return cls(_core.Srs.open(fspath(path)))

    @staticmethod
    def write_dev(axes: Sequence[int], seed: int, path: str | PathLike[str]) -> None:
        """Write the SRS that `dev` would make straight to a file, without holding it in memory."""
        _core.Srs.write_dev(sizes(axes), unsigned(seed, "seed"), fspath(path))

    def write(self, path: str | PathLike[str]) -> None:
        """Write the SRS to a file, which appears under its name when it is complete.

        Raises:
            InputError: It could not be written ("io").
        """
        self._native.write(fspath(path))

    @property
    def axes(self) -> tuple[int, ...]:
        """Sizes of the axes of what can be committed to."""
        return self._native.axes

    @property
    def verifier_key(self) -> VerifierKey:
        """The part that a verifier needs."""
        if self._verifier_key is None:
            self._verifier_key = VerifierKey(self._native.verifier_key())
        return self._verifier_key

    def verify(self) -> _core.Verdict:
        """Check with pairings that the points are those of an SRS.

        It cannot tell whether somebody knows the secrets. Steps: "verifier key", "points", "level
        digests", "random weights" (inconclusive), "level sums", "generator sum", "degree relation".
        """
        return self._native.verify()

    def __repr__(self) -> str:
        return f"Srs(axes={self.axes}, trust={self.verifier_key.trust!r})"
