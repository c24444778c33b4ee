"""Size, range and mean of captured tensors, without copying one."""

import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import NonFiniteError

# Values looked at together. Fixed, so that the mean does not depend on threads or memory.
_CHUNK = 1 << 18


@dataclass(frozen=True)
class LayerStats:
    """What is said about one captured tensor.

    Attributes:
        layer: Its name.
        shape: (1, rows, width).
        num_elements: Product of the shape.
        min, max, mean: Over all values, computed in double precision.
        dtype: For example "torch.bfloat16".
        precision_bits: Bits per stored value.
    """

    layer: str
    shape: tuple[int, ...]
    num_elements: int
    min: float
    max: float
    mean: float
    dtype: str
    precision_bits: int

    def as_json(self) -> dict[str, object]:
        """The entry of "layer_stats" in the statistics file."""
        return {**asdict(self), "shape": list(self.shape)}


def layer_stats(name: str, tensor: Tensor) -> LayerStats:
    """Statistics of `tensor` (contiguous, on the CPU, at least one value).

    Raises:
        NonFiniteError: A value is NaN or infinite; the message gives its index.
    """
    flat = tensor.view(-1)
    low, high = math.inf, -math.inf
    sums = []
    for start in range(0, flat.numel(), _CHUNK):
        values = flat[start : start + _CHUNK].to(torch.float64).numpy()
        chunk_low, chunk_high = float(values.min()), float(values.max())
        if not (math.isfinite(chunk_low) and math.isfinite(chunk_high)):
            at = int(np.flatnonzero(~np.isfinite(values))[0])
            index = tuple(int(i) for i in np.unravel_index(start + at, tuple(tensor.shape)))
            reason = (
                f"value at index {index} is {values[at]}, not a number that can be committed to; "
                "try another --dtype"
            )
            raise NonFiniteError("out_of_range", name, reason)
        low, high = min(low, chunk_low), max(high, chunk_high)
        sums.append(float(values.sum()))
    return LayerStats(
        layer=name,
        shape=tuple(tensor.shape),
        num_elements=flat.numel(),
        min=low,
        max=high,
        mean=math.fsum(sums) / flat.numel(),
        dtype=str(tensor.dtype),
        precision_bits=tensor.element_size() * 8,
    )


def size_summary(stats: tuple[LayerStats, ...]) -> dict[str, int | float]:
    """Smallest, largest and average number of values per captured tensor."""
    sizes = [layer.num_elements for layer in stats]
    return {
        "min_size": min(sizes),
        "max_size": max(sizes),
        "avg_size": sum(sizes) / len(sizes),
    }
