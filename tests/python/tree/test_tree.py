"""`assay.tree`: trees, proofs and files, as Python programs use them."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import assay
from assay import tree
from assay.residues import R

WIDE = {
    "merkle": {"kind": "merkle", "arities": 2},
    "verkle": {"kind": "verkle", "srs": assay.kzg.Srs.dev(2, seed=1)},
    "terkle": {"kind": "terkle", "arities": (2, 2), "srs": assay.Srs.dev((2, 2), seed=1)},
}
VALUES = {
    "u64": [0, 1, 2**64 - 1, 77, 5, 6, 7],
    "i64": [0, -1, 2**63 - 1, -(2**63), 5, 6, 7],
    "field": [0, 1, R - 1, 77, 5, 6, 7],
    "bytes": [b"", b"a", b"bc", bytes(100), b"e", b"f", b"g"],
}


@pytest.fixture(params=WIDE)
def kind(request: pytest.FixtureRequest) -> dict:
    return WIDE[request.param]


@pytest.fixture(params=VALUES)
def leaf(request: pytest.FixtureRequest) -> str:
    return request.param


def test_proves_what_it_holds(kind, leaf):
    values = VALUES[leaf]
    made = tree.build(values, leaf=leaf, **kind)
    key = kind.get("srs")
    assert len(made) == 7 == made.root.count
    assert made.depth == made.root.depth == (3 if kind["kind"] == "merkle" else 2)
    for index, value in enumerate(values):
        proof = made.prove(index)
        assert tree.verify(made.root, index, [value], proof, key)
        assert not tree.verify(made.root, index, [values[index - 1]], proof, key)
    indices = [0, 3, 6]
    shown = [values[i] for i in indices]
    verdict = tree.verify(made.root, indices, shown, made.prove(indices), key)
    assert verdict, verdict
    if kind["kind"] == "verkle":
        proof = made.prove(indices, aggregated=True)
        assert proof.aggregated
        assert len(proof) < len(made.prove(indices))
        assert tree.verify(made.root, indices, shown, proof, key)


def test_update_and_append_give_a_rebuild(kind, leaf):
    values = VALUES[leaf]
    made = tree.build(values[:4], leaf=leaf, **kind)
    made.append(values[4:])
    assert made.root == tree.build(values, leaf=leaf, **kind).root
    made.update({5: values[0], 1: values[6]})
    changed = [*values]
    changed[5], changed[1] = values[0], values[6]
    assert made.root == tree.build(changed, leaf=leaf, **kind).root


def test_kept_tree(kind, leaf, tmp_path: Path):
    values = VALUES[leaf]
    path = tmp_path / "x.tree"
    root = tree.build(values, path=path, leaf=leaf, **kind).root
    kept = tree.open(path, kind.get("srs"))
    assert kept.root == root == tree.build(values, leaf=leaf, **kind).root
    assert kept.sizes().file_bytes == path.stat().st_size
    kept.check()
    kept.append(values[:1])
    kept.update({0: values[3]})
    after = kept.root
    del kept
    again = tree.open(path, kind.get("srs"))
    assert again.root == after
    assert tree.verify(after, 0, [values[3]], again.prove(0), kind.get("srs"))


def test_parts_are_files(kind, tmp_path: Path):
    made = tree.build([1, 2, 3], **kind)
    proof = made.prove(1)
    for part in (made.root, proof):
        part.write(tmp_path / "x")
        assert type(part).read(tmp_path / "x") == part
        assert type(part).from_bytes(part.to_bytes()) == part
        assert pickle.loads(pickle.dumps(part)) == part
        assert len({part, type(part).from_bytes(bytes(part))}) == 1
        with pytest.raises(assay.DecodeError):
            type(part).from_bytes(part.to_bytes()[:-1])
    assert len(made.root.to_bytes()) < 200
    assert "count=3" in repr(made.root)
    assert proof.tree == made.root.digest


def test_streams(kind):
    values = np.arange(1000, dtype=np.uint64)
    builder = tree.Builder(**kind)
    for first in range(0, 1000, 64):
        builder.add(values[first : first + 64])
    assert builder.finish().root == tree.build(values, **kind).root


def test_types_of_arrays():
    expected = tree.build([1, 2, 3]).root
    for dtype in (np.uint8, np.int16, np.uint32, np.int64, np.uint64):
        assert tree.build(np.array([1, 2, 3], dtype=dtype)).root == expected
    rows = assay.to_rows([1, 2, 3])
    assert tree.build(rows, leaf="field").root == tree.build([1, 2, 3], leaf="field").root


def test_key_and_digest_are_the_verifiers(tmp_path: Path):
    kind = WIDE["terkle"]
    srs = kind["srs"]
    made = tree.build([1, 2, 3], **kind)
    proof = made.prove(2)
    other = assay.Srs.dev((2, 2), seed=9)
    for key in (srs, srs.verifier_key):
        assert tree.verify(made.root, 2, [3], proof, key)
    assert tree.verify(made.root, 2, [3], proof, other).step == "setup"
    assert tree.verify(made.root, 2, [3], proof).step == "setup"
    digest = made.root.digest
    verdict = tree.verify(made.root, 2, [3], proof, srs, root_digest=digest)
    assert verdict
    assert "unverified" in verdict.assumptions[0]
    trusted = tree.verify(made.root, 2, [3], proof, srs, trusted=[srs.verifier_key.digest])
    assert "trusted by the verifier" in trusted.assumptions[0]
    wrong = tree.verify(made.root, 2, [3], proof, srs, root_digest=digest[::-1])
    assert wrong.step == "root digest"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"kind": "pollard"}, "malformed"),
        ({"arities": 1}, "out_of_range"),
        ({"kind": "verkle"}, "mismatch"),
        ({"kind": "terkle", "srs": assay.kzg.Srs.dev(2, seed=1)}, "mismatch"),
        ({"srs": assay.kzg.Srs.dev(2, seed=1)}, "mismatch"),
        ({**WIDE["terkle"], "arities": (4,)}, "mismatch"),
        ({"leaf": "float"}, "malformed"),
    ],
)
def test_refuses_trees_that_are_none(arguments, code):
    with pytest.raises(assay.InputError) as failed:
        tree.build([1, 2], **arguments)
    assert failed.value.code == code


def test_refuses_values_and_indices_out_of_range():
    made = tree.build([1, 2, 3])
    for indices in ([], [3], [1, 1], [2, 1]):
        with pytest.raises(assay.InputError):
            made.prove(indices)
    with pytest.raises(assay.InputError):
        made.prove(-1)
    for values, leaf in (([-1], "u64"), ([2**64], "u64"), ([2**63], "i64"), ([R], "field")):
        with pytest.raises(assay.InputError):
            tree.build(values, leaf=leaf)
    with pytest.raises(assay.InputError):
        made.update({7: 1})
    with pytest.raises(assay.InputError):
        made.prove(0, aggregated=True)
    assert made.root == tree.build([1, 2, 3]).root
    assert tree.verify(made.root, 3, [3], made.prove(2)).step == "index"
    assert tree.verify(made.root, [1, 2], [3], made.prove(2)).step == "values"


def test_an_empty_tree_and_one_leaf(kind):
    empty = tree.build([], **kind)
    assert len(empty) == 0
    one = tree.build([5], **kind)
    assert tree.verify(one.root, 0, [5], one.prove(0), kind.get("srs"))
    empty.append([5])
    assert empty.root == one.root


def test_a_damaged_file_is_refused(tmp_path: Path):
    path = tmp_path / "x.tree"
    tree.build(range(100), path=path)
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(assay.DecodeError):
        tree.open(path)
    path.write_bytes(good[:600] + bytes([good[600] ^ 1]) + good[601:])
    opened = tree.open(path)
    with pytest.raises(assay.DecodeError):
        opened.check()
    with pytest.raises(assay.InputError):
        tree.open(tmp_path / "none.tree")


@pytest.mark.parametrize(
    "given", [[7.9], ["7"], "7", {7: 1}, {7}, {7: 1}.keys(), [None], [np.float64(7)], np.ones(1)]
)
@pytest.mark.parametrize("leaf", ["u64", "i64", "field"])
def test_a_leaf_is_an_integer_or_refused(given, leaf):
    made = tree.build([1, 2, 3], leaf=leaf)
    with pytest.raises(TypeError):
        tree.build(given, leaf=leaf)
    with pytest.raises(TypeError):
        made.append(given)
    with pytest.raises(TypeError):
        tree.verify(made.root, [0], given, made.prove(0))
    assert len(made) == 3


def test_a_value_is_not_cut_to_the_leaf():
    made = tree.build(list(range(20)))
    for value in (7.9, "7", 7.0):
        with pytest.raises(TypeError):
            tree.verify(made.root, 7, value, made.prove(7))
    for leaves in ({7: 7.9}, {7.9: 3}, {"7": 7}):
        with pytest.raises(TypeError):
            made.update(leaves)
    for index in ("7", 7.0, [7.0]):
        with pytest.raises(TypeError):
            made.prove(index)


@pytest.mark.parametrize("given", [[1, 2], [np.int64(3)], ["a"], "ab", [10**9]])
def test_bytes_are_given_as_bytes(given):
    with pytest.raises(TypeError, match=r"(bytes are|a list is) expected here"):
        tree.build(given, leaf="bytes")


@pytest.mark.parametrize("leaf", ["u64", "i64", "field"])
def test_masks_are_refused(leaf):
    masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
    with pytest.raises(assay.InputError, match="a masked array"):
        tree.build(masked, leaf=leaf)
    with pytest.raises(assay.InputError, match="a masked array"):
        assay.merkle.Tree(masked)
    with pytest.raises(assay.InputError, match="a masked array"):
        assay.kzg.Srs.dev(2, seed=1).commit(masked)
    with pytest.raises(assay.InputError, match="a masked array"):
        assay.weights.manifest({"a": np.ma.array(np.ones((2, 2)), mask=np.eye(2))})
