"""Scores of loaded models: against numpy, and against the command on the same model's folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from assay import DecodeError, InputError
from assay.layers.cli import main
from assay.layers.metric_files import find_metrics, read_metrics
from assay.layers.scores import read_scores
from assay.layers.scoring import Settings, score_model, spectrum_of
from assay.models import Loaded, ModelSource, linear_layers
from assay.weights import Folder, manifest
from assay_program import done

DONE, FAILED = 0, 2


def loaded(layout: str, dtype: torch.dtype = torch.float32) -> Loaded:
    source = ModelSource(f"org/{layout}", "nowhere")
    return Loaded(tiny_models.tiny(layout, dtype), tiny_models.tokenizer(), source)


def hill(weight: torch.Tensor) -> float:
    """alpha_mid by the textbook of its definition: everything from the middle eigenvalue on."""
    values = np.sort(np.linalg.svd(weight.detach().double().numpy(), compute_uv=False) ** 2)
    tail = values[len(values) // 2 :]
    return float(1 + len(tail) / np.log(tail / tail[0]).sum())


@pytest.mark.parametrize("layout", ["llama", "gpt2", "opt"])
def test_scores_come_of_each_layers_own_weights(layout: str, tmp_path: Path) -> None:
    model = loaded(layout)
    layers = linear_layers(model.model)
    found = score_model(model, tmp_path / "s.json", Settings("alpha_mid", "layer_wise"))
    assert found[:3] == (len(layers), len(layers), 0)
    scores = read_scores(tmp_path / "s.json")
    assert scores.model_name == f"org/{layout}"
    assert scores.names == tuple(layer.name for layer in layers)
    assert scores.costs == tuple(layer.weight.numel() for layer in layers)
    expected = [hill(layer.weight) for layer in layers]
    assert scores.metrics == pytest.approx(expected, rel=1e-9)
    # The ratios fill the sparsity, and grow with the metric.
    costs, ratios = np.array(scores.costs), np.array(scores.ratios)
    assert (costs * ratios).sum() / costs.sum() == pytest.approx(0.7, rel=1e-12)
    assert (
        np.argsort(ratios, kind="stable").tolist() == np.argsort(expected, kind="stable").tolist()
    )
    assert scores.values == pytest.approx((1 - ratios).tolist(), abs=1e-15)


def test_spectra_are_kept_beside_the_scores(tmp_path: Path) -> None:
    model = loaded("llama")
    first = score_model(model, tmp_path / "s.json")
    again = score_model(model, tmp_path / "t.json", spectra=tmp_path / "s.json.spectra")
    assert (first.matrices, first.taken_over) == (21, 0)
    assert (again.matrices, again.taken_over) == (21, 21)
    assert (tmp_path / "s.json").read_bytes() == (tmp_path / "t.json").read_bytes()
    with torch.no_grad():
        linear_layers(model.model)[3].weight[0, 0] += 1
    changed = score_model(model, tmp_path / "u.json", spectra=tmp_path / "s.json.spectra")
    assert changed.taken_over == 20


@pytest.mark.parametrize(
    ("layout", "dtype"),
    [
        *((layout, torch.float32) for layout in tiny_models.FAMILIES),
        *((layout, torch.bfloat16) for layout in tiny_models.CONFIGS),
    ],
)
def test_a_loaded_model_and_its_folder_have_the_same_scores(
    layout: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    model = loaded(layout, dtype)
    model.model.save_pretrained(tmp_path / "model")
    score_model(model, tmp_path / "loaded.json")
    done(tmp_path, "layers score --weights model --out folder.json")
    one, other = (
        json.loads((tmp_path / f"{name}.json").read_text()) for name in ("loaded", "folder")
    )
    assert (one.pop("model_name"), other.pop("model_name")) == (f"org/{layout}", "model")
    assert one == other
    assert one["assay"]["weights"] == manifest(tmp_path / "model").root


@pytest.mark.parametrize("layout", tiny_models.FAMILIES)
def test_a_loaded_model_and_its_folder_have_the_same_layers(layout: str, tmp_path: Path) -> None:
    model = tiny_models.tiny(layout)
    model.save_pretrained(tmp_path)
    stored = Folder(tmp_path).stack()
    assert stored.registered
    assert [(f"{one.block}.{one.name}", one.shape) for one in stored.layers] == [
        (layer.name, tuple(layer.module.get_parameter("weight").shape))
        for layer in linear_layers(model)
    ]


def weights_with(value: float) -> Loaded:
    model = loaded("llama")
    with torch.no_grad():
        linear_layers(model.model)[4].weight[1, 2] = value
    return model


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        score_model(weights_with(value), tmp_path / "s.json")
    assert "model.layers.0.mlp.gate_proj.weight" in caught.value.place
    assert "34" in str(caught.value)
    assert not (tmp_path / "s.json").exists()


def test_a_matrix_of_zeros_is_refused(tmp_path: Path) -> None:
    model = loaded("llama")
    with torch.no_grad():
        linear_layers(model.model)[2].weight.zero_()
    with pytest.raises(InputError, match=r"layers\.0\.self_attn\.v_proj"):
        score_model(model, tmp_path / "s.json")


@pytest.mark.parametrize(
    "settings",
    [
        Settings(sparsity=0.0),
        Settings(sparsity=1.0),
        Settings(epsilon=1.0),
        Settings(epsilon=-0.1),
        Settings("alpha_beta"),
        Settings(mapping="by_block"),
        Settings(clip="cut"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        score_model(loaded("llama"), tmp_path / "s.json", settings)
    assert not (tmp_path / "s.json").exists()


def test_a_spectrum_has_the_eigenvalues_and_the_fit() -> None:
    weight = torch.diag(torch.arange(1.0, 11.0).double().sqrt())
    found = spectrum_of(weight, "w")
    assert found.eigenvalues == pytest.approx(list(range(1, 11)), rel=1e-12)
    # The known fit of 1, 2, .., 10.
    assert (found.alpha, found.xmin) == pytest.approx((1.6620581867464064, 1.0))


def test_the_programs_score_as_the_original_extracts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_models.folder(tmp_path, "tiny")
    tiny_models.folder(tmp_path, "other", "gpt2")
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> Any:
        code = main(line.split())
        return code, *capsys.readouterr()

    line = "extract --model tiny --ww_metric alpha_mid --sparsity_ratio 0.5 --epsilon 0.2 --output"
    code, out, _ = call(f"{line} a.json --mapping_type layer_wise --ww_metric_cache cache --pretty")
    assert code == DONE
    assert out.startswith("a.json: 21 layers of tiny by alpha_mid; 0 of 21 spectra")
    fields = json.loads(Path("a.json").read_text())
    assert (fields["sparsity_ratio"], fields["epsilon"]) == (0.5, 0.2)
    assert (fields["metric_name"], fields["mapping_type"]) == ("alpha_mid", "layer_wise")
    kept = np.load("cache/tiny/alpha_mid.npy")
    assert kept.dtype == np.float64
    assert kept.tolist() == fields["assay"]["metrics"]
    assert "21 metrics, bound to no weights" in out
    assert call("score --model tiny other --scores-dir scores")[0] == DONE
    assert sorted(path.name for path in Path("scores").glob("*.json")) == [
        *("other_scores.json", "tiny_scores.json"),
    ]
    for line, said in (
        ("score --model tiny", "--output: give this, or --scores-dir"),
        ("score --model tiny other --output a.json", "of several models use --scores-dir"),
        ("score --model tiny --output no/a.json", "its folder does not exist"),
        ("score --model tiny --output b.json --sparsity 1.5", "sparsity"),
        ("score --model tiny --output b.json --metric gamma", "gamma"),
    ):
        code, out, err = call(line)
        assert (code, out, err.count("\n")) == (FAILED, "", 1)
        assert said in err
    assert not Path("b.json").exists()


def test_metrics_of_a_file_make_unbound_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_models.folder(tmp_path, "Llama-2-tiny")
    monkeypatch.chdir(tmp_path)
    # As AlphaPruning calls the folder; another metric's file beside it is not taken.
    folder = Path("cache/llama2-tiny")
    folder.mkdir(parents=True)
    metrics = np.random.default_rng(5).uniform(2, 6, 21)
    np.save(folder / "alpha_peak.npy", metrics.astype(np.float32))
    np.save(folder / "alpha.npy", metrics[:20])
    line = "extract --model Llama-2-tiny --output s.json --mapping_type layer_wise"

    def call(more: str) -> Any:
        code = main(f"{line} --ww_metric_cache cache {more}".split())
        return code, *capsys.readouterr()

    code, out, _ = call("")
    assert code == DONE
    assert "metrics of cache/llama2-tiny/alpha_peak.npy, bound to no weights" in out
    fields = json.loads(Path("s.json").read_text())
    taken = metrics.astype(np.float32).astype(np.float64)
    assert fields["assay"]["metrics"] == taken.tolist()
    assert fields["assay"].get("weights") is None
    (note,) = fields["assay"]["notes"]
    assert "cache/llama2-tiny/alpha_peak.npy" in note
    assert "bound to no weights" in note
    # Names and sizes are the model's, and ratios grow with the metric.
    assert [layer["name"] for layer in fields["layers"]][:2] == [
        *("0.self_attn.q_proj", "0.self_attn.k_proj"),
    ]
    ratios = np.array([layer["pruning_ratio"] for layer in fields["layers"]])
    assert np.argsort(ratios).tolist() == np.argsort(taken).tolist()
    assert not Path("s.json.spectra").exists()
    # What is there is not written anew; --force computes, and then binds.
    assert np.load(folder / "alpha_peak.npy").dtype == np.float32
    before = Path("s.json").read_bytes()
    for more, said in (
        ("--metric alpha", "cache/llama2-tiny/alpha.npy: 20 metrics, the model has 21 layers"),
        ("--metric gamma", "gamma"),
        ("--sparsity 0", "sparsity"),
    ):
        code, out, err = call(more)
        assert (code, out, err.count("\n")) == (FAILED, "", 1)
        assert said in err
        assert Path("s.json").read_bytes() == before
    code, out, _ = call("--force")
    assert code == DONE
    assert "0 of 21 spectra" in out
    fields = json.loads(Path("s.json").read_text())
    assert fields["assay"]["weights"] == manifest("Llama-2-tiny").root
    assert np.load("cache/llama-2-tiny/alpha_peak.npy").tolist() == fields["assay"]["metrics"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x93NUMPY", "not an .npy file"),
        (b"", "not an .npy file"),
        (np.array([[1.0]]), "one list of floats"),
        (np.array([], np.float64), "one list of floats"),
        (np.array([1, 2]), "one list of floats"),
        (np.array([1.0, np.nan]), "value 1: is NaN or infinite"),
        (np.array([{}]), "not an .npy file"),
    ],
)
def test_what_is_no_file_of_metrics(content: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "alpha.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(DecodeError) as caught:
        read_metrics(path)
    assert said in str(caught.value)
    assert str(path) in caught.value.place


def test_metrics_are_found_by_either_name(tmp_path: Path) -> None:
    assert find_metrics(tmp_path, "org/Model", "alpha_hill") is None
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "alpha_hill.npy").touch()
    assert find_metrics(tmp_path, "org/Model/", "alpha_mid") is None
    found = find_metrics(tmp_path, "org/Model", "alpha_hill")
    assert found == tmp_path / "model" / "alpha_hill.npy"
    (tmp_path / "model" / "alpha_mid.npy").touch()
    for name in ("alpha_hill", "alpha_mid"):
        found = find_metrics(tmp_path, "org/Model", name)
        assert found == tmp_path / "model" / "alpha_mid.npy"
    with pytest.raises(InputError):
        find_metrics(tmp_path, "org/Model", "../alpha")
