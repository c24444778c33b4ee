"""Scores of loaded models: against numpy, and against the command on the same model's folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from assay import InputError
from assay.layers.cli import main
from assay.layers.scores import read_scores
from assay.layers.scoring import Settings, score_model, spectrum_of
from assay.models import Loaded, ModelSource, linear_layers
from assay.weights import Folder
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


@pytest.mark.parametrize("layout", tiny_models.CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
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
    for field in ("layers", "blocks", "metadata", "is_opt_model", "total_parameters"):
        assert one[field] == other[field]
    assert one["assay"]["metrics"] == other["assay"]["metrics"]


@pytest.mark.parametrize("layout", tiny_models.CONFIGS)
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
