#!/usr/bin/env python3
"""Writes spectra.json beside this file: metrics of 60 matrices' spectra, by numpy in float64.

A matrix is told by its shape, a seed and a kind. Its values are integers from a stream of
SplitMix64: the upper 24 bits of each draw less 2^23, divided by 2^20, row by row. Kind "random" is
that. Of kind "singular" the last column is the sum of the first two, plus that of another matrix,
of seed + 1000, times 2^-shift: its least singular value is nearly 0. Kind "tail" multiplies row i
by the power of two nearest to (i + 1)^-1, which gives the spectrum a tail. All values are exact in
float64.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def draws(seed: int, count: int) -> Array:
    mask = (1 << 64) - 1
    state, out = seed, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        out.append(((z >> 40) - 2**23) / 2**20)
    return np.array(out)


def matrix(case: dict[str, Any]) -> Array:
    m, n = case["shape"]
    w = draws(case["seed"], m * n).reshape(m, n)
    if case["kind"] == "singular":
        other = draws(case["seed"] + 1000, m * n).reshape(m, n)
        w[:, -1] = w[:, 0] + w[:, 1] + other[:, -1] * 2.0 ** -case["shift"]
    if case["kind"] == "tail":
        w *= np.array([2.0 ** -round(math.log2(i + 1)) for i in range(m)])[:, None]
    return w


def tail(x: Array, start: int) -> tuple[float, float]:
    part = x[start:]
    n = len(part)
    alpha = 1 + n / np.sum(np.log(part) - np.log(part[0]))
    law = 1 - (part / part[0]) ** (1 - alpha)
    return float(alpha), float(np.max(np.abs(law - np.arange(n) / n)))


def search(x: Array, starts: list[int]) -> float:
    return min((tail(x, i)[::-1] for i in starts), key=lambda law: law[0])[1]


def peak(x: Array, exact: bool) -> float:
    logs = np.log10(x)
    counts, edges = np.histogram(logs, bins=100)
    at = 10 ** edges[np.argmax(counts)]
    low = 0.95 * at if exact else math.log10(0.95 * at)
    return search(x, [i for i in range(len(x) - 1) if low <= x[i] <= 1.5 * at])


def softrank(x: Array, q: float) -> float:
    x = x * len(x) / np.sum(x)
    largest = x[-1]
    root = 1 / math.sqrt(q)
    if q == 1:
        x = np.sqrt(x)
    points = np.linspace(0, x[-1] + 0.5, 1000)
    kernel = np.maximum(1 - np.abs(points[:, None] - x[None, :]) / 0.1, 0) / 0.1
    density = kernel.mean(axis=1)
    unit = math.sqrt(largest) / (1 + root)

    def residual(step: int) -> float:
        sigma = step / 100 * unit
        law = np.zeros_like(points)
        if q == 1:
            inside = points < 2 * sigma
            law[inside] = np.sqrt(4 * sigma**2 - points[inside] ** 2) / (math.pi * sigma**2)
        else:
            a, b = (sigma * (1 - root)) ** 2, (sigma * (1 + root)) ** 2
            inside = (points > a) & (points < b)
            p = points[inside]
            law[inside] = q * np.sqrt((b - p) * (p - a)) / (2 * math.pi * sigma**2 * p)
        return float(np.sum((law - density) ** 2))

    best = min(range(5, 200), key=residual)
    left, middle, right = (residual(best + d) for d in (-1, 0, 1))
    curvature = left - 2 * middle + right
    offset = min(max((left - right) / (2 * curvature), -0.5), 0.5) if curvature > 0 else 0
    return float(((best + offset) / 100 * unit * (1 + root)) ** 2 / largest)


def distance(a: Array, b: Array) -> float:
    p, q = a / a.sum(), b / b.sum()
    middle = (p + q) / 2
    return math.sqrt((np.sum(p * np.log(p / middle)) + np.sum(q * np.log(q / middle))) / 2)


def metrics(w: Array) -> dict[str, float]:
    s = np.linalg.svd(w, compute_uv=False)[::-1]
    x = s * s
    rank = int(np.linalg.matrix_rank(w))
    assert rank == len(x)
    p = x / np.sum(x) + 1e-10
    alpha = search(x, list(range(len(x) - 1)))
    return {
        "alpha": alpha,
        "alpha_mid": tail(x, len(x) // 2)[0],
        "alpha_peak": peak(x, exact=False),
        "alpha_peak exact": peak(x, exact=True),
        "alphahat": alpha * math.log10(x[-1]),
        "entropy": float(-np.sum(p * np.log(p)) / math.log(rank)),
        "norm": float(np.sum(x)),
        "log_norm": math.log10(np.sum(x)),
        "spectral_norm": float(x[-1]),
        "log_spectral_norm": math.log10(x[-1]),
        "stable_rank": float(np.sum(x) / x[-1]),
        "log_alpha_norm": math.log10(np.sum(x**alpha)),
        "mp_softrank": softrank(x, max(w.shape) / min(w.shape)),
    }


def cases() -> list[dict[str, Any]]:
    shapes = [
        (40, 40),
        (96, 32),
        (32, 96),
        (100, 77),
        (24, 120),
        (64, 64),
        (150, 30),
        (12, 13),
        (48, 90),
        (81, 80),
    ]
    out: list[dict[str, Any]] = []
    for i in range(50):
        out.append({"kind": "tail" if i % 2 else "random", "shape": shapes[i % 10], "seed": i + 1})
    for i in range(10):
        out.append(
            {
                "kind": "singular",
                "shape": sorted(shapes[i])[::-1],
                "seed": 100 + i,
                "shift": 18 + i // 2,
            }
        )
    return out


def main() -> None:
    rows = []
    for case in cases():
        w = matrix(case)
        row = {**case, "metrics": metrics(w)}
        row["singular_values"] = sorted(np.linalg.svd(w, compute_uv=False).tolist())
        if case["kind"] != "singular":
            other = matrix({**case, "seed": case["seed"] + 5000})
            x, y = (np.linalg.svd(v, compute_uv=False)[::-1] ** 2 for v in (w, other))
            row["distance_to_seed_5000_on"] = distance(x, y)
        rows.append(row)
    lines = ",\n".join(" " + json.dumps(row) for row in rows)
    Path(__file__).with_name("spectra.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
