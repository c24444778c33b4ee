"""What a verifier of a claim is given, ways to change it, and the table that cases join."""

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

import assay

ACCEPTED, REJECTED, BAD_INPUT, INCONCLUSIVE = 0, 1, 2, 3


class Sample(NamedTuple):
    """A tensor that was honestly committed to and opened."""

    srs: assay.Srs | assay.kzg.Srs | None
    tensor: assay.Tensor
    commitment: assay.Commitment
    points: list[tuple[int, ...]]
    proofs: assay.Proofs


def sample(
    tensor: assay.Tensor,
    points: list[tuple[int, ...]],
    scheme: assay.commitments.SchemeName = "tensor",
) -> Sample:
    srs: assay.Srs | assay.kzg.Srs | None = None
    if scheme == "tensor":
        srs = assay.Srs.dev(tensor.axes, seed=7)
    elif scheme == "kzg":
        srs = assay.kzg.Srs.dev(10, seed=7)
    commitment = assay.commit(tensor, srs, scheme=scheme)
    return Sample(srs, tensor, commitment, points, commitment.open(points))


def layers(first: int = 16256, second: int = -17000) -> dict[str, np.ndarray[Any, Any]]:
    """Two layers (1, 2, 17) of bfloat16 patterns."""
    count = np.arange(34, dtype=np.int16)
    return {
        "layer_0": (first + 37 * count).astype(np.int16).view(np.uint16).reshape(1, 2, 17),
        "layer_1": (second + 37 * count).astype(np.int16).view(np.uint16).reshape(1, 2, 17),
    }


FLAT = sample(assay.encode(5 + 37 * np.arange(12).reshape(3, 4), "int", "flat"), [(0, 0), (1, 3)])
MODEL = sample(
    assay.encode(layers(), "bits", "model", dtype="bfloat16", capture_mode="decode"),
    [(0, 0, 5, 2), (0, 0, 0, 0), (1, 1, 3, 2)],
)
MODEL_VALUES = MODEL.commitment.open(MODEL.points[1:]).to_bytes()  # without the padding
ROUNDED = sample(assay.encode(np.zeros((2, 3), np.float32), "decimal:0", "flat"), [(0, 1)])
CUBE = sample(
    assay.encode(np.arange(11), "int", "cube", cube_sizes=(2, 2)), [(1, 1, 0, 1), (0, 0, 0, 0)]
)


@dataclass
class Files:
    """What a verifier is given: bytes of files, and words."""

    commitment: bytes
    proofs: bytes
    srs: bytes | None
    challenge: bytes | None = None
    digest: str | None = None
    tensor: tuple[str, bytes] | None = None
    expect: str | None = None
    challenge_digest: str | None = None
    at_least: str | None = None
    missing: tuple[str, ...] = field(default=())


def honest(one: Sample) -> Files:
    key = None if one.srs is None else one.srs.verifier_key.to_bytes()
    return Files(one.commitment.to_bytes(), one.proofs.to_bytes(), key)


# Places in the bytes of a commitment: docs/claim.md. The header begins at 16.
SCHEME, MODE, SETUP = 16 + 4, -1, -1


def header_of(commitment: bytes) -> bytes:
    length = struct.unpack_from("<I", commitment, 12)[0]
    return commitment[16 : 16 + length]


def with_header(commitment: bytes, header: bytes) -> bytes:
    return commitment[:12] + struct.pack("<I", len(header)) + header + commitment[-32:]


def places(commitment: bytes) -> tuple[int, int]:
    """Where encoding and capture mode stand in a header: behind the axes, which vary."""
    axes = struct.unpack_from("<I", header_of(commitment), 6)[0]
    encoding = 10 + 4 * axes + 24
    return encoding, encoding + 6


def digest_of(commitment: bytes) -> bytes:
    whole = b"assay/commitment/v1" + header_of(commitment) + commitment[-32:]
    return hashlib.sha256(whole).digest()


