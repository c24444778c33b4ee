"""Forged proof files, as a dishonest provider would write them.

The demonstration uses these to show that a verifier catches them. The byte offsets are those of the
proofs file in docs/claim.md.
"""

from dataclasses import dataclass

from .residues import R

_HEADER = 8 + 4 + 32 + 4 + 4


@dataclass(frozen=True)
class ProofFile:
    """A proofs file of openings at grid points, whose first opening can be changed.

    Attributes:
        data: Its bytes.
        axes: Number of axes of the committed tensor.
    """

    data: bytes
    axes: int

    @property
    def _start(self) -> int:
        """Where the first opening begins, behind its point."""
        return _HEADER + 1 + 4 * self.axes

    @property
    def opening(self) -> bytes:
        """The first value, and what shows it."""
        return self.data[self._start : self._start + 32 + 4 + 32 * self.axes]

    def with_opening(self, opening: bytes) -> "ProofFile":
        """The same file, where the first point has another value and other evidence."""
        return self._replaced(self._start, opening)

    def with_value(self, value: int) -> "ProofFile":
        """The same file, where the first point has another value."""
        return self._replaced(self._start, (value % R).to_bytes(32, "little"))

    def with_commitment(self, digest: bytes) -> "ProofFile":
        """The same file, naming another commitment."""
        return self._replaced(12, digest)

    def _replaced(self, start: int, part: bytes) -> "ProofFile":
        return ProofFile(self.data[:start] + part + self.data[start + len(part) :], self.axes)
