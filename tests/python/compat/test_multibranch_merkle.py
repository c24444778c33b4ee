"""The module `multibranch_merkle` as programs written for it use it."""

import importlib.metadata
import json
import re
from pathlib import Path

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
    # The same hashes passed off as those of a smaller tree: the proof names its public part.
    for name, other in (("leaf_count", 2), ("index", 1), ("arity", 3)):
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
    for root, reason in (("zz", "hexadecimal"), ("00" * 31, "32 bytes")):
        with pytest.raises(ValueError, match=reason):
            proof.verify(1, root)
    assert proof.verify(2**64 + 1, tree.root_hex()) is False
    for text, reason in (
        ("[]", "fields"),
        ("{}", "fields"),
        ('{"arity": 2, "values": [-1]}', "not from 0"),
        ('{"arity": 2, "values": 1}', "no list"),
        ("nonsense", "not JSON"),
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ValueError, match=reason):
            MultiMerkleTree.load(tmp_path / "bad.json")
        with pytest.raises(ValueError, match=r"fields|not JSON"):
            Proof.load(tmp_path / "bad.json")
    with pytest.raises(ValueError, match="could not be read"):
        Proof.load(tmp_path / "absent.json")
