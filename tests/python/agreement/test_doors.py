"""One table of cases through every door: the C++ library, the command and Python.

Outcome, step, item, grades and exit code are the same through each of them. Each case writes files,
and says what the verdict on them is. What cannot be used as input ends with 2 through the library
and the command, and raises `assay.InputError` in Python.
"""

import hashlib
import json
import os
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import safetensors.numpy

import assay
from assay_program import run

LIBRARY = Path(
    os.environ.get("ASSAY_LIBRARY_VERDICT")
    or Path(__file__).parents[3] / "build/python/tests/library_verdict"
)

ACCEPTED, REJECTED, BAD_INPUT, INCONCLUSIVE = 0, 1, 2, 3


class Sample(NamedTuple):
    """A tensor that was honestly committed to and opened."""

    srs: assay.Srs
    tensor: assay.Tensor
    commitment: assay.Commitment
    points: list[tuple[int, ...]]
    proofs: assay.Proofs


def sample(tensor: assay.Tensor, points: list[tuple[int, ...]]) -> Sample:
    srs = assay.Srs.dev(tensor.axes, seed=7)
    commitment = assay.commit(tensor, srs)
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
    srs: bytes
    challenge: bytes | None = None
    digest: str | None = None
    tensor: tuple[str, bytes] | None = None
    expect: str | None = None
    challenge_digest: str | None = None
    at_least: str | None = None
    missing: tuple[str, ...] = field(default=())


def honest(one: Sample) -> Files:
    return Files(one.commitment.to_bytes(), one.proofs.to_bytes(), one.srs.verifier_key.to_bytes())


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


# ---- Accepted


@case(ACCEPTED)
def flat(_: Path) -> Files:
    return honest(FLAT)


@case(ACCEPTED)
def model(_: Path) -> Files:
    return honest(MODEL)


@case(ACCEPTED)
def cube_with_its_padding(_: Path) -> Files:
    return honest(CUBE)


@case(ACCEPTED)
def digest_that_was_agreed_on(_: Path) -> Files:
    return changed(FLAT, digest=FLAT.commitment.digest)


@case(ACCEPTED)
def digest_in_capitals(_: Path) -> Files:
    return changed(FLAT, digest=FLAT.commitment.digest.upper())


def challenge_of(one: Sample, points: list[tuple[int, ...]]) -> bytes:
    head = b"ASSAYCHL" + struct.pack("<I", 2) + digest_of(one.commitment.to_bytes())
    head += struct.pack("<II", len(points[0]), len(points))
    return head + b"".join(b"\0" + struct.pack(f"<{len(p)}I", *p) for p in points)


@case(ACCEPTED)
def challenge_answered(_: Path) -> Files:
    return changed(MODEL, proofs=MODEL_VALUES, challenge=challenge_of(MODEL, MODEL.points[1:]))


@case(ACCEPTED)
def challenge_known_by_its_digest(_: Path) -> Files:
    challenge = challenge_of(FLAT, FLAT.points)
    return changed(
        FLAT, challenge=challenge, challenge_digest=hashlib.sha256(challenge).hexdigest()
    )


@case(ACCEPTED)
def as_many_values_as_asked_for(_: Path) -> Files:
    return changed(MODEL, at_least="2")


@case(ACCEPTED)
def header_as_expected(_: Path) -> Files:
    return changed(MODEL, expect="encoding=bits,dtype=bfloat16,mode=decode")


@case(ACCEPTED)
def rounded_values_that_were_expected(folder: Path) -> Files:
    return changed(
        ROUNDED, expect="encoding=decimal:0", tensor=npy_of(np.full((2, 3), 0.25, "<f4"), folder)
    )


@case(ACCEPTED)
def challenge_off_the_grid_answered(_: Path) -> Files:
    proofs = FLAT.commitment.open([[-4, 1]]).to_bytes()
    head = b"ASSAYCHL" + struct.pack("<I", 2) + digest_of(FLAT.commitment.to_bytes())
    return changed(
        FLAT, proofs=proofs, challenge=head + struct.pack("<II", 2, 1) + field_point(-4, 1)
    )


@case(ACCEPTED)
def captured_file(_: Path) -> Files:
    return changed(MODEL, tensor=safetensors_of(layers()))


@case(ACCEPTED)
def captured_array_of_another_name(folder: Path) -> Files:
    return changed(FLAT, tensor=npy_of(5 + 37 * np.arange(12).reshape(3, 4), folder))


