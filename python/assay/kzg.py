"""Vectors under the powers of one secret, as public ceremonies have made them (scheme "kzg").

32 bytes bind 2**k integers, 32 bytes open one of them or an aligned block, 64 bytes open any of
them in any vectors. What a commitment means is for the caller to say; docs/kzg.md has the
mathematics and the bytes.
"""

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import _core
from .arguments import (
    listed,
    path_of,
    require,
    require_unmasked,
    unsigned,
    whole,
    whole_bytes,
)
from .errors import ArgumentError, InputError
from .filed import Filed, Mapped
from .html import table
from .residues import as_signed, is_rows, residue, to_rows
from .writing import write_together

__all__ = ["Claim", "Srs", "Statement", "VerifierKey", "node"]


class Statement(NamedTuple):
    """The polynomial under a commitment has this value at this point."""

    commitment: bytes
    """32 bytes."""
    point: int
    """An element of Fr: `node` of an index, or any other."""
    value: int
    proof: bytes
    """32 bytes."""


class Claim(NamedTuple):
    """One of the statements that a proof of many is about."""

    name: bytes
    """32 bytes that say what the commitment is to; the proof holds under this name alone."""
    commitment: bytes
    """32 bytes."""
    point: int
    value: int


def node(log_size: int, index: int) -> int:
    """The element of Fr that stands for an index of vectors of 2**log_size values.

    >>> node(3, 0)
    1
    """
    _checked_size(log_size)
    if not 0 <= index < 1 << log_size:
        raise InputError("out_of_range", "index", f"{index} is not below 2**{log_size}")
    return residue(_core.kzg_node(log_size, index))


def _checked_size(log_size: int) -> int:
    """`log_size`, from 1 to 28.

    Raises:
        InputError: It is outside ("out_of_range").
    """
    if not 1 <= whole(log_size, "log_size") <= 28:
        raise InputError("out_of_range", "log_size", f"{log_size} is not between 1 and 28")
    return log_size


def _integers(values: Any) -> Any:
    """As the native module takes them: signed integers in an array, or rows of residues."""
    require_unmasked(values, "values")
    if isinstance(values, np.ndarray) and not is_rows(values) and values.dtype.kind in "iu":
        if values.dtype.kind == "u":
            if values.dtype.itemsize == 8:
                return to_rows(int(v) for v in values.ravel())
            values = values.astype(f"i{2 * values.dtype.itemsize}")
        native = values.dtype.newbyteorder("=")
        return np.ascontiguousarray(values.ravel(), dtype=native)
    return np.ascontiguousarray(values) if is_rows(values) else to_rows(values)


def _tuples(given: Any, place: str, size: int) -> list[Any]:
    """A list of which each item has so many parts."""
    items = [listed(one, place) for one in listed(given, place)]
    for one in items:
        if len(one) != size:
            raise ArgumentError(place, f"{len(one)} parts, tuples of {size} are expected here")
    return items


def _stated(statement: Statement, place: str) -> tuple[bytes, bytes, bytes, bytes]:
    require(place, statement, Statement)
    return (
        whole_bytes(statement.commitment, "commitment"),
        _element(statement.point),
        _element(statement.value),
        whole_bytes(statement.proof, "proof"),
    )


def _element(number: int) -> bytes:
    return bytes(to_rows([number])[0])


