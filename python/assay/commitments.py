"""Commitments to tensors, challenges, and proofs of single values."""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arguments import unsigned
from .errors import InputError
from .filed import Filed, Readable
from .printing import printable
from .residues import R, as_signed, residue, to_rows
from .srs import Srs
from .tensors import Header, Tensor, header_of

Points: TypeAlias = "Challenge | Sequence[Sequence[int]] | NDArray[np.integer[Any]]"
"""Where to open. A tuple, or a row of an array: a point of the grid. A list: any point, its
coordinates taken modulo `R`."""


@dataclass(frozen=True)
class Place:
    """What lies at a point of the grid, in words of the model.

    Attributes:
        layer: Its name; empty for padding.
        coordinates: In the layer's own shape; empty for padding.
        tap: Where in the model the layer was taken; empty when not known.
        is_padding: Whether there is no value of the model.
    """

    layer: str
    coordinates: tuple[int, ...]
    tap: str
    is_padding: bool

    def __str__(self) -> str:
        """As people are shown it: printable."""
        if self.is_padding:
            return "padding"
        return printable(_core.place_text(self.layer, self.coordinates))


class Opening(NamedTuple):
    """One opened value.

    Attributes:
        point: Coordinates in the committed tensor; off the grid, residues below `R`.
        value: The signed integer that the residue there stands for.
        place: What lies there; None off the grid, and where the commitment is not known.
    """

    point: tuple[int, ...]
    value: int
    place: Place | None


class Commitment(Readable):
    """32 bytes that bind a tensor, with the header that says what the numbers are.

    Its bytes are header and point. Made by `commit`, it keeps its tensor and SRS, to open it with;
    read from bytes, it does not have them. Two are equal when their bytes are.
    """

    _kind = _core.Commitment
    _native: _core.Commitment

    def __init__(
        self, native: _core.Commitment, tensor: Tensor | None = None, srs: Srs | None = None
    ) -> None:
        super().__init__(native)
        self._tensor = tensor
        self._srs = srs
        self._header = native.header
        self.header: Header = header_of(self._header)

    @property
    def point(self) -> bytes:
        """The committed point of G1, compressed, 32 bytes."""
        return self._native.point

    @property
    def hex(self) -> str:
        """The committed point, 64 hexadecimal digits. It leaves out the header: see `digest`."""
        return self.point.hex()

    @property
    def digest(self) -> str:
        """SHA-256 over header and point: what is signed, compared, and named by proofs."""
        return self._native.digest.hex()

    def place(self, point: Sequence[int]) -> Place:
        """What lies at a point of the grid.

        Raises:
            InputError: The point is off the grid ("out_of_range").
        """
        native = self._header.place_of([unsigned(c, "point", 32) for c in point])
        return Place(native.layer, tuple(native.coordinates), native.tap, native.is_padding)

    def point_of(self, layer: str, coordinates: Sequence[int]) -> tuple[int, ...]:
        """The point of the grid at which a value of a layer lies; the inverse of `place`.

        Raises:
            InputError: There is no such layer or value ("out_of_range").
        """
        whole = [unsigned(c, f"layer {layer}") for c in coordinates]
        return self._header.coordinates_of(layer, whole)

    def keep(self, tensor: Tensor | None = None, srs: Srs | None = None) -> "KeptQuotients":
        """Make what openings need of the first axis, so that `open` takes it from there.

        As much work as opening once at each node of the first axis.

        Args:
            tensor: What was committed to; a commitment made by `commit` has it. That it is the same
                shows when something is opened with what is kept.
            srs: The SRS committed with, likewise.

        Raises:
            InputError: Nothing to make it from, or another SRS ("mismatch").
        """
        tensor, srs = self._own(tensor, srs)
        native = _core.KeptQuotients.of_first_axis(self._native, tensor._native, srs._native)
        return KeptQuotients(self, native)

    def open(
        self,
        points: Points,
        tensor: Tensor | None = None,
        srs: Srs | None = None,
        kept: "KeptQuotients | None" = None,
    ) -> "Proofs":
        """Prove the values at `points`, one proof of 32 bytes for each axis and point.

        Args:
            points: A `Challenge`, or points. Tuples, and rows of an array, are points of the grid;
                lists are any points, with integers taken modulo `R`.
            tensor: What was committed to; a commitment made by `commit` has it. That it is the same
                is not checked here: proofs of other values do not verify.
            srs: The SRS committed with, likewise.
            kept: What is kept of earlier openings. What these points need is taken from there, or
                made and added to it. The proofs are the same; they are verified before anything is
                added.

        Raises:
            InputError: Nothing to open with, another SRS, quotients kept for another commitment,
                or proofs by kept quotients that do not verify ("mismatch"); a point off the grid
                ("out_of_range").
        """
        tensor, srs = self._own(tensor, srs)
        if isinstance(points, Challenge):
            points.require(self)
            prepared = points._prepared()
        else:
            prepared = [_prepare(point) for point in points]
        given = self._native, tensor._native, srs._native, prepared
        proofs = _core.prove(*given) if kept is None else _core.prove_kept(*given, kept._native)
        return Proofs(proofs, self)

    def _own(self, tensor: Tensor | None, srs: Srs | None) -> tuple[Tensor, Srs]:
        tensor = tensor or self._tensor
        srs = srs or self._srs
        if tensor is None or srs is None:
            raise InputError(
                "mismatch", "open", "a commitment read from bytes; give its tensor and SRS"
            )
        return tensor, srs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Commitment) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return f"Commitment(hex={self.hex!r}, axes={self.header.axes})"


