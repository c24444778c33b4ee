"""Opened values: where they lie, and what they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arguments import path_of, require, whole_bytes
from .errors import InputError
from .filed import Filed, Readable
from .html import table
from .printing import printable
from .residues import as_signed, residue

if TYPE_CHECKING:
    from .commitments import Commitment

_SHOWN = 8  # of many, in a notebook


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


class _Opened(NamedTuple):
    point: tuple[int, ...]
    value: int
    place: Place | None


class Opening(_Opened):
    """One opened value, a tuple of three.

    Attributes:
        point: Coordinates in the committed tensor; off the grid, residues below `R`.
        value: The signed integer that the residue there stands for.
        place: What lies there; None off the grid, and where the commitment is not known.
        number: What the integer stands for: the float of encodings "bits" and "decimal", which of
            "decimal" may round once more, or the integer itself. None off the grid, where the
            commitment is not known, and where its header does not say what the bits are.
    """

    number: float | int | None

    def __new__(
        cls,
        point: tuple[int, ...],
        value: int,
        place: Place | None,
        number: float | int | None = None,
    ) -> "Opening":
        """Make one; `number` is no part of the tuple."""
        made = super().__new__(cls, point, value, place)
        made.number = number
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (*self, self.number)


class Slices(NamedTuple):
    """All values of some parts of a tensor that fix the same axes, or of a set of entries.

    Attributes:
        axes: Those that are fixed, ascending; all of them for entries.
        positions: Where, as indices in C order over the fixed axes alone, ascending.
        values: The integers, without the zeros of padding; of the dtype object where 64 bits do not
            hold them. Where the commitment is known, with an axis for the parts unless there is but
            one, and for layers, tokens and hidden width where these are not fixed.
    """

    axes: tuple[int, ...]
    positions: tuple[int, ...]
    values: NDArray[Any]


class Proofs(Filed):
    """Opened values of one commitment with their proofs; gives an `Opening` for each.

    Their bytes are the digest of the commitment, then points, values and proofs.
    """

    _native: _core.Proofs

    def __init__(self, native: _core.Proofs, commitment: "Commitment | None" = None) -> None:
        require("commitment", commitment, Readable | None)
        self._native = native
        self._commitment = commitment
        if commitment is not None and self.commitment_digest != commitment.digest:
            raise InputError("mismatch", "proofs", "name another commitment")

    @classmethod
    def from_bytes(cls, data: bytes, commitment: "Commitment | None" = None) -> "Proofs":
        """Read proofs. Nothing is verified.

        Args:
            data: As `to_bytes` gives them.
            commitment: What they open, to know the places of the values.

        Raises:
            DecodeError: The bytes are not the canonical ones of proofs.
            InputError: They name another commitment ("mismatch").
        """
        return cls(_core.Proofs.decode(whole_bytes(data), "proofs"), commitment)

    @classmethod
    def read(cls, path: str | PathLike[str], commitment: "Commitment | None" = None) -> "Proofs":
        """Read proofs from a file; as `from_bytes`.

        Raises:
            InputError: The file could not be read ("io").
        """
        return cls(_core.Proofs.read(path_of(path)), commitment)

    @property
    def commitment_digest(self) -> str:
        """Digest of the commitment that is opened, in hexadecimal."""
        return self._native.commitment_digest.hex()

    def __len__(self) -> int:
        return len(self._native)

    @overload
    def __getitem__(self, index: int) -> Opening: ...
    @overload
    def __getitem__(self, index: slice) -> list[Opening]: ...
    def __getitem__(self, index: int | slice) -> Opening | list[Opening]:
        """An opened value, or some of them.

        Raises:
            InputError: One is of slices ("unsupported").
        """
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        index = range(len(self))[index]
        if self._native.query(index).is_of_parts:
            raise InputError("unsupported", f"proof {index}", "of slices or a set: see `slices`")
        data, on_grid = self._native.point(index)
        point, value = coordinates_of(data), self._native.value(index)
        if not on_grid or self._commitment is None:
            return Opening(point, as_signed(residue(value)), None)
        place, number = self._commitment.place(point), self._commitment.number_of(value)
        return Opening(point, as_signed(residue(value)), place, number)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The opened integers: int64, or Python integers where they need more."""
        return as_array([one.value for one in self], dtype, copy)

    def slices(self, index: int = 0) -> Slices:
        """The values of an answer to `open(layer=..)` and the like, or of a set of entries.

        Nothing is verified.

        Raises:
            InputError: The proof is of a point ("unsupported").
        """
        index = range(len(self))[index]
        query = self._native.query(index)
        if not query.is_of_parts:
            raise InputError("unsupported", f"proof {index}", "of a point: take it by its index")
        width, data = self._native.values(index)
        values: NDArray[Any]
        if width == 32:
            values = np.array(
                [as_signed(residue(data[i : i + 32])) for i in range(0, len(data), 32)]
            )
        else:
            values = np.frombuffer(data, np.dtype(f"<i{width}"))
        if self._commitment is not None:
            values = values.reshape(query.shape(self._commitment._header, len(values)))
        return Slices(query.axes, query.positions, values)

    def write_values(self, path: str | PathLike[str], commitment: "Commitment") -> None:
        """Write all values to a safetensors file, in the dtype of the commitment where it has one.

        Nothing is verified: call it when `verify` has accepted.

        Raises:
            InputError: It could not be written ("io").
        """
        require("commitment", commitment, Readable)
        self._native.write_values(commitment._native, path_of(path))

    def __iter__(self) -> Iterator[Opening]:
        return (self[index] for index in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Proofs.from_bytes, (self.to_bytes(), self._commitment)

    def __repr__(self) -> str:
        return f"Proofs({len(self)} of commitment {self.commitment_digest})"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, object]] = [("commitment_digest", self.commitment_digest)]
        for index in range(min(len(self), _SHOWN)):
            query = self._native.query(index)
            if query.is_of_parts:
                rows.append((f"axes {query.axes}", f"{len(query.positions)} parts"))
            else:
                one = self[index]
                number = "" if one.number in (None, one.value) else f" ({one.number})"
                rows.append((str(one.point), f"{one.value}{number} {one.place or ''}"))
        if len(self) > _SHOWN:
            rows.append(("..", f"{len(self)} proofs"))
        return table("Proofs", rows)


def as_array(integers: list[Any], dtype: Any, copy: bool | None) -> NDArray[Any]:
    """Integers, or rows of them, as numpy asks `__array__` for them: always made anew."""
    if copy is False:
        raise ValueError("the array has to be made: copy=False is not possible")
    made = np.array(integers, object)
    fits = all(-(2**63) <= integer < 2**63 for integer in made.flat)
    return made.astype(dtype if dtype is not None else np.int64 if fits else object)


def coordinates_of(data: bytes) -> tuple[int, ...]:
    """Coordinates from their rows of 32 bytes."""
    return tuple(residue(data[i : i + 32]) for i in range(0, len(data), 32))
