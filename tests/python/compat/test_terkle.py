"""The module `terkle` as programs written for it use it."""

import copy
import importlib.metadata
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import terkle


@pytest.fixture(scope="module")
def tree() -> terkle.MultiverkleTree:
    return terkle.MultiverkleTree([2, 3], 2, [11 * i for i in range(36)])


def verify(tree: terkle.MultiverkleTree, index: int, value: int, proof: bytes) -> bool:
    return terkle.verify_serialized_proof(
        tree.verifier_key_bytes(), tree.root_bytes(), tree.axis_arity(), tree.depth(), index, value,
        proof,
    )  # fmt: skip


def test_our_own_readme() -> None:
    folder = Path(__file__).parents[3] / "python/compat/terkle"
    (block,) = re.findall(
        r"^```python\n(.*?)^```", (folder / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    exec(compile(block, "README.md", "exec"), {})


def test_it_wants_the_assay_that_it_was_made_for() -> None:
    version = importlib.metadata.version("assay")
    assert importlib.metadata.requires("terkle") == [f"assay=={version}"]


def test_every_leaf(tree: terkle.MultiverkleTree) -> None:
    assert terkle.expected_value_count([2, 3], 2) == 36
    assert len(tree.root_bytes()) == 32
    for index in range(36):
        bundle = tree.open_index(index)
        assert bundle.linear_index() == index
        assert bundle.leaf_value() == str(11 * index)
        assert bundle.path() == terkle.linear_index_to_path(index, [2, 3], 2)
        assert bundle.proof_size() == len(bundle.proof_bytes()) == 52 + 32 * (2 * 2 + 1)
        assert verify(tree, index, 11 * index, bundle.proof_bytes()) is True
        assert verify(tree, index, 11 * index + 1, bundle.proof_bytes()) is False
        assert verify(tree, (index + 1) % 36, 11 * index, bundle.proof_bytes()) is False


def test_paths_are_row_major_the_root_first() -> None:
    assert terkle.linear_index_to_path(0, [4, 4, 4], 2) == [[0, 0, 0], [0, 0, 0]]
    assert terkle.linear_index_to_path(64 * 5 + 27, [4, 4, 4], 2) == [[0, 1, 1], [1, 2, 3]]
    assert terkle.linear_index_to_path(15, [8, 2], 1) == [[7, 1]]
    with pytest.raises(ValueError, match="not below 64"):
        terkle.linear_index_to_path(64, [8, 8], 1)


def test_lists_of_integers_are_bytes(tree: terkle.MultiverkleTree) -> None:
    assert terkle.verify_serialized_proof(
        list(tree.verifier_key_bytes()), list(tree.root_bytes()), [2, 3], 2, 5, 55,
        list(tree.open_index(5).proof_bytes()),
    )  # fmt: skip


def test_one_setup_is_not_anothers(tree: terkle.MultiverkleTree) -> None:
    assert tree.trust == "dev"
    other = terkle.MultiverkleTree([2, 3], 2, [11 * i for i in range(36)])
    assert other.root_bytes() != tree.root_bytes()
    proof = tree.open_index(3).proof_bytes()
    assert verify(other, 3, 33, proof) is False
    assert (
        terkle.verify_serialized_proof(
            other.verifier_key_bytes(), tree.root_bytes(), [2, 3], 2, 3, 33, proof
        )
        is False
    )


def test_a_node_is_no_leaf(tree: terkle.MultiverkleTree) -> None:
    """The forgeries that the original accepts: another depth, a leaf as a node, a cut path."""
    proof = tree.open_index(7).proof_bytes()
    key, root = tree.verifier_key_bytes(), tree.root_bytes()
    for depth, cut in ((1, proof[: 52 + 64]), (1, proof), (3, proof), (2, proof[:-32])):
        index = 7 if depth > 1 else 1
        assert not terkle.verify_serialized_proof(key, root, [2, 3], depth, index, 77, cut)
    for i in range(52, len(proof)):
        flipped = bytearray(proof)
        flipped[i] ^= 1
        assert not verify(tree, 7, 77, bytes(flipped))


def test_what_is_refused(tree: terkle.MultiverkleTree) -> None:
    for axes, depth, count, reason in (
        ([], 1, 1, "axis_arity: 0 of them"),
        ([2], 0, 1, "depth"),
        ([2, 2], 1, 3, "expected 4"),
        ([1], 1, 1, "arit|axes|axis"),
    ):
        with pytest.raises(ValueError, match=reason):
            terkle.MultiverkleTree(axes, depth, [0] * count)
    for value in (-1, 2**64):
        with pytest.raises(ValueError, match="not from 0"):
            terkle.MultiverkleTree([2], 1, [0, value])
    with pytest.raises(ValueError, match="not below 36"):
        tree.open_index(36)
    proof = tree.open_index(0).proof_bytes()
    assert verify(tree, 36, 0, proof) is False
    assert verify(tree, -1, 0, proof) is False
    assert verify(tree, 0, 2**64, proof) is False
    for key, root, given, reason in (
        (b"", tree.root_bytes(), proof, "key"),
        (tree.verifier_key_bytes(), b"\xff" * 32, proof, "root"),
        (tree.verifier_key_bytes(), tree.root_bytes(), b"proof", "proof"),
    ):
        with pytest.raises(ValueError, match=reason):
            terkle.verify_serialized_proof(key, root, [2, 3], 2, 0, 0, given)


def test_shapes_that_no_tree_has() -> None:
    assert terkle.expected_value_count([2], 40) == terkle.expected_value_count([2] * 10, 4) == 2**40
    for axes, depth, reason in (
        ([4, 4], 10**8, "depth: .*2\\*\\*40"),
        ([4, 4], 2**64, "depth: .*2\\*\\*40"),
        ([2], 41, "depth: .*2\\*\\*40"),
        ([3], 26, "depth: .*2\\*\\*40"),
        ([4, 4], -1, "depth: .*negative"),
        ([4, 4], -(10**5000), "depth: .*negative"),
        ([0], 1, "axis_arity: 0 is below 2"),
        ([1], 1, "axis_arity: 1 is below 2"),
        ([], 2, "axis_arity: 0 of them"),
        ([-4, 4], 1, "axis_arity: -4 is not"),
        ([2**16, 2], 1, "axis_arity: over 65536"),
    ):
        with pytest.raises(ValueError, match=f"^{reason}") as caught:
            terkle.expected_value_count(axes, depth)
        assert len(str(caught.value)) < 90
        with pytest.raises(ValueError, match=f"^{reason}"):
            terkle.linear_index_to_path(0, axes, depth)
        if depth > 0:
            with pytest.raises(ValueError, match=f"^{reason}"):
                terkle.MultiverkleTree(axes, depth, [1])


def test_a_depth_that_no_tree_has_verifies_nothing(tree: terkle.MultiverkleTree) -> None:
    key, root, proof = tree.verifier_key_bytes(), tree.root_bytes(), tree.open_index(3)
    for depth in (2**64, 10**8, 41, 0, -1):
        assert not terkle.verify_serialized_proof(
            key, root, [2, 3], depth, 3, 33, proof.proof_bytes()
        )


@pytest.mark.parametrize("wrong", [None, 1.5, "xx"])
def test_arguments_of_another_type_are_named(tree: terkle.MultiverkleTree, wrong: Any) -> None:
    proof = tree.open_index(1).proof_bytes()
    good: dict[str, Any] = {
        "vk_bytes": tree.verifier_key_bytes(), "root_bytes": tree.root_bytes(),
        "axis_arity": [2, 3], "depth": 2, "index": 1, "value": 11, "proof_bytes": proof,
    }  # fmt: skip
    assert terkle.verify_serialized_proof(**good)
    for name in good:
        with pytest.raises(TypeError, match=f"^{name}: "):
            terkle.verify_serialized_proof(**{**good, name: wrong})
    with pytest.raises(TypeError, match=r"^axis_arity: "):
        terkle.verify_serialized_proof(**{**good, "axis_arity": [2, wrong]})
    for values in (wrong, [1, wrong]):
        with pytest.raises(TypeError, match=r"^data: "):
            terkle.MultiverkleTree([2], 1, values)
    for axes, depth, name in ((wrong, 1, "axis_arity"), ([2], wrong, "depth")):
        with pytest.raises(TypeError, match=f"^{name}: "):
            terkle.expected_value_count(axes, depth)
        with pytest.raises(TypeError, match=f"^{name}: "):
            terkle.MultiverkleTree(axes, depth, [1, 2])
    with pytest.raises(TypeError, match=r"^index: "):
        tree.open_index(wrong)


def test_integers_are_no_bytes(tree: terkle.MultiverkleTree) -> None:
    key, root, proof = tree.verifier_key_bytes(), tree.root_bytes(), tree.open_index(0)
    wrong: Any
    for wrong in (-1, True, 3):
        for place, name in enumerate(("vk_bytes", "root_bytes")):
            given = [key, root]
            given[place] = wrong
            with pytest.raises(TypeError, match=f"^{name}: "):
                terkle.verify_serialized_proof(*given, [2, 3], 2, 0, 0, proof.proof_bytes())
    with pytest.raises(ValueError, match=r"^proof_bytes: .*256"):
        terkle.verify_serialized_proof(key, root, [2, 3], 2, 0, 0, [256])


def test_copies(tree: terkle.MultiverkleTree) -> None:
    bundle = tree.open_index(5)
    for again in (pickle.loads(pickle.dumps(bundle)), copy.deepcopy(bundle), tree.open_index(5)):
        assert again == bundle
        assert hash(again) == hash(bundle)
        assert again.path() == bundle.path()
    assert bundle != tree.open_index(6)
    with pytest.raises(TypeError, match=r"^MultiverkleTree: cannot be pickled .*assay\.tree"):
        pickle.dumps(tree)