class KeptQuotients(Filed):
    """What openings of one commitment need of its first axes, kept to make later ones cheaper.

    The prover's own state, with nothing in it at first; `Commitment.keep` makes one that has the
    first axis. Its length is the number of quotients. Its bytes are the digest of the commitment,
    and the quotients.
    """

    def __init__(self, commitment: Commitment, native: _core.KeptQuotients | None = None) -> None:
        self._native = _core.KeptQuotients.none(commitment._native) if native is None else native

    @classmethod
    def from_bytes(cls, data: bytes, commitment: Commitment) -> "KeptQuotients":
        """Read what was kept for `commitment`.

        Raises:
            DecodeError: The bytes are not the canonical ones of kept quotients, or were kept for
                another commitment ("mismatch").
        """
        native = _core.KeptQuotients.decode(bytes(data), commitment._native, "kept quotients")
        return cls(commitment, native)

    @classmethod
    def read(cls, path: str | PathLike[str], commitment: Commitment) -> "KeptQuotients":
        """Read a file of `write`, `assay commit --keep` or `assay prove --kept`.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(commitment, _core.KeptQuotients.read(fspath(path), commitment._native))

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return f"KeptQuotients({len(self)})"


class Challenge(Readable):
    """The points that a verifier wants opened, drawn after it has the commitment.

    Its bytes are the digest of the commitment, and the points.
    """

    _kind = _core.Challenge
    _native: _core.Challenge

    @classmethod
    def draw(cls, commitment: Commitment, count: int) -> "Challenge":
        """Draw distinct positions of real values, uniformly, from the system's randomness.

        Raises:
            InputError: `count` is 0 or over the number of real values ("out_of_range").
        """
        return cls(_core.Challenge.draw(commitment._native, unsigned(count, "count")))

    @classmethod
    def from_seed(cls, commitment: Commitment, count: int, seed: int) -> "Challenge":
        """Draw from a seed. A prover that can guess the seed knows the points beforehand."""
        return cls(
            _core.Challenge.from_seed(
                commitment._native, unsigned(count, "count"), unsigned(seed, "seed")
            )
        )

    @property
    def commitment_digest(self) -> str:
        """Digest of the commitment that is challenged, in hexadecimal."""
        return self._native.commitment_digest.hex()

    @property
    def points(self) -> list[tuple[int, ...]]:
        """Points of the grid; off it, where the challenge has such, residues below `R`."""
        return [_point(self._native.point(index)[0]) for index in range(len(self._native))]

    def _prepared(self) -> "list[list[int] | NDArray[np.uint8]]":
        queries = [self._native.point(index) for index in range(len(self._native))]
        return [
            list(_point(data)) if on_grid else np.frombuffer(data, np.uint8).reshape(-1, 32)
            for data, on_grid in queries
        ]

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, in hexadecimal: it tells the verifier its own challenge again."""
        return self._native.digest.hex()

    def require(self, commitment: Commitment) -> None:
        """Check that the challenge asks for values of `commitment`.

        Raises:
            InputError: It is to another ("mismatch"), or asks for padding ("out_of_range").
        """
        self._native.check(commitment._native)

    def __len__(self) -> int:
        return len(self._native)