@case(ACCEPTED)
def captured_cube_itself(folder: Path) -> Files:
    return changed(CUBE, tensor=npy_of(np.asarray(CUBE.tensor.values), folder))


@case(ACCEPTED)
def captured_and_all_that_there_is(_: Path) -> Files:
    return changed(
        MODEL,
        tensor=safetensors_of(layers()),
        proofs=MODEL_VALUES,
        digest=MODEL.commitment.digest,
        challenge=challenge_of(MODEL, MODEL.points[1:]),
        challenge_digest=hashlib.sha256(challenge_of(MODEL, MODEL.points[1:])).hexdigest(),
        expect="encoding=bits,dtype=bfloat16,mode=decode",
        at_least="2",
    )


@case(ACCEPTED)
def off_the_grid(_: Path) -> Files:
    return changed(FLAT, proofs=FLAT.commitment.open([[-4, 1], (2, 2)]).to_bytes())


@case(ACCEPTED)
def captured_off_the_grid(_: Path) -> Files:
    proofs = MODEL.commitment.open([[-4, 1, 9, 11]]).to_bytes()
    return changed(MODEL, proofs=proofs, tensor=safetensors_of(layers()))


@case(ACCEPTED)
def relabelled_where_nothing_binds_the_header(_: Path) -> Files:
    commitment = relabelled(MODEL)
    return changed(
        MODEL, commitment=commitment, proofs=renamed(MODEL.proofs.to_bytes(), commitment)
    )


@case(ACCEPTED)
def verifier_part_of_a_whole_srs(folder: Path) -> Files:
    FLAT.srs.write(folder / "whole.srs")
    return changed(FLAT, srs=(folder / "whole.srs").read_bytes())


def relabelled(one: Sample, mode: int = 2) -> bytes:
    commitment = one.commitment.to_bytes()
    header = header_of(commitment)
    return with_header(commitment, put(header, places(commitment)[1], bytes([mode])))


# ---- Inconclusive


@case(INCONCLUSIVE, "no proofs")
def no_proofs(_: Path) -> Files:
    return changed(FLAT, proofs=with_records(FLAT.proofs.to_bytes(), []))


# ---- Rejected


@case(REJECTED, "SRS digest")
def another_srs(_: Path) -> Files:
    return changed(FLAT, srs=assay.Srs.dev((3, 4), seed=8).verifier_key.to_bytes())


@case(REJECTED, "axes")
def srs_of_other_axes_that_the_header_names(_: Path) -> Files:
    key = assay.Srs.dev((4, 3), seed=7).verifier_key
    commitment = FLAT.commitment.to_bytes()
    at = places(commitment)[1] + 2
    commitment = with_header(commitment, put(header_of(commitment), at, bytes.fromhex(key.digest)))
    return Files(commitment, renamed(FLAT.proofs.to_bytes(), commitment), key.to_bytes())


@case(REJECTED, "axes")
def proofs_over_other_axes(_: Path) -> Files:
    commitment = FLAT.commitment.to_bytes()
    return changed(FLAT, proofs=renamed(CUBE.proofs.to_bytes(), commitment))


@case(REJECTED, "commitment digest")
def proofs_of_another_commitment(_: Path) -> Files:
    other = sample(assay.encode(np.full((3, 4), 9), "int", "flat"), [(0, 0)])
    return changed(FLAT, proofs=other.proofs.to_bytes())


@case(REJECTED, "commitment digest")
def header_relabelled(_: Path) -> Files:
    return changed(MODEL, commitment=relabelled(MODEL))


@case(REJECTED, "expected digest")
def header_relabelled_with_its_proofs(_: Path) -> Files:
    commitment = relabelled(MODEL)
    return changed(
        MODEL,
        commitment=commitment,
        proofs=renamed(MODEL.proofs.to_bytes(), commitment),
        digest=MODEL.commitment.digest,
    )


@case(REJECTED, "expected digest")
def another_digest_agreed_on(_: Path) -> Files:
    return changed(FLAT, digest="00" * 32)


@case(REJECTED, "challenge", 1)
def challenge_for_other_points(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(FLAT, [(0, 0), (2, 2)]))


@case(REJECTED, "challenge", 0)
def challenge_in_another_order(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(FLAT, FLAT.points[::-1]))


@case(REJECTED, "challenge")
def challenge_answered_in_part(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(FLAT, [*FLAT.points, (2, 2)]))


