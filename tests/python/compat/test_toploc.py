"""The module `toploc` as programs written for it use it."""

import base64
import importlib
import importlib.metadata
import logging
import multiprocessing
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toploc
import torch
from toploc.C.csrc import ndd
from toploc.C.csrc import poly as native
from toploc.C.csrc import utils as parts
from toploc.poly import ProofPoly, VerificationResult

import assay
import toploc_reference as reference
import toploc_vectors as vectors

P = 65497
NO_MATCH = 2.0**64


@pytest.fixture
def as_the_original() -> Iterator[None]:
    toploc.set_parity(True)
    yield
    toploc.set_parity(False)


def numbers(results: list[VerificationResult]) -> list[tuple[int, float, float]]:
    return [(r.exp_mismatches, r.mant_err_mean, r.mant_err_median) for r in results]


def decoded(count: int, width: int = 16, seed: int = 1) -> list[torch.Tensor]:
    draw = reference.Randn(seed)
    return [draw(width) for _ in range(count)]


# Names, types, versions.


def test_every_name_is_where_programs_look_for_it() -> None:
    names = {
        "toploc": "ProofPoly build_proofs build_proofs_bytes build_proofs_base64 verify_proofs "
        "verify_proofs_bytes verify_proofs_base64 sha256sum __version__",
        "toploc.poly": "ProofPoly VerificationResult build_proofs verify_proofs batch_activations "
        "find_injective_modulus evaluate_polynomials get_fp_parts c_verify_proofs "
        "c_verify_proofs_bytes c_verify_proofs_base64 logger",
        "toploc.utils": "sha256sum",
        "toploc.C.csrc": "",
        "toploc.C.csrc.ndd": "compute_newton_coefficients evaluate_polynomial evaluate_polynomials",
        "toploc.C.csrc.utils": "get_fp_parts",
        "toploc.C.csrc.poly": "ProofPoly VerificationResult verify_proofs verify_proofs_bytes "
        "verify_proofs_base64",
    }
    for module, listed in names.items():
        for name in listed.split():
            assert hasattr(importlib.import_module(module), name), (module, name)
    assert toploc.__version__ == importlib.metadata.version("toploc") == "0.1.6"
    assert not hasattr(toploc, "VerificationResult")
    assert importlib.metadata.requires("toploc") == [f"assay=={assay.__version__}"]


def test_torch_is_the_callers_own() -> None:
    program = (
        "import sys, toploc, toploc.poly, toploc.C.csrc.poly, toploc.C.csrc.ndd\n"
        "assert toploc.ProofPoly.from_points([1, 2], [3, 4])(1) == 3\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# Polynomials.


def test_a_polynomial_goes_through_its_points() -> None:
    draw = random.Random(5)
    for count in (5, 17, 128, 1000):
        x = draw.sample(range(P), count)
        y = [draw.randrange(2**15) for _ in x]
        coefficients = ndd.compute_newton_coefficients(x, y)
        assert ndd.evaluate_polynomials(coefficients, x) == y
        assert [ndd.evaluate_polynomial(coefficients, place) for place in x[:5]] == y[:5]
    assert ndd.compute_newton_coefficients([1, 3, 5, 2], [1, 5, 4, 1]) == [
        49133, 40920, 49130, 57309,
    ]  # fmt: skip
    assert ndd.compute_newton_coefficients([1, 8, 3], [1, 2, 3]) == [35555, 61756, 33684]
    assert ndd.compute_newton_coefficients([100, 55, 2], [1, 0, 1]) == [28287, 10463, 53194]


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [3]), ([1], [2, 3])])
def test_points_that_are_none(x: list[int], y: list[int]) -> None:
    with pytest.raises(RuntimeError, match="points"):
        ndd.compute_newton_coefficients(x, y)
    with pytest.raises((RuntimeError, ValueError), match="give as many"):
        ProofPoly.from_points(x, y)


def test_a_polynomial_without_coefficients_has_no_value() -> None:
    with pytest.raises(ValueError, match="coefficients"):
        ndd.evaluate_polynomial([], 3)
    with pytest.raises(ValueError, match="coefficients"):
        ProofPoly([], 65497)(3)


