"""Commitments to tensors, challenges, and proofs of single values."""

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from . import _core, kzg
from .arguments import listed, path_of, require, unsigned, whole, whole_bytes
from .errors import InputError
from .filed import Changing, Readable
from .html import table
from .openings import Place, Proofs, as_array, coordinates_of
from .residues import R, to_rows
from .srs import Srs
from .tensors import Header, Tensor, header_of

Points: TypeAlias = "Challenge | Sequence[Sequence[int]] | NDArray[np.integer[Any]]"
"""Where to open. A tuple, or a row of an array: a point of the grid. A list: any point, its
coordinates taken modulo `R`."""

AnySrs: TypeAlias = Srs | kzg.Srs
"""Parameters of the scheme "tensor" or "kzg"."""

SchemeName: TypeAlias = Literal["tensor", "kzg", "merkle"]

_SHOWN = 8  # of many, in a notebook


class Commitment(Readable):
    """32 bytes that bind a tensor, with the header that says what the numbers are.

    Its bytes are header and point. Made by `commit`, it keeps its tensor and SRS, to open it with;
    read from bytes, or from a pickle, it does not have them. Two are equal when their bytes are.
    """

    _kind = _core.Commitment
    _native: _core.Commitment

    def __init__(
        self, native: _core.Commitment, tensor: Tensor | None = None, srs: AnySrs | None = None
    ) -> None:
        super().__init__(native)
        self._tensor = tensor
        self._srs = srs
        self._header = native.header
        self.header: Header = header_of(self._header)

    @property
    def tensor(self) -> Tensor:
        """What was committed to.

        Raises:
            InputError: A commitment that was read has none ("mismatch").
        """
        if self._tensor is None:
            raise InputError("mismatch", "tensor", "a commitment read from bytes has none")
        return self._tensor

    @property
    def point(self) -> bytes:
        """C, 32 bytes: a compressed point of G1, or of the scheme "merkle" a digest."""
        return self._native.point

    @property
    def hex(self) -> str:
        """C, 64 hexadecimal digits. It leaves out the header: see `digest`."""
        return self.point.hex()

    @property
    def digest(self) -> str:
        """SHA-256 over header and C: what is signed, compared, and named by proofs."""
        return self._native.digest.hex()

    def place(self, point: Sequence[int]) -> Place:
        """What lies at a point of the grid.

        Raises:
            InputError: The point is off the grid ("out_of_range").
        """
        native = self._header.place_of([unsigned(c, "point", 32) for c in listed(point, "point")])
        return Place(native.layer, tuple(native.coordinates), native.tap, native.is_padding)

    def number_of(self, value: bytes) -> float | int | None:
        """What an integer of the tensor stands for, a residue in 32 bytes."""
        text = self._header.number_of(whole_bytes(value, "value"))
        if text is None:
            return None
        return int(text) if self.header.encoding == "int" else float(text)

    def point_of(self, layer: str, coordinates: Sequence[int]) -> tuple[int, ...]:
        """The point of the grid at which a value of a layer lies; the inverse of `place`.

        Raises:
            InputError: There is no such layer or value ("out_of_range").
        """
        require("layer", layer, str)
        numbers = [unsigned(c, f"layer {layer}") for c in listed(coordinates, "coordinates")]
        return self._header.coordinates_of(layer, numbers)

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
        tensor, parameters = self._own(tensor, srs)
        if not isinstance(parameters, Srs):
            raise InputError("unsupported", "keep", 'only the scheme "tensor" keeps quotients')
        native = _core.KeptQuotients.of_first_axis(self._native, tensor._native, parameters._native)
        return KeptQuotients(self, native)

    def open(
        self,
        points: Points = (),
        tensor: Tensor | None = None,
        srs: AnySrs | None = None,
        kept: "KeptQuotients | None" = None,
        *,
        together: bool = False,
        layer: str | int | None = None,
        token: int | range | None = None,
        dim: int | None = None,
    ) -> "Proofs":
        """Prove the values at `points`.

        By the scheme "tensor" a point takes 32 bytes for each axis, by "kzg" 32 bytes, and by
        "merkle" the other values of its leaf with the hashes beside it. Of a slice, which `layer`,
        `token` and `dim` name in any combination, all values are proved together.

        Args:
            points: A `Challenge`, or points. Tuples, and rows of an array, are points of the grid;
                lists are any points, with integers taken modulo `R`.
            tensor: What was committed to; a commitment made by `commit` has it. That it is the same
                is not checked here: proofs of other values do not verify.
            srs: The SRS committed with, likewise.
            kept: What is kept of earlier openings. What these points need is taken from there, or
                made and added to it. The proofs are the same; they are verified before anything is
                added.
            together: Points of the grid as one set, whose proof shares what it can; by the scheme
                "kzg" it has 64 bytes. `Proofs.slices` gives the values.
            layer: The name of a layer, or its number, of a commitment of layout "model".
            token: The number of a token, or a range of them, without gaps.
            dim: A place in the hidden width.

        Raises:
            InputError: Nothing to open, or to open with, another SRS, quotients kept for another
                commitment, or proofs by kept quotients that do not verify ("mismatch"); a point
                outside the axes ("out_of_range"); what the scheme cannot open ("unsupported").
        """
        tensor, parameters = self._own(tensor, srs)
        require("kept", kept, KeptQuotients | None)
        if isinstance(points, Challenge):
            points.require(self)
            prepared = points._prepared()
        else:
            points = listed(points, "points")
            prepared = [_prepare(point) for point in points]
            if together:
                prepared = [self._set(points)]
        if (layer, token, dim) != (None, None, None):
            prepared.append(self._slice(layer, token, dim))
        if kept is None:
            committer = _committer_of(parameters, self.header.scheme)
            proofs = _core.prove(self._native, tensor._native, committer, prepared)
        elif isinstance(parameters, Srs):
            proofs = _core.prove_kept(
                self._native, tensor._native, parameters._native, prepared, kept._native
            )
        else:
            raise InputError("unsupported", "kept", 'only the scheme "tensor" keeps quotients')
        return Proofs(proofs, self)

    def _set(self, points: Sequence[Sequence[int]] | NDArray[np.integer[Any]]) -> _core.Query:
        if any(isinstance(point, list) for point in points):
            raise InputError("unsupported", "together", "a set has points of the grid, as tuples")
        grid = [[unsigned(c, "point", 32) for c in point] for point in points]
        return _core.Query.of_set(self._header, grid)

    def _slice(
        self, layer: str | int | None, token: int | range | None, dim: int | None
    ) -> _core.Query:
        tokens = None
        if isinstance(token, range):
            if token.step != 1 or not token:
                raise InputError(
                    "malformed", "token", "a range of tokens has no gaps and is not empty"
                )
            tokens = unsigned(token.start, "token"), unsigned(token.stop - 1, "token")
        elif token is not None:
            tokens = unsigned(token, "token"), unsigned(token, "token")
        name = layer if isinstance(layer, str | None) else str(unsigned(layer, "layer"))
        return _core.Query.of_slice(
            self._header, name, tokens, None if dim is None else unsigned(dim, "dim")
        )

    def _own(self, tensor: Tensor | None, srs: AnySrs | None) -> tuple[Tensor, AnySrs | None]:
        require("tensor", tensor, Tensor | None)
        require("srs", srs, Srs | kzg.Srs | None)
        tensor = self._tensor if tensor is None else tensor
        srs = self._srs if srs is None else srs
        has_setup = self._header.setup_digest is not None
        if tensor is None or (has_setup and srs is None):
            wanted = "tensor and SRS" if has_setup else "tensor"
            raise InputError("mismatch", "open", f"a commitment read from bytes; give its {wanted}")
        return tensor, srs

    def __repr__(self) -> str:
        return f"Commitment(hex={self.hex!r}, axes={self.header.axes})"

    def _repr_html_(self) -> str:
        header = self.header
        return table(
            "Commitment",
            (
                ("hex", self.hex),
                ("digest", self.digest),
                ("axes", header.axes),
                ("layout", header.layout),
                ("encoding", header.encoding),
                ("dtype", header.dtype),
                ("layers", len(header.layers)),
            ),
        )


