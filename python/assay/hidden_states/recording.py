"""Keep the hidden states of a running generation in buffers that are sized once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor

from .errors import CaptureError, LayoutError
from .hooks import hook_input, hook_output
from .layout import Entry, Layout


class Recorder:
    """Collects the rows of every tap of a layout, on the CPU and in the model's own dtype.

    Args:
        layout: Where to take the values.
        capacity: Rows (token positions) there can be at most.
    """

    def __init__(self, layout: Layout, capacity: int) -> None:
        self._layout = layout
        self._capacity = capacity
        self._buffers = [_allocate(entry, capacity) for entry in layout.entries]
        self._rows = [0] * len(self._buffers)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Record every forward pass of the model made inside this context."""
        blocks = self._layout.blocks
        with ExitStack() as hooks:
            hooks.enter_context(hook_input(blocks[0], partial(self._append, 0)))
            for index, block in enumerate(blocks[:-1], start=1):
                hooks.enter_context(hook_output(block, partial(self._append, index)))
            last = len(blocks)
            hooks.enter_context(hook_output(self._layout.last, partial(self._append, last)))
            yield

    def finish(self, rows: int) -> tuple[Tensor, ...]:
        """The first `rows` rows of each tap, each of shape (1, rows, width).

        The unused end of each buffer is given back. Passes beyond `rows` are dropped: on some
        devices the generation loop runs one pass past the end and takes it back.

        Raises:
            LayoutError: A tap saw fewer rows than asked for.
        """
        for tap, seen in zip(self._layout.taps, self._rows, strict=True):
            if seen < rows:
                raise LayoutError(
                    f"{tap.name}: {seen} rows were seen where {rows} were expected; "
                    "use --mode recompute"
                )
        return tuple(_trim(buffer, rows) for buffer in self._buffers)

    def _append(self, index: int, state: Tensor) -> None:
        buffer, start = self._buffers[index], self._rows[index]
        end = start + state.shape[1]
        if state.shape[0] != 1 or end > self._capacity:
            raise LayoutError(
                f"{self._layout.taps[index].name}: a pass of shape {tuple(state.shape)} does not "
                f"fit the {self._capacity} rows of one sequence; use --mode recompute"
            )
        buffer[:, start:end].copy_(state.detach())
        self._rows[index] = end


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
