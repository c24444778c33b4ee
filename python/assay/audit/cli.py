"""The program `assay-audit`: what `assay audit` does in Python."""

import argparse
from collections.abc import Sequence
from typing import Any

from ..arguments import Parser, add_number, parser_of
from ..ending import ended

PROGRAM = "assay audit"

_EXAMPLE = """\
examples:
  assay audit sample

`assay audit listen` runs no model and needs no Python. Exit codes: 0 done, 1 rejected, 2 bad input
or could not run, 3 inconclusive.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(argv)
    return ended(f"{PROGRAM} {options.verb}", lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    # Loading torch takes seconds that --help and typing errors need not wait.
    from . import story

    return story.tell(options)


def _parser() -> argparse.ArgumentParser:
    about = "What each layer of a model computed, while it runs."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_sample(verbs)
    return parser


def _verb(verbs: Any, name: str, summary: str) -> Any:
    parser: Parser = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    return parser.add_argument


def _add_sample(verbs: Any) -> None:
    about = "sample a product while it is made, send it, check it, and reject a false one"
    add = _verb(verbs, "sample", about)
    add_number(add, "--size", 4000, "rows and columns of the matrices", least=1)
    add(
        "--dtype",
        choices=("float64", "float32", "bfloat16", "float16"),
        default="float64",
        help="default: %(default)s",
    )
    add_number(add, "--seed", 42, "of the matrices", least=0)
    add_number(add, "--port", 11234, "of the listener; 0: one that is free", least=0)
