"""The sweeps as programs: `run_all_sweeps.py` and its parts, `benchmark_dimensions`, the plot."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..arguments import add_number, at_least, integer, parser_of, positive_integers
from ..ending import ended
from ..errors import InputError
from ..plotting import require_drawable
from ..printing import show
from ..progress import Bar
from .dimensions import IMPLEMENTATIONS, Implementation, Plan, run_dimensions
from .lines import Lines, read_lines
from .pictures import draw_both, of_dimensions

OUTPUT = "results/dimension_benchmark.jsonl"
PLOT = "results/dimension_benchmark_plot.png"

_ABOUT = """\
All trees hold the same uniform u64 (--data seed takes the small integers i + 1000 seed that the
first programs took, and says so in each line). Public parameters are made before, and not counted.
Proofs are of one leaf, and checked from their bytes. A run appends to the file what is missing
there: one that was stopped goes on where it ended. Paths are relative to the current folder.
"""


def seeds_of(text: str) -> list[int]:
    """Integers from 0 on, with commas between; for argparse."""
    seeds = [integer(one.strip()) for one in text.split(",")]
    if min(seeds) < 0 or max(seeds) >= 1 << 32:
        raise argparse.ArgumentTypeError("give seeds from 0 to 2**32 - 1")
    if len(set(seeds)) != len(seeds):
        raise argparse.ArgumentTypeError("a seed stands twice")
    return seeds


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what is measured."""
    add = parser.add_argument
    add_number(add, "--min-exp", 1, "the first size is this power of the base size", least=1)
    add_number(add, "--max-exp", 4, "the last", least=1)
    add_number(add, "--base-size", 64, "sizes are its powers; a Terkle node's fan-out", least=2)
    seeds = "of the data, with commas between (default: 2,13,74)"
    add("--seeds", type=seeds_of, default=[2, 13, 74], metavar="A,B,..", help=seeds)
    add_widths(parser)
    add("--max-value", type=at_least(1), metavar="N", help="uniform integers below this instead")
    add("--data", choices=("uniform", "seed"), default="uniform", help="default: %(default)s")


