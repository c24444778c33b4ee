"""Commit to hidden states while the model that computes them still decodes."""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _core
from .arguments import unsigned
from .blocks import with_tensor
from .commitments import Commitment
from .errors import InputError, StreamError, one_line
from .srs import Srs
from .stopping import obey
from .tensors import Tensor, tap_name

if TYPE_CHECKING:
    from .hidden_states import Capture, Tap

BLOCK = 32
"""Tokens that are worth a call: fewer cost more for each value."""

MOST_TOGETHER = 2 * BLOCK
"""Tokens that are taken at once, for which the native code holds copies of points."""

_NICENESS = 10
_GLANCE_S = 0.1


@dataclass(frozen=True)
class StreamReport:
    """What came of committing while the model ran.

    Attributes:
        used: Whether the commitment was made so.
        reason: Why not; empty when it was.
        tokens: Tokens committed to.
        tokens_at_end: Of these, how many when the model had finished.
        calls: Native calls that it took.
        most_waiting: Blocks of 32 tokens, at most, that were complete and not yet committed to,
            those of the call under way included. They wait in the buffers of the capture.
        thread_cpu_s: CPU time of the committing thread (not of helpers, nor of what waited for idle
            processors).
        between_tokens: Whether that was the model's own thread, between two tokens.
    """

    used: bool
    reason: str
    tokens: int
    tokens_at_end: int
    calls: int
    most_waiting: int
    thread_cpu_s: float
    between_tokens: bool = False

    @property
    def fell_behind(self) -> bool:
        """Whether more than two blocks waited while the model went on."""
        return not self.between_tokens and self.most_waiting > MOST_TOGETHER // BLOCK


