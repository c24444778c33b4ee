"""`assay bench trees`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ..arguments import add_number, parser_of
from ..ending import ended
from ..printing import show, show_json
from ..progress import Bar
from .figures import measure, print_plainly
from .lines import Lines, read_lines
from .pictures import draw_both, of_scaling
from .scaling import Growth, run_scaling
from .sweeps import run_all

PROGRAM = "assay bench trees"
SCALING = "results/tree_scaling.jsonl"

_ABOUT = """\
Without --dimensions or --scaling: the figures of docs/performance.md, each with its aim, at one
size. Proofs are checked from their bytes, with the verifier's own key. The trees are kept in a
temporary folder; the largest takes some 1.2 GB. Public parameters are made before and not counted.

  --dimensions  Merkle, Verkle and Terkle by size, as run_all_sweeps.py of examples/experiments,
                whose flags it takes (see assay bench trees --dimensions --help)
  --scaling     each tree by size: time to build, prove, check and update, proof bytes, memory

examples:
  assay bench trees --json
  assay bench trees --log-size 18
  assay bench trees --dimensions --plot
  assay bench trees --scaling --last 21 --plot
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `assay bench trees`; returns its exit code."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--dimensions", action="store_true")
    chosen, rest = first.parse_known_args(argv)
    if chosen.dimensions:
        return run_all(rest, f"{PROGRAM} --dimensions")
    options = _parser().parse_args(rest)
    return ended(PROGRAM, lambda: _scaling(options) if options.scaling else _figures(options))


def _figures(options: argparse.Namespace) -> int:
    with Bar.on_stderr(PROGRAM, quiet=options.quiet) as bar:
        report = measure(options.log_size, options.threads, options.folder, bar)
    if options.json:
        show_json(report)
    else:
        print_plainly(report)
    return 0


def _scaling(options: argparse.Namespace) -> int:
    say: Callable[[str], None] = (lambda _: None) if options.quiet or options.json else show
    growth = Growth(options.first, options.last, options.step)
    with (
        Lines(options.output, clear=options.clear) as lines,
        Bar.on_stderr(PROGRAM, quiet=options.quiet) as bar,
    ):
        added = run_scaling(growth, lines, bar, say)
    say(f"{added} lines added to {options.output}")
    if options.plot:
        picture = of_scaling(read_lines(options.output), str(options.output))
        for path in draw_both(picture, options.output.with_name("tree_scaling_plot.png")):
            say(f"drew {path}")
    if options.json:
        show_json({"results": read_lines(options.output)})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        PROGRAM, "Time trees: build, prove, check, update, in memory and kept.", _ABOUT
    )
    add = parser.add_argument
    add_number(add, "--log-size", 24, "trees of 2^N leaves", least=10)
    add_number(add, "--threads", 2, "for what is not measured on one", least=1)
    add("--folder", type=Path, metavar="DIR", help="for kept trees; default: a temporary one")
    add("--scaling", action="store_true", help="measure by size instead")
    add("--output", type=Path, default=Path(SCALING), metavar="FILE", help="default: %(default)s")
    add("--clear", action="store_true", help="empty that file first")
    add_number(add, "--first", 6, "sizes from 2^N leaves", least=0)
    add_number(add, "--last", 24, "to 2^N", least=0)
    add_number(add, "--step", 3, "each 2^N times the one before", least=1)
    add("--plot", action="store_true", help="draw tree_scaling_plot.png beside the file")
    add("--json", action="store_true", help="the figures as JSON")
    add("--quiet", action="store_true", help="no messages but errors")
    return parser
