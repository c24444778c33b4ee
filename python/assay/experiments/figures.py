"""The figures of docs/performance.md about trees, each beside its aim."""

import gc
import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core, tree
from ..machine import most_memory, processor_name
from ..printing import show
from ..progress import Bar, Progress
from .measuring import Numbers, Subject, built, checking, data_of, median_seconds, prepared, timed

MERKLE = Subject("merkle", 2)
VERKLE = Subject("verkle", 64)
AGGREGATED = Subject("verkle", 64, aggregated=True)
TERKLE = Subject("terkle", (4, 4, 4))
SQUARE = Subject("terkle", (8, 8))
CUBE = Subject("terkle", (2,) * 6)

_SEED = 2
_PATHS = 1000
_REPEATS = 3
# The aims of one path and of sets are of 2^24 leaves; other sizes have none.
_AIMED = 24

_BUILD = {MERKLE: 1.5, VERKLE: 5.0, TERKLE: 5.0}
_BYTES = {MERKLE: 768, VERKLE: 224, AGGREGATED: 160, SQUARE: 352, TERKLE: 480, CUBE: 864}
_SET_BYTES = {MERKLE: 430_000, AGGREGATED: 65_000, SQUARE: 240_000}
_VERIFY = {MERKLE: 1e-5, VERKLE: 4e-4, AGGREGATED: 4e-4, TERKLE: 6e-4}
_EACH = {VERKLE: 3e-5, TERKLE: 5e-5}
_ENVELOPE = 64
_MEMORY = 64 << 20


@dataclass
class Table:
    """Figures, in the order in which they were found."""

    log_size: int
    results: list[dict[str, Any]]

    def add(
        self, what: str, subject: Subject, value: float, unit: str, aim: float | None, threads: int
    ) -> None:
        """Add one; the aim counts for 2^24 leaves alone."""
        self.results.append(
            {
                "what": what,
                "tree": subject.label,
                "leaves": 1 << self.log_size,
                "threads": threads,
                "value": value,
                "unit": unit,
                "at_most": aim if self.log_size == _AIMED else None,
            }
        )


