"""How each tree grows: size against time, proof bytes and memory."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..progress import Bar, Progress
from .lines import Line, Lines
from .measuring import (
    Measured,
    Subject,
    asked,
    built,
    data_of,
    median_seconds,
    prepared,
    timed,
)

SUBJECTS = (
    Subject("merkle", 2),
    Subject("merkle", 64),
    Subject("verkle", 64),
    Subject("verkle", 64, aggregated=True),
    Subject("terkle", (8, 8)),
    Subject("terkle", (4, 4, 4)),
    Subject("terkle", (2,) * 6),
)

_SEED = 2
_OVERHEAD = 4096


@dataclass(frozen=True)
class Growth:
    """The sizes that are measured: 2**first, 2**(first + step), .., up to 2**last."""

    first: int = 6
    last: int = 24
    step: int = 3

    def sizes(self) -> list[int]:
        """The numbers of leaves.

        Raises:
            InputError: None, or more than 2**26 ("out_of_range").
        """
        if not (0 <= self.first <= self.last <= 26 and self.step >= 1):
            reason = f"2^{self.first} to 2^{self.last} by 2^{self.step}: give 2^0 to 2^26"
            raise InputError("out_of_range", "sizes", reason)
        return [1 << power for power in range(self.first, self.last + 1, self.step)]


def run_scaling(
    growth: Growth,
    lines: Lines,
    bar: Bar,
    say: Callable[[str], None] = lambda _: None,
    subjects: Sequence[Subject] = SUBJECTS,
) -> int:
    """Measure what the file does not have yet, a line each; gives how many lines were added.

    Raises:
        InputError: Sizes that are not possible.
        SaveError: A line could not be written.
    """
    there = lines.counted(key_of)
    left = [
        (size, subject)
        for size in growth.sizes()
        for subject in subjects
        if not there[(subject.label, size)]
    ]
    total = sum(size + _OVERHEAD for size, _ in left) // _OVERHEAD
    done = 0
    bar(Progress("measure", 0, total))
    for size, subject in left:
        line = _line(subject, size)
        lines.add(line)
        done += size + _OVERHEAD
        bar(Progress("measure", done // _OVERHEAD, total))
        say(
            f"{size:>9} leaves, {subject.label}: built in {line['build_seconds']:.3f} s, leaf "
            f"updated in {1000 * line['update_seconds']:.3f} ms"
        )
    return len(left)


def key_of(line: Line) -> Hashable:
    """What a line is about."""
    return line.get("tree"), line.get("size")


def _line(subject: Subject, size: int) -> Line:
    values = data_of("uniform", size, _SEED)
    srs = prepared(subject)
    build, made = timed(lambda: built(subject, values, srs))
    index = _SEED * 17 % size
    found: Measured = asked(subject, made, values, index, build)
    return {
        "tree": subject.label,
        "implementation": subject.implementation,
        "arities": list(subject.axes),
        "aggregated": subject.aggregated,
        "size": size,
        "seed": _SEED,
        "data": "uniform u64",
        "depth": found.depth,
        "build_seconds": found.build_seconds,
        "prove_seconds": found.prove_seconds,
        "verify_seconds": found.verify_seconds,
        "update_seconds": _update_seconds(made, index),
        "proof_size": found.proof_bytes,
        "tree_size": found.tree_bytes,
        "verification_passed": found.accepted,
    }


def _update_seconds(made: Any, index: int) -> float:
    """The median time of changing a leaf; each change is to another value."""
    changed = iter(range(1 << 32))
    return median_seconds(lambda: made.update({index: next(changed)}))
