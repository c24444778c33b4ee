"""`assay probe` over files: the pipeline, the original's six commands, and what is refused."""

import base64
import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from assay import _core
from assay_program import DONE, FAILED, INCONCLUSIVE, REJECTED, done, refused, report
from probe_files import NONCE, PAIRS, TRAIN, VECTORS, VERIFY, WIDTH, formats, make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, a probe and a statement; do not change it."""
    where = tmp_path_factory.mktemp("made")
    make(where)
    return where


def test_the_sweep_takes_the_layer_that_calibrates_best(made: Path, tmp_path: Path) -> None:
    found = report(made, TRAIN + " --layer all --permutations 9 --output", tmp_path / "p")
    assert found["layer"] == 5
    aurocs = {one["layer"]: one["calibration_auroc"] for one in found["sweep"]}
    assert aurocs[5] > aurocs[2]
    assert found["test"]["auroc"] > 0.8
    assert found["test"]["baselines"]["permuted_mean"] == pytest.approx(0.5, abs=0.2)
    assert set(found["test"]["baselines"]) >= {"bag_of_tokens", "difference_of_means"}


def test_random_activations_have_the_layer(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.gotact"
    path.write_bytes((made / "a.gotact").read_bytes())
    random = f" --permutations 0 --random-activations {path} --output"
    found = report(made, TRAIN + " --layer 5" + random, tmp_path / "p")
    assert "random_weights" in found["test"]["baselines"]
    model, precision, layers, positions, values = _core.probe_read_activations(str(path))
    one = values[:1].copy()
    _core.probe_write_activations(str(path), model, precision, layers[:1], positions, one)
    for chosen in ("5", "all"):
        said = refused(made, TRAIN + f" --layer {chosen}" + random, tmp_path / "q")
        assert f"{path}: the activations do not have layer 5" in said


def test_figures_are_of_the_probes_own_model(made: Path, tmp_path: Path) -> None:
    model, precision, layers, positions, values = _core.probe_read_activations(
        str(made / "a.gotact")
    )
    for named, held, reason in (
        ("other", precision, f"is of the model '{model}', the activations are of 'other'"),
        (model, "bf16", f"was trained on {precision}, the activations are bf16"),
    ):
        path = tmp_path / f"{held}.gotact"
        _core.probe_write_activations(str(path), named, held, layers, positions, values)
        line = f"probe evaluate --activations {path} --labels a.labels --probes p.json --part all"
        assert reason in refused(made, line)


def test_one_result_whatever_the_threads(made: Path, tmp_path: Path) -> None:
    for threads in (1, 2):
        out = tmp_path / str(threads)
        done(made, TRAIN + f" --layer 5 --permutations 5 --threads {threads} --output", out)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_levels(made: Path) -> None:
    found = report(made, VERIFY + " --nonce", NONCE)
    assert found["verdict"] == "accepted"
    assert [part["name"] for part in found["parts"]] == ["L0", "L1", "L2", "L3", "L4", "L5"]
    assert "activations self-reported" in found["notes"]
    everything = (
        " --unembedding u.gotue --tokens s.tokens --rows a.rows --evaluation e.json --root "
    )
    assert report(made, VERIFY + everything + "66" * 32)["verdict"] == "accepted"
    report(made, VERIFY + " --require L4", code=INCONCLUSIVE)
    own = report(made, VERIFY + " --require L4 --own-activations a.gotact")
    assert "activations self-reported" not in own["notes"]
    statistics = " --corpus-activations a.gotact --labels a.labels"
    levels = " --own-activations a.gotact --require L5"
    assert report(made, VERIFY + levels + statistics)["verdict"] == "accepted"
    assert report(made, VERIFY + " --root " + "67" * 32, code=REJECTED)["step"] == "weights"


def test_own_rows_of_another_model_layer_or_position(made: Path, tmp_path: Path) -> None:
    model, precision, layers, positions, values = _core.probe_read_activations(
        str(made / "a.gotact")
    )
    for about, reason in (
        (("other", layers, positions), "rows of the model 'other', the statement is of"),
        ((model, [one + 50 for one in layers], positions), "do not have the rows"),
        ((model, layers, [one + 1 for one in positions]), "rows of the positions 1, 2, 3"),
    ):
        named, of_layers, at = about
        path = tmp_path / f"{reason[-5:]}.gotact"
        _core.probe_write_activations(str(path), named, precision, of_layers, at, values)
        told = refused(made, VERIFY + " --require L4 --own-activations", path)
        assert f"--own-activations {path}: {reason}" in told


def test_a_stale_nonce_and_another_key(made: Path, tmp_path: Path) -> None:
    stale = report(made, VERIFY + " --nonce", "00" * 32, code=REJECTED)
    assert stale["step"] == "nonce"
    done(tmp_path, "probe keygen --output other")
    other = VERIFY.replace("key.pub", str(tmp_path / "other.pub"))
    assert report(made, other, code=REJECTED)["step"] == "key"


def test_an_expired_statement(made: Path, tmp_path: Path) -> None:
    """Signed by the second writer, with times of long ago."""
    path = tmp_path / "old.statement"
    path.write_bytes((VECTORS / "a.statement").read_bytes())
    verify = f"probe verify --attestation {path} --pubkey {VECTORS / 'key.pub'} --require L1"
    payload = json.loads((VECTORS / "known.json").read_text())["fields"]
    assert payload["expires_at"] < 1_800_000_000
    assert report(made, verify, code=REJECTED)["step"] == "expired"


def test_an_independent_reader_of_dsse_and_another_ed25519(made: Path, tmp_path: Path) -> None:
    envelope = json.loads((made / "s").read_text())
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"]
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    der = base64.b64decode("".join((made / "key.pub").read_text().splitlines()[1:-1]))
    public = der[-32:]
    assert formats.verify(public, signed, signature)
    assert not formats.verify(public, payload, signature)
    assert envelope["signatures"][0]["keyid"] == formats.sha256(public).hex()
    (tmp_path / "m").write_bytes(signed)
    (tmp_path / "sig").write_bytes(signature)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(made / "key.pub")]
    command += ["-rawin", "-in", str(tmp_path / "m"), "-sigfile", str(tmp_path / "sig")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_the_originals_six_commands_on_six_tokens(made: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    rows = draw.standard_normal((1, 6, WIDTH)).astype(np.float32)
    (tmp_path / "a.gotact").write_bytes(
        formats.gotact("meta-llama/Llama-3-8B", 0, [12], list(range(6)), rows.tolist())
    )
    (tmp_path / "a.labels").write_text("1\n0\n1\n0\n1\n0\n")
    (tmp_path / "u.gotue").write_bytes((made / "u.gotue").read_bytes())
    done(tmp_path, "probe keygen --output key")
    train = "probe train --activations a.gotact --labels a.labels --unembedding u.gotue --layer 12"
    train += " --dimension test-value --output p.json"
    refusal = refused(tmp_path, train)
    assert "3 examples of label 0, at least 50" in refusal
    assert "--compat" in refusal
    done(tmp_path, train + " --compat")
    probes = json.loads((tmp_path / "p.json").read_text())
    assert probes["geometry_hash"] is None
    assert "assay" not in probes
    attest = "probe attest --activations a.gotact --probes p.json --unembedding u.gotue --key key"
    attest += " --model-id meta-llama/Llama-3-8B --output a.json"
    assert "--compat" in refused(tmp_path, attest)
    done(tmp_path, attest + " --compat")
    attestation = json.loads((tmp_path / "a.json").read_text())
    assert len(attestation["layer_readings"][0]) == 1
    verify = "probe verify --attestation a.json --pubkey key.pub --compat"
    found = report(tmp_path, verify)
    assert found["verdict"] == "accepted"
    assert any("first stored position" in note for note in found["notes"])
    done(tmp_path, attest.replace("a.json", "b.json") + " --compat --chain-parent a.json")
    assert json.loads((tmp_path / "b.json").read_text())["sequence_number"] == 1
    attestation["timestamp"] += 1
    (tmp_path / "a.json").write_text(json.dumps(attestation))
    assert report(tmp_path, verify, code=REJECTED)["step"] == "signature"


def test_the_old_layout_is_a_status_of_its_own(made: Path) -> None:
    verify = f"probe verify --compat --attestation {VECTORS / 'legacy.json'} --pubkey "
    found = report(made, verify + str(VECTORS / "key.pub"), code=INCONCLUSIVE)
    assert found["step"] == "legacy-v1 core only"


def test_inspect_shows_any_of_the_files(made: Path) -> None:
    kinds = {
        "a.gotact": "activations",
        "u.gotue": "unembedding",
        "a.labels": "labels",
        "a.rows": "file of rows",
        "p.json": "set of probes",
        "e.json": "evaluation",
        "s": "statement",
        "s.tokens": "token ids",
    }
    for name, kind in kinds.items():
        assert report(made, "probe inspect", made / name)["kind"] == kind
    for name in ("phi.gotgeo", "plain.json", "set.json"):
        done(made, "probe inspect", VECTORS / name)


def test_evaluate_repeats_the_figures(made: Path) -> None:
    found = report(made, "probe evaluate --activations a.gotact --labels a.labels --probes p.json")
    trained = json.loads((made / "e.json").read_text())["probes"][0]
    assert found["probes"][0]["auroc"] == trained["auroc"]
    scores, labels = np.array(trained["scores"]), np.array(trained["labels"])
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None]
    counted = (pairs > 0).mean() + (pairs == 0).mean() / 2
    assert trained["auroc"] == pytest.approx(counted, abs=1e-12)


def test_drift_as_numpy_computes_it(made: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    first = draw.standard_normal((30, 6)).astype(np.float32)
    second = (first + 0.1 * draw.standard_normal(first.shape)).astype(np.float32)
    for name, matrix in (("one", first), ("two", second)):
        (tmp_path / f"{name}.gotue").write_bytes(formats.gotue(matrix.tolist()))
        checkpoint = f"probe checkpoint --centred --unembedding {name}.gotue --output {name}.gotgeo"
        done(tmp_path, checkpoint)

    def phi(matrix: np.ndarray) -> np.ndarray:
        centred = matrix.astype(float) - matrix.astype(float).mean(axis=0)
        return centred.T @ centred / len(matrix)

    expected = np.linalg.norm(phi(second) - phi(first)) / np.linalg.norm(phi(first))
    for ending, tolerance in (("gotue", 1e-12), ("gotgeo", 1e-6)):
        found = report(tmp_path, f"probe drift one.{ending} two.{ending}")["drift"]
        assert found == pytest.approx(expected, rel=tolerance)
        assert report(tmp_path, f"probe drift one.{ending} one.{ending}")["drift"] == 0
    rotation = np.linalg.qr(draw.standard_normal((30, 30)))[0]
    turned = (rotation @ first).astype(np.float32)
    (tmp_path / "turned.gotue").write_bytes(formats.gotue(turned.tolist()))
    for name in ("one", "turned"):
        done(tmp_path, f"probe checkpoint --unembedding {name}.gotue --output {name}.gotgeo")
    assert report(tmp_path, "probe drift one.gotgeo turned.gotgeo")["drift"] < 1e-6


def test_commit_takes_the_originals_files(made: Path, tmp_path: Path) -> None:
    done(tmp_path, "srs dev --axes 2,140,12 --seed 1 --out dev.srs")
    commit = "commit --srs dev.srs --out c --tensor"
    found = report(tmp_path, commit, made / "a.gotact", code=DONE)
    assert found


@pytest.mark.parametrize("name", ["rows.gotact", "u.gotue", "phi.gotgeo", "set.json", "full.json"])
def test_truncated_and_longer_files_are_refused(name: str, tmp_path: Path) -> None:
    whole = (VECTORS / name).read_bytes()
    for at, content in enumerate((whole[:-1], whole[: len(whole) // 2], whole + b"x")):
        path = tmp_path / f"{at}-{name}"
        path.write_bytes(content)
        assert path.name in refused(tmp_path, "probe inspect", path)


def test_bad_input_is_named(made: Path, tmp_path: Path) -> None:
    misaligned = VECTORS.parent / "tensor" / "misaligned.gotact"
    assert "before every position" in refused(made, "probe inspect", misaligned)
    assert "layer 9" in refused(made, TRAIN + " --layer 9 --output x")
    (tmp_path / "zeros.labels").write_text("0\n" * 2 * PAIRS)
    stub = TRAIN.replace("a.labels", str(tmp_path / "zeros.labels"))
    assert "label" in refused(made, stub + " --layer 5 --output x")
    (tmp_path / "few.labels").write_text("0\n1\n")
    few = TRAIN.replace("a.labels", str(tmp_path / "few.labels"))
    assert "2 of them for 140 rows" in refused(made, few + " --layer 5 --output x")
    (tmp_path / "key").write_bytes(bytes(33))
    (tmp_path / "key").chmod(0o600)
    attest = f"probe attest --activations a.gotact --probes p.json --key {tmp_path / 'key'}"
    assert "32 raw bytes" in refused(made, attest + " --output", tmp_path / "s")
    attest = "probe attest --activations a.gotact --probes p.json --key key --model-id other"
    assert "test/model" in refused(made, attest + " --output", tmp_path / "s")
    assert "key is there" in refused(made, "probe keygen --output key")
    assert refused(made, VERIFY + " --require L9")
    bad = bytearray((made / "a.gotact").read_bytes())
    bad[-4:] = struct.pack("<f", float("nan"))
    (tmp_path / "nan.gotact").write_bytes(bad)
    assert "not finite" in refused(made, "probe inspect", tmp_path / "nan.gotact")
    assert FAILED == 2
