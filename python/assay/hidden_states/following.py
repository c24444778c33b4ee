"""What may follow a capture while the model still runs."""

from typing import Protocol

from torch import Tensor

from ..models import Tap


class Follower(Protocol):
    """Is told of the rows of a capture in mode "decode" as they become complete.

    All of it is called on the thread of the model, which waits for it.
    """

    def begin(self, taps: tuple[Tap, ...], buffers: tuple[Tensor, ...], model_threads: int) -> None:
        """The model was looked through and runs next.

        Args:
            taps: One for each captured tensor.
            buffers: Where their rows will be, each of shape (1, rows, width) on the CPU, with as
                many rows as there can be at most. Nothing is in them yet.
            model_threads: That the model computes with on the CPU; 0 on another device.
        """

    def rows(self, complete: int) -> None:
        """The first `complete` rows of every buffer are there and will not change.

        Called at each multiple of `recording.BLOCK` rows, or past it, and when a buffer is full.
        """

    def end(self, rows: int) -> None:
        """The generation ended with this many rows; the buffers are shortened next."""