class VerifierKey(Filed):
    """The verifier's part of an SRS: under 2 KB."""

    _native: _core.KzgVerifierKey

    def __init__(self, native: _core.KzgVerifierKey) -> None:
        self._native = native
        self._native_checker: _core.Checker | None = None

    @property
    def _checker(self) -> _core.Checker:
        if self._native_checker is None:
            self._native_checker = self._native.checker()
        return self._native_checker

    @classmethod
    def from_bytes(cls, data: bytes) -> "VerifierKey":
        """Read the bytes of a .vk file.

        Raises:
            DecodeError: They are not the canonical bytes of points in the right groups.
        """
        return cls(_core.KzgVerifierKey.decode(whole_bytes(data), "verifier key"))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "VerifierKey":
        """Read a .vk file, or the verifier's part of an .srs file.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: As `from_bytes`.
        """
        return cls(_core.KzgVerifierKey.read(path_of(path)))

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
    def log_size(self) -> int:
        """Vectors have 2**log_size values."""
        return self._native.log_size

    @property
    def trust(self) -> str:
        """The label, such as "dev" or "ptau (published file of power 16)": a claim of the file."""
        return self._native.label

    def check(self, statement: Statement) -> _core.Verdict:
        """Check one opening. Steps: "proof points", "opening equation"."""
        return self._native.check(*_stated(statement, "statement"))

    def check_all(self, statements: Iterable[Statement]) -> _core.Verdict:
        """Check openings by one product of pairings, with random weights of 128 bits.

        A rejection's item is the first bad one. Steps: those of `check`, "statements" and "random
        weights" (both inconclusive).
        """
        return self._native.check_all(
            [_stated(one, "statements") for one in listed(statements, "statements")]
        )

    def check_block(
        self, srs: "Srs", commitment: bytes, log_block: int, block: int, values: Any, proof: bytes
    ) -> _core.Verdict:
        """Check the values of the indices from block * 2**log_block on, 2**log_block of them.

        Args:
            srs: Of which the points that are needed are compared with this key.
            values: All of the block: a signed numpy array of one dimension, or integers.

        Steps: "proof shape", "proof points", "size", "basis digests", "opening equation".
        """
        require("srs", srs, Srs)
        return self._native.check_block(
            srs._native,
            whole_bytes(commitment, "commitment"),
            unsigned(log_block, "log_block", 32),
            unsigned(block, "block"),
            _integers(values),
            whole_bytes(proof, "proof"),
        )

    def check_many(self, claims: Sequence[Claim], proof: bytes) -> _core.Verdict:
        """Check all claims by the 64 bytes of one proof.

        Steps: "statements" (inconclusive), "proof points", "challenges", "opening equation".
        """
        stated = []
        for one in listed(claims, "claims"):
            require("claims", one, Claim)
            name, bound = whole_bytes(one.name, "name"), whole_bytes(one.commitment, "commitment")
            stated.append((name, bound, _element(one.point), _element(one.value)))
        return self._native.check_many(stated, whole_bytes(proof, "proof"))

    def __reduce__(self) -> tuple[Any, ...]:
        return VerifierKey.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return (
            f"VerifierKey(log_size={self.log_size}, trust={self.trust!r}, digest={self.digest!r})"
        )

    def _repr_html_(self) -> str:
        fields = ("log_size", self.log_size), ("trust", self.trust), ("digest", self.digest)
        return table("VerifierKey", fields)


