#!/usr/bin/env python3
"""Compares what fixed pieces of work cost with what they cost when their limits were kept.

usage: check_counts.py TREE [--keep]

TREE is a Release build with the targets counted_work and counted_products. Kernels that valgrind
can run are counted in instructions, by callgrind; `ifma` is counted in products of eight lanes,
which the code counts itself. Counts do not depend on how busy or how fast a machine is, only on the
sources and the compiler, so a change that makes something dearer shows. --keep writes the counts as
new limits.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LIMITS = Path(__file__).with_name("limits.json")
TOLERANCE = 1.02
NOT_HERE = 77  # what counted_work says of a kernel that the processor lacks


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fail(done: subprocess.CompletedProcess[str]) -> None:
    sys.exit(f"{' '.join(map(str, done.args))}\n{done.stdout}{done.stderr}")


def instructions(program: Path, kernel: str, work: str) -> int | None:
    with tempfile.NamedTemporaryFile() as out:
        done = run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}",
             "--toggle-collect=assay_counted_work", str(program), kernel, work]
        )  # fmt: skip
    if done.returncode == NOT_HERE:
        return None
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or collected is None:
        fail(done)
    assert collected is not None
    return int(collected.group(1))


def products(program: Path, work: str) -> int | None:
    done = run([str(program), "ifma", work])
    if done.returncode == NOT_HERE:
        return None
    if done.returncode != 0:
        fail(done)
    return int(done.stdout)


def count_all(tree: Path) -> dict[str, dict[str, int]]:
    [plain], [counting] = (
        sorted(tree.glob(f"**/{name}")) for name in ("counted_work", "counted_products")
    )
    works = run([str(plain)]).stdout.splitlines()
    counts: dict[str, dict[str, int]] = {}
    for kernel in ("portable", "adx", "ifma"):
        for work in works:
            count = (
                products(counting, work) if kernel == "ifma" else instructions(plain, kernel, work)
            )
            if count is not None:
                counts.setdefault(kernel, {})[work] = count
        if kernel not in counts:
            print(f"{kernel:9} n/a: this processor, or valgrind's, does not have it")
    return counts


def main() -> int:
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--keep"]):
        sys.exit(__doc__)
    counts = count_all(Path(sys.argv[1]))
    if sys.argv[2:]:
        LIMITS.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
        return 0
    limits = json.loads(LIMITS.read_text(encoding="utf-8"))
    dearer = 0
    for kernel, works in counts.items():
        for work, count in works.items():
            limit = limits[kernel][work]
            change = 100 * (count / limit - 1)
            over = count > limit * TOLERANCE
            dearer += over
            verdict = "DEARER" if over else "cheaper" if count * TOLERANCE < limit else ""
            print(f"{kernel:9} {work:32} {count:12,} {change:+6.1f} %  {verdict}".rstrip())
    if dearer:
        print(
            f"{dearer} pieces of work cost more than {TOLERANCE - 1:.0%} over their limit. If that "
            "is meant, say why in the commit and run check_counts.py TREE --keep"
        )
    return 1 if dearer else 0


if __name__ == "__main__":
    sys.exit(main())
