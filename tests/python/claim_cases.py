"""Claims that are accepted, leave a verdict open, or cannot be used as input."""

import hashlib
import struct
from pathlib import Path

import numpy as np

from claim_files import (
    ACCEPTED,
    BAD_INPUT,
    CUBE,
    FLAT,
    INCONCLUSIVE,
    MODEL,
    MODEL_VALUES,
    REJECTED,
    ROUNDED,
    SCHEME,
    Files,
    case,
    challenge_of,
    changed,
    digest_of,
    field_point,
    honest,
    layers,
    npy_of,
    put,
    relabelled,
    renamed,
    safetensors_of,
    with_records,
)

# ---- Slices and sets, with the SRS or a part of it


def sliced(folder: Path, from_level: int = 0, **names: int) -> Files:
    """One slice of the model, for a verifier with the levels of the SRS from one on."""
    path = folder / "levels"
    MODEL.srs.trim(from_level, path) if from_level else MODEL.srs.write(path)
    proofs = MODEL.commitment.open(**names)
    return changed(MODEL, proofs=proofs.to_bytes(), srs=path.read_bytes())


@case(ACCEPTED)
def a_layer(folder: Path) -> Files:
    return sliced(folder, from_level=1, layer=1)


@case(ACCEPTED)
def a_token_over_all_layers(folder: Path) -> Files:
    return sliced(folder, token=1)


@case(ACCEPTED)
def a_place_in_the_width_of_a_layer(folder: Path) -> Files:
    return sliced(folder, from_level=1, layer=0, dim=16)


@case(INCONCLUSIVE, "levels", 0)
def a_layer_for_who_has_the_key_alone(_: Path) -> Files:
    return changed(MODEL, proofs=MODEL.commitment.open(layer=1).to_bytes())


@case(INCONCLUSIVE, "levels", 0)
def a_token_for_who_has_the_layers_levels(folder: Path) -> Files:
    return sliced(folder, from_level=1, token=1)


@case(REJECTED, "level digests", 0)
def a_layer_under_points_of_another_srs(folder: Path) -> Files:
    files = sliced(folder, from_level=1, layer=1)
    srs = bytearray(files.srs)
    srs[4096] ^= 1
    files.srs = bytes(srs)
    return files


@case(REJECTED, "opening equation", 0)
def a_layer_with_a_changed_value(folder: Path) -> Files:
    files = sliced(folder, from_level=1, layer=1)
    proofs = bytearray(files.proofs)
    proofs[52 + 13 + 9] ^= 1
    files.proofs = bytes(proofs)
    return files


@case(BAD_INPUT)
def a_slice_that_fixes_no_axis(folder: Path) -> Files:
    files = sliced(folder, from_level=1, layer=1)
    files.proofs = files.proofs[:53] + bytes(4) + files.proofs[57:]
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


# ---- Inconclusive


@case(INCONCLUSIVE, "no proofs")
def no_proofs(_: Path) -> Files:
    return changed(FLAT, proofs=with_records(FLAT.proofs.to_bytes(), []))


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
def tree_that_names_a_setup(_: Path) -> Files:
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
def commitment_of_a_scheme_that_is_none(_: Path) -> Files:
    return changed(FLAT, commitment=put(FLAT.commitment.to_bytes(), SCHEME, b"\x03"))


@case(BAD_INPUT)
def proofs_of_a_query_that_is_none(_: Path) -> Files:
    return changed(FLAT, proofs=put(FLAT.proofs.to_bytes(), 52, b"\x04"))


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