def test_an_injective_modulus() -> None:
    draw = random.Random(6)
    for _ in range(20):
        x = [draw.randrange(4_000_000_000) for _ in range(100)]
        modulus = toploc.poly.find_injective_modulus(x)
        assert modulus == reference.modulus_of(x)
        assert len({value % modulus for value in x}) == 100
    assert toploc.poly.find_injective_modulus([10, 65507]) == 65496
    assert ProofPoly.from_points([10, 65507], [1, 2]).modulus == 65496
    assert toploc.poly.find_injective_modulus([1, 1 + P, 2**70]) == 65496
    with pytest.raises(ValueError, match="No injective modulus found!"):
        toploc.poly.find_injective_modulus([7, 7])
    with pytest.raises(RuntimeError, match="No injective modulus found!"):
        ProofPoly.from_points([7, 7], [1, 2])


def test_a_proof_is_an_ordinary_object() -> None:
    proof = ProofPoly([1, 2, 3, 4], 65497)
    assert proof.coeffs == [1, 2, 3, 4]
    assert proof.modulus == 65497
    assert proof(42) == 39741
    assert proof(42 + P) == 39741
    assert len(proof) == 4
    assert repr(proof) == "ProofPoly[65497]([1, 2, 3, 4])"
    assert proof.to_bytes().hex() == "ffd90001000200030004"
    assert proof.to_base64() == "/9kAAQACAAMABA=="
    assert ProofPoly.from_bytes(proof.to_bytes()) == proof
    assert ProofPoly.from_bytes("\x00\x03\x00\x01") == ProofPoly([1], 3)
    assert ProofPoly.from_base64(proof.to_base64()) == proof
    assert proof != ProofPoly([1, 2, 3, 5], 65497)
    assert proof != ProofPoly([1, 2, 3, 4], 65496)
    assert proof != "proof"
    with pytest.raises(TypeError):
        hash(proof)
    with pytest.raises(TypeError):
        ProofPoly(coeffs=[1], modulus=2)
    proof.coeffs.append(5)
    assert len(proof) == 4
    proof.coeffs, proof.modulus = [70000, 9], 7
    assert proof.to_bytes().hex() == "000711700009"


def test_a_null_proof() -> None:
    null = ProofPoly.null(5)
    assert (null.modulus, null.coeffs) == (0, [0] * 5)
    assert ProofPoly.null(2).to_bytes().hex() == "000000000000"
    assert ProofPoly.from_bytes(null.to_bytes()) == null


def test_bytes_that_are_no_proof() -> None:
    for short in (b"", b"\xff"):
        with pytest.raises(ValueError, match="Data too short"):
            ProofPoly.from_bytes(short)
    with pytest.raises(ValueError, match="odd"):
        ProofPoly.from_bytes(b"\xff\xd9\x00\x01\x02")
    for text in ("/9kA*QAC", "/9kAAQAC=", "/9kAAQA", "AA"):
        with pytest.raises(ValueError, match=r"base64|short|odd"):
            ProofPoly.from_base64(text)


@pytest.mark.usefixtures("as_the_original")
def test_bytes_that_the_original_takes() -> None:
    assert ProofPoly.from_bytes(b"\xff\xd9\x00\x01\x02") == ProofPoly([1], 65497)
    assert ProofPoly.from_base64("/9kAAQAC=garbage") == ProofPoly([1, 2], 65497)
    assert ProofPoly.from_base64("/9kA*QAC") == ProofPoly([253, 2], 65497)
    assert ProofPoly.from_base64("/9kA\nAQAC") == ProofPoly([252, 1024], 65497)
    assert ProofPoly.from_base64("/9kAAQA") == ProofPoly([1], 65497)


