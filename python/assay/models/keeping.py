"""Keep the rows of taps, for whoever has time to look at them only afterwards."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .rows import Rows
from .taps import Tap


class Kept(NamedTuple):
    """What was kept of one sequence.

    Attributes:
        prompt: Its tokens.
        output: The tokens that were produced.
        rows: Of each tap, (rows, width).
    """

    prompt: list[int]
    output: list[int]
    rows: tuple[Tensor, ...]


class Keeper:
    """An observer that copies rows.

    Args:
        taps: Which.
        prompts: Keep all rows that come; else the one of each token of the output that it was
            chosen from, so that row j belongs to token j.
        device: Where to; by default where they are.
    """

    def __init__(
        self, *taps: Tap, prompts: bool = False, device: str | torch.device | None = None
    ) -> None:
        self.taps: Sequence[Tap] = taps
        self.sequences: list[Kept] = []
        self._prompts = prompts
        self._device = device
        self._open: dict[int, tuple[list[int], list[list[Tensor]]]] = {}

    def begin(self, sequence: int, prompt: list[int]) -> None:
        """As `Observer`."""
        self._open[sequence] = prompt, [[] for _ in self.taps]

    def rows(self, tap: int, rows: Rows) -> None:
        """As `Observer`."""
        for sequence, position, values in rows:
            prompt, kept = self._open[sequence]
            skipped = 0 if self._prompts else max(0, len(prompt) - 1 - position)
            if skipped < len(values):
                kept[tap].append(values[skipped:].to(self._device or values.device, copy=True))

    def end(self, sequence: int, output: list[int]) -> None:
        """As `Observer`."""
        prompt, kept = self._open.pop(sequence)
        for tap, pieces in zip(self.taps, kept, strict=True):
            count = sum(map(len, pieces))
            if count == 0 or (count != len(output) and not self._prompts):
                reason = f"{count} rows for {len(output)} new tokens"
                raise InputError("unsupported", f"tap {tap.name}", reason)
        rows = tuple(torch.cat(pieces) for pieces in kept)
        self.sequences.append(Kept(prompt, output, rows))

    def drop(self, sequence: int) -> None:
        """As `Observer`."""
        del self._open[sequence]
