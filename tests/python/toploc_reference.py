"""TOPLOC as it is published, in plain Python and torch, to hold the product against.

Selection by torch.topk; divided differences over the integers modulo 65497, expanded to monomials;
comparison number by number. Written from the description of the method (arXiv 2501.16007).
"""

import math
import statistics
import struct
from collections.abc import Iterator

import numpy as np
import torch

P = 65497
NO_MATCH = 2.0**64


def modulus_of(indices: list[int]) -> int:
    return next(m for m in range(P, 0, -1) if len({i % m for i in indices}) == len(indices))


def coefficients_of(x: list[int], y: list[int]) -> list[int]:
    newton = [value % P for value in y]
    for order in range(1, len(x)):
        for i in range(len(x) - 1, order - 1, -1):
            inverse = pow(x[i] - x[i - order], -1, P)
            newton[i] = (newton[i] - newton[i - 1]) * inverse % P
    # Horner's scheme on polynomials: p = p * (X - x_i) + c_i.
    expanded = [0] * len(x)
    for place, coefficient in zip(reversed(x), reversed(newton), strict=True):
        carried = 0
        for i, old in enumerate(expanded):
            expanded[i] = (carried - place * old) % P
            carried = old
        expanded[0] = (expanded[0] + coefficient) % P
    return expanded


def value_at(coefficients: list[int], x: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % P
    return value


def bits_of(values: torch.Tensor) -> list[int]:
    return [bits & 0xFFFF for bits in values.contiguous().view(torch.int16).tolist()]


def top(flat: torch.Tensor, k: int) -> tuple[list[int], list[int]]:
    indices = torch.topk(flat.abs(), k).indices
    return indices.tolist(), bits_of(flat[indices])


def prove(flat: torch.Tensor, k: int) -> bytes:
    indices, values = top(flat, k)
    modulus = modulus_of(indices)
    coefficients = coefficients_of([i % modulus for i in indices], values)
    return struct.pack(f">{k + 1}H", modulus, *coefficients)


def chunks(states: list[torch.Tensor], size: int, prefill: bool = False) -> Iterator[torch.Tensor]:
    if prefill:
        yield states[0].reshape(-1)
        states = states[1:]
    for start in range(0, len(states), size):
        yield torch.cat([state.reshape(-1) for state in states[start : start + size]])


def build(states: list[torch.Tensor], size: int, k: int, prefill: bool = False) -> list[bytes]:
    return [prove(flat, k) for flat in chunks(states, size, prefill)]


def compare(
    proof: bytes, flat: torch.Tensor, k: int, reduced: bool = True
) -> tuple[int, float, float, float, int]:
    """Exponents that differ; mean, median and upper median of the mantissas; signs that differ."""
    modulus, *coefficients = struct.unpack(f">{len(proof) // 2}H", proof)
    indices, own = top(flat, k)
    errors, signs = [], 0
    for index, mine in zip(indices, own, strict=True):
        theirs = value_at(coefficients, index % modulus if reduced else index % P)
        signs += theirs >> 15 != mine >> 15
        if (theirs >> 7) & 0xFF == (mine >> 7) & 0xFF:
            errors.append(abs((theirs & 0x7F) - (mine & 0x7F)))
    if not errors:
        return k, NO_MATCH, NO_MATCH, NO_MATCH, signs
    upper = sorted(errors)[len(errors) // 2]
    return k - len(errors), statistics.fmean(errors), statistics.median(errors), upper, signs


def splitmix(seed: int) -> Iterator[int]:
    mask = 2**64 - 1
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        yield z ^ (z >> 31)


def splitmix_states(seed: int, lengths: list[int]) -> list[torch.Tensor]:
    """bfloat16 of moderate exponents, with few equal magnitudes."""
    draw = splitmix(seed)
    return [as_bfloat16([_spread(next(draw)) for _ in range(length)]) for length in lengths]


def _spread(r: int) -> int:
    return (r & 1) << 15 | (0x70 + (r >> 1) % 22) << 7 | (r >> 8) & 0x7F


def perturbed(seed: int, states: list[torch.Tensor]) -> list[torch.Tensor]:
    draw = splitmix(seed ^ 0xA5A5A5A5)
    changed = []
    for state in states:
        bits = []
        for value in bits_of(state):
            r = next(draw)
            if r % 16 == 0:
                value += 1 << 7
            elif r % 16 <= 8:
                step = 1 + (r >> 8) % 3
                mantissa = (value & 0x7F) + (step if (r >> 16) & 1 else -step)
                value = value & ~0x7F | min(max(mantissa, 0), 127)
            bits.append(value)
        changed.append(as_bfloat16(bits))
    return changed


def as_bfloat16(bits: list[int]) -> torch.Tensor:
    signed = [b - 65536 if b >= 32768 else b for b in bits]
    return torch.tensor(signed, dtype=torch.int16).view(torch.bfloat16)


class Randn:
    """torch.randn in bfloat16 on the CPU as it was when the published proofs were made.

    torch 2.13 draws other numbers from the same seed. Box and Muller's method on 16 values at a
    time, 8 bits of the generator for each, every step rounded to bfloat16.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.RandomState(seed)

    def __call__(self, *shape: int) -> torch.Tensor:
        words = self._generator.randint(0, 2**32, size=math.prod(shape), dtype=np.uint32)
        drawn = torch.from_numpy((words & 255).astype(np.float32) / 256).reshape(-1, 2, 8)
        radius = (-2 * (1 - drawn[:, 0]).bfloat16().log()).sqrt()
        angle = (drawn[:, 1].double() * (2 * math.pi)).bfloat16()
        return torch.stack([radius * angle.cos(), radius * angle.sin()], 1).reshape(shape)
