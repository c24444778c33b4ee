#!/usr/bin/env python3
"""Times the whole chain on a tensor of 6^8 integers of 40 bits, beside figures published elsewhere.

usage: end_to_end.py [--repeat N]

Each repetition is one process of `assay run`: public parameters made, values committed to, ten
points opened, verified and compared. Prints medians, peak memory and the machine, as a
Markdown table for docs/performance.md. Needs `make build`; give the machine nothing else to do.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

AXES = (6,) * 8
BITS = 40
# Of the system that this one replaces, on its authors' machine.
PUBLISHED = {"setup": "1.5 s", "commit": "5.37 s + 1.92 s", "prove": "4.42 s", "verify": "7 ms"}


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def run_once(tensor: Path) -> dict:
    command = [
        sys.executable, "-m", "assay.run", "--tensor", str(tensor), "--srs-seed", "7",
        "--num-queries", "10", "--json", "--quiet",
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report = json.loads(done.stdout)["runs"][0]
    if report["verdict"] != "accepted":
        sys.exit(f"not accepted: {report['step']}: {report['reason']}")
    return report


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as folder:
        tensor = Path(folder) / "values.npy"
        bound = 1 << BITS
        values = np.random.default_rng(1).integers(-bound + 1, bound, size=AXES, dtype=np.int64)
        np.save(tensor, values)
        reports = [run_once(tensor) for _ in range(repeat)]

    def median(key: str) -> float:
        return statistics.median(report["timing"][key] for report in reports)

    peak = max(report["peak_memory_bytes"] for report in reports)
    print(f"{values.size:,} values of {BITS} bits, axes {'x'.join(map(str, AXES))}")
    print(f"{processor()}, {os.cpu_count()} threads; medians of {repeat} processes\n")
    print("| step | time | published for the original pipeline |")
    print("|---|---|---|")
    print(f"| public parameters (SRS) | {median('setup_s'):.2f} s | {PUBLISHED['setup']} |")
    print(f"| commit | {median('commit_s'):.2f} s | {PUBLISHED['commit']} (with interpolation) |")
    print(f"| open one value | {median('avg_prove_s'):.2f} s | {PUBLISHED['prove']} |")
    print(
        f"| verify one value, of ten together | {1000 * median('avg_verify_s'):.2f} ms "
        f"| {PUBLISHED['verify']} alone |"
    )
    print(f"| peak memory | {peak / 1e6:.0f} MB | not published |")


if __name__ == "__main__":
    main()