class KeptQuotients(Changing):
    """What openings of one commitment need of its first axes, kept to make later ones cheaper.

    The prover's own state, with nothing in it at first; `Commitment.keep` makes one that has the
    first axis. Its length is the number of quotients. Its bytes are the digest of the commitment,
    and the quotients.
    """

    def __init__(self, commitment: Commitment, native: _core.KeptQuotients | None = None) -> None:
        require("commitment", commitment, Commitment)
        self._commitment = commitment
        self._native = _core.KeptQuotients.none(commitment._native) if native is None else native

    @classmethod
    def from_bytes(cls, data: bytes, commitment: Commitment) -> "KeptQuotients":
        """Read what was kept for `commitment`.

        Raises:
            DecodeError: The bytes are not the canonical ones of kept quotients, or were kept for
                another commitment ("mismatch").
        """
        require("commitment", commitment, Commitment)
        data = whole_bytes(data)
        native = _core.KeptQuotients.decode(data, commitment._native, "kept quotients")
        return cls(commitment, native)

    @classmethod
    def read(cls, path: str | PathLike[str], commitment: Commitment) -> "KeptQuotients":
        """Read a file of `write`, `assay commit --keep` or `assay prove --kept`.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(commitment, _core.KeptQuotients.read(path_of(path), commitment._native))

    def __len__(self) -> int:
        return len(self._native)

    def __reduce__(self) -> tuple[Any, ...]:
        return KeptQuotients.from_bytes, (self.to_bytes(), self._commitment)

    def __repr__(self) -> str:
        return f"KeptQuotients({len(self)})"


class Challenge(Readable):
    """The points that a verifier wants opened, drawn after it has the commitment.

    Its bytes are the digest of the commitment, and the points.
    """

    _kind = _core.Challenge
    _native: _core.Challenge

    @classmethod
    def draw(cls, commitment: Commitment, count: int, unit: str = "entry") -> "Challenge":
        """Draw distinct positions of real values, uniformly, from the system's randomness.

        Args:
            commitment: What is challenged.
            count: How many.
            unit: What is drawn: "entry"; or of a commitment of layout "model" "token", over all
                layers, or "layer".

        Raises:
            InputError: `count` is 0 or over the number of such units ("out_of_range"); the layout
                has none ("unsupported").
        """
        require("commitment", commitment, Commitment)
        require("unit", unit, str)
        return cls(_core.Challenge.draw(commitment._native, unsigned(count, "count"), unit))

    @classmethod
    def from_seed(
        cls, commitment: Commitment, count: int, seed: int, unit: str = "entry"
    ) -> "Challenge":
        """Draw from a seed. A prover that can guess the seed knows the points beforehand."""
        require("commitment", commitment, Commitment)
        require("unit", unit, str)
        return cls(
            _core.Challenge.from_seed(
                commitment._native, unsigned(count, "count"), unsigned(seed, "seed"), unit
            )
        )

    @property
    def commitment_digest(self) -> str:
        """Digest of the commitment that is challenged, in hexadecimal."""
        return self._native.commitment_digest.hex()

    @property
    def points(self) -> list[tuple[int, ...]]:
        """Points of the grid; off it, where the challenge has such, residues below `R`.

        Of slices, which a challenge may ask for too, none: see `slices`.
        """
        return [
            coordinates_of(self._native.point(index)[0])
            for index in range(len(self))
            if not self._native.query(index).is_of_parts
        ]

    @property
    def slices(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Axes and positions, as `Slices` has them, where the challenge asks for such."""
        queries = [self._native.query(index) for index in range(len(self))]
        return [(query.axes, query.positions) for query in queries if query.is_of_parts]

    def _prepared(self) -> "list[list[int] | NDArray[np.uint8] | _core.Query]":
        return [self._native.query(index) for index in range(len(self))]

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, in hexadecimal: it tells the verifier its own challenge again."""
        return self._native.digest.hex()

    def require(self, commitment: Commitment) -> None:
        """Check that the challenge asks for values of `commitment`.

        Raises:
            InputError: It is to another ("mismatch"), or asks for padding ("out_of_range").
        """
        require("commitment", commitment, Commitment)
        self._native.check(commitment._native)

    def __len__(self) -> int:
        return len(self._native)

    @overload
    def __getitem__(self, index: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[int, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, ...] | list[tuple[int, ...]]:
        """A point that is asked for, or some of them.

        Raises:
            InputError: One is of slices ("unsupported").
        """
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        index = range(len(self))[index]
        if self._native.query(index).is_of_parts:
            raise InputError("unsupported", f"query {index}", "of slices or a set: see `slices`")
        return coordinates_of(self._native.point(index)[0])

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The points as rows: int64, or of Python integers where coordinates need more."""
        return as_array(list(self), dtype, copy)

    def __repr__(self) -> str:
        return f"Challenge({len(self)} of commitment {self.commitment_digest})"

    def _repr_html_(self) -> str:
        points = ", ".join(map(str, self.points[:_SHOWN]))
        more = ", .." if len(self.points) > _SHOWN else ""
        return table(
            "Challenge",
            (
                ("commitment_digest", self.commitment_digest),
                ("queries", len(self)),
                ("points", points + more),
                ("digest", self.digest),
            ),
        )


