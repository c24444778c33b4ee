"""Commitments to polynomials by their coefficients, for programs written against this module.

A thin layer over the package assay; new programs should use that.
"""

import operator
import warnings
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

import assay
from assay import _core

__all__ = ["SetupWarning", "TensorCommitmentWrapper"]


class SetupWarning(UserWarning):
    """A proof was not shown, and may have been made under another setup."""


class TensorCommitmentWrapper:
    """Commit to polynomials in `num_variables` variables, each of degree below `degree_bound`.

    With `setup="own"` each object makes an SRS from random secrets that it forgets. Nobody else can
    know that it did, so a proof convinces the process that made the object and nobody else. With
    `setup="original"` the SRS is the one that the original module has in every program: proofs that
    were made there verify here, and the other way round. Its secrets are known to all, so such a
    proof shows nothing about whoever made it.

    Integers stand for residues modulo r, the order of BN254's groups. Coefficients lie in C order
    of the exponents (a_0, .., a_{m-1}): the last one varies fastest.

    Attributes:
        num_variables: Number of variables, m.
        degree_bound: Exclusive: one more than the largest exponent.
        setup: As given.
        trust: "dev", or "known to all" for the original setup.

    Raises:
        ValueError: Fewer than 1 or more than 32 variables, a degree bound of 0, a setup that is
            neither, or so many coefficients that the SRS does not fit in memory.
    """

    def __init__(
        self,
        num_variables: int,
        degree_bound: int,
        *,
        setup: Literal["own", "original"] = "own",
    ) -> None:
        self.num_variables = operator.index(num_variables)
        self.degree_bound = operator.index(degree_bound)
        if not 1 <= self.num_variables <= 32:
            raise ValueError(f"num_variables: {self.num_variables}; give 1 to 32")
        if self.degree_bound < 1:
            raise ValueError(f"degree_bound: {self.degree_bound}; give at least 1")
        if setup not in ("own", "original"):
            raise ValueError(f'setup: {setup!r}; give "own" or "original"')
        self.setup = setup
        self.trust = "dev" if setup == "own" else "known to all"
        self._axes = [self.degree_bound] * self.num_variables
        # The original setup checks proofs without the SRS, which is made when it is needed.
        self._made = _core.Srs.random(self._axes) if setup == "own" else None
        self._key = self._made.verifier_key() if self._made is not None else None
        # Commitments that were made here: what does not verify against them is wrong.
        self._own: set[bytes] = set()
        # The last polynomial opened, by its coefficients and by its values on the grid.
        self._opened: tuple[assay.residues.Rows, assay.residues.Rows] | None = None

    def commit(self, coefficients: Sequence[int]) -> str:
        """Commit to a polynomial.

        Returns:
            A compressed point of G1: 64 hexadecimal digits, which go into commitment.txt.

        Raises:
            ValueError: Not degree_bound ** num_variables coefficients.
        """
        commitment = self._srs().commit_coefficients(self._rows(coefficients))
        self._own.add(commitment)
        return commitment.hex()

    def evaluate_polynomial(
        self, coefficients: Sequence[int], evaluation_point: Sequence[int]
    ) -> int:
        """The polynomial's value at a point, a residue from 0 to r - 1.

        Raises:
            ValueError: As `commit`, or not num_variables coordinates.
        """
        value = _core.evaluate(self._axes, self._rows(coefficients), self._point(evaluation_point))
        return int.from_bytes(value, "little")

    def prove(
        self,
        coefficients: Sequence[int],
        evaluation_point: Sequence[int],
        claimed_evaluation: int,
    ) -> list[str]:
        """Prove that the polynomial takes the claimed value at a point.

        Returns:
            A compressed point of G1 for each variable, 64 hexadecimal digits each: the proof_hex of
            proofs.json.

        Raises:
            ValueError: As `evaluate_polynomial`, or the value is another.
        """
        rows = self._rows(coefficients)
        place = self._point(evaluation_point)
        if self._opened is None or not np.array_equal(self._opened[0], rows):
            self._opened = rows, _core.grid_values(self._axes, rows)
        value, quotients = self._srs().open_at(self._opened[1], place)
        if value != _residue(claimed_evaluation):
            raise ValueError(
                f"claimed_evaluation: {claimed_evaluation} is not the polynomial's value at "
                f"{list(evaluation_point)}"
            )
        return [quotients[i : i + 32].hex() for i in range(0, len(quotients), 32)]

    def verify(
        self,
        commitment_hex: str | bytes,
        evaluation_point: Sequence[int],
        claimed_evaluation: int,
        proof_hex: Iterable[str | bytes],
    ) -> bool:
        """Check a proof by the pairing equation.

        A proof is made under one setup, and holds under no other. Where a proof of a commitment
        that this object did not make does not hold, a `SetupWarning` says what that may mean.

        Args:
            commitment_hex: As `commit` gives it, or its 32 bytes.
            evaluation_point: One integer for each variable.
            claimed_evaluation: The claimed value.
            proof_hex: As `prove` gives it, or the 32 bytes of each point.

        Returns:
            Whether the proof shows it.

        Raises:
            ValueError: Bytes that are no points, or a wrong number of coordinates: nothing was
                checked.
        """
        commitment = _bytes(commitment_hex)
        point = self._point(evaluation_point)
        value = _residue(claimed_evaluation)
        proof = [_bytes(quotient) for quotient in proof_hex]
        if self._key is not None and self._key.check_opening(commitment, point, value, proof):
            return True
        # Known without an SRS; of the own setup it tells whose proof this may be.
        originally = bool(_core.check_original_opening(self._axes, commitment, point, value, proof))
        if self._key is None and originally:
            return True
        if commitment not in self._own:
            if originally:
                meaning = (
                    "the proof was made under another setup, that of the original module, where it "
                    'holds: check it with TensorCommitmentWrapper(.., setup="original")'
                )
            else:
                meaning = (
                    "the commitment was not made by this object: the proof is false, or it was "
                    "made under another setup, of which nothing can be said here"
                )
            text = f"{commitment.hex()[:16]}.. at {list(evaluation_point)}: {meaning}"
            warnings.warn(text, SetupWarning, stacklevel=2)
        return False

    def _srs(self) -> _core.Srs:
        if self._made is None:
            self._made = _core.Srs.original(self._axes)
        return self._made

    def _rows(self, coefficients: Sequence[int]) -> assay.residues.Rows:
        expected = self.degree_bound**self.num_variables
        if len(coefficients) != expected:
            raise ValueError(f"coefficients: {len(coefficients)} of them; give {expected}")
        return assay.to_rows(operator.index(coefficient) % assay.R for coefficient in coefficients)

    def _point(self, point: Sequence[int]) -> assay.residues.Rows:
        if len(point) != self.num_variables:
            raise ValueError(
                f"evaluation_point: {len(point)} coordinates; give {self.num_variables}"
            )
        return assay.to_rows(operator.index(coordinate) % assay.R for coordinate in point)


def _residue(integer: int) -> bytes:
    return (operator.index(integer) % assay.R).to_bytes(32, "little")


def _bytes(encoded: str | bytes) -> bytes:
    return bytes.fromhex(encoded) if isinstance(encoded, str) else bytes(encoded)
