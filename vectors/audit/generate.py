#!/usr/bin/env python3
"""Writes the vectors of this folder from docs/audit.md and docs/base.md alone.

usage: generate.py FOLDER

Nothing of the project is imported: hashes are hashlib's, Ed25519 is written out from RFC 8032. The
run has a prompt of three tokens and an answer of two, four wires, and one row that is not there.
"""

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
NO_BLOCK = 2**32 - 1
RESIDUAL, K, LOGITS = 1, 4, 16
BF16 = 1


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# Ed25519, RFC 8032, section 5.1: points in extended coordinates.
Point = tuple[int, int, int, int]


def add(a: Point, b: Point) -> Point:
    u, v = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    w, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = v - u, z - w, z + w, v + u
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def encode_point(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE: Point = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def sign(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    """The public key and the signature."""
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    public = encode_point(multiply(scalar, BASE))
    r = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % ORDER
    point = encode_point(multiply(r, BASE))
    h = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % ORDER
    return public, point + ((r + h * scalar) % ORDER).to_bytes(32, "little")


# Trees: RFC 9162, section 2.1, and the sized roots and multiproofs of docs/merkle.md.
def levels_of(values: list[bytes]) -> list[list[bytes]]:
    levels = [[sha256(b"\0", value) for value in values]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [below[i : i + 2] for i in range(0, len(below), 2)]
        levels.append([sha256(b"\1", *pair) if len(pair) == 2 else pair[0] for pair in pairs])
    return levels


def sized_root(values: list[bytes]) -> bytes:
    return sha256(b"\2", struct.pack("<QQ", 2, len(values)), levels_of(values)[-1][0])


def hashes_beside(values: list[bytes], indices: list[int]) -> list[bytes]:
    beside = []
    known = set(indices)
    for level in levels_of(values)[:-1]:
        for parent in sorted({index // 2 for index in known}):
            for child in (2 * parent, 2 * parent + 1):
                if child < len(level) and child not in known:
                    beside.append(level[child])
        known = {index // 2 for index in known}
    return beside


def hash_list(hashes: list[bytes]) -> bytes:
    return struct.pack("<I", len(hashes)) + b"".join(hashes)


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<I", len(encoded)) + encoded


# The run.
WIRES = [(0, RESIDUAL, 8), (0, K, 4), (1, RESIDUAL, 8), (NO_BLOCK, LOGITS, 12)]
PROMPT, ANSWER = [7, 1, 4], [2, 5]
SAMPLING = "greedy"
NONCE = bytes(range(32))
MANIFEST = sha256(b"the weights of a model")
RUN = sha256(b"the id of a run")
SEED = bytes(range(100, 132))


def wires_bytes() -> bytes:
    entries = [struct.pack("<IBBI", block, role, BF16, size) for block, role, size in WIRES]
    return struct.pack("<I", len(entries)) + b"".join(entries)


def request_digest() -> bytes:
    ids = struct.pack(f"<Q{len(PROMPT)}I", len(PROMPT), *PROMPT)
    return sha256(b"assay/audit/request/v1", ids, text(SAMPLING))


def row(block: int, role: int, size: int, position: int) -> bytes:
    """Header and bytes; the row of k at position 1 is not there."""
    there = (role, position) != (K, 1)
    header = struct.pack(
        "<8sIBBHQQ", b"auditrow", block, role, BF16 * there, 0, position, size * there
    )
    return header + sha256(header)[:size] * there


def rows_of(step: int) -> list[list[bytes]]:
    """By wire: of the first step residual and k of every position, of all others the last."""
    last = len(PROMPT) - 1 + step
    return [
        [
            row(block, role, size, position)
            for position in range(last + 1)
            if position == last or whole
        ]
        for block, role, size in WIRES
        for whole in [step == 0 and (block, role) in ((0, RESIDUAL), (0, K))]
    ]


def step_value(step: int) -> bytes:
    by_wire = rows_of(step)
    runs: list[list[int]] = []
    for rows in by_wire:
        if not runs or runs[-1][0] != len(rows):
            runs.append([len(rows), 0])
        runs[-1][1] += 1
    drops = sum(len(message) == 32 for rows in by_wire for message in rows)
    return b"".join(
        [
            b"auditstp",
            struct.pack("<Q", step),
            request_digest(),
            NONCE,
            sha256(b"assay/audit/wires/v1", wires_bytes()),
            struct.pack("<QIQ", len(PROMPT) - 1 + step, ANSWER[step], drops),
            struct.pack("<I", len(runs)),
            *(struct.pack("<II", *run) for run in runs),
            sized_root([message for rows in by_wire for message in rows]),
        ]
    )


def head() -> bytes:
    steps = range(len(ANSWER))
    rows = [message for step in steps for wire in rows_of(step) for message in wire]
    return b"".join(
        [
            b"assay/audit/head/v1",
            RUN,
            request_digest(),
            NONCE,
            MANIFEST,
            text("vectors"),
            wires_bytes(),
            struct.pack(
                "<QQQ", len(ANSWER), len(rows), sum(len(message) == 32 for message in rows)
            ),
            sized_root([step_value(step) for step in steps]),
        ]
    )


def envelope(payload: bytes) -> bytes:
    kind = "application/vnd.assay.audit-head"
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    public, signature = sign(SEED, signed)
    written = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [
            {"keyid": sha256(public).hex(), "sig": base64.b64encode(signature).decode()}
        ],
    }
    return (json.dumps(written, separators=(",", ":")) + "\n").encode()


def challenge() -> bytes:
    """Of the second token, with the attention of block 0."""
    return b"".join(
        [b"assay/audit/challenge/v1", sha256(head()), struct.pack("<IQIQI", 1, 1, 1, 1, 0)]
    )


def openings() -> bytes:
    opened = []
    for step in range(len(ANSWER)):
        by_wire = rows_of(step)
        flat = [message for rows in by_wire for message in rows]
        first = [sum(len(rows) for rows in by_wire[:wire]) for wire in range(len(WIRES))]
        # Of the first step the residual and k of block 0, of the second all.
        wanted = range(2) if step == 0 else range(len(WIRES))
        indices = [first[wire] + i for wire in wanted for i in range(len(by_wire[wire]))]
        value = step_value(step)
        opened += [
            struct.pack("<I", len(value)) + value + levels_of(flat)[-1][0],
            struct.pack("<I", len(indices)) + b"".join(flat[index] for index in indices),
            hash_list(hashes_beside(flat, indices)),
        ]
    values = [step_value(step) for step in range(len(ANSWER))]
    return b"".join(
        [
            b"assay/audit/openings/v1",
            sha256(challenge()),
            struct.pack("<I", len(ANSWER)),
            *opened,
            levels_of(values)[-1][0],
            hash_list(hashes_beside(values, [0, 1])),
        ]
    )


def run_files() -> tuple[bytes, bytes]:
    """The provider's files of rows and of steps."""
    rows, steps = b"", b"assay/audit/steps/v1"
    for step in range(len(ANSWER)):
        value = step_value(step)
        steps += struct.pack("<I", len(value)) + value
        for message in (message for wire in rows_of(step) for message in wire):
            there = len(message) > 32
            steps += struct.pack("<Q", len(rows) if there else 2**64 - 1)
            rows += message * there
    return rows, steps


def main() -> None:
    folder = Path(sys.argv[1])
    (folder / "run").mkdir(parents=True, exist_ok=True)
    rows, steps = run_files()
    asked = {
        "format": "assay/audit/request/v1",
        "nonce": NONCE.hex(),
        "sampling": SAMPLING,
        "prompt_token_ids": PROMPT,
        "output_token_ids": ANSWER,
    }
    for name, content in (
        ("run/head", envelope(head())),
        ("run/rows", rows),
        ("run/steps", steps),
        ("challenge", challenge()),
        ("openings", openings()),
        ("request", (json.dumps(asked, separators=(",", ":")) + "\n").encode()),
    ):
        (folder / name).write_bytes(content)
    digests = {
        "public_key": sign(SEED, b"")[0].hex(),
        "request": request_digest().hex(),
        "head": sha256(head()).hex(),
        "challenge": sha256(challenge()).hex(),
    }
    (folder / "digests.json").write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
