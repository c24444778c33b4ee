"""How far a long verb is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..printing import show
from ..progress import Bar, Progress
from ..stopping import obey

OnCount = Callable[[int, int], None]
"""Is told how many of how many are done."""

_EVERY_S = 10.0


def uncounted(done: int, total: int) -> None:
    """Tell nobody; a place to stop at."""
    obey()


@contextmanager
def telling(title: str, what: str, *, quiet: bool) -> Iterator[OnCount]:
    """Tell on standard error how many are done, and how long the rest takes at this pace.

    Args:
        title: The verb.
        what: Is counted: "texts".
        quiet: Tell nothing.
    """
    started = told = time.monotonic()
    first: int | None = None

    def tell(done: int, total: int) -> None:
        nonlocal told, first
        # What an earlier run had done took no time of this one.
        first = done if first is None else first
        bar(Progress("measure", done - first, total - first))
        now = time.monotonic()
        if quiet or sys.stderr.isatty() or now - told < _EVERY_S or done == first:
            return
        told = now
        left = (now - started) / (done - first) * (total - done)
        show(f"{title}: {done} of {total} {what}, {left:.0f} s left", error=True)

    with Bar.on_stderr(title, quiet=quiet) as bar:
        yield tell
