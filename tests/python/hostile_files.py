"""Files that are made to cost their reader much, and what reading them costs."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from assay_program import PROGRAM, environment

MB = 1 << 20

MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss)
"""


@dataclass
class Cost:
    """What a run ended with, and took: seconds of processors, whoever else works, and bytes."""

    code: int
    seconds: float
    peak: int


def cost_of(folder: Path, line: str, **changes: str) -> Cost:
    # A program's peak begins with that of the process that started it, so a small one starts it.
    words = [sys.executable, "-I", "-S", "-c", MEASURE, PROGRAM, *line.split()]
    ended = subprocess.run(
        words, cwd=folder, env=environment(**changes), check=True, capture_output=True, text=True,
        errors="replace", timeout=600,
    )  # fmt: skip
    code, seconds, peak = ended.stdout.split()
    return Cost(int(code), float(seconds), int(peak))


def check(cost: Cost, size: int, honest: float, memory: int = 4) -> None:
    assert cost.code in (0, 1, 2, 3), cost
    assert cost.seconds <= 2 + 10 * honest, f"{cost}, honest {honest:.2f} s"
    assert cost.peak <= 64 * MB + memory * size, f"{cost} for {size:,} bytes"


def hostile_bytes(honest: bytes, size: int) -> dict[str, bytes]:
    """Files of `size` bytes, by what is wrong with them."""
    head = honest[: min(len(honest), 64)]
    filled = honest + bytes(max(0, size - len(honest)))
    return {
        "zeros": bytes(size),
        "ones": b"\xff" * size,
        "head and zeros": head + bytes(size - len(head)),
        "head and ones": head + b"\xff" * (size - len(head)),
        "a count of all ones": honest[:44] + b"\xff" * 12 + filled[56:size],
        "trailing": filled,
        "repeated": (honest * (size // max(1, len(honest)) + 1))[:size],
        "cut": honest[:-1],
        "brackets": b"[" * size,
        "nested": (b'{"a":' * (size // 5 + 1))[:size],
        "quotes": b"[" + b'"",' * (size // 3),
        "keys": b"{" + b",".join(b'"%d":0' % i for i in range(size // 12)) + b"}",
        "objects": b"[" + b"{}," * (size // 3) + b"{}]",
        "keys in proofs": b'{"proofs":[{' + b",".join(b'"%d":0' % i for i in range(size // 12)),
        "digits": b'{"proofs":' + b"9" * size,
        "coefficients": b'{"coefficients":[' + b'"0",' * (size // 4) + b'"0"],"dims":[1]}',
        "lines": b"\n" * size,
    }
