"""Flags that would have no effect are refused: whoever gives them means something else."""

from pathlib import Path

import numpy as np
import pytest

from assay_program import done, refused


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x.npy, p.srs, p.vk, c, proofs, t.tree, t.root, t.proof; do not change them."""
    where = tmp_path_factory.mktemp("made")
    np.save(where / "x.npy", np.arange(8, dtype=np.int64).reshape(2, 2, 2))
    np.save(where / "v.npy", np.arange(9, dtype=np.uint64))
    done(where, "srs dev --axes 2,2,2 --seed 1 --out p.srs")
    done(where, "commit --tensor x.npy --srs p.srs --out c")
    done(where, "prove --tensor x.npy --srs p.srs --commitment c --at 1,0,1 --out proofs")
    done(where, "tree build --values v.npy --out t.tree --root t.root")
    done(where, "tree prove --tree t.tree --index 3 --out t.proof")
    return where


PROBE = "probe verify --attestation x.npy --pubkey x.npy"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("commit --tensor x.npy --srs p.srs --out o --output-dir d", "--output-dir: .. without"),
        ("commit --tensor x.npy --srs p.srs --out o --srs-seed 3", "--srs-seed: .. without"),
        ("commit --poly-dir d --out o", "--out: .. beside --poly-dir"),
        ("commit --poly-dir d --encoding int", "--encoding: .. beside --poly-dir"),
        ("commit --poly-dir d --append", "--append: .. beside --poly-dir"),
        ("commit --poly-dir d --srs p.srs --srs-seed 3", "--srs-seed: .. beside --srs"),
        ("commit-prove-verify --poly-dir d --srs p.srs --srs-seed 3", "--srs-seed: .. beside"),
        ("prove --tensor x.npy --num-queries 3", "--num-queries: .. without --poly-dir"),
        ("prove --poly-dir d --num-queries 3 --at 1,0,1", "--num-queries: .. beside --at"),
        ("prove --poly-dir d --num-queries 3 --random 2", "--num-queries: .. beside --random"),
        ("prove --poly-dir d --block", "--block: .. beside --poly-dir"),
        ("prove --poly-dir d --together", "--together: .. beside --poly-dir"),
        ("verify --commitment c --proofs proofs --srs p.vk --block", "--block: .. without"),
        ("verify --batch l --block", "--block: .. without --tensor"),
        ("verify --proofs proofs --tensor x.npy --hypercube-dir d", "--hypercube-dir: .. beside"),
        ("show --kinds c", "FILE: .. beside --kinds"),
        ("layers select --scores s --check r --draw 2", "--draw: .. beside --check"),
        ("layers select --scores s --check r --output o", "--output: .. beside --check"),
        ("layers select --scores s --budgets 1 --simulated 9", "--simulated: .. without --draw"),
        ("layers select --scores s --budgets 1 --pretty", "--pretty: .. without --output"),
        (
            "audit check --head h --provider p --request r --challenge c --key k --dtype float32",
            "--dtype: .. without --weights",
        ),
        (f"{PROBE} --compat --nonce {'11' * 32}", "--nonce: .. beside --compat"),
        (f"{PROBE} --profile p", "--profile: .. without --own-activations"),
        (f"{PROBE} --labels l", "--labels: .. without --corpus-activations"),
    ],
)
def test_a_flag_without_effect(line: str, said: str, made: Path) -> None:
    flag, when = said.split(" .. ")
    refusal = refused(made, line)
    assert f"{flag} has no effect {when}" in refusal
    assert refusal.endswith("leave one of them out" if "beside" in when else "leave it out")


def test_no_draw_of_nothing(made: Path) -> None:
    for flag in ("--draw", "--simulated"):
        said = refused(made, f"layers select --scores s --budgets 1 --draw 1 {flag} 0")
        assert f"{flag}: 0 asks for nothing" in said


def test_a_public_part_has_no_checksums(made: Path) -> None:
    done(made, "tree info t.root")
    done(made, "tree info t.tree --check")
    said = refused(made, "tree info t.root --check")
    assert "--check: t.root is a public part, which has no checksums" in said


def test_a_digest_of_parameters_that_nothing_is_compared_with(made: Path) -> None:
    line = "tree verify --root t.root --index 3 --value 3 --proof t.proof"
    done(made, line)
    said = refused(made, f"{line} --srs-digest {'11' * 32}")
    assert "--srs-digest: a Merkle tree has no parameters to vouch for" in said


def test_bytes_behind_a_tree_are_seen(made: Path, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes((made / "t.tree").read_bytes() + b"12345")
    done(tmp_path, "tree info t")
    for line in ("tree info t --check", "show t"):
        assert "5 bytes behind the end of the tree" in refused(tmp_path, line)
