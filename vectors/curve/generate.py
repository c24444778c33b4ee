#!/usr/bin/env python3
"""Writes bn254.json beside this file: sums, multiples and pairings on BN254 by py_ecc.

Numbers are hexadecimal; a point is [x, y], a coordinate over Fp2 is [c0, c1], infinity is null. A
pairing value lists its twelve coordinates in the order of the tower Fp12 = Fp6[w]/(w^2 - v),
Fp6 = Fp2[v]/(v^3 - 9 - i).
"""

import json
import random
from pathlib import Path

from py_ecc import bn128
from py_ecc.optimized_bn128 import FQ12, normalize, pairing
from py_ecc.optimized_bn128 import G1 as OPTIMIZED_G1
from py_ecc.optimized_bn128 import G2 as OPTIMIZED_G2
from py_ecc.optimized_bn128 import multiply as optimized_multiply

R = bn128.curve_order


def number(value) -> str:
    return hex(int(value))


def g1(point):
    return None if point is None else [number(point[0]), number(point[1])]


def g2(point):
    if point is None:
        return None
    return [[number(c) for c in coordinate.coeffs] for coordinate in point]


def tower(value: FQ12):
    """py_ecc keeps Fp12 as polynomials in w with w^6 = 9 + i: a + bi = (a - 9b) + b w^6."""
    c = [int(x) for x in value.coeffs]
    p = bn128.field_modulus
    out = []
    for k in (0, 2, 4, 1, 3, 5):
        b = c[k + 6]
        out += [number((c[k] + 9 * b) % p), number(b)]
    return out


def main() -> None:
    rng = random.Random(20)
    edge = [0, 1, 2, 3, 11, R - 1, R - 2, (R - 1) // 2, (R + 1) // 2, 2**64, 2**128 - 1]
    scalars = edge + [rng.randrange(R) for _ in range(20)]
    multiples = [
        {
            "k": number(k),
            "g1": g1(bn128.multiply(bn128.G1, k)),
            "g2": g2(bn128.multiply(bn128.G2, k)),
        }
        for k in scalars
    ]
    sums = []
    for _ in range(12):
        a, b = rng.choice(scalars), rng.choice(scalars)
        left, right = bn128.multiply(bn128.G1, a), bn128.multiply(bn128.G1, b)
        left2, right2 = bn128.multiply(bn128.G2, a), bn128.multiply(bn128.G2, b)
        sums.append(
            {
                "a": g1(left),
                "b": g1(right),
                "sum": g1(bn128.add(left, right)),
                "a2": g2(left2),
                "b2": g2(right2),
                "sum2": g2(bn128.add(left2, right2)),
            }
        )
    pairings = []
    for a, b in [(1, 1), (2, 1), (rng.randrange(R), rng.randrange(R))]:
        p = optimized_multiply(OPTIMIZED_G1, a)
        q = optimized_multiply(OPTIMIZED_G2, b)
        affine_p, affine_q = normalize(p), normalize(q)
        pairings.append(
            {
                "p": g1(affine_p),
                "q": [[number(c) for c in coordinate.coeffs] for coordinate in affine_q],
                "value": tower(pairing(q, p)),
            }
        )
    p = bn128.field_modulus
    document = {
        "final_exponent": number((p**12 - 1) // R),
        "multiples": multiples,
        "sums": sums,
        "pairings": pairings,
    }
    Path(__file__).with_name("bn254.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
