"""Hidden states of any array library as bit patterns of bfloat16."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..arguments import require_unmasked
from ..errors import InputError
from ..tensors import encode, plain_torch

if TYPE_CHECKING:
    import torch

Array: TypeAlias = Any
"""A numpy array, a torch tensor, anything with DLPack: bfloat16, its bits as uint16, or floats."""

Bits: TypeAlias = NDArray[np.uint16]

_LOST = "holds values that bfloat16 cannot; give bfloat16, or rounded=True to round them"


def is_torch(array: object) -> "TypeGuard[torch.Tensor]":
    """Whether it is a torch tensor; torch is not loaded to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def to_bits(array: Array, place: str, rounded: bool) -> Bits:
    """The values in C order, one after another, on the CPU.

    Args:
        array: uint16 is taken as bit patterns. Floats of another width than bfloat16 must hold
            values of bfloat16 alone, or be `rounded`.
        place: What an error calls the array.
        rounded: Round floats to the nearest bfloat16, ties to even.

    Raises:
        InputError: Another type of elements ("unsupported"), values that would lose bits
            ("out_of_range").
    """
    if is_torch(array):
        return bits_of_torch(to_bfloat16(array, place, rounded))
    if hasattr(array, "__dlpack__") and not isinstance(array, np.ndarray):
        array = _from_dlpack(array, place)
    require_unmasked(array, place)
    plain = np.asarray(array)
    if not plain.dtype.isnative:
        plain = plain.astype(plain.dtype.newbyteorder("="))
    if plain.dtype.name == "bfloat16":  # of the package ml_dtypes
        plain = plain.view(np.uint16)
    if plain.dtype == np.uint16:
        return np.ascontiguousarray(plain).reshape(-1)
    if plain.dtype.kind != "f" or plain.dtype.itemsize not in (2, 4, 8):
        raise InputError(
            "unsupported", place, f"elements of {plain.dtype}; give bfloat16, uint16 bits or floats"
        )
    return _narrowed(plain.reshape(-1), place, rounded)


def to_bfloat16(tensor: "torch.Tensor", place: str, rounded: bool) -> "torch.Tensor":
    """The values in C order, one after another, on the device where they are.

    Raises:
        InputError: As `to_bits`.
    """
    import torch

    flat: torch.Tensor = plain_torch(tensor, place).reshape(-1)
    if flat.dtype == torch.bfloat16:
        return flat
    if flat.dtype == torch.uint16:
        return flat.view(torch.bfloat16)
    if not flat.dtype.is_floating_point:
        raise InputError(
            "unsupported", place, f"elements of {flat.dtype}; give bfloat16, uint16 bits or floats"
        )
    narrow = flat.to(torch.bfloat16)
    if not rounded:
        kept = (narrow.to(flat.dtype) == flat) | flat.isnan()
        if not bool(kept.all()):
            raise InputError("out_of_range", place, _LOST)
    return narrow


def bits_of_torch(flat: "torch.Tensor") -> Bits:
    """The bits of a flat bfloat16 tensor, copied to the CPU where it is not there."""
    import torch

    patterns: NDArray[Any] = flat.contiguous().view(torch.int16).cpu().numpy()
    return patterns.view(np.uint16)


def joined(pieces: Sequence[Bits]) -> Bits:
    """The pieces one after another; one piece is not copied."""
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if pieces else np.empty(0, np.uint16)


def _narrowed(flat: NDArray[Any], place: str, rounded: bool) -> Bits:
    # Overflow to infinity is rounding too, and is judged below.
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(flat.astype(np.float32))
    nan = np.isnan(single)
    patterns = single.view(np.uint32)
    if rounded:
        even = ((patterns >> 16) & 1) + np.uint32(0x7FFF)
        bits = ((patterns + even) >> 16).astype(np.uint16)
        bits[nan] = 0x7FC0
        return bits
    exact = (single == flat) & (patterns & 0xFFFF == 0)
    if not bool((exact | nan).all()):
        raise InputError("out_of_range", place, _LOST)
    bits = (patterns >> 16).astype(np.uint16)
    bits[nan] |= 0x0040  # the payload may have been in the bits that go
    return bits


def _from_dlpack(array: Any, place: str) -> NDArray[Any]:
    if hasattr(array, "__array__"):
        return np.asarray(array)
    try:
        return np.from_dlpack(array)
    except (BufferError, RuntimeError, TypeError) as error:
        kind = array.__dlpack_device__()[0]
        if int(kind) != 1:
            reason = "not in the CPU's memory; copy it there, or give a torch tensor"
            raise InputError("unsupported", place, reason) from error
    # numpy has no bfloat16.
    return encode(array, "bits", "flat").values.view(np.uint16)
