"""The module `pegasus_verkle` as programs written for it use it."""

import copy
import importlib.metadata
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pegasus_verkle import BatchProof, KzgVerkleTree, SingleProof, commitment_from_hex

VALUES = [3 * i for i in range(64)]


@pytest.fixture(scope="module")
def tree() -> KzgVerkleTree:
    return KzgVerkleTree(VALUES, width=8)


def test_our_own_readme() -> None:
    folder = Path(__file__).parents[3] / "python/compat/pegasus_verkle"
    (block,) = re.findall(
        r"^```python\n(.*?)^```", (folder / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    exec(compile(block, "README.md", "exec"), {})


def test_it_wants_the_assay_that_it_was_made_for() -> None:
    version = importlib.metadata.version("assay")
    assert importlib.metadata.requires("pegasus_verkle") == [f"assay=={version}"]


def test_one_leaf(tree: KzgVerkleTree) -> None:
    assert (tree.width, tree.depth, tree.value_count) == (8, 2, 64)
    assert tree.dataset() == VALUES
    root = tree.root_hex()
    assert len(bytes.fromhex(root.replace("0x", ""))) == 32
    proof = tree.prove_single(20)
    assert isinstance(proof, SingleProof)
    assert (proof.index, proof.value) == (20, 60)
    assert getattr(proof, "node_count", 0) * 96 == 192
    assert proof.node_count() == 2
    assert proof.verify(root, 20, 60) is True
    for index, value in ((20, 61), (21, 60), (21, 63), (64, 60), (-1, 60), (20, 2**128)):
        assert proof.verify(root, index, value) is False


def test_many_leaves(tree: KzgVerkleTree) -> None:
    root = tree.root_hex()
    proof = tree.prove_indices([63, 1, 9, 1])
    assert isinstance(proof, BatchProof)
    assert proof.node_count == 1 + 3
    assert proof.verify(root, [63, 1, 9], [189, 3, 27]) is True
    assert proof.verify(root, [1, 9, 63], [3, 27, 189]) is True
    assert proof.verify(root, [1, 9, 63], [3, 27, 188]) is False
    assert proof.verify(root, [1, 9, 62], [3, 27, 186]) is False
    assert proof.verify(root, [1, 9], [3, 27]) is False
    assert proof.verify(root, [1, 1, 9, 63], [3, 4, 27, 189]) is False
    assert isinstance(tree.prove([3]), BatchProof)
    assert isinstance(tree.prove([3], batch=False), SingleProof)
    assert isinstance(tree.prove_single(3, as_batch=True), BatchProof)


def test_numpy_and_large_values() -> None:
    made = KzgVerkleTree(np.arange(16), width=4)
    assert made.prove_single(5).verify(made.root_hex(), 5, 5)
    values = [2**128 - 1, 0, 2**64, 7]
    large = KzgVerkleTree(values, width=2)
    for index, value in enumerate(values):
        assert large.prove_single(index).verify(large.root_hex(), index, value)
    assert large.prove_indices(range(4)).verify(large.root_hex(), range(4), values)
    alone = KzgVerkleTree([5], width=2)
    assert alone.prove_single(0).verify(alone.root_hex(), 0, 5)


def test_a_root_of_another_tree(tree: KzgVerkleTree) -> None:
    assert tree.trust == "dev"
    other = KzgVerkleTree(VALUES, width=8)
    assert other.root_hex() != tree.root_hex()  # each has a setup of its own
    assert tree.prove_single(1).verify(other.root_hex(), 1, 3) is False
    assert commitment_from_hex(tree.root_hex()).hex() == tree.root_hex()[2:]


def test_what_is_refused(tree: KzgVerkleTree) -> None:
    for values, width, reason in (
        ([1, 2, 3], 3, "power of two"),
        ([1], 1, "power of two"),
        ([], 2, "zero data"),
        ([1, 2, 3], 2, "next capacity: 4"),
        ([-1, 0], 2, "not from 0"),
        ([2**128, 0], 2, "not from 0"),
    ):
        with pytest.raises(ValueError, match=reason):
            KzgVerkleTree(values, width)
    for index in (64, -1):
        with pytest.raises(ValueError, match="exceeds"):
            tree.prove_single(index)
    for indices, reason in (([], "empty"), ([64], "exceeds")):
        with pytest.raises(ValueError, match=reason):
            tree.prove_indices(indices)
    with pytest.raises(ValueError, match="empty"):
        tree.prove([])
    batch, single = tree.prove_indices([1, 2]), tree.prove_single(1)
    for indices, values, reason in (([], [], "empty"), ([1], [3, 6], "matching length")):
        with pytest.raises(ValueError, match=reason):
            batch.verify(tree.root_hex(), indices, values)
    for root in ("0x", "0xzz", "0x" + "ff" * 32, "0x" + "00" * 31):
        with pytest.raises(ValueError, match=r"root|hexadecimal"):
            single.verify(root, 1, 3)
        with pytest.raises(ValueError, match=r"root|hexadecimal"):
            commitment_from_hex(root)
    for padded in (" " + tree.root_hex(), tree.root_hex() + "\n", "0x0X" + tree.root_hex()[2:]):
        with pytest.raises(ValueError, match=r"^root_hex: .*hexadecimal"):
            commitment_from_hex(padded)


@pytest.mark.parametrize("wrong", [None, 1.5, "x"])
def test_arguments_of_another_type_are_named(tree: KzgVerkleTree, wrong: Any) -> None:
    single, batch, root = tree.prove_single(1), tree.prove_indices([0, 1]), tree.root_hex()
    if not isinstance(wrong, str):
        with pytest.raises(TypeError, match=r"^root_hex: "):
            commitment_from_hex(wrong)
        with pytest.raises(TypeError, match=r"^root_hex: "):
            single.verify(wrong, 1, 3)
    with pytest.raises(TypeError, match=r"^index: "):
        single.verify(root, wrong, 3)
    with pytest.raises(TypeError, match=r"^value: "):
        single.verify(root, 1, wrong)
    with pytest.raises(TypeError, match=r"^indices: "):
        batch.verify(root, [0, wrong], [0, 3])
    with pytest.raises(TypeError, match=r"^values: "):
        batch.verify(root, [0, 1], [0, wrong])


def test_copies(tree: KzgVerkleTree) -> None:
    for proof in (tree.prove_single(1), tree.prove_indices([1, 2])):
        assert pickle.loads(pickle.dumps(proof)) == copy.deepcopy(proof) == proof
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^KzgVerkleTree: cannot be pickled .*assay\.tree"):
            copied(tree)