@case(REJECTED, "challenge", 0)
def challenge_of_padding(_: Path) -> Files:
    return changed(MODEL, challenge=challenge_of(MODEL, MODEL.points))


@case(REJECTED, "challenge")
def challenge_that_the_verifier_did_not_draw(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(FLAT, FLAT.points), challenge_digest="00" * 32)


@case(REJECTED, "expectation")
def another_encoding_than_expected(_: Path) -> Files:
    return changed(ROUNDED, expect="encoding=bits")


@case(REJECTED, "expectation")
def another_mode_than_expected(_: Path) -> Files:
    return changed(MODEL, expect="mode=prefill")


@case(INCONCLUSIVE, "points")
def fewer_values_than_asked_for(_: Path) -> Files:
    return changed(MODEL, at_least="3")


@case(INCONCLUSIVE, "encoding")
def zeros_that_agree_because_all_places_are_rounded_away(folder: Path) -> Files:
    return changed(ROUNDED, tensor=npy_of(np.full((2, 3), 0.25, "<f4"), folder))


@case(REJECTED, "captured values", 0)
def rounded_values_that_do_not_agree(folder: Path) -> Files:
    return changed(ROUNDED, tensor=npy_of(np.full((2, 3), 0.75, "<f4"), folder))


@case(REJECTED, "challenge")
def challenge_of_another_commitment(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(CUBE, CUBE.points))


@case(REJECTED, "challenge", 0)
def challenge_answered_off_the_grid(_: Path) -> Files:
    proofs = FLAT.commitment.open([[9, 0]]).to_bytes()
    return changed(FLAT, proofs=proofs, challenge=challenge_of(FLAT, [(0, 0)]))


def edited(one: Sample, change: Callable[[list[Record]], None]) -> bytes:
    listed = records(one.proofs.to_bytes())
    change(listed)
    return with_records(one.proofs.to_bytes(), listed)


