"""The program `assay-layers` in this process, on small models: the original pipeline's commands."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_models
from assay import plotting
from assay.layers.cli import main
from assay.layers.norms import read_norms
from assay.layers.scoring import Settings, score_model
from assay.models import Loaded, ModelSource, linear_layers

DONE, FAILED = 0, 2


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of each of two kinds, and scores of them."""
    parent = tmp_path_factory.mktemp("models")
    for name, layout in (("tiny", "llama"), ("other", "gpt2")):
        tiny_models.folder(parent, name, layout)
        write_scores(parent / f"{name}_scores.json", name, layout)
    return parent


def write_scores(path: Path, name: str, layout: str) -> None:
    source = ModelSource(name, str(path.parent))
    model = Loaded(tiny_models.tiny(layout), tiny_models.tokenizer(), source)
    score_model(model, path, Settings("alpha_mid", "layer_wise"))
    path.with_name(f"{path.name}.spectra").unlink()


@pytest.fixture
def run(
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Run a line in a folder that holds links to the models and their scores."""
    for path in models.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> tuple[int, str, str]:
        code = main(line.split())
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return call


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


def test_the_four_steps_of_the_original_benchmark(run: Any, tmp_path: Path) -> None:
    assert run("cases --num_cases 10 --num_verifiers 3 --output_dir cases")[0] == DONE
    (tmp_path / "weight_norms").mkdir()
    line = "norms --model tiny --scores_file tiny_scores.json --cache_dir llm_weights --output"
    assert run(f"{line} weight_norms/tiny_norms.json")[0] == DONE
    code, out, _ = run(
        "compare --scores tiny_scores.json --norms weight_norms/tiny_norms.json --cases_dir cases "
        "--output_dir results --model_name tiny"
    )
    assert code == DONE
    assert re.search(r"^  alphaprun +0\.\d{4}  0\.\d{4}$", out, re.MULTILINE)
    line = "plot-results --results results/tiny_all_results.json --output results/tiny_c.png"
    assert run(line)[0] == DONE
    assert files(tmp_path / "results") == [
        *(f"case_{i:03d}_results.json" for i in range(1, 11)),
        "tiny_all_results.json",
        "tiny_c.png",
    ]
    assert png(tmp_path / "results" / "tiny_c.png")


def test_benchmark_leaves_the_files_of_the_original(run: Any, tmp_path: Path) -> None:
    line = "benchmark --model tiny --scores_file tiny_scores.json --num_cases 5 --num_verifiers 2"
    assert run(f"{line} --cache_dir llm_weights")[0] == DONE
    made = [name for name in files(tmp_path) if not Path(name).is_symlink()]
    assert {
        "cases/all_cases.json",
        "cases/case_005.json",
        "weight_norms/tiny_norms.json",
        "results/case_001_results.json",
        "results/tiny_all_results.json",
        "results/tiny_comparison.png",
        "scalability/results/scalability_cases.json",
        "scalability/results/tiny_scalability_results.json",
        "scalability/results/scalability_plot.png",
    } <= set(made)
    before = (tmp_path / "weight_norms" / "tiny_norms.json").read_bytes()
    results = (tmp_path / "results" / "tiny_all_results.json").read_bytes()
    shutil.rmtree(tmp_path / "results")
    code, _, err = run(f"{line} --skip_norms --skip_cases")
    assert (code, err) == (DONE, "")
    assert (tmp_path / "weight_norms" / "tiny_norms.json").read_bytes() == before
    assert (tmp_path / "results" / "tiny_all_results.json").read_bytes() == results


def test_run_all_draws_one_picture_of_all_models(run: Any, tmp_path: Path) -> None:
    line = "run-all --models tiny_scores.json=tiny other_scores.json=other --num_cases 5"
    code, out, _ = run(f"{line} --skip_individual")
    assert code == DONE
    assert out.splitlines()[-1] == "results/combined_comparison.png: 2 models"
    made = files(tmp_path / "results")
    assert {"combined_comparison.png", "tiny_all_results.json", "other_all_results.json"} < {*made}
    assert "tiny_comparison.png" not in made
    # Both are held against the same cases.
    listed = [
        json.loads((tmp_path / "results" / f"{name}_all_results.json").read_text())["results"]
        for name in ("tiny", "other")
    ]
    assert [case["original_budgets"] for case in listed[0]] == [
        case["original_budgets"] for case in listed[1]
    ]
    code, _, err = run("run-all --models tiny_scores.json --num_cases 5")
    assert (code, "write SCORES=MODEL" in err) == (FAILED, True)


def test_scalability_of_a_folder_of_scores(run: Any, tmp_path: Path) -> None:
    (tmp_path / "norms").mkdir()
    (tmp_path / "all").mkdir()
    for name in ("tiny", "other"):
        (tmp_path / "all" / f"{name}_scores.json").symlink_to(tmp_path / f"{name}_scores.json")
        assert run(f"norms --model {name} --output norms/{name}_norms.json")[0] == DONE
    cases = {"cases": [{"num_verifiers": n, "budget_fraction": 0.2} for n in (1, 3)]}
    (tmp_path / "few.json").write_text(json.dumps(cases))
    line = "scalability --scores_dir all --norms_dir norms --cases few.json --output_dir out"
    code, out, _ = run(line)
    assert code == DONE
    assert out.count("1: 0.") == out.count(", 3: 0.") == 2
    assert files(tmp_path / "out") == [
        "other_scalability_results.json",
        "scalability_plot.png",
        "tiny_scalability_results.json",
    ]
    fields = json.loads((tmp_path / "out" / "tiny_scalability_results.json").read_text())
    assert [step["num_verifiers"] for step in fields["results"]] == [1, 3]
    assert len(fields["results"][0]["alphaprun_ratio"]) == 8
    line = "plot-results --results out/tiny_scalability_results.json --output one.vl.json"
    assert run(line)[0] == DONE
    assert run("scalability --output_dir out")[0] == FAILED


def test_norms_that_are_there_stay_without_force(run: Any, tmp_path: Path) -> None:
    line = "norms --model tiny --output n.json"
    assert run(line)[0] == DONE
    path = tmp_path / "n.json"
    found = read_norms(path)
    layers = linear_layers(tiny_models.tiny())
    assert found.layers[4].norm_inf == layers[4].weight.abs().max().item()
    fields = json.loads(path.read_text())
    fields["layers"][0]["norm_1"] = 77.0
    path.write_text(json.dumps(fields))
    code, _, err = run(line)
    assert (code, "n.json is there and stays: 21 layers" in err) == (DONE, True)
    assert read_norms(path).layers[0].norm_1 == 77.0
    code, _, err = run("norms --model other --scores_file other_scores.json --output n.json")
    assert (code, "of another model" in err) == (FAILED, True)
    # Whoever compares is told which file it is, and no file is made before.
    assert run("cases --num-cases 5")[0] == DONE
    (tmp_path / "norms").mkdir()
    shutil.copy(path, tmp_path / "norms" / "other_norms.json")
    for other, place in (
        ("compare --scores other_scores.json --norms n.json", "n.json"),
        ("scalability --scores other_scores.json --norms n.json", "n.json"),
        ("scalability --scores-dir . --norms-dir norms", "norms/other_norms.json"),
    ):
        before = files(tmp_path)
        code, out, err = run(f"{other} --output-dir made --quiet")
        assert (code, out, err.count("\n")) == (FAILED, "", 1)
        assert f": {place}: norms of 21 layers" in err
        assert files(tmp_path) == before
    assert run(f"{line} --force")[0] == DONE
    assert read_norms(path) == found


def test_visualize_draws_scores_and_folders_of_metrics(run: Any, tmp_path: Path) -> None:
    assert run("visualize --mode json_single --json_file tiny_scores.json --output a.png")[0] == 0
    assert run("plot --json-file tiny_scores.json --use-raw-metrics --output b.png")[0] == DONE
    line = "visualize --mode json --json_file tiny_scores.json other_scores.json --output c.png"
    assert run(line)[0] == DONE
    for name, values in (("m1", [1.0, 3.0, 2.0, 5.0]), ("m2", [4.0] * 8)):
        (tmp_path / "data" / name).mkdir(parents=True)
        np.save(tmp_path / "data" / name / "alpha.npy", np.array(values))
    line = "visualize --mode data_dir --data_dir data --metric alpha --output"
    assert run(f"{line} d.vl.json")[0] == DONE
    bars = json.loads((tmp_path / "d.vl.json").read_text())["concat"][0]["layer"][0]
    assert [row["y"] for row in bars["data"]["values"]] == [0.0, 0.5, 0.25, 1.0]
    assert run(f"{line} e.vl.json --no_normalize")[0] == DONE
    bars = json.loads((tmp_path / "e.vl.json").read_text())["concat"][0]["layer"][0]
    assert [row["y"] for row in bars["data"]["values"]] == [1.0, 3.0, 2.0, 5.0]
    assert all(png(tmp_path / f"{name}.png") for name in "abc")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 2)), "one list of floats"),
        (np.arange(3), "one list of floats"),
        (np.array([1.0, np.nan]), "value 1: is NaN or infinite"),
        (np.array(["x", None], dtype=object), "not an .npy file of numbers"),
    ],
)
def test_other_arrays_are_not_drawn(run: Any, tmp_path: Path, array: Any, said: str) -> None:
    (tmp_path / "data" / "m").mkdir(parents=True)
    np.save(tmp_path / "data" / "m" / "alpha_peak.npy", array, allow_pickle=True)
    code, _, err = run("visualize --mode data_dir --data_dir data --output a.png")
    assert (code, said in err) == (FAILED, True)
    assert err.count("\n") == 1
    assert not (tmp_path / "a.png").exists()


def test_damage_is_measured_resumed_and_held_against_scores(run: Any, tmp_path: Path) -> None:
    words = [" ".join(f"w{(7 * i + j) % 40}" for j in range(5)) for i in range(3)]
    (tmp_path / "prompts.txt").write_text("\n".join(words))
    base = "damage --model tiny --prompts prompts.txt --tokens 24 --length 8 --output d.json"
    code, _, err = run(f"{base} --layers 0-4,(5-9)")
    assert (code, err) == (DONE, "d.json: damage of 6 changes\n")
    first = json.loads((tmp_path / "d.json").read_text())
    more = "--scores tiny_scores.json --norms n.json --plot p.vl.json --num-cases 5"
    assert run("norms --model tiny --output n.json")[0] == DONE
    code, out, err = run(f"{base} --layers all {more}")
    assert code == DONE
    assert err.startswith("5 of 21 taken over from d.json\n")
    fields = json.loads((tmp_path / "d.json").read_text())
    assert fields["damage"][:6] == first["damage"]
    assert len(fields["damage"]) == 22
    assert (fields["sequences"], fields["length"]) == (3, 8)
    assert re.search(r"^  significance +[+-]\d\.\d{3} ", out, re.MULTILINE)
    assert "beyond random" in out
    found = json.loads((tmp_path / "d_analysis.json").read_text())
    assert set(found["correlations"]) == {
        *("significance", "alpha_mid", "norm_1", "norm_2", "norm_inf", "parameters", "depth"),
    }
    assert len(json.loads((tmp_path / "p.vl.json").read_text())["concat"]) == 7
    code, _, err = run(f"{base} --layers all --bits 3")
    assert (code, "measured with another change" in err) == (FAILED, True)


def test_damage_of_another_model_than_the_scores_is_not_measured(run: Any, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("w1 w2")
    line = "damage --model tiny --prompts p.txt --tokens 8 --length 8 --output d.json"
    code, _, err = run(f"{line} --scores other_scores.json")
    assert (code, "of another model" in err) == (FAILED, True)
    assert not (tmp_path / "d.json").exists()


def test_a_tensor_that_is_in_two_shards_is_refused(run: Any, tmp_path: Path) -> None:
    tiny_models.tiny("llama").save_pretrained(tmp_path / "twice", max_shard_size="40KB")
    tiny_models.tokenizer().save_pretrained(tmp_path / "twice")
    one, other = sorted((tmp_path / "twice").glob("*.safetensors"))[:2]
    name, doubled = next(iter(load_file(one).items()))
    save_file({**load_file(other), name: doubled + 1}, other, {"format": "pt"})
    for verb in ("score", "norms", "damage"):
        code, out, err = run(f"{verb} --model twice --output o.json --quiet")
        assert (code, out, err.count("\n")) == (FAILED, "", 1)
        assert f"twice/{other.name}: {name}: model.safetensors.index.json says" in err
    assert not list(tmp_path.glob("o.json*"))


def test_check_says_that_all_is_well(run: Any) -> None:
    code, out, _ = run("check")
    assert (code, out.splitlines()[-1]) == (DONE, "all is well")


def test_the_demo_tells_its_story_and_leaves_its_files(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("demo --model tiny --output-dir told --layers 3")
    assert code == DONE
    assert files(tmp_path / "told") == [
        *("damage.png", "scores.png", "selection.png", "spectrum.png"),
        *("tiny_scores.json", "tiny_scores.json.spectra"),
    ]
    assert all(png(path) for path in (tmp_path / "told").glob("*.png"))
    assert re.search(r"^   model     tiny, 21 linear layers, 3 blocks$", out, re.MULTILINE)
    fixed, free = (
        float(re.search(rf"^   {name} +(\d+\.\d+), ", out, re.MULTILINE)[1])  # type: ignore[index]
        for name in ("fixed", "free")
    )
    assert 0 < fixed <= free
    measured = re.findall(r"^   (\d\.\S+) +0\.\d{4} +(\d\.\d\de-\d\d) ", out, re.MULTILINE)
    assert [name for name, _ in measured] == [
        *("0.self_attn.q_proj", "1.self_attn.o_proj", "2.mlp.down_proj"),
    ]
    assert all(float(kl) > 0 for _, kl in measured)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("norms --model tiny --output no/n.json", "no/n.json: its folder does not exist"),
        ("norms --model missing/x.gguf --output n.json", "no such folder"),
        ("plot --json-file tiny_scores.json --output a.pdf", "use .png, or .vl.json"),
        ("plot --output a.png", "--json-file: is needed"),
        ("plot --mode data_dir --output a.png", "--data-dir: is needed"),
        ("plot --mode data_dir --data-dir . --output a.png", "holds no <model>/alpha_peak.npy"),
        (
            "plot --mode data_dir --data-dir . --metric ../x --output a.png",
            "is not the name of a metric",
        ),
        ("plot --json-file x.json --output a.png", "x.json: cannot open"),
        ("compare --scores tiny_scores.json", "cases: No such file"),
        ("cases --num-cases 100001", "give 1 to 100000"),
        ("damage --model tiny --output d.json --plot p.png", "--scores: are needed"),
        ("damage --model tiny --output no/d.json", "its folder does not exist"),
        ("damage --model tiny --output d.json --layers 99 --tokens 4 --length 4", "0 to 20"),
        ("damage --model tiny --output d.json --strength -1", "above 0"),
        ("benchmark --model tiny --scores-file tiny_scores.json --skip-norms", "is not there"),
        ("scalability --scores-dir .. --output-dir o", "holds no *_scores.json"),
    ],
)
def test_bad_input_is_one_line_and_code_2(run: Any, tmp_path: Path, line: str, said: str) -> None:
    before = files(tmp_path)
    code, out, err = run(line)
    assert (code, out) == (FAILED, "")
    assert err.startswith(f"assay layers {line.split()[0]}: ")
    assert said in err
    assert err.count("\n") == 1
    assert files(tmp_path) == before


def test_no_matplotlib_is_told_before_the_work(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotting, "find_spec", lambda name: None)
    code, _, err = run("benchmark --model tiny --scores-file tiny_scores.json")
    assert (code, "pip install 'assay[plots]'" in err) == (FAILED, True)
    assert not Path("cases").exists()


@pytest.mark.parametrize("line", ["cases --output_dir=", "norms --model --output n"])
def test_an_empty_value_is_refused(run: Any, line: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run(line)
    assert caught.value.code == FAILED


def test_flags_are_taken_with_dashes_and_underscores(run: Any, tmp_path: Path) -> None:
    assert run("cases --num-cases=5 --num_verifiers=2 --output-dir a")[0] == DONE
    assert run("cases --num_cases 5 --num-verifiers 2 --output_dir b")[0] == DONE
    one, other = ((tmp_path / name / "all_cases.json").read_text() for name in "ab")
    assert one == other
    with pytest.raises(SystemExit):
        run("cases --num_case 5")
