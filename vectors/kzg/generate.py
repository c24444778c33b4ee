#!/usr/bin/env python3
"""Writes openings.json beside this file: keys, commitments and proofs by py_ecc.

Everything is computed from the secret in the exponent, by the definitions of docs/kzg.md and not by
the way that the library takes: C = f(tau) G with f by naive Lagrange sums over the roots of unity,
pi = q(tau) G with q(tau) = (f(tau) - f(z)) / (tau - z), and likewise for blocks and many points.
"""

import hashlib
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
CHUNK = 1024


def dev_secret(seed: int) -> int:
    message = b"assay/srs/kzg/dev/v1" + seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.sha512(message).digest(), "little") % R


def node(k: int, index: int) -> int:
    root = pow(5, (R - 1) >> k, R)
    backwards = int(format(index, f"0{k}b")[::-1], 2)
    return pow(root, backwards, R)


def lagrange(k: int, index: int, x: int) -> int:
    top, bottom = 1, 1
    for other in range(1 << k):
        if other != index:
            top = top * (x - node(k, other)) % R
            bottom = bottom * (node(k, index) - node(k, other)) % R
    return top * pow(bottom, -1, R) % R


def evaluate(k: int, values: list[int], x: int) -> int:
    return sum(v * lagrange(k, i, x) for i, v in enumerate(values)) % R


def g1(scalar: int):
    return multiply(G1, scalar % R) if scalar % R else Z1


def compress_g1(point) -> bytes:
    if is_inf(point):
        return bytes(31) + b"\x40"
    x, y = (int(c) for c in normalize(point))
    out = bytearray(x.to_bytes(32, "little"))
    if y > (P - 1) // 2:
        out[31] |= 0x80
    return bytes(out)


def compress_g2(point) -> bytes:
    x, y = normalize(point)
    x0, x1 = (int(c) for c in x.coeffs)
    y0, y1 = (int(c) for c in y.coeffs)
    out = bytearray(x0.to_bytes(32, "little") + x1.to_bytes(32, "little"))
    if (y1, y0) > ((-y1) % P, (-y0) % P):
        out[63] |= 0x80
    return bytes(out)


def raw_g1(point) -> bytes:
    return b"".join((int(c) * (1 << 256) % P).to_bytes(32, "little") for c in normalize(point))


def verifier_key(k: int, tau: int) -> bytes:
    out = b"ASSAYKVK" + (1).to_bytes(4, "little") + bytes([1, 0, k])
    out += b"".join(compress_g2(multiply(G2, pow(tau, 1 << j, R))) for j in range(k))
    basis = [raw_g1(g1(lagrange(k, i, tau))) for i in range(1 << k)]
    chunks = [b"".join(basis[i : i + CHUNK]) for i in range(0, len(basis), CHUNK)]
    digests = b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)
    return out + hashlib.sha256(b"assay/kzg/chunks/v1" + digests).digest()


class Transcript:
    """docs/base.md's."""

    def __init__(self, kind: bytes) -> None:
        self.state = b"assay/transcript/v1" + self.sized(kind)

    @staticmethod
    def sized(text: bytes) -> bytes:
        return len(text).to_bytes(8, "little") + text

    def absorb(self, label: bytes, data: bytes) -> None:
        self.state += self.sized(label) + self.sized(data)

    def draw(self, label: bytes) -> int:
        self.state += b"\xff" * 8 + self.sized(label) + (64).to_bytes(8, "little")
        drawn = b"".join(
            hashlib.sha256(self.state + i.to_bytes(8, "little")).digest() for i in range(2)
        )
        self.state += drawn
        return int.from_bytes(drawn, "little") % R


def little(number: int) -> bytes:
    return (number % R).to_bytes(32, "little")


def opening(k: int, values: list[int], tau: int, point: int) -> dict:
    value = evaluate(k, values, point)
    quotient = (evaluate(k, values, tau) - value) * pow(tau - point, -1, R)
    return {
        "point": str(point),
        "value": str(value),
        "quotient": compress_g1(g1(quotient)).hex(),
    }


