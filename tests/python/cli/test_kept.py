"""`commit --keep` and `prove --kept`: the same proofs for less work."""

from pathlib import Path

import numpy as np
import pytest

from assay_program import DONE, done, refused, report

COMMIT = "commit --tensor cube.npy --srs cube.srs --out cube.commitment"
PROVE = "prove --tensor cube.npy --srs cube.srs --commitment cube.commitment --out cube.proofs"
VERIFY = "verify --commitment cube.commitment --proofs cube.proofs --srs cube.vk"


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    values = np.random.default_rng(5).integers(-(2**40), 2**40, (4, 3, 5))
    np.save(tmp_path / "cube.npy", values)
    done(tmp_path, "srs dev --axes 4,3,5 --seed 7 --out cube.srs")
    return tmp_path


def test_kept_quotients_give_the_same_proofs(cube: Path) -> None:
    kept = cube / "kept"
    made = report(cube, COMMIT, "--keep", "kept")
    assert made["kept"] == "kept"
    assert made["timing"]["keep_time_s"] >= 0
    first_axis = kept.read_bytes()
    done(cube, PROVE, "--at", "3,1,2", "--at", "0,0,0")
    plain = (cube / "cube.proofs").read_bytes()
    done(cube, PROVE, "--at", "3,1,2", "--at", "0,0,0", "--kept", "kept")
    assert (cube / "cube.proofs").read_bytes() == plain
    assert len(kept.read_bytes()) > len(first_axis)
    done(cube, VERIFY)
    # All that these points need is there now: the file is left alone.
    before = kept.stat().st_mtime_ns
    done(cube, PROVE, "--at", "3,1,2", "--kept", "kept")
    assert kept.stat().st_mtime_ns == before


def test_a_file_is_made_where_there_is_none(cube: Path) -> None:
    done(cube, COMMIT)
    done(cube, PROVE, "--at", "1,1,1", "--kept", "new")
    assert (cube / "new").read_bytes().startswith(b"assay/kept/v1")
    done(cube, VERIFY, code=DONE)


def test_bad_kept_files(cube: Path) -> None:
    done(cube, COMMIT, "--keep", "kept")
    good = (cube / "kept").read_bytes()
    (cube / "kept").write_bytes(good[:-1])
    assert "kept" in refused(cube, f"{PROVE} --at 1,1,1 --kept kept")
    # A point of another place: it is on the curve, and the prover's own check catches it.
    first, second = good[57:89], good[97:129]
    assert first != second
    (cube / "kept").write_bytes(good[:57] + second + good[89:])
    assert "kept quotients were changed" in refused(cube, f"{PROVE} --at 0,1,1 --kept kept")
    # Of another commitment.
    np.save(cube / "cube.npy", np.zeros((4, 3, 5), dtype=np.int64))
    done(cube, COMMIT)
    (cube / "kept").write_bytes(good)
    assert "another commitment" in refused(cube, f"{PROVE} --at 1,1,1 --kept kept")


def test_what_was_not_checked_is_not_kept(cube: Path) -> None:
    done(cube, COMMIT, "--keep", "kept")
    good = (cube / "kept").read_bytes()
    # Another tensor than the committed one: its quotients would spoil every later proof.
    honest = np.load(cube / "cube.npy")
    np.save(cube / "cube.npy", honest + 1)
    done(cube, PROVE, "--at", "1,1,1", "--kept", "kept", "--no-check")
    assert (cube / "kept").read_bytes() == good
    done(cube, PROVE, "--at", "1,1,1", "--kept", "new", "--no-check")
    assert not (cube / "new").exists()
    np.save(cube / "cube.npy", honest)
    done(cube, PROVE, "--at", "1,1,1", "--kept", "kept")
    done(cube, VERIFY)