@case(REJECTED, "proof shape", 0)
def coordinate_outside_its_axis(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        listed[0] = listed[0]._replace(query=b"\0" + struct.pack("<II", 3, 0))

    return changed(FLAT, proofs=edited(FLAT, change))


@case(REJECTED, "proof shape", 2)
def point_twice(_: Path) -> Files:
    return changed(FLAT, proofs=edited(FLAT, lambda listed: listed.append(listed[0])))


@case(REJECTED, "proof shape", 0)
def point_of_the_grid_written_as_one_off_it(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        listed[0] = listed[0]._replace(query=field_point(0, 0))

    return changed(FLAT, proofs=edited(FLAT, change))


@case(REJECTED, "proof shape", 1)
def evidence_cut_short(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        listed[1] = listed[1]._replace(evidence=listed[1].evidence[:-1])

    return changed(FLAT, proofs=edited(FLAT, change))


@case(REJECTED, "proof shape", 1)
def evidence_with_a_point_too_many(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        listed[1] = listed[1]._replace(evidence=listed[1].evidence + bytes(31) + b"\x40")

    return changed(FLAT, proofs=edited(FLAT, change))


@case(REJECTED, "proof shape", 0)
def no_evidence(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        listed[0] = listed[0]._replace(evidence=b"")

    return changed(FLAT, proofs=edited(FLAT, change))


def forged_under_the_model_header(values: dict[int, int], points: list[tuple[int, ...]]) -> Files:
    """Plain integers, honestly committed to and opened, under the header of the model's bits."""
    plain = np.zeros(72, np.int64)
    for at, value in values.items():
        plain[at] = value
    tensor = assay.encode(plain.reshape(2, 2, 6, 3), "int", "flat")
    own = assay.commit(tensor, MODEL.srs)
    commitment = with_header(own.to_bytes(), header_of(MODEL.commitment.to_bytes()))
    return changed(
        MODEL, commitment=commitment, proofs=renamed(own.open(points).to_bytes(), commitment)
    )


@case(REJECTED, "value range", 0)
def value_that_the_dtype_cannot_hold(_: Path) -> Files:
    return forged_under_the_model_header({0: 40000}, [(0, 0, 0, 0)])


@case(REJECTED, "value range", 1)
def value_that_is_no_number(_: Path) -> Files:
    return forged_under_the_model_header({0: -1}, [(0, 0, 1, 0), (0, 0, 0, 0)])


@case(REJECTED, "value range", 0)
def value_that_is_an_infinity(_: Path) -> Files:
    return forged_under_the_model_header({0: 0x7F80}, [(0, 0, 0, 0)])


@case(REJECTED, "padding", 0)
def padding_that_is_not_zero(_: Path) -> Files:
    return forged_under_the_model_header({17: 3}, [(0, 0, 5, 2)])


@case(REJECTED, "proof points", 1)
def proof_point_off_the_curve(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        listed[1] = listed[1]._replace(evidence=put(listed[1].evidence, 31, b"\x3f"))

    return changed(FLAT, proofs=edited(FLAT, change))


@case(REJECTED, "proof points", 0)
def proof_point_in_another_form(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        listed[0] = listed[0]._replace(evidence=flipped(listed[0].evidence, 31, 0xC0))

    return changed(FLAT, proofs=edited(FLAT, change))


def with_value(listed: list[Record], index: int, value: int) -> None:
    listed[index] = listed[index]._replace(value=(value % assay.R).to_bytes(32, "little"))


@case(REJECTED, "opening equation", 1)
def value_changed(_: Path) -> Files:
    return changed(FLAT, proofs=edited(FLAT, lambda listed: with_value(listed, 1, 77)))


@case(REJECTED, "opening equation", 0)
def every_value_changed(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        for index in range(len(listed)):
            with_value(listed, index, 1)

    return changed(FLAT, proofs=edited(FLAT, change))


@case(REJECTED, "opening equation", 0)
def points_swapped_between_proofs(_: Path) -> Files:
    def change(listed: list[Record]) -> None:
        first, second = listed[0].query, listed[1].query
        listed[0], listed[1] = listed[0]._replace(query=second), listed[1]._replace(query=first)

    return changed(FLAT, proofs=edited(FLAT, change))


@case(REJECTED, "opening equation", 0)
def another_point_committed_to(_: Path) -> Files:
    other = assay.commit(assay.encode(np.full((3, 4), 9), "int", "flat"), FLAT.srs).to_bytes()
    commitment = with_header(other, header_of(FLAT.commitment.to_bytes()))
    return changed(FLAT, commitment=commitment, proofs=renamed(FLAT.proofs.to_bytes(), commitment))


@case(REJECTED, "captured tensor")
def captured_layers_of_other_names(_: Path) -> Files:
    own = layers()
    return changed(
        MODEL, tensor=safetensors_of({"layer_0": own["layer_0"], "layer_7": own["layer_1"]})
    )


@case(REJECTED, "captured tensor")
def captured_fewer_layers(_: Path) -> Files:
    return changed(MODEL, tensor=safetensors_of({"layer_0": layers()["layer_0"]}))


@case(REJECTED, "captured tensor")
def captured_layers_of_another_dtype(_: Path) -> Files:
    return changed(MODEL, tensor=safetensors_of(layers(), "F16"))


@case(REJECTED, "captured tensor")
def captured_layers_of_another_shape(_: Path) -> Files:
    own = {name: array.reshape(1, 17, 2) for name, array in layers().items()}
    return changed(MODEL, tensor=safetensors_of(own))


@case(REJECTED, "captured tensor")
def captured_at_other_taps(_: Path) -> Files:
    return changed(TAPPED, tensor=capture_of({"layer_0": 0, "layer_1": 5}, layers()))


@case(ACCEPTED)
def captured_at_the_same_taps(_: Path) -> Files:
    return changed(TAPPED, tensor=capture_of({"layer_0": 0, "layer_1": 1}, layers()))


@case(REJECTED, "captured tensor")
def captured_array_of_another_shape(folder: Path) -> Files:
    return changed(FLAT, tensor=npy_of(np.arange(12).reshape(4, 3), folder))


@case(REJECTED, "captured tensor")
def captured_floats_where_integers_were_committed_to(folder: Path) -> Files:
    return changed(FLAT, tensor=npy_of(np.zeros((3, 4), np.float32), folder))


@case(REJECTED, "captured tensor")
def captured_tensor_is_asked_about_before_the_openings(_: Path) -> Files:
    return changed(
        MODEL,
        proofs=edited(MODEL, lambda listed: with_value(listed, 1, 77)),
        tensor=safetensors_of(layers(), "F16"),
    )


@case(REJECTED, "opening equation", 1)
def openings_are_asked_about_before_the_captured_values(_: Path) -> Files:
    return changed(
        MODEL,
        proofs=edited(MODEL, lambda listed: with_value(listed, 1, 77)),
        tensor=safetensors_of(layers(16000)),
    )


@case(REJECTED, "captured values", 1)
def captured_values_differ(_: Path) -> Files:
    return changed(MODEL, tensor=safetensors_of(layers(16000)))


@case(REJECTED, "captured values", 0)
def captured_values_differ_off_the_grid(_: Path) -> Files:
    proofs = MODEL.commitment.open([[-4, 1, 9, 11]]).to_bytes()
    return changed(MODEL, proofs=proofs, tensor=safetensors_of(layers(16000)))


def tapped() -> Sample:
    """The model's layers as a capture has them, with the blocks that they were taken behind."""
    folder = Path(os.environ.get("PYTEST_TMP", "/tmp")) / f"assay_tapped_{os.getpid()}"
    folder.mkdir(exist_ok=True)
    name, data = capture_of({"layer_0": 0, "layer_1": 1}, layers())
    path = folder / name
    path.write_bytes(data)
    made = sample(assay.Tensor.read(path), [(0, 0, 0, 0)])
    path.unlink()
    folder.rmdir()
    return made


TAPPED = tapped()


# ---- Input that cannot be used


@case(BAD_INPUT)
def commitment_cut_off(_: Path) -> Files:
    return changed(FLAT, commitment=FLAT.commitment.to_bytes()[:-1])


@case(BAD_INPUT)
def commitment_of_the_version_before(_: Path) -> Files:
    return changed(FLAT, commitment=put(FLAT.commitment.to_bytes(), 8, b"\x01"))


@case(BAD_INPUT)
def header_of_the_version_before(_: Path) -> Files:
    return changed(FLAT, commitment=put(FLAT.commitment.to_bytes(), 16, b"\x01"))


@case(BAD_INPUT)
def commitment_of_a_reserved_scheme(_: Path) -> Files:
    return changed(FLAT, commitment=put(FLAT.commitment.to_bytes(), SCHEME, b"\x02"))


@case(BAD_INPUT)
def commitment_off_the_curve(_: Path) -> Files:
    return changed(FLAT, commitment=put(FLAT.commitment.to_bytes(), -1, b"\x3f"))


@case(BAD_INPUT)
def proofs_cut_off(_: Path) -> Files:
    return changed(FLAT, proofs=FLAT.proofs.to_bytes()[:-1])


@case(BAD_INPUT)
def proofs_with_a_byte_too_many(_: Path) -> Files:
    return changed(FLAT, proofs=FLAT.proofs.to_bytes() + b"\0")


@case(BAD_INPUT)
def proofs_of_the_version_before(_: Path) -> Files:
    return changed(FLAT, proofs=put(FLAT.proofs.to_bytes(), 8, b"\x01"))


@case(BAD_INPUT)
def proofs_of_a_reserved_query(_: Path) -> Files:
    return changed(FLAT, proofs=put(FLAT.proofs.to_bytes(), 52, b"\x02"))


@case(BAD_INPUT)
def value_over_the_group_order(_: Path) -> Files:
    return changed(FLAT, proofs=put(FLAT.proofs.to_bytes(), 52 + 9, b"\xff" * 32))


@case(BAD_INPUT)
def challenge_cut_off(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(FLAT, FLAT.points)[:-1])


@case(BAD_INPUT)
def challenge_of_the_version_before(_: Path) -> Files:
    return changed(FLAT, challenge=put(challenge_of(FLAT, FLAT.points), 8, b"\x01"))


@case(BAD_INPUT)
def challenge_that_asks_twice(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(FLAT, [(0, 0), (0, 0)]))


@case(BAD_INPUT)
def verifier_key_cut_off(_: Path) -> Files:
    return changed(FLAT, srs=FLAT.srs.verifier_key.to_bytes()[:-1])


@case(BAD_INPUT)
def verifier_key_that_is_none(_: Path) -> Files:
    return changed(FLAT, srs=b"no key")


@case(BAD_INPUT)
def digest_that_is_too_short(_: Path) -> Files:
    return changed(FLAT, digest="00" * 31)


@case(BAD_INPUT)
def digest_that_is_not_hexadecimal(_: Path) -> Files:
    return changed(FLAT, digest="zz" * 32)


@case(BAD_INPUT)
def challenge_digest_that_is_too_short(_: Path) -> Files:
    return changed(FLAT, challenge=challenge_of(FLAT, FLAT.points), challenge_digest="00")


@case(BAD_INPUT)
def expectation_that_is_none(_: Path) -> Files:
    return changed(FLAT, expect="encoding=roman")


@case(BAD_INPUT)
def captured_file_that_is_none(_: Path) -> Files:
    return changed(FLAT, tensor=("own.npy", b"no array"))


@case(BAD_INPUT)
def captured_values_that_are_no_numbers(_: Path) -> Files:
    own = layers()
    own["layer_1"][0, 0, 3] = 0x7F80
    return changed(MODEL, tensor=safetensors_of(own))


@case(BAD_INPUT)
def file_that_is_not_there(_: Path) -> Files:
    return changed(FLAT, missing=("proofs",))


# ---- The doors


class Answer(NamedTuple):
    """What a door said; of input that could not be used, the code alone."""

    code: int
    outcome: str = ""
    step: str = ""
    item: int | None = None
    checks: tuple[tuple[str, str], ...] = ()


def write(files: Files, folder: Path) -> list[str]:
    """The words of the command line, their files written."""
    words = []
    for name in ("commitment", "proofs", "srs", "challenge"):
        data = getattr(files, name)
        if data is None:
            continue
        if name not in files.missing:
            (folder / name).write_bytes(data)
        words += [f"--{name}", name]
    for name in ("digest", "expect", "challenge_digest", "at_least"):
        if (word := getattr(files, name)) is not None:
            words += [f"--{name.replace('_', '-')}", word]
    if files.tensor is not None:
        (folder / files.tensor[0]).write_bytes(files.tensor[1])
        words += ["--tensor", files.tensor[0]]
    return words


def answer_of(code: int, text: str) -> Answer:
    if code == BAD_INPUT:
        return Answer(code)
    found = json.loads(text)
    checks = tuple((one["step"], one["grade"]) for one in found["checks"])
    return Answer(code, found["verdict"], found["step"] or "", found["item"], checks)


def through_library(folder: Path, words: list[str]) -> Answer:
    ended = subprocess.run(
        [LIBRARY, *words], cwd=folder, check=False, capture_output=True, text=True, timeout=60
    )
    return answer_of(ended.returncode, ended.stdout)


def through_command(folder: Path, words: list[str]) -> Answer:
    ended = run(folder, "verify --json", *words)
    return answer_of(ended.returncode, ended.stdout)


def through_python(folder: Path, words: list[str]) -> Answer:
    given = dict(zip(words[::2], words[1::2], strict=True))
    challenge, tensor, expect = (given.get(f"--{n}") for n in ("challenge", "tensor", "expect"))
    at_least = given.get("--at-least")
    try:
        verdict = assay.verify(
            assay.Commitment.read(folder / "commitment"),
            assay.Proofs.read(folder / "proofs"),
            assay.VerifierKey.open(folder / "srs"),
            challenge=assay.Challenge.read(folder / challenge) if challenge else None,
            challenge_digest=given.get("--challenge-digest"),
            at_least=int(at_least) if at_least else None,
            digest=given.get("--digest"),
            expect=dict(part.split("=") for part in expect.split(",")) if expect else None,
            captured=folder / tensor if tensor else None,
        )
    except assay.InputError:
        return Answer(BAD_INPUT)
    return answer_of(verdict.exit_code, verdict.to_json())


@pytest.mark.parametrize("one", CASES, ids=[one.name for one in CASES])
def test_every_door_says_the_same(one: Case, tmp_path: Path) -> None:
    words = write(one.make(tmp_path), tmp_path)
    library = through_library(tmp_path, words)
    assert (library.code, library.step, library.item) == (one.code, one.step, one.item)
    assert through_command(tmp_path, words) == library
    assert through_python(tmp_path, words) == library


def test_the_table_reaches_every_step() -> None:
    steps = {one.step for one in CASES if one.code in (REJECTED, INCONCLUSIVE)}
    # "header" and "commitment value" are for commitments that came from no file, "scheme" for
    # schemes to come, and randomness does not fail here.
    assert steps == {
        "no proofs", "expectation", "SRS digest", "axes", "commitment digest", "expected digest",
        "challenge",
        "proof shape", "value range", "padding", "proof points", "opening equation",
        "captured tensor", "captured values", "points", "encoding",
    }  # fmt: skip
    assert len(CASES) >= 60


@pytest.fixture(autouse=True, scope="module")
def _built() -> None:
    assert LIBRARY.exists(), f"{LIBRARY} is not built: make test builds it"
