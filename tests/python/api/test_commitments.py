"""Commit, challenge, open and verify through the package; every way to say no; every bad input."""

import hashlib
import pickle
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import assay

R = assay.R
AXES = (3, 2, 4)
VALUES = np.random.default_rng(1).integers(-(2**15), 2**15, AXES, np.int16)


@pytest.fixture(scope="module")
def srs() -> assay.Srs:
    return assay.Srs.dev(AXES, seed=5)


@pytest.fixture(scope="module")
def commitment(srs: assay.Srs) -> assay.Commitment:
    return assay.commit(assay.encode(VALUES, "int", "flat"), srs)


@pytest.fixture(scope="module")
def proofs(commitment: assay.Commitment) -> assay.Proofs:
    return commitment.open([(0, 0, 0), (2, 1, 3), (1, 0, 2)])


# ---- Accepted


def test_what_is_opened_is_what_was_committed(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs
) -> None:
    assert [opening.point for opening in proofs] == [(0, 0, 0), (2, 1, 3), (1, 0, 2)]
    assert [opening.value for opening in proofs] == [VALUES[point] for point, _, _ in proofs]
    assert len(proofs) == 3
    assert proofs[-1] == proofs[2]
    with pytest.raises(IndexError):
        proofs[3]
    verdict = assay.verify(commitment, proofs, srs.verifier_key)
    assert verdict
    assert (verdict.outcome, verdict.step, verdict.reason) == ("accepted", "", "")
    assert verdict.figures["proofs"].value == 3
    assert "accepted" in repr(verdict)


def test_a_bare_acceptance_says_what_it_did_not_check(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs
) -> None:
    bare = assay.verify(commitment, proofs, srs.verifier_key)
    assert "SRS unverified" in " ".join(bare.assumptions)
    assert "challenge" in " ".join(bare.notes)
    assert ("challenge", "missing") in bare.checks
    challenge = assay.Challenge.draw(commitment, 2)
    full = assay.verify(
        commitment,
        commitment.open(challenge),
        srs.verifier_key,
        challenge=challenge,
        digest=commitment.digest,
        expect={"encoding": "int"},
        at_least=2,
        trusted=[srs.verifier_key.digest],
        captured=VALUES,
    )
    assert full
    assert full.assumptions == [
        "SRS trusted by the verifier's list as 'named by the caller' (the file's own word: dev, "
        "whoever made it can open to anything)"
    ]
    assert full.notes == []
    assert "missing" not in dict(full.checks).values()