def test_points_of_tensors() -> None:
    x = torch.tensor([1, 2, 3])
    y = torch.tensor([4.0, 5.0, 6.0], dtype=torch.bfloat16)
    expected = ProofPoly([16480, 32, 0], 65497)
    assert ProofPoly.from_points_tensor(x, y) == expected
    assert ProofPoly.from_points_tensor(x.int(), y) == expected
    integers = ProofPoly.from_points_tensor(x, torch.tensor([7, 8, 9]))
    assert [integers(place) for place in (1, 2, 3)] == [7, 8, 9]
    half = ProofPoly.from_points_tensor(x, y.half())
    assert [half(place) for place in (1, 2, 3)] == y.half().view(torch.int16).tolist()
    strided = torch.arange(6)[::2]
    assert ProofPoly.from_points_tensor(strided, y)(4) == ProofPoly.from_points([0, 2, 4], [
        0x4080, 0x40A0, 0x40C0,
    ])(4)  # fmt: skip
    for bad_x, bad_y in [(x, y.float()), (x.float(), y), (x[None], y), (x, y[None])]:
        with pytest.raises(ValueError, match=r"axis|dtype"):
            ProofPoly.from_points_tensor(bad_x, bad_y)


def test_a_result_is_an_ordinary_object() -> None:
    result = VerificationResult(0, 1.75, 2)
    assert repr(result) == (
        "VerificationResult[exp_mismatches=0, mant_err_mean=1.75, mant_err_median=2]"
    )
    assert "1.84467e+19" in repr(VerificationResult(1, NO_MATCH, NO_MATCH))
    assert result == VerificationResult(0, 1.75, 2.0)
    assert result != VerificationResult(1, 1.75, 2.0)
    assert result != (0, 1.75, 2.0)
    result.exp_mismatches = 3
    assert result.exp_mismatches == 3
    assert isinstance(result.mant_err_median, float)
    with pytest.raises(TypeError):
        hash(result)
    with pytest.raises(TypeError):
        VerificationResult(exp_mismatches=0, mant_err_mean=1.0, mant_err_median=1.0)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol: int) -> None:
    for value in (ProofPoly([1, 2], 65497), VerificationResult(3, 1.5, 2.0)):
        data = pickle.dumps(value, protocol)
        assert b"toploc.C.csrc.poly" in data
        assert pickle.loads(data) == value


def test_pickles_of_the_original() -> None:
    # What it writes: the class made anew, then its state as a tuple.
    proof = b"\x80\x02ctoploc.C.csrc.poly\nProofPoly\n)\x81](K\x01K\x02eM\xd9\xff\x86b."
    assert pickle.loads(proof) == ProofPoly([1, 2], 65497)


# Building.


@pytest.mark.parametrize(
    ("states", "size", "k", "skip", "count"),
    [
        ([torch.randn(3, 16).bfloat16(), *decoded(7)], 2, 5, False, 5),
        (decoded(7), 2, 5, True, 4),
        (torch.randn(17, 16).bfloat16(), 4, 5, True, 5),
        (decoded(7), 2, 1, True, 4),
        (decoded(7), 10, 5, True, 1),
        ([torch.randn(3, 16).bfloat16()], 2, 5, False, 1),
        ([], 2, 5, True, 0),
        ([], 2, 5, False, 0),
    ],
)
def test_how_many_proofs_there_are(states: Any, size: int, k: int, skip: bool, count: int) -> None:
    proofs = toploc.build_proofs(states, size, k, skip_prefill=skip)
    assert [len(proof) for proof in proofs] == [k] * count
    assert all(proof.modulus > 0 for proof in proofs)
    results = toploc.verify_proofs(states, proofs, size, k, skip_prefill=skip)
    assert numbers(results) == [(0, 0.0, 0.0)] * count


def test_the_published_example() -> None:
    draw = reference.Randn(42)
    states = [draw(5, 16), *[draw(16) for _ in range(10)]]
    options = {"decode_batching_size": 3, "topk": 4}
    texts = toploc.build_proofs_base64(states, **options)
    assert texts == vectors.README_BASE64
    raw = toploc.build_proofs_bytes(states, **options)
    assert [proof.hex() for proof in raw] == vectors.README
    proofs = toploc.build_proofs(states, **options)
    scaled = [state * 1.01 for state in states]
    for results in (
        toploc.verify_proofs(scaled, proofs, **options),
        toploc.verify_proofs_bytes(scaled, raw, **options),
        toploc.verify_proofs_base64(scaled, texts, **options),
    ):
        assert numbers(results) == vectors.README_SCALED