class Srs(Mapped):
    """The points that commitments to vectors of 2**log_size values are made of, 64 bytes a value.

    Values are signed numpy arrays of one dimension, rows of residues or any integers; those that
    are not given are zeros. Two are equal when their verifier's parts are, which name all points. A
    pickle has the points; of an SRS that was opened from a file it has the path alone.
    """

    _kind = _core.KzgSrs
    _native: _core.KzgSrs

    def __init__(self, native: _core.KzgSrs, path: Path | None = None) -> None:
        super().__init__(native, path)
        self._verifier_key: VerifierKey | None = None
        self._native_checker: _core.Checker | None = None

    @property
    def _checker(self) -> _core.Checker:
        """What checks blocks too."""
        if self._native_checker is None:
            self._native_checker = self._native.checker()
        return self._native_checker

    @property
    def _committer(self) -> _core.Committer:
        return self._native.committer()

    @classmethod
    def dev(cls, log_size: int, seed: int) -> "Srs":
        """Make an SRS from a seed, in memory. Everybody who knows the seed can cheat.

        Raises:
            InputError: log_size is not 1 to 24.

        >>> Srs.dev(4, seed=1).log_size
        4
        """
        return cls(_core.KzgSrs.dev(_checked_size(log_size), unsigned(seed, "seed")))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "Srs":
        """Map an SRS file. Its points are not checked: see `verify`.

        Raises:
            InputError: The file could not be read ("io").
            DecodeError: It is not a whole SRS file.
        """
        return cls(_core.KzgSrs.open(path_of(path)), Path(path).absolute())

    @classmethod
    def import_ptau(
        cls, ptau: str | PathLike[str], log_size: int, out: str | PathLike[str]
    ) -> "Srs":
        """Write the SRS that the powers in a .ptau file make to `out`, and map it.

        Raises:
            InputError: A file could not be read or written ("io").
            DecodeError: It is no .ptau file of BN254 with powers of one secret for as many values.
        """
        _core.KzgSrs.import_ptau(
            path_of(ptau, "ptau"), _checked_size(log_size), path_of(out, "out")
        )
        return cls.open(out)

    @property
    def log_size(self) -> int:
        """Vectors have 2**log_size values."""
        return self._native.log_size

    @property
    def verifier_key(self) -> VerifierKey:
        """The part that a verifier needs."""
        if self._verifier_key is None:
            self._verifier_key = VerifierKey(self._native.verifier_key())
        return self._verifier_key

    def verify(self) -> _core.Verdict:
        """Check with pairings that the points are those of one secret.

        It cannot tell whether somebody knows it. Steps: "verifier key", "points", "basis digests",
        "random weights" (inconclusive), "generator sum", "degree relation", "powers".
        """
        return self._native.verify()

    def commit(self, values: Any) -> bytes:
        """The commitment, 32 bytes.

        Raises:
            InputError: More values than 2**log_size ("mismatch").
        """
        return self._native.commit(_integers(values))

    def open_index(self, values: Any, index: int) -> tuple[int, bytes]:
        """The value at an index and its proof of 32 bytes.

        Raises:
            InputError: As `commit`, or the index is not below 2**log_size ("out_of_range").
        """
        value, proof = self._native.open_index(_integers(values), unsigned(index, "index"))
        return as_signed(residue(value)), proof

    def open_at(self, values: Any, point: int) -> tuple[int, bytes]:
        """The polynomial's value at any point of Fr, and its proof of 32 bytes."""
        value, proof = self._native.open_at(_integers(values), _element(point))
        return as_signed(residue(value)), proof

    def open_block(self, values: Any, log_block: int, block: int) -> bytes:
        """The proof of the 2**log_block values from index block * 2**log_block on, 32 bytes.

        Raises:
            InputError: As `commit`, or there is no such block ("out_of_range").
        """
        return self._native.open_block(
            _integers(values), unsigned(log_block, "log_block", 32), unsigned(block, "block")
        )

    def open_all_blocks(self, values: Any, log_block: int) -> list[bytes]:
        """What `open_block` gives for every block, in much less time."""
        return self._native.open_all_blocks(_integers(values), unsigned(log_block, "log_block", 32))

    def open_many(
        self,
        vectors: Sequence[tuple[bytes, bytes, Any]],
        questions: Sequence[tuple[int, int]],
    ) -> tuple[list[int], bytes]:
        """The answers to all questions, and one proof of 64 bytes.

        Args:
            vectors: Name (32 bytes), commitment and values of each.
            questions: The number of a vector, and the point it is asked at.

        Raises:
            InputError: As `commit`; no questions ("mismatch"), no such vector ("out_of_range").
        """
        values, proof = self._native.open_many(
            [
                (whole_bytes(name, "name"), whole_bytes(commitment, "commitment"), _integers(v))
                for name, commitment, v in _tuples(vectors, "vectors", 3)
            ],
            [
                (unsigned(v, "vector"), _element(point))
                for v, point in _tuples(questions, "questions", 2)
            ],
        )
        return [as_signed(residue(value)) for value in values], proof

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Srs):
            return NotImplemented
        return self.verifier_key == other.verifier_key

    def __hash__(self) -> int:
        return hash(self.verifier_key)

    def __repr__(self) -> str:
        return f"Srs(log_size={self.log_size}, trust={self.verifier_key.trust!r})"

    def _repr_html_(self) -> str:
        key = self.verifier_key
        fields = ("log_size", self.log_size), ("trust", key.trust), ("digest", key.digest)
        return table("Srs", fields)
