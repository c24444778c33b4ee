"""Runs of any length: a commitment for every so many tokens, and a log of them that only grows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import _core
from .arguments import require, unsigned
from .commitments import Commitment
from .filed import Changing, Readable
from .srs import Srs
from .tensors import Array, Tensor, run_of

if TYPE_CHECKING:
    from .hidden_states import Capture


class LogHead(Readable):
    """What a verifier keeps of a log: number and size of its blocks, and the root of their tree."""

    _kind = _core.LogHead
    _native: _core.LogHead

    @property
    def root(self) -> str:
        """In hexadecimal."""
        return self._native.root.hex()

    @property
    def tokens(self) -> int:
        """For how many tokens each block has room."""
        return self._native.tokens

    def __len__(self) -> int:
        return self._native.count


class LogProof(Readable):
    """Where a block stands in a log, and that the log begins with an earlier one."""

    _kind = _core.LogProof
    _native: _core.LogProof

    @property
    def index(self) -> int:
        """Of the block."""
        return self._native.index

    @property
    def head(self) -> LogHead:
        """That of the log: what to keep when `verify` has accepted."""
        return LogHead(self._native.head)

    def verify(self, block: Commitment, kept: LogHead | None = None) -> _core.Verdict:
        """Check that `block` is the one of its place, and that the log only grew.

        What the block holds is for `assay.verify` to say.

        Args:
            block: A commitment, as the provider gave it.
            kept: The head that the verifier kept. Without it the verdict notes that earlier blocks
                may have been rewritten.

        Returns:
            Accepted, or rejected at "header", "block", "log head", "tree shape", "index", "proof
            length", "root", "old root" or "new root".
        """
        require("block", block, Commitment)
        require("kept", kept, LogHead | None)
        return self._native.verify(block._native, None if kept is None else kept._native)


class Log(Changing, Readable):
    """The provider's log: the digests of its blocks, in order.

    >>> import assay
    >>> len(assay.Log())
    0
    """

    _kind = _core.Log
    _native: _core.Log

    def __init__(self, native: _core.Log | None = None) -> None:
        super().__init__(_core.Log() if native is None else native)

    def append(self, block: Commitment) -> None:
        """Add the next block.

        Raises:
            InputError: It is no block, of another size, or that of another place ("mismatch").
        """
        require("block", block, Commitment)
        self._native.append(block._native)

    @property
    def head(self) -> LogHead:
        """What a verifier keeps.

        Raises:
            InputError: There is no block yet ("out_of_range").
        """
        return LogHead(self._native.head())

    def prove(self, index: int, kept: LogHead | None = None) -> LogProof:
        """Prove where a block stands, and that the log begins with the one of which `kept` is.

        Raises:
            InputError: There is no such block, or the log is shorter ("out_of_range").
        """
        require("kept", kept, LogHead | None)
        old = 0 if kept is None else len(kept)
        return LogProof(self._native.prove(unsigned(index, "index"), old))

    def __len__(self) -> int:
        return len(self._native)


def commit_blocks(
    values: "Capture | Mapping[str, Array]", srs: Srs, tokens: int, first_token: int = 0
) -> list[Commitment]:
    """Commit to a run in blocks of `tokens` tokens; those that never came are padding.

    Each commitment keeps its tensor and SRS, to open it with.

    Args:
        values: Layers of shape (T, H) or (1, T, H), of floats.
        srs: For the axes of one block.
        tokens: Of a block.
        first_token: Of the run so far, a multiple of `tokens`: the length of the log times it.

    Raises:
        InputError: The axes of the SRS are not those of a block ("mismatch"); arrays without tokens
            ("unsupported").
    """
    require("srs", srs, Srs)
    sources, taps, mode = run_of(values)
    first = unsigned(first_token, "first_token")
    made = _core.commit_blocks(sources, taps, mode, srs._native, unsigned(tokens, "tokens"), first)
    return [with_tensor(block, values, srs, first) for block in made]


def with_tensor(
    block: _core.Commitment,
    values: "Capture | Mapping[str, Array]",
    srs: Srs | None,
    first: int = 0,
) -> Commitment:
    """A block with its own values out of `values`, which begin with token `first` of the run."""
    sources, taps, _ = run_of(values)
    return Commitment(block, Tensor(_core.subject_of_block(block, sources, taps, first)), srs)
