"""The precompiled contracts of EIP-196 and EIP-197 against py_ecc, and where they must fail."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import optimized_bn128 as oracle

import assay
from assay.bn254 import ec_add, ec_mul, ec_pairing

P = oracle.field_modulus
R = oracle.curve_order
INFINITY = bytes(64)
INFINITY_2 = bytes(128)

scalars = st.integers(0, R - 1)


def word(number: int) -> bytes:
    return number.to_bytes(32)


def g1(k: int) -> bytes:
    return encode_g1(oracle.multiply(oracle.G1, k % R))


def encode_g1(point: tuple) -> bytes:
    if oracle.is_inf(point):
        return INFINITY
    x, y = oracle.normalize(point)
    return word(int(x)) + word(int(y))


def g2(k: int) -> bytes:
    return encode_g2(oracle.multiply(oracle.G2, k % R))


def encode_g2(point: tuple) -> bytes:
    if oracle.is_inf(point):
        return INFINITY_2
    x, y = oracle.normalize(point)
    return b"".join(
        word(int(part)) for part in (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0])
    )


def negated(point: bytes) -> bytes:
    return point[:32] + word(P - int.from_bytes(point[32:]))


G, H = g1(1), g2(1)
ONE, ZERO = word(1), word(0)


def test_generators_are_those_of_the_eips() -> None:
    assert word(1) + word(2) == G
    assert H[:4].hex() == "198e9393"
    assert H[32:36].hex() == "1800deef"
    assert H[64:68].hex() == "090689d0"
    assert H[96:100].hex() == "12c85ea5"


@settings(max_examples=30, deadline=None)
@given(scalars, scalars)
def test_add(a: int, b: int) -> None:
    assert ec_add(g1(a) + g1(b)) == g1(a + b)


@pytest.mark.parametrize(
    ("a", "b"), [(0, 0), (0, 5), (5, 0), (5, 5), (5, R - 5), (1, 1), (R - 1, R - 1), (1, R - 1)]
)
def test_add_at_the_edges(a: int, b: int) -> None:
    assert ec_add(g1(a) + g1(b)) == g1(a + b)


def test_add_pads_and_truncates() -> None:
    assert ec_add(b"") == INFINITY
    assert ec_add(G) == G
    assert ec_add(G + G + b"anything beyond") == g1(2)
    # Without its last byte, (1, 2) is (1, 0), which is off the curve.
    shifted = INFINITY + G
    assert ec_add(shifted) == G
    with pytest.raises(assay.DecodeError, match="second point"):
        ec_add(shifted[:-1])
    with pytest.raises(assay.DecodeError, match="first point"):
        ec_add(word(1))


BAD_POINTS = [
    word(1) + word(3),
    word(0) + word(1),
    word(0) + word(2),
    word(P) + word(0),
    word(0) + word(P),
    word(1 + P) + word(2),
    word(1) + word(2 + P),
    b"\xff" * 64,
    word(2) + word(1),
]


@pytest.mark.parametrize("bad", BAD_POINTS, ids=lambda bad: bad.hex()[:16])
def test_bad_points_fail_in_either_place(bad: bytes) -> None:
    with pytest.raises(assay.DecodeError, match="first point"):
        ec_add(bad + G)
    with pytest.raises(assay.DecodeError, match="second point"):
        ec_add(G + bad)
    with pytest.raises(assay.DecodeError):
        ec_mul(bad + word(1))
    with pytest.raises(assay.DecodeError):
        ec_mul(bad + word(0))
    with pytest.raises(assay.DecodeError):
        ec_pairing(bad + H)
    with pytest.raises(assay.DecodeError):
        ec_pairing(bad + INFINITY_2)


@settings(max_examples=30, deadline=None)
@given(scalars, st.integers(0, 2**256 - 1))
def test_mul_by_any_256_bits(a: int, k: int) -> None:
    assert ec_mul(g1(a) + word(k)) == g1(a * k)


@pytest.mark.parametrize("k", [0, 1, 2, R - 1, R, R + 1, 2 * R, 5 * R, P, 2**255, 2**256 - 1])
def test_mul_at_the_edges(k: int) -> None:
    assert ec_mul(G + word(k)) == g1(k)
    assert ec_mul(INFINITY + word(k)) == INFINITY
    assert ec_mul(g1(R - 1) + word(k)) == g1(-k)


def test_mul_pads_and_truncates() -> None:
    assert ec_mul(b"") == INFINITY
    assert ec_mul(G) == INFINITY
    assert ec_mul(G + word(7) + b"\x01") == g1(7)
    # A scalar cut short is continued with zeros: it grows.
    assert ec_mul(G + b"\x00" * 30 + b"\x01") == g1(256)
    assert ec_mul(G + b"\x80") == g1(2**255)


def test_pairing_products() -> None:
    assert ec_pairing(b"") == ONE
    assert ec_pairing(G + H) == ZERO
    assert ec_pairing(G + H + negated(G) + H) == ONE
    assert ec_pairing(INFINITY + H) == ONE
    assert ec_pairing(G + INFINITY_2) == ONE
    assert ec_pairing(INFINITY + INFINITY_2) == ONE
    assert ec_pairing(G + INFINITY_2 + G + H) == ZERO


def test_pairing_is_bilinear() -> None:
    draw = random.Random(20)
    for _ in range(5):
        a, b = draw.randrange(1, R), draw.randrange(1, R)
        assert ec_pairing(g1(a) + g2(b) + g1(-a * b) + H) == ONE
        assert ec_pairing(g1(a) + g2(b) + g1(-a * b + 1) + H) == ZERO
        c = draw.randrange(1, R)
        rest = pow(c, -1, R) * -(a + b)
        assert ec_pairing(g1(a) + H + g1(b) + H + g1(rest) + g2(c)) == ONE


def test_pairing_agrees_with_the_oracle() -> None:
    draw = random.Random(21)
    a, b, c = (draw.randrange(1, R) for _ in range(3))
    d = a * b * pow(c, -1, R) % R
    left = oracle.pairing(oracle.multiply(oracle.G2, b), oracle.multiply(oracle.G1, a))
    right = oracle.pairing(oracle.multiply(oracle.G2, d), oracle.multiply(oracle.G1, c))
    assert left == right
    assert ec_pairing(g1(a) + g2(b) + g1(-c) + g2(d)) == ONE
    assert ec_pairing(g1(a) + g2(b) + g1(c) + g2(d)) == ZERO


@pytest.mark.parametrize("length", [1, 31, 64, 191, 193, 383])
def test_pairing_wants_whole_pairs(length: int) -> None:
    with pytest.raises(assay.DecodeError, match="multiple of 192"):
        ec_pairing(((G + H) * 2)[:length] if length <= 384 else b"")


def test_pairing_wants_the_imaginary_part_first() -> None:
    swapped = H[32:64] + H[:32] + H[96:] + H[64:96]
    with pytest.raises(assay.DecodeError):
        ec_pairing(G + swapped)


def twist_point_outside_the_subgroup() -> bytes:
    """The first point of the twist by its real x that r does not send to infinity."""
    for real in range(1, 200):
        x = oracle.FQ2([real, 0])
        y = square_root(x * x * x + oracle.b2)
        if y is None:
            continue
        point = (x, y, oracle.FQ2.one())
        assert oracle.is_on_curve(point, oracle.b2)
        if not oracle.is_inf(oracle.multiply(point, R)):
            return encode_g2(point)
    raise AssertionError


def square_root(a: oracle.FQ2) -> oracle.FQ2 | None:
    """By the norm: p = 3 mod 4."""
    re, im = (int(part) for part in a.coeffs)
    norm = pow(re * re + im * im, (P + 1) // 4, P)
    for sign in (norm, -norm):
        half = (re + sign) * pow(2, -1, P) % P
        x = pow(half, (P + 1) // 4, P)
        if x and x * x % P == half:
            root = oracle.FQ2([x, im * pow(2 * x, -1, P) % P])
            if root * root == a:
                return root
    return None


def test_pairing_checks_the_subgroup() -> None:
    outside = twist_point_outside_the_subgroup()
    with pytest.raises(assay.DecodeError, match="pair 0, point of G2"):
        ec_pairing(G + outside)
    # Even where the pair would contribute nothing.
    with pytest.raises(assay.DecodeError, match="pair 1, point of G2"):
        ec_pairing(G + H + INFINITY + outside)


@pytest.mark.parametrize("position", range(4))
def test_pairing_refuses_coordinates_of_g2_not_below_p(position: int) -> None:
    words = [H[i : i + 32] for i in range(0, 128, 32)]
    words[position] = word(int.from_bytes(words[position]) + P)
    with pytest.raises(assay.DecodeError):
        ec_pairing(G + b"".join(words))
    zeros = [ZERO] * 4
    zeros[position] = word(P)
    with pytest.raises(assay.DecodeError):
        ec_pairing(G + b"".join(zeros))


def test_other_buffers_are_taken() -> None:
    assert ec_add(bytearray(G)) == ec_add(memoryview(G)) == G


@pytest.mark.parametrize("value", [R, R + 1, 2**256 - 1])
def test_a_row_that_is_no_residue_is_refused(value: int) -> None:
    row = np.frombuffer(value.to_bytes(32, "little"), np.uint8).reshape(1, 32)
    for signed in (False, True):
        with pytest.raises(assay.InputError, match="row 0: not below R"):
            assay.from_rows(row, signed=signed)
