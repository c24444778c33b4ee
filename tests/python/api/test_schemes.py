"""The schemes "kzg" and "merkle" in Python, held against what their pages say."""

import hashlib
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import assay

LAYERS, TOKENS, WIDTH = 3, 5, 23
TABLE = np.random.default_rng(5).integers(-(2**15), 2**15, (LAYERS, TOKENS, WIDTH), np.int16)
ROWS = {f"l{i}": TABLE[i] for i in range(LAYERS)}
MODEL = assay.encode(ROWS, "int", "model")
SRS = assay.kzg.Srs.dev(10, seed=3)  # for 3 layers of 8 rows of 32 places
KZG = assay.commit(MODEL, SRS)
MERKLE = assay.commit(MODEL, scheme="merkle")


def vector_of(table: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As docs/claim.md has it: (l 2^a + t) 2^b + h, zeros between."""
    layers, tokens, width = table.shape
    a, b = (tokens - 1).bit_length(), (MODEL.axes[2] * MODEL.axes[3] - 1).bit_length()
    out = np.zeros((layers, 1 << a, 1 << b), table.dtype)
    out[:, :tokens, :width] = table
    return out.reshape(-1)


VECTOR = vector_of(TABLE)
ROW = 32


def place(layer: int, token: int, h: int) -> int:
    return (layer * 8 + token) * ROW + h


def evidence(proofs: assay.Proofs, size: int) -> bytes:
    """The last record's, of which the size is known."""
    data = proofs.to_bytes()
    assert struct.unpack("<I", data[-size - 4 : -size])[0] == size
    return data[-size:]


def test_the_vector_of_the_document() -> None:
    assert KZG.point == SRS.commit(VECTOR)
    assert KZG.header.srs_digest == SRS.verifier_key.digest
    larger = assay.kzg.Srs.dev(12, seed=3)
    more = assay.commit(MODEL, larger)
    assert more.point == larger.commit(VECTOR)
    for commitment, srs in ((KZG, SRS), (more, larger)):
        at = commitment.point_of("l2", (3, 20))
        proofs = commitment.open([at])
        value, quotient = srs.open_index(VECTOR, place(2, 3, 20))
        assert proofs[0].value == value == TABLE[2, 3, 20]
        assert evidence(proofs, 32) == quotient
        assert assay.verify(commitment, proofs, srs.verifier_key)


def test_the_blocks_of_the_document() -> None:
    # A layer has eight rows of 32 places.
    layer = KZG.open(layer=1)
    assert evidence(layer, 32) == SRS.open_block(VECTOR, 8, 1)
    # Rows 1 to 4 of layer 2, the 16th to 23rd of all: one, two, one.
    rows = evidence(KZG.open(layer="l2", token=range(1, 5)), 96)
    assert rows[:32] == SRS.open_block(VECTOR, 5, 17)
    assert rows[32:64] == SRS.open_block(VECTOR, 6, 9)
    assert rows[64:] == SRS.open_block(VECTOR, 5, 20)
    tokens = evidence(KZG.open(token=2), 32 * LAYERS)
    assert tokens == b"".join(SRS.open_block(VECTOR, 5, 8 * i + 2) for i in range(LAYERS))
    for names in ({"layer": 1}, {"layer": "l2", "token": range(1, 5)}, {"token": 2}):
        proofs = KZG.open(**names)
        assert assay.verify(KZG, proofs, SRS, captured=ROWS)
        bare = assay.verify(KZG, proofs, SRS.verifier_key)
        assert (bare.outcome, bare.step) == ("inconclusive", "basis points")


def test_the_sets_of_the_document() -> None:
    entries = [(0, 1, 4), (2, 0, 20), (1, 4, 7)]
    points = [KZG.point_of(f"l{layer}", (token, h)) for layer, token, h in entries]
    proofs = KZG.open(points, together=True)
    proof = evidence(proofs, 64)
    assert proofs.slices().values.tolist() == [int(TABLE[e]) for e in sorted(entries)]
    assert assay.verify(KZG, proofs, SRS.verifier_key)
    claims = [
        assay.kzg.Claim(
            bytes.fromhex(KZG.digest),
            KZG.point,
            assay.kzg.node(10, place(*entry)),
            int(TABLE[entry]),
        )
        for entry in sorted(entries)
    ]
    assert SRS.verifier_key.check_many(claims, proof)
    # The width is no power of two of places, so that one of them is a set too.
    column = KZG.open(dim=6)
    assert len(evidence(column, 64)) == 64
    np.testing.assert_array_equal(column.slices().values, TABLE[:, :, 6])
    assert assay.verify(KZG, column, SRS.verifier_key, captured=ROWS)


def leaf(values: np.ndarray[Any, Any]) -> bytes:
    width = next(w for w in (1, 2, 4, 8) if (np.abs(values * 2 + 1) <= 2 ** (8 * w)).all())
    return bytes([width]) + values.astype(f"<i{width}").tobytes()


def tree(leaves: list[bytes]) -> bytes:
    """The root as RFC 9162 defines it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def sized(leaves: list[bytes]) -> bytes:
    shape = struct.pack("<QQ", 2, len(leaves))
    return hashlib.sha256(b"\2" + shape + tree(leaves)).digest()


def test_the_tree_of_the_document() -> None:
    rows = [leaf(row.astype(np.int64)) for row in TABLE.reshape(-1, WIDTH)]
    assert MERKLE.point == sized(rows)
    assert MERKLE.header.srs_digest == ""
    array = np.arange(600) - 100
    flat = assay.commit(assay.encode(array.reshape(3, 200), "int", "flat"), scheme="merkle")
    assert flat.point == sized([leaf(array[i : i + 256]) for i in (0, 256, 512)])

    # Of 15 rows the third: beside it the fourth, the first two, the next four, the last seven.
    opened = evidence(MERKLE.open([MERKLE.point_of("l0", (2, 4))]), 32 + len(rows[2]) + 4 * 32)
    assert opened[:32] == tree(rows)
    assert opened[32:].startswith(rows[2])
    beside = [tree(rows[3:4]), tree(rows[:2]), tree(rows[4:8]), tree(rows[8:])]
    assert opened[32 + len(rows[2]) :] == b"".join(beside)
    # A row as a whole needs the hashes alone, and padding nothing.
    assert evidence(MERKLE.open(layer="l0", token=2), 160) == tree(rows) + b"".join(beside)
    padding = (0, 0, *divmod(WIDTH, MODEL.axes[3]))
    assert MODEL.axes[2] * MODEL.axes[3] > WIDTH
    assert MERKLE.open([padding]).to_bytes()[-4:] == bytes(4)
    assert assay.verify(MERKLE, MERKLE.open([padding]))


@pytest.mark.parametrize("commitment", [KZG, MERKLE], ids=["kzg", "merkle"])
def test_what_is_asked_for(commitment: assay.Commitment, tmp_path: Path) -> None:
    key = SRS if commitment is KZG else None
    challenge = assay.Challenge.draw(commitment, 2, unit="layer")
    proofs = commitment.open(challenge)
    verdict = assay.verify(commitment, proofs, key, challenge=challenge, captured=ROWS)
    assert verdict, (verdict.step, verdict.reason)
    assert commitment.header.scheme in ("kzg", "merkle")
    commitment.write(tmp_path / "c")
    read = assay.Commitment.read(tmp_path / "c")
    assert read == pickle.loads(pickle.dumps(commitment)) == commitment
    opened = read.open([(0, 0, 0, 0)], tensor=MODEL, srs=SRS if commitment is KZG else None)
    assert assay.verify(read, opened, key)
    bad = assay.verify_all([(read, opened), (read, proofs, "00" * 32)], key)
    assert bad[0]
    assert bad[1].step == "expected digest"


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("needs one", lambda: assay.commit(MODEL)),
        ("needs one", lambda: assay.commit(MODEL, scheme="kzg")),
        ("none of tensor", lambda: assay.commit(MODEL, scheme="rot13")),
        ("for the scheme 'kzg'", lambda: assay.commit(MODEL, SRS, scheme="merkle")),
        ("needs 2", lambda: assay.commit(MODEL, assay.kzg.Srs.dev(5, seed=1))),
        ("open entries", lambda: KZG.open([[-1, 0, 0, 0]])),
        ("open entries", lambda: MERKLE.open([[-1, 0, 0, 0]])),
        ("keeps quotients", KZG.keep),
        ("keeps quotients", MERKLE.keep),
        ("needs one", lambda: assay.verify(KZG, KZG.open(layer=0))),
        ("there are none; give", lambda: assay.verify_all([])),
        ("as tuples", lambda: KZG.open([[0, 0, 0, 0], [0, 0, 0, 1]], together=True)),
        ("stands twice", lambda: KZG.open([(0, 0, 0, 0), (0, 0, 0, 0)], together=True)),
    ],
)
def test_what_a_scheme_cannot_do(message: str, call: Any) -> None:
    with pytest.raises(assay.InputError, match=message):
        call()
