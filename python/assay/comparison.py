"""Where two captures differ."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arguments import listed, unsigned
from .errors import ArgumentError, InputError
from .plotting import Grid, Picture, draw
from .tensors import Array, sources_of

if TYPE_CHECKING:
    from .hidden_states import Capture

Captured: TypeAlias = "Capture | Mapping[str, Array] | PathLike[str] | str"
"""A capture, arrays by the names of their layers, or a file: .safetensors, .pt or .npy."""

# More columns than these would be narrower than a point of the picture.
_MOST_COLUMNS = 512


class DifferencePlace(NamedTuple):
    """A token of a layer.

    Attributes:
        layer: Its name, in the first capture.
        token: Counted from 0 in the capture.
    """

    layer: str
    token: int


@dataclass(frozen=True)
class LayerDifference:
    """One layer of both captures, token by token; all arrays have one value for each token.

    Attributes:
        name: In the first capture.
        other_name: In the second.
        dtypes: Of both.
        width: Values of a token.
        unequal: Values with other bits; where the dtypes differ, other values.
        relative_error: |b - a| / |a|, Euclidean norms in float64; infinite where a value is NaN or
            infinite, or `a` is zero.
        cosine: Of the angle between the two.
        overlap: Of the places of the largest magnitudes, the share that both have.
    """

    name: str
    other_name: str
    dtypes: tuple[str, str]
    width: int
    unequal: NDArray[np.int64]
    relative_error: NDArray[np.float64]
    cosine: NDArray[np.float64]
    overlap: NDArray[np.float64]


class Comparison:
    """What `compare` found."""

    def __init__(self, native: _core.Comparison) -> None:
        self._native = native
        found: dict[str, Any] = json.loads(native.to_json(None))
        self._first_row = int(found["first_row"])
        self.only_in_a: tuple[str, ...] = tuple(found["only_in_a"])
        """Layers that only the first capture has."""
        self.only_in_b: tuple[str, ...] = tuple(found["only_in_b"])
        """Layers that only the second has."""
        self.layers: tuple[LayerDifference, ...] = tuple(map(_layer, found["layers"]))
        """The layers of both, in the order of the first."""

    def first(self, tolerance: float | None = None) -> DifferencePlace | None:
        """Where the runs part: in the first layer with a token that differs, the first such token.

        Args:
            tolerance: A token differs where its relative error is larger; None: where any bit
                is another.
        """
        return self._place(self._native.first(_tolerance(tolerance)))

    def first_token(self, tolerance: float | None = None) -> DifferencePlace | None:
        """Of the first token that differs, the first such layer."""
        return self._place(self._native.first_token(_tolerance(tolerance)))

    def within(self, tolerance: float) -> bool:
        """Whether no token's relative error is larger than `tolerance`."""
        return self.first(tolerance) is None

    def lines(self, tolerance: float | None = None) -> list[str]:
        """What `assay compare` prints."""
        return self._native.to_lines(_tolerance(tolerance))

    def to_json(self, tolerance: float | None = None) -> str:
        """All of it as one JSON object; infinite errors are null."""
        return self._native.to_json(_tolerance(tolerance))

    def picture(self, title: str) -> Picture:
        """Layers by tokens, coloured by relative error."""
        tokens = max(len(layer.relative_error) for layer in self.layers)
        each = -(-max(tokens, 1) // _MOST_COLUMNS)
        axis = "token" if each == 1 else f"token, the largest of {each} in each column"
        rows = {layer.name: _columns(layer, each) for layer in self.layers}
        panel = Grid(
            "relative error", axis, rows, "relative error", first=self._first_row, step=each
        )
        return Picture(title, [panel])

    def draw(self, path: str | PathLike[str], title: str = "Where two captures differ") -> None:
        """Write the picture, as PNG or as a Vega-Lite description (.vl.json).

        Raises:
            InputError: As `assay.plotting.draw`.
            SaveError: The file could not be written.
        """
        draw(self.picture(title), Path(path))

    def _place(self, found: tuple[int, int] | None) -> DifferencePlace | None:
        return None if found is None else DifferencePlace(self.layers[found[0]].name, found[1])

    def __repr__(self) -> str:
        return f"Comparison({len(self.layers)} layers, first difference: {self.first()})"


def compare(
    a: Captured,
    b: Captured,
    *,
    tokens: tuple[int, int] | None = None,
    top: int = 128,
    by_order: bool = False,
) -> Comparison:
    """Compare two captures layer by layer and token by token.

    Args:
        a: The one that errors are relative to.
        b: The other, of any engine, dtype and machine.
        tokens: First token and the one behind the last, where not all are compared.
        top: How many of the largest magnitudes of a token are compared by place.
        by_order: Pair layers by their order, not by their names.

    Raises:
        InputError: No layer of both; a layer with another number of tokens or another width
            ("mismatch"); tokens that are not there ("out_of_range"); integers ("unsupported").
        DecodeError: A file is not of its format.

    >>> a = {"layer_0": np.ones((3, 4), np.float32)}
    >>> b = {"layer_0": np.ones((3, 4), np.float32)}
    >>> b["layer_0"][2, 1] = 1.5
    >>> compare(a, b).first()
    DifferencePlace(layer='layer_0', token=2)
    """
    ends: list[int | None] = [0, None] if tokens is None else [*listed(tokens, "tokens")]
    if len(ends) != 2:
        raise ArgumentError("tokens", f"{len(ends)} numbers; the first and the one behind the last")
    first, last = ends
    native = _core.Comparison.of(
        sources_of(a),
        sources_of(b),
        unsigned(first, "tokens"),
        None if last is None else unsigned(last, "tokens"),
        unsigned(top, "top"),
        by_order,
    )
    return Comparison(native)


def _tolerance(tolerance: float | None) -> float | None:
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
        raise InputError(
            "out_of_range", "tolerance", f"{tolerance} is not a finite number of at least 0"
        )
    return tolerance


def _layer(found: dict[str, Any]) -> LayerDifference:
    tokens = found["by_token"]
    errors = [np.inf if error is None else error for error in tokens["relative_error"]]
    return LayerDifference(
        name=found["name"],
        other_name=found["other_name"],
        dtypes=(found["dtypes"][0], found["dtypes"][1]),
        width=found["width"],
        unequal=np.array(tokens["unequal"], np.int64),
        relative_error=np.array(errors, np.float64),
        cosine=np.array(tokens["cosine"], np.float64),
        overlap=np.array(tokens["overlap"], np.float64),
    )


def _columns(layer: LayerDifference, each: int) -> list[float]:
    errors = layer.relative_error
    return [float(errors[at : at + each].max()) for at in range(0, len(errors), each)]
