"""What this machine is, and what of it this process takes."""

import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import _core
from .arguments import unsigned


def set_thread_limit(threads: int) -> None:
    """Let at most so many threads work for one call; 0: one for each processor.

    The start value is the environment's ASSAY_THREADS, else 0. Set it before work is under way.

    Raises:
        InputError: It is not between 0 and 1024 ("out_of_range").
    """
    _core.set_thread_limit(unsigned(threads, "threads"))


def thread_limit() -> int:
    """What `set_thread_limit` set."""
    return _core.thread_limit()


def processor_name() -> str:
    """What the processor calls itself, or the name of its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


@contextmanager
def most_memory() -> Iterator[list[int]]:
    """The most memory of its own that the process has within the block, above what it had."""
    found = [0]
    before = _own_memory()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            found[0] = max(found[0], _own_memory() - before)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join()


def _own_memory() -> int:
    """Bytes that are not of mapped files."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return 0
