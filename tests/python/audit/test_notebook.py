"""The notebook's calls, with nothing but `device="cuda"` and `torch.cuda.synchronize()` out."""

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from assay.audit import HOST, PORT, new, prepare_packet, robust_server, send_packet, streaming_audit


@pytest.fixture(autouse=True)
def as_in_the_notebook() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_prepare_packet(capsys: pytest.CaptureFixture[str]) -> None:
    A = torch.randn(10, 16)  # noqa: N806 - the notebook's names
    B = torch.randn(16, 8)  # noqa: N806
    C = A @ B  # noqa: N806
    rows = torch.arange(3)
    cols = torch.arange(4)
    hdr, bufA, bufC = prepare_packet(A[rows], C[rows][:, cols])  # noqa: N806
    print("Header bytes:", len(hdr), "=> shapes", struct.unpack("<III", hdr))
    print("bufA:", len(bufA), "bytes;", "bufC:", len(bufC), "bytes")
    assert capsys.readouterr().out == (
        "Header bytes: 12 => shapes (3, 4, 16)\nbufA: 384 bytes; bufC: 96 bytes\n"
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are started, which end with the test."""
    begun: list[Any] = []
    popen = subprocess.Popen

    def start(*args: Any, **options: Any) -> Any:
        begun.append(popen(*args, **options))
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    yield begun
    for process in begun:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("started")
def test_the_rest_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as asking:
        if asking.connect_ex((HOST, PORT)) == 0:
            pytest.skip("something listens at the notebook's port")
    threading.Thread(target=robust_server, daemon=True).start()
    out = ""
    while "listening" not in out:
        time.sleep(0.05)
        out += capfd.readouterr().out
    assert f"[server] listening on {HOST} {PORT}" in out

    A = torch.randn(400, 500)  # noqa: N806
    B = torch.randn(500, 400)  # noqa: N806
    state = torch.get_rng_state()
    for _ in range(3):
        assert torch.equal(new(A, B), A @ B)
    assert torch.equal(torch.get_rng_state(), state)

    # The cells that time products with and without, and say the difference.
    def time_matmuls(iters: int) -> float:
        t0 = time.perf_counter()
        for _ in range(iters):
            _ = A @ B
        return (time.perf_counter() - t0) * 1000.0

    def time_sampling_matmuls(iters: int) -> float:
        t0 = time.perf_counter()
        for _ in range(iters):
            new(A, B)
        return (time.perf_counter() - t0) * 1000.0

    baseline = time_matmuls(2)
    overhead = time_sampling_matmuls(2) - baseline
    assert f"overhead (%): {overhead / baseline:}%".endswith("%")

    A = torch.randn(2000, 500)  # noqa: N806
    B = torch.randn(500, 2000)  # noqa: N806
    lin = torch.nn.Linear(500, 100)
    with streaming_audit():
        _ = A @ B
        _ = torch.matmul(A, B)
        _ = lin(A)
    with streaming_audit():
        for _ in range(10):
            torch.matmul(A, B)
    send_packet(*prepare_packet(A[:1], (A @ B)[:1]))
    while out.count("[server] closed connection") < 8:
        time.sleep(0.05)
        out += capfd.readouterr().out
    for words, count in [
        ("prepare_packet: ", 5),
        ("send_packet: ", 5),
        ("total network overhead: ", 5),
        ("[server] header → rows=1, cols=4, k_dim=500", 5),
        ("[server] header → rows=2, cols=20, k_dim=500", 12),
        (f"[server] received payload: {8 * (2 * 500 + 2 * 20)} bytes", 12),
        ("[server] header → rows=2, cols=1, k_dim=500", 1),
        ("not checkable", 19),
    ]:
        assert out.count(words) == count, (words, out)