def renamed(proofs: bytes, commitment: bytes) -> bytes:
    """The proofs as if they were of this commitment."""
    return proofs[:12] + digest_of(commitment) + proofs[44:]


def put(data: bytes, at: int, new: bytes) -> bytes:
    at = at % len(data)
    return data[:at] + new + data[at + len(new) :]


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    return put(data, at, bytes([data[at] ^ mask]))


class Record(NamedTuple):
    """One proof of a file: query, value, evidence."""

    query: bytes
    value: bytes
    evidence: bytes

    def to_bytes(self) -> bytes:
        return self.query + self.value + struct.pack("<I", len(self.evidence)) + self.evidence


def records(proofs: bytes) -> list[Record]:
    axes, count = struct.unpack_from("<II", proofs, 44)
    found, at = [], 52
    for _ in range(count):
        size = 1 + axes * (4 if proofs[at] == 0 else 32)
        shown = struct.unpack_from("<I", proofs, at + size + 32)[0]
        end = at + size + 36 + shown
        found.append(
            Record(
                proofs[at : at + size],
                proofs[at + size : at + size + 32],
                proofs[end - shown : end],
            )
        )
        at = end
    return found


def with_records(proofs: bytes, new: list[Record]) -> bytes:
    return proofs[:48] + struct.pack("<I", len(new)) + b"".join(one.to_bytes() for one in new)


def field_point(*coordinates: int) -> bytes:
    return b"\x01" + b"".join((c % assay.R).to_bytes(32, "little") for c in coordinates)


def safetensors_of(
    arrays: dict[str, np.ndarray[Any, Any]], dtype: str = "BF16", **metadata: str
) -> tuple[str, bytes]:
    """A file of 16-bit patterns under another dtype's name, which numpy does not have."""
    plain = safetensors.numpy.save(arrays, metadata or None)
    length = struct.unpack_from("<Q", plain)[0]
    head = plain[8 : 8 + length].replace(b'"U16"', f'"{dtype}"'.encode())
    head += b" " * (-len(head) % 8)
    return "own.safetensors", struct.pack("<Q", len(head)) + head + plain[8 + length :]


def npy_of(array: np.ndarray[Any, Any], folder: Path) -> tuple[str, bytes]:
    path = folder / "plain.npy"
    np.save(path, array)
    return "own.npy", path.read_bytes()


def capture_of(taps: dict[str, int], arrays: dict[str, np.ndarray[Any, Any]]) -> tuple[str, bytes]:
    listed = [{"name": n, "tap": "residual", "block": b} for n, b in taps.items()]
    return safetensors_of(
        arrays, format="assay/capture/v1", capture_mode="decode", taps=json.dumps(listed)
    )


class Case(NamedTuple):
    """A case of the table: its files, and what every door must say of them."""

    name: str
    make: Callable[[Path], Files]
    code: int
    step: str = ""
    item: int | None = None


CASES: list[Case] = []


def case(
    code: int, step: str = "", item: int | None = None
) -> Callable[[Callable[[Path], Files]], Callable[[Path], Files]]:
    def add(make: Callable[[Path], Files]) -> Callable[[Path], Files]:
        CASES.append(Case(make.__name__, make, code, step, item))
        return make

    return add


def changed(one: Sample, **changes: Any) -> Files:
    files = honest(one)
    for name, value in changes.items():
        setattr(files, name, value)
    return files


def relabelled(one: Sample, mode: int = 2) -> bytes:
    commitment = one.commitment.to_bytes()
    header = header_of(commitment)
    return with_header(commitment, put(header, places(commitment)[1], bytes([mode])))


def challenge_of(one: Sample, points: list[tuple[int, ...]]) -> bytes:
    head = b"ASSAYCHL" + struct.pack("<I", 2) + digest_of(one.commitment.to_bytes())
    head += struct.pack("<II", len(points[0]), len(points))
    return head + b"".join(b"\0" + struct.pack(f"<{len(p)}I", *p) for p in points)
