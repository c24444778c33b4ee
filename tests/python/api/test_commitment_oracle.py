"""Commitments against an independent computation from the known secrets of a dev SRS.

The scalar p(t) comes from Python integers, the point from py_ecc; its compression is written here.
"""

import hashlib
import itertools
import math
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import optimized_bn128 as oracle

import assay

R = oracle.curve_order
P = oracle.field_modulus


@cache
def secret(seed: int, axis: int) -> int:
    label = b"assay/srs/dev/v1" + seed.to_bytes(8, "little") + axis.to_bytes(4, "little")
    return int.from_bytes(hashlib.sha512(label).digest(), "little") % R


def compressed(scalar: int) -> str:
    """The point scalar * G: x little-endian, bit 255 for the larger y, bit 254 for infinity."""
    if scalar % R == 0:
        return (1 << 254).to_bytes(32, "little").hex()
    x, y = oracle.normalize(oracle.multiply(oracle.G1, scalar % R))
    larger = int(y) > (P - 1) // 2
    return (int(x) | larger << 255).to_bytes(32, "little").hex()


def lagrange(size: int, t: int) -> list[int]:
    """l_j(t) over the nodes 0 .. size - 1, straight from the definition."""
    basis = []
    for j in range(size):
        top = bottom = 1
        for k in range(size):
            if k != j:
                top = top * (t - k) % R
                bottom = bottom * (j - k) % R
        basis.append(top * pow(bottom, -1, R) % R)
    return basis


def value_at_secrets(values: list[int], axes: tuple[int, ...], seed: int) -> int:
    """Sum of values[j] * prod_i l_(j_i)(t_i)."""
    bases = [lagrange(size, secret(seed, axis)) for axis, size in enumerate(axes)]
    return (
        sum(
            v * math.prod(factors)
            for v, factors in zip(values, itertools.product(*bases), strict=True)
        )
        % R
    )


@st.composite
def tensors(draw: st.DrawFn) -> tuple[tuple[int, ...], list[int]]:
    """Axes of 1 to 64 nodes, equal or mixed, at most 512 values, of 1 to 250 bits."""
    if draw(st.booleans()):
        size = draw(st.integers(1, 8))
        axes = (size,) * draw(st.integers(1, 3))
    else:
        axes = ()
        room = 512
        for _ in range(draw(st.integers(1, 4))):
            axes += (draw(st.integers(1, min(64, room))),)
            room //= axes[-1]
    largest = 2 ** draw(st.integers(1, 250)) - 1
    count = math.prod(axes)
    values = draw(st.lists(st.integers(-largest, largest), min_size=count, max_size=count))
    return axes, values


def nested(values: list[int], axes: tuple[int, ...]) -> list:
    for size in reversed(axes[1:]):
        values = [values[i : i + size] for i in range(0, len(values), size)]
    return values


def commit(values: list[int], axes: tuple[int, ...], seed: int) -> assay.Commitment:
    tensor = assay.encode(values, "int", "flat", axes)
    return assay.commit(tensor, assay.Srs.dev(axes, seed))


@settings(max_examples=40, deadline=None)
@given(tensors(), st.integers(0, 2**64 - 1))
def test_commitment_is_that_of_the_definition(
    tensor: tuple[tuple[int, ...], list[int]], seed: int
) -> None:
    axes, values = tensor
    assert commit(values, axes, seed).hex == compressed(value_at_secrets(values, axes, seed))


@settings(max_examples=25, deadline=None)
@given(tensors(), st.integers(0, 1000))
def test_coefficients_give_the_same_commitment(
    tensor: tuple[tuple[int, ...], list[int]], seed: int
) -> None:
    axes, values = tensor
    coefficients = assay.interpolate(nested(values, axes))
    secrets = [secret(seed, axis) for axis in range(len(axes))]
    # Sum of c_a * prod_i t_i^(a_i), a in C order: not by the code under test.
    powers = [[pow(t, a, R) for a in range(size)] for t, size in zip(secrets, axes, strict=True)]
    monomials = itertools.product(*powers)
    scalar = sum(c * math.prod(m) for c, m in zip(coefficients, monomials, strict=True)) % R
    assert scalar == value_at_secrets(values, axes, seed)
    assert assay.evaluate(coefficients, axes, secrets) == scalar
    native = assay.Srs.dev(axes, seed)._native
    assert native.commit_coefficients(assay.to_rows(coefficients)).hex() == compressed(scalar)
    assert assay.grid_values(coefficients, axes) == values


@settings(max_examples=25, deadline=None)
@given(tensors(), st.integers(0, 1000))
def test_slices_sum_to_the_commitment(tensor: tuple[tuple[int, ...], list[int]], seed: int) -> None:
    axes, values = tensor
    size = len(values) // axes[0]
    total = bytes(64)
    for index in range(axes[0]):
        alone = [v if i // size == index else 0 for i, v in enumerate(values)]
        total = assay.bn254.ec_add(total + uncompressed(commit(alone, axes, seed).hex))
    assert total == uncompressed(commit(values, axes, seed).hex)


def uncompressed(point: str) -> bytes:
    number = int.from_bytes(bytes.fromhex(point), "little")
    if number >> 254 & 1:
        return bytes(64)
    x = number & (1 << 254) - 1
    y = pow(x**3 + 3, (P + 1) // 4, P)
    if (y > (P - 1) // 2) != bool(number >> 255):
        y = P - y
    return x.to_bytes(32) + y.to_bytes(32)


def test_check_vector() -> None:
    expected = "5f10fa5ecdad6d295d6ad5b5669bf5df61fd5b9e8de8d73156fe72a59277af97"
    values = [5, -3, 2**200, 7]
    assert commit(values, (2, 2), 7).hex == expected
    assert compressed(value_at_secrets(values, (2, 2), 7)) == expected


def test_zeros_commit_to_infinity() -> None:
    assert commit([0] * 6, (2, 3), 1).hex == compressed(0)


def test_values_off_the_grid_are_those_of_the_polynomial() -> None:
    axes, values = (3, 4), list(range(-6, 6))
    srs = assay.Srs.dev(axes, 3)
    commitment = assay.commit(assay.encode(values, "int", "flat", axes), srs)
    point = [123456789, R - 2]
    bases = [lagrange(size, z) for size, z in zip(axes, point, strict=True)]
    expected = (
        sum(v * math.prod(f) for v, f in zip(values, itertools.product(*bases), strict=True)) % R
    )
    proofs = commitment.open([point])
    assert proofs[0].value % R == expected
    assert assay.verify(commitment, proofs, srs.verifier_key)
