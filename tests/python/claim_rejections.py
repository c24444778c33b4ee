"""Claims that are rejected, each at its step."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

import assay
from claim_files import (
    ACCEPTED,
    CUBE,
    FLAT,
    INCONCLUSIVE,
    MODEL,
    REJECTED,
    ROUNDED,
    Files,
    Record,
    Sample,
    capture_of,
    case,
    challenge_of,
    changed,
    field_point,
    flipped,
    header_of,
    layers,
    npy_of,
    places,
    put,
    records,
    relabelled,
    renamed,
    safetensors_of,
    sample,
    with_header,
    with_records,
)


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


HALF = sample(
    assay.encode(np.array([[1, 2], [3, 4]], np.float16), "bits", "flat", dtype="float16"), [(0, 1)]
)


@case(REJECTED, "captured tensor")
def captured_values_of_a_wider_dtype(folder: Path) -> Files:
    return changed(HALF, tensor=npy_of(np.array([[1, 2], [3, 4]], np.float32), folder))


@case(REJECTED, "captured tensor")
def captured_values_of_a_dtype_that_rounds(folder: Path) -> Files:
    wide = sample(assay.encode(np.eye(2), "decimal:2", "flat"), [(0, 1)])
    return changed(wide, tensor=npy_of(np.eye(2, dtype=np.float32), folder))