def add_widths(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the nodes' sizes."""
    for flag, what in (("--widths", "Verkle"), ("--arities", "Merkle")):
        parser.add_argument(
            flag,
            type=positive_integers,
            default=[64],
            metavar="A,B,..",
            help=f"children of a {what} node (default: 64)",
        )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the files."""
    add = parser.add_argument
    add("--output", type=Path, default=Path(OUTPUT), metavar="FILE", help="default: %(default)s")
    add("--clear", action="store_true", help="empty the file first")
    add("--plot", action="store_true", help="also draw what the file then has")
    plot = "of the plot, .png; its description lies beside it (default: %(default)s)"
    add("--plot-output", type=Path, default=Path(PLOT), metavar="FILE", help=plot)
    add_number(add, "--dpi", 300, "dots an inch of the plot", least=30)
    add("--quiet", action="store_true", help="no messages but errors")


def add_untouched(parser: argparse.ArgumentParser, flag: str, why: str, **how: Any) -> None:
    """Add a flag that programs give to the first programs, and that nothing hangs on here."""
    parser.add_argument(flag, help=f"taken, and not needed: {why}", **how)


def plan_of(options: argparse.Namespace, implementations: Sequence[Implementation]) -> Plan:
    """What the flags say is measured."""
    return Plan(
        base_size=options.base_size,
        min_exp=options.min_exp,
        max_exp=options.max_exp,
        seeds=options.seeds,
        widths=options.widths,
        arities=options.arities,
        implementations=implementations,
        data=options.data,
        max_value=options.max_value,
    )


def run_plan(program: str, plan: Plan, options: argparse.Namespace) -> int:
    """Measure what a plan says, and draw it where that is asked for; gives the exit code."""
    say: Callable[[str], None] = (lambda _: None) if options.quiet else show
    if options.plot:
        options.plot_output.parent.mkdir(parents=True, exist_ok=True)
        require_drawable(options.plot_output)
    with (
        Lines(options.output, clear=options.clear) as lines,
        Bar.on_stderr(program, quiet=options.quiet) as bar,
    ):
        added = run_dimensions(plan, lines, bar, say)
    say(f"{added} lines added to {options.output}")
    if options.plot:
        found = read_lines(options.output)
        picture = of_dimensions(found, str(options.output), options.base_size)
        for path in draw_both(picture, options.plot_output, options.dpi):
            say(f"drew {path}")
    return 0


def run_all(argv: Sequence[str] | None = None, program: str = "run_all_sweeps.py") -> int:
    """All three trees, or those that are asked for; returns the exit code."""
    about = "Measure Merkle, Verkle and Terkle trees on the same data, in one run."
    parser = parser_of(program, about, _ABOUT)
    for name in IMPLEMENTATIONS:
        lower = name.lower()
        parser.add_argument(f"--{lower}-only", action="store_true", help=f"{name} trees alone")
        parser.add_argument(f"--no-{lower}", action="store_true", help=f"no {name} trees")
    add_plan(parser)
    add_outputs(parser)
    options = parser.parse_args(argv)
    return ended(program, lambda: run_plan(program, plan_of(options, chosen(options)), options))


def chosen(options: argparse.Namespace) -> list[Implementation]:
    """The trees that the flags leave.

    Raises:
        InputError: They leave none ("mismatch").
    """
    given = vars(options)
    alone = [name for name in IMPLEMENTATIONS if given[f"{name.lower()}_only"]]
    left = [
        name
        for name in IMPLEMENTATIONS
        if (not alone or name in alone) and not given[f"no_{name.lower()}"]
    ]
    if not left or len(alone) > 1:
        raise InputError("mismatch", "flags", "they leave no tree to measure, or contradict")
    return left


def run_terkle(argv: Sequence[str] | None = None, program: str = "sweep_terkle.py") -> int:
    """Terkle trees, with fan-out split over 2, 3 and 6 axes; returns the exit code."""
    here = "trees are built in this process"
    return _run_one("Terkle", program, argv, {"--binary": here, "--build": "it is compiled"})


def run_verkle(argv: Sequence[str] | None = None, program: str = "sweep_verkle.py") -> int:
    """Verkle trees; returns the exit code."""
    return _run_one("Verkle", program, argv, {"--demo-dir": "no other program is run"})


def run_merkle(argv: Sequence[str] | None = None, program: str = "sweep_merkle.py") -> int:
    """Merkle trees; returns the exit code."""
    return _run_one("Merkle", program, argv, {"--demo-dir": "no other program is run"})


def _run_one(
    name: Implementation, program: str, argv: Sequence[str] | None, untouched: dict[str, str]
) -> int:
    parser = parser_of(program, f"Measure {name} trees by size.", _ABOUT)
    add_plan(parser)
    add_outputs(parser)
    for flag, why in untouched.items():
        how = {"action": "store_true"} if flag == "--build" else {"metavar": "PATH"}
        add_untouched(parser, flag, why, **how)
    options = parser.parse_args(argv)
    return ended(program, lambda: run_plan(program, plan_of(options, [name]), options))


def run_benchmark(argv: Sequence[str] | None = None, program: str = "benchmark_dimensions") -> int:
    """Terkle trees of 64 to 64^4 leaves, each run with a seed of its own; returns the exit code."""
    parser = parser_of(
        program, "Measure Terkle trees whose fan-out 64 is split over 2, 3 and 6 axes.", _ABOUT
    )
    add = parser.add_argument
    add("output", type=Path, nargs="?", default=Path("dimension_benchmark.jsonl"))
    add("seeds", type=at_least(1), nargs="?", default=5, help="how many (default: %(default)s)")
    add("iterations", type=at_least(1), nargs="?", default=1, help="of each seed; default: 1")
    add_number(add, "--max-exp", 4, "the last size is this power of 64", least=1)
    add("--data", choices=("uniform", "seed"), default="uniform", help="default: %(default)s")
    add("--quiet", action="store_true", help="no messages but errors")
    options = parser.parse_args(argv)
    # Its lines tell iterations apart by their seeds.
    seeds = [
        1000 * seed + iteration
        for seed in range(1, options.seeds + 1)
        for iteration in range(options.iterations)
    ]
    plan = replace(
        Plan(implementations=["Terkle"], data=options.data), seeds=seeds, max_exp=options.max_exp
    )
    options.clear = options.plot = False
    return ended(program, lambda: run_plan(program, plan, options))


def run_plot(
    argv: Sequence[str] | None = None, program: str = "plot_dimension_benchmark.py"
) -> int:
    """Draw a file of results; returns the exit code."""
    parser = parser_of(
        program, "Draw building, proving, checking and proof size by the size of the tree.", ""
    )
    add = parser.add_argument
    add("--input", type=Path, default=Path(OUTPUT), metavar="FILE", help="default: %(default)s")
    plot = ".png; its description lies beside it (default: %(default)s)"
    add("--output", type=Path, default=Path(PLOT), metavar="FILE", help=plot)
    add_number(add, "--dpi", 300, "dots an inch", least=30)
    add_number(add, "--base-size", 64, "the fan-out that the title speaks of", least=2)
    options = parser.parse_args(argv)

    def act() -> int:
        picture = of_dimensions(read_lines(options.input), str(options.input), options.base_size)
        for path in draw_both(picture, options.output, options.dpi):
            show(f"drew {path}")
        return 0

    return ended(program, act)
