"""What this machine is, and how much of it is used."""

import platform
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
