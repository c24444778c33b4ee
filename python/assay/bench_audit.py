"""`assay bench audit`: what it costs to commit to a model's rows, or to sample products."""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__, bench_recording
from .arguments import add_number, parser_of
from .ending import ended
from .machine import processor_name
from .paired_runs import Cost, in_turns, paired, start_anew
from .printing import show, show_json

if TYPE_CHECKING:
    from torch import Tensor

PROGRAM = "assay bench audit"

_ABOUT = """\
What `streaming_audit` with a model adds to running it: while it decodes, with all layers recorded
and with one layer in eight, and while it reads a long prompt. CPU time is that of the whole
process, from the first token to the signed head; what is done once for all answers comes before:
hashing the weights, making a key, finding the places of the hooks.
Memory is the most that a run held, above the most that the model held alone. Runs are interleaved:
each repetition makes every run once, in turns of order. The interval is that of Student's t on the
paired differences.

With --seed, both timings of the notebook, with a listener on this machine that checks what it can.
The notebook printed the ratio of the two times, less one, with a percent sign; these are percent.

  new        `new(A, B)`, of 400 x 4000 by 4000 x 400: one connection and 12 bytes of header each
  streaming  `torch.matmul(A, B)` within `streaming_audit()`, of 4000 x 4000

examples:
  assay bench audit --repeat 10 --json
  assay bench audit --repeat 30 --keep repetitions.json
  assay bench audit --seed
  assay bench audit --seed --size 1000 --repeat 10 --json
"""


@dataclass(frozen=True)
class Timing:
    """One of the two: how its products are made alone, and how sampled."""

    name: str
    shapes: tuple[tuple[int, int], tuple[int, int]]
    alone: Callable[[], object]
    sampled: Callable[[], object]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(given)
    if not options.seed:
        start_anew("assay.bench_audit", options.threads, given)
    return ended(PROGRAM, lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    say: Callable[[str], None] = (lambda _: None) if options.quiet else _say
    report = measure(options, say) if options.seed else bench_recording.measure(options, say)
    if options.json:
        show_json(report)
    elif options.seed:
        _print_plainly(report)
    else:
        bench_recording.print_plainly(report)
    return 0


def _print_plainly(report: dict[str, Any]) -> None:
    for timing in report["timings"]:
        added = timing["added_percent"]
        (m, k), (_, n) = timing["shapes"]
        show(
            f"{timing['name']:10} {m} x {k} by {k} x {n}: {timing['alone_ms']:.2f} ms alone, "
            f"{timing['sampled_ms']:.2f} ms sampled, {added['mean']:+.2f} % "
            f"(95 %: {added['low']:+.2f} to {added['high']:+.2f})"
        )
    machine = report["machine"]
    show(f"           {report['products']} products a run, {report['repeats']} pairs of runs")
    show(
        f"machine    {machine['processor']}, {machine['processors']} processors, "
        f"load {machine['load_average']:.1f}, {report['threads']} threads"
    )


def measure(options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the notebook's products, and give the figures of the report."""
    import torch

    torch.set_num_threads(options.threads)
    timings = []
    with _listening() as port:
        for timing in _timings(options, port):
            say(f"{timing.name}: {options.repeat} pairs of runs of {options.products} products")
            timings.append(_measured(timing, options, say))
    return {
        "timings": timings,
        "products": options.products,
        "repeats": options.repeat,
        "threads": options.threads,
        "dtype": "float64",
        "machine": {
            "processor": processor_name(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg()[0],
        },
        "versions": {"assay": __version__, "torch": torch.__version__},
    }


@contextmanager
def _listening() -> Iterator[int]:
    from .audit import Listener

    with Listener() as listener:
        yield listener.port


def _timings(options: argparse.Namespace, port: int) -> Iterator[Timing]:
    import torch

    from .audit import new, streaming_audit

    generator = torch.Generator().manual_seed(42)
    size, narrow = options.size, max(1, options.size // 10)

    def drawn(rows: int, columns: int) -> "Tensor":
        return torch.randn(rows, columns, dtype=torch.float64, generator=generator)

    a, b = drawn(narrow, size), drawn(size, narrow)

    def repeated(product: Callable[[], object]) -> None:
        for _ in range(options.products):
            product()

    def sampled_by_new() -> None:
        # What it says of each product is not for this report, and printing it is not what is timed.
        with redirect_stdout(StringIO()):
            repeated(lambda: new(a, b, port=port))

    shapes = (a.shape[0], a.shape[1]), (b.shape[0], b.shape[1])
    yield Timing("new", shapes, lambda: repeated(lambda: torch.matmul(a, b)), sampled_by_new)

    wide_a, wide_b = drawn(size, size), drawn(size, size)

    def sampled_by_streaming() -> None:
        with streaming_audit(port=port):
            repeated(lambda: torch.matmul(wide_a, wide_b))

    yield Timing(
        "streaming",
        ((size, size), (size, size)),
        lambda: repeated(lambda: torch.matmul(wide_a, wide_b)),
        sampled_by_streaming,
    )


def _measured(
    timing: Timing, options: argparse.Namespace, say: Callable[[str], None]
) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {"alone": [], "sampled": []}

    def after(repeat: int, cost: dict[str, Cost], _: dict[str, object]) -> None:
        if repeat < 0:
            return
        for name, one in cost.items():
            seconds[name].append(one.wall)
        say(
            f"pair {repeat + 1} of {options.repeat}: {cost['alone'].wall:.3f} s alone, "
            f"{cost['sampled'].wall:.3f} s sampled"
        )

    runs = {"alone": timing.alone, "sampled": timing.sampled}
    in_turns(runs, range(-1, options.repeat), after)
    added = paired(seconds["alone"], seconds["sampled"])
    return {
        "name": timing.name,
        "shapes": timing.shapes,
        "alone_ms": 1000 * statistics.fmean(seconds["alone"]) / options.products,
        "sampled_ms": 1000 * statistics.fmean(seconds["sampled"]) / options.products,
        "added_percent": asdict(added),
    }


def _say(words: str) -> None:
    show(f"{PROGRAM}: {words}", error=True)


def _parser() -> argparse.ArgumentParser:
    about = "Measure what committing to the rows of a model, or sampling products, adds to it."
    parser = parser_of(PROGRAM, about, _ABOUT)
    add = parser.add_argument
    add("--model", default="smollm2", help="as `assay run` takes it (default: %(default)s)")
    add_number(add, "--tokens", 256, "that are decoded", least=2)
    add_number(add, "--prompt-tokens", 512, "of the long prompt", least=1)
    add(
        "--keep",
        type=Path,
        metavar="FILE",
        help="keep the repetitions there, and go on from those that are there",
    )
    add("--seed", action="store_true", help="the two timings of the notebook")
    add_number(add, "--size", 4000, "rows and columns of the notebook's matrices", least=1)
    add_number(add, "--products", 10, "of a run of the notebook's", least=1)
    add_number(add, "--repeat", 5, "pairs of runs", least=2)
    add_number(add, "--threads", 2, "of torch", least=1)
    add("--json", action="store_true", help="the figures as JSON")
    add("--quiet", action="store_true", help="no messages but errors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
