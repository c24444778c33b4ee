"""The programs `assay audit sample` and `assay bench audit`, on small matrices."""

import json
import re
import signal
import socket
from pathlib import Path

import pytest
import torch

from assay import bench_audit
from assay.audit import Listener
from assay.audit.cli import main
from assay_program import PROGRAM, done, run

DONE, REJECTED, FAILED = 0, 1, 2


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_story(dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    assert main(["sample", "--size", "200", "--port", "0", "--dtype", dtype]) == DONE
    assert torch.get_num_threads() == threads
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [
        "# Toy example (no streaming)",
        "C.shape:  torch.Size([200, 200])",
        "shape of sampled_A:  torch.Size([1, 200])",
        "sampled_C.shape:  torch.Size([1, 2])",
        "shape of matrix recomputation:  torch.Size([1, 2])",
        lines[5],
    ]
    assert re.fullmatch(r"max_diff:  \d.*", lines[5])
    assert lines[6] == "True"
    said = "\n".join(lines)
    assert said.count("[server] listening on 127.0.0.1 ") == 2
    assert said.count("[server] header → rows=1, cols=2, k_dim=200") == 4
    assert said.count("[server] accepted: 2 entries against B, ") == 2
    assert said.count("[server] accepted: 2 entries against linear.weight, ") == 1
    assert said.count("[server] rejected at product: row ") == 1
    assert lines[-1] == "true products: exit code 0; the false one: exit code 1"


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert main(["sample", "--size", "20", "--port", port]) == FAILED
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cannot listen: Address already in use" in said


def test_it_is_a_verb_of_the_command(tmp_path: Path) -> None:
    assert "sample a product" in done(tmp_path, "audit sample --help")
    assert "assay-audit" in done(tmp_path, "audit --help")
    assert "notebook" in done(tmp_path, "bench audit --help")
    assert run(tmp_path, "audit nonsense").returncode == FAILED
    assert PROGRAM.with_name("assay-audit").is_file()


def test_both_timings_of_the_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    line = "--seed --size 100 --products 3 --repeat 2 --threads 1 --quiet"
    try:
        assert bench_audit.main([*line.split(), "--json"]) == DONE
        report = json.loads(capsys.readouterr().out)
        bench_audit._print_plainly(report)
        said = capsys.readouterr().out
    finally:
        torch.set_num_threads(threads)
    assert [timing["name"] for timing in report["timings"]] == ["new", "streaming"]
    assert report["timings"][0]["shapes"] == [[10, 100], [100, 10]]
    for timing in report["timings"]:
        added = timing["added_percent"]
        # Percent, not the ratio that the notebook printed with a percent sign.
        expected = 100 * (timing["sampled_ms"] / timing["alone_ms"] - 1)
        assert added["mean"] == pytest.approx(expected)
        assert added["low"] < added["mean"] < added["high"]
    assert re.search(r"^streaming +100 x 100 by 100 x 100: .* %", said, re.MULTILINE)


def test_a_listener_ends_where_the_shell_had_it_ignore_interrupts() -> None:
    """As whatever runs in the background of a script does, and its children."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Listener() as listener:
            assert listener.port
    finally:
        signal.signal(signal.SIGINT, before)
    assert listener.code == 3, "nothing came"
