"""`assay tree plot`."""

from collections.abc import Sequence
from pathlib import Path

from ..arguments import add_number, parser_of
from ..ending import ended
from ..printing import show
from .lines import read_lines
from .pictures import draw_both, of_dimensions, of_scaling

PROGRAM = "assay tree plot"

_ABOUT = """\
examples:
  assay tree plot results/dimension_benchmark.jsonl
  assay tree plot results/tree_scaling.jsonl --output growth.png --dpi 200
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `assay tree plot`; returns its exit code."""
    about = "Draw lines of results of trees: PNG, and a Vega-Lite description beside it."
    parser = parser_of(PROGRAM, about, _ABOUT)
    add = parser.add_argument
    add("input", type=Path, help="a .jsonl file of `assay bench trees` or of the sweeps")
    add("--output", type=Path, metavar="FILE", help=".png; default: beside the input, _plot.png")
    add_number(add, "--dpi", 120, "dots an inch", least=30)
    add_number(add, "--base-size", 64, "the fan-out that the title speaks of", least=2)
    options = parser.parse_args(argv)

    def act() -> int:
        lines = read_lines(options.input)
        place = str(options.input)
        grows = any("update_seconds" in line for line in lines)
        picture = (
            of_scaling(lines, place) if grows else of_dimensions(lines, place, options.base_size)
        )
        output = options.output or options.input.with_name(f"{options.input.stem}_plot.png")
        for path in draw_both(picture, output, options.dpi):
            show(f"drew {path}")
        return 0

    return ended(PROGRAM, act)
