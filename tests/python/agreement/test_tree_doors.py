"""What the command and Python say of trees: the same public part, the same proofs and verdicts."""

from pathlib import Path

import numpy as np
import pytest

import assay
from assay import tree
from assay_program import FAILED, REJECTED, done, report, run

VALUES = {
    "u64": np.array([5, 0, 2**64 - 1, 9, 8, 7], np.uint64),
    "i64": np.array([5, -5, 2**63 - 1, -(2**63), 8, 7], np.int64),
    "field": assay.to_rows([5, -1, 2**200, 9, 8, 7]),
    "bytes": np.arange(60, dtype=np.uint8).reshape(6, 10),
}


def text_of(value: object, leaf: str) -> str:
    if leaf == "field":
        return str(int.from_bytes(bytes(value), "little"))
    return bytes(value).hex() if leaf == "bytes" else str(int(value))


def given(values: np.ndarray, leaf: str) -> object:
    return [bytes(row) for row in values] if leaf == "bytes" else values


@pytest.fixture(scope="module")
def setups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("setups")
    done(folder, "srs dev --scheme kzg --log-size 2 --seed 1 --out verkle.srs")
    done(folder, "srs dev --axes 2,2 --seed 1 --out terkle.srs")
    return folder


@pytest.mark.parametrize("leaf", VALUES)
@pytest.mark.parametrize("kind", ["merkle", "verkle", "terkle"])
def test_doors_agree(kind: str, leaf: str, setups: Path, tmp_path: Path):
    values = VALUES[leaf]
    np.save(tmp_path / "leaves.npy", values)
    np.save(tmp_path / "more.npy", values[:3])
    srs = [] if kind == "merkle" else ["--srs", setups / f"{kind}.srs"]
    vk = [] if kind == "merkle" else ["--vk", setups / f"{kind}.vk"]
    own = {
        "merkle": lambda: None,
        "verkle": lambda: assay.kzg.Srs.open(setups / "verkle.srs"),
        "terkle": lambda: assay.Srs.open(setups / "terkle.srs"),
    }[kind]()

    line = f"tree build --kind {kind} --leaf {leaf} --values leaves.npy --out x.tree --root x.root"
    said = report(tmp_path, line, *srs)
    made = tree.build(given(values, leaf), kind=kind, leaf=leaf, srs=own)
    assert said["root_digest"] == made.root.digest
    assert (tmp_path / "x.root").read_bytes() == made.root.to_bytes()
    assert report(tmp_path, "tree info x.tree --check")["root"] == made.root.value.hex()
    assert report(tmp_path, "tree info x.root")["num_leaves"] == 6

    forms = [False, True] if kind == "verkle" else [False]
    for aggregated in forms:
        flag = ["--aggregated"] if aggregated else []
        line = "tree prove --tree x.tree --index 1 --index 4 --out x.proof"
        assert report(tmp_path, line, *srs, *flag)["indices"] == [1, 4]
        proof = tree.Proof.read(tmp_path / "x.proof")
        assert proof == made.prove([1, 4], aggregated)
        shown = [f"--value={text_of(values[i], leaf)}" for i in (1, 4)]
        check = "tree verify --root x.root --proof x.proof --index 1 --index 4"
        verdict = report(tmp_path, check, *vk, *shown, "--root-digest", made.root.digest)
        assert verdict["verdict"] == "accepted"
        # The other way round.
        verdict = report(tmp_path, check, *vk, *shown[::-1], code=REJECTED)
        python = tree.verify(
            made.root, [1, 4], given(values[[4, 1]], leaf), proof, own and own.verifier_key
        )
        assert (
            verdict["step"] == python.step == ("root" if kind == "merkle" else "opening equation")
        )

    report(tmp_path, "tree append --tree x.tree --values more.npy --root x.root", *srs)
    made.append(given(values[:3], leaf))
    line = "tree update --tree x.tree --index 7 --root x.root"
    report(tmp_path, line, *srs, f"--value={text_of(values[5], leaf)}")
    text = text_of(values[5], leaf)
    made.update({7: bytes.fromhex(text) if leaf == "bytes" else int(text)})
    assert (tmp_path / "x.root").read_bytes() == made.root.to_bytes()


def test_commitments_are_leaves(tmp_path: Path):
    done(tmp_path, "srs dev --axes 2,2 --seed 1 --out s.srs")
    np.save(tmp_path / "a.npy", np.array([1, 2, 3, 4], np.int64))
    srs = assay.Srs.open(tmp_path / "s.srs")
    commitments = [
        assay.commit(assay.encode([[k, 1], [2, 3]], "int", "flat"), srs) for k in range(3)
    ]
    for k, commitment in enumerate(commitments):
        commitment.write(tmp_path / f"{k}.commitment")
    line = "tree build --leaf bytes --out x.tree --root x.root"
    report(tmp_path, line, *(f"--commitment={k}.commitment" for k in range(3)))
    digests = [bytes.fromhex(c.digest) for c in commitments]
    assert tree.Root.read(tmp_path / "x.root") == tree.build(digests, leaf="bytes").root


@pytest.mark.parametrize(
    "line",
    [
        "tree build --kind verkle --values leaves.npy --out y.tree",
        "tree build --arities 1 --values leaves.npy --out y.tree",
        "tree build --leaf i64 --values leaves.npy --out y.tree",
        "tree build --out y.tree",
        "tree prove --tree x.tree --index 6 --out y.proof",
        "tree prove --tree x.tree --index 2 --index 1 --out y.proof",
        "tree prove --tree x.root --index 2 --out y.proof",
        "tree verify --root x.tree --proof x.tree --index 1 --value 1",
        "tree update --tree x.tree --index 1 --value -1",
        "tree info none",
    ],
)
def test_bad_input(line: str, tmp_path: Path):
    np.save(tmp_path / "leaves.npy", VALUES["u64"])
    done(tmp_path, "tree build --values leaves.npy --out x.tree --root x.root")
    ended = run(tmp_path, line)
    assert ended.returncode == FAILED, ended.stdout + ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "y.tree").exists()
    assert not (tmp_path / "y.proof").exists()
