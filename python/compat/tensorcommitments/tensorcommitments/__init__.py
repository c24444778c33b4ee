"""Commitments to polynomials by their coefficients, for programs written against this module.

A thin layer over the package assay; new programs should use that.
"""

import operator
from collections.abc import Iterable, Sequence

import numpy as np

import assay
from assay import _core

__all__ = ["TensorCommitmentWrapper"]


class TensorCommitmentWrapper:
    """Commit to polynomials in `num_vars` variables, each of degree below `degree_bound`.

    Each object makes its own SRS from random secrets that it forgets. Nobody else can know that it
    did, so a proof convinces the process that made the object and nobody else.

    Integers x stand for residues modulo r, the order of BN254's groups, with -r < x < r.
    Coefficients lie in C order of the exponents (a_0, .., a_{m-1}): the last one varies fastest.

    Attributes:
        num_vars: Number of variables, m.
        degree_bound: Exclusive: one more than the largest exponent.
        trust: "dev".

    Raises:
        ValueError: Fewer than 1 or more than 32 variables, a degree bound of 0, or so many
            coefficients that the SRS does not fit in memory.
    """

    def __init__(self, num_vars: int, degree_bound: int) -> None:
        self.num_vars = operator.index(num_vars)
        self.degree_bound = operator.index(degree_bound)
        if not 1 <= self.num_vars <= 32:
            raise ValueError(f"num_vars: {self.num_vars}; give 1 to 32")
        if self.degree_bound < 1:
            raise ValueError(f"degree_bound: {self.degree_bound}; give at least 1")
        self._axes = [self.degree_bound] * self.num_vars
        self._srs = _core.Srs.random(self._axes)
        self._key = self._srs.verifier_key()
        self.trust = self._key.trust
        # The last polynomial opened, by its coefficients and by its values on the grid.
        self._opened: tuple[assay.residues.Rows, assay.residues.Rows] | None = None

    def commit(self, coefficients: Sequence[int]) -> bytes:
        """Commit to a polynomial.

        Returns:
            A compressed point of G1, 32 bytes; `.hex()` gives what goes into commitment.txt.

        Raises:
            ValueError: Not degree_bound ** num_vars coefficients, or one out of range.
        """
        return self._srs.commit_coefficients(self._rows(coefficients))

    def evaluate_polynomial(self, coefficients: Sequence[int], point: Sequence[int]) -> int:
        """The polynomial's value at `point`, a residue from 0 to r - 1.

        Raises:
            ValueError: As `commit`, or not num_vars coordinates.
        """
        value = _core.evaluate(self._axes, self._rows(coefficients), self._point(point))
        return int.from_bytes(value, "little")

    def prove(self, coefficients: Sequence[int], point: Sequence[int], eval: int) -> list[bytes]:
        """Prove that the polynomial takes the value `eval` at `point`.

        Returns:
            A compressed point of G1 for each variable, 32 bytes each; `.hex()` of each gives the
            proof_hex of proofs.json.

        Raises:
            ValueError: As `evaluate_polynomial`, or `eval` is not the value.
        """
        rows = self._rows(coefficients)
        place = self._point(point)
        if self._opened is None or not np.array_equal(self._opened[0], rows):
            self._opened = rows, _core.grid_values(self._axes, rows)
        value, quotients = self._srs.open_at(self._opened[1], place)
        if value != _residue(eval, "eval"):
            raise ValueError(f"eval: {eval} is not the polynomial's value at {list(point)}")
        return [quotients[i : i + 32] for i in range(0, len(quotients), 32)]

    def verify(
        self,
        commitment: bytes | str,
        point: Sequence[int],
        eval: int,
        proof: Iterable[bytes | str],
    ) -> bool:
        """Check a proof by the pairing equation.

        Args:
            commitment: As `commit` gives it, or its hexadecimal digits.
            point: One integer for each variable.
            eval: The claimed value.
            proof: As `prove` gives it, or the hexadecimal digits of each point.

        Returns:
            Whether the proof shows it.

        Raises:
            ValueError: Bytes that are no points, a wrong number of coordinates, an integer out of
                range: nothing was checked.
        """
        verdict = self._key.check_opening(
            _bytes(commitment),
            self._point(point),
            _residue(eval, "eval"),
            [_bytes(quotient) for quotient in proof],
        )
        return bool(verdict)

    def _rows(self, coefficients: Sequence[int]) -> assay.residues.Rows:
        expected = self.degree_bound**self.num_vars
        if len(coefficients) != expected:
            raise ValueError(f"coefficients: {len(coefficients)} of them; give {expected}")
        return assay.to_rows(coefficients)

    def _point(self, point: Sequence[int]) -> assay.residues.Rows:
        if len(point) != self.num_vars:
            raise ValueError(f"point: {len(point)} coordinates; give {self.num_vars}")
        return assay.to_rows(point)


def _residue(integer: int, name: str) -> bytes:
    if not -assay.R < operator.index(integer) < assay.R:
        raise ValueError(f"{name}: not between -r and r")
    return (operator.index(integer) % assay.R).to_bytes(32, "little")


def _bytes(encoded: bytes | str) -> bytes:
    return bytes.fromhex(encoded) if isinstance(encoded, str) else bytes(encoded)
