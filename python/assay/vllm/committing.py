"""Commitments to rows of chosen layers, made beside the engine while it answers."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..audit import choice_of
from ..errors import InputError, one_line
from ..hidden_states import write_safetensors
from ..models import HEAD_INPUT, Rows, Tap, residual
from ..srs import Srs
from ..streaming import StreamingCommit, processors, yield_to_others
from .settings import Settings

COMMITTED_TOGETHER = 8
"""Tokens of an answer that are committed to at once: what waits for its last token is few of them.

Four take half as long again for each token, and 32 a tenth less."""

_MOST_WAITING_BYTES = 1 << 30


class Committed(NamedTuple):
    """What came of the rows of an answer.

    Attributes:
        commitment: The bytes of a commitment, or nothing.
        digest: Its own, 64 hexadecimal digits.
        rows: A safetensors file of the rows that came, (1, tokens, width) of each layer.
        reason: Why there is no commitment, or "".
    """

    commitment: bytes = b""
    digest: str = ""
    rows: bytes = b""
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """Which rows of a model are committed to, with what.

    Attributes:
        blocks: Whose, ascending. What is taken of the last of a model is its last hidden state.
        last: Whether that one is among them.
        width: Of a row.
        dtype: Of its values.
        tokens: Of an answer, at most: an axis of the SRS.
        srs: That.
    """

    blocks: tuple[int, ...]
    last: bool
    width: int
    dtype: torch.dtype
    tokens: int
    srs: Srs

    @property
    def handed_on(self) -> tuple[int, ...]:
        """The blocks but the last of the model."""
        return self.blocks[: len(self.blocks) - self.last]

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Where an engine's rows are taken, one for each layer."""
        return (*map(residual, self.handed_on), *[HEAD_INPUT] * self.last)

    def layers(self, normed: bool) -> tuple[Tap, ...]:
        """The layers, by the names that a capture gives them.

        Args:
            normed: Whether the model's last hidden state comes out of a norm.
        """
        last = Tap(
            f"layer_{self.blocks[-1]}",
            "final_norm" if normed else "last_hidden_state",
            self.blocks[-1],
        )
        middle = (Tap(f"layer_{block}", "residual", block) for block in self.handed_on)
        return (*middle, *[last] * self.last)

    def buffers(self) -> tuple[Tensor, ...]:
        """Zeros for the rows of one answer; memory that nothing is written to costs nothing."""
        size = self.tokens * self.width * self.dtype.itemsize
        return tuple(
            torch.from_numpy(np.zeros(size, np.uint8)).view(self.dtype).view(1, -1, self.width)
            for _ in self.blocks
        )


def plan_for(settings: Settings, blocks: int, width: int, dtype: torch.dtype) -> Plan | None:
    """What these settings ask of a model; None where no layers are committed to.

    Args:
        settings: What was asked for.
        blocks: That the model has.
        width: Of its hidden states.
        dtype: Of its hidden states.

    Raises:
        InputError: There are no such layers ("malformed", "out_of_range"); the SRS cannot be read
            ("io"), or is for other axes ("mismatch").
        DecodeError: The file is no SRS.
    """
    if not settings.layers:
        return None
    chosen = tuple(choice_of(settings.layers).of(blocks))
    srs = Srs.open(settings.srs)
    tokens = srs.axes[1] if len(srs.axes) > 1 else 1
    plan = Plan(chosen, blocks - 1 in chosen, width, dtype, tokens, srs)
    trial = _stream(plan)
    trial.begin(plan.layers(True), plan.buffers(), 0)
    if not trial.report.used:
        reason = f"{trial.report.reason}; its second axis says how many tokens an answer may have"
        raise InputError("mismatch", settings.srs, reason)
    return plan


def _stream(plan: Plan) -> StreamingCommit:
    threads = min(processors(), 32)
    return StreamingCommit(
        lambda _: plan.srs, threads, between_tokens=True, zeros_behind=True, when_idle=True
    )


@dataclass(eq=False)
class _Sequence:
    """An answer whose rows are committed to.

    Attributes:
        first: Position of its first row.
        buffers: For the rows of each layer.
        stream: Commits to them; of the committing thread alone.
        rows: That are in the buffers.
        result: What came of it, once that is known.
    """

    first: int
    buffers: tuple[Tensor, ...]
    stream: StreamingCommit
    rows: int = 0
    result: Committed | None = None


