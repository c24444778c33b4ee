"""The experiments: what is measured, what lines say, going on after a kill, and the pictures."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import DecodeError, InputError
from assay.experiments import (
    Lines,
    Subject,
    data_of,
    fan_outs,
    of_dimensions,
    of_scaling,
    read_lines,
    run_scaling,
    setup_of,
)
from assay.experiments import dimensions as dimensions_module
from assay.experiments.scaling import Growth
from assay.progress import Bar
from assay_program import PROGRAM

EXAMPLES = Path(__file__).parents[3] / "examples/experiments"
SMALL = ["--max-exp", "1", "--seeds", "2,13"]
NO_BAR = Bar(sys.stderr, "", enabled=False)


def run_example(name: str, arguments: list[str], folder: Path, patch: pytest.MonkeyPatch) -> int:
    """An example as if it were called from a folder; gives its exit code."""
    patch.chdir(folder)
    patch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    code = ended.value.code
    assert isinstance(code, int)
    return code


def test_all_trees_hold_the_same_data() -> None:
    uniform = data_of("uniform", 1000, 2)
    assert uniform.dtype == np.uint64
    assert int(uniform.max()) > 1 << 63
    assert np.array_equal(uniform, data_of("uniform", 1000, 2))
    assert not np.array_equal(uniform, data_of("uniform", 1000, 3))
    assert int(data_of("uniform", 1000, 2, 10).max()) == 9
    assert data_of("seed", 3, 2).tolist() == [2000, 2001, 2002]
    with pytest.raises(InputError, match="max value"):
        data_of("uniform", 1, 1, 0)


def test_fan_outs() -> None:
    assert fan_outs(16) == [(4, 4)]
    assert fan_outs(4096) == [(64, 64), (16, 16, 16), (4,) * 6]
    with pytest.raises(InputError, match="base size"):
        fan_outs(6)
    srs = setup_of(Subject("terkle", (4, 4, 4)))
    assert srs is setup_of(Subject("terkle", (4, 4, 4)))
    assert setup_of(Subject("merkle", 2)) is None


def test_run_all_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_example("run_all_sweeps.py", [*SMALL, "--plot"], tmp_path, monkeypatch) == 0
    lines = read_lines(tmp_path / "results/dimension_benchmark.jsonl")
    assert len(lines) == 2 * 5
    terkle = [line for line in lines if "config_name" in line]
    assert {line["config_name"] for line in terkle} == {
        "2D [8,8]", "3D [4,4,4]", "6D [2,2,2,2,2,2]",
    }  # fmt: skip
    assert set(terkle[0]) == {
        "seed", "config_name", "axis_arity", "axis_count", "degree_bound", "srs_size", "data_size",
        "depth", "build_time_seconds", "proof_time_seconds", "verify_time_seconds",
        "verification_passed", "proof_size", "tree_size", "data",
    }  # fmt: skip
    assert {line["srs_size"] for line in terkle} == {64}
    assert [line["degree_bound"] for line in terkle[:3]] == [8, 4, 2]
    # 32 bytes for each quotient, below an envelope of 52.
    assert [line["proof_size"] - 52 for line in terkle[:3]] == [64, 96, 192]
    others = [line for line in lines if "config_name" not in line]
    assert Counter(line["implementation"] for line in others) == {"Merkle": 2, "Verkle": 2}
    for line in others:
        assert line["arity_label"] == "width-64"
        assert line["size"] == 64
        assert line["width" if line["implementation"] == "Verkle" else "arity"] == 64
        assert set(line) - {"width", "arity"} == {
            "implementation", "size", "seed", "arity_label", "time_taken_to_build_tree",
            "time_taken_to_generate_proof", "time_taken_to_verify_proof", "verification_passed",
            "proof_size", "tree_size", "data",
        }  # fmt: skip
    assert all(line["verification_passed"] is True for line in lines)
    assert {line["data"] for line in lines} == {"uniform u64"}
    picture = tmp_path / "results/dimension_benchmark_plot.png"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    described = json.loads(picture.with_suffix(".vl.json").read_text())
    assert [panel["title"] for panel in described["concat"]] == [
        "Building the tree", "Proving one leaf", "Checking the proof of one leaf",
        "Size of the proof of one leaf",
    ]  # fmt: skip
    # Nothing is left to do; other data are other lines, and marked.
    assert run_example("run_all_sweeps.py", [*SMALL, "--no-terkle"], tmp_path, monkeypatch) == 0
    path = tmp_path / "results/dimension_benchmark.jsonl"
    assert len(read_lines(path)) == 10
    more = [*SMALL, "--terkle-only", "--data", "seed"]
    assert run_example("run_all_sweeps.py", more, tmp_path, monkeypatch) == 0
    assert [line["data"] for line in read_lines(path)[10:]] == ["seed: i + 1000 seed"] * 6
    cleared = [*SMALL, "--clear", "--merkle-only", "--arities", "2,1000", "--quiet"]
    assert run_example("run_all_sweeps.py", cleared, tmp_path, monkeypatch) == 0
    assert [line["arity"] for line in read_lines(path)] == [2, 1000, 2, 1000]


def test_each_sweep_leaves_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, more, count in (
        ("sweep_terkle.py", ["--binary", "x", "--build"], 6),
        ("sweep_verkle.py", ["--widths", "8,64", "--max-value", "100", "--demo-dir", "x"], 10),
        ("sweep_merkle.py", ["--arities", "64", "--demo-dir", "x"], 12),
    ):
        assert run_example(name, [*SMALL, *more], tmp_path, monkeypatch) == 0
        lines = read_lines(tmp_path / "results/dimension_benchmark.jsonl")
        assert len(lines) == count
    assert {line["data"] for line in lines} == {"uniform u64", "uniform below 100"}
    drawn = ["--dpi", "72", "--output", "drawn.png"]
    assert run_example("plot_dimension_benchmark.py", drawn, tmp_path, monkeypatch) == 0
    assert (tmp_path / "drawn.png").exists()
    assert (tmp_path / "drawn.vl.json").exists()


def test_benchmark_dimensions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["out.jsonl", "2", "2", "--max-exp", "1"]
    assert run_example("benchmark_dimensions", given, tmp_path, monkeypatch) == 0
    lines = read_lines(tmp_path / "out.jsonl")
    assert sorted({line["seed"] for line in lines}) == [1000, 1001, 2000, 2001]
    assert len(lines) == 3 * 4


def test_verkle_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_example("new_verkle_demo_metrics.py", [], tmp_path, monkeypatch) == 0
    metrics = json.loads((tmp_path / "metrics/metrics_width8_size512.json").read_text())
    assert metrics["parameters"] == {
        "width": 8, "size": 512, "depth": 3, "max_value": 1_000_000, "seed": 42,
    }  # fmt: skip
    assert set(metrics["timings_seconds"]) == {
        "tree_build", "challenge_generation", "proof_generation", "proof_verification",
    }  # fmt: skip
    assert metrics["sizes_bytes"]["proof_estimated"] == 52 + 32 * 5
    assert metrics["sizes_bytes"]["commitment"] == 32
    assert metrics["sizes_bytes"]["dataset"] == 4096
    assert metrics["proof_node_count"] == 3
    assert metrics["proof_verification_result"] is True
    assert 0 <= metrics["challenge_indices"] < 512
    assert 1 <= metrics["challenge_values"] < 1_000_000
    assert len(metrics["root_commitment_hex"]) == 66
    swept = ["--base-size", "8", "--max-exp", "2", "--num-runs", "2", "--widths", "4,8"]
    for _ in range(2):
        assert run_example("sweep_simulations.py", swept, tmp_path, monkeypatch) == 0
    lines = read_lines(tmp_path / "results/verkle_simulations.jsonl")
    assert len(lines) == 8
    assert {line["implementation"] for line in lines} == {"pegasus"}
    assert {line["seed"] for line in lines} == {1, 2}
    assert (tmp_path / "metrics/metrics_width4_size64.json").exists()


def test_merkle_artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "final_prover_verifier/run_demo.py"
    assert run_example(name, ["--seed", "5"], tmp_path, monkeypatch) == 0
    folder = tmp_path / "artifacts_4_256"
    assert sorted(path.name for path in folder.iterdir()) == [
        "commit.json", "metrics.json", "proof.json", "proof_request.json", "tree.json",
        "values.json",
    ]  # fmt: skip
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics["timings_seconds"]) == {
        "tree_generation", "commit", "proof_generation", "verification",
    }  # fmt: skip
    assert set(metrics["artifact_sizes_bytes"]) == {
        "values", "tree", "commit", "proof_request", "proof",
    }  # fmt: skip
    commit = json.loads((folder / "commit.json").read_text())
    assert (commit["arity"], commit["leaf_count"]) == (4, 256)
    assert metrics["proof_metadata"]["root"] == commit["root"]
    first = metrics["proof_metadata"]
    assert run_example(name, ["--seed", "5"], tmp_path, monkeypatch) == 0  # made anew
    assert json.loads((folder / "metrics.json").read_text())["proof_metadata"] == first
    (folder / "mine.txt").touch()
    assert run_example(name, ["--seed", "5"], tmp_path, monkeypatch) == 2
    assert (folder / "values.json").exists()
    np.save(tmp_path / "values.npy", np.arange(1000).reshape(10, 100))
    given = ["--values-npy", "values.npy", "--arity", "1000", "--artifacts", "here"]
    assert run_example(name, given, tmp_path, monkeypatch) == 0
    assert json.loads((tmp_path / "here/metrics.json").read_text())["parameters"] == {
        "arity": 1000, "leaf_count": 1000, "seed": None, "values_npy": "values.npy",
    }  # fmt: skip


def test_flags_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, reason in (
        (["--terkle-only", "--no-terkle"], "no tree"),
        (["--terkle-only", "--merkle-only"], "contradict"),
        (["--seeds", "2,2"], "twice"),
        (["--seeds", "-1"], "seeds from 0"),
        (["--min-exp", "3", "--max-exp", "2"], "exponents"),
        (["--max-exp", "5"], "2^26"),
        (["--base-size", "6"], "base size"),
        (["--widths", "3", "--verkle-only", "--max-exp", "1"], "width|power|arit"),
        (["--plot", "--plot-output", "x.svg"], "ending"),
    ):
        assert run_example("run_all_sweeps.py", flags, tmp_path, monkeypatch) == 2
        assert any(word in capsys.readouterr().err for word in reason.split("|")), flags


@pytest.mark.parametrize("wait", [1, 4, 8])
def test_a_killed_run_goes_on_without_a_doubled_line(tmp_path: Path, wait: int) -> None:
    path = tmp_path / "results.jsonl"
    seeds = ",".join(map(str, range(12)))
    line = [
        sys.executable, str(EXAMPLES / "run_all_sweeps.py"), "--output", str(path), "--max-exp",
        "2", "--seeds", seeds, "--no-verkle", "--quiet",
    ]  # fmt: skip
    with subprocess.Popen(line, cwd=tmp_path) as process:
        while process.poll() is None:
            if path.exists() and path.read_bytes().count(b"\n") >= wait:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
    assert process.returncode == -signal.SIGKILL
    # Killed in the middle of a line, at worst.
    with path.open("ab") as file:
        file.write(b'{"seed": 3, "conf')
    subprocess.run(line, cwd=tmp_path, check=True)
    lines = read_lines(path)
    keys = Counter(map(dimensions_module.key_of, lines))
    assert len(lines) == len(keys) == 2 * 12 * 4


def test_scaling(tmp_path: Path) -> None:
    subjects = (Subject("merkle", 2), Subject("verkle", 4, aggregated=True))
    path = tmp_path / "tree_scaling.jsonl"
    for expected in (4, 0):
        with Lines(path) as lines:
            growth = Growth(first=4, last=6, step=2)
            assert run_scaling(growth, lines, NO_BAR, subjects=subjects) == expected
    lines_found = read_lines(path)
    assert [line["size"] for line in lines_found] == [16, 16, 64, 64]
    assert all(line["verification_passed"] for line in lines_found)
    assert lines_found[3]["proof_size"] == 52 + 32 * 4
    picture = of_scaling(lines_found, "here")
    assert [panel.title for panel in picture.panels][-1] == "Memory of the tree"
    with pytest.raises(InputError, match="sizes"):
        Growth(first=3, last=2).sizes()


def test_pictures_of_what_is_no_result() -> None:
    with pytest.raises(InputError, match="no results"):
        of_dimensions([], "here")
    with pytest.raises(InputError, match="no line"):
        of_dimensions([{"implementation": "Verkle", "size": 4}], "here")
    line: dict[str, Any] = {"implementation": "Verkle", "width": 4, "size": 4}
    for value in ("1", True, None, []):
        broken = {**line, "time_taken_to_build_tree": value}
        if value is not None:
            with pytest.raises(DecodeError, match="line 1"):
                of_dimensions([broken], "here")
    # Lines of the first programs, without data and proof sizes, are drawn too.
    picture = of_dimensions([{**line, "time_taken_to_build_tree": 0.5}], "here")
    assert [panel.title for panel in picture.panels] == ["Building the tree"]
    assert "data not stated" in picture.title


def test_the_command_finds_its_verbs(tmp_path: Path) -> None:
    environment = {**os.environ, "ASSAY_THREADS": "1"}

    def assay(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path,
            env=environment,
        )  # fmt: skip

    done = assay("bench", "trees", "--dimensions", "--max-exp", "1", "--seeds", "2", "--quiet")
    assert done.returncode == 0, done.stderr
    done = assay("tree", "plot", "results/dimension_benchmark.jsonl")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/dimension_benchmark_plot.png").exists()
    grown = ["--scaling", "--first", "4", "--last", "5", "--step", "1", "--plot", "--json"]
    done = assay("bench", "trees", *grown)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["results"]) == 14
    assert (tmp_path / "results/tree_scaling_plot.vl.json").exists()
    done = assay("bench", "trees", "--log-size", "10", "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert {one["tree"] for one in results} >= {
        "Merkle, arity 2", "Verkle, width 64", "Verkle, width 64, aggregated proof",
        "Terkle 3D [4,4,4]",
    }  # fmt: skip
    assert all(one["value"] > 0 for one in results if one["unit"] == "s")


def test_prover_and_verifier_as_processes(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "trees-demo", "--leaves", "1000", "--queries", "3", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)
    assert list(reports) == ["merkle", "verkle", "verkle-aggregated", "terkle"]
    for name, sides in reports.items():
        assert sides["verifier"]["verdict"]["verdict"] == "accepted"
        assert sides["verifier"]["leaves"] == 1000
        wanted = "root" if name == "merkle" else "opening equation"
        assert sides["verifier"]["wrong value"] == wanted
        assert sides["prover"]["bytes"]["proof"] > 0
