"""Forged proof files, as a dishonest provider would write them.

The demonstration and the tests use these to show that a verifier catches them. The byte offsets are
those of the proofs file in docs/claim.md.
"""

from dataclasses import dataclass

_HEADER = 8 + 4 + 32 + 4 + 4
_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617


@dataclass(frozen=True)
class ProofFile:
    """A proofs file of openings at grid points, taken apart.

    Attributes:
        data: Its bytes.
        axes: Number of axes of the committed tensor.
    """

    data: bytes
    axes: int

    @property
    def _size(self) -> int:
        return 1 + 4 * self.axes + 32 + 4 + 32 * self.axes

    def _start(self, index: int) -> int:
        return _HEADER + index * self._size

    def point(self, index: int) -> bytes:
        """The coordinates of one proof."""
        start = self._start(index) + 1
        return self.data[start : start + 4 * self.axes]

    def opening(self, index: int) -> bytes:
        """The value of one proof, and what shows it."""
        start = self._start(index) + 1 + 4 * self.axes
        return self.data[start : self._start(index + 1)]

    def with_point(self, index: int, coordinates: bytes) -> "ProofFile":
        """The same file, where one proof claims to be for other coordinates."""
        start = self._start(index) + 1
        return self._replaced(start, coordinates)

    def with_opening(self, index: int, opening: bytes) -> "ProofFile":
        """The same file, where one proof carries another value and other evidence."""
        return self._replaced(self._start(index) + 1 + 4 * self.axes, opening)

    def with_value(self, index: int, value: int) -> "ProofFile":
        """The same file, where one proof claims another value."""
        start = self._start(index) + 1 + 4 * self.axes
        return self._replaced(start, (value % _ORDER).to_bytes(32, "little"))

    def with_commitment(self, digest: bytes) -> "ProofFile":
        """The same file, naming another commitment."""
        return self._replaced(12, digest)

    def _replaced(self, start: int, part: bytes) -> "ProofFile":
        return ProofFile(self.data[:start] + part + self.data[start + len(part) :], self.axes)