class Committer:
    """An observer that commits to the rows of every sequence, where a processor is idle.

    What fails with that is told by `result`, and never raised into the engine.

    Args:
        plan: Which rows.
        normed: Whether the model's last hidden state comes out of a norm.
    """

    def __init__(self, plan: Plan, normed: bool) -> None:
        self.taps = plan.taps
        self._plan = plan
        self._layers = plan.layers(normed)
        self._row_bytes = len(plan.blocks) * plan.width * plan.dtype.itemsize
        self._thread = ThreadPoolExecutor(1, "assay commits", yield_to_others)
        self._changing = threading.Lock()
        self._open: dict[int, _Sequence] = {}
        self._ended: dict[int, _Sequence] = {}

    @property
    def waiting_bytes(self) -> int:
        """Of rows that are in memory until they are committed to."""
        with self._changing:
            held = [*self._open.values(), *self._ended.values()]
        return sum(one.rows for one in held if one.result is None) * self._row_bytes

    def begin(self, sequence: int, prompt: list[int]) -> None:
        """As `assay.models.Observer`."""
        waiting = self.waiting_bytes
        one = _Sequence(len(prompt) - 1, (), _stream(self._plan))
        with self._changing:
            self._open[sequence] = one
        if waiting > _MOST_WAITING_BYTES:
            self._give_up(one, f"{waiting} bytes of rows of other answers wait to be committed to")
            return
        try:
            one.buffers = self._plan.buffers()
        except MemoryError:
            self._give_up(one, f"no memory for {self._plan.tokens} tokens")
            return
        self._do(one, partial(one.stream.begin, self._layers, one.buffers, 0))

    def rows(self, tap: int, rows: Rows) -> None:
        """As `assay.models.Observer`."""
        for sequence, position, values in rows:
            one = self._open[sequence]
            buffers = one.buffers  # the other thread may let go of them
            if one.result is not None:
                continue
            start = position - one.first
            stop = start + len(values)
            if stop > self._plan.tokens:
                most = self._plan.tokens
                self._give_up(one, f"it has more than {most} tokens, for which the SRS is")
                continue
            buffers[tap][0, start:stop] = values
            if tap == len(self.taps) - 1:
                one.rows = stop
                self._do(one, partial(one.stream.rows, stop))

    def end(self, sequence: int, output: list[int]) -> None:
        """As `assay.models.Observer`."""
        with self._changing:
            one = self._ended[sequence] = self._open.pop(sequence)
        self._do(one, partial(self._finish, one))

    def drop(self, sequence: int) -> None:
        """As `assay.models.Observer`."""
        with self._changing:
            one = self._open.pop(sequence, None) or self._ended.pop(sequence, None)
        if one is not None:
            self._give_up(one, "dropped")

    def result(self, sequence: int) -> Committed | None:
        """What came of a sequence that has ended, which is forgotten then; None: not yet known."""
        with self._changing:
            found = self._ended[sequence].result
            if found is not None:
                del self._ended[sequence]
        return found

    def _finish(self, one: _Sequence) -> None:
        one.stream.end(one.rows)
        commitment = one.stream.commitment()
        if commitment is None:
            self._give_up(one, one.stream.report.reason)
            return
        file = io.BytesIO()
        tensors = {
            layer.name: buffer[:, : one.rows]
            for layer, buffer in zip(self._layers, one.buffers, strict=True)
        }
        write_safetensors(file, tensors, {"format": "assay/vllm/rows/v1"})
        one.result = Committed(commitment.to_bytes(), commitment.digest, file.getvalue())
        one.buffers = ()

    def _do(self, one: _Sequence, work: Callable[[], None]) -> None:
        def step() -> None:
            if one.result is None:
                try:
                    work()
                except Exception as error:  # whatever it is, the engine must not hear of it
                    self._give_up(one, one_line(error))

        self._thread.submit(step)

    def _give_up(self, one: _Sequence, reason: str) -> None:
        one.result = Committed(reason=reason)
        one.buffers = ()
