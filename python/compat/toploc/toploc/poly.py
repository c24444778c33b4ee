"""Build and verify proofs of the activations of a prefill and of decoded tokens."""

import logging
import math
import operator
from collections.abc import Sequence
from typing import Any

from assay.toploc.arrays import is_torch

from .C.csrc.ndd import evaluate_polynomials
from .C.csrc.poly import (
    ProofPoly,
    VerificationResult,
    checked_size,
    compare,
    flattened,
    injective_modulus,
    or_nothing,
    prove,
    require_count,
)
from .C.csrc.poly import verify_proofs as c_verify_proofs
from .C.csrc.poly import verify_proofs_base64 as c_verify_proofs_base64
from .C.csrc.poly import verify_proofs_bytes as c_verify_proofs_bytes
from .C.csrc.utils import get_fp_parts
from .parity import parity

__all__ = [
    "ProofPoly",
    "VerificationResult",
    "batch_activations",
    "build_proofs",
    "build_proofs_base64",
    "build_proofs_bytes",
    "c_verify_proofs",
    "c_verify_proofs_base64",
    "c_verify_proofs_bytes",
    "evaluate_polynomials",
    "find_injective_modulus",
    "get_fp_parts",
    "verify_proofs",
    "verify_proofs_base64",
    "verify_proofs_bytes",
]

logger = logging.getLogger(__name__)

# Nothing lower is looked at by `find_injective_modulus`.
_LEAST_MODULUS = 2**15 + 1

Activations = Any
"""A list of tensors of any shape, or a tensor whose axis 0 is tokens."""


def find_injective_modulus(x: Sequence[int]) -> int:
    """The largest modulus from 65497 down to 32769 under which all x stay distinct.

    Raises:
        ValueError: There is none.
    """
    modulus = injective_modulus([operator.index(value) for value in x])
    if modulus < _LEAST_MODULUS:
        raise ValueError("No injective modulus found!")
    return modulus


def batch_activations(
    activations: Activations, decode_batching_size: int, skip_prefill: bool = False
) -> list[Any]:
    """The flat values of each chunk: the prefill, then `decode_batching_size` tokens at a time."""
    size = checked_size(decode_batching_size)
    if len(activations) == 0:
        return []
    chunks = [] if skip_prefill else [flattened([activations[0]])]
    for start in range(0 if skip_prefill else 1, len(activations), size):
        batch = activations[start : start + size]
        chunks.append(flattened(list(batch) if isinstance(batch, list | tuple) else [batch]))
    return chunks


def build_proofs(
    activations: Activations, decode_batching_size: int, topk: int, skip_prefill: bool = False
) -> list[ProofPoly]:
    """A proof for each chunk.

    Args:
        activations: Item 0 is the prefill, the others are decoded tokens.
        decode_batching_size: Tokens of one chunk.
        topk: Points of one proof.
        skip_prefill: There is no prefill; item 0 is a token too.

    Returns:
        The proofs; where any could not be made, null proofs in place of all, and the reason is
        logged.

    Raises:
        ValueError: `decode_batching_size` is not positive.
    """
    checked_size(decode_batching_size)
    try:
        chunks = batch_activations(activations, decode_batching_size, skip_prefill)
        if parity() and not chunks and not skip_prefill:
            raise IndexError("no activations")
        return [prove(chunk, topk) for chunk in chunks]
    except Exception as error:  # the interface promises proofs, whatever happens
        logger.error(f"Error building proofs: {error}")
        return [ProofPoly.null(topk)] * _count(activations, decode_batching_size, skip_prefill)


def build_proofs_bytes(
    activations: Activations, decode_batching_size: int, topk: int, skip_prefill: bool = False
) -> list[bytes]:
    """As `build_proofs`, each as bytes."""
    proofs = build_proofs(activations, decode_batching_size, topk, skip_prefill)
    return [proof.to_bytes() for proof in proofs]


def build_proofs_base64(
    activations: Activations, decode_batching_size: int, topk: int, skip_prefill: bool = False
) -> list[str]:
    """As `build_proofs`, each in base64."""
    proofs = build_proofs(activations, decode_batching_size, topk, skip_prefill)
    return [proof.to_base64() for proof in proofs]


def verify_proofs(
    activations: Activations,
    proofs: Sequence[ProofPoly],
    decode_batching_size: int,
    topk: int,
    skip_prefill: bool = False,
) -> list[VerificationResult]:
    """Hold each proof against its chunk.

    The median is the upper one of two middle values for a tensor with `skip_prefill`, else their
    mean, as in the original.

    Raises:
        ValueError: Not as many proofs as chunks, or `decode_batching_size` is not positive.
        RuntimeError: Activations of a dtype other than bfloat16 and float32.
    """
    if is_torch(activations) and skip_prefill:
        return c_verify_proofs(activations, proofs, decode_batching_size, topk)
    chunks = batch_activations(activations, decode_batching_size, skip_prefill)
    if not parity():
        require_count(proofs, chunks)
    return [
        compare(proof, chunk, topk, reduced=not parity(), upper_median=False)
        for proof, chunk in zip(proofs, chunks, strict=False)
    ]


def verify_proofs_bytes(
    activations: Activations,
    proofs: Sequence[bytes],
    decode_batching_size: int,
    topk: int,
    skip_prefill: bool = False,
) -> list[VerificationResult]:
    """As `verify_proofs`; what is not a proof agrees with nothing."""
    polys = or_nothing(ProofPoly.from_bytes, proofs)
    return verify_proofs(activations, polys, decode_batching_size, topk, skip_prefill)


def verify_proofs_base64(
    activations: Activations,
    proofs: Sequence[str],
    decode_batching_size: int,
    topk: int,
    skip_prefill: bool = False,
) -> list[VerificationResult]:
    """As `verify_proofs`; what is not a proof agrees with nothing."""
    polys = or_nothing(ProofPoly.from_base64, proofs)
    return verify_proofs(activations, polys, decode_batching_size, topk, skip_prefill)


def _count(activations: Activations, decode_batching_size: int, skip_prefill: bool) -> int:
    rows = len(activations)
    if parity():
        return 1 + (rows - 1 + decode_batching_size) // decode_batching_size
    if rows == 0:
        return 0
    first = 0 if skip_prefill else 1
    return first + math.ceil((rows - first) / decode_batching_size)
