"""A quick check that selection, budgets, comparison and files work on this machine."""

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..errors import Error
from ..plotting import draw
from ..printing import show
from . import cases, comparing, pictures
from .comparing import is_valid
from .random_runs import Interval
from .scalability import scale
from .scores import Scores
from .selecting import Order, select

# Values, costs, budgets; the most that this order of the verifiers allows, and that any order does.
_KNOWN = (
    ((10, 1, 1), (3, 1, 1), (2, 3), 10, 12),
    ((6, 6, 5), (2, 2, 1), (1, 4), 12, 17),
    ((1, 0, 1), (2, 9, 1), (1, 2), 1, 2),
    ((5,), (10,), (10, 1), 5, 5),
    ((3, 4), (1, 5), (6, 1), 7, 7),
    ((4, 0, 2, 0, 2, 0, 1, 0, 1, 0, 1, 0, 1), (7, 99, 6, 99, 5, 99, 4, 99, 3, 99, 2, 99, 1),
     (1, 2, 3, 4, 5, 6, 7), 4, 12),
    ((10, 5, 8, 12, 3, 15, 7), (2, 1, 3, 2, 1, 4, 2), (5, 6), 42, 43),
    ((4, 4, 4, 0, 5, 5, 0, 7), (1, 1, 1, 9, 1, 1, 9, 1), (1, 2, 3), 22, 29),
)  # fmt: skip
_INSTANCES = 60


def check(_: argparse.Namespace) -> int:
    """Run the checks; an error where one fails."""
    for name, found in (
        ("selections of known worth", _known()),
        ("selections against all there are", _against_all()),
        ("budgets, comparison, scalability and their files", _files()),
    ):
        show(f"  {name:52} {found}", flush=True)
    show("all is well")
    return 0


def _require(truth: bool, words: str) -> None:
    if not truth:
        raise Error(f"check failed: {words}")


def _known() -> str:
    for at, (values, costs, budgets, fixed, free) in enumerate(_KNOWN):
        orders: tuple[tuple[Order, int], ...] = (("fixed", fixed), ("free", free))
        for order, wanted in orders:
            found = select(values, costs, budgets, order=order)
            _require(found.value == wanted, f"instance {at}, {order}: {found.value}, not {wanted}")
            _require(is_valid(found.assignments, costs, budgets), f"instance {at}, {order}: runs")
    return f"{2 * len(_KNOWN)} right"


def _against_all() -> str:
    drawn = np.random.default_rng(1)
    for at in range(_INSTANCES):
        values = drawn.integers(0, 9, drawn.integers(1, 7)).tolist()
        costs = drawn.integers(1, 6, len(values)).tolist()
        budgets = drawn.integers(1, 12, drawn.integers(1, 4)).tolist()
        found = select(values, costs, budgets)
        best = max(_worths(values, costs, budgets))
        _require(found.value == best, f"random instance {at}: {found.value}, not {best}")
        _require(is_valid(found.assignments, costs, budgets), f"random instance {at}: runs")
    return f"{_INSTANCES} right"


def _worths(values: Sequence[int], costs: Sequence[int], budgets: Sequence[int]) -> Iterator[int]:
    """What every way to give each verifier a run, or none, is worth."""
    every: list[Interval] = [(-1, -1)]
    every += itertools.combinations_with_replacement(range(len(values)), 2)
    for runs in itertools.product(every, repeat=len(budgets)):
        if is_valid(runs, costs, budgets):
            yield sum(sum(values[first : last + 1]) for first, last in runs if first >= 0)


def _files() -> str:
    scores = made_scores()
    made = cases.make_cases(10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases.write_cases(made, folder / "cases")
        _require(cases.read_cases(folder / "cases") == made, "cases are not read as written")
        results = comparing.compare(made, scores)
        path = comparing.write_results(results, "made", "free", folder / "results")
        _require(comparing.read_results(path)[1] == results, "results are not read as written")
        best = [case.results["alphaprun"].alphaprun_ratio for case in results]
        others = [case.results["random"].alphaprun_ratio for case in results]
        better = all(map(float.__ge__, best, others))
        _require(better, "a selection finds more significance than the one that is made by it")
        steps = scale(scores, counts=[1, 5, 10])
        endings = [".vl.json"] + ([".png"] if find_spec("matplotlib") else [])
        for ending in endings:
            draw(pictures.of_comparison({"made": results}), folder / f"comparison{ending}")
            draw(pictures.of_scalability({"made": steps}), folder / f"scalability{ending}")
            draw(pictures.of_scores(scores), folder / f"scores{ending}")
    return "written, read and drawn" + ("" if len(endings) > 1 else " (no PNG: no matplotlib)")


def made_scores(blocks: int = 12) -> Scores:
    """Scores of a model that is not there: blocks of six layers, that matter more or less."""
    costs = [589_824] * 4 + [2_359_296] * 2
    depth = np.linspace(0.2, np.pi, blocks)
    values = [float(0.1 + 0.3 * np.sin(at)) for at in depth for _ in costs]
    return Scores(
        "made",
        "alpha_peak",
        tuple(f"{block}.layer_{at}" for block in range(blocks) for at in range(len(costs))),
        tuple(values),
        tuple(costs * blocks),
        tuple(1 - value for value in values),
        None,
        tuple(range(at, at + len(costs)) for at in range(0, blocks * len(costs), len(costs))),
    )
