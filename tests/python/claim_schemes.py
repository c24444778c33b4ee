"""Claims under the schemes "kzg" and "merkle"."""

from pathlib import Path

import numpy as np

import assay
from claim_files import (
    ACCEPTED,
    BAD_INPUT,
    FLAT,
    INCONCLUSIVE,
    REJECTED,
    SCHEME,
    Files,
    case,
    challenge_of,
    changed,
    flipped,
    layers,
    npy_of,
    put,
    records,
    renamed,
    safetensors_of,
    sample,
    with_records,
)

TENSOR = assay.encode(layers(), "bits", "model", dtype="bfloat16", capture_mode="decode")
POINTS = [(0, 0, 5, 2), (0, 0, 0, 0), (1, 1, 3, 2)]  # the first is padding
KZG = sample(TENSOR, POINTS, "kzg")
MERKLE = sample(TENSOR, POINTS, "merkle")
ARRAY = 5 + 37 * np.arange(600).reshape(3, 200)
KZG_FLAT = sample(assay.encode(ARRAY, "int", "flat"), [(0, 0), (2, 150)], "kzg")
MERKLE_FLAT = sample(assay.encode(ARRAY, "int", "flat"), [(0, 0), (2, 150)], "merkle")


def kzg_slice(folder: Path, **names: int) -> Files:
    """One slice, for a verifier that has the SRS."""
    assert isinstance(KZG.srs, assay.kzg.Srs)
    KZG.srs.write(folder / "whole.srs")
    proofs = KZG.commitment.open(**names).to_bytes()
    return changed(KZG, proofs=proofs, srs=(folder / "whole.srs").read_bytes())


@case(ACCEPTED)
def kzg_entries(_: Path) -> Files:
    return changed(KZG, tensor=safetensors_of(layers()))


@case(ACCEPTED)
def kzg_entries_of_an_array(folder: Path) -> Files:
    return changed(KZG_FLAT, tensor=npy_of(ARRAY, folder))


@case(ACCEPTED)
def kzg_set_in_64_bytes(_: Path) -> Files:
    proofs = KZG_FLAT.commitment.open([(0, 7), (2, 199), (1, 0)], together=True)
    assert len(proofs.to_bytes()) == 52 + 5 + 4 * 3 + 9 + 2 * 3 + 4 + 64
    return changed(KZG_FLAT, proofs=proofs.to_bytes())


@case(ACCEPTED)
def kzg_layer(folder: Path) -> Files:
    return kzg_slice(folder, layer=1)


@case(ACCEPTED)
def kzg_token_of_all_layers(folder: Path) -> Files:
    return kzg_slice(folder, token=1)


@case(ACCEPTED)
def kzg_place_in_the_width_for_who_has_the_key_alone(_: Path) -> Files:
    return changed(KZG, proofs=KZG.commitment.open(dim=16).to_bytes())


@case(ACCEPTED)
def kzg_challenge_answered(_: Path) -> Files:
    proofs = KZG.commitment.open(POINTS[1:]).to_bytes()
    return changed(KZG, proofs=proofs, challenge=challenge_of(KZG, POINTS[1:]))


@case(INCONCLUSIVE, "basis points", 0)
def kzg_layer_for_who_has_the_key_alone(_: Path) -> Files:
    return changed(KZG, proofs=KZG.commitment.open(layer=1).to_bytes())


@case(REJECTED, "basis digests", 0)
def kzg_layer_under_points_of_another_srs(folder: Path) -> Files:
    files = kzg_slice(folder, layer=1)
    assert files.srs is not None
    # 2^10 points of 64 bytes stand last; the second layer has the second 64 of them.
    return changed(KZG, proofs=files.proofs, srs=flipped(files.srs, -64 * 1024 + 64 * 64))


@case(REJECTED, "opening equation", 0)
def kzg_layer_with_a_changed_value(folder: Path) -> Files:
    files = kzg_slice(folder, layer=1)
    files.proofs = flipped(files.proofs, 52 + 13 + 9)
    return files


