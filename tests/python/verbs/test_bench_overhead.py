"""`assay bench overhead`: its statistics, its report, and how it starts itself anew."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay import bench_overhead, paired_runs
from assay_program import PROGRAM
from tiny_models import folder


def test_quantiles_of_student() -> None:
    # Tabulated, two-sided 95 %.
    for freedom, quantile in [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (30, 2.042)]:
        assert paired_runs.student_quantile(freedom) == pytest.approx(quantile, abs=6e-4)
    assert paired_runs.student_quantile(3, 0.9) == pytest.approx(2.353, abs=6e-4)


def test_paired_differences() -> None:
    added = paired_runs.paired([9.0, 10.0, 11.0], [9.1, 10.2, 11.3])
    assert added.mean == pytest.approx(2.0)
    half = 4.302653 * 0.1 / 3**0.5 * 10
    assert added.low == pytest.approx(2.0 - half, rel=1e-5)
    assert added.high == pytest.approx(2.0 + half, rel=1e-5)


def test_report(tmp_path: Path) -> None:
    model = folder(tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    done = subprocess.run(
        [
            PROGRAM, "bench", "overhead", "--model", str(model), "--tokens", "40", "--repeat", "2",
            "--warm-up", "0", "--threads", "1", "--breakdown", "--json",
        ],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["machine"]["omp_wait_policy"] == "PASSIVE"
    assert (report["decoded_tokens"], report["threads"], report["repeats"]) == (40, 1, 2)
    assert report["values_per_token"] == 4 * 32
    assert report["dtype"] == "bfloat16"
    for key in ("cpu_added_percent", "wall_added_percent"):
        added = report[key]
        assert added["low"] <= added["mean"] <= added["high"]
    assert set(report["runs"]) == {"alone", "recorded", "streamed"}
    assert all(len(runs) == 2 for runs in report["runs"].values())
    assert all(run["cpu_s"] > 0 for runs in report["runs"].values() for run in runs)
    assert set(report["parts_percent_of_cpu"]) == {
        "committing thread", "all else", "keeping the hidden states",
    }  # fmt: skip
    assert "repetition 2 of 2" in done.stderr


def test_plain_words_and_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_BENCH_STARTED", "1")
    line = ["--tokens", "2", "--repeat", "2", "--warm-up", "0", "--quiet"]
    assert bench_overhead.main([*line, "--model", str(folder(tmp_path))]) == 0
    printed = capsys.readouterr().out
    assert "CPU added" in printed
    assert "(95 %: " in printed
    assert bench_overhead.main([*line, "--model", str(tmp_path / "none.gguf")]) == 2
    assert capsys.readouterr().err.startswith("assay bench overhead: ")
    assert bench_overhead.main([*line, "--model", str(folder(tmp_path, "o", "opt_projected"))]) == 2
    assert "cannot commit while it runs" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        bench_overhead.main(["--repeat", "1"])


def test_starts_itself_anew_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class StartedError(Exception):
        pass

    def execve(program: str, arguments: list[str], environment: dict[str, str]) -> None:
        assert program == sys.executable
        assert arguments[1:] == ["-m", "assay.bench_overhead", "--threads", "3"]
        assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
        assert environment["OMP_NUM_THREADS"] == "3"
        raise StartedError

    monkeypatch.delenv("ASSAY_BENCH_STARTED", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(StartedError):
        bench_overhead.main(["--threads", "3"])