@pytest.mark.parametrize(("seed", "lengths", "size", "k", "prefill", "proofs"), vectors.SPLITMIX)
def test_vectors(
    seed: int, lengths: list[int], size: int, k: int, prefill: bool, proofs: list[str]
) -> None:
    states = reference.splitmix_states(seed, lengths)
    raw = toploc.build_proofs_bytes(states, size, k, skip_prefill=not prefill)
    assert [proof.hex() for proof in raw] == proofs
    # numpy arrays of the bits, which the original does not take.
    bits = [state.view(torch.int16).numpy().view(np.uint16) for state in states]
    assert toploc.build_proofs_bytes(bits, size, k, skip_prefill=not prefill) == raw
    results = toploc.verify_proofs_bytes(bits, raw, size, k, skip_prefill=not prefill)
    assert numbers(results) == [(0, 0.0, 0.0)] * len(raw)


def test_both_medians() -> None:
    for seed, lengths, size, k, prefill, proofs in vectors.SPLITMIX:
        changed = reference.perturbed(seed, reference.splitmix_states(seed, lengths))
        raw = [bytes.fromhex(proof) for proof in proofs]
        on_list = numbers(toploc.verify_proofs_bytes(changed, raw, size, k, not prefill))
        for known_seed, expected, upper in vectors.SPLITMIX_PERTURBED:
            if known_seed != seed:
                continue
            if isinstance(expected[0], tuple):
                assert on_list == [pytest.approx(one) for one in expected]
            else:
                assert [median for _, _, median in on_list] == expected
            if upper is not None:
                together = torch.stack(changed)
                on_tensor = numbers(toploc.verify_proofs_bytes(together, raw, size, k, True))
                assert [median for _, _, median in on_tensor] == upper
                assert [one[:2] for one in on_tensor] == [one[:2] for one in on_list]


@pytest.mark.parametrize(
    ("factor", "exponents", "low", "high"),
    [(1.0, 0, 0.0, 0.0), (1.01, 0, 0.01, 2.0), (1.10, 2, 10.0, 127.0)],
)
def test_how_far_scaled_activations_are(
    factor: float, exponents: int, low: float, high: float
) -> None:
    draw = reference.Randn(42)
    states = [draw(3, 16), *[draw(16) for _ in range(7)]]
    proofs = toploc.build_proofs(states, 2, 5)
    for result in toploc.verify_proofs([s * factor for s in states], proofs, 2, 5):
        assert result.exp_mismatches <= exponents
        assert low <= result.mant_err_mean <= high
        assert low <= result.mant_err_median <= high
    for result in toploc.verify_proofs([s * 4 for s in states], proofs, 2, 5):
        assert numbers([result]) == [(5, NO_MATCH, NO_MATCH)]


def test_float32_activations_are_verified_by_their_exponents() -> None:
    states = decoded(6)
    proofs = toploc.build_proofs(states, 3, 4, True)
    results = toploc.verify_proofs([state.float() for state in states], proofs, 3, 4, True)
    assert [result.exp_mismatches for result in results] == [0, 0]
    assert all(result.mant_err_mean > 127 for result in results)
    with pytest.raises(RuntimeError, match="dtype"):
        toploc.verify_proofs([state.half() for state in states], proofs, 3, 4, True)


def test_a_proof_that_cannot_be_made_is_null(caplog: pytest.LogCaptureFixture) -> None:
    for states, count in [
        ([torch.empty(0).bfloat16(), *decoded(7)], 5),
        ([torch.randn(32), *decoded(6)], 4),
        (["a string", *decoded(1)], 2),
    ]:
        caplog.clear()
        with caplog.at_level(logging.ERROR, "toploc.poly"):
            proofs = toploc.build_proofs(states, 2, 5)
        assert proofs == [ProofPoly.null(5)] * count
        (record,) = caplog.records
        assert record.name == "toploc.poly"
        assert record.getMessage().startswith("Error building proofs: ")
    null = toploc.build_proofs_bytes([torch.empty(0).bfloat16(), *decoded(2)], 2, 3)
    assert null == [bytes(8)] * 2


