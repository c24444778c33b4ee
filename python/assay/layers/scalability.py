"""How much more verifiers find: 1, 6, .., 96 of them, each with one hundredth of the parameters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import DecodeError, InputError
from ..progress import OnProgress, Progress, ignore
from ..writing import write_together
from .norms import ModelNorms
from .objectives import objectives
from .reading import read_object
from .scores import Scores
from .selecting import Order, select

COUNTS = tuple(range(1, 97, 5))
FRACTION = 0.01
CASES_FILE = "scalability_cases.json"
PICTURE_FILE = "scalability_plot.png"

_MOST_BYTES = 1 << 26
_MOST_VERIFIERS = 4096


@dataclass(frozen=True)
class Step:
    """So many verifiers.

    Attributes:
        num_verifiers: How many.
        budget: Of each, in parameters.
        total_cost: Parameters of the layers that "alphaprun" selects.
        alphaprun_ratio: By method: the significance found, of that of all layers.
    """

    num_verifiers: int
    budget: int
    total_cost: int
    alphaprun_ratio: Mapping[str, float]


def scale(
    scores: Scores,
    norms: ModelNorms | None = None,
    *,
    counts: Sequence[int] = COUNTS,
    fraction: float = FRACTION,
    order: Order = "free",
    report: OnProgress = ignore,
) -> list[Step]:
    """Select for each number of verifiers, by each method.

    Args:
        scores: Of the model.
        norms: Of the same model; None: without the methods by norms.
        counts: Numbers of verifiers.
        fraction: Of the parameters, that each may check.
        order: As `select` takes it.
        report: Told of each number.

    Raises:
        InputError: Norms of another model ("mismatch"), a count or fraction that cannot be
            ("out_of_range").
    """
    if norms is not None:
        norms.require_of(scores.names, "norms")
    budget = int(sum(scores.costs) * fraction) if 0 < fraction <= 1 else 0
    if budget < 1 or not counts or not all(1 <= one <= _MOST_VERIFIERS for one in counts):
        reason = f"{list(counts)} verifiers with {fraction} of the parameters each"
        raise InputError("out_of_range", "scalability", reason)
    total = sum(scores.values)
    steps = []
    for done, count in enumerate(counts):
        report(Progress("measure", done, len(counts)))
        ratios, cost = {}, 0
        # As in the original pipeline, the random values are those of the case's place in the list.
        for method, values in objectives(scores.values, norms, done + 1).items():
            selected = select(values.tolist(), scores.costs, [budget] * count, order=order)
            ratios[method] = sum(map(scores.value_of, selected.assignments)) / total
            # The last of the methods is alphaprun.
            cost = sum(map(scores.cost_of, selected.assignments))
        steps.append(Step(count, budget, cost, ratios))
    report(Progress("measure", len(counts), len(counts)))
    return steps


def write_steps(steps: Sequence[Step], model_name: str, order: str, folder: Path) -> Path:
    """Write `<model>_scalability_results.json`; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model_name}_scalability_results.json"
    fields = {"model_name": model_name, "order": order, "results": [asdict(one) for one in steps]}
    write_together({path: (json.dumps(fields, indent=2, allow_nan=False) + "\n").encode()})
    return path


def read_steps(path: Path) -> tuple[str, list[Step]]:
    """The model's name and the steps of such a file.

    Raises:
        InputError: It cannot be read.
        DecodeError: It is no such file: with the place.
    """
    fields = read_object(path, _MOST_BYTES)
    steps = []
    for entry in fields.objects("results"):
        ratios = entry.mapping("alphaprun_ratio")
        if not all(isinstance(ratio, int | float) for ratio in ratios.values()):
            raise DecodeError("malformed", entry.place("alphaprun_ratio"), "numbers by method")
        count, budget = entry.integer("num_verifiers"), entry.integer("budget")
        steps.append(Step(count, budget, entry.integer("total_cost"), ratios))
    if len({tuple(step.alphaprun_ratio) for step in steps}) != 1:
        raise DecodeError("mismatch", fields.place("results"), "none, or of other methods each")
    return fields.text("model_name"), steps


def write_cases(path: Path, counts: Sequence[int] = COUNTS, fraction: float = FRACTION) -> None:
    """Write `scalability_cases.json`: numbers of verifiers and what each may check."""
    cases = [
        {"case_id": at + 1, "num_verifiers": count, "budget_fraction": fraction}
        for at, count in enumerate(counts)
    ]
    write_together(
        {path: (json.dumps({"num_cases": len(cases), "cases": cases}, indent=2) + "\n").encode()}
    )


def read_cases(path: Path) -> tuple[list[int], float]:
    """Numbers of verifiers and the fraction of each, of such a file.

    Raises:
        InputError: It cannot be read.
        DecodeError: It is no such file: with the place.
    """
    fields = read_object(path, _MOST_BYTES)
    counts, fractions = [], set()
    for entry in fields.objects("cases"):
        counts.append(entry.integer("num_verifiers", least=1, most=_MOST_VERIFIERS))
        fractions.add(entry.number("budget_fraction", least=0))
    if len(fractions) != 1:
        raise DecodeError("mismatch", fields.place("cases"), "none, or of several fractions")
    return counts, fractions.pop()