def test_everything_survives_bytes_and_files(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs, tmp_path: Path
) -> None:
    challenge = assay.Challenge.draw(commitment, 4)
    key = srs.verifier_key
    for thing in (commitment, proofs, challenge):
        again = type(thing).from_bytes(bytes(thing))
        assert again.to_bytes() == thing.to_bytes()
        thing.write(tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == thing.to_bytes()
        assert type(thing).read(tmp_path / "file").to_bytes() == thing.to_bytes()
    (tmp_path / "key.vk").write_bytes(bytes(key))
    assert assay.VerifierKey.open(tmp_path / "key.vk") == key
    assert hash(assay.VerifierKey.from_bytes(bytes(key))) == hash(key)
    read = assay.Commitment.from_bytes(commitment.to_bytes())
    assert read == commitment
    assert hash(read) == hash(commitment)
    assert read.header == commitment.header
    assert assay.verify(read, assay.Proofs.from_bytes(bytes(proofs)), key)


def test_a_commitment_read_from_bytes_opens_with_its_tensor_and_srs(
    commitment: assay.Commitment, srs: assay.Srs
) -> None:
    read = assay.Commitment.from_bytes(bytes(commitment))
    with pytest.raises(assay.InputError, match="give its tensor and SRS"):
        read.open([(0, 0, 0)])
    tensor = assay.encode(VALUES, "int", "flat")
    proofs = read.open([(0, 1, 0)], tensor, srs)
    assert bytes(proofs) == bytes(commitment.open([(0, 1, 0)]))


def test_srs_files(tmp_path: Path, srs: assay.Srs, commitment: assay.Commitment) -> None:
    srs.write(tmp_path / "a.srs")
    assay.Srs.write_dev(AXES, 5, tmp_path / "b.srs")
    assert (tmp_path / "a.srs").read_bytes() == (tmp_path / "b.srs").read_bytes()
    opened = assay.Srs.open(tmp_path / "a.srs")
    assert opened.axes == AXES
    assert opened.verifier_key == srs.verifier_key
    assert opened.verify()
    again = assay.commit(assay.encode(VALUES, "int", "flat"), opened)
    assert again == commitment


def test_a_spoilt_srs_is_rejected(tmp_path: Path, srs: assay.Srs) -> None:
    srs.write(tmp_path / "a.srs")
    data = bytearray((tmp_path / "a.srs").read_bytes())
    data[-1] ^= 1
    (tmp_path / "a.srs").write_bytes(data)
    verdict = assay.Srs.open(tmp_path / "a.srs").verify()
    assert verdict.outcome == "rejected"
    assert verdict.step in {"points", "level digests"}


def test_random_srs_is_well_formed_and_never_the_same() -> None:
    one, other = assay.Srs.random((2, 3)), assay.Srs.random((2, 3))
    assert one.verify()
    assert one.verifier_key.trust == "dev"
    assert one.verifier_key != other.verifier_key


def test_the_setup_of_the_original_pipeline_is_known_to_all() -> None:
    srs = assay.Srs.original((2, 3))
    assert srs.verifier_key == assay.Srs.original((2, 3)).verifier_key
    commitment = assay.commit(assay.encode(np.arange(6).reshape(2, 3), "int", "flat"), srs)
    proofs = commitment.open([(1, 2)])
    trusted = [srs.verifier_key.digest]
    for verdict in (
        assay.verify(commitment, proofs, srs.verifier_key),
        assay.verify(commitment, proofs, srs.verifier_key, trusted=trusted),
    ):
        assert verdict
        assert any("known to all" in text for text in verdict.assumptions)
    assert any("known to all" in note for note in srs.verify().notes)
    own = assay.verify(commitment, proofs, assay.Srs.dev((2, 3), seed=1).verifier_key)
    assert not any("known to all" in text for text in own.assumptions)


def test_points_may_be_rows_of_an_array(commitment: assay.Commitment) -> None:
    rows = commitment.open(np.array([(0, 0, 1), (2, 1, 0)]))
    assert bytes(rows) == bytes(commitment.open([(0, 0, 1), (2, 1, 0)]))


def test_lists_are_points_anywhere(commitment: assay.Commitment, srs: assay.Srs) -> None:
    proofs = commitment.open([[2**200, -1, 7 * R + 3], [2, 1, 3]])
    assert proofs[0].point == (2**200, R - 1, 3)
    assert proofs[0].place is None
    # A list on the grid is the same point as the tuple.
    assert proofs[1] == commitment.open([(2, 1, 3)])[0]
    assert assay.verify(commitment, proofs, srs.verifier_key, captured=VALUES)
    coefficients = assay.interpolate(VALUES)
    assert proofs[0].value % R == assay.evaluate(coefficients, AXES, proofs[0].point)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_round_trip_of_any_integers(data: st.DataObject) -> None:
    axes = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    count = int(np.prod(axes))
    bound = data.draw(st.sampled_from([1, 2**7, 2**15, 2**63, 2**250, R // 2]))
    values = data.draw(st.lists(st.integers(-bound, bound), min_size=count, max_size=count))
    point = tuple(data.draw(st.integers(0, size - 1)) for size in axes)
    srs = assay.Srs.dev(axes, data.draw(st.integers(0, 2**64 - 1)))
    tensor = assay.encode(values, "int", "flat", axes)
    commitment = assay.commit(tensor, srs)
    proofs = assay.Proofs.from_bytes(bytes(commitment.open([point])))
    assert proofs[0].value == values[int(np.ravel_multi_index(point, axes))] == tensor[point]
    assert assay.verify(commitment, proofs, srs.verifier_key, captured=tensor)


# ---- Kept quotients


def test_kept_quotients_give_the_same_proofs(commitment: assay.Commitment) -> None:
    points = [(0, 0, 0), (2, 1, 3), (2, 0, 1)]
    plain = bytes(commitment.open(points))
    kept = commitment.keep()
    assert len(kept) == AXES[0]
    assert bytes(commitment.open(points, kept=kept)) == plain
    # Two prefixes of two coordinates and three points that were not there.
    assert len(kept) == AXES[0] + 3 + 3
    assert bytes(commitment.open(points, kept=kept)) == plain
    assert len(kept) == AXES[0] + 3 + 3
    # From nothing, point by point; a point off the grid neither takes nor adds.
    grown = assay.KeptQuotients(commitment)
    assert len(grown) == 0
    for point in points:
        assert bytes(commitment.open([point], kept=grown)) == bytes(commitment.open([point]))
    assert len(grown) == 2 + 3 + 3
    anywhere = commitment.open([[2**200, 1, 2]], kept=grown)
    assert bytes(anywhere) == bytes(commitment.open([[2**200, 1, 2]]))
    assert len(grown) == 2 + 3 + 3


def test_kept_quotients_are_taken_from_their_file(
    commitment: assay.Commitment, srs: assay.Srs, tmp_path: Path
) -> None:
    path = tmp_path / "kept"
    kept = commitment.keep()
    kept.write(path)
    assert path.read_bytes() == bytes(kept)
    read = assay.Commitment.from_bytes(bytes(commitment))
    again = assay.KeptQuotients.read(path, read)
    assert bytes(again) == bytes(kept)
    proofs = read.open([(1, 1, 1)], assay.encode(VALUES, "int", "flat"), srs, again)
    assert bytes(proofs) == bytes(commitment.open([(1, 1, 1)]))
    more = assay.KeptQuotients.from_bytes(bytes(again), commitment)
    assert len(more) == len(again) == AXES[0] + 2
    with pytest.raises(assay.InputError, match="give its tensor and SRS"):
        read.keep()


def test_kept_quotients_that_were_changed(commitment: assay.Commitment) -> None:
    good = bytes(commitment.keep())
    # After tag, owner and count: two numbers and a point for each node.
    first, second = good[57:89], good[97:129]
    assert first != second
    kept = assay.KeptQuotients.from_bytes(good[:57] + second + good[89:], commitment)
    before = bytes(kept)
    with pytest.raises(assay.InputError, match="does not verify") as raised:
        commitment.open([(0, 1, 1)], kept=kept)
    assert raised.value.code == "mismatch"
    assert bytes(kept) == before
    # The others are as good as they were.
    assert bytes(commitment.open([(1, 1, 1)], kept=kept)) == bytes(commitment.open([(1, 1, 1)]))


def test_nothing_is_kept_of_another_tensor(commitment: assay.Commitment) -> None:
    changed = VALUES.copy()
    changed[1, 1, 1] ^= 1
    other = assay.encode(changed, "int", "flat")
    kept = assay.KeptQuotients(commitment)
    with pytest.raises(assay.InputError, match="not the one that was committed to"):
        commitment.open([(1, 1, 0)], other, kept=kept)
    assert len(kept) == 0
    with pytest.raises(assay.InputError, match="does not verify"):
        commitment.open([(1, 1, 0)], kept=commitment.keep(other))


def test_kept_quotients_of_another_commitment(commitment: assay.Commitment, srs: assay.Srs) -> None:
    other = assay.commit(assay.encode(VALUES[::-1], "int", "flat"), srs)
    kept = other.keep()
    with pytest.raises(assay.InputError, match="kept for another commitment") as raised:
        commitment.open([(0, 0, 0)], kept=kept)
    assert raised.value.code == "mismatch"
    with pytest.raises(assay.DecodeError, match="kept for another commitment") as refused:
        assay.KeptQuotients.from_bytes(bytes(kept), commitment)
    assert refused.value.code == "mismatch"
    with pytest.raises(assay.InputError, match="SRS") as raised:
        commitment.keep(srs=assay.Srs.dev(AXES, seed=6))
    assert raised.value.code == "mismatch"


def test_files_that_are_no_kept_quotients(commitment: assay.Commitment, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    good = bytes(commitment.keep())
    swapped = good[:49] + good[89:129] + good[49:89] + good[129:]
    for bad in (b"", good[:-1], good + b"\0", b"x" + good[1:], swapped):
        with pytest.raises(assay.DecodeError, match=r"^kept quotients"):
            assay.KeptQuotients.from_bytes(bad, commitment)
        path.write_bytes(bad)
        with pytest.raises(assay.DecodeError) as raised:
            assay.KeptQuotients.read(path, commitment)
        assert raised.value.place.startswith(str(path))
    with pytest.raises(assay.InputError) as missing:
        assay.KeptQuotients.read(tmp_path / "nothing here", commitment)
    assert missing.value.code == "io"
    assert not isinstance(missing.value, assay.DecodeError)
    with pytest.raises(assay.InputError) as nowhere:
        commitment.keep().write(tmp_path / "no folder" / "kept")
    assert nowhere.value.code == "io"


# ---- Rejected


def test_another_digest(commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs) -> None:
    verdict = assay.verify(commitment, proofs, srs.verifier_key, digest=bytes(32))
    assert not verdict
    assert (verdict.outcome, verdict.step) == ("rejected", "expected digest")
    assert verdict.reason
    good = assay.verify(commitment, proofs, srs.verifier_key, digest=commitment.digest)
    assert good
    assert assay.verify(
        commitment, proofs, srs.verifier_key, digest=bytes.fromhex(commitment.digest)
    )


def test_another_srs(commitment: assay.Commitment, proofs: assay.Proofs) -> None:
    key = assay.Srs.dev(AXES, seed=6).verifier_key
    assert assay.verify(commitment, proofs, key).step == "SRS digest"


def test_another_commitment(proofs: assay.Proofs, srs: assay.Srs) -> None:
    other = assay.commit(assay.encode(VALUES[::-1], "int", "flat"), srs)
    assert assay.verify(other, proofs, srs.verifier_key).step == "commitment digest"


def test_points_that_were_not_asked_for(commitment: assay.Commitment, srs: assay.Srs) -> None:
    challenge = assay.Challenge.from_seed(commitment, 4, seed=1)
    some = commitment.open(challenge.points[:3])
    verdict = assay.verify(commitment, some, srs.verifier_key, challenge=challenge)
    assert verdict.step == "challenge"


def test_proofs_of_other_values_do_not_verify(commitment: assay.Commitment, srs: assay.Srs) -> None:
    changed = VALUES.copy()
    changed[1, 1, 1] ^= 1
    lie = commitment.open([(1, 1, 1)], assay.encode(changed, "int", "flat"))
    assert lie[0].value == changed[1, 1, 1]
    verdict = assay.verify(commitment, lie, srs.verifier_key)
    assert verdict.step == "opening equation"


def test_any_changed_byte_is_caught(commitment: assay.Commitment, srs: assay.Srs) -> None:
    good = bytes(commitment.open([(1, 1, 1), (0, 1, 2)]))
    draw = random.Random(4)
    for index in draw.sample(range(len(good)), 60):
        data = bytearray(good)
        data[index] ^= 1 << draw.randrange(8)
        try:
            proofs = assay.Proofs.from_bytes(bytes(data))
        except assay.DecodeError:
            continue
        assert not assay.verify(commitment, proofs, srs.verifier_key), index


def test_values_that_the_verifier_did_not_compute(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs
) -> None:
    key = srs.verifier_key
    mine = VALUES.copy()
    mine[2, 1, 3] += 1
    verdict = assay.verify(commitment, proofs, key, captured=mine)
    assert (verdict.outcome, verdict.step) == ("rejected", "captured values")
    # What is not opened is not compared.
    mine = VALUES.copy()
    mine[0, 1, 1] += 1
    assert assay.verify(commitment, proofs, key, captured=mine)


@pytest.mark.parametrize(
    "captured",
    [
        assay.encode(VALUES.astype(np.int32), "int", "flat"),
        assay.encode({"another layer": VALUES}, "int", "flat"),
        assay.encode(VALUES.reshape(24), "int", "flat", AXES),
        assay.encode(VALUES.astype(np.float32), "decimal:0", "flat"),
    ],
    ids=["dtype", "name", "shape", "encoding"],
)
def test_a_captured_tensor_of_another_kind(
    commitment: assay.Commitment,
    proofs: assay.Proofs,
    srs: assay.Srs,
    captured: assay.Tensor,
) -> None:
    verdict = assay.verify(commitment, proofs, srs.verifier_key, captured=captured)
    assert (verdict.outcome, verdict.step) == ("rejected", "captured tensor")
    assert any("SRS unverified" in text for text in verdict.assumptions)


@pytest.mark.parametrize("layout", ["flat", "cube"])
@pytest.mark.parametrize("count", [12, 47, 49, 500])
def test_captured_values_of_another_count(layout: str, count: int) -> None:
    tensor = assay.encode(np.arange(48), "int", layout)
    srs = assay.Srs.dev(tensor.axes, 1)
    commitment = assay.commit(tensor, srs)
    proofs = commitment.open([(0,) * len(tensor.axes)])
    assert assay.verify(commitment, proofs, srs.verifier_key, captured=np.arange(48))
    verdict = assay.verify(commitment, proofs, srs.verifier_key, captured=np.arange(count))
    assert (verdict.outcome, verdict.step) == ("rejected", "captured tensor")


def test_python_integers_can_be_compared_with_an_array(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs
) -> None:
    key = srs.verifier_key
    assert assay.verify(commitment, proofs, key, captured=VALUES.astype(object))
    assert not assay.verify(commitment, proofs, key, captured=(VALUES + 1).astype(object))


# ---- Bad input


def test_a_digest_has_64_digits_and_nothing_else(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs
) -> None:
    digest = commitment.digest
    assert assay.verify(commitment, proofs, srs.verifier_key, digest=digest)
    for wrong in (
        f" {digest}",
        f"{digest[:32]} {digest[32:]}",
        digest[:-1],
        f"{digest}\n",
        "0x" + digest,
    ):
        with pytest.raises(assay.InputError, match="give 64 hexadecimal digits or 32 bytes"):
            assay.verify(commitment, proofs, srs.verifier_key, digest=wrong)


def test_errors_say_where_and_why(commitment: assay.Commitment) -> None:
    with pytest.raises(assay.DecodeError) as raised:
        assay.Commitment.from_bytes(b"nonsense")
    error = raised.value
    assert isinstance(error, assay.InputError)
    assert isinstance(error, assay.Error)
    assert isinstance(error, ValueError)
    assert error.code == "malformed"
    assert error.place.startswith("commitment")
    assert str(error) == f"{error.place}: {error.reason}"
    assert str(assay.InputError("io", "", "why")) == "why"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))


@pytest.mark.parametrize("kind", [assay.Commitment, assay.Proofs, assay.Challenge])
def test_cut_and_continued_bytes(
    kind: type, commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs
) -> None:
    challenge = assay.Challenge.from_seed(commitment, 3, seed=2)
    good = {type(thing): bytes(thing) for thing in (commitment, proofs, challenge)}[kind]
    for bad in (b"", good[:-1], good + b"\0", b"x" + good[1:]):
        with pytest.raises(assay.DecodeError):
            kind.from_bytes(bad)
    with pytest.raises(assay.DecodeError):
        assay.VerifierKey.from_bytes(bytes(srs.verifier_key)[:-1])


@pytest.mark.parametrize(
    "read",
    [
        assay.Commitment.read,
        assay.Proofs.read,
        assay.Challenge.read,
        assay.Srs.open,
        assay.VerifierKey.open,
    ],
)
def test_a_missing_file(read: object, tmp_path: Path) -> None:
    with pytest.raises(assay.InputError, match="nothing here") as raised:
        read(tmp_path / "nothing here")
    assert raised.value.code == "io"
    assert not isinstance(raised.value, assay.DecodeError)


def test_nowhere_to_write(commitment: assay.Commitment, tmp_path: Path) -> None:
    with pytest.raises(assay.InputError) as raised:
        commitment.write(tmp_path / "no folder" / "file")
    assert raised.value.code == "io"


@pytest.mark.parametrize(
    "point", [(3, 0, 0), (0, 0, 4), (-1, 0, 0), (2**32, 0, 0), (0, 0), (0, 0, 0, 0), (), [1, 2]]
)
def test_points_off_the_axes(commitment: assay.Commitment, point: object) -> None:
    with pytest.raises(assay.InputError):
        commitment.open([point])


def test_points_are_integers(commitment: assay.Commitment) -> None:
    with pytest.raises(TypeError):
        commitment.open([(0, 0, 1.0)])
    with pytest.raises(TypeError):
        commitment.open([[0, 0, 1.5]])


def test_other_axes_than_those_of_the_srs() -> None:
    tensor = assay.encode(VALUES, "int", "flat")
    with pytest.raises(assay.InputError, match="axes") as raised:
        assay.commit(tensor, assay.Srs.dev((3, 2, 5), 5))
    assert raised.value.code == "mismatch"


@pytest.mark.parametrize("axes", [(), (0, 2), (2, -1), (2**64,), (2**21,), (2,) * 33])
def test_axes_out_of_range(axes: tuple[int, ...]) -> None:
    with pytest.raises(assay.InputError) as raised:
        assay.Srs.dev(axes, 0)
    assert raised.value.code == "out_of_range"


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range(commitment: assay.Commitment, seed: int) -> None:
    with pytest.raises(assay.InputError, match="seed"):
        assay.Srs.dev((2, 2), seed)
    with pytest.raises(assay.InputError, match="seed"):
        assay.Challenge.from_seed(commitment, 1, seed)
    with pytest.raises(assay.InputError, match="pad_seed"):
        assay.encode(VALUES, "int", "cube", pad_seed=seed)


def test_an_srs_too_large_for_memory() -> None:
    with pytest.raises(assay.InputError) as raised:
        assay.Srs.dev((2**13, 2**13), 0)
    assert raised.value.code == "too_large"


def test_challenges(commitment: assay.Commitment, srs: assay.Srs) -> None:
    challenge = assay.Challenge.from_seed(commitment, 24, seed=3)
    assert len(challenge) == 24
    assert set(challenge.points) == set(np.ndindex(AXES))
    assert challenge.commitment_digest == commitment.digest
    assert len(set(assay.Challenge.draw(commitment, 7).points)) == 7
    for count in (-1, 0, 25, 2**64):
        with pytest.raises(assay.InputError):
            assay.Challenge.draw(commitment, count)
    other = assay.commit(assay.encode(VALUES[::-1], "int", "flat"), srs)
    with pytest.raises(assay.InputError, match="asks about the commitment"):
        other.open(challenge)


def test_proofs_know_places_only_of_their_commitment(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs
) -> None:
    assert assay.Proofs.from_bytes(bytes(proofs))[0].place is None
    assert assay.Proofs.from_bytes(bytes(proofs), commitment)[1].place == assay.Place(
        "array", (2, 1, 3), "", False
    )
    other = assay.commit(assay.encode(VALUES[::-1], "int", "flat"), srs)
    with pytest.raises(assay.InputError, match="another commitment"):
        assay.Proofs.from_bytes(bytes(proofs), other)


@pytest.mark.parametrize("digest", ["zz", "00" * 31, bytes(31)])
def test_digests_have_32_bytes(
    commitment: assay.Commitment,
    proofs: assay.Proofs,
    srs: assay.Srs,
    digest: str | bytes,
) -> None:
    with pytest.raises(assay.InputError):
        assay.verify(commitment, proofs, srs.verifier_key, digest=digest)
    with pytest.raises(assay.InputError):
        assay.verify(commitment, proofs, srs.verifier_key, trusted=[digest])


def test_trusted_may_be_a_file(
    commitment: assay.Commitment, proofs: assay.Proofs, srs: assay.Srs, tmp_path: Path
) -> None:
    path = tmp_path / "trusted"
    path.write_text(f"{srs.verifier_key.digest} mine\n")
    verdict = assay.verify(commitment, proofs, srs.verifier_key, trusted=path)
    assert not any("SRS unverified" in note for note in verdict.notes)
    path.write_text("nonsense\n")
    with pytest.raises(assay.DecodeError):
        assay.verify(commitment, proofs, srs.verifier_key, trusted=path)
    with pytest.raises(TypeError, match="list of digests"):
        assay.verify(commitment, proofs, srs.verifier_key, trusted=srs.verifier_key.digest)


# ---- What a verifier says beforehand


STATES = {"a": np.full((2, 3), 0.25, np.float32), "b": np.ones((2, 3), np.float32)}


def test_zeros_agree_under_an_encoding_that_rounds_all_away() -> None:
    zeros = {"a": np.zeros((2, 3), np.float32), "b": np.ones((2, 3), np.float32)}
    tensor = assay.encode(zeros, "decimal:0")
    srs = assay.Srs.dev(tensor.axes, seed=1)
    commitment = assay.commit(tensor, srs)
    challenge = assay.Challenge.draw(commitment, 12)
    proofs = commitment.open(challenge)

    def verdict(**more: object) -> assay.Verdict:
        return assay.verify(
            commitment, proofs, srs.verifier_key, challenge=challenge, captured=STATES, **more
        )

    unsure = verdict()
    assert (unsure.outcome, unsure.step) == ("inconclusive", "encoding")
    assert unsure.figures["largest hidden error"].value == 0.5
    layers = ["a", "b"]
    expect = {"encoding": "decimal:0", "dtype": "float32", "mode": "unknown", "layers": layers}
    assert verdict(expect=expect)
    for wrong in (
        {"encoding": "bits"}, {"dtype": "float16"}, {"mode": "decode"}, {"layers": ["b", "a"]},
        {"layers": ["a"]},
    ):  # fmt: skip
        assert verdict(expect=wrong).step == "expectation"


@pytest.mark.parametrize(
    "empty",
    [
        {"digest": ""}, {"digest": b""}, {"challenge_digest": ""}, {"expect": {}},
        {"expect": {"layers": []}}, {"expect": {"encoding": ""}}, {"expect": {"speed": "1"}},
        {"trusted": [""]}, {"at_least": 0}, {"captured": Path()}, {"trusted": Path()},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_empty_is_not_left_out(
    commitment: assay.Commitment, srs: assay.Srs, empty: dict[str, object]
) -> None:
    challenge = assay.Challenge.draw(commitment, 2)
    with pytest.raises(assay.InputError):
        assay.verify(
            commitment, commitment.open(challenge), srs.verifier_key, challenge=challenge, **empty
        )


def test_who_drew_the_challenge(commitment: assay.Commitment, srs: assay.Srs) -> None:
    drawn = assay.Challenge.draw(commitment, 2)
    read = assay.Challenge.from_bytes(drawn.to_bytes())
    assert read.digest == drawn.digest == hashlib.sha256(drawn.to_bytes()).hexdigest()
    proofs = commitment.open(drawn)

    def notes(challenge: assay.Challenge, **more: str) -> str:
        verdict = assay.verify(commitment, proofs, srs.verifier_key, challenge=challenge, **more)
        assert verdict
        return " ".join(verdict.notes)

    assert "challenge" not in notes(drawn)
    assert "nothing shows that the verifier drew the challenge" in notes(read)
    assert "challenge" not in notes(read, challenge_digest=drawn.digest)
    other = assay.Challenge.draw(commitment, 3)
    verdict = assay.verify(
        commitment, proofs, srs.verifier_key, challenge=read, challenge_digest=other.digest
    )
    assert verdict.step == "challenge"
    with pytest.raises(assay.InputError, match="challenge"):
        assay.verify(commitment, proofs, srs.verifier_key, challenge_digest=drawn.digest)


def test_a_challenge_of_padding_is_not_answered() -> None:
    tensor = assay.encode({"a": np.ones((2, 17), np.float32)})
    commitment = assay.commit(tensor, assay.Srs.dev(tensor.axes, seed=1))
    padding = next(p for p in np.ndindex(tensor.axes) if commitment.place(p).is_padding)
    head = b"ASSAYCHL" + struct.pack("<I", 2) + bytes.fromhex(commitment.digest)
    axes = len(tensor.axes)
    data = head + struct.pack("<II", axes, 1) + b"\0" + struct.pack(f"<{axes}I", *padding)
    challenge = assay.Challenge.from_bytes(data)
    with pytest.raises(assay.InputError, match="padding"):
        commitment.open(challenge)


def test_a_place_is_told_as_the_command_tells_it() -> None:
    said = {
        assay.Place("layer_0", (0, 1), "", False): "layer_0[0, 1]",
        assay.Place("layer_0[0, 1]  as captured", (7,), "", False): (
            "'layer_0[0, 1]  as captured'[7]"
        ),
        assay.Place("a\u202eb", (7,), "", False): "'a\\u202eb'[7]",
        assay.Place("padding", (0,), "", False): "'padding'[0]",
        assay.Place("", (), "", True): "padding",
    }
    assert [str(place) for place in said] == list(said.values())