def commit(
    tensor: Tensor, srs: AnySrs | None = None, *, scheme: SchemeName | None = None
) -> Commitment:
    """Commit to a tensor.

    Args:
        tensor: What to commit to.
        srs: Parameters for its axes, or `assay.kzg.Srs` for as many values. The scheme "merkle" has
            none.
        scheme: How the numbers are bound; by default the one that the SRS is for.

    Raises:
        InputError: The SRS is missing, or not for such a tensor or this scheme ("mismatch"); no
            scheme has this name ("malformed").

    >>> import assay
    >>> tensor = assay.encode([[5, -3], [2**200, 7]], "int", "flat")
    >>> assay.commit(tensor, assay.Srs.dev((2, 2), seed=7)).hex
    '5f10fa5ecdad6d295d6ad5b5669bf5df61fd5b9e8de8d73156fe72a59277af97'
    """
    require("tensor", tensor, Tensor)
    require("srs", srs, Srs | kzg.Srs | None)
    require("scheme", scheme, str | None)
    committer = _committer_of(srs, "tensor" if scheme is None else scheme)
    if scheme is not None and scheme != committer.scheme:
        raise InputError(
            "mismatch", "srs", f"it is for the scheme {committer.scheme!r}, not {scheme!r}"
        )
    return Commitment(_core.commit(tensor._native, committer), tensor, srs)


def _committer_of(srs: AnySrs | None, scheme: str) -> _core.Committer:
    return _core.committer_of(scheme) if srs is None else srs._committer


def _prepare(point: Sequence[int] | NDArray[Any]) -> list[int] | NDArray[np.uint8]:
    """A point of the grid as a list of integers, any other as rows."""
    if isinstance(point, list):
        return to_rows(whole(coordinate, "point") % R for coordinate in point)
    return [unsigned(coordinate, "point", 32) for coordinate in listed(point, "points")]