@pytest.mark.usefixtures("as_the_original")
def test_the_original_counts_null_proofs_in_its_own_way() -> None:
    assert len(toploc.build_proofs([torch.empty(0).bfloat16(), *decoded(6)], 2, 5)) == 5
    assert len(toploc.build_proofs([torch.empty(0).bfloat16()], 2, 5)) == 2
    assert len(toploc.build_proofs([torch.empty(0).bfloat16(), *decoded(7)], 2, 5)) == 5
    assert len(toploc.build_proofs([], 2, 5)) == 1


@pytest.mark.parametrize("size", [0, -1])
def test_chunks_of_no_tokens(size: int) -> None:
    with pytest.raises(ValueError, match="decode_batching_size"):
        toploc.build_proofs(decoded(3), size, 4, True)
    with pytest.raises(ValueError, match="decode_batching_size"):
        toploc.verify_proofs(decoded(3), [], size, 4, True)
    with pytest.raises(ValueError, match="decode_batching_size"):
        native.verify_proofs(torch.randn(3, 16).bfloat16(), [], size, 4)


def test_activations_that_are_not_contiguous() -> None:
    states = reference.Randn(3)(12, 32)
    turned = states.t().contiguous().t()
    proofs = toploc.build_proofs_bytes(states, 4, 6, True)
    assert toploc.build_proofs_bytes(turned, 4, 6, True) == proofs
    for given in (turned, list(turned)):
        results = toploc.verify_proofs_bytes(given, proofs, 4, 6, True)
        assert numbers(results) == [(0, 0.0, 0.0)] * 3


# Verifying.


def colliding() -> torch.Tensor:
    bits = reference.bits_of(reference.splitmix_states(13, [70000])[0])
    bits[10], bits[65507] = 0x4480, 0x4500
    return reference.as_bfloat16(bits)


def test_a_small_modulus_is_no_reason_to_reject() -> None:
    states = colliding()
    proofs = toploc.build_proofs([states], 1, 16, True)
    assert [proof.to_bytes().hex() for proof in proofs] == [vectors.COLLIDING]
    assert numbers(toploc.verify_proofs([states], proofs, 1, 16, True)) == [(0, 0.0, 0.0)]
    assert numbers(toploc.verify_proofs(states[None], proofs, 1, 16, True)) == [(0, 0.0, 0.0)]


@pytest.mark.usefixtures("as_the_original")
def test_the_original_rejects_at_a_small_modulus() -> None:
    states = colliding()
    proofs = toploc.build_proofs([states], 1, 16, True)
    assert numbers(toploc.verify_proofs([states], proofs, 1, 16, True)) == [(3, 0.0, 0.0)]
    assert numbers(toploc.verify_proofs(states[None], proofs, 1, 16, True)) == [(0, 0.0, 0.0)]


HOSTILE = {
    "null": bytes(10),
    "modulus 0": bytes.fromhex("000040404040404040aa"),
    "modulus above the prime": bytes.fromhex("ffda40404040404040aa"),
    "a coefficient of the prime": bytes.fromhex("ffd9ffd9000000000000"),
    "too short": bytes.fromhex("ffd9404040"),
    "too long": bytes.fromhex("ffd940404040404040aa0001"),
    "modulus alone": bytes.fromhex("ffd9"),
    "empty": b"",
    "one byte": b"\xff",
    "odd": bytes.fromhex("ffd940404040404040aa00"),
}


