"""Ctrl-C, while a command runs: remembered, and obeyed where nothing is left half done.

Python raises KeyboardInterrupt between any two steps, also in a destructor, where it is dropped.
Here the first Ctrl-C is noted, and `obey` raises; the second ends the process at once.
"""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import FAILED


class _Stop:
    asked = False
    at_once = False  # whether the first Ctrl-C may raise where it comes


_stop = _Stop()

WRITING = threading.RLock()
"""Whoever makes or renames files that `UNFINISHED` names holds it: no process ends meanwhile."""

UNFINISHED: set[Path] = set()
"""Files, and folders with all that is in them, to be removed when the process ends at once."""


def obey() -> None:
    """A place to stop at.

    Raises:
        KeyboardInterrupt: Ctrl-C came.
    """
    if _stop.asked:
        raise KeyboardInterrupt


def say(words: str) -> None:
    """Print a line; a place to stop at."""
    obey()
    print(words)


@contextmanager
def at_any_place() -> Iterator[None]:
    """Stop anywhere in the block: it takes long, has no such places, and leaves nothing behind."""
    obey()
    _stop.at_once = True
    try:
        yield
    finally:
        _stop.at_once = False
    obey()


@contextmanager
def remembering() -> Iterator[None]:
    """Remember a Ctrl-C that comes within the block, which is a whole command."""
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        # Somebody else's to handle, or ignored by whoever started the program.
        yield
        return
    _stop.asked = False
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # Told of the signal by the C handler: also while native code keeps Python from running its own.
    counting = threading.Thread(target=_count, args=(reading,), daemon=True)
    counting.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(before)
        os.write(writing, b"\0")
        counting.join()
        os.close(reading)
        os.close(writing)
        _stop.asked = False


def _on_signal(*_: object) -> None:
    _stop.asked = True
    if _stop.at_once:
        _stop.at_once = False
        raise KeyboardInterrupt


def _count(reading: int) -> None:
    for _ in range(2):
        while (number := os.read(reading, 1)[0]) != signal.SIGINT:
            if number == 0:
                return
        _stop.asked = True
    with WRITING:
        for path in UNFINISHED:
            with suppress(OSError):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        os._exit(FAILED)
