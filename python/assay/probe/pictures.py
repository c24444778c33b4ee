"""What probes are worth, in pictures: of files of evaluations and of causal results."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import DecodeError, InputError
from ..json_text import parse_json
from ..plotting import Axis, Chart, Picture, Series

_EVALUATION = "assay/probe/evaluation/v1"
_CAUSAL = "assay/probe/causal/v1"
_MOST_BYTES = 1 << 28
_DRAWS = 500
_BINS = 10
_UNIT = (-0.02, 1.02)

Values = NDArray[np.float64]


def read_kind(path: Path, kind: str) -> dict[str, Any]:
    """The fields of a file of this format.

    Raises:
        InputError: It could not be read ("io", "too_large").
        DecodeError: It is of another format.
    """
    place = str(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("too_large", place, f"more than {_MOST_BYTES} bytes")
        found = parse_json(path.read_text(encoding="utf-8"), place)
    except OSError as error:
        raise InputError("io", place, error.strerror or "could not be read") from error
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", place, "not text in UTF-8") from error
    if not isinstance(found, dict) or found.get("format") != kind:
        raise DecodeError("malformed", place, f"no {kind}")
    return found


def read_evaluations(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Files of evaluations."""
    return [read_kind(path, _EVALUATION) for path in paths]


def read_results(path: Path) -> dict[str, Any]:
    """A file of causal results."""
    return read_kind(path, _CAUSAL)


def probe_in(evaluation: Mapping[str, Any], dimension: str | None) -> dict[str, Any]:
    """The figures of one probe of an evaluation; without a name those of the first.

    Raises:
        InputError: There is none of this name ("out_of_range").
    """
    listed: list[dict[str, Any]] = evaluation["probes"]
    names = [one["dimension"] for one in listed]
    if dimension is None:
        return listed[0]
    if dimension not in names:
        reason = f"not among the probes {', '.join(names)}"
        raise InputError("out_of_range", f"dimension {dimension}", reason)
    return listed[names.index(dimension)]


def of_roc(probe: Mapping[str, Any]) -> Chart:
    """The ROC curve, with the band that holds 95 % of draws of groups with replacement."""
    scores, labels = np.asarray(probe["scores"], float), np.asarray(probe["labels"], bool)
    groups = np.asarray(probe["group_of"])
    grid = np.linspace(0, 1, 51)
    members = [np.flatnonzero(groups == one) for one in np.unique(groups)]
    generator = np.random.default_rng(1)
    curves = []
    for _ in range(_DRAWS):
        picked = generator.integers(len(members), size=len(members))
        rows = np.concatenate([members[one] for one in picked])
        if 0 < labels[rows].sum() < len(rows):
            curves.append(_true_rates(scores[rows], labels[rows], grid))
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    figures = f"AUROC {probe['auroc']:.3f} [{probe['auroc_low']:.3f}, {probe['auroc_high']:.3f}]"
    series = [
        Series(
            figures,
            "line",
            grid.tolist(),
            _true_rates(scores, labels, grid).tolist(),
            low.tolist(),
            high.tolist(),
        ),
        Series("chance", "dashes", [0.0, 1.0], [0.0, 1.0]),
    ]
    title = f"{probe['dimension']}: {probe['examples']} examples in {probe['groups']} groups"
    x, y = (
        Axis("false positives (share)", limits=_UNIT),
        Axis("true positives (share)", limits=_UNIT),
    )
    return Chart(title, x, y, series)