class StreamingCommit:
    """Follows a capture in mode "decode" and commits to its rows while the model runs.

    To be used as a context manager around `capture`; what it leaves is not done. A model that has
    all processors commits between two tokens, a block at a time: a thread beside it would only take
    turns with the model's own. Beside any other model a thread commits, and the model never waits
    for it: rows that are not committed to yet stay in the capture's buffers, where they are kept in
    any case.

    Args:
        srs_for: Gives the SRS for axes, once these are known; called before the model runs.
        threads: That the commitment may use, at most. Default: as many as the model between
            tokens, one beside it.
        between_tokens: Whether to commit between tokens. Default: where the model runs on the CPU
            with as many threads as this process has processors.
        zeros_behind: Where there are fewer rows than planned, commit to zeros behind the last, in
            place of giving up: the axes of the SRS are then the most that there can be.
        tokens_of_block: Commit in blocks of so many tokens, of whatever number of tokens there come
            to be; the SRS is for the axes of a block (see `blocks`).
        when_idle: Commit where no other thread of the machine wants the processor, so that nothing
            is slowed down; with little rest it may take long. Linux alone knows such threads.

    >>> with StreamingCommit(Srs.random) as stream:  # doctest: +SKIP
    ...     held = assay.capture("smollm2", "Hello", follower=stream)
    ...     tensor = assay.encode(held)
    ...     commitment = stream.commitment(tensor)
    """

    def __init__(
        self,
        srs_for: Callable[[tuple[int, ...]], Srs],
        threads: int | None = None,
        between_tokens: bool | None = None,
        zeros_behind: bool = False,
        tokens_of_block: int | None = None,
        when_idle: bool = False,
    ) -> None:
        if threads is not None and unsigned(threads, "threads", 32) < 1:
            raise InputError("out_of_range", "threads", "0; give at least 1")
        self._srs_for = srs_for
        self._threads = threads
        self._between_tokens = between_tokens
        self._zeros_behind = zeros_behind
        self._when_idle = when_idle
        self._block = 0 if tokens_of_block is None else unsigned(tokens_of_block, "tokens_of_block")
        if self._block == 0 and tokens_of_block is not None:
            raise InputError("out_of_range", "tokens_of_block", "0; give at least 1")
        self._srs: Srs | None = None
        self._stream: _core.TokenStream | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        # Guarded by the condition.
        self._total = 0
        self._complete = 0
        self._done = 0
        self._stopping = False
        self._failure: BaseException | None = None
        self._report = StreamReport(False, "no capture was followed", 0, 0, 0, 0, 0.0)

    def __enter__(self) -> "StreamingCommit":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    # What a capture calls.

    def begin(self, taps: "Sequence[Tap]", buffers: Sequence[Any], model_threads: int) -> None:
        """Plan the layout, get the SRS, start a thread; where that cannot be, say why later."""
        if self._stream is not None:
            raise StreamError("mismatch", "stream", "follows one capture; make another")
        sources = [(tap.name, buffer, "") for tap, buffer in zip(taps, buffers, strict=True)]
        names = {tap.name: tap_name(tap.tap, tap.block) for tap in taps}
        try:
            self._srs = self._srs_for(_core.TokenStream.plan(sources, names, self._block).axes)
            self._stream = _core.TokenStream.begin(
                sources, names, "decode", self._srs._native, self._block
            )
        except InputError as error:
            self._note(reason=str(error))
            return
        self._note(used=True, reason="")
        self._total = int(buffers[0].shape[1])
        if self._between_tokens is None:
            self._between_tokens = model_threads >= processors()
        if self._threads is None:
            self._threads = max(1, model_threads) if self._between_tokens else 1
        self._note(between_tokens=self._between_tokens)
        if self._between_tokens:
            return
        self._thread = threading.Thread(target=self._work, name="assay-stream")
        self._thread.start()

    def rows(self, complete: int) -> None:
        """Commit to rows, or hand them to the thread.

        Raises:
            StreamError: It failed with these, or the thread with earlier ones.
        """
        if not self._report.used:
            return
        with self._changed:
            self._complete = complete
            waiting = (complete - self._done) // BLOCK
            self._note(most_waiting=max(self._report.most_waiting, waiting))
            self._changed.notify()
        if self._thread is None:
            try:
                while self._done < complete:
                    obey()
                    self._commit_until(min(complete, self._done + MOST_TOGETHER))
            except Exception as failure:
                self._failure = failure
        self._raise_failure()

    def end(self, rows: int) -> None:
        """Give up where there are fewer rows than planned: the axes are others then.

        Raises:
            StreamError: With `zeros_behind` or in blocks, as `rows`.
        """
        if not self._report.used:
            return
        if (self._zeros_behind or self._block) and rows < self._total:
            with self._changed:
                self._total = rows
            self.rows(rows)
        elif rows != self._total:
            reason = f"the model stopped after {rows} of {self._total} tokens"
            self._note(used=False, reason=reason)
            self._stop()
        with self._changed:
            self._note(tokens_at_end=self._done)

    # What the caller asks for afterwards.

    def commitment(self, tensor: Tensor | None = None) -> Commitment | None:
        """Wait for the rest and give the commitment; None where there is none (see `report`).

        Args:
            tensor: `encode` of the capture, with the zeros behind it where there are such, which
                the commitment keeps to open with; without it whoever opens has to give it.

        Raises:
            StreamError: The thread failed.
            InputError: `tensor` is not of the capture that was followed ("mismatch").
        """
        if self._block:
            raise InputError("mismatch", "stream", "it commits in blocks: ask for `blocks`")
        native = self._finish()
        if native is None or tensor is None:
            return None if native is None else Commitment(native, None, self._srs)
        made, asked = native.header, tensor._native
        same = (
            made.layout.axes == tensor.axes
            and made.layout.layers == asked.layout.layers
            and made.layout.kind == tensor.layout
            and made.encoding == tensor.encoding
            and made.dtype == tensor.dtype
            and made.capture_mode == tensor.capture_mode
        )
        if not same:
            raise InputError(
                "mismatch", "tensor", "it is not that of the capture that was followed"
            )
        return Commitment(native, tensor, self._srs)

    def blocks(self, values: "Capture | None" = None) -> list[Commitment]:
        """Wait for the rest and give the blocks, the last of them closed.

        There are none where `report` says so.

        Args:
            values: The capture that was followed, of which each block keeps its part to open with.

        Raises:
            StreamError: The thread failed.
            InputError: `values` is not the capture that was followed ("mismatch"), or the stream
                is not in blocks ("mismatch").
        """
        if not self._block:
            raise InputError("mismatch", "stream", "it makes one commitment: give tokens_of_block")
        if not self._wait() or self._stream is None:
            return []
        made = self._stream.take_blocks(end=True)
        if values is None:
            return [Commitment(block, None, self._srs) for block in made]
        return [with_tensor(block, values, self._srs) for block in made]

    def _finish(self) -> _core.Commitment | None:
        """Wait for the rest; None where there is no commitment.

        Raises:
            StreamError: The thread failed.
        """
        if not self._wait() or self._stream is None:
            return None
        if self._zeros_behind:
            self._stream.end_with_zeros()
        return self._stream.finish()

    def _wait(self) -> bool:
        """Until all is committed to; whether it was.

        Raises:
            StreamError: The thread failed.
        """
        if self._thread is not None and self._report.used:
            while self._thread.is_alive():
                obey()
                self._thread.join(_GLANCE_S)
        self._raise_failure()
        return self._report.used

    @property
    def srs(self) -> Srs | None:
        """The SRS that was asked for."""
        return self._srs

    @property
    def report(self) -> StreamReport:
        """What came of it so far."""
        return self._report

    def _note(self, **changes: Any) -> None:
        with self._changed:
            self._report = replace(self._report, **changes)

    def _raise_failure(self) -> None:
        failure = self._failure
        if failure is not None:
            code = failure.code if isinstance(failure, InputError) else "unsupported"
            said = one_line(failure)
            raise StreamError(code, "committing while the model ran", said) from failure

    def _stop(self) -> None:
        """Let the call under way end, and the thread with it."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            yield_to_others()
            while self._done < self._total:
                with self._changed:
                    while self._complete == self._done and not self._stopping:
                        if self._done == self._total:
                            return
                        self._changed.wait()
                    if self._stopping:
                        return
                    end = min(self._complete, self._done + MOST_TOGETHER)
                self._commit_until(end)
        except BaseException as failure:
            with self._changed:
                self._failure = failure

    def _commit_until(self, end: int) -> None:
        assert self._stream is not None and self._threads is not None  # noqa: S101, PT018 - by begin
        started = time.thread_time()
        self._stream.commit_until(end, self._threads, self._when_idle)
        spent = time.thread_time() - started
        with self._changed:
            self._done = end
            so_far = self._report
            self._note(tokens=end, calls=so_far.calls + 1, thread_cpu_s=so_far.thread_cpu_s + spent)


def processors() -> int:
    """Those that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def yield_to_others() -> None:
    """Give the calling thread a low priority, where threads have their own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            niceness = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(niceness, _NICENESS))
