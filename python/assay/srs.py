"""The structured reference string (SRS) that commitments are made with, and its verifier's part."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from . import _core
from .arguments import path_of, require, sizes, unsigned, whole_bytes
from .ceremonies import Ceremony, Powers
from .filed import Filed, Mapped
from .html import table
from .writing import write_together


class VerifierKey(Filed):
    """The verifier's part of an SRS: a few KB, all of it that `verify` needs."""

    _native: _core.VerifierKey

    def __init__(self, native: _core.VerifierKey) -> None:
        self._native = native

    @property
    def _checker(self) -> _core.Checker:
        return self._native

    @classmethod
    def from_bytes(cls, data: bytes) -> "VerifierKey":
        """Read the bytes of a .vk file.

        Raises:
            DecodeError: They are not the canonical bytes of points in the right groups.
        """
        return cls(_core.VerifierKey.decode(whole_bytes(data), "verifier key"))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "VerifierKey":
        """Read a .vk file, or the verifier's part of an .srs file.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(_core.VerifierKey.read(path_of(path)))

    def write(self, path: str | PathLike[str]) -> None:
        """Write a .vk file, which appears under its name when it is complete.

        Raises:
            InputError: It could not be written ("io").
        """
        write_together({Path(path): self.to_bytes()})

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

    @property
    def label(self) -> str:
        """The label with the number of contributors: "dev" or "ceremony(3)"."""
        return self._native.label

    @property
    def contributors(self) -> int:
        """How many are said to have contributed to the ceremony; 0 of a dev SRS."""
        return self._native.contributors

    @property
    def transcript(self) -> str | None:
        """Digest of the ceremony's transcript, 64 hexadecimal digits; None of a dev SRS."""
        return self._native.transcript.hex() if self._native.trust == "ceremony" else None

    def __reduce__(self) -> tuple[Any, ...]:
        return VerifierKey.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"VerifierKey(axes={self.axes}, trust={self.trust!r}, digest={self.digest!r})"

    def _repr_html_(self) -> str:
        fields = ("axes", self.axes), ("trust", self.label), ("digest", self.digest)
        return table("VerifierKey", fields)


class Srs(Mapped):
    """A structured reference string for tensors with given axes.

    Whoever knows its secrets can open a commitment to anything. Copies of the points: 64 bytes for
    each value of the tensor, mapped into memory when opened from a file. Two are equal when their
    verifier's parts are, which name all points, and they have the same levels. A pickle has the
    points; of an SRS that was opened from a file it has the path alone.
    """

    _kind = _core.Srs
    _native: _core.Srs

    def __init__(self, native: _core.Srs, path: Path | None = None) -> None:
        super().__init__(native, path)
        self._verifier_key: VerifierKey | None = None
        self._native_checker: _core.VerifierKey | None = None

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
    def original(cls, axes: Sequence[int]) -> "Srs":
        """Make the SRS that the original pipeline's programs had, in memory.

        Its secrets are the same in every program and known to all. It is for proofs that were made
        there; every verdict that rests on it says so.

        Raises:
            InputError: As `dev`.
        """
        return cls(_core.Srs.original(sizes(axes)))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "Srs":
        """Map an SRS file. Its points are not checked: see `verify`.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: It is not a whole SRS file.
        """
        return cls(_core.Srs.open(path_of(path)), Path(path).absolute())

    @staticmethod
    def finalize(powers: Powers, axes: Sequence[int]) -> "Finalized":
        """Make the SRS of a ceremony, in memory.

        Each axis, in order, takes the next axis of the ceremony that has at least as many nodes.

        Raises:
            InputError: An axis that does not fit ("mismatch"); over 2**25 points ("too_large").
        """
        require("powers", powers, Powers)
        verdict, made = powers._native.finalize(sizes(axes))
        return Finalized(verdict, None if made is None else Srs(made))

    @staticmethod
    def write_dev(axes: Sequence[int], seed: int, path: str | PathLike[str]) -> None:
        """Write the SRS that `dev` would make straight to a file, without holding it in memory."""
        _core.Srs.write_dev(sizes(axes), unsigned(seed, "seed"), path_of(path))

    def trim(self, from_level: int, path: str | PathLike[str]) -> None:
        """Write a file with the levels from `from_level` on, of which the digest is the same.

        A verifier of slices needs the level behind the leading axes that they fix: 1 for layers.

        Raises:
            InputError: There is no such level ("out_of_range"); it could not be written ("io").
        """
        self._native.trim(unsigned(from_level, "from_level"), path_of(path))

    @property
    def axes(self) -> tuple[int, ...]:
        """Sizes of the axes of what can be committed to."""
        return self._native.axes

    @property
    def _checker(self) -> _core.VerifierKey:
        """What checks slices too."""
        if self._native_checker is None:
            self._native_checker = self._native.checker()
        return self._native_checker

    @property
    def _committer(self) -> _core.Committer:
        return self._native.committer()

    @property
    def verifier_key(self) -> VerifierKey:
        """The part that a verifier needs."""
        if self._verifier_key is None:
            self._verifier_key = VerifierKey(self._native.verifier_key())
        return self._verifier_key

    def verify(self, transcript: Ceremony | None = None) -> _core.Verdict:
        """Check with pairings that the points are those of an SRS.

        It cannot tell whether somebody knows the secrets. With the transcript of the ceremony that
        the SRS is said to come from, it tells that the secrets are those of that ceremony, and so
        that nobody knows them if one of the contributors forgot theirs.

        Steps: "levels" (inconclusive: a trimmed file), "verifier key", "points", "level digests",
        "random weights" (inconclusive), "level sums", "generator sum", "degree relation",
        "independent secrets"; with a transcript also "trust label", "transcript digest",
        "contributors", "ceremony secrets", "beacon order", "contribution points", "contribution
        proof", "beacon".
        """
        require("transcript", transcript, Ceremony | None)
        if transcript is None:
            return self._native.verify()
        return self._native.verify_with(transcript._native)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Srs):
            return NotImplemented
        same_levels = self._native.first_level == other._native.first_level
        return same_levels and self.verifier_key == other.verifier_key

    def __hash__(self) -> int:
        return hash(self.verifier_key)

    def __repr__(self) -> str:
        return f"Srs(axes={self.axes}, trust={self.verifier_key.trust!r})"

    def _repr_html_(self) -> str:
        key = self.verifier_key
        return table("Srs", (("axes", self.axes), ("trust", key.label), ("digest", key.digest)))


class Finalized(NamedTuple):
    """What became of a ceremony's powers.

    Attributes:
        powers: Verdict on them. Unless it is accepted, there is no SRS.
        srs: The SRS, or None.
    """

    powers: _core.Verdict
    srs: Srs | None
