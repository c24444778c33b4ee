"""The decision, hostile proofs, and fingerprints."""

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import toploc_reference as reference
from assay import DecodeError, InputError, Verdict, _core, toploc
from assay.models import Engine
from assay.toploc import Profile, fingerprint
from assay.toploc.attacks import constant_proofs, known_place_proofs
from assay.toploc.chunks import Shape
from assay.toploc.verifying import examine

SHAPE = Shape()


def states(rows: int = 80, seed: int = 1) -> torch.Tensor:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.normal(size=(rows, 300))).bfloat16()


def bits_of(tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return tensor.contiguous().view(torch.int16).numpy().view(np.uint16)


def outcome(verdict: Verdict) -> tuple[str, str]:
    return verdict.outcome, verdict.step


KINDS = pytest.mark.parametrize("kind", ["torch", "bits"])


@KINDS
def test_honest_proofs_are_accepted(kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    proofs = toploc.build(states())
    assert toploc.verify(own, proofs)
    assert toploc.verify(own, b"".join(proofs))
    near = states() * torch.normal(1.0, 0.005, (80, 300)).bfloat16()
    verdict = toploc.verify(near if kind == "torch" else bits_of(near), proofs)
    assert verdict, (verdict.step, verdict.reason, verdict.figures)
    assert len(verdict.figures) >= 5


@KINDS
def test_other_states_are_rejected(kind: str) -> None:
    proofs = toploc.build(states())
    for other in (states(seed=2), states() * 1.5, -states(), states().flip(0)):
        verdict = toploc.verify(other if kind == "torch" else bits_of(other), proofs)
        assert verdict.outcome == "rejected", verdict.figures
        assert not verdict


@KINDS
def test_one_wrong_chunk_of_three_is_enough(kind: str) -> None:
    proofs = toploc.build(states())
    proofs[1] = toploc.build(states(seed=2))[1]
    verdict = toploc.verify(states() if kind == "torch" else bits_of(states()), proofs)
    assert verdict.outcome == "rejected"


@KINDS
def test_the_same_value_everywhere_is_no_proof(kind: str) -> None:
    own = states(320)
    values = np.sort(bits_of(own) & 0x7FFF, axis=None)
    for value in (int(values[-600]), int(values[-1200]), int(values[-600]) | 0x8000):
        forged = constant_proofs(10, value, SHAPE)
        comparisons = toploc.compare(own, forged)
        figures = toploc.statistics(comparisons)
        # The three published numbers alone would let it pass.
        assert figures.exponent_mismatches < 38
        verdict = toploc.verify(own if kind == "torch" else bits_of(own), forged)
        assert verdict.outcome == "rejected"
        assert verdict.step in ("signs", "dispersion", "mantissa mean")


def with_outliers(seed: int, spread: float, rows: int = 64) -> torch.Tensor:
    """States in which four dimensions always hold the largest values."""
    draw = np.random.default_rng(seed)
    made = draw.normal(size=(rows, 300))
    made[:, [7, 100, 150, 299]] = [21, -35, 27, -24] * draw.normal(1, spread, (rows, 4))
    return torch.from_numpy(made).bfloat16()


def test_usual_values_at_usual_places() -> None:
    own = with_outliers(9, 0.03)
    forged = known_place_proofs(2, [with_outliers(seed, 0.03) for seed in range(5)], SHAPE)
    # Not detected, as the documentation says, where outliers are always alike.
    assert toploc.verify(own, forged)
    # Where they vary by half, as those of real models do, knowing their places is not enough.
    varied = known_place_proofs(2, [with_outliers(seed, 0.5) for seed in range(5)], SHAPE)
    assert toploc.verify(with_outliers(9, 0.5), varied).outcome == "rejected"
    # Nor is anything where no dimension stands out.
    nothing = known_place_proofs(2, [states(64, seed) for seed in range(5)], SHAPE)
    assert toploc.verify(states(64, 9), nothing).outcome == "rejected"


def test_constants_in_one_chunk_show_in_its_figures() -> None:
    own = states(320)
    proofs = toploc.build(own)
    magnitudes = np.sort(bits_of(own) & 0x7FFF, axis=None)
    proofs[4:5] = constant_proofs(1, int(magnitudes[-600]), SHAPE)
    found = toploc.compare(own, proofs)
    figures = toploc.statistics(found)
    each = [one.distinct_values / one.distinct_own for one in found]
    assert figures.worst_chunk_dispersion == min(each) == each[4]
    assert figures.worst_chunk_exponent_mismatches == max(one.exponent_mismatches for one in found)
    # The means over the sequence stay within their bounds.
    assert figures.dispersion > 0.5
    verdict = toploc.decide(found, Profile.published())
    assert outcome(verdict) == ("rejected", "dispersion")
    assert "worst chunk" in verdict.reason


def test_some_chunks_of_another_answer() -> None:
    own, other = with_outliers(1, 0.3, 512), with_outliers(2, 0.3, 512)
    honest, foreign = toploc.build(own), toploc.build(other)
    published = Profile.published()
    fields = {**json.loads(published.to_json()), "deviating_share": 0.5}
    by_means = Profile.from_json(json.dumps(fields))
    for count, step in ((2, ""), (3, "deviating chunks"), (4, "deviating chunks")):
        proofs = foreign[:count] + honest[count:]
        found = toploc.compare(own, proofs)
        assert toploc.deviating_chunks(found, published) == count
        # The means over the sequence, and each chunk's bound, let them all pass.
        assert toploc.verify(own, proofs, by_means)
        verdict = toploc.verify(own, proofs)
        assert (verdict.step, bool(verdict)) == (step, step == "")
        assert str(verdict.figures["deviating chunks"]) == f"{count} (at most 2)"


HOSTILE = {
    "modulus 0": bytes(258),
    "modulus above the prime": b"\xff\xda" + bytes(256),
    "a coefficient of the prime": b"\xff\xd9\xff\xd9" + bytes(254),
    "too short": b"\xff\xd9" + bytes(254),
    "too long": b"\xff\xd9" + bytes(258),
    "odd": b"\xff\xd9" + bytes(255),
    "empty": b"",
}


@KINDS
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_malformed_proof_is_rejected_as_such(hostile: bytes, kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    for place in range(3):
        proofs = toploc.build(states())
        proofs[place] = hostile
        assert outcome(toploc.verify(own, proofs)) == ("rejected", "proof form")
        with pytest.raises(DecodeError):
            toploc.compare(own, proofs)


@KINDS
def test_a_small_modulus_is_not_an_honest_one(kind: str) -> None:
    # With few different places the polynomial needs to be right at few.
    proofs = toploc.build(states())
    forged = (128).to_bytes(2, "big") + proofs[0][2:]
    verdict = toploc.verify(
        states() if kind == "torch" else bits_of(states()), [forged, *proofs[1:]]
    )
    assert verdict.outcome == "rejected"
    assert verdict.step == "modulus"


@KINDS
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_another_number_of_proofs_is_rejected(count: int, kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    proofs = (toploc.build(states()) * 2)[:count]
    assert outcome(toploc.verify(own, proofs)) == ("rejected", "proof count")
    with pytest.raises(InputError, match="3 chunks"):
        toploc.compare(own, proofs)


@KINDS
def test_random_bytes_are_never_accepted(kind: str) -> None:
    draw = np.random.default_rng(3)
    own = states() if kind == "torch" else bits_of(states())
    for _ in range(200):
        proofs = [draw.bytes(258) for _ in range(3)]
        if draw.integers(2):
            proofs = [b"\xff\xd9" + (np.frombuffer(p, ">u2")[1:] % 65497).astype(">u2").tobytes()
                      for p in proofs]  # fmt: skip
        assert toploc.verify(own, proofs).outcome == "rejected"


def test_no_tokens_decide_nothing() -> None:
    assert not toploc.verify(states()[:0], [])


@KINDS
def test_one_token_decides_nothing(kind: str) -> None:
    for rows, expected in ((1, ("inconclusive", "sequence length")), (32, ("accepted", ""))):
        own = states(rows) if kind == "torch" else bits_of(states(rows))
        for given in (own, list(own), own[None]):
            for chunk in (1, 32):
                proofs = toploc.build(given, chunk=chunk)
                assert outcome(toploc.verify(given, proofs, chunk=chunk)) == expected
                compared = toploc.compare(given, proofs, chunk=chunk)
                assert [one.rows for one in compared] == [chunk if rows == 32 else 1] * len(proofs)
                assert outcome(toploc.decide(compared, Profile.published())) == expected
                assert toploc.statistics(compared).counted_points == 4 * rows


@KINDS
def test_own_states_that_are_alike_decide_nothing(kind: str) -> None:
    for value in (0, 0x8000, 0x3F80, 0x7F7F):
        alike = np.full((64, 300), value, np.uint16)
        for bits in (alike, alike + np.arange(300, dtype=np.uint16) % 4 * (value != 0x7F7F)):
            own = torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)
            given = own if kind == "torch" else bits
            for proofs in (toploc.build(given), constant_proofs(2, value, SHAPE)):
                assert outcome(toploc.verify(given, proofs)) == ("inconclusive", "states")


def test_states_that_are_not_finite_decide_nothing() -> None:
    broken = states()
    proofs = toploc.build(broken)
    broken[3, 3] = torch.inf
    assert outcome(toploc.verify(broken, proofs)) == ("inconclusive", "states")


def test_prefill_and_merged_tails_are_the_verifiers_own_word() -> None:
    long = states(69)
    merged = toploc.build(long, merge_short_tails=True)
    assert len(merged) == 2
    assert toploc.verify(long, merged, merge_short_tails=True)
    assert outcome(toploc.verify(long, merged)) == ("rejected", "proof count")
    listed = [long[:10], *long[10:]]
    with_prompt = toploc.build(listed, prefill=True)
    assert toploc.verify(listed, with_prompt, prefill=True)
    assert not toploc.verify(long, with_prompt)


def test_comparisons_are_those_of_the_published_method() -> None:
    for seed in range(40):
        draw = np.random.default_rng(seed)
        width, k = int(draw.integers(20, 300)), 8
        made = torch.from_numpy(draw.normal(size=(7, width))).bfloat16()
        own = made * torch.from_numpy(draw.normal(1, 0.05, (7, width))).bfloat16()
        proofs = toploc.build(made, chunk=3, k=k)
        expected = [
            reference.compare(p, flat, k)
            for p, flat in zip(proofs, reference.chunks(list(own), 3), strict=True)
        ]
        for given in (own, bits_of(own)):
            found = toploc.compare(given, proofs, chunk=3, k=k)
            assert [
                (c.exponent_mismatches, c.mantissa_mean, c.mantissa_median,
                 c.mantissa_median_upper, c.sign_mismatches) for c in found
            ] == [pytest.approx(one) for one in expected]  # fmt: skip


@KINDS
def test_the_verifier_says_how_chunks_are_cut_and_ties_broken(kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    exponents = "exponent mismatches per 128 points"
    agreed: dict[str, Any] = {"chunk": 20, "k": 64, "ties": "lower-index"}
    proofs = toploc.build(own, **agreed)
    verdict = toploc.verify(own, proofs, **agreed)
    assert verdict
    assert verdict.figures["chunks"].value == 4
    assert verdict.figures["points"].value == 256
    assert verdict.figures[exponents].value == 0
    assert all(one.exponent_mismatches == 0 for one in toploc.compare(own, proofs, **agreed))
    # The values have equals at the last place, of which the other rule takes others.
    other: dict[str, Any] = {**agreed, "ties": "reference"}
    assert toploc.verify(own, proofs, **other).figures[exponents].value != 0
    assert any(one.exponent_mismatches > 0 for one in toploc.compare(own, proofs, **other))
    assert outcome(toploc.verify(own, proofs, chunk=20)) == ("rejected", "proof form")
    assert outcome(toploc.verify(own, proofs, k=64)) == ("rejected", "proof count")


def test_states_are_rounded_only_when_told() -> None:
    own, proofs = states().float() * 1.0001, toploc.build(states())
    assert toploc.verify(own, proofs, rounded=True)
    with pytest.raises(InputError, match="rounded=True"):
        toploc.verify(own, proofs)


def test_proofs_as_bytes_of_every_kind() -> None:
    own, proofs = states(), toploc.build(states())
    joined = b"".join(proofs)
    arrays = [np.frombuffer(proof, np.uint8) for proof in proofs]
    for given in (
        [bytearray(proof) for proof in proofs],
        [memoryview(proof) for proof in proofs],
        arrays,
        np.stack(arrays),
        np.stack(arrays, axis=1).T,
        torch.from_numpy(np.stack(arrays)),
        tuple(proofs),
        bytearray(joined),
        memoryview(joined),
        memoryview(joined).cast("H"),
        np.frombuffer(joined, np.uint8),
    ):
        listed: Any = given
        assert toploc.verify(own, listed), type(given)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ([10**13] * 3, "proof 0"),
        ([-1], "proof 0"),
        ([258], "proof 0"),
        ([[300]], "proof 0"),
        ([bytes(258), [0] * 258], "proof 1"),
        ([base64.b64encode(bytes(258)).decode()], "proof 0"),
        ([bytes(258), None], "proof 1"),
        ([np.zeros(258, np.int64)], "proof 0"),
        ([np.uint8(3)], "proof 0"),
        ([torch.zeros(258)], "proof 0"),
        ({258: 1}, "proof 0"),
        ("A" * 344, "proofs"),
        (None, "proofs"),
        (10**13, "proofs"),
    ],
)
def test_proofs_that_are_not_bytes_are_the_callers_mistake(given: Any, place: str) -> None:
    for call in (toploc.verify, toploc.compare):
        with pytest.raises(InputError, match="decode base64 first") as caught:
            call(states(), given)
        assert (caught.value.code, caught.value.place) == ("unsupported", place)


@KINDS
def test_bytes_that_are_left_over(kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    joined = b"".join(toploc.build(own))
    assert outcome(toploc.verify(own, joined + b"\0")) == ("rejected", "proof count")
    assert outcome(toploc.verify(own, joined[:-1])) == ("rejected", "proof form")


def test_a_profile_of_a_file(tmp_path: Path) -> None:
    published = Profile.published()
    assert (published.exponent_mismatches, published.mantissa_mean) == (38, 10)
    assert published.mantissa_median == 8
    assert published.deviating_share == 0.125
    strict = {**json.loads(published.to_json()), "mantissa_mean": 0.01, "name": "strict"}
    text = json.dumps(strict)
    (tmp_path / "strict.profile").write_text(text)
    near = states() * torch.normal(1.0, 0.01, (80, 300)).bfloat16()
    proofs = toploc.build(states())
    assert toploc.verify(near, proofs)
    assert toploc.verify(near, proofs, "published")
    for profile in (tmp_path / "strict.profile", str(tmp_path / "strict.profile")):
        assert toploc.verify(near, proofs, profile).step == "mantissa mean"
    assert toploc.verify(near, proofs, Profile.from_json(text)).step == "mantissa mean"
    with pytest.raises(InputError, match="none"):
        toploc.verify(near, proofs, tmp_path / "none")
    (tmp_path / "broken").write_text("{}")
    with pytest.raises(DecodeError):
        toploc.verify(near, proofs, tmp_path / "broken")


@KINDS
def test_a_profile_of_another_chunk_decides_nothing(kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    fields = {**json.loads(Profile.published().to_json()), "decode_batching_size": 16}
    other = Profile.from_json(json.dumps(fields))
    for given in (states(), states(seed=2)):
        verdict = toploc.verify(own, toploc.build(given), other)
        assert outcome(verdict) == ("inconclusive", "profile")
        assert "decode_batching_size = 16, these proofs have 32" in verdict.reason
    assert toploc.verify(own, toploc.build(own, chunk=16), other, chunk=16)


@KINDS
def test_the_largest_k_that_is_judged(kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    most = _core.toploc_largest_judged_topk
    assert toploc.verify(own, toploc.build(own, k=most), k=most)
    for k in (most + 1, 4096):
        verdict = toploc.verify(own, toploc.build(own, k=k), k=k)
        assert outcome(verdict) == ("inconclusive", "modulus")
        assert f"at most {most}" in verdict.reason


@KINDS
def test_a_note_says_what_was_not_measured(kind: str) -> None:
    own = states() if kind == "torch" else bits_of(states())
    fields = json.loads(Profile.published().to_json())
    fields |= {"model": "one", "kernel": "sdpa, flex", "false_alarm_bound": 0.125}
    measured = Profile.from_json(json.dumps(fields))

    def notes(model: str, engine: Engine | None) -> str:
        found = examine(own, toploc.build(own), measured, SHAPE, model=model, engine=engine)
        assert found.verdict
        return "; ".join([*found.verdict.notes, *found.verdict.assumptions])

    for model, engine in (("one", Engine("bfloat16", "flex")), ("one", None), ("", None)):
        assert "at most 0.125" in notes(model, engine)
        assert "was not measured" not in notes(model, engine)
    for model, engine, reason in (
        ("two", Engine(), "model 'one', here it is 'two'"),
        ("two", None, "model 'one', here it is 'two'"),
        ("one", Engine("float32"), "dtype 'bfloat16', here it is 'float32'"),
        ("one", Engine(attention="eager"), "attention 'sdpa, flex', here it is 'eager'"),
    ):
        said = notes(model, engine)
        assert f"{reason}: its false-alarm rate was not measured for this" in said
        assert "0.125" not in said


# Fingerprints.


def profile(distance: float | None = 0.2) -> Profile:
    fields = json.loads(Profile.published().to_json())
    return Profile.from_json(json.dumps({**fields, "fingerprint_distance": distance}))


def test_a_fingerprint_keeps_distances() -> None:
    seed = fingerprint.new_seed()
    one, other = states(64), states(64, seed=2)
    near = one * torch.normal(1.0, 0.02, one.shape).bfloat16()
    own = fingerprint.project(one, seed)
    assert own.values.shape == (64, 32)
    assert own.values.dtype == np.float32
    assert fingerprint.project(one, seed).distance(own) == 0
    # Of the row in which it is largest: 32 numbers keep lengths to some part, seldom to a half.
    for given in (near, other):
        exact = (given - one).float().norm(dim=1) / one.float().norm(dim=1)
        found = fingerprint.project(given, seed).distance(own)
        assert float(exact.max()) * 0.7 < found < float(exact.max()) * 2
    # Signs are not lost, as they are in TOPLOC's three numbers.
    assert fingerprint.project(-one, seed).distance(own) == pytest.approx(2.0)
    width = one.shape[1]
    shapes = f"64 rows of 16 from a width of {width}, against 64 rows of 32 from a width of {width}"
    with pytest.raises(InputError, match=shapes):
        fingerprint.project(one, seed, 16).distance(own)


def test_arrays_of_every_kind_have_the_same_fingerprint() -> None:
    seed, one = bytes(range(32)), states(5)
    expected = fingerprint.project(one, seed, 8).to_bytes()
    for given in (one.float(), one.float().numpy(), bits_of(one), one.t().contiguous().t()):
        assert fingerprint.project(given, seed, 8).to_bytes() == expected
    read = fingerprint.Fingerprint.from_bytes(expected)
    assert (read.hidden, read.seed, read.values.shape) == (300, seed, (5, 8))
    assert read.to_bytes() == expected
    assert fingerprint.project(one, bytes(32), 8).to_bytes() != expected


def test_the_verdict_on_fingerprints() -> None:
    seed, one = fingerprint.new_seed(), states(40)
    sent = fingerprint.project(one, seed).to_bytes()
    near = one * torch.normal(1.0, 0.01, one.shape).bfloat16()
    assert fingerprint.verify(sent, near, seed, profile())
    assert outcome(fingerprint.verify(sent, -one, seed, profile())) == ("rejected", "distance")
    assert outcome(fingerprint.verify(sent, one[:39], seed, profile())) == ("rejected", "shape")
    other = fingerprint.new_seed()
    assert outcome(fingerprint.verify(sent, one, other, profile())) == ("rejected", "seed")
    assert fingerprint.verify(sent, one, seed, profile(None)).outcome == "inconclusive"
    narrow = fingerprint.project(one, seed, 1).to_bytes()
    assert outcome(fingerprint.verify(narrow, one, seed, profile())) == ("rejected", "shape")


def test_one_long_row_hides_no_other_from_a_fingerprint() -> None:
    seed, own = fingerprint.new_seed(), states(64).float()
    own[11] *= 1e4
    good = fingerprint.project(own, seed)
    zeros = np.zeros_like(good.values)
    zeros[11] = good.values[11]
    replayed = np.repeat(good.values[:1], 64, axis=0)
    constant = np.full_like(good.values, 0.5)
    for forged in (zeros, replayed, constant, np.roll(good.values, 1, axis=0)):
        sent = fingerprint.Fingerprint(forged, 300, seed)
        verdict = fingerprint.verify(sent.to_bytes(), own, seed, profile())
        assert outcome(verdict) == ("rejected", "distance")
        assert sent.distance(good) >= 1
    assert verdict.item is not None


OWN = {
    "none": np.empty((0, 300), np.float32),
    "zeros": np.zeros((8, 300), np.float32),
    "zeros in bf16": np.zeros((8, 300), np.uint16),
    "ones": np.ones((8, 300), np.float32),
    "one row again and again": np.tile(np.arange(300, dtype=np.float32), (8, 1)),
    "the largest numbers": np.full((8, 300), 3e38, np.float32),
    "large numbers": np.tile(np.linspace(2e38, 3e38, 300, dtype=np.float32), (8, 1))
    * np.linspace(0.9, 1, 8, dtype=np.float32)[:, None],
    "more than fits": np.full((8, 300), 1e300),
    "infinities": np.full((8, 300), np.inf, np.float32),
    "NaN": np.full((8, 300), np.nan, np.float32),
    "infinities in bf16": np.full((8, 300), 0x7F80, np.uint16),
}


@pytest.mark.parametrize("own", OWN.values(), ids=OWN)
def test_own_states_that_say_nothing_of_a_fingerprint(own: Any) -> None:
    seed = bytes(32)
    theirs = np.zeros((len(own), 32), np.float32)
    sent = fingerprint.Fingerprint(theirs, 300, seed).to_bytes()
    with np.errstate(over="ignore"):
        verdict = fingerprint.verify(sent, own, seed, profile())
    assert outcome(verdict) == ("inconclusive", "states")


def test_bytes_that_are_no_fingerprint() -> None:
    good = fingerprint.project(states(4), bytes(32), 4).to_bytes()
    for bad in (b"", good[:-1], good + b"\0", b"x" + good[1:]):
        with pytest.raises(DecodeError):
            fingerprint.Fingerprint.from_bytes(bad)
        with pytest.raises(DecodeError):
            fingerprint.verify(bad, states(4), bytes(32), profile(), 4)
    for flips in itertools.islice(range(len(good)), 0, None, 7):
        changed = bytearray(good)
        changed[flips] ^= 0xFF
        try:
            assert fingerprint.Fingerprint.from_bytes(bytes(changed)).to_bytes() == changed
        except DecodeError:
            continue


@pytest.mark.parametrize(
    ("given", "seed", "dimensions", "reason"),
    [
        (np.ones(4, np.float32), bytes(32), 4, "width"),
        (np.ones((2, 4), np.float32), bytes(31), 4, "seed"),
        (np.ones((2, 4), np.float32), bytes(32), 0, r"."),
        (np.ones((2, 4), np.float32), bytes(32), 1025, r"."),
        (np.full((2, 4), np.nan, np.float32), bytes(32), 4, r"."),
        (np.ones((2, 4), np.int64), bytes(32), 4, "int64"),
    ],
)
def test_what_has_no_fingerprint(given: Any, seed: bytes, dimensions: int, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        fingerprint.project(given, seed, dimensions)
