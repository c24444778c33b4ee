"""The pictures of this package, described; `assay.plotting` draws them."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError
from ..plotting import Axis, Boxes, Chart, Picture, Series, Strip
from .comparing import CaseResult
from .random_runs import EMPTY, Interval
from .scalability import Step
from .scores import Scores, quarters

_RATIO = "share of AlphaPruning's significance"


def of_scores(scores: Scores, *, normalized: bool = False, raw: bool = False) -> Picture:
    """Scores along the depth, and by quarter of it.

    Args:
        scores: Of a model.
        normalized: Bring what is shown to 0..1.
        raw: Show the metric itself instead of the significance.

    Raises:
        InputError: The file has no raw metrics ("unsupported").
    """
    values = raw_metrics(scores) if raw else list(scores.values)
    what = scores.metric_name if raw else "significance"
    if normalized:
        values, what = to_unit(values), f"{what}, from least to largest as 0 to 1"
    title = f"{scores.model_name}: {scores.metric_name}, {len(values)} linear layers"
    return of_values({scores.short_name: values}, title, what)


def raw_metrics(scores: Scores) -> list[float]:
    """The raw metric of each layer.

    Raises:
        InputError: The file does not have them ("unsupported").
    """
    if scores.metrics is None:
        reason = "its file has no raw metrics: it was not written by this version of assay"
        raise InputError("unsupported", f"scores of {scores.model_name}", reason)
    return list(scores.metrics)


def to_unit(values: Sequence[float]) -> list[float]:
    """Values brought to 0..1, the least and the largest to its ends; all 0 where they are equal."""
    least, largest = min(values), max(values)
    return [(value - least) / (largest - least) if largest > least else 0.0 for value in values]


def of_values(values: Mapping[str, Sequence[float]], title: str, what: str) -> Picture:
    """Bars along the depth and boxplots by its quarters, for each model."""
    panels: list[Chart | Boxes] = []
    for name, listed in values.items():
        bars = Series("", "bars", list(range(len(listed))), list(listed))
        label = f"{name}: " if len(values) > 1 else ""
        panels.append(Chart(f"{label}layer by layer", Axis("layer"), Axis(what), [bars]))
        groups = quarters(listed)
        panels.append(Boxes(f"{label}by quarter of the depth", "depth", Axis(what), groups))
    return Picture(title, panels, columns=2)


def of_comparison(results: Mapping[str, Sequence[CaseResult]]) -> Picture:
    """For each model, boxplots of what each method finds over all cases."""
    panels = []
    for model, cases in results.items():
        groups = {
            method: [case.results[method].alphaprun_ratio for case in cases]
            for method in cases[0].results
        }
        title = f"{model}, {len(cases)} cases of {len(cases[0].budgets)} verifiers"
        panels.append(Boxes(title, "selected by", Axis(_RATIO), groups))
    return Picture("What each method's selection is worth", panels, columns=min(2, len(panels)))


def of_scalability(steps: Mapping[str, Sequence[Step]]) -> Picture:
    """For each model, what each method finds, by the number of verifiers."""
    panels = []
    for model, listed in steps.items():
        series = [
            Series(
                method,
                "line",
                [step.num_verifiers for step in listed],
                [step.alphaprun_ratio[method] for step in listed],
            )
            for method in listed[0].alphaprun_ratio
        ]
        axis = Axis("verifiers, each with the same budget")
        panels.append(Chart(model, axis, Axis(_RATIO, limits=(0.0, 1.0)), series))
    return Picture("More verifiers", panels, columns=min(2, len(panels)))


def of_selection(runs: Mapping[str, Sequence[Interval]], layers: int, model_name: str) -> Picture:
    """Which verifier checks which layers, a strip for each way of selecting."""
    verifiers = [f"verifier {index}" for index in range(max(map(len, runs.values())))]
    rows = {name: _cells(listed, layers, verifiers) for name, listed in runs.items()}
    title = f"{model_name}: who checks which layer"
    return Picture(title, [Strip("", "layer", rows, verifiers)])


def _cells(runs: Sequence[Interval], layers: int, names: Sequence[str]) -> list[str | None]:
    cells: list[str | None] = [None] * layers
    for name, run in zip(names, runs, strict=False):
        if run != EMPTY:
            cells[run[0] : run[1] + 1] = [name] * (run[1] - run[0] + 1)
    return cells


def of_spectrum(eigenvalues: Sequence[float], alpha: float, smallest: float, title: str) -> Picture:
    """For each eigenvalue the share of those at least as large, and a power law fitted to the tail.

    Args:
        eigenvalues: Of W^T W.
        alpha: The exponent of the density, above 1.
        smallest: Where the fitted tail begins.
        title: Above the picture.

    Raises:
        InputError: No eigenvalue above 0 ("out_of_range").
    """
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))
    values = values[values > 0]
    if len(values) == 0:
        raise InputError("out_of_range", title, "no eigenvalue above 0")
    at_least = 1 - np.arange(len(values)) / len(values)
    in_tail = values >= smallest
    ends = np.array([values[in_tail][0], values[-1]]) if in_tail.any() else values[-1:]
    share = float(in_tail.mean())
    fitted = share * (ends / ends[0]) ** (1 - alpha)
    series = [
        Series("eigenvalues", "points", values.tolist(), at_least.tolist()),
        Series(f"power law, alpha = {alpha:.3f}", "dashes", ends.tolist(), fitted.tolist()),
    ]
    x, y = Axis("eigenvalue", log=True), Axis("share of eigenvalues at least as large", log=True)
    return Picture(title, [Chart("", x, y, series)])


def of_damage(
    damage: Sequence[float], scores: Mapping[str, Sequence[float]], names: Sequence[str], title: str
) -> Picture:
    """Damage of each layer against each score, a panel for each.

    Args:
        damage: Of each layer, in nats; those of 0 are not shown, the axis being logarithmic.
        scores: By what they are called.
        names: Of the layers.
        title: Above the picture.
    """
    kinds = sorted({name.rpartition(".")[2] for name in names})
    axis = Axis("damage (KL divergence, nats)", log=True)
    panels = []
    for label, values in scores.items():
        # Norms and counts of parameters span decades, all above 0.
        wide = min(values) > 0 and max(values) > 50 * min(values)
        series = []
        for kind in kinds:
            at = [i for i, name in enumerate(names) if name.endswith(kind) and damage[i] > 0]
            if at:
                x, y = [values[i] for i in at], [damage[i] for i in at]
                series.append(Series(kind, "points", x, y, names=[names[i] for i in at]))
        panels.append(Chart("", Axis(label, log=wide), axis, series))
    return Picture(title, panels, columns=2)
