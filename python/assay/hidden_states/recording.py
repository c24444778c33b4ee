"""Keep the hidden states of a running generation in buffers that are sized once."""

import torch
from torch import Tensor

from ..errors import CaptureError, LayoutError
from ..models import Layout, Rows
from .following import Follower

BLOCK = 32
"""Rows that are copied into a buffer together."""


class Recorder:
    """An observer of one sequence: the rows of every hidden state, on the CPU, in their own dtype.

    Args:
        layout: Of the model; where to take the values.
        capacity: Rows (token positions) there can be at most.
        follower: Told of the rows that are in all buffers.
    """

    def __init__(self, layout: Layout, capacity: int, follower: Follower | None = None) -> None:
        self.taps = layout.taps
        self._follower = follower
        on_cpu = all(parameter.device.type == "cpu" for parameter in layout.last.parameters())
        self.model_threads = torch.get_num_threads() if on_cpu else 0
        self._sequence: int | None = None
        self._prompt = 0
        self._rows = 0
        self._columns = [
            _Column(tap.name, _allocate(entry.dtype, capacity, entry.width))
            for tap, entry in zip(layout.taps, layout.entries, strict=True)
        ]

    @property
    def buffers(self) -> tuple[Tensor, ...]:
        """The buffer of each tap, of shape (1, capacity, width)."""
        return tuple(column.buffer for column in self._columns)

    def begin(self, sequence: int, prompt: list[int]) -> None:
        """As `assay.models.Observer`.

        Raises:
            CaptureError: It has kept a sequence already ("mismatch").
        """
        if self._sequence is not None:
            raise CaptureError("mismatch", "capture", "takes one sequence; make another")
        self._sequence = sequence
        self._prompt = len(prompt)
        if self._follower is not None:
            self._follower.begin(self.taps, self.buffers, self.model_threads)

    def rows(self, tap: int, rows: Rows) -> None:
        """As `assay.models.Observer`."""
        column = self._columns[tap]
        before = column.rows
        for _, _, start, stop in rows.spans:
            state, count = rows.state, stop - start
            if state.ndim != 3 or state.shape[1] != count:
                state = rows.values[None, start:stop]
            column.append(state, count)
        # The last tap of a pass: when its rows are copied, those of the others are.
        last = tap == len(self._columns) - 1
        if last and column.rows > before and self._follower is not None:
            self._follower.rows(min(column.rows for column in self._columns))

    def end(self, sequence: int, output: list[int]) -> None:
        """As `assay.models.Observer`."""
        # The last new token is never an input, hence one row fewer than tokens.
        self._rows = self._prompt + len(output) - 1
        if self._follower is not None:
            self._follower.end(self._rows)

    def drop(self, sequence: int) -> None:
        """As `assay.models.Observer`."""

    def finish(self) -> tuple[Tensor, ...]:
        """The rows of each tap, each of shape (1, rows, width).

        The unused end of each buffer is given back. Rows of passes beyond the last token are
        dropped: on some devices the generation loop runs one pass past the end and takes it back.

        Raises:
            LayoutError: A tap saw fewer rows than there must be.
        """
        for column in self._columns:
            column.copy()
            if column.rows < self._rows:
                reason = f"{column.rows} rows were seen where {self._rows} were expected"
                raise LayoutError("mismatch", column.name, reason)
        return tuple(_trim(column.buffer, self._rows) for column in self._columns)


class _Column:
    """The rows of one tap: those in the buffer, and the tensors that are still to be copied there.

    A pass of one token has one short row for each tap. To copy every row by itself takes longer
    than the row is worth, so the tensors of a block of rows are held and copied together; torch
    counts the writes to a tensor, which tells whether one was changed since.
    """

    def __init__(self, name: str, buffer: Tensor) -> None:
        self.name = name
        self.buffer = buffer
        self.rows = 0  # in the buffer
        self._held: list[tuple[Tensor, int]] = []
        self._seen = 0  # in the buffer or held
        self._due = min(BLOCK, buffer.shape[1])

    def append(self, state: Tensor, rows: int) -> None:
        """Hold so many rows, (1, rows, width)."""
        # Runs for each tap and token. Tensors of the inference mode do not count writes.
        if state.is_inference():
            state = state.clone()
            self._held.append((state, 0))
        else:
            self._held.append((state, state._version))
        self._seen += rows
        if self._seen >= self._due:
            self.copy()

    def copy(self) -> None:
        """Copy what is held into the buffer."""
        if not self._held:
            return
        capacity = self.buffer.shape[1]
        if self._seen > capacity:
            reason = f"{self._seen} rows do not fit the {capacity} of one sequence"
            raise LayoutError("mismatch", self.name, reason)
        for state, version in self._held:
            if not state.is_inference() and state._version != version:
                reason = "the model wrote into a hidden state after it had handed it on"
                raise LayoutError("unsupported", self.name, reason)
        states = [state for state, _ in self._held]
        rows = self.buffer[:, self.rows : self._seen]
        if len(states) == 1:
            rows.copy_(states[0])
        elif states[0].device == rows.device and states[0].dtype == rows.dtype:
            torch.cat(states, dim=1, out=rows)
        else:
            rows.copy_(torch.cat(states, dim=1))
        self._held.clear()
        self.rows = self._seen
        # At the capacity too: then nothing is left to wait for. One row more is one too many.
        ahead = (self.rows // BLOCK + 1) * BLOCK
        self._due = min(ahead, capacity) if self.rows < capacity else capacity + 1


def _allocate(dtype: torch.dtype, rows: int, width: int) -> Tensor:
    # Straight from a storage: under deterministic algorithms torch.empty fills the memory, which
    # would touch pages that a generation that ends early never needs.
    try:
        storage = torch.UntypedStorage(  # type: ignore[no-untyped-call]
            rows * width * dtype.itemsize
        )
    except RuntimeError as error:
        reason = f"not enough for {rows} rows of {width} values per layer; lower --max-new-tokens"
        raise CaptureError("too_large", "memory", reason) from error
    return _rows_of(storage, dtype, rows, width)


def _trim(buffer: Tensor, rows: int) -> Tensor:
    width = buffer.shape[2]
    storage = buffer.untyped_storage()
    needed = rows * width * buffer.element_size()
    if storage.nbytes() > needed:
        storage.resize_(needed)
    return _rows_of(storage, buffer.dtype, rows, width)


def _rows_of(storage: torch.UntypedStorage, dtype: torch.dtype, rows: int, width: int) -> Tensor:
    return torch.empty(0, dtype=dtype).set_(storage, 0, (1, rows, width), (rows * width, width, 1))
