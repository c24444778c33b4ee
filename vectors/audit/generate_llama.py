#!/usr/bin/env python3
"""Writes the folder llama/ beside this program: a model, runs of it, and their verdicts.

usage: generate_llama.py

A second implementation of a prover, and of what a verifier recomputes, from docs/audit.md and
docs/weights.md alone. Each run is honest but for one thing, which lies just within or just beyond
what the page allows.
"""

import json
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path

from llama_model import (
    GATE,
    HEAD,
    INNER,
    LAYERS,
    LOGITS,
    MATRICES,
    MLP_INPUT,
    O_INPUT,
    PROMPT,
    RESIDUAL,
    SEED,
    UP,
    VECTORS,
    WIRES,
    Change,
    K,
    Q,
    Row,
    Run,
    V,
    Wire,
    attended,
    bytes_of,
    log_tail,
    manifest_root,
    normal_values,
    rotated,
    squares_of,
    ulp,
    write_model,
)
from log_format import BF16, NO_BLOCK, Log, sha256, write

HERE = Path(__file__).parent / "llama"
OPENED = [1, 2]  # steps, both with the attention of block 0
WHOLE = [place for place, (wire, _) in enumerate(WIRES) if wire in ((0, RESIDUAL), (0, K), (0, V))]


def log_of(run: Run) -> Log:
    def row(place: int, position: int) -> bytes:
        wire, size = WIRES[place]
        header = struct.pack("<8sIBBHQQ", b"auditrow", *wire, BF16, 0, position, 2 * size)
        return header + bytes_of(run.rows[position][wire])

    return Log(
        wires=[(*wire, 2 * size) for wire, size in WIRES],
        prompt=PROMPT,
        answer=run.output,
        whole=set(WHOLE),
        row=row,
        run=sha256(b"the id of a run of a llama"),
        manifest=manifest_root(),
    )


def layer_statistic(run: Run, layer: int) -> tuple[float, float]:
    """Over the products of the opened steps, of a layer other than those of k and v."""
    output, given, _ = LAYERS[layer]
    pairs = [
        squares_of(layer, run.rows[at][given], run.rows[at][output])
        for at in (len(PROMPT) - 1 + step for step in OPENED)
    ]
    return math.fsum(s for s, _ in pairs), math.fsum(d for _, d in pairs)


PLACE_OF_UP = next(i for i, one in enumerate(LAYERS) if one[0] == (0, UP))
LIMIT = math.log(1e-6 / 2) - math.log(len(LAYERS))
LAST = len(PROMPT) - 1 + OPENED[-1]  # the last opened position: what is changed there has no heirs


def at_last(wire: Wire, change: Callable[[Row], Row]) -> Change:
    return lambda position, here, row: change(row) if (position, here) == (LAST, wire) else row


def moved(row: Row, ulps: list[int]) -> Row:
    return [x + n * ulp(x) for x, n in zip(row, ulps, strict=True)]


def about_the_limit(honest: Run) -> tuple[Row, Row]:
    """Rows of `up` whose statistic lies just within and just beyond what a key takes."""
    row = honest.rows[LAST]
    before = len(PROMPT) - 1 + OPENED[0]
    first = squares_of(PLACE_OF_UP, honest.rows[before][0, MLP_INPUT], honest.rows[before][0, UP])
    found: dict[bool, tuple[float, Row]] = {}
    drawn = random.Random("ulps")
    for _ in range(400):
        ulps = [drawn.choice([-2, -1, 0, 0, 1, 2]) for _ in range(INNER)]
        candidate = moved(row[0, UP], ulps)
        own = squares_of(PLACE_OF_UP, row[0, MLP_INPUT], candidate)
        tail = log_tail(first[0] + own[0], first[1] + own[1])
        beyond, distance = tail < LIMIT, abs(tail - LIMIT)
        if beyond not in found or distance < found[beyond][0]:
            found[beyond] = distance, candidate
    assert all(0.01 < found[beyond][0] < 1 for beyond in (False, True)), found
    return found[False][1], found[True][1]


