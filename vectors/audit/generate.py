#!/usr/bin/env python3
"""Writes the vectors of this folder from docs/audit.md and docs/base.md alone.

usage: generate.py FOLDER

Nothing of the project is imported. The run has a prompt of three tokens and an answer of two, four
wires, and one row that is not there.
"""

import json
import struct
import sys
from pathlib import Path

from log_format import BF16, NO_BLOCK, SEED, Log, sha256, sign, write

RESIDUAL, K, LOGITS = 1, 4, 16
WIRES = [(0, RESIDUAL, 8), (0, K, 4), (1, RESIDUAL, 8), (NO_BLOCK, LOGITS, 12)]


def row(wire: int, position: int) -> bytes:
    """Header and bytes; the row of k at position 1 is not there."""
    block, role, size = WIRES[wire]
    there = (role, position) != (K, 1)
    header = struct.pack(
        "<8sIBBHQQ", b"auditrow", block, role, BF16 * there, 0, position, size * there
    )
    return header + sha256(header)[:size] * there


def main() -> None:
    log = Log(
        wires=WIRES,
        prompt=[7, 1, 4],
        answer=[2, 5],
        whole={0, 1},
        row=row,
        run=sha256(b"the id of a run"),
        manifest=sha256(b"the weights of a model"),
    )
    # Of the second token, with the attention of block 0.
    challenge = log.challenge([1], [(1, 0)])
    rows, steps = log.run_files()
    digests = {
        "public_key": sign(SEED, b"")[0].hex(),
        "request": log.request_digest().hex(),
        "head": sha256(log.head()).hex(),
        "challenge": sha256(challenge).hex(),
    }
    files = {
        "run/head": log.envelope(),
        "run/rows": rows,
        "run/steps": steps,
        "challenge": challenge,
        "openings": log.openings(challenge, [1], [0, 1]),
        "request": log.request(),
        "digests.json": (json.dumps(digests, indent=2) + "\n").encode(),
    }
    write(Path(sys.argv[1]), files)


if __name__ == "__main__":
    main()
