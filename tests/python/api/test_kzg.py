"""The scheme kzg from Python: its equations by py_ecc's pairings, and what must not pass.

py_ecc decodes the bytes itself and evaluates the equations of docs/kzg.md as they stand there.
"""

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from py_ecc import optimized_bn128 as oracle

import assay
from assay import kzg

R = oracle.curve_order
P = oracle.field_modulus
VECTORS = Path(__file__).parents[3] / "vectors/kzg"
VALUES = np.array([5, -3, 700, 0, 32767, -32768, 9, 1], np.int16)


def g1(data: bytes):
    """The point of 32 bytes: x little-endian, bit 255 for the larger y, bit 254 for infinity."""
    number = int.from_bytes(data, "little")
    if number >> 254 & 1:
        return oracle.Z1
    x = number & (1 << 254) - 1
    y = pow(x**3 + 3, (P + 1) // 4, P)
    if (y > (P - 1) // 2) != bool(number >> 255):
        y = P - y
    point = (oracle.FQ(x), oracle.FQ(y), oracle.FQ.one())
    assert oracle.is_on_curve(point, oracle.b)
    return point


def times(point, scalar: int):
    return oracle.multiply(point, scalar % R) if scalar % R else oracle.Z1


def minus(a, b):
    return oracle.add(a, oracle.neg(b))


def dev_secret(seed: int) -> int:
    label = b"assay/srs/kzg/dev/v1" + seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.sha512(label).digest(), "little") % R


def pair_alike(left, right, exponent: int) -> bool:
    """Whether e(left, [1]_2) = e(right, [exponent]_2)."""
    return oracle.pairing(oracle.G2, left) == oracle.pairing(times(oracle.G2, exponent), right)


@pytest.fixture(scope="module")
def srs() -> kzg.Srs:
    return kzg.Srs.dev(3, seed=7)


def test_entries_satisfy_the_equation(srs: kzg.Srs) -> None:
    tau = dev_secret(7)
    commitment = srs.commit(VALUES)
    value, proof = srs.open_index(VALUES, 5)
    assert value == -32768
    z = kzg.node(3, 5)
    pi = g1(proof)
    left = oracle.add(minus(g1(commitment), times(oracle.G1, value)), times(pi, z))
    assert pair_alike(left, pi, tau)
    statement = kzg.Statement(commitment, z, value, proof)
    assert srs.verifier_key.check(statement)
    wrong = statement._replace(value=value + 1)
    assert not pair_alike(minus(left, oracle.G1), pi, tau)
    verdict = srs.verifier_key.check(wrong)
    assert not verdict
    assert verdict.step == "opening equation"
    assert srs.verifier_key.check_all([statement, wrong]).item == 1


def test_blocks_satisfy_the_equation(srs: kzg.Srs) -> None:
    tau = dev_secret(7)
    commitment = srs.commit(VALUES)
    alone = np.zeros_like(VALUES)
    alone[4:6] = VALUES[4:6]
    proof = srs.open_block(VALUES, 1, 2)
    assert proof == srs.open_all_blocks(VALUES, 1)[2]
    pi = g1(proof)
    c = pow(kzg.node(3, 4), 2, R)
    left = oracle.add(minus(g1(commitment), g1(srs.commit(alone))), times(pi, c))
    assert pair_alike(left, pi, tau**2)
    key = srs.verifier_key
    assert key.check_block(srs, commitment, 1, 2, VALUES[4:6], proof)
    for block, values in ((1, VALUES[4:6]), (2, VALUES[4:6] + 1), (2, VALUES[4:6][::-1])):
        assert key.check_block(srs, commitment, 1, block, values, proof).step == "opening equation"
    assert key.check_block(srs, commitment, 1, 2, VALUES[4:7], proof).step == "proof shape"
    other = kzg.Srs.dev(3, seed=8)
    verdict = key.check_block(other, commitment, 1, 2, VALUES[4:6], proof)
    assert verdict.step == "basis digests"


def transcript(srs: kzg.Srs, claims: list[kzg.Claim], proof: bytes) -> tuple[int, int]:
    """Draw r and t, by docs/base.md and docs/kzg.md."""

    def sized(data: bytes) -> bytes:
        return len(data).to_bytes(8, "little") + data

    def draw(label: bytes) -> int:
        nonlocal state
        state += b"\xff" * 8 + sized(label) + (64).to_bytes(8, "little")
        counted = [hashlib.sha256(state + i.to_bytes(8, "little")).digest() for i in range(2)]
        state += b"".join(counted)
        return int.from_bytes(b"".join(counted), "little") % R

    state = b"assay/transcript/v1" + sized(b"assay/kzg/many/v1")
    state += sized(b"srs") + sized(bytes.fromhex(srs.verifier_key.digest))
    state += sized(b"claims") + sized(len(claims).to_bytes(8, "little"))
    for claim in claims:
        state += sized(b"name") + sized(claim.name)
        state += sized(b"commitment") + sized(claim.commitment)
        state += sized(b"point") + sized(claim.point.to_bytes(32, "little"))
        state += sized(b"value") + sized((claim.value % R).to_bytes(32, "little"))
    r = draw(b"r")
    state += sized(b"difference") + sized(proof[:32])
    return r, draw(b"t")


def test_many_points_satisfy_the_equation(srs: kzg.Srs) -> None:
    tau = dev_secret(7)
    vectors = [VALUES, VALUES[::-1].astype(np.int32)]
    names = [bytes([v]) * 32 for v in range(2)]
    commitments = [srs.commit(v) for v in vectors]
    questions = [(0, kzg.node(3, 1)), (1, kzg.node(3, 1)), (1, 12345), (0, kzg.node(3, 6))]
    values, proof = srs.open_many(list(zip(names, commitments, vectors, strict=True)), questions)
    assert values[0] == VALUES[1]
    assert values[3] == VALUES[6]
    claims = [
        kzg.Claim(names[v], commitments[v], z, y)
        for (v, z), y in zip(questions, values, strict=True)
    ]
    assert len(proof) == 64
    r, t = transcript(srs, claims, proof)
    left = oracle.neg(g1(proof[:32]))
    for i, claim in enumerate(claims):
        factor = pow(r, i, R) * pow(t - claim.point, -1, R)
        share = minus(g1(claim.commitment), times(oracle.G1, claim.value))
        left = oracle.add(left, times(share, factor))
    pi = g1(proof[32:])
    assert pair_alike(oracle.add(left, times(pi, t)), pi, tau)
    key = srs.verifier_key
    assert key.check_many(claims, proof)
    for change in ({"value": values[0] + 1}, {"name": bytes(32)}, {"point": kzg.node(3, 2)}):
        claims[1] = claims[1]._replace(**change)
        assert key.check_many(claims, proof).step == "opening equation"


def test_toy_of_another_project() -> None:
    """The polynomial 1 + 2X + 3X^2 at tau = 0x1234567890abcdef and z = 7, by py_ecc alone."""
    tau, z = 0x1234567890ABCDEF, 7
    at_secret, value = 1 + 2 * tau + 3 * tau**2, 162
    commitment = bytes.fromhex("cc1de79a1c6199dd91a3ccd5987af2d288fbe08e66e184c817ab9e5e6657bc03")
    proof = bytes.fromhex("b5c3fae9bd6cb97cc6aec2f2f9ffde62c74e1e05f3c64802d8b9702179b13b24")
    quotient = (at_secret - value) * pow(tau - z, -1, R)
    assert oracle.eq(g1(commitment), times(oracle.G1, at_secret))
    assert oracle.eq(g1(proof), times(oracle.G1, quotient))
    left = oracle.add(minus(g1(commitment), times(oracle.G1, value)), times(g1(proof), z))
    assert pair_alike(left, g1(proof), tau)


def test_all_kinds_of_integers_are_taken(srs: kzg.Srs) -> None:
    small = [5, 3, 100, 0]
    commitments = {
        srs.commit(small),
        srs.commit(assay.to_rows(small)),
        *(srs.commit(np.array(small, kind)) for kind in ("i1", "i2", "i4", "i8", ">i4")),
        *(srs.commit(np.array(small, kind)) for kind in ("u1", "u2", "u4", "u8")),
        srs.commit(np.array([5, 0, 3, 0, 100, 0, 0, 0], np.int16)[::2]),
    }
    assert len(commitments) == 1
    with pytest.raises(TypeError, match="integer"):
        srs.commit(np.array([1.5]))
    with pytest.raises(assay.InputError, match="9 where the SRS takes 8"):
        srs.commit([0] * 9)


def test_keys_of_vectors_read_and_pickle() -> None:
    for case in json.loads((VECTORS / "openings.json").read_text())["cases"]:
        key = kzg.VerifierKey.from_bytes(bytes.fromhex(case["verifier_key"]))
        assert key.digest == case["srs_digest"]
        assert key.log_size == case["log_size"]
        assert pickle.loads(pickle.dumps(key)) == key
    with pytest.raises(assay.DecodeError):
        kzg.VerifierKey.from_bytes(key.to_bytes()[:-1])


def test_files_round_trip(srs: kzg.Srs, tmp_path: Path) -> None:
    srs.write(tmp_path / "a.srs")
    again = kzg.Srs.open(tmp_path / "a.srs")
    assert again.verifier_key == srs.verifier_key
    assert again.verify()
    assert kzg.VerifierKey.open(tmp_path / "a.srs") == srs.verifier_key
    assert again.commit(VALUES) == srs.commit(VALUES)


def test_imports_powers(tmp_path: Path) -> None:
    srs = kzg.Srs.import_ptau(VECTORS / "8.ptau", 8, tmp_path / "a.srs")
    assert srs.verifier_key.trust == "ptau"
    assert srs.verify()
    value, proof = srs.open_index(VALUES, 2)
    statement = kzg.Statement(srs.commit(VALUES), kzg.node(8, 2), value, proof)
    assert srs.verifier_key.check(statement)
    changed = bytearray((VECTORS / "8.ptau").read_bytes())
    changed[200] ^= 1
    (tmp_path / "bad.ptau").write_bytes(changed)
    with pytest.raises(assay.DecodeError):
        kzg.Srs.import_ptau(tmp_path / "bad.ptau", 8, tmp_path / "b.srs")
    assert not (tmp_path / "b.srs").exists()


@pytest.mark.parametrize("log_size", [0, 29])
def test_sizes_out_of_range_are_refused(log_size: int) -> None:
    with pytest.raises(assay.InputError, match="log_size"):
        kzg.Srs.dev(log_size, 1)
    with pytest.raises(assay.InputError, match="log_size"):
        kzg.node(log_size, 0)