class Proofs(Filed):
    """Opened values of one commitment with their proofs; gives an `Opening` for each.

    Their bytes are the digest of the commitment, then points, values and proofs.
    """

    _native: _core.Proofs

    def __init__(self, native: _core.Proofs, commitment: Commitment | None = None) -> None:
        self._native = native
        self._commitment = commitment
        if commitment is not None and self.commitment_digest != commitment.digest:
            raise InputError("mismatch", "proofs", "name another commitment")

    @classmethod
    def from_bytes(cls, data: bytes, commitment: Commitment | None = None) -> "Proofs":
        """Read proofs. Nothing is verified.

        Args:
            data: As `to_bytes` gives them.
            commitment: What they open, to know the places of the values.

        Raises:
            DecodeError: The bytes are not the canonical ones of proofs.
            InputError: They name another commitment ("mismatch").
        """
        return cls(_core.Proofs.decode(bytes(data), "proofs"), commitment)

    @classmethod
    def read(cls, path: str | PathLike[str], commitment: Commitment | None = None) -> "Proofs":
        """Read proofs from a file; as `from_bytes`.

        Raises:
            InputError: The file could not be read ("io").
        """
        return cls(_core.Proofs.read(fspath(path)), commitment)

    @property
    def commitment_digest(self) -> str:
        """Digest of the commitment that is opened, in hexadecimal."""
        return self._native.commitment_digest.hex()

    def __len__(self) -> int:
        return len(self._native)

    def __getitem__(self, index: int) -> Opening:
        index = range(len(self))[index]
        data, on_grid = self._native.point(index)
        point = _point(data)
        place = self._commitment.place(point) if on_grid and self._commitment else None
        return Opening(point, as_signed(residue(self._native.value(index))), place)

    def __iter__(self) -> Iterator[Opening]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"Proofs({len(self)} of commitment {self.commitment_digest})"


def commit(tensor: Tensor, srs: Srs) -> Commitment:
    """Commit to a tensor.

    Raises:
        InputError: The axes of the SRS are not those of the tensor ("mismatch").

    >>> import assay
    >>> tensor = assay.encode([[5, -3], [2**200, 7]], "int", "flat")
    >>> assay.commit(tensor, assay.Srs.dev((2, 2), seed=7)).hex
    '5f10fa5ecdad6d295d6ad5b5669bf5df61fd5b9e8de8d73156fe72a59277af97'
    """
    return Commitment(_core.commit(tensor._native, srs._native), tensor, srs)


def _point(data: bytes) -> tuple[int, ...]:
    """Coordinates from their rows of 32 bytes."""
    return tuple(residue(data[i : i + 32]) for i in range(0, len(data), 32))


def _prepare(point: Sequence[int] | NDArray[Any]) -> list[int] | NDArray[np.uint8]:
    """A point of the grid as a list of integers, any other as rows."""
    if isinstance(point, list):
        return to_rows(operator.index(coordinate) % R for coordinate in point)
    return [unsigned(coordinate, "point", 32) for coordinate in point]
