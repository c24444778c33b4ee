"""Keep the hidden states of a running generation in buffers that are sized once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor

from .errors import CaptureError, LayoutError
from .hooks import hook_input, hook_output
from .layout import Entry, Layout

BLOCK = 32
"""Rows that are copied into a buffer together."""


class Recorder:
    """Collects the rows of every tap of a layout, on the CPU and in the model's own dtype.

    Args:
        layout: Where to take the values.
        capacity: Rows (token positions) there can be at most.
        on_rows: Called with the number of rows that are in all buffers, when these have grown.
    """

    def __init__(
        self, layout: Layout, capacity: int, on_rows: Callable[[int], None] | None = None
    ) -> None:
        self._layout = layout
        self._on_rows = on_rows
        self._columns = [
            _Column(tap.name, _allocate(entry, capacity))
            for tap, entry in zip(layout.taps, layout.entries, strict=True)
        ]

    @property
    def buffers(self) -> tuple[Tensor, ...]:
        """The buffer of each tap, of shape (1, capacity, width)."""
        return tuple(column.buffer for column in self._columns)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Record every forward pass of the model made inside this context."""
        blocks = self._layout.blocks
        with ExitStack() as hooks:
            hooks.enter_context(hook_input(blocks[0], self._columns[0].append))
            for block, column in zip(blocks[:-1], self._columns[1:-1], strict=True):
                hooks.enter_context(hook_output(block, column.append))
            # The last tap of a pass: when its rows are copied, those of the others are.
            hooks.enter_context(hook_output(self._layout.last, self._append_last))
            yield

    def finish(self, rows: int) -> tuple[Tensor, ...]:
        """The first `rows` rows of each tap, each of shape (1, rows, width).

        The unused end of each buffer is given back. Passes beyond `rows` are dropped: on some
        devices the generation loop runs one pass past the end and takes it back.

        Raises:
            LayoutError: A tap saw fewer rows than asked for.
        """
        for column in self._columns:
            column.copy()
            if column.rows < rows:
                raise LayoutError(
                    f"{column.name}: {column.rows} rows were seen where {rows} were expected; "
                    "use --mode recompute"
                )
        return tuple(_trim(column.buffer, rows) for column in self._columns)

    def _append_last(self, state: Tensor) -> None:
        column = self._columns[-1]
        before = column.rows
        column.append(state)
        if column.rows > before and self._on_rows is not None:
            self._on_rows(min(column.rows for column in self._columns))


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

    def append(self, state: Tensor) -> None:
        # Runs for each tap and token. Tensors of the inference mode do not count writes.
        if state.is_inference():
            state = state.clone()
            self._held.append((state, 0))
        else:
            self._held.append((state, state._version))
        self._seen += state.shape[1]
        if self._seen >= self._due:
            self.copy()

    def copy(self) -> None:
        """Copy what is held into the buffer."""
        if not self._held:
            return
        capacity = self.buffer.shape[1]
        for state, version in self._held:
            if state.shape[0] != 1 or self._seen > capacity:
                raise LayoutError(
                    f"{self.name}: a pass of shape {tuple(state.shape)} does not "
                    f"fit the {capacity} rows of one sequence; use --mode recompute"
                )
            if not state.is_inference() and state._version != version:
                raise LayoutError(
                    f"{self.name}: the model wrote into a hidden state after it had handed it on; "
                    "use --mode recompute"
                )
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


def _allocate(entry: Entry, rows: int) -> Tensor:
    # Straight from a storage: under deterministic algorithms torch.empty fills the memory, which
    # would touch pages that a generation that ends early never needs.
    try:
        storage = torch.UntypedStorage(  # type: ignore[no-untyped-call]
            rows * entry.width * entry.dtype.itemsize
        )
    except RuntimeError as error:
        raise CaptureError(
            f"not enough memory for {rows} rows of {entry.width} values per layer; "
            "lower --max-new-tokens"
        ) from error
    return _rows_of(storage, entry.dtype, rows, entry.width)


def _trim(buffer: Tensor, rows: int) -> Tensor:
    width = buffer.shape[2]
    storage = buffer.untyped_storage()
    needed = rows * width * buffer.element_size()
    if storage.nbytes() > needed:
        storage.resize_(needed)
    return _rows_of(storage, buffer.dtype, rows, width)


def _rows_of(storage: torch.UntypedStorage, dtype: torch.dtype, rows: int, width: int) -> Tensor:
    return torch.empty(0, dtype=dtype).set_(storage, 0, (1, rows, width), (rows * width, width, 1))
