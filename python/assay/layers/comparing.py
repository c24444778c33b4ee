"""The same budgets, filled by each method, and how much of the significance each finds."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DecodeError
from ..progress import OnProgress, Progress, ignore
from ..writing import write_together
from .cases import Case, file_name
from .norms import ModelNorms
from .objectives import objectives
from .random_runs import EMPTY, Interval
from .reading import Fields, read_object
from .scores import Scores
from .selecting import Order, select

_MOST_BYTES = 1 << 29
_SCALE_SEED = 42


@dataclass(frozen=True)
class MethodResult:
    """What one method selected.

    Attributes:
        optimal_benefit: What the selection is worth by the method's own values.
        alphaprun_benefit: The significance of the selected layers.
        alphaprun_ratio: That, of the significance of all layers.
        assignments: First and last layer of each verifier; (-1, -1): none.
        is_valid: Whether every run is within its budget and apart from the others.
    """

    optimal_benefit: float
    alphaprun_benefit: float
    alphaprun_ratio: float
    assignments: tuple[Interval, ...]
    is_valid: bool


@dataclass(frozen=True)
class CaseResult:
    """One case.

    Attributes:
        case_id: Of the case.
        budgets: What was given out: the original budgets times the scale factor, floored.
        original_budgets: Of the case.
        budget_ratio: Drawn from .2 to .4: the part of a quarter of the model that the first case's
            budgets would have together, scaled as these are.
        scale_factor: See there.
        results: By method.
    """

    case_id: int
    budgets: tuple[int, ...]
    original_budgets: tuple[int, ...]
    budget_ratio: float
    scale_factor: float
    results: Mapping[str, MethodResult]


def compare(
    cases: Sequence[Case],
    scores: Scores,
    norms: ModelNorms | None = None,
    *,
    order: Order = "free",
    report: OnProgress = ignore,
) -> list[CaseResult]:
    """Fill the budgets of each case by each method.

    The budgets are brought to the model's size: to U(.2, .4) of a quarter of its parameters for the
    first case, to as much more or less for the others as they have more or less than that one.

    Args:
        cases: At least one.
        scores: Of the model.
        norms: Of the same model; None: without the methods by norms.
        order: As `select` takes it.
        report: Told of each case.

    Raises:
        InputError: Norms of another model ("mismatch"), or a norm of 0 ("out_of_range").
    """
    if norms is not None:
        norms.require_of(scores.names, "norms")
    found = []
    for done, case in enumerate(cases):
        report(Progress("measure", done, len(cases)))
        ratio = float(np.random.default_rng([_SCALE_SEED, case.case_id]).uniform(0.2, 0.4))
        scale = ratio * sum(scores.costs) / 4 / sum(cases[0].budgets)
        budgets = tuple(max(1, int(budget * scale)) for budget in case.budgets)
        results = {
            name: _selected(values.tolist(), scores, budgets, order)
            for name, values in objectives(scores.values, norms, case.case_id).items()
        }
        found.append(CaseResult(case.case_id, budgets, case.budgets, ratio, scale, results))
    report(Progress("measure", len(cases), len(cases)))
    return found


def _selected(
    values: Sequence[float], scores: Scores, budgets: Sequence[int], order: Order
) -> MethodResult:
    selected = select(values, scores.costs, budgets, order=order)
    runs = tuple(selected.assignments)
    benefit = sum(scores.value_of(run) for run in runs)
    ratio = benefit / sum(scores.values)
    return MethodResult(selected.value, benefit, ratio, runs, is_valid(runs, scores.costs, budgets))


def is_valid(runs: Sequence[Interval], costs: Sequence[int], budgets: Sequence[int]) -> bool:
    """Whether runs are one for each budget, within it, and disjoint."""
    filled = sorted(run for run in runs if run != EMPTY)
    return (
        len(runs) == len(budgets)
        and all(0 <= first <= last < len(costs) for first, last in filled)
        and all(left[1] < right[0] for left, right in itertools.pairwise(filled))
        and all(
            sum(costs[first : last + 1]) <= budget
            for (first, last), budget in zip(runs, budgets, strict=True)
            if (first, last) != EMPTY
        )
    )


def summary(results: Sequence[CaseResult]) -> dict[str, dict[str, float]]:
    """Of each method: mean, standard deviation, median, least and largest of its ratios."""
    found = {}
    for method in results[0].results:
        ratios = np.array([case.results[method].alphaprun_ratio for case in results])
        figures = {"mean": ratios.mean(), "std": ratios.std(), "median": np.median(ratios)}
        figures |= {"min": ratios.min(), "max": ratios.max()}
        found[method] = {name: float(value) for name, value in figures.items()}
    return found


def write_results(results: Sequence[CaseResult], model_name: str, order: str, folder: Path) -> Path:
    """Write `case_XXX_results.json` of each case and `<model>_all_results.json`; gives its path.

    Raises:
        SaveError: A file could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model_name}_all_results.json"
    fields = {
        "model_name": model_name,
        "num_cases": len(results),
        "num_verifiers": len(results[0].budgets),
        "order": order,
        "methods": list(results[0].results),
        "summary": summary(results),
        "results": [asdict(case) for case in results],
    }
    files = {
        folder / file_name(case.case_id, "_results"): _text(
            {"model_name": model_name, **asdict(case)}
        )
        for case in results
    }
    write_together({**files, path: _text(fields)})
    return path


def _text(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, indent=2, allow_nan=False) + "\n").encode()


def read_results(path: Path) -> tuple[str, list[CaseResult]]:
    """The model's name and the cases of `<model>_all_results.json`.

    Raises:
        InputError: It cannot be read.
        DecodeError: It is no such file: with the place.
    """
    fields = read_object(path, _MOST_BYTES)
    cases = [_read_case(entry) for entry in fields.objects("results")]
    if not cases or any(case.results.keys() != cases[0].results.keys() for case in cases):
        raise DecodeError("mismatch", fields.place("results"), "none, or of other methods each")
    return fields.text("model_name"), cases


def _read_case(entry: Fields) -> CaseResult:
    results = dict(_read_methods(entry))
    if not results:
        raise DecodeError("malformed", entry.place("results"), "no methods")
    return CaseResult(
        entry.integer("case_id"),
        tuple(entry.integers("budgets", least=1)),
        tuple(entry.integers("original_budgets", least=1)),
        entry.number("budget_ratio", least=0),
        entry.number("scale_factor", least=0),
        results,
    )


def _read_methods(entry: Fields) -> Iterator[tuple[str, MethodResult]]:
    for method, found in entry.mapping("results").items():
        place = entry.place(f"results.{method}")
        if not isinstance(found, dict):
            raise DecodeError("malformed", place, "an object is expected here")
        one = Fields(found, place)
        runs = [_read_run(run, one.place(f"assignments[{index}]"))
                for index, run in enumerate(one.array("assignments"))]  # fmt: skip
        yield (
            method,
            MethodResult(
                one.number("optimal_benefit", least=0),
                one.number("alphaprun_benefit", least=0),
                one.number("alphaprun_ratio", least=0),
                tuple(runs),
                one.flag("is_valid"),
            ),
        )


def _read_run(run: object, place: str) -> Interval:
    match run:
        case [int(first), int(last)] if -1 <= first <= last < 1 << 32:
            return first, last
    raise DecodeError("malformed", place, "first and last layer are expected here, or -1, -1")