def _true_rates(scores: Values, labels: NDArray[np.bool_], false_rates: Values) -> Values:
    """The largest share of true positives at each share of false ones, ties by a straight line."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    true = np.append(0, np.cumsum(labels[order])[ends]) / labels.sum()
    false = np.append(0, np.cumsum(~labels[order])[ends]) / (~labels).sum()
    # At a step both ends have the same share of false positives: interp takes the last, the upper.
    rates: Values = np.interp(false_rates, false, true)
    return rates


def of_reliability(probe: Mapping[str, Any], scale: float, shift: float) -> Chart:
    """How often the label is 1 where the probe says p, in ten bins, with Wilson's 95 % intervals.

    Args:
        probe: Of an evaluation.
        scale: Platt's.
        shift: Platt's.
    """
    scores, labels = np.asarray(probe["scores"], float), np.asarray(probe["labels"], bool)
    said = 1 / (1 + np.exp(-np.clip(scale * scores + shift, -700, 700)))
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    x, y, low, high, names = [], [], [], [], []
    for one in range(_BINS):
        inside = bins == one
        count = int(inside.sum())
        if count:
            x.append(float(said[inside].mean()))
            y.append(float(labels[inside].mean()))
            ends = _wilson(int(labels[inside].sum()), count)
            low.append(ends[0])
            high.append(ends[1])
            names.append(f"{count} examples")
    series = [
        Series("observed", "points", x, y, low, high, names),
        Series("as said", "dashes", [0.0, 1.0], [0.0, 1.0]),
    ]
    title = f"{probe['dimension']}: ECE {probe['ece']:.3f}, Brier {probe['brier']:.3f}"
    said_axis = Axis("probability that the probe says", limits=_UNIT)
    return Chart(title, said_axis, Axis("share of label 1", limits=_UNIT), series)


def _wilson(hits: int, count: int) -> tuple[float, float]:
    z = 1.959964
    rate = hits / count
    centre = rate + z * z / (2 * count)
    spread = z * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    whole = 1 + z * z / count
    return max(0.0, (centre - spread) / whole), min(1.0, (centre + spread) / whole)


def of_layers(evaluations: Sequence[Mapping[str, Any]], dimension: str | None) -> Chart:
    """AUROC by layer, with its intervals, and those baselines that every file has.

    Raises:
        InputError: Two files of one layer ("mismatch").
    """
    ordered = sorted(evaluations, key=lambda one: int(one["layer"]))
    layers = [int(one["layer"]) for one in ordered]
    if len(set(layers)) != len(layers):
        raise InputError("mismatch", "evaluations", "two are of one layer")
    probes = [probe_in(one, dimension) for one in ordered]
    x = list(map(float, layers))
    series = [
        Series(
            "probe",
            "line",
            x,
            [one["auroc"] for one in probes],
            [one["auroc_low"] for one in probes],
            [one["auroc_high"] for one in probes],
        )
    ]
    shown = ("difference_of_means", "bag_of_tokens", "random_weights", "permuted_mean")
    for name in shown:
        if all(name in one["baselines"] for one in probes):
            values = [one["baselines"][name] for one in probes]
            series.append(Series(name.replace("_", " "), "line", x, values))
    return Chart("AUROC by layer", Axis("layer"), Axis("AUROC on the test part"), series)


def of_dose(results: Mapping[str, Any]) -> Chart:
    """What moving along the direction does to the functional, over the band of random ones."""
    alphas = [float(one) for one in results["alphas"]]
    base = alphas.index(0.0)
    dose, drawn = np.asarray(results["dose"], float), np.asarray(results["random_dose"], float)
    change, others = dose - dose[:, base : base + 1], drawn - drawn[:, base : base + 1]
    generator = np.random.default_rng(1)
    picked = generator.integers(len(change), size=(_DRAWS, len(change)))
    low, high = np.quantile(change[picked].mean(axis=1), [0.025, 0.975], axis=0)
    below, middle, above = np.quantile(others, [0.005, 0.5, 0.995], axis=0)
    series = [
        Series(
            f"{results['dimension']}, mean of {len(change)} prompts",
            "line",
            alphas,
            change.mean(axis=0).tolist(),
            low.tolist(),
            high.tolist(),
        ),
        Series(
            f"99 % of {len(others)} random directions",
            "line",
            alphas,
            middle.tolist(),
            below.tolist(),
            above.tolist(),
        ),
    ]
    title = f"layer {results['layer']}: moved along the direction"
    shift = Axis("shift (standard deviations of the reading)")
    return Chart(title, shift, Axis("change of the log-odds (nats)"), series)


def picture_of(
    evaluations: Sequence[Mapping[str, Any]],
    results: Mapping[str, Any] | None,
    probes: _core.ProbeSet | None,
    dimension: str | None,
) -> Picture:
    """All panels that these files have: of several evaluations that by layer, of one the others.

    Raises:
        InputError: Nothing to draw ("malformed"), a dimension that is not there ("out_of_range").
    """
    panels: list[Chart] = []
    if len(evaluations) > 1:
        panels.append(of_layers(evaluations, dimension))
    elif evaluations:
        probe = probe_in(evaluations[0], dimension)
        panels.append(of_roc(probe))
        if probes is not None:
            names = list(probes.dimensions)
            if probe["dimension"] not in names:
                raise InputError("mismatch", "probes", f"none is called {probe['dimension']}")
            panels.append(of_reliability(probe, *probes.platt[names.index(probe["dimension"])]))
    if results is not None:
        panels.append(of_dose(results))
    if not panels:
        raise InputError("malformed", "", "nothing to draw; give --evaluation or --causal")
    return Picture("What the probe is worth", panels, columns=min(2, len(panels)))