@pytest.mark.parametrize("proof", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_proofs_agree_with_nothing(proof: bytes) -> None:
    states = torch.stack(decoded(4))
    expected = [(4, NO_MATCH, NO_MATCH)]
    for given in (states, list(states)):
        assert numbers(toploc.verify_proofs_bytes(given, [proof], 4, 4, True)) == expected
        text = base64.b64encode(proof).decode()
        assert numbers(toploc.verify_proofs_base64(given, [text], 4, 4, True)) == expected
        results = toploc.verify_proofs_base64(given, ["*" + text[1:]], 4, 4, True)
        assert numbers(results) == expected
    assert numbers(toploc.poly.c_verify_proofs_bytes(states, [proof], 4, 4)) == expected


@pytest.mark.usefixtures("as_the_original")
@pytest.mark.parametrize("proof", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_proofs_crash_nothing_in_parity_either(proof: bytes) -> None:
    states = torch.stack(decoded(4))
    for given in (states, list(states)):
        assert len(toploc.verify_proofs_bytes(given, [proof], 4, 4, True)) == 1


@pytest.mark.parametrize("proof", [10**13, -1, 258, [0], [300], None, 1.5])
@pytest.mark.parametrize("enabled", [False, True])
def test_what_is_neither_bytes_nor_text_is_refused_as_by_the_original(
    proof: Any, enabled: bool
) -> None:
    states = decoded(4)
    toploc.set_parity(enabled)
    try:
        for read in (ProofPoly.from_bytes, ProofPoly.from_base64):
            with pytest.raises(TypeError, match="bytes or text"):
                read(proof)
        for given in (states, torch.stack(states)):
            for verify in (toploc.verify_proofs_bytes, toploc.verify_proofs_base64):
                with pytest.raises(TypeError, match="bytes or text"):
                    verify(given, [proof], 4, 4, True)
    finally:
        toploc.set_parity(False)


@pytest.mark.parametrize("text", ["\ud800", "\u20ac" * 8, ""])
def test_text_that_is_no_proof_agrees_with_nothing(text: str) -> None:
    for verify in (toploc.verify_proofs_bytes, toploc.verify_proofs_base64):
        found = numbers(verify(decoded(4), [text], 4, 4, True))
        assert found == [(4, NO_MATCH, NO_MATCH)]


@pytest.mark.parametrize("modulus", [2**31, 2**63, 2**64, 2**200])
def test_a_modulus_that_the_original_cannot_hold(modulus: int) -> None:
    states = torch.stack(decoded(4))
    (honest,) = toploc.build_proofs(states, 4, 4, True)
    proof = ProofPoly(honest.coeffs, modulus)
    found = toploc.verify_proofs(states, [proof], 4, 4, True)
    assert numbers(found) == [(4, NO_MATCH, NO_MATCH)]
    toploc.set_parity(True)
    try:
        # Larger than every index, so that it changes none.
        assert numbers(toploc.verify_proofs(states, [proof], 4, 4, True)) == [(0, 0.0, 0.0)]
    finally:
        toploc.set_parity(False)


def test_as_many_proofs_as_chunks() -> None:
    states = decoded(5)
    proofs = toploc.build_proofs(states, 2, 4, True)
    for given in (states, torch.stack(states)):
        for listed in (proofs[:2], [*proofs, proofs[0]], []):
            with pytest.raises(ValueError, match="3 chunks"):
                toploc.verify_proofs(given, listed, 2, 4, True)


@pytest.mark.usefixtures("as_the_original")
def test_the_original_looks_at_as_many_as_there_are() -> None:
    states = decoded(5)
    proofs = toploc.build_proofs(states, 2, 4, True)
    assert len(toploc.verify_proofs(states, proofs[:2], 2, 4, True)) == 2
    assert len(toploc.verify_proofs(states, [*proofs, proofs[0]], 2, 4, True)) == 3


def test_the_switch_in_the_environment() -> None:
    program = (
        "import toploc\n"
        "assert toploc.ProofPoly.from_bytes(b'\\xff\\xd9\\0\\1\\2').coeffs == [1]\n"
        "toploc.set_parity(False)\n"
        "try: toploc.ProofPoly.from_bytes(b'\\xff\\xd9\\0\\1\\2')\n"
        "except ValueError: pass\n"
        "else: raise SystemExit(1)\n"
    )
    environment = {"PATH": "", "TOPLOC_PARITY": "1"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def random_case(seed: int) -> tuple[list[torch.Tensor], int, int, bool]:
    draw = np.random.default_rng([seed, 7])
    width, rows = int(draw.integers(3, 200)), int(draw.integers(1, 24))
    prefill = bool(draw.integers(2))
    levels = int(draw.choice([3, 20, 10000]))
    values = draw.integers(-levels, levels + 1, (rows, width)) * 10.0 ** draw.integers(-20, 20)
    states = list(torch.from_numpy(values).bfloat16())
    if prefill:
        states[0] = torch.from_numpy(draw.normal(size=(int(draw.integers(1, 9)), width))).bfloat16()
    return states, int(draw.integers(1, 12)), int(draw.integers(1, width + 1)), prefill


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_random_activations_against_the_published_method(first: int) -> None:
    for seed in range(first, first + 100):
        states, size, k, prefill = random_case(seed)
        proofs = toploc.build_proofs_bytes(states, size, k, skip_prefill=not prefill)
        assert proofs == reference.build(states, size, k, prefill), seed
        noise = torch.from_numpy(np.random.default_rng(seed).normal(1, 0.02, 24 * 200)).bfloat16()
        changed = [s * noise[: s.numel()].reshape(s.shape) for s in states]
        expected = [
            reference.compare(proof, flat, k)
            for proof, flat in zip(proofs, reference.chunks(changed, size, prefill), strict=True)
        ]
        results = numbers(toploc.verify_proofs_bytes(changed, proofs, size, k, not prefill))
        assert results == [one[:3] for one in expected], seed
        if not prefill:
            results = numbers(
                toploc.verify_proofs_bytes(torch.stack(changed), proofs, size, k, True)
            )
            assert results == [(one[0], one[1], one[3]) for one in expected], seed


def _verify_in_a_process(proofs: list[Any], kind: str) -> None:
    states = reference.Randn(42)(96, 512)
    verify = {
        "pure": toploc.verify_proofs,
        "bytes": toploc.verify_proofs_bytes,
        "base64": toploc.verify_proofs_base64,
    }[kind]
    results = verify(states, proofs, 32, 128, skip_prefill=True)
    assert numbers(results) == [(0, 0.0, 0.0)] * 3


def test_proofs_cross_processes() -> None:
    states = reference.Randn(42)(96, 512)
    context = multiprocessing.get_context("spawn")
    children = []
    for kind, build in [
        ("pure", toploc.build_proofs),
        ("bytes", toploc.build_proofs_bytes),
        ("base64", toploc.build_proofs_base64),
    ]:
        proofs = build(states, 32, 128, skip_prefill=True)
        children.append(context.Process(target=_verify_in_a_process, args=(proofs, kind)))
        children[-1].start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]


# Exponents, mantissas, digests.


@pytest.mark.parametrize("shape", [(1000,), (100, 3), (1, 3, 5, 8, 1), (0,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_parts_of_floats(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    values = torch.randn(shape).to(dtype)
    exponents, mantissas = parts.get_fp_parts(values)
    patterns = values.float().view(torch.int32).reshape(-1).tolist()
    lost = 16 if dtype == torch.bfloat16 else 0
    assert exponents == [(pattern >> 23) & 0xFF for pattern in patterns]
    assert mantissas == [(pattern & 0x7FFFFF) >> lost for pattern in patterns]
    threads = torch.get_num_threads()
    assert parts.get_fp_parts(values, 1) == parts.get_fp_parts(values, num_threads=3)
    assert torch.get_num_threads() == threads
    with pytest.raises(RuntimeError, match="dtype"):
        parts.get_fp_parts(values.half())


def test_digests_of_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("Hello, world!" * 1000)
    known = "a8f764e70df94be2c911fb51b3d0c56c03882078dbdb215de8b7bd0374b0fb10"
    assert toploc.sha256sum(tmp_path / "file") == known
    assert toploc.utils.sha256sum(str(tmp_path / "file"), chunk_size=7) == known
