"""The trees against a slow model of the same bytes: roots, proofs, updates and growth."""

import random
from typing import Any

import numpy as np
import pytest

import tree_model
from assay import Srs, kzg, to_rows, tree
from tree_model import R, Setup, Tree

SHAPES: list[tuple[str, tuple[int, ...]]] = [
    ("merkle", (2,)),
    ("merkle", (3,)),
    ("merkle", (16,)),
    ("verkle", (2,)),
    ("verkle", (4,)),
    ("verkle", (16,)),
    ("terkle", (2, 2)),
    ("terkle", (3,)),
    ("terkle", (2, 3)),
    ("terkle", (2, 1 + 1, 4)),
]
LEAVES = ("u64", "i64", "field", "bytes")
_SEED = 3


def native_setup(kind: str, arities: tuple[int, ...]) -> Any:
    if kind == "merkle":
        return None
    if kind == "verkle":
        return kzg.Srs.dev(arities[0].bit_length() - 1, _SEED)
    return Srs.dev(arities, _SEED)


def setup_of(kind: str, arities: tuple[int, ...]) -> tuple[Any, Setup | None]:
    srs = native_setup(kind, arities)
    if srs is None:
        return None, None
    return srs, Setup(kind, arities, _SEED, bytes.fromhex(srs.verifier_key.digest))


def drawn(leaf: str, count: int, draw: random.Random) -> list[Any]:
    if leaf == "u64":
        return [draw.choice([0, 2**64 - 1, draw.getrandbits(64)]) for _ in range(count)]
    if leaf == "i64":
        return [
            draw.choice([-1, -(2**63), 2**63 - 1, draw.randrange(-99, 99)]) for _ in range(count)
        ]
    if leaf == "field":
        return [draw.choice([0, R - 1, draw.randrange(R)]) for _ in range(count)]
    return [draw.randbytes(draw.randrange(100)) for _ in range(count)]


def given(leaf: str, leaves: list[Any]) -> Any:
    """Leaves as `build` takes them."""
    if leaf in ("u64", "i64"):
        return np.array(leaves, leaf.replace("i", "int").replace("u", "uint"))
    return to_rows(leaves) if leaf == "field" else leaves


def claimed(leaf: str, leaves: list[Any], indices: list[int]) -> Any:
    return given(leaf, [leaves[i] for i in indices])


def built(kind: str, arities: tuple[int, ...], leaf: str, leaves: list[Any], srs: Any) -> Any:
    shape = arities[0] if kind != "terkle" else arities
    return tree.build(given(leaf, leaves), kind=kind, arities=shape, srs=srs, leaf=leaf)


def agree(made: Any, model: Tree, leaves: list[Any], draw: random.Random, key: Any) -> None:
    """Same public part and proofs, accepted by the trees and, now and then, by the slow model."""
    assert made.root.to_bytes() == model.root()
    assert made.depth == model.depth or model.kind == "merkle"
    if not leaves:
        return
    few = sorted(draw.sample(range(len(leaves)), min(len(leaves), draw.choice([1, 1, 2, 5]))))
    for aggregated in (False, True)[: 1 + (model.kind == "verkle")]:
        proof = made.prove(few, aggregated=aggregated)
        assert proof.to_bytes() == model.proof(few, aggregated=aggregated)
        values = claimed(model.leaf, leaves, few)
        assert tree.verify(made.root, few, values, proof, key)
        if model.setup and not aggregated and len(leaves) % 9 == 4:
            assert tree_model.accepts(model, model.root(), few, proof.to_bytes())


@pytest.mark.parametrize(("kind", "arities"), SHAPES)
def test_every_size_to_70(kind: str, arities: tuple[int, ...]) -> None:
    srs, setup = setup_of(kind, arities)
    key = srs.verifier_key if srs else None
    draw = random.Random(f"{kind}{arities}")
    for count in range(71):
        leaf = LEAVES[count % 4]
        leaves = drawn(leaf, count, draw)
        model = Tree(kind, arities, leaf, tuple(leaves), setup)
        agree(built(kind, arities, leaf, leaves, srs), model, leaves, draw, key)


@pytest.mark.parametrize("turn", range(8))
def test_random_trees_after_updates_and_appends(turn: int) -> None:
    draw = random.Random(turn)
    kind, arities = SHAPES[(3 * turn + 1) % len(SHAPES)]
    leaf = draw.choice(LEAVES)
    srs, setup = setup_of(kind, arities)
    key = srs.verifier_key if srs else None
    leaves = drawn(leaf, draw.randrange(1, 150), draw)
    made = built(kind, arities, leaf, leaves, srs)
    for _ in range(3):
        changed = sorted(draw.sample(range(len(leaves)), min(len(leaves), draw.choice([1, 3]))))
        new = drawn(leaf, len(changed), draw)
        made.update(dict(zip(changed, new, strict=True)))
        for index, value in zip(changed, new, strict=True):
            leaves[index] = value
        agree(made, Tree(kind, arities, leaf, tuple(leaves), setup), leaves, draw, key)
        more = drawn(leaf, draw.choice([1, 2, 40]), draw)
        made.append(given(leaf, more))
        leaves += more
        agree(made, Tree(kind, arities, leaf, tuple(leaves), setup), leaves, draw, key)


def test_the_model_refuses_what_the_trees_refuse() -> None:
    """So that its agreement says something: each claim but the honest one fails in both."""
    for kind, arities in (("verkle", (4,)), ("terkle", (2, 2))):
        srs, setup = setup_of(kind, arities)
        leaves = drawn("u64", 30, random.Random(5))
        made = built(kind, arities, "u64", leaves, srs)
        model = Tree(kind, arities, "u64", tuple(leaves), setup)
        proof = made.prove([7, 20]).to_bytes()
        other = [*leaves[:20], 5, *leaves[21:]]
        swapped = proof[:52] + proof[84:116] + proof[52:84] + proof[116:]
        for values, bytes_given in ((other, proof), (leaves, swapped)):
            said = Tree(kind, arities, "u64", tuple(values), setup)
            assert not tree_model.accepts(said, model.root(), [7, 20], bytes_given)
            verdict = tree.verify(
                made.root,
                [7, 20],
                claimed("u64", values, [7, 20]),
                tree.Proof.from_bytes(bytes_given),
                srs.verifier_key,
            )
            assert verdict.step == "opening equation"


def test_the_equation_by_pairings() -> None:
    """One path of each kind as docs/tree.md writes the equation, by py_ecc's pairing."""
    curve = tree_model.curve
    for kind, arities in (("verkle", (2,)), ("terkle", (2, 2))):
        srs, setup = setup_of(kind, arities)
        assert setup is not None
        made = built(kind, arities, "u64", [9, 8], srs)
        value, body = 8, made.prove(1).to_bytes()[52:]
        place = setup.coordinates(1)
        left = tree_model.decompressed(made.root.value)
        left = curve.add(left, tree_model.times_generator(-value))
        right = curve.FQ12.one()
        for axis, secret in enumerate(setup.secrets):
            point = tree_model.decompressed(body[32 * axis : 32 * axis + 32])
            left = curve.add(left, curve.multiply(point, setup.axes[axis][place[axis]]))
            right *= curve.pairing(curve.multiply(curve.G2, secret), point)
        assert curve.pairing(curve.G2, left) == right
