#!/usr/bin/env python3
"""Writes openings.json beside this file: commitments, keys and proofs by py_ecc.

Everything is computed from the secrets in the exponent, by the definitions of docs/pst.md and
not by the way that the library takes: C = p(t) G with p evaluated by naive Lagrange sums,
pi_i = q_i(t) G with
q_i(t) = (p(z_0..z_{i-1}, t_i, t_{i+1}..) - p(z_0..z_i, t_{i+1}..)) / (t_i - z_i).
"""

import hashlib
import itertools
import json
import random
from pathlib import Path

from py_ecc.optimized_bn128 import (
    G1,
    G2,
    Z1,
    curve_order,
    field_modulus,
    is_inf,
    multiply,
    normalize,
)

R = curve_order
P = field_modulus


def dev_secret(seed: int, axis: int) -> int:
    message = b"assay/srs/dev/v1" + seed.to_bytes(8, "little") + axis.to_bytes(4, "little")
    return int.from_bytes(hashlib.sha512(message).digest(), "little") % R


def lagrange(n: int, j: int, x: int) -> int:
    top, bottom = 1, 1
    for k in range(n):
        if k != j:
            top = top * (x - k) % R
            bottom = bottom * (j - k) % R
    return top * pow(bottom, -1, R) % R


def grid(axes: list[int]) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(n) for n in axes)))


def evaluate(axes: list[int], values: list[int], point: list[int]) -> int:
    total = 0
    for value, nodes in zip(values, grid(axes), strict=True):
        term = value
        for n, j, x in zip(axes, nodes, point, strict=True):
            term = term * lagrange(n, j, x) % R
        total += term
    return total % R


def g1(scalar: int):
    return multiply(G1, scalar % R) if scalar % R else Z1


def compress_g1(point) -> str:
    if is_inf(point):
        return (bytes(31) + b"\x40").hex()
    x, y = (int(c) for c in normalize(point))
    out = bytearray(x.to_bytes(32, "little"))
    if y > (P - 1) // 2:
        out[31] |= 0x80
    return out.hex()


def compress_g2(point) -> bytes:
    x, y = normalize(point)
    x0, x1 = (int(c) for c in x.coeffs)
    y0, y1 = (int(c) for c in y.coeffs)
    out = bytearray(x0.to_bytes(32, "little") + x1.to_bytes(32, "little"))
    if (y1, y0) > ((-y1) % P, (-y0) % P):
        out[63] |= 0x80
    return bytes(out)


def raw_g1(point) -> bytes:
    if is_inf(point):
        return bytes(64)
    return b"".join((int(c) * (1 << 256) % P).to_bytes(32, "little") for c in normalize(point))


def verifier_key(axes: list[int], secrets: list[int]) -> bytes:
    out = b"ASSAYVK\0" + (1).to_bytes(4, "little") + b"\x01" + len(axes).to_bytes(4, "little")
    out += b"".join(n.to_bytes(4, "little") for n in axes)
    out += b"".join(compress_g2(multiply(G2, t)) for t in secrets)
    for level in range(len(axes)):
        digest = hashlib.sha256()
        for nodes in grid(axes[level:]):
            scalar = 1
            for n, j, t in zip(axes[level:], nodes, secrets[level:], strict=True):
                scalar = scalar * lagrange(n, j, t) % R
            digest.update(raw_g1(g1(scalar)))
        out += digest.digest()
    return out


def opening(axes: list[int], values: list[int], secrets: list[int], point: list[int]) -> dict:
    quotients = []
    for i, (t, z) in enumerate(zip(secrets, point, strict=True)):
        before = evaluate(axes, values, point[:i] + secrets[i:])
        after = evaluate(axes, values, point[: i + 1] + secrets[i + 1 :])
        quotients.append(compress_g1(g1((before - after) * pow(t - z, -1, R))))
    return {
        "point": [str(z) for z in point],
        "value": str(evaluate(axes, values, point)),
        "quotients": quotients,
    }


def case(
    name: str,
    axes: list[int],
    seed: int | None,
    secrets: list[int],
    values: list[int],
    points: list,
) -> dict:
    key = verifier_key(axes, secrets)
    return {
        "name": name,
        "axes": axes,
        "seed": seed,
        "secrets": [str(t) for t in secrets],
        "values": [str(v) for v in values],
        "commitment": compress_g1(g1(evaluate(axes, values, secrets))),
        "verifier_key": key.hex(),
        "srs_digest": hashlib.sha256(b"assay/srs/v1" + key).hexdigest(),
        "openings": [opening(axes, values, secrets, point) for point in points],
    }


def main() -> None:
    rng = random.Random(20260)

    def dev(name: str, axes: list[int], seed: int, values: list[int], points: list) -> dict:
        return case(
            name, axes, seed, [dev_secret(seed, i) for i in range(len(axes))], values, points
        )

    def integers(count: int, bits: int) -> list[int]:
        return [rng.randrange(-(1 << (bits - 1)), 1 << (bits - 1)) for _ in range(count)]

    far = [rng.randrange(R) for _ in range(4)]
    cases = [
        dev(
            "design",
            [2, 2],
            7,
            [5, -3, 2**200, 7],
            [[0, 0], [1, 0], [1, 1], [far[0], far[1]], [1, far[2]]],
        ),
        case("toy", [2, 2], None, [3, 5], [1, 2, 3, 5], [[2, 7], [0, 1]]),
        dev("one value", [1], 1, [-9], [[0], [far[0]]]),
        dev("ones among axes", [1, 3, 1], 2, integers(3, 16), [[0, 2, 0], [far[0], 1, far[1]]]),
        dev(
            "mixed",
            [3, 2, 4],
            3,
            integers(24, 16),
            [[0, 0, 0], [2, 1, 3], [1, far[0], 2], far[1:4]],
        ),
        dev("words", [4, 5], 4, integers(20, 64), [[3, 4], [2, 0], [far[3], far[0]]]),
        dev("wide", [3, 3], 5, integers(9, 250), [[1, 2], [far[1], 0]]),
        dev("sixteen", [16], 6, integers(16, 40), [[0], [7], [15]]),
        dev("seventeen", [17, 2], 7, integers(34, 20), [[16, 1], [0, 0]]),
        dev(
            "extremes",
            [2, 2],
            8,
            [(R - 1) // 2, -((R - 1) // 2), -(2**63), 2**63 - 1],
            [[0, 1], [1, 0]],
        ),
        dev("zeros", [2, 3], 9, [0] * 6, [[1, 1], [far[0], far[1]]]),
    ]
    path = Path(__file__).with_name("openings.json")
    path.write_text(json.dumps({"cases": cases}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
