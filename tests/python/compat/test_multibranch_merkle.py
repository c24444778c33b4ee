"""The module `multibranch_merkle` as programs written for it use it."""

import copy
import importlib.metadata
import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import multibranch_merkle
import pytest
from multibranch_merkle import MultiMerkleTree, Proof

# Leaves 0 .. n-1 under roots of the original.
ROOTS = [
    (2, 8, "395bbca6997cb818846dcfa25e7d49f02e6cc5bcccb39351d639ecd266a02797"),
    (3, 5, "43753b7d73b88cd4be32f09be16773b74239bc879ac1679d054be432d3aa7857"),
    (4, 15, "7ae17ba714982e73ce4106c8f00004a900b84708d16cea545476762a4c82acbf"),
    (4, 16, "0ac3286cbbbf4225c41914c2add249a0fe372d77131b03bbb852d52ccd14ebec"),
    (5, 32, "8d41666d6c81ba4167b07e8068a9a03634ff81abda4d39225856110bb81f5a3b"),
    (8, 64, "4b2472d53d9ab997547b433cbfe45e6594e8b1ff0ba2133ed3fa21a43f8e7acb"),
]


def test_our_own_readme() -> None:
    folder = Path(__file__).parents[3] / "python/compat/multibranch_merkle"
    (block,) = re.findall(
        r"^```python\n(.*?)^```", (folder / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    exec(compile(block, "README.md", "exec"), {})


def test_it_wants_the_assay_that_it_was_made_for() -> None:
    version = importlib.metadata.version("assay")
    assert importlib.metadata.requires("multibranch_merkle") == [f"assay=={version}"]


@pytest.mark.parametrize(("arity", "count", "root"), ROOTS)
def test_roots_are_those_of_the_original(arity: int, count: int, root: str) -> None:
    assert MultiMerkleTree(list(range(count)), arity).root_hex() == root


def test_a_file_based_prover_and_verifier(tmp_path: Path) -> None:
    """The sequence of the original's demonstration."""
    values = [int(x) for x in range(1, 1000)]
    tree = MultiMerkleTree(values, arity=5)
    tree.save(str(tmp_path / "tree.json"))
    commit = {"arity": 5, "leaf_count": len(values), "root": tree.root_hex()}
    tree.prove(321).save(str(tmp_path / "proof.json"))

    loaded = MultiMerkleTree.load(str(tmp_path / "tree.json"))
    assert loaded.root_hex() == commit["root"]
    assert (loaded.arity, loaded.len(), len(loaded)) == (5, 999, 999)
    proof = Proof.load(str(tmp_path / "proof.json"))
    assert proof.verify(values[321], commit["root"]) is True
    assert proof.verify(values[322], commit["root"]) is False
    assert proof.verify(values[321], MultiMerkleTree([1], 2).root_hex()) is False
    assert loaded.verify(321, 322)
    assert not loaded.verify(321, 321)
    assert not loaded.verify(999, 1)


def test_widest_and_smallest() -> None:
    values = list(range(70_000))
    tree = MultiMerkleTree(values, arity=1000)
    assert tree.prove(69_999).verify(69_999, tree.root_hex())
    assert MultiMerkleTree([], 2).root_hex().startswith("e3b0c442")
    alone = MultiMerkleTree([2**64 - 1], 65_536)
    assert alone.prove(0).verify(2**64 - 1, alone.root_hex())


def test_the_shape_is_not_the_provers_to_choose(tmp_path: Path) -> None:
    tree = MultiMerkleTree([7, 8, 9], 2)
    tree.prove(2).save(tmp_path / "proof.json")
    read = json.loads((tmp_path / "proof.json").read_text())
    assert (read["index"], read["arity"], read["leaf_count"]) == (2, 2, 3)
    # The same hashes passed off as those of another tree: the proof names its public part.
    for name, other in (("leaf_count", 4), ("index", 1), ("arity", 3)):
        changed = {**read, name: other}
        (tmp_path / "changed.json").write_text(json.dumps(changed))
        assert Proof.load(tmp_path / "changed.json").verify(9, tree.root_hex()) is False


def test_what_is_refused(tmp_path: Path) -> None:
    for values, arity, reason in (
        ([1], 1, "arit"),
        ([1], 65_537, "arit"),
        ([-1], 2, "not from 0"),
        ([2**64], 2, "not from 0"),
    ):
        with pytest.raises(ValueError, match=reason):
            MultiMerkleTree(values, arity)
    tree = MultiMerkleTree([1, 2], 2)
    for index in (2, -1):
        with pytest.raises(ValueError, match="out of range"):
            tree.prove(index)
    proof = tree.prove(0)
    for root, reason in (
        ("zz", "root_hex: .*hexadecimal"),
        ("00" * 31, "root_hex: 32 bytes"),
        (" " + tree.root_hex(), "root_hex: .*hexadecimal"),
        (tree.root_hex() + "\n", "root_hex: .*hexadecimal"),
    ):
        with pytest.raises(ValueError, match=reason):
            proof.verify(1, root)
    assert proof.verify(2**64 + 1, tree.root_hex()) is False
    for text, reason in (
        ("[]", "fields"),
        ("{}", "fields"),
        ('{"arity": 2, "values": [-1]}', "not an integer from 0"),
        ('{"arity": 2, "values": 1}', "not a list"),
        ("nonsense", "not JSON"),
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ValueError, match=reason):
            MultiMerkleTree.load(tmp_path / "bad.json")
        with pytest.raises(ValueError, match=r"fields|not JSON"):
            Proof.load(tmp_path / "bad.json")
    with pytest.raises(ValueError, match="could not be read"):
        Proof.load(tmp_path / "absent.json")


@pytest.mark.parametrize("load", [MultiMerkleTree.load, Proof.load])
def test_only_regular_files_of_bounded_size_are_read(load: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ValueError, match=f"^{path}: not a regular file"):
            load(path)
    with pytest.raises(ValueError, match=f"^{tmp_path}: could not be read .Is a directory.$"):
        load(tmp_path)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate((1 << 27) + 1)
    with pytest.raises(ValueError, match=f"^{large}: more than [0-9]+ bytes"):
        load(large)
    for name in ("", "a\0b"):
        with pytest.raises(ValueError, match=r"^path: not the name of a file"):
            load(name)
    with pytest.raises(TypeError, match=r"^path: int"):
        load(0)
    (tmp_path / "latin").write_bytes(b'{"arity": "\xe9"}')
    with pytest.raises(ValueError, match=f"^{tmp_path}/latin: not text in UTF-8"):
        load(tmp_path / "latin")


@pytest.mark.parametrize("wrong", [-1, 1.5, "1", True, 2**64])
def test_a_wrong_number_in_a_file_is_named(wrong: object, tmp_path: Path) -> None:
    path = tmp_path / "file"
    reason = "not an integer from 0 to 2\\*\\*64 - 1"
    path.write_text(json.dumps({"arity": 2, "values": [1, wrong]}))
    with pytest.raises(ValueError, match=f"^{path}: values\\[1\\]: {reason}$"):
        MultiMerkleTree.load(path)
    path.write_text(json.dumps({"arity": wrong, "values": [1]}))
    with pytest.raises(ValueError, match=f"^{path}: arity: {reason}$"):
        MultiMerkleTree.load(path)
    MultiMerkleTree([1, 2, 3], 2).prove(1).save(path)
    good = json.loads(path.read_text())
    for field in ("index", "arity", "leaf_count"):
        path.write_text(json.dumps({**good, field: wrong}))
        with pytest.raises(ValueError, match=f"^{path}: {field}: {reason}$"):
            Proof.load(path)


def test_a_file_of_no_tree_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    MultiMerkleTree([1, 2, 3, 4, 5], 2).prove(1).save(path)
    good = json.loads(path.read_text())
    for field, wrong, reason in (
        ("index", 5, "index: 5 is not below the leaf_count, 5"),
        ("arity", 1, ".*arities: 1 is below 2"),
        ("leaf_count", 2**41, ".*at most"),
        ("proof", "0g", "proof: not in hexadecimal"),
        ("proof", "00 " + good["proof"], "proof: not in hexadecimal"),
        ("proof", 1, "proof: not in hexadecimal"),
        ("proof", "00", "proof: "),
    ):
        path.write_text(json.dumps({**good, field: wrong}))
        with pytest.raises(ValueError, match=f"^{path}: {reason}"):
            Proof.load(path)
    path.write_text(json.dumps({"arity": 1, "values": [1]}))
    with pytest.raises(ValueError, match=f"^{path}: .*arities: 1 is below 2"):
        MultiMerkleTree.load(path)


def test_what_save_does_not_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = MultiMerkleTree([1, 2, 3], 2)
    os.mkfifo(tmp_path / "pipe")
    for save in (tree.save, tree.prove(0).save):
        for path in (tmp_path, tmp_path / "pipe"):
            with pytest.raises(ValueError, match=f"^{path}: exists and is not a regular file$"):
                save(path)
        with pytest.raises(ValueError, match=r"^path: not the name of a file"):
            save("")
    monkeypatch.setattr(multibranch_merkle, "_MOST_TREE_BYTES", 10)
    with pytest.raises(ValueError, match=f"^{tmp_path}/tree: more than 10 bytes"):
        tree.save(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_proofs_and_trees_are_copied_by_value() -> None:
    tree = MultiMerkleTree([7, 8, 2**64 - 1], 2)
    proof = tree.prove(2)
    for again in (pickle.loads(pickle.dumps(proof)), copy.deepcopy(proof), tree.prove(2)):
        assert again == proof
        assert hash(again) == hash(proof)
        assert again.verify(2**64 - 1, tree.root_hex())
    assert proof != tree.prove(1)
    for same in (pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree)):
        assert (same.root_hex(), same.arity, len(same)) == (tree.root_hex(), 2, 3)
        assert same.prove(2) == proof


def test_a_root_of_another_type_is_named() -> None:
    proof = MultiMerkleTree([7], 2).prove(0)
    wrong: Any = None
    with pytest.raises(TypeError, match=r"^root_hex: NoneType"):
        proof.verify(7, wrong)
