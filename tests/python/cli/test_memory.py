"""`assay verify` holds each proof once: twice the file and 64 MB are enough for the largest."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assay_program import PROGRAM, done, environment, report

ALLOWED = 64 << 20
INFINITY = bytes(31) + b"\x40"


# A program's peak begins with that of the process that started it, so a small one starts it.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
assert os.waitstatus_to_exitcode(status) == 0
print(1024 * usage.ru_maxrss)
"""


def peak_of(folder: Path, line: str) -> int:
    """The program's largest resident set, in bytes; what it prints goes nowhere."""
    words = [sys.executable, "-I", "-S", "-c", MEASURE, PROGRAM, *line.split()]
    ended = subprocess.run(
        words, cwd=folder, env=environment(), check=True, capture_output=True, text=True
    )
    return int(ended.stdout)


def write_proofs(path: Path, digest: str, nodes: int, axes: int, count: int) -> None:
    """Openings of a tensor of zeros: every value is 0 and every proof point is infinity."""
    record = struct.pack(f"<{axes}I", *[0] * axes) + bytes(32)
    record += struct.pack("<I", 32 * axes) + INFINITY * axes
    rows = np.frombuffer(b"\0" + record, np.uint8)[None].repeat(count, 0)
    at = np.arange(count, dtype="<u4")
    for axis in range(axes - 1, -1, -1):
        rows[:, 1 + 4 * axis : 5 + 4 * axis] = (at % nodes)[:, None].view(np.uint8)
        at = at // nodes
    head = b"ASSAYPRF" + struct.pack("<I", 2) + bytes.fromhex(digest)
    path.write_bytes(head + struct.pack("<II", axes, count) + rows.tobytes())


@pytest.mark.soak
@pytest.mark.parametrize(("nodes", "axes"), [(1024, 2), (2, 20)])
def test_the_most_proofs_that_a_file_may_have(nodes: int, axes: int, tmp_path: Path) -> None:
    count = 1 << 20
    np.save(tmp_path / "zeros.npy", np.zeros((nodes,) * axes, np.int8))
    done(tmp_path, f"srs dev --axes {','.join([str(nodes)] * axes)} --seed 7 --out zeros.srs")
    made = report(tmp_path, "commit --tensor zeros.npy --srs zeros.srs --out zeros.commitment")
    write_proofs(tmp_path / "zeros.proofs", made["digest"], nodes, axes, count)
    size = (tmp_path / "zeros.proofs").stat().st_size
    line = "verify --commitment zeros.commitment --proofs zeros.proofs --srs zeros.vk"
    peak = peak_of(tmp_path, line + " --json")
    assert peak <= 2 * size + ALLOWED, f"{peak:,} bytes for a file of {size:,}"
