"""`assay toploc generate --engine vllm`, and what transformers says of it; and the other way."""

import json
from pathlib import Path
from typing import Any

import pytest

import tiny_engines
from assay.toploc.cli import main

LENGTHS = ["--max_decode_tokens", "48", "--min_decode_tokens", "32", "--n_samples", "6"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("models")
    tiny_engines.small_model(parent)
    tiny_engines.small_model(parent, "other", seed=2)
    lines = [" ".join(f"w{(i * j) % 40}" for j in range(1, 6 + 3 * i)) for i in range(1, 7)]
    (parent / "prompts.txt").write_text("\n".join(lines))
    return parent


def run(folder: Path, verb: str, *more: object) -> int:
    given = [verb, *LENGTHS, "--dataset_name", folder / "prompts.txt", *more]
    return main([str(one) for one in given])


def test_answers_of_vllm_pass_with_transformers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signatures = folder / "signatures"
    model = folder / "small"
    made = ["--model_name", model, "--save_dir", signatures]
    assert run(folder, "generate", "--engine", "vllm", *made) == 0
    out = capsys.readouterr().out
    assert "6 signatures" in out
    signature = json.loads((signatures / "small_0003.json").read_text())
    assert signature["attention"] == "vllm-cpu_attn"
    judged = ["--decode_model_name", model, "--save_dir", signatures]
    assert run(folder, "validate", *judged, "--validate_model_name", model) == 0
    assert capsys.readouterr().out.count("VERIFICATION PASSED: ") == 6
    assert run(folder, "validate", *judged, "--validate_model_name", folder / "other") == 1
    assert capsys.readouterr().out.count("VERIFICATION FAILED: ") == 6


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--attn", "eager"], "vLLM has no such kernel; give sdpa, flash, flex"),
        (["--device", "cuda"], "is for another device"),
        (["--engine", "transformers", "--tp", "2"], "generate with --engine vllm"),
    ],
)
def test_what_vllm_cannot_do(
    folder: Path, capsys: pytest.CaptureFixture[str], given: list[Any], reason: str
) -> None:
    made = ["--model_name", folder / "small", "--save_dir", folder / "none"]
    engine = [] if "--engine" in given else ["--engine", "vllm"]
    assert run(folder, "generate", *engine, *made, *given) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_a_profile_of_two_engines(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")  # it ends before the next begins
    out = folder / "profile"
    given = [
        "calibrate", "--model", folder / "small", "--out", out, "--prompts", folder / "prompts.txt",
        "--provider-engine", "vllm", "--verifier-engine", "transformers", "--batch-sizes", "4",
        "--provider-dtypes", "bfloat16,float32", "--max-new-tokens", "40", "--margin", "4",
        "--json", "--quiet",
    ]  # fmt: skip
    assert main([str(one) for one in given]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [run["provider"] for run in report["runs"]] == [
        f"{dtype}, vllm, batch 4" for dtype in ("bfloat16", "float32") for _ in range(2)
    ]
    profile = json.loads(out.read_text())
    assert profile["kernel"] == "vllm, sdpa, eager"
    assert profile["fingerprint_distance"] is None
    assert profile["false_alarm_bound"] > 0
    # Each way of running is judged by itself too.
    for run in report["runs"]:
        assert 0 <= run["alarms"] <= report["alarms"] <= report["held_out"] == 3
        assert run["false_alarm_bound"] <= report["false_alarm_bound"]


def test_a_profile_of_the_other_two(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")  # its messages go elsewhere
    out = folder / "other-profile"
    given = [
        "calibrate", "--model", folder / "small", "--out", out, "--prompts", folder / "prompts.txt",
        "--verifier-engine", "vllm", "--batch-sizes", "1,4", "--max-new-tokens", "40",
        "--attentions", "sdpa", "--margin", "4", "--json", "--quiet",
    ]  # fmt: skip
    assert main([str(one) for one in given]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(run["provider"], run["verifier"]) for run in report["runs"]] == [
        (f"bfloat16, sdpa, batch {batch}", "bfloat16, vllm") for batch in (1, 4)
    ]
    profile = json.loads(out.read_text())
    assert profile["kernel"] == "sdpa, vllm"
    # States of both sides are there.
    assert profile["fingerprint_distance"] > 0
    assert main([str(one) for one in [*given, "--provider-engine", "vllm"]]) == 2
    assert "one of them has to be transformers" in capsys.readouterr().err
