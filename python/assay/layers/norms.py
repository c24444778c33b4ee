"""Norms of linear layers' weights: what AlphaPruning's scores are compared with."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DecodeError, InputError
from ..progress import OnProgress, Progress, ignore
from ..writing import write_together
from .reading import read_object

if TYPE_CHECKING:
    from torch import Tensor

    from ..models import LinearLayer

_MOST_BYTES = 1 << 26
# Values summed at once, in float64.
_ROWS_OF = 1 << 22


@dataclass(frozen=True)
class LayerNorms:
    """Norms of a weight matrix, taken as one long vector.

    Attributes:
        norm_1: The sum of the magnitudes.
        norm_2: The square root of the sum of the squares (Frobenius).
        norm_inf: The largest magnitude.
    """

    norm_1: float
    norm_2: float
    norm_inf: float


@dataclass(frozen=True)
class ModelNorms:
    """Those of all linear layers of a model.

    Attributes:
        model_name: As the model is called; "" in files that do not say it.
        names: Of the layers; none in files that do not say them.
        layers: In the order of the layers.
    """

    model_name: str
    names: tuple[str, ...]
    layers: tuple[LayerNorms, ...]

    def write(self, path: Path) -> None:
        """Write `<model>_norms.json`, in the form of the original pipeline and with names."""
        listed = [
            {
                "index": i,
                "name": name,
                "norm_1": n.norm_1,
                "norm_2": n.norm_2,
                "norm_inf": n.norm_inf,
            }
            for i, (name, n) in enumerate(zip(self.names, self.layers, strict=True))
        ]
        fields = {"model_name": self.model_name, "num_layers": len(listed), "layers": listed}
        write_together({path: (json.dumps(fields, indent=2, allow_nan=False) + "\n").encode()})

    def require_of(self, names: Sequence[str], place: str) -> None:
        """Whether these are norms of the model with such layers.

        Raises:
            InputError: Of another ("mismatch").
        """
        if len(self.layers) != len(names):
            reason = f"norms of {len(self.layers)} layers, the scores are of {len(names)}"
            raise InputError("mismatch", place, f"{reason}: of another model")
        for index, (own, other) in enumerate(zip(self.names, names, strict=False)):
            if own != other:
                reason = f"layer {index} is {own}, in the scores {other}: of another model"
                raise InputError("mismatch", place, reason)


def norms_of(weight: "Tensor", place: str) -> LayerNorms:
    """The norms of one matrix, summed in float64.

    Raises:
        InputError: NaN or an infinity ("out_of_range"), with its index in C order.
    """
    import torch

    one = two = largest = 0.0
    rows = max(1, _ROWS_OF // weight.shape[1])
    for start in range(0, weight.shape[0], rows):
        magnitudes = weight.detach()[start : start + rows].double().abs()
        if not bool(torch.isfinite(magnitudes).all()):
            at = int((~torch.isfinite(magnitudes)).flatten().nonzero()[0]) + start * weight.shape[1]
            raise InputError("out_of_range", place, f"weight {at} is NaN or infinite")
        one += float(magnitudes.sum())
        two += float(magnitudes.square().sum())
        largest = max(largest, float(magnitudes.max()))
    return LayerNorms(one, math.sqrt(two), largest)


def measure(
    model_name: str, layers: Sequence["LinearLayer"], report: OnProgress = ignore
) -> ModelNorms:
    """The norms of all linear layers of a model; `report` is told of each."""
    found = []
    for done, layer in enumerate(layers):
        report(Progress("measure", done, len(layers)))
        found.append(norms_of(layer.weight, layer.name))
    report(Progress("measure", len(layers), len(layers)))
    return ModelNorms(model_name, tuple(layer.name for layer in layers), tuple(found))


def read_norms(path: Path) -> ModelNorms:
    """Read `<model>_norms.json`, also those of the original pipeline, which name no layers.

    Raises:
        InputError: It cannot be read.
        DecodeError: It is no such file: with the place.
    """
    fields = read_object(path, _MOST_BYTES)
    names, layers = [], []
    for index, entry in enumerate(fields.objects("layers")):
        if entry.integer("index") != index:
            raise DecodeError("mismatch", entry.place("index"), f"{index} is expected here")
        if "name" in entry.fields:
            names.append(entry.text("name"))
        layers.append(
            LayerNorms(*(entry.number(name, least=0) for name in LayerNorms.__dataclass_fields__))
        )
    if not layers or len(names) not in (0, len(layers)):
        raise DecodeError("mismatch", fields.place("layers"), "none, or some without a name")
    model_name = fields.text("model_name") if "model_name" in fields.fields else ""
    return ModelNorms(model_name, tuple(names), tuple(layers))
