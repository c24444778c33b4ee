#!/usr/bin/env python3
"""Write the files beside this program: a manifest, a row that opens against its root, digests.

A second implementation of docs/weights.md, with nothing but hashlib.
"""

import hashlib
import json
import math
import struct
from pathlib import Path

HERE = Path(__file__).parent
CHUNK = 65536

# Name, element type, shape, bytes of an element.
TENSORS = [
    ("embed.weight", "BF16", [70, 1000], 2),
    ("layers.0.fc.weight", "F8_E4M3", [3, 5], 1),
    ("lm_head.weight", "BF16", [70, 1000], 2),  # repeats the embedding: left out
    ("none", "F32", [0, 4], 4),
    ("scale", "F32", [], 4),
]
ROWS = 70
WIDTH = 2000  # bytes of a row of the embedding


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def split(leaves: list[bytes]) -> int:
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return half


def root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return sha(b"\x00" + leaves[0])
    half = split(leaves)
    return sha(b"\x01" + root(leaves[:half]) + root(leaves[half:]))


def path(leaves: list[bytes], index: int) -> list[bytes]:
    """RFC 9162, section 2.1.3.1: the hashes beside the path of a leaf, from the leaf up."""
    if len(leaves) == 1:
        return []
    half = split(leaves)
    if index < half:
        return [*path(leaves[:half], index), root(leaves[half:])]
    return [*path(leaves[half:], index - half), root(leaves[:half])]


def text(value: str) -> bytes:
    return struct.pack("<I", len(value.encode())) + value.encode()


def hashes(values: list[bytes]) -> bytes:
    return struct.pack("<I", len(values)) + b"".join(values)


def values(name: str, size: int) -> bytes:
    """Bytes that the name determines."""
    blocks = (sha(f"{name}/{i}".encode()) for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def chunks_of(data: bytes) -> list[bytes]:
    return [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]


def entry(name: str, dtype: str, shape: list[int], data: bytes) -> bytes:
    sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + text(dtype) + sizes + root(chunks_of(data))


def opening(
    leaves: list[bytes], index: int, entry: bytes, data: bytes, row: int, beside: list[bytes]
) -> bytes:
    first, last = row * WIDTH // CHUNK, ((row + 1) * WIDTH - 1) // CHUNK
    opened = b"assay/row/v1" + struct.pack("<QQ", len(leaves), index) + root(leaves) + entry
    opened += hashes(path(leaves, index)) + struct.pack("<Q", row)
    return opened + data[first * CHUNK : (last + 1) * CHUNK] + hashes(beside)


def main() -> None:
    held = {}
    for name, _, shape, width in TENSORS:
        size = math.prod(shape) * width
        held[name] = values("embed.weight" if name == "lm_head.weight" else name, size)
    kept = [one for one in TENSORS if one[0] != "lm_head.weight"]
    entries = [entry(name, dtype, shape, held[name]) for name, dtype, shape, _ in kept]
    leaves = [b"assay/tensor/v1" + one for one in entries]
    config = b'{"model_type": "sample"}'
    manifest = b"assay/manifest/v1" + struct.pack("<I", len(entries)) + b"".join(entries)
    manifest += struct.pack("<I", 1) + text("config.json") + sha(config)
    (HERE / "manifest").write_bytes(manifest)

    # Of three chunks, the first two have one node over them; the last is passed up to the root.
    embedding = held["embed.weight"]
    chunks = [sha(b"\x00" + one) for one in chunks_of(embedding)]
    below = sha(b"\x01" + chunks[0] + chunks[1])
    last = opening(leaves, 0, entries[0], embedding, ROWS - 1, [below])
    across = opening(leaves, 0, entries[0], embedding, CHUNK // WIDTH, [chunks[2]])
    (HERE / "last_row").write_bytes(last)
    digests = {
        "root": sha(b"\x02" + struct.pack("<QQ", 2, len(leaves)) + root(leaves)).hex(),
        "manifest_digest": sha(b"assay/manifest/v1" + manifest).hex(),
        "opening_across_chunks": sha(across).hex(),
    }
    (HERE / "digests.json").write_text(json.dumps(digests, indent=2) + "\n")


if __name__ == "__main__":
    main()
