"""Directions to compare with: drawn as the residuals of a model vary, and the same everywhere."""

import hashlib

import numpy as np
from numpy.typing import NDArray

_TAG = b"assay/probe/direction/v1"


def random_directions(rows: NDArray[np.float32], count: int, seed: int) -> NDArray[np.float64]:
    """Draws from a normal distribution of mean 0 that has the covariance of these rows.

    Direction i is z_i^T X / sqrt(n - 1), X the rows less their mean, z_i of n standard normal
    numbers: Box and Muller's, of the 64-bit words w of SHAKE-256(tag || LE64 seed || LE32 i), as
    (w / 2^11 + 1/2) / 2^53.

    Args:
        rows: (n, width), n at least 2.
        count: How many.
        seed: From 0, below 2**64.

    Returns:
        (count, width).
    """
    centred = rows.astype(np.float64)
    centred -= centred.mean(axis=0)
    drawn = np.stack([normal_numbers(len(rows), seed, index) for index in range(count)])
    directions: NDArray[np.float64] = drawn @ centred / np.sqrt(len(rows) - 1)
    return directions


def normal_numbers(count: int, seed: int, index: int) -> NDArray[np.float64]:
    """So many standard normal numbers, those of direction `index`."""
    pairs = -(-count // 2)
    named = _TAG + seed.to_bytes(8, "little") + index.to_bytes(4, "little")
    words = np.frombuffer(hashlib.shake_256(named).digest(16 * pairs), dtype="<u8")
    # Inside (0, 1): the logarithm of neither end is asked for.
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    radius = np.sqrt(-2 * np.log(uniform[0::2]))
    angle = 2 * np.pi * uniform[1::2]
    numbers = np.empty(2 * pairs)
    numbers[0::2] = radius * np.cos(angle)
    numbers[1::2] = radius * np.sin(angle)
    return numbers[:count]
