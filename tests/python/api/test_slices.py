"""Slices, batches and runs in blocks, in Python."""

import numpy as np
import pytest

import assay

LAYERS, TOKENS, WIDTH = 3, 5, 6


def run_of(tokens: int, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"l{i}": rng.normal(size=(tokens, WIDTH)).astype(np.float16) for i in range(LAYERS)}


def committed(values: dict[str, np.ndarray]) -> assay.Commitment:
    tensor = assay.encode(values, "bits", "model", capture_mode="decode")
    return assay.commit(tensor, assay.Srs.dev(tensor.axes, seed=4))


MODEL = committed(run_of(TOKENS))
WHOLE = np.stack(list(run_of(TOKENS).values())).view(np.int16)
SRS = assay.Srs.dev(MODEL.header.axes, seed=4)


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ({"layer": "l1"}, WHOLE[1]),
        ({"layer": 2}, WHOLE[2]),
        ({"token": 4}, WHOLE[:, 4]),
        ({"token": range(1, 3)}, WHOLE[:, 1:3].swapaxes(0, 1)),
        ({"dim": 5}, WHOLE[:, :, 5]),
        ({"layer": 0, "token": range(5)}, WHOLE[0]),
        ({"layer": 0, "token": range(2), "dim": 3}, WHOLE[0, :2, 3]),
    ],
)
def test_any_combination(names: dict, values: np.ndarray) -> None:
    proofs = MODEL.open(**names)
    slices = proofs.slices()
    np.testing.assert_array_equal(slices.values, values)
    read = assay.Proofs.from_bytes(proofs.to_bytes())
    assert read.slices().positions == slices.positions
    verdict = assay.verify(MODEL, read, SRS, captured=run_of(TOKENS))
    assert verdict, (verdict.step, verdict.reason)
    kept = MODEL.keep()
    assert MODEL.open(**names, kept=kept).to_bytes() == proofs.to_bytes()


def test_entries_and_slices_stand_side_by_side() -> None:
    proofs = MODEL.open([(0, 0, 0)], layer="l2")
    assert proofs[0].value == WHOLE[0, 0, 0]
    with pytest.raises(assay.InputError, match="see `slices`"):
        _ = proofs[1]
    with pytest.raises(assay.InputError, match="of a point"):
        proofs.slices(0)
    assert assay.verify(MODEL, proofs, SRS)


def test_wide_values_come_as_python_integers() -> None:
    values = [[[2**100, -(2**90)], [3, 4]], [[5, 6], [7, 8]]]
    tensor = assay.encode({"a": values[0], "b": values[1]}, "int", "model")
    commitment = assay.commit(tensor, assay.Srs.dev(tensor.axes, seed=1))
    slices = commitment.open(layer="a").slices()
    assert slices.values.tolist() == values[0]
    assert slices.values.dtype == object


@pytest.mark.parametrize(
    "names",
    [{"layer": "x"}, {"token": 9}, {"dim": 6}, {"token": range(0)}, {"token": range(0, 4, 2)}],
)
def test_slices_that_are_none(names: dict) -> None:
    with pytest.raises(assay.InputError):
        MODEL.open(**names)


def test_challenges_of_units() -> None:
    challenge = assay.Challenge.draw(MODEL, 2, unit="token")
    assert challenge.points == []
    ((axes, positions),) = challenge.slices
    assert (axes, len(positions)) == ((1,), 2)
    proofs = MODEL.open(challenge)
    assert assay.verify(MODEL, proofs, SRS, challenge=challenge)
    assert assay.verify(MODEL, MODEL.open(layer=0), SRS, challenge=challenge).step == "challenge"
    with pytest.raises(assay.InputError):
        assay.Challenge.draw(MODEL, 1, unit="row")


def test_a_trimmed_srs(tmp_path) -> None:
    SRS.trim(1, tmp_path / "levels")
    levels = assay.Srs.open(tmp_path / "levels")
    assert levels.verifier_key == SRS.verifier_key
    assert assay.verify(MODEL, MODEL.open(layer=1), levels)
    assert assay.verify(MODEL, MODEL.open(token=1), levels).step == "levels"
    assert assay.verify(MODEL, MODEL.open(layer=1), SRS.verifier_key).step == "levels"
    with pytest.raises(assay.InputError):
        assay.commit(MODEL.tensor, levels)


def test_verify_all_says_of_each_what_verify_says() -> None:
    claims = []
    for seed in range(7):
        commitment = committed(run_of(TOKENS, seed))
        proofs = commitment.open(assay.Challenge.draw(commitment, 3))
        claims.append((commitment, proofs, commitment.digest))
    assert all(assay.verify_all(claims, SRS.verifier_key))
    claims[2] = (claims[2][0], claims[3][1])
    claims[5] = (*claims[5][:2], claims[0][0].digest)
    changed = bytearray(claims[6][1].to_bytes())
    changed[52 + 13] ^= 1
    claims[6] = (claims[6][0], assay.Proofs.from_bytes(bytes(changed)))
    steps = [verdict.step for verdict in assay.verify_all(claims, SRS.verifier_key)]
    assert steps == ["", "", "commitment digest", "", "", "expected digest", "opening equation"]
    with pytest.raises(assay.InputError, match="claims: there are none; give at least one"):
        assay.verify_all([], SRS)


def test_a_run_in_blocks() -> None:
    axes = (LAYERS, 4, *MODEL.header.axes[2:])
    srs = assay.Srs.dev(axes, seed=2)
    first, second = run_of(10), run_of(3, seed=8)
    blocks = assay.commit_blocks(first, srs, 4)
    log = assay.Log()
    for block in blocks:
        log.append(block)
    kept = log.head
    assert len(kept) == len(log) == 3
    more = assay.commit_blocks(second, srs, 4, first_token=12)
    log.append(more[0])
    proof = assay.LogProof.from_bytes(log.prove(3, kept).to_bytes())
    assert proof.verify(more[0], kept)
    assert proof.verify(more[0]).notes != proof.verify(more[0], kept).notes
    assert proof.verify(blocks[2], kept).step == "block"
    assert assay.LogHead.from_bytes(log.head.to_bytes()) == proof.head
    # A block opens with its own values.
    slices = blocks[2].open(layer="l1").slices()
    np.testing.assert_array_equal(slices.values, first["l1"][8:].view(np.int16))
    np.testing.assert_array_equal(
        more[0].open(layer="l1").slices().values, second["l1"].view(np.int16)
    )
    assert assay.verify(more[0], more[0].open(layer="l1"), srs)
    with pytest.raises(assay.InputError):
        log.append(blocks[0])
    with pytest.raises(assay.InputError):
        assay.commit_blocks(first, srs, 4, first_token=2)
