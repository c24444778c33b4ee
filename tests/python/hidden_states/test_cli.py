"""The command: flags, report, exit codes, one-line errors, and what is left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from assay.hidden_states import capturing, result
from assay.hidden_states.cli import main
from assay.models import generating
from tiny_models import folder, tiny, tokenizer

PROMPT = "w3 w7 w11"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("models"))


def run(model: Path | str, out: Path, *more: str) -> int:
    usual = {
        "--models": str(model), "--prompt": PROMPT, "--max-new-tokens": "4",
        "--output-dir": str(out),
    }  # fmt: skip
    given = (word for pair in usual.items() if pair[0] not in more for word in pair)
    return main([*given, *more])


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a failed command wrote."""
    streams = capsys.readouterr()
    assert streams.out == ""
    lines = streams.err.splitlines()
    assert len(lines) == 1, streams.err
    assert lines[0].startswith("assay capture: error: ")
    return lines[0]


def test_report_and_files(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, tmp_path) == 0
    streams = capsys.readouterr()
    (entry,) = json.loads(streams.out)["models"]
    stats = json.loads((tmp_path / "tiny_stats.json").read_text())
    assert {key: entry[key] for key in stats} == stats
    assert entry["model_name"] == "tiny"
    assert (entry["rows"], entry["tokens"], entry["capture_mode"]) == (6, 7, "decode")
    assert entry["files"] == {
        "activations": str(tmp_path / "tiny_activations.safetensors"),
        "stats": str(tmp_path / "tiny_stats.json"),
    }
    assert streams.err == (
        "assay capture: " + f"{model}: 6 rows of 4 tensors written to "
        f"{tmp_path / 'tiny_activations.safetensors'}\n"
    )
    with safe_open(tmp_path / "tiny_activations.safetensors", "pt") as file:
        listed = json.loads(file.metadata()["model_files"])
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {f["name"] for f in listed}
    assert all(len(f["sha256"]) == 64 for f in listed)


def test_several_models_and_torch_files(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder(tmp_path, "other", "gpt2")
    out = tmp_path / "out"
    code = main(
        [
            "--models",
            str(model),
            str(other),
            "--prompt",
            PROMPT,
            "--max-new-tokens",
            "2",
            "--output-dir",
            str(out),
            "--mode",
            "recompute",
            "--format",
            "pt",
            "--quiet",
        ]
    )
    assert code == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    assert [e["model_name"] for e in json.loads(streams.out)["models"]] == ["tiny", "other"]
    assert sorted(p.name for p in out.iterdir()) == [
        "other_activations.pt",
        "other_stats.json",
        "tiny_activations.pt",
        "tiny_stats.json",
    ]
    data = torch.load(out / "other_activations.pt", weights_only=True)
    assert data["assay"]["capture_mode"] == "recompute"
    assert data["hidden_states"][0].shape[1] == data["token_sequence"].shape[1] == 5


def test_deterministic_runs_give_the_same_bytes(model: Path, tmp_path: Path) -> None:
    for out, more in (("a", []), ("b", ["--do-sample"])):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "assay.hidden_states.cli",
                "--models",
                str(model),
                "--prompt",
                PROMPT,
                "--max-new-tokens",
                "12",
                "--output-dir",
                str(tmp_path / out),
                "--deterministic",
                *more,
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ("--do-sample has no effect" in done.stderr) == bool(more)
    for name in ("tiny_activations.safetensors", "tiny_stats.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_dtype_and_sampling_flags_reach_the_model(model: Path, tmp_path: Path) -> None:
    assert run(model, tmp_path, "--dtype", "bfloat16", "--do-sample", "--seed", "7", "--quiet") == 0
    with safe_open(tmp_path / "tiny_activations.safetensors", "pt") as file:
        assert file.get_tensor("layer_1").dtype == torch.bfloat16
        metadata = file.metadata()
    assert metadata["seed"] == "7"
    settings = json.loads(metadata["generation"])
    assert (settings["do_sample"], settings["temperature"]) == (True, 0.8)


def test_a_prompt_in_a_chat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder(tmp_path)
    assert run(path, tmp_path / "out", "--chat") == 2
    assert "model's tokenizer has none; leave --chat out" in failure(capsys)
    words = tokenizer()
    words.chat_template = "{{ 'w5 ' + messages[0]['content'] + ' w6' }}"
    words.save_pretrained(path)
    assert run(path, tmp_path / "out", "--chat", "--quiet") == 0
    with safe_open(tmp_path / "out" / "tiny_activations.safetensors", "pt") as file:
        assert file.get_tensor("token_sequence")[0, :5].tolist() == [5, 3, 7, 11, 6]
        assert json.loads(file.metadata()["generation"])["chat"] is True
        assert file.metadata()["prompt"] == PROMPT


def test_help_does_not_load_torch() -> None:
    code = (
        "import sys; from assay.hidden_states.cli import main; code = main(['--help']); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "example:" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --models, --prompt"),
        (["--models", "x", "--prompt", "p", "--max-new-tokens", "many"], "--max-new-tokens"),
        (["--models", "x", "--prompt", "p", "--device", "tpu"], "--device"),
        (["--models", "x", "--prompt", "p", "--sed", "1"], "--sed"),
    ],
)
def test_wrong_flags(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in failure(capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--max-new-tokens", "0"], "max-new-tokens: is 0; give at least 1"),
        (["--temperature", "0"], "temperature: is 0.0; give a number above 0"),
        (["--seed", "-1"], "seed: is -1"),
        (
            ["--max-new-tokens", "62"],
            "65 of prompt and answer together; the model has positions for 64",
        ),
        (["--prompt", ""], "--prompt: an empty value"),
        (["--prompt", "w1 \udcff"], "prompt: not valid text at character 3"),
        (["--device", "cuda"], "device cuda: not available on this machine"),
    ],
)
def test_wrong_values(
    flags: list[str],
    message: str,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run(model, tmp_path / "out", *flags) == 2
    assert message in failure(capsys)
    assert not (tmp_path / "out").exists()


def test_models_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "weights.bin").write_bytes(b"")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    monkeypatch.setenv("HTTPS_PROXY", "")
    monkeypatch.setenv("https_proxy", "")
    monkeypatch.setattr("socket.getaddrinfo", _no_address)
    for name, message in {
        "./nowhere": "no such folder or .gguf file, and not a hub id",
        "gone.gguf": "no such folder or .gguf file",
        "nobody/nothing-here": "there is no way to a model hub",
        str(tmp_path / "empty"): "has no config.json",
        str(tmp_path / "weights.bin"): "not a .gguf file",
        str(tmp_path / "broken.gguf"): "model broken: could not be loaded",
    }.items():
        assert run(name, tmp_path / "out") == 2
        line = failure(capsys)
        assert message in line
        assert Path(name).stem in line
    assert not (tmp_path / "out").exists()


