"""`assay toploc build` and `verify` over files, and what they hand to the Python program."""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from assay_program import (
    DONE,
    FAILED,
    INCONCLUSIVE,
    PROGRAM,
    REJECTED,
    done,
    environment,
    refused,
    report,
)


def bits(rows: int, hidden: int, seed: int = 1, noise: float = 0.0) -> NDArray[np.uint16]:
    """States as bf16 patterns."""
    states = np.random.default_rng(seed).standard_normal((rows, hidden)).astype(np.float32)
    states *= 1 + noise * np.random.default_rng(99).standard_normal(states.shape, np.float32)
    words = states.view(np.uint32)
    return ((words + 0x7FFF + (words >> 16 & 1)) >> 16).astype(np.uint16)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Proofs of 100 rows, and states that are like theirs and unlike; do not change it."""
    where = tmp_path_factory.mktemp("made")
    np.save(where / "states.npy", bits(100, 512))
    np.save(where / "again.npy", bits(100, 512, noise=0.004))
    np.save(where / "other.npy", bits(100, 512, seed=2))
    np.save(where / "floats.npy", np.zeros((100, 512), np.float32))
    done(where, "toploc build --states states.npy --out p.proofs")
    return where


def test_build_says_what_it_wrote(made: Path, tmp_path: Path) -> None:
    found = report(tmp_path, "toploc build --out p.proofs --states", made / "states.npy")
    assert (found["proofs"], found["proof_bytes"]) == (4, 4 * 258)
    assert (found["rows"], found["hidden"], found["state_bytes"]) == (100, 512, 102400)
    assert (tmp_path / "p.proofs").read_bytes() == (made / "p.proofs").read_bytes()
    assert json.loads((tmp_path / "p.proofs").read_text())["format"] == "assay/toploc/proofs/v1"


def test_verdicts(made: Path) -> None:
    accepted = report(made, "toploc verify --proofs p.proofs --states again.npy")
    assert accepted["verdict"] == "accepted"
    assert [chunk["points"] for chunk in accepted["chunks"]] == [128] * 4
    assert any("consistent with" in note for note in accepted["notes"])
    rejected = report(made, "toploc verify --proofs p.proofs --states other.npy", code=REJECTED)
    assert rejected["step"] == "chunk"
    assert rejected["chunks"][0]["exponent_mismatches"] > 112
    said = done(made, "toploc verify --proofs p.proofs --states other.npy", code=REJECTED)
    assert said.startswith("rejected at step chunk, item 0: ")


def test_the_verifier_says_what_is_asked_for(made: Path, tmp_path: Path) -> None:
    line = "toploc verify --proofs p.proofs --states states.npy"
    for flags in (
        "--topk 64",
        "--decode-batching-size 16",
        "--prefill-rows 5",
        "--merge-tail-below 8",
        "--ties lower-index",
    ):
        assert report(made, f"{line} {flags}", code=REJECTED)["step"] == "parameters"
    np.save(tmp_path / "shorter.npy", bits(99, 512))
    line = "toploc verify --states shorter.npy --proofs"
    assert report(tmp_path, line, made / "p.proofs", code=REJECTED)["step"] == "shape"


def test_batching_and_ties_are_kept(made: Path, tmp_path: Path) -> None:
    flags = "--topk 16 --decode-batching-size 8 --prefill-rows 7 --merge-tail-below 6"
    states = made / "states.npy"
    found = report(tmp_path, f"toploc build --out p {flags} --ties lower-index --states", states)
    assert found["proofs"] == 1 + 93 // 8  # the last 5 rows belong to the chunk before
    assert (
        report(tmp_path, f"toploc verify --proofs p {flags} --states", states)["verdict"]
        == "accepted"
    )


def test_hostile_proofs_are_rejected(made: Path, tmp_path: Path) -> None:
    file = (made / "p.proofs").read_text()
    first = json.loads(file)["proofs"][0]
    (tmp_path / "null").write_text(file.replace(first, "A" * 344))
    line = "toploc verify --proofs null --states"
    assert report(tmp_path, line, made / "states.npy", code=REJECTED)["step"] == "proof form"
    for bad in (
        "{}",
        "",
        file + "\n",
        file.replace(first, first[:-1]),
        file.replace("v1", "v2", 1),
    ):
        (tmp_path / "bad").write_text(bad)
        refused(tmp_path, "toploc verify --proofs bad --states", made / "states.npy")


def test_profiles(made: Path, tmp_path: Path) -> None:
    profile = {
        "format": "assay/toploc/profile/v1", "name": "mine", "model": "m", "dtype": "bfloat16",
        "kernel": "", "topk": 128, "decode_batching_size": 32, "exponent_mismatches": 0,
        "mantissa_mean": 0, "mantissa_median": 0, "sign_mismatches": 0, "dispersion": 1,
        "chunk_exponent_mismatches": 0, "deviating_share": 0, "minimum_points": 5,
        "false_alarm_bound": 0.01, "honest_sequences": 5, "honest_chunks": 9,
        "fingerprint_distance": None,
    }  # fmt: skip
    path = tmp_path / "mine.json"
    line = f"toploc verify --proofs p.proofs --profile {path} --states"
    path.write_text(json.dumps(profile))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert report(made, line, "states.npy")["profile"] == f"mine ({path}, SHA-256 {digest})"
    published = "toploc verify --proofs p.proofs --states"
    assert report(made, published, "states.npy")["profile"] == "published"
    assert report(made, line, "again.npy", code=REJECTED)["verdict"] == "rejected"
    path.write_text(json.dumps(profile | {"minimum_points": 513}))
    assert report(made, line, "states.npy", code=INCONCLUSIVE)["step"] == "sequence length"
    path.write_text(json.dumps(profile | {"decode_batching_size": 16}))
    assert report(made, line, "states.npy", code=INCONCLUSIVE)["step"] == "profile"
    for field, value in (
        ("dispersion", -1), ("dispersion", 0), ("deviating_share", 0.51), ("minimum_points", 4),
        ("sign_mismatches", 37), ("fingerprint_distance", 0.51),
    ):  # fmt: skip
        path.write_text(json.dumps(profile | {field: value}))
        assert f"{field}: {value} is not " in refused(made, line, "states.npy")


def test_more_values_than_can_be_judged(made: Path, tmp_path: Path) -> None:
    line = f"--topk 1024 --states {made / 'states.npy'}"
    done(tmp_path, f"toploc build --out p {line}")
    found = report(tmp_path, f"toploc verify --proofs p {line}", code=INCONCLUSIVE)
    assert found["step"] == "modulus"
    assert "ask for k of at most 962" in found["reason"]


def test_states_that_cannot_be_used(made: Path, tmp_path: Path) -> None:
    build = "toploc build --out out --states"
    assert "bfloat16" in refused(tmp_path, build, made / "floats.npy")
    np.save(tmp_path / "flat.npy", np.zeros(100, np.uint16))
    assert "[rows, hidden]" in refused(tmp_path, build, "flat.npy")
    np.save(tmp_path / "small.npy", np.zeros((1, 100), np.uint16))
    assert "fewer than k = 128" in refused(tmp_path, build, "small.npy")
    refused(tmp_path, build, "missing.npy")
    refused(tmp_path, f"{build} small.npy --ties random")
    assert not (tmp_path / "out").exists()


def test_tensors_are_chosen_by_name(made: Path, tmp_path: Path) -> None:
    tensors = {"a": bits(32, 512), "b": bits(32, 512, seed=2)}
    save_file(tensors, tmp_path / "two.safetensors")
    build = "toploc build --out p --states two.safetensors"
    assert "--tensor-name" in refused(tmp_path, build)
    assert "'c'" in refused(tmp_path, f"{build} --tensor-name c")
    assert report(tmp_path, f"{build} --tensor-name b")["rows"] == 32


def test_other_verbs_run_the_python_program(tmp_path: Path) -> None:
    # A copy of the program, for one that is installed has its own assay-toploc beside it.
    own, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    for folder in (own, elsewhere):
        folder.mkdir()
    (own / "assay").write_bytes(PROGRAM.read_bytes())
    (elsewhere / "assay-toploc").write_text('#!/bin/sh\necho "$@"\n')
    for path in (own / "assay", elsewhere / "assay-toploc"):
        path.chmod(0o755)

    def ended(line: str, path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [own / "assay", "toploc", *line.split()], env=environment(PATH=path), check=False,
            capture_output=True, text=True,
        )  # fmt: skip

    for line in (
        "calibrate --x 1",
        "verify --model m --tokens t",
        "verify --tokens t --model=m",
        "verify --tokens=t",
    ):
        found = ended(line, f"{elsewhere}:/bin")
        assert (found.returncode, found.stdout) == (DONE, line + "\n"), found.stderr
    missing = ended("verify --model m", "/bin")
    assert missing.returncode == FAILED
    assert "assay-toploc" in missing.stderr
    # What the program does itself, no other does.
    said = ended("verify --help", f"{elsewhere}:/bin").stdout
    assert "Check proofs" in said
    # And names the help of the other.
    assert "assay toploc verify --model --help" in said
    assert ended("verify --model --help", f"{elsewhere}:/bin").stdout == "verify --model --help\n"
