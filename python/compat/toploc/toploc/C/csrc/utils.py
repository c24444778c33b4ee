"""Exponents and mantissas of floats."""

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Parts = tuple[NDArray[np.int64], NDArray[np.int64]]


def get_fp_parts(
    tensor: "torch.Tensor", num_threads: int = os.cpu_count() or 1
) -> tuple[list[int], list[int]]:
    """Exponents and mantissas of all values, in C order.

    Args:
        tensor: float32 (8 and 23 bits) or bfloat16 (8 and 7 bits), of any shape, on any device.
        num_threads: Taken for the sake of old calls; one thread is used.

    Raises:
        RuntimeError: Another dtype.
    """
    exponents, mantissas = parts_of(tensor)
    return exponents.tolist(), mantissas.tolist()


def parts_of(tensor: "torch.Tensor") -> Parts:
    """As `get_fp_parts`, as arrays."""
    import torch

    flat = tensor.detach().reshape(-1)
    if flat.dtype == torch.float32:
        return parts_of_bits(flat.view(torch.int32).cpu().numpy().astype(np.int64), 23)
    if flat.dtype == torch.bfloat16:
        return parts_of_bits(flat.view(torch.int16).cpu().numpy().astype(np.int64))
    raise RuntimeError(f"Unsupported dtype {flat.dtype}: give float32 or bfloat16")


def parts_of_bits(bits: NDArray[np.int64], mantissa_bits: int = 7) -> Parts:
    """Exponents and mantissas of floats given by their bits, as they are in bfloat16."""
    return (bits >> mantissa_bits) & 0xFF, bits & ((1 << mantissa_bits) - 1)
