#!/usr/bin/env python3
"""Write the files beside this program: weights, packets of products with them, what each comes to.

A second implementation of the section "A packet" of docs/audit.md, with nothing but struct and
hashlib. Values are small integers, so that every product is exact in every dtype.
"""

import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
M, K, N = 6, 5, 4
ROWS, COLUMNS = [0, 3, 5], [1, 2]
NUMBERS = {"F64": 1, "F32": 2, "BF16": 3, "F16": 4}

A = [[(3 * i + 5 * j) % 7 - 3 for j in range(K)] for i in range(M)]
B = [[(2 * i + 3 * j) % 5 - 2 for j in range(N)] for i in range(K)]
BIAS = [1, -2, 3, -4]


def values(dtype: str, numbers: Sequence[float]) -> bytes:
    if dtype == "BF16":  # the upper halves of floats
        return b"".join(struct.pack("<f", number)[2:] for number in numbers)
    form = {"F64": "d", "F32": "f", "F16": "e"}[dtype]
    return struct.pack(f"<{len(numbers)}{form}", *numbers)


def digest(dtype: str, shape: Sequence[int], data: bytes) -> bytes:
    head = b"assay/audit/weight/v1" + struct.pack("<I", len(dtype)) + dtype.encode()
    head += struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return hashlib.sha256(head + data).digest()


def flat(rows: Sequence[Sequence[float]]) -> list[float]:
    return [value for row in rows for value in row]


def transposed(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]


def packet(dtype: str, sequence: int, kind: str) -> bytes:
    linear, carried = kind == "linear", kind == "columns"
    flags = (1 if linear else 0) | (0 if carried else 2) | (4 if linear else 0)
    stored = transposed(B) if linear else B
    weight = digest(dtype, [len(stored), len(stored[0])], values(dtype, flat(stored)))
    bias = digest(dtype, [N], values(dtype, BIAS))
    body = hashlib.sha256(b"session").digest()[:16]
    body += struct.pack("<QQQBBB", sequence, sequence, 0, 2 if linear else 1, NUMBERS[dtype], flags)
    body += bytes(32) if carried else weight
    body += bias if linear else bytes(32)
    body += struct.pack("<5Q", 1 if carried else 0, 2 if carried else 1, M, K, N)
    for indices in (ROWS, COLUMNS):
        body += struct.pack(f"<I{len(indices)}Q", len(indices), *indices)
    c = [
        sum(A[row][k] * B[k][column] for k in range(K)) + (BIAS[column] if linear else 0)
        for row in ROWS
        for column in COLUMNS
    ]
    data = values(dtype, flat([A[row] for row in ROWS]))
    if carried:
        data += values(dtype, flat([transposed(B)[column] for column in COLUMNS]))
    tag = b"assay/audit/packet/v1"
    return tag + struct.pack("<I", len(tag) + 4 + len(body)) + body + data + values(dtype, c)


def weights(dtype: str) -> bytes:
    """A safetensors file of B, B transposed and the bias."""
    tensors = {
        "b": ([K, N], values(dtype, flat(B))),
        "linear.bias": ([N], values(dtype, BIAS)),
        "linear.weight": ([N, K], values(dtype, flat(transposed(B)))),
    }
    header, data = {}, b""
    for name, (shape, bits) in tensors.items():
        place = [len(data), len(data) + len(bits)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": place}
        data += bits
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def main() -> None:
    kinds = ("matmul", "linear", "columns")
    for dtype in NUMBERS:
        name = dtype.lower()
        (HERE / f"{name}.safetensors").write_bytes(weights(dtype))
        stream = b"".join(packet(dtype, i, kind) for i, kind in enumerate(kinds))
        (HERE / f"{name}.packets").write_bytes(stream)


if __name__ == "__main__":
    main()
