"""What a verb writes never takes the place of what it reads, or of what it has just written."""

from pathlib import Path

import numpy as np
import pytest

from assay_program import REJECTED, done, listing, refused


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x.npy, s.srs, s.vk, c, v.npy, t.tree; do not change them."""
    where = tmp_path_factory.mktemp("made")
    np.save(where / "x.npy", np.arange(8, dtype=np.int64).reshape(2, 2, 2))
    np.save(where / "v.npy", np.arange(9, dtype=np.uint64))
    done(where, "srs dev --axes 2,2,2 --seed 1 --out s.srs")
    done(where, "commit --tensor x.npy --srs s.srs --out c")
    done(where, "tree build --values v.npy --out t.tree --root t.root")
    return where


@pytest.mark.parametrize(
    "line",
    [
        "commit --tensor x.npy --srs s.srs --keep k --out k",
        "commit --tensor x.npy --srs s.srs --out ./k --keep k",
        "commit --tensor x.npy --scheme merkle --out x.npy",
        "commit --tensor x.npy --srs s.srs --out s.srs",
        "challenge --commitment c --out c",
        "srs verify s.srs --vk s.srs",
        "tree build --values v.npy --out n --root n",
        "tree build --values v.npy --out v.npy",
        "tree update --tree t.tree --index 1 --value 3 --root t.tree",
        "tree append --tree t.tree --values v.npy --root v.npy",
        "tree prove --tree t.tree --index 1 --out t.tree",
    ],
)
def test_one_file_for_two(line: str, made: Path) -> None:
    before = {path: path.read_bytes() for path in made.iterdir()}
    said = refused(made, line)
    assert "which would be lost: name another" in said
    assert before == {path: path.read_bytes() for path in made.iterdir()}


def test_another_name_of_an_input(made: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes((made / "x.npy").read_bytes())
    (tmp_path / "link").symlink_to("x.npy")
    said = refused(tmp_path, "commit --tensor x.npy --scheme merkle --out link")
    assert said.startswith("assay commit: --out: is the file of --tensor too, x.npy")


def test_two_inputs_may_be_one_file(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.ones((2, 3), np.float32))
    done(tmp_path, "compare f.npy f.npy")


def test_no_secret_key_without_its_public_one(tmp_path: Path) -> None:
    (tmp_path / "k.pub").mkdir()
    assert "k.pub: exists and is not a regular file" in refused(tmp_path, "keygen --out k")
    assert set(listing(tmp_path)) == {"k.pub"}


def test_a_tree_of_points_is_not_checked_without_a_key(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.arange(9, dtype=np.uint64))
    done(tmp_path, "srs dev --scheme kzg --log-size 2 --seed 1 --out k.srs")
    done(tmp_path, "tree build --kind verkle --srs k.srs --values v.npy --out t --root r")
    done(tmp_path, "tree prove --tree t --srs k.srs --index 7 --out p")
    said = done(tmp_path, "tree verify --root r --proof p --index 7 --value 7", code=REJECTED)
    assert "the verifier's own part of its SRS, and none was given" in said


def test_a_probe_may_join_its_set_in_place(made: Path) -> None:
    # Refused for what the files are, not for being one file.
    said = refused(
        made,
        "probe train --activations x.npy --unembedding x.npy --labels x.npy --layer 1"
        " --dimension d --append v.npy --output v.npy",
    )
    assert "which would be lost" not in said


def test_a_refused_challenge_leaves_no_record(tmp_path: Path) -> None:
    # The head is no head: whatever is wrong, a folder that was not there is not there afterwards.
    (tmp_path / "head").write_bytes(b"x")
    done(tmp_path, "keygen --out k")
    refused(tmp_path, "audit challenge --head head --provider k.pub --tokens 1 --record r --out c")
    assert not (tmp_path / "r").exists()


def test_a_refused_run_leaves_no_folder(made: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "run.npy", np.ones((4, 6), np.float32))
    (tmp_path / "s.srs").write_bytes((made / "s.srs").read_bytes())
    line = "commit --tensor run.npy --blocks 2 --srs s.srs"
    assert "a block of run.npy has axes" in refused(tmp_path, f"{line} --out a/b")
    assert "is not there to append to" in refused(tmp_path, f"{line} --out a/b --append")


@pytest.mark.parametrize(
    "line",
    [
        "commit --tensor x.npy --srs s.srs --keep k --out no/c",
        "commit --tensor x.npy --srs s.srs --keep no/k --out o",
        "tree build --values v.npy --out new.tree --root no/r",
        "tree update --tree t.tree --index 1 --value 3 --root no/r",
        "tree append --tree t.tree --values v.npy --root no/r",
    ],
)
def test_of_two_files_both_are_written_or_none(line: str, made: Path) -> None:
    assert "no/" in refused(made, line)


def test_a_folder_that_is_not_filled_is_not_made(made: Path, tmp_path: Path) -> None:
    # The list of trusted parameters cannot be written where a folder has its name.
    (tmp_path / "p.vk").write_bytes((made / "s.vk").read_bytes())
    name = "deep/er/" + "n" * 300
    refused(tmp_path, "trust add p.vk --label here", ASSAY_TRUST_FILE=name)
    # Nor where a convert is refused on its way.
    np.save(tmp_path / "x.npy", np.ones((2, 3), np.float32))
    refused(tmp_path, "convert --input x.npy --output-dir new/dir", file_limit=64)


def test_no_secret_key_has_the_name_of_a_public_one(tmp_path: Path) -> None:
    said = refused(tmp_path, "keygen --out xk.pub")
    assert "xk.pub: the secret key gets this name, which is one for a public key" in said
    refused(tmp_path, "probe keygen --output xk.pub")


def test_a_public_key_of_another_is_kept(tmp_path: Path) -> None:
    done(tmp_path, "keygen --out k")
    (tmp_path / "k").unlink()
    said = refused(tmp_path, "keygen --out k")
    assert "k.pub: a public key is there: --force replaces it" in said
    done(tmp_path, "keygen --out k --force")
