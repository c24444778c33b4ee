"""The program `assay-compare`: what `assay compare` prints, and a picture of it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from . import _core
from .arguments import add_number, parser_of
from .comparison import compare
from .ending import ended
from .plotting import draw, require_drawable
from .printing import printable, show, show_json

PROGRAM = "assay compare"

_EXAMPLE = """\
example:
  assay compare trainer.safetensors rollout.safetensors --plot where.png

Without --plot the command needs no Python. Exit codes: 0 done, 1 over the tolerance, 2 bad input
or could not run.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(argv)
    return ended(PROGRAM, lambda: _run(options))


def _parser() -> argparse.ArgumentParser:
    about = "Say where two captures differ, and draw layers by tokens."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    add = parser.add_argument
    add("a", metavar="A", type=Path, help="a capture: .safetensors, .pt or .npy")
    add("b", metavar="B", type=Path, help="another")
    add("--plot", metavar="FILE", type=Path, help=".png, or .vl.json for Vega-Lite")
    add("--tokens", metavar="FIRST:END", type=_tokens, help="these tokens alone, counted from 0")
    add_number(add, "--top", 128, "how many of the largest values of a token are compared by place")
    add(
        "--tolerance",
        metavar="T",
        type=float,
        help="the relative error that is still no difference",
    )
    add("--by-order", action="store_true", help="pair layers by their order, whatever their names")
    add("--json", action="store_true", help="the result as one JSON object")
    add("--quiet", action="store_true", help="no remarks on stderr")
    return parser


def _tokens(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    if not colon or not first.isdecimal() or not last.isdecimal():
        raise argparse.ArgumentTypeError("FIRST:END is expected, such as 0:128")
    return int(first), int(last)


def _run(options: argparse.Namespace) -> int:
    if options.plot is not None:
        require_drawable(options.plot)
    found = compare(
        options.a, options.b, tokens=options.tokens, top=options.top, by_order=options.by_order
    )
    within = options.tolerance is None or found.within(options.tolerance)
    if options.plot is not None:
        draw(found.picture(f"{options.a.name} and {options.b.name}"), options.plot)
    if options.json:
        report = json.loads(found.to_json(options.tolerance))
        show_json({"a": str(options.a), "b": str(options.b), **report})
    else:
        show("\n".join(found.lines(options.tolerance)))
    if options.plot is not None and not options.quiet:
        show(f"drawn to {printable(str(options.plot))}", error=True)
    return 0 if within else _core.exit_code("rejected")
