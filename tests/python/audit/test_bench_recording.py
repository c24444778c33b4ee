"""`assay bench audit` of a model: its report, and the repetitions that it keeps."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from assay import bench_audit, bench_recording
from assay_program import PROGRAM
from tiny_models import folder

LINE = "--tokens 3 --prompt-tokens 9 --threads 1"
CASES = {"all", "eighth", "prompt", "prompt_all_rows"}


def _on_two(line: list[str]) -> list[str]:
    at = line.index("--threads") + 1
    return [*line[:at], "2", *line[at + 1 :]]


def test_report(tmp_path: Path) -> None:
    model = folder(tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    line = f"bench audit --model {model} {LINE} --repeat 2 --json"
    done = subprocess.run(
        [PROGRAM, *line.split()],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["machine"]["omp_wait_policy"] == "PASSIVE"
    assert (report["decoded_tokens"], report["long_prompt_tokens"]) == (3, 9)
    assert (report["repeats"], report["threads"], report["dtype"]) == (2, 1, "bfloat16")
    assert set(report["cases"]) == CASES
    for case in report["cases"].values():
        for key in ("cpu_added_percent", "wall_added_percent"):
            assert case[key]["low"] <= case[key]["mean"] <= case[key]["high"]
        assert case["longest_lag_ms"] > 0
    assert set(report["runs"]) == {*CASES, "alone", "prompt_alone"}
    rows = {name: case["rows"] for name, case in report["cases"].items()}
    # A llama of three blocks: eleven wires in each, four of residual rows, the norm and the logits.
    # One in eight is block 0, with the residual rows around it and those behind the last.
    passes = 3
    earlier = report["prompt_tokens"] - 1  # of which residual rows, k and v are kept
    assert rows["all"] == (33 + 4 + 2) * passes + (4 + 6) * earlier
    assert rows["eighth"] == (11 + 3 + 2) * passes + (3 + 2) * earlier
    assert rows["prompt"] == 33 + 4 + 2 + (4 + 6) * 8
    assert rows["prompt_all_rows"] == (33 + 4) * 9 + 2
    assert "repetition 2 of 2" in done.stderr


def test_repetitions_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_BENCH_STARTED", "1")
    kept = tmp_path / "kept"
    line = f"--model {folder(tmp_path)} {LINE} --quiet --keep {kept}".split()
    assert bench_audit.main([*line, "--repeat", "2", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(bench_recording, "_peak_of", None)  # is kept too
    assert bench_audit.main([*line, "--repeat", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["repeats"] == 3
    for name, runs in first["runs"].items():
        assert report["runs"][name][:2] == runs
    assert bench_audit.main([*line, "--repeat", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("(95 %: ") == len(CASES)
    assert "one layer in eight" in printed
    assert bench_audit.main([*_on_two(line), "--repeat", "3"]) == 2
    assert "they were made with" in capsys.readouterr().err
    kept.write_text("{}")
    assert bench_audit.main([*line, "--repeat", "3"]) == 2
    assert "no repetitions" in capsys.readouterr().err