def block(k: int, values: list[int], tau: int, log_block: int, number: int) -> dict:
    size = 1 << log_block
    first = number * size
    alone = [v if first <= i < first + size else 0 for i, v in enumerate(values)]
    difference = evaluate(k, values, tau) - evaluate(k, alone, tau)
    divisor = pow(tau, size, R) - pow(node(k, first), size, R)
    quotient = g1(difference * pow(divisor, -1, R))
    return {"log_block": log_block, "block": number, "quotient": compress_g1(quotient).hex()}


def many(k: int, vectors: list[list[int]], tau: int, key: bytes, questions: list) -> dict:
    names = [hashlib.sha256(bytes([v])).digest() for v in range(len(vectors))]
    at_secret = [evaluate(k, values, tau) for values in vectors]
    answers = [evaluate(k, vectors[v], z) for v, z in questions]
    transcript = Transcript(b"assay/kzg/many/v1")
    transcript.absorb(b"srs", hashlib.sha256(b"assay/srs/v1" + key).digest())
    transcript.absorb(b"claims", len(questions).to_bytes(8, "little"))
    for (v, z), y in zip(questions, answers, strict=True):
        transcript.absorb(b"name", names[v])
        transcript.absorb(b"commitment", compress_g1(g1(at_secret[v])))
        transcript.absorb(b"point", little(z))
        transcript.absorb(b"value", little(y))
    r = transcript.draw(b"r")
    terms = [
        (pow(r, i, R), z, (at_secret[v] - y) % R)
        for i, ((v, z), y) in enumerate(zip(questions, answers, strict=True))
    ]
    difference = sum(w * d * pow(tau - z, -1, R) for w, z, d in terms) % R
    transcript.absorb(b"difference", compress_g1(g1(difference)))
    t = transcript.draw(b"t")
    rest = sum(w * d * pow(t - z, -1, R) for w, z, d in terms) - difference
    proof = compress_g1(g1(difference)) + compress_g1(g1(rest * pow(tau - t, -1, R)))
    return {
        "names": [name.hex() for name in names],
        "questions": [[v, str(z)] for v, z in questions],
        "values": [str(y) for y in answers],
        "proof": proof.hex(),
    }


def case(name: str, k: int, seed: int | None, tau: int, vectors: list[list[int]], more: list[int]):
    key = verifier_key(k, tau)
    values = vectors[0]
    questions = [(v, node(k, 1)) for v in range(len(vectors))]
    questions += [(0, node(k, i)) for i in range(1 << k)] + [(0, z) for z in more]
    return {
        "name": name,
        "log_size": k,
        "seed": seed,
        "secret": str(tau),
        "vectors": [[str(v) for v in each] for each in vectors],
        "verifier_key": key.hex(),
        "srs_digest": hashlib.sha256(b"assay/srs/v1" + key).hexdigest(),
        "commitments": [compress_g1(g1(evaluate(k, each, tau))).hex() for each in vectors],
        "openings": [
            opening(k, values, tau, z) for z in [node(k, i) for i in range(1 << k)] + more
        ],
        "blocks": [
            block(k, values, tau, j, number) for j in range(k) for number in range(1 << (k - j))
        ],
        "many": many(k, vectors, tau, key, questions),
    }


def main() -> None:
    rng = random.Random(20261)
    far = [rng.randrange(R) for _ in range(2)]

    def integers(count: int, bits: int) -> list[int]:
        return [rng.randrange(-(1 << (bits - 1)), 1 << (bits - 1)) for _ in range(count)]

    cases = [
        case("dev, 16 bits", 3, 7, dev_secret(7), [integers(8, 16), integers(8, 16)], far),
        case("dev, wide", 2, 2**64 - 1, dev_secret(2**64 - 1), [integers(4, 250)], far),
        case("two values", 1, 0, dev_secret(0), [[5, -3], [0, 0]], far),
        case("zeros at the end", 3, None, far[0], [integers(5, 8), integers(2, 40)], [0, 7]),
    ]
    path = Path(__file__).with_name("openings.json")
    path.write_text(json.dumps({"cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
