"""`assay.merkle` against trees computed here, and against proofs that are none."""

import hashlib

import numpy as np
import pytest

from assay import DecodeError, InputError, merkle


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    both = root_of(leaves[:split]) + root_of(leaves[split:])
    return hashlib.sha256(b"\1" + both).digest()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 13])
def test_roots_are_those_of_the_rfc(count: int) -> None:
    leaves = [bytes([i]) * i for i in range(count)]
    tree = merkle.Tree(leaves)
    assert tree.root == root_of(leaves)
    assert len(tree) == count
    grown = merkle.Tree()
    for leaf in leaves:
        grown.append(leaf)
    assert grown.root == tree.root
    sizes = (2).to_bytes(8, "little") + count.to_bytes(8, "little")
    assert tree.sized_root == hashlib.sha256(b"\2" + sizes + tree.root).digest()


@pytest.mark.parametrize("arity", [2, 3, 16])
def test_leaves_open_and_others_do_not(arity: int) -> None:
    leaves = [b"leaf %d" % i for i in range(11)]
    tree = merkle.Tree(leaves, arity)
    for index, leaf in enumerate(leaves):
        proof = merkle.InclusionProof.from_bytes(tree.prove(index).to_bytes())
        given = tree.root, len(tree), index, leaf, proof, arity
        assert merkle.verify_inclusion(*given)
        assert merkle.verify_inclusion(*given[:3], b"x", *given[4:]).step == "root"
        assert merkle.verify_inclusion(tree.root, 11, 11, *given[3:]).step == "index"
    many = tree.prove_many([1, 4, 10])
    chosen = [leaves[1], leaves[4], leaves[10]]
    assert merkle.verify_many(tree.root, 11, [1, 4, 10], chosen, many, arity)
    assert not merkle.verify_many(tree.root, 11, [1, 4, 9], chosen, many, arity)
    tree.replace(4, b"new")
    assert not merkle.verify_many(tree.root, 11, [1, 4, 10], chosen, many, arity)


def test_a_tree_that_grew_and_one_that_did_not() -> None:
    leaves = [bytes([i]) for i in range(9)]
    old, new = merkle.Tree(leaves[:5]), merkle.Tree(leaves)
    proof = new.prove_consistency(5)
    assert merkle.verify_consistency(old.root, 5, new.root, 9, proof)
    other = merkle.Tree([b"x", *leaves[1:5]])
    assert merkle.verify_consistency(other.root, 5, new.root, 9, proof).step == "old root"
    with pytest.raises(InputError, match="arity"):
        merkle.Tree(leaves, 3).prove_consistency(5)


def test_rows_of_an_array_are_leaves() -> None:
    rows = np.arange(12, dtype="<u4").reshape(4, 3)
    assert merkle.Tree.of_rows(rows).root == root_of([row.tobytes() for row in rows])
    assert merkle.Tree.of_rows(np.asfortranarray(rows)).root == merkle.Tree.of_rows(rows).root


def test_refusals() -> None:
    tree = merkle.Tree([b"a", b"b"])
    with pytest.raises(InputError):
        tree.prove(2)
    with pytest.raises(InputError):
        tree.prove_many([1, 0])
    with pytest.raises(InputError):
        tree.replace(2, b"c")
    with pytest.raises(InputError):
        merkle.Tree([b"a"], arity=1)
    with pytest.raises(TypeError):
        merkle.Tree(["a"])  # type: ignore[list-item]
    with pytest.raises(DecodeError):
        merkle.InclusionProof.from_bytes(tree.prove(0).to_bytes()[:-1])
    with pytest.raises(DecodeError):
        merkle.MultiProof.from_bytes(tree.prove(0).to_bytes())
    with pytest.raises(TypeError, match="proof: MultiProof"):
        merkle.verify_inclusion(tree.root, 2, 0, b"a", tree.prove_many([0]))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="root"):
        merkle.verify_inclusion(b"short", 2, 0, b"a", tree.prove(0))
