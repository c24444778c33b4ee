"""The dimension benchmark: three trees by size, a Terkle node's fan-out over 2, 3 and 6 axes."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError
from ..progress import Bar, Progress
from .lines import Line, Lines
from .measuring import Measured, Subject, data_of, fan_outs, measured

Seeds = Sequence[int]
Implementation = Literal["Merkle", "Verkle", "Terkle"]
IMPLEMENTATIONS: tuple[Implementation, ...] = ("Merkle", "Verkle", "Terkle")

_MOST_LEAVES = 1 << 26
# What a run takes beside its leaves, in leaves, for the time left.
_OVERHEAD = 4096


@dataclass(frozen=True)
class Plan:
    """What is measured: every tree at every size with the data of every seed.

    Attributes:
        base_size: Sizes are its powers; also the fan-out of Terkle nodes.
        min_exp: The first power.
        max_exp: The last.
        seeds: Each gives other data and another index.
        widths: Of Verkle nodes.
        arities: Of Merkle nodes.
        implementations: Which trees.
        data: As `data_of` takes it.
        max_value: An exclusive bound of uniform data; None: 2**64.
    """

    base_size: int = 64
    min_exp: int = 1
    max_exp: int = 4
    seeds: Seeds = (2, 13, 74)
    widths: Sequence[int] = (64,)
    arities: Sequence[int] = (64,)
    implementations: Sequence[Implementation] = IMPLEMENTATIONS
    data: Literal["uniform", "seed"] = "uniform"
    max_value: int | None = None

    def subjects(self) -> list[Subject]:
        """The trees that are compared.

        Raises:
            InputError: A base size that is no fan-out of Terkle nodes ("out_of_range").
        """
        made = []
        if "Merkle" in self.implementations:
            made += [Subject("merkle", arity) for arity in self.arities]
        if "Verkle" in self.implementations:
            made += [Subject("verkle", width) for width in self.widths]
        if "Terkle" in self.implementations:
            made += [Subject("terkle", axes) for axes in fan_outs(self.base_size)]
        return made

    def sizes(self) -> list[int]:
        """The numbers of leaves.

        Raises:
            InputError: None, or more than 2**26 leaves ("out_of_range").
        """
        if not 1 <= self.min_exp <= self.max_exp:
            reason = f"{self.min_exp} to {self.max_exp}: give 1 at least, and the smaller first"
            raise InputError("out_of_range", "exponents", reason)
        if self.base_size < 2 or self.max_exp > 26 or self.base_size**self.max_exp > _MOST_LEAVES:
            reason = f"{self.base_size}^{self.max_exp}: at most 2^26 leaves are built in memory"
            raise InputError("out_of_range", "size", reason)
        return [self.base_size**power for power in range(self.min_exp, self.max_exp + 1)]

    def data_name(self) -> str:
        """What lines say of the data."""
        if self.data == "seed":
            return "seed: i + 1000 seed"
        return "uniform u64" if self.max_value is None else f"uniform below {self.max_value}"


def run_dimensions(
    plan: Plan,
    lines: Lines,
    bar: Bar,
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """Measure what the file does not have yet, a line each; gives how many lines were added.

    Args:
        plan: What is measured.
        lines: Where to; what it has of the plan is not measured again.
        bar: Is told after each measurement.
        say: Is told of each measurement in a line.

    Raises:
        InputError: A plan that is not possible.
        SaveError: A line could not be written.
    """
    here = [
        (size, seed, subject)
        for size in plan.sizes()
        for seed in plan.seeds
        for subject in plan.subjects()
    ]
    there = lines.counted(key_of)
    data = plan.data_name()
    left = []
    for size, seed, subject in here:
        key = _key(subject.implementation, _shape(subject), size, seed, data)
        if there[key]:
            there[key] -= 1
        else:
            left.append((size, seed, subject))
    total = sum(size + _OVERHEAD for size, _, _ in left) // _OVERHEAD
    done = 0
    bar(Progress("measure", 0, total))
    for size, seed, subject, found in _measurements(plan, left):
        lines.add(line_of(subject, size, seed, data, found))
        done += size + _OVERHEAD
        bar(Progress("measure", done // _OVERHEAD, total))
        say(
            f"{size:>9} leaves, seed {seed:>2}, {subject.label}: built in "
            f"{found.build_seconds:.3f} s, proved in {1000 * found.prove_seconds:.3f} ms, checked "
            f"in {1000 * found.verify_seconds:.3f} ms, {found.proof_bytes} bytes"
        )
    return len(left)


def _measurements(
    plan: Plan, left: Sequence[tuple[int, int, Subject]]
) -> Iterator[tuple[int, int, Subject, Measured]]:
    of = None
    for size, seed, subject in left:
        if (size, seed) != of:
            values = data_of(plan.data, size, seed, plan.max_value)
            of = (size, seed)
        yield size, seed, subject, measured(subject, values, seed * 17 % size)


def line_of(subject: Subject, size: int, seed: int, data: str, found: Measured) -> Line:
    """A line of the file, with the fields that the first programs wrote, and `data`."""
    ending = {
        "verification_passed": found.accepted,
        "proof_size": found.proof_bytes,
        "tree_size": found.tree_bytes,
        "data": data,
    }
    if subject.kind == "terkle":
        return {
            "seed": seed,
            "config_name": subject.config_name,
            "axis_arity": list(subject.axes),
            "axis_count": len(subject.axes),
            "degree_bound": max(subject.axes),
            "srs_size": subject.fan_out,
            "data_size": size,
            "depth": found.depth,
            "build_time_seconds": found.build_seconds,
            "proof_time_seconds": found.prove_seconds,
            "verify_time_seconds": found.verify_seconds,
            **ending,
        }
    return {
        "implementation": subject.implementation,
        "size": size,
        "seed": seed,
        "width" if subject.kind == "verkle" else "arity": subject.fan_out,
        "arity_label": f"width-{subject.fan_out}",
        "time_taken_to_build_tree": found.build_seconds,
        "time_taken_to_generate_proof": found.prove_seconds,
        "time_taken_to_verify_proof": found.verify_seconds,
        **ending,
    }


def key_of(line: Line) -> Hashable:
    """What a line is about: no two lines of a file have the same."""
    parts: tuple[object, object, object]
    if "config_name" in line:
        parts = ("Terkle", line["config_name"], line.get("data_size"))
    else:
        parts = (line.get("implementation"), line.get("width", line.get("arity")), line.get("size"))
    return _key(*map(_plain, parts), _plain(line.get("seed")), _plain(line.get("data")))


def _key(*parts: Hashable) -> Hashable:
    return parts


def _plain(value: object) -> str | int | None:
    return value if isinstance(value, str | int) else None


def _shape(subject: Subject) -> str | int:
    return subject.config_name if subject.kind == "terkle" else subject.fan_out