def head_error(given: Row, expected: Row) -> float:
    worst = 0.0
    for at in range(0, len(given), HEAD):
        pairs = list(zip(given[at : at + HEAD], expected[at : at + HEAD], strict=True))
        error = math.fsum((g - e) ** 2 for g, e in pairs)
        worst = max(worst, math.sqrt(error / math.fsum(e * e for _, e in pairs)))
    return worst


def about_the_error(honest: Run) -> tuple[Row, Row]:
    """Outputs of attention just within and just beyond 0.55 %."""
    keys = [rotated(one[0, K], p) for p, one in enumerate(honest.rows)]
    values = [one[0, V] for one in honest.rows]
    exactly = attended(rotated(honest.rows[LAST][0, Q], LAST), keys, values)
    found: dict[bool, tuple[float, Row]] = {}
    drawn = random.Random("attention")
    for _ in range(4000):
        ulps = [drawn.choice([-2, -1, 0, 0, 0, 1, 2]) for _ in range(HEAD)] + [0] * HEAD
        candidate = moved(honest.rows[LAST][0, O_INPUT], ulps)
        error = head_error(candidate, exactly)
        beyond, distance = error > 0.0055, abs(error - 0.0055)
        if beyond not in found or distance < found[beyond][0]:
            found[beyond] = distance, candidate
    assert all(found[beyond][0] < 1e-4 for beyond in (False, True)), found
    return found[False][1], found[True][1]


def main() -> None:
    write_model(HERE / "model")
    honest = Run()
    below, above = about_the_limit(honest)
    near, far = about_the_error(honest)
    mlp_input = (0, MLP_INPUT)

    def one_moved(wire: Wire, ulps: int, values: int = 1) -> Run:
        def change(row: Row) -> Row:
            return moved(row, [ulps] * values + [0] * (len(row) - values))

        return Run(at_last(wire, change))

    def other_embedding(position: int, wire: Wire, row: Row) -> Row:
        there = (position, wire) == (1, (0, RESIDUAL))
        return MATRICES["model.embed_tokens.weight"][5] if there else row

    # By weights, and by the key of the seed: "" is accepted, else the step.
    runs: dict[str, tuple[Run, str, str]] = {
        "honest": (honest, "", ""),
        "embedding": (Run(other_embedding), "chain", "chain"),
        "norm_two_ulps": (one_moved(mlp_input, 2), "", ""),
        "norm_three_ulps": (one_moved(mlp_input, 3), "chain", "chain"),
        "norm_eight_values": (one_moved(mlp_input, 1, 8), "", ""),
        "norm_nine_values": (one_moved(mlp_input, 1, 9), "chain", "chain"),
        "residual_one_ulp": (one_moved((1, RESIDUAL), 1), "chain", "chain"),
        "product_one_ulp": (one_moved((0, GATE), 1), "product", ""),
        "key_below": (Run(at_last((0, UP), lambda row: below)), "product", ""),
        "key_above": (Run(at_last((0, UP), lambda row: above)), "product", "product"),
        "attention_near": (Run(at_last((0, O_INPUT), lambda row: near)), "", ""),
        "attention_far": (Run(at_last((0, O_INPUT), lambda row: far)), "attention", "attention"),
    }
    second = Run()
    logits = sorted(second.rows[LAST][NO_BLOCK, LOGITS])
    second.output[OPENED[-1]] = second.rows[LAST][NO_BLOCK, LOGITS].index(logits[-2])
    runs["token_second"] = second, "token", "token"

    cases = {}
    for name, (run, by_weights, by_key) in runs.items():
        log = log_of(run)
        challenge = log.challenge(OPENED, [(step, 0) for step in OPENED])
        files = {
            "head": log.envelope(),
            "challenge": challenge,
            "openings": log.openings(challenge, OPENED, WHOLE),
            "request": log.request(),
        }
        write(HERE / name, files)
        squares, degrees = layer_statistic(run, PLACE_OF_UP)
        cases[name] = {
            "by_weights": by_weights,
            "by_key": by_key,
            "up": {"squares": squares, "degrees": degrees, "log_tail": log_tail(squares, degrees)},
        }
    found = {
        "seed": SEED.hex(),
        "vectors": VECTORS,
        "limit": LIMIT,
        "normal_values_of_up": [normal_values(PLACE_OF_UP, vector, INNER) for vector in range(2)],
        "cases": cases,
    }
    (HERE / "verdicts.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