def measure(log_size: int, threads: int, folder: Path | None, bar: Bar) -> dict[str, Any]:
    """Build each tree in a file, ask it, and check what it answers.

    Args:
        log_size: Trees have 2**log_size leaves.
        threads: Of building and of checking many; single paths take one.
        folder: For the kept trees; None: a temporary one.
        bar: Is told after each tree.
    """
    table = Table(log_size, [])
    values = data_of("uniform", 1 << log_size, _SEED)
    kept = (MERKLE, VERKLE, TERKLE)
    small = (SQUARE, CUBE)
    before = _core.thread_limit()
    bar(Progress("measure", 0, 6))
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="assay-bench-trees-") as made:
            mapped = _mapped(values, Path(made) / "leaves.npy")
            _root_alone(table, mapped, threads)
            bar(Progress("measure", 1, 6))
            for done, subject in enumerate((*kept, *small), 2):
                _one_tree(table, subject, mapped, Path(made) / "one.tree", threads)
                bar(Progress("measure", done, 6))
    finally:
        _core.set_thread_limit(before)
    return {
        "results": table.results,
        "machine": {
            "processor": processor_name(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "kernel": _core.active_kernel(),
        },
        "versions": {"assay": _core.version},
    }


def _mapped(values: Numbers, path: Path) -> Numbers:
    np.save(path, values)
    mapped: Numbers = np.load(path, mmap_mode="r")
    return mapped


def _root_alone(table: Table, values: Numbers, threads: int) -> None:
    _core.set_thread_limit(threads)
    seconds = _repeated(lambda: tree.merkle_root(values))
    table.add("root, no node kept", MERKLE, seconds, "s", 0.5, threads)


def _repeated(act: Callable[[], object]) -> float:
    return statistics.median(timed(act)[0] for _ in range(_REPEATS))


def _one_tree(table: Table, subject: Subject, values: Numbers, path: Path, threads: int) -> None:
    _core.set_thread_limit(threads)
    srs = prepared(subject)
    seconds, memory = [], []
    for _ in range(_REPEATS):
        path.unlink(missing_ok=True)
        gc.collect()
        with most_memory() as added:
            build, made = timed(lambda: built(subject, values, srs, str(path)))
        seconds.append(build)
        memory.append(added[0])
    table.add("build, kept", subject, statistics.median(seconds), "s", _BUILD.get(subject), threads)
    limit = None if subject == MERKLE else _MEMORY
    table.add("memory beside leaves and file", subject, max(memory), "bytes", limit, threads)
    table.add("kept file", subject, path.stat().st_size, "bytes", None, threads)
    forms = [subject, AGGREGATED] if subject == VERKLE else [subject]
    for form in forms:
        _one_path(table, form, made, values)
        _many_paths(table, form, made, values, threads)
    _updates(table, subject, made, "on the disk", None)
    if subject in _BUILD:
        _core.set_thread_limit(threads)
        held = built(subject, values, srs)
        _updates(table, subject, held, "in memory", 1e-4)


def _one_path(table: Table, subject: Subject, made: tree.Tree, values: Numbers) -> None:
    _core.set_thread_limit(1)
    index = len(values) * 5 // 7

    def prove() -> tree.Proof:
        return made.prove(index, aggregated=subject.aggregated)

    proof = prove().to_bytes()
    size = _BYTES[subject] + _ENVELOPE
    table.add("proof of a leaf", subject, len(proof), "bytes", size, 1)
    check = checking(subject, made.root, [index], [int(values[index])], proof)
    table.add("prove a leaf", subject, median_seconds(prove, 1), "s", 1e-3, 1)
    verify = _VERIFY.get(subject)
    table.add("check a proof, from bytes", subject, median_seconds(check, 1), "s", verify, 1)


def _many_paths(
    table: Table, subject: Subject, made: tree.Tree, values: Numbers, threads: int
) -> None:
    """A set of random leaves: one proof, checked at once."""
    _core.set_thread_limit(threads)
    generator = np.random.default_rng(_SEED)
    some = generator.choice(len(values), min(_PATHS, len(values)), replace=False)
    indices = sorted(map(int, some))
    leaves = [int(values[i]) for i in indices]

    def prove() -> tree.Proof:
        return made.prove(indices, aggregated=subject.aggregated)

    proof = prove().to_bytes()
    what = f"{len(indices)} leaves"
    aim = _SET_BYTES.get(subject)
    table.add(f"proof of {what}", subject, len(proof), "bytes", aim, threads)
    proving = 0.06 if subject == AGGREGATED else None
    table.add(f"prove {what}", subject, _repeated(prove), "s", proving, threads)
    check = _repeated(checking(subject, made.root, indices, leaves, proof))
    if subject == AGGREGATED:
        table.add(f"check {what}, from bytes", subject, check, "s", 0.02, threads)
    else:
        each = check / len(indices)
        limit = _EACH.get(subject)
        table.add(f"check {what}, from bytes, each", subject, each, "s", limit, threads)


def _updates(
    table: Table, subject: Subject, made: tree.Tree, where: str, aim: float | None
) -> None:
    _core.set_thread_limit(1)
    changed = iter(range(1 << 32))
    indices = iter(np.random.default_rng(_SEED).integers(0, len(made), 1 << 16).tolist())

    def update() -> None:
        made.update({next(indices): next(changed)})

    seconds = median_seconds(update, 0.5)
    table.add(f"update a leaf, {where}", subject, seconds, "s", aim, 1)


def print_plainly(report: dict[str, Any]) -> None:
    """The figures as a table of text."""
    for one in report["results"]:
        aim = "" if one["at_most"] is None else f"  (aim: {_text(one['at_most'], one['unit'])})"
        missed = one["at_most"] is not None and one["value"] > one["at_most"]
        show(
            f"{one['tree']:34} {one['what']:34} {_text(one['value'], one['unit']):>12}{aim}"
            f"{'  missed' if missed else ''}"
        )
    machine = report["machine"]
    show(
        f"{machine['processor']}, {machine['processors']} processors, "
        f"load {machine['load_average']:.1f}, kernel {machine['kernel']}"
    )


def _text(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value:,.0f} B"
    if value >= 1:
        return f"{value:.2f} s"
    return f"{1000 * value:.3f} ms"
