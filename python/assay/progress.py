"""Progress of a program: the event given to callers, and the bar that it draws on a terminal."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TextIO

from .printing import printable
from .stopping import obey

Stage = Literal["load", "generate", "forward", "check", "measure"]


@dataclass(frozen=True)
class Progress:
    """One step.

    Attributes:
        stage: What is being done: "load" the model, "generate" tokens, run the second "forward"
            pass (a capture in mode "recompute"), "check" the captured values, "measure" runs.
        done: Units finished: tokens in stage "generate", layers in "check", runs in "measure", else
            0 or 1.
        total: Units there can be at most; generation may end earlier.
    """

    stage: Stage
    done: int
    total: int


OnProgress = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """Do nothing with a step."""


_WIDTH = 24
_LABELS: dict[Stage, str] = {
    "load": "loading",
    "generate": "generating",
    "forward": "second pass",
    "check": "checking",
    "measure": "measuring",
}


class Bar:
    """Draws `Progress` on one line of a terminal, with the time left; draws nothing elsewhere.

    The line is cleared at the end of a `with` block.
    """

    def __init__(
        self,
        stream: TextIO,
        title: str,
        *,
        enabled: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._title = printable(title)
        self._enabled = enabled
        self._clock = clock
        self._stage: Stage | None = None
        self._started = 0.0
        self._drawn = 0

    @classmethod
    def on_stderr(cls, title: str, *, quiet: bool) -> "Bar":
        """One that is drawn if standard error is a terminal, unless `quiet`."""
        return cls(sys.stderr, title, enabled=sys.stderr.isatty() and not quiet)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, progress: Progress) -> None:
        """Redraw the line for `progress`; a place to stop at."""
        obey()
        if not self._enabled:
            return
        now = self._clock()
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._started = now
        filled = _WIDTH * progress.done // max(progress.total, 1)
        line = (
            f"{self._title}: {_LABELS[progress.stage]} "
            f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {progress.done}/{progress.total}"
        )
        if 0 < progress.done < progress.total:
            left = (now - self._started) / progress.done * (progress.total - progress.done)
            line += f", {_duration(left)} left"
        self._stream.write("\r" + line.ljust(self._drawn))
        self._stream.flush()
        self._drawn = len(line)

    def close(self) -> None:
        """Clear the line, so that what follows starts on an empty one."""
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()
            self._drawn = 0


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