@case(REJECTED, "opening equation", 1)
def kzg_entry_with_a_changed_value(_: Path) -> Files:
    found = records(KZG.proofs.to_bytes())
    changed_one = found[1]._replace(value=flipped(found[1].value, 0))
    return changed(
        KZG, proofs=with_records(KZG.proofs.to_bytes(), [found[0], changed_one, found[2]])
    )


@case(REJECTED, "proof points", 0)
def kzg_evidence_that_is_no_point(_: Path) -> Files:
    return changed(KZG, proofs=put(KZG.proofs.to_bytes(), 52 + 17 + 32 + 4 + 31, b"\x3f"))


@case(REJECTED, "SRS digest")
def kzg_of_another_seed(_: Path) -> Files:
    return changed(KZG, srs=assay.kzg.Srs.dev(10, seed=8).verifier_key.to_bytes())


@case(REJECTED, "scheme")
def kzg_under_parameters_of_the_scheme_tensor(_: Path) -> Files:
    assert FLAT.srs is not None
    return changed(KZG, srs=FLAT.srs.verifier_key.to_bytes())


@case(BAD_INPUT)
def kzg_without_parameters(_: Path) -> Files:
    return changed(KZG, srs=None)


@case(BAD_INPUT)
def kzg_commitment_off_the_curve(_: Path) -> Files:
    return changed(KZG, commitment=put(KZG.commitment.to_bytes(), -1, b"\x3f"))


@case(REJECTED, "SRS digest")
def kzg_given_out_for_the_scheme_tensor(_: Path) -> Files:
    assert FLAT.srs is not None
    commitment = put(KZG_FLAT.commitment.to_bytes(), SCHEME, b"\0")
    return Files(
        commitment,
        renamed(KZG_FLAT.proofs.to_bytes(), commitment),
        FLAT.srs.verifier_key.to_bytes(),
    )


# ---- Trees of hashes


@case(ACCEPTED)
def merkle_entries(_: Path) -> Files:
    return changed(MERKLE, tensor=safetensors_of(layers()), at_least="2")


@case(ACCEPTED)
def merkle_entries_of_an_array(folder: Path) -> Files:
    return changed(MERKLE_FLAT, tensor=npy_of(ARRAY, folder))


@case(ACCEPTED)
def merkle_layer(_: Path) -> Files:
    return changed(MERKLE, proofs=MERKLE.commitment.open(layer=1).to_bytes())


@case(ACCEPTED)
def merkle_token_of_all_layers(_: Path) -> Files:
    return changed(MERKLE, proofs=MERKLE.commitment.open(token=1).to_bytes())


@case(ACCEPTED)
def merkle_place_in_the_width(_: Path) -> Files:
    return changed(MERKLE, proofs=MERKLE.commitment.open(dim=16).to_bytes())


@case(REJECTED, "leaf", 0)
def merkle_leaf_with_another_value(_: Path) -> Files:
    # Of the first row the second value is opened; what stands there is 16256 + 37.
    proofs = MERKLE.commitment.open([(0, 0, 0, 1)]).to_bytes()
    return changed(MERKLE, proofs=flipped(proofs, 52 + 17))


@case(REJECTED, "root", 0)
def merkle_row_of_another_token(_: Path) -> Files:
    proofs = MERKLE.commitment.open(layer=0, token=1).to_bytes()
    return changed(MERKLE, proofs=flipped(proofs, 52 + 13 + 9))


@case(REJECTED, "proof length", 0)
def merkle_path_that_is_too_long(_: Path) -> Files:
    found = records(MERKLE.commitment.open([(0, 0, 0, 1)]).to_bytes())[0]
    longer = found._replace(evidence=found.evidence + bytes(32))
    return changed(MERKLE, proofs=with_records(MERKLE.proofs.to_bytes(), [longer]))


@case(REJECTED, "scheme")
def merkle_under_parameters_of_the_scheme_kzg(_: Path) -> Files:
    assert KZG.srs is not None
    return changed(MERKLE, srs=KZG.srs.verifier_key.to_bytes())


@case(REJECTED, "captured values", 1)
def merkle_of_other_values_than_captured(_: Path) -> Files:
    return changed(MERKLE, tensor=safetensors_of(layers(first=16257)))
