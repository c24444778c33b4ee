"""Scores of a loaded model's layers, as `assay layers score` makes them of a model's files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from .. import _core
from ..models import LinearLayer, Loaded, linear_layers
from ..weights import stored_tensors
from ..writing import write_together
from .metric_files import read_metrics


@dataclass(frozen=True)
class Settings:
    """How scores are made; docs/layers.md says what each does.

    Attributes:
        metric: As `assay layers score --metric` takes it.
        mapping: "block_wise" or "layer_wise".
        sparsity: Between 0 and 1.
        epsilon: From 0 to below 1.
        peak_lower: "compat" or "exact".
        eigen: "auto", "gram" or "svd".
        clip: "fill" or "seed".
        seed: Of the shuffle of random_distance.
    """

    metric: str = "alpha_peak"
    mapping: str = "block_wise"
    sparsity: float = 0.7
    epsilon: float = 0.3
    peak_lower: str = "compat"
    eigen: str = "auto"
    clip: str = "fill"
    seed: int = 0


class Scored(NamedTuple):
    """What scoring took.

    Attributes:
        layers: Of the model.
        matrices: Spectra that were needed.
        taken_over: Of them, those that were in the spectra file.
        notes: What was out of the ordinary.
    """

    layers: int
    matrices: int
    taken_over: int
    notes: list[str]


class Spectrum(NamedTuple):
    """Eigenvalues of W^T W, ascending, and the power law of alpha_peak from xmin on."""

    eigenvalues: list[float]
    alpha: float
    xmin: float


def score_model(
    model: Loaded,
    out: Path,
    settings: Settings | None = None,
    *,
    spectra: Path | None = None,
    pretty: bool = True,
) -> Scored:
    """Score a loaded model's layers and write the scores, bound to the root of its weights.

    Args:
        model: Its layers' weights must be in float64, float32, float16 or bfloat16.
        out: The file of scores.
        settings: By default those of `Settings`.
        spectra: The spectra file; by default beside the scores, with `.spectra` at its end.
        pretty: Whether the JSON is indented.

    Raises:
        InputError: A setting that cannot be, NaN or infinite weights, a weight of zeros alone, a
            file that cannot be written; as `assay.weights.manifest`.
        LayoutError: As `linear_layers`.
    """
    chosen = settings or Settings()
    layers = linear_layers(model.model)
    kept = spectra or out.with_name(f"{out.name}.spectra")
    text, matrices, taken_over = _core.layers_score(
        _label(model),
        _blocks(layers),
        chosen.metric,
        chosen.peak_lower,
        chosen.eigen,
        chosen.mapping,
        chosen.sparsity,
        chosen.epsilon,
        chosen.clip,
        chosen.seed,
        stored_tensors(model.model),
        str(kept),
        pretty,
    )
    write_together({out: text.encode()})
    return Scored(len(layers), matrices, taken_over, json.loads(text)["assay"]["notes"])


def score_metrics(
    model: Loaded,
    metrics: Path,
    out: Path,
    settings: Settings | None = None,
    *,
    pretty: bool = True,
) -> Scored:
    """Score a loaded model's layers by metrics of a file, and write the scores.

    Nothing shows that the metrics are of this model's weights: the scores are bound to no root,
    and a note says where the metrics come from.

    Args:
        model: Of which layers' names and shapes are taken.
        metrics: As `read_metrics` takes it: one for each layer, in the order of the model.
        out: The file of scores.
        settings: Metric and mapping count; by default those of `Settings`.
        pretty: Whether the JSON is indented.

    Raises:
        InputError: Another number of metrics than layers ("mismatch"), a setting that cannot be;
            as `read_metrics`.
        LayoutError: As `linear_layers`.
    """
    chosen = settings or Settings()
    layers = linear_layers(model.model)
    text = _core.layers_score_given(
        _label(model),
        _blocks(layers),
        chosen.metric,
        chosen.mapping,
        chosen.sparsity,
        chosen.epsilon,
        chosen.clip,
        read_metrics(metrics),
        str(metrics),
        pretty,
    )
    write_together({out: text.encode()})
    return Scored(len(layers), 0, 0, json.loads(text)["assay"]["notes"])


def _label(model: Loaded) -> tuple[str, str]:
    return model.source.name, str(getattr(model.model.config, "model_type", ""))


def _blocks(layers: Sequence[LinearLayer]) -> list[list[tuple[str, Any]]]:
    """By block, paths within it and weights as they are stored, in place where they can be."""
    blocks: dict[int, list[tuple[str, Any]]] = {}
    for layer in layers:
        weight = layer.module.get_parameter("weight").detach().cpu().contiguous()
        source = f"{layer.module_name}.weight", weight, ""
        blocks.setdefault(layer.block, []).append((layer.path, source))
    return list(blocks.values())


def spectrum_of(weight: Tensor, name: str) -> Spectrum:
    """The spectrum of one weight, and the power law fitted to its tail.

    Raises:
        InputError: NaN or infinite values, zeros alone, a tail that no power law fits.
    """
    held: Any = weight.detach().cpu().contiguous()
    found = _core.layers_spectrum((name, held, ""), "auto", None)
    nonzero = found.eigenvalues[found.zeros :]
    alpha, _, xmin, _, _ = _core.layers_fit("alpha_peak", nonzero, "compat")
    return Spectrum(found.eigenvalues.tolist(), alpha, xmin)
