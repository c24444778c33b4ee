"""`assay layers score` over a model's folder: its file, what it takes over, what it refuses."""

import json
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from assay_program import FAILED, PROGRAM, done, environment, refused, report, run
from layer_cases import write_model

SCORE = "layers score --weights model --out scores.json"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_model(tmp_path)
    return tmp_path


def test_scores_are_those_of_the_weights(model: Path) -> None:
    found = report(model, SCORE, "--metric", "stable_rank", "--mapping", "layer_wise")
    assert (found["layers"], found["blocks"], found["matrices"], found["taken_over"]) == (
        9,
        3,
        9,
        0,
    )
    scores = json.loads((model / "scores.json").read_text())
    names = [layer["name"] for layer in scores["layers"]]
    assert names[:3] == ["0.self_attn.q_proj", "0.self_attn.k_proj", "0.mlp.down_proj"]
    weights = load_file(model / "model" / "model.safetensors")
    for layer, metric in zip(scores["layers"], scores["assay"]["metrics"], strict=True):
        weight = weights[f"model.layers.{layer['name']}.weight"].astype(np.float64)
        assert layer["weight_shape"] == list(weight.shape)
        eigenvalues = np.linalg.svd(weight, compute_uv=False) ** 2
        assert metric == pytest.approx(eigenvalues.sum() / eigenvalues.max(), rel=1e-12)
    sizes = np.array([layer["num_parameters"] for layer in scores["layers"]])
    ratios = np.array([layer["pruning_ratio"] for layer in scores["layers"]])
    assert (sizes * ratios).sum() / sizes.sum() == pytest.approx(0.7, rel=1e-12)
    assert scores["model_name"] == "model"
    root = report(model, "manifest make --weights model --out m")["root"]
    assert scores["assay"]["weights"] == root


def test_threads_change_no_byte(model: Path) -> None:
    done(model, SCORE, "--threads", 1)
    alone = (model / "scores.json").read_bytes()
    (model / "scores.json.spectra").unlink()
    done(model, SCORE, "--threads", 2)
    assert (model / "scores.json").read_bytes() == alone


def test_a_new_metric_takes_all_spectra_over(model: Path) -> None:
    done(model, SCORE)
    found = report(model, SCORE, "--metric", "alpha")
    assert found["taken_over"] == found["matrices"] == 9
    found = report(model, SCORE, "--metric", "random_distance", "--seed", 5)
    assert (found["taken_over"], found["matrices"]) == (9, 18)
    found = report(model, SCORE, "--metric", "random_distance", "--seed", 5)
    assert found["taken_over"] == 18


def test_a_killed_scoring_goes_on(tmp_path: Path) -> None:
    write_model(
        tmp_path, blocks=10, shapes={"self_attn.q_proj": (500, 500), "mlp.up_proj": (700, 500)}
    )
    line = [str(PROGRAM), *SCORE.split(), "--threads", "1"]
    spectra = tmp_path / "scores.json.spectra"
    with subprocess.Popen(
        line, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not (
            spectra.exists() and spectra.stat().st_size > 3 * 4000
        ):
            time.sleep(0.002)
        process.kill()
    assert process.returncode == -9, "it ended before it could be killed"
    assert not (tmp_path / "scores.json").exists()
    found = report(tmp_path, SCORE)
    assert 2 <= found["taken_over"] < found["matrices"] == 20
    first = (tmp_path / "scores.json").read_bytes()
    spectra.unlink()
    assert report(tmp_path, SCORE)["taken_over"] == 0
    assert (tmp_path / "scores.json").read_bytes() == first


def test_refusals(model: Path) -> None:
    assert "--metric" in refused(model, SCORE, "--metric", "beta")
    assert "sparsity" in refused(model, SCORE, "--sparsity", "1")
    assert "epsilon" in refused(model, SCORE, "--epsilon", "1")
    assert "--clip" in refused(model, SCORE, "--clip", "none")
    weights = load_file(model / "model" / "model.safetensors")
    weights["model.layers.1.mlp.down_proj.weight"][2, 3] = np.nan
    save_file(weights, model / "model" / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    # What was computed before stays, so that the rest need not be computed again.
    ended = run(model, SCORE)
    assert (ended.returncode, ended.stdout) == (FAILED, "")
    assert f"{name}: the value at index 195 is NaN" in ended.stderr
    weights["model.layers.1.mlp.down_proj.weight"][:] = 0
    save_file(weights, model / "model" / "model.safetensors")
    assert f"{name}: all of its values are 0" in run(model, SCORE).stderr
    assert not (model / "scores.json").exists()
    (model / "scores.json.spectra").write_bytes(b"something else")
    assert "scores.json.spectra" in refused(model, SCORE)
