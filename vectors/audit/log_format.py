"""The files of an audit's log as docs/audit.md and docs/base.md say them, with nothing but hashlib.

Ed25519 is written out from RFC 8032.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
NO_BLOCK = 2**32 - 1
BF16 = 1
SEED = bytes(range(100, 132))  # of the provider's signing key
NONCE = bytes(range(32))
SAMPLING = "greedy"


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


@dataclass(frozen=True)
class Log:
    """A run, and the files that are made of it.

    Attributes:
        wires: Block, role and bytes of a row, ascending.
        prompt: Token ids.
        answer: Token ids, one of each step.
        whole: Places in `wires` of which the first step has the rows of every position.
        row: Header and bytes of the row of a wire at a position.
        run: 32 bytes.
        manifest: Root of the weights.
    """

    wires: list[tuple[int, int, int]]
    prompt: list[int]
    answer: list[int]
    whole: set[int]
    row: Callable[[int, int], bytes]
    run: bytes
    manifest: bytes

    def wires_bytes(self) -> bytes:
        entries = [
            struct.pack("<IBBI", block, role, BF16, size) for block, role, size in self.wires
        ]
        return struct.pack("<I", len(entries)) + b"".join(entries)

    def request_digest(self) -> bytes:
        ids = struct.pack(f"<Q{len(self.prompt)}I", len(self.prompt), *self.prompt)
        return sha256(b"assay/audit/request/v1", ids, text(SAMPLING))

    def request(self) -> bytes:
        asked = {
            "format": "assay/audit/request/v1",
            "nonce": NONCE.hex(),
            "sampling": SAMPLING,
            "prompt_token_ids": self.prompt,
            "output_token_ids": self.answer,
        }
        return (json.dumps(asked, separators=(",", ":")) + "\n").encode()

    def rows_of(self, step: int) -> list[list[bytes]]:
        """By wire: of the first step of some wires every position, of all others the last."""
        last = len(self.prompt) - 1 + step
        return [
            [
                self.row(wire, position)
                for position in range(last + 1)
                if position == last or (step == 0 and wire in self.whole)
            ]
            for wire in range(len(self.wires))
        ]

    def step_value(self, step: int) -> bytes:
        by_wire = self.rows_of(step)
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
                self.request_digest(),
                NONCE,
                sha256(b"assay/audit/wires/v1", self.wires_bytes()),
                struct.pack("<QIQ", len(self.prompt) - 1 + step, self.answer[step], drops),
                struct.pack("<I", len(runs)),
                *(struct.pack("<II", *run) for run in runs),
                sized_root([message for rows in by_wire for message in rows]),
            ]
        )

    def head(self) -> bytes:
        steps = range(len(self.answer))
        rows = [message for step in steps for wire in self.rows_of(step) for message in wire]
        drops = sum(len(message) == 32 for message in rows)
        return b"".join(
            [
                b"assay/audit/head/v1",
                self.run,
                self.request_digest(),
                NONCE,
                self.manifest,
                text("vectors"),
                self.wires_bytes(),
                struct.pack("<QQQ", len(self.answer), len(rows), drops),
                sized_root([self.step_value(step) for step in steps]),
            ]
        )

    def envelope(self) -> bytes:
        kind, payload = "application/vnd.assay.audit-head", self.head()
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

    def challenge(self, steps: list[int], attention: list[tuple[int, int]]) -> bytes:
        drawn = struct.pack(f"<I{len(steps)}Q", len(steps), *steps)
        drawn += struct.pack("<I", len(attention))
        drawn += b"".join(struct.pack("<QI", *pair) for pair in attention)
        return b"assay/audit/challenge/v1" + sha256(self.head()) + drawn

    def openings(self, challenge: bytes, steps: list[int], wanted: list[int]) -> bytes:
        """Of the steps that were drawn all wires; of those before the rows of `wanted` wires."""
        opened, values = [], [self.step_value(step) for step in range(len(self.answer))]
        for step in range(steps[-1] + 1):
            by_wire = self.rows_of(step)
            flat = [message for rows in by_wire for message in rows]
            first = [sum(len(rows) for rows in by_wire[:wire]) for wire in range(len(self.wires))]
            here = range(len(self.wires)) if step in steps else wanted
            indices = [first[wire] + i for wire in here for i in range(len(by_wire[wire]))]
            opened += [
                struct.pack("<I", len(values[step])) + values[step] + levels_of(flat)[-1][0],
                struct.pack("<I", len(indices)) + b"".join(flat[index] for index in indices),
                hash_list(hashes_beside(flat, indices)),
            ]
        return b"".join(
            [
                b"assay/audit/openings/v1",
                sha256(challenge),
                struct.pack("<I", steps[-1] + 1),
                *opened,
                levels_of(values)[-1][0],
                hash_list(hashes_beside(values, list(range(steps[-1] + 1)))),
            ]
        )

    def run_files(self) -> tuple[bytes, bytes]:
        """The provider's files of rows and of steps."""
        rows, steps = b"", b"assay/audit/steps/v1"
        for step in range(len(self.answer)):
            value = self.step_value(step)
            steps += struct.pack("<I", len(value)) + value
            for message in (message for wire in self.rows_of(step) for message in wire):
                there = len(message) > 32
                steps += struct.pack("<Q", len(rows) if there else 2**64 - 1)
                rows += message * there
        return rows, steps


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