def _no_address(*_: object) -> None:
    raise OSError("no address")


def test_a_model_with_missing_weights_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "headless"
    tiny("llama").model.save_pretrained(path)
    config = json.loads((path / "config.json").read_text())
    config.update(architectures=["LlamaForCausalLM"], tie_word_embeddings=False)
    (path / "config.json").write_text(json.dumps(config))
    tokenizer().save_pretrained(path)
    assert run(path, tmp_path / "out") == 2
    assert "not a complete causal language model: 1 weights" in failure(capsys)


def test_two_models_for_one_file(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            ["--models", str(model), str(model), "--prompt", PROMPT, "--output-dir", str(tmp_path)]
        )
        == 2
    )
    assert "would both be written to" in failure(capsys)


def test_output_that_is_no_folder(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(model, tmp_path / "file" / "out") == 2
    assert f"{tmp_path / 'file'}: is not a folder" in failure(capsys)


def test_non_finite_values_write_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tiny("llama")
    with torch.no_grad():
        broken.model.layers[0].mlp.down_proj.weight[0, 0] = torch.nan
    broken.save_pretrained(tmp_path / "broken")
    tokenizer().save_pretrained(tmp_path / "broken")
    assert run(tmp_path / "broken", tmp_path / "out") == 2
    assert "model broken: layer_0: value at index (0, 0, 0) is nan" in failure(capsys)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_while_generating(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generating._TokenCounter, "put", interrupt)
    assert run(model, tmp_path / "out") == 2
    assert "stopped before it was done" in failure(capsys)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_while_writing(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(result, "write_safetensors", interrupt)
    assert run(model, tmp_path) == 2
    assert "stopped before it was done" in failure(capsys)
    assert list(tmp_path.iterdir()) == []


def test_full_disk(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(result, "write_safetensors", full)
    assert run(model, tmp_path) == 2
    line = failure(capsys)
    assert f"{tmp_path / 'tiny_activations.safetensors'}: could not be written (No space" in line
    assert list(tmp_path.iterdir()) == []


def test_unexpected_errors_are_one_line_too(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("first\nsecond")

    monkeypatch.setattr(capturing, "engine_of", broken)
    assert run(model, tmp_path) == 2
    assert "unexpected" in failure(capsys)
    assert run(model, tmp_path, "--verbose") == 2
    assert "Traceback" in capsys.readouterr().err
