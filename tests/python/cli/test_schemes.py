"""Commitments by every scheme, through every verb."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from assay_program import INCONCLUSIVE, REJECTED, done, refused, report

LAYERS, TOKENS, WIDTH = 3, 6, 10


def run_of(seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        f"layer_{i}": rng.normal(size=(TOKENS, WIDTH)).astype(np.float16) for i in range(LAYERS)
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    save_file(run_of(), tmp_path / "run.safetensors")
    return tmp_path


COMMIT = "commit --tensor run.safetensors --layout model --out c"


def committed(folder: Path, scheme: str) -> tuple[str, str, str]:
    """Flags with the parameters for the prover, and for a verifier with and without all of them."""
    if scheme == "merkle":
        done(folder, f"{COMMIT} --scheme merkle")
        return "", "", ""
    if scheme == "kzg":
        size = report(folder, f"{COMMIT} --scheme kzg --plan")["log_size"]
        done(folder, f"srs dev --scheme kzg --log-size {size} --seed 3 --out m.srs")
    else:
        axes = report(folder, f"{COMMIT} --plan")["axes"]
        done(folder, "srs dev --seed 3 --out m.srs --axes", ",".join(map(str, axes)))
    done(folder, f"{COMMIT} --srs m.srs")
    done(folder, f"{COMMIT} --scheme {scheme} --srs m.srs")
    return "--srs m.srs", "--srs m.srs", "--srs m.vk"


@pytest.mark.parametrize("scheme", ["tensor", "kzg", "merkle"])
def test_every_verb(scheme: str, run: Path) -> None:
    srs, whole, key = committed(run, scheme)
    header = report(run, f"{COMMIT} --scheme {scheme} {srs}")["header"]
    assert header["scheme"] == scheme
    assert (header["srs_digest"] is None) == (scheme == "merkle")
    prove = f"prove --tensor run.safetensors --commitment c --out p {srs}"
    verify = "verify --commitment c --proofs p"

    done(run, "challenge --commitment c --unit layer --num-queries 2 --out q --seed 1")
    made = report(run, f"{prove} --challenge q")
    assert made["verified_by_prover"]
    found = report(run, f"{verify} {whole} --challenge q --tensor run.safetensors --values-out v")
    assert found["verdict"] == "accepted"
    assert found["all_ground_truth_matched"]
    np.testing.assert_array_equal(
        load_file(run / "v")["proof_0"][0], run_of()[f"layer_{_first_layer(found)}"]
    )

    done(run, f"{prove} --entry layer_1:7 --entry layer_2:3 --token 2..3")
    assert report(run, f"{verify} {whole} --at-least 62")["verdict"] == "accepted"
    done(run, f"{prove} --random 5 --seed 2")
    assert report(run, f"{verify} {key} --at-least 5")["verdict"] == "accepted"
    together = report(run, f"{prove} --random 5 --seed 2 --together")
    assert together["num_proofs"] == 1
    assert report(run, f"{verify} {key} --at-least 5")["verdict"] == "accepted"
    if scheme == "kzg":
        assert together["proof_bytes"] == 64

    # Another tensor does not have these proofs.
    save_file(run_of(2), run / "other.safetensors")
    message = refused(
        run, f"prove --tensor other.safetensors --commitment c --out p {srs} --entry layer_1:7"
    )
    assert "does not verify" in message


def _first_layer(found: dict) -> int:
    return found["proofs"][0]["point"]["positions"][0]


@pytest.mark.parametrize("scheme", ["tensor", "kzg", "merkle"])
def test_a_batch(scheme: str, run: Path) -> None:
    srs, whole, _ = committed(run, scheme)
    prove = f"prove --tensor run.safetensors --commitment c {srs}"
    done(run, f"{prove} --out p0 --entry layer_0:1")
    done(run, f"{prove} --out p1 --layer 2")
    (run / "list").write_text("c\tp0\nc\tp1\n")
    found = report(run, f"verify --batch list {whole}")
    assert [one["verdict"] for one in found["claims"]] == ["accepted", "accepted"]
    assert (found["srs_digest"] is None) == (scheme == "merkle")
    bad = bytearray((run / "p1").read_bytes())
    bad[80] ^= 1
    (run / "p1").write_bytes(bad)
    found = report(run, f"verify --batch list {whole}", code=REJECTED)
    assert [one["verdict"] for one in found["claims"]] == ["accepted", "rejected"]


def test_parameters_of_the_scheme_kzg_are_trusted(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(run, "kzg")
    done(run, "prove --tensor run.safetensors --commitment c --out p --srs m.srs --entry layer_1:7")
    monkeypatch.setenv("ASSAY_TRUST_FILE", str(run / "own-list"))
    verify = "verify --commitment c --proofs p --srs m.vk"
    unknown = report(run, verify)
    assert unknown["srs"].startswith("SRS unverified")
    added = report(run, "trust add m.vk --label", "from the ceremony")
    assert added["srs_digest"] == unknown["srs_digest"]
    known = report(run, verify)
    assert known["srs"].startswith("SRS trusted by the verifier's list as 'from the ceremony'")
    relabelled = bytearray((run / "m.vk").read_bytes())
    relabelled[12] = 2  # of a ceremony
    (run / "other.vk").write_bytes(relabelled)
    said = refused(run, "trust add other.vk --label mine")
    assert "that of a dev SRS of seed" in said
    assert "anybody can open to anything" in said
    # The SRS itself has the same digest.
    done(run, "trust remove m.srs")
    assert report(run, verify)["srs"].startswith("SRS unverified")


def test_a_layer_needs_more_than_the_key(run: Path) -> None:
    committed(run, "kzg")
    done(run, "prove --tensor run.safetensors --commitment c --out p --srs m.srs --layer 1")
    told = report(run, "verify --commitment c --proofs p --srs m.vk", code=INCONCLUSIVE)
    assert told["step"] == "basis points"
    assert "give the SRS file" in told["reason"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{COMMIT} --scheme rot13", "none of tensor, kzg and merkle"),
        (f"{COMMIT} --scheme kzg", "needs one"),
        (f"{COMMIT}", "needs one"),
        (f"{COMMIT} --scheme merkle --srs k.srs", "has parameters of the scheme kzg"),
        (f"{COMMIT} --scheme tensor --srs k.srs", "has parameters of the scheme kzg"),
        (f"{COMMIT} --scheme kzg --srs small.srs", "needs 2^"),
        (f"{COMMIT} --scheme kzg --srs k.srs --keep kept", "goes with the scheme tensor"),
        (f"{COMMIT} --scheme merkle --blocks 2", "--blocks go with the scheme tensor"),
        ("commit --poly-dir d --scheme kzg", "go with the scheme tensor"),
        ("prove --tensor run.safetensors --commitment m --out p --at-field 7,7,7", "open entries"),
        ("prove --tensor run.safetensors --commitment m --out p --at 0,0,0 --kept k", "tensor"),
        ("prove --tensor run.safetensors --commitment m --out p --layer 0 --together", "entries"),
        ("verify --commitment k --proofs p", "needs one"),
        ("verify --commitment m --proofs p --srs-digest " + 64 * "0", "no parameters to vouch for"),
    ],
)
def test_what_does_not_go_together(line: str, message: str, run: Path) -> None:
    done(run, "srs dev --scheme kzg --log-size 9 --seed 3 --out k.srs")
    done(run, "srs dev --scheme kzg --log-size 5 --seed 3 --out small.srs")
    done(run, "commit --tensor run.safetensors --layout model --scheme merkle --out m")
    done(run, "commit --tensor run.safetensors --layout model --srs k.srs --out k")
    done(run, "prove --tensor run.safetensors --commitment m --out p --entry layer_0:0")
    assert message in refused(run, line)


def test_a_verifier_of_one_scheme_takes_no_other(run: Path) -> None:
    committed(run, "merkle")
    done(run, "prove --tensor run.safetensors --commitment c --out p --entry layer_0:0")
    done(run, "srs dev --scheme kzg --log-size 9 --seed 3 --out k.srs")
    found = report(run, "verify --commitment c --proofs p --srs k.vk", code=REJECTED)
    assert found["step"] == "scheme"
