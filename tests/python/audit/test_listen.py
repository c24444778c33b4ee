"""`assay audit listen`: what it prints, what it checks, and what it does not fall for."""

import contextlib
import json
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import audit_packets
import tiny_models
from assay import audit
from assay.audit.packets import Place, Sampled
from assay_program import (
    DONE,
    INCONCLUSIVE,
    PROGRAM,
    REJECTED,
    environment,
    refused,
    restore_signals,
)


class Listener:
    """The command on a free port; `stop` ends it as Ctrl-C does."""

    def __init__(self, where: Path, line: str = "") -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "audit", "listen", "--port", "0", *line.split()], cwd=where,
            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=restore_signals,
        )  # fmt: skip
        self.json = "--json" in line
        said = self.process.stderr if self.json else self.process.stdout
        assert said is not None
        for first in said:
            if "listening on" in first:
                break
        else:
            raise AssertionError(self.process.communicate())
        self.first = first.rstrip("\n")
        self.port = int(first.split()[-1])

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=240)
        return self.process.returncode, out, err

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        self.process.send_signal(number)
        return self.ended()

    def report(self) -> tuple[int, dict[str, Any]]:
        code, out, _ = self.stop()
        found: dict[str, Any] = json.loads(out)
        return code, found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    started: list[Listener] = []

    def call(line: str = "", weights: dict[str, Tensor] | None = None) -> Listener:
        if weights is not None:
            save_file(
                {k: v.detach().contiguous().clone() for k, v in weights.items()}, tmp_path / "w"
            )
            line += " --weights w"
        started.append(Listener(tmp_path, line))
        return started[-1]

    yield call
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def drawn(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def send(listener: Listener, packet: tuple[bytes, ...] | bytes) -> None:
    with socket.create_connection(("127.0.0.1", listener.port)) as connection:
        connection.sendall(packet if isinstance(packet, bytes) else b"".join(packet))


A, B = drawn(40, 30), drawn(30, 20, seed=2)
SAMPLED = Sampled(
    0, "matmul", False, audit_packets.digest_of(B), None, 0, 1, (40, 30, 20), [1, 2], [3, 19]
)


def packet_of(
    sampled: Sampled = SAMPLED, sequence: int = 0, c: Tensor | None = None, a: Tensor = A
) -> tuple[bytes, bytes, bytes]:
    c = A @ B if c is None else c
    place = Place(b"p" * 16, sequence, 0)
    entries = c[sampled.rows][:, sampled.columns]
    brought = B.t()[sampled.columns] if sampled.weight is None else None
    return audit.prepare_packet(a[sampled.rows], entries, sampled, place, brought)


def test_the_notebooks_lines_and_the_verdict(start: Any) -> None:
    listener = start(weights={"B": B})
    assert listener.first == f"[server] listening on 127.0.0.1 {listener.port}"
    send(listener, packet_of())
    code, out, _ = listener.stop()
    lines = out.splitlines()
    assert lines[0].startswith("[server] connection from ('127.0.0.1', ")
    assert lines[1] == "[server] header → rows=2, cols=2, k_dim=30"
    assert lines[2] == f"[server] received payload: {4 * (2 * 30 + 2 * 2)} bytes"
    assert lines[3].startswith("[server] accepted: 4 entries against B, largest difference ")
    assert lines[4] == "[server] closed connection"
    assert lines[5].startswith("accepted")
    assert code == DONE


@pytest.mark.parametrize("dtype", list(audit_packets.NAMES))
def test_products_of_every_dtype_are_accepted(start: Any, dtype: torch.dtype) -> None:
    linear = nn.Linear(60, 500, dtype=dtype)
    b = drawn(60, 300, dtype=dtype, seed=2)
    listener = start("--json", {"linear.weight": linear.weight, "linear.bias": linear.bias, "b": b})
    a = drawn(2000, 60, dtype=dtype)
    with torch.no_grad(), audit.streaming_audit(port=listener.port) as found:
        linear(a)
        a @ b
        a[0] @ b
        linear(a.reshape(2, 10, 100, 60))
        linear(a.reshape(2, 1000, 60).transpose(0, 1))
        a[:2] @ linear.weight.t()
        torch.matmul(a.reshape(4, 500, 60), b)
    code, report = listener.report()
    outcomes = [row["verdict"]["verdict"] for row in report["packets"]]
    assert found.sent == len(outcomes) == 7
    assert outcomes == ["accepted"] * 7, report["packets"]
    assert code == DONE
    assert {row["dtype"] for row in report["packets"]} == {str(dtype).removeprefix("torch.")}


def test_a_whole_model_against_its_own_folder(start: Any, tmp_path: Path) -> None:
    for layout in ("llama", "gpt2"):
        tiny_models.folder(tmp_path, layout, layout)
        model = tiny_models.tiny(layout)
        listener = start(f"--json --weights {layout}")
        ids = torch.tensor([[3, 1, 4, 1, 5]])
        with (
            torch.no_grad(),
            audit.streaming_audit(port=listener.port),
            audit.count_products() as seen,
        ):
            model(ids)
        code, report = listener.report()
        assert code == DONE, report
        linear = sum(isinstance(module, nn.Linear) for module in model.modules())
        assert len(report["packets"]) >= linear
        assert seen.seen >= linear
        assert {row["verdict"]["verdict"] for row in report["packets"]} == {"accepted"}


def test_autocast_is_checked_against_the_weights_as_they_are_kept(start: Any) -> None:
    linear = nn.Linear(300, 400)
    listener = start("--json", {"w": linear.weight, "b": linear.bias})
    with audit.streaming_audit(port=listener.port), torch.no_grad():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            linear(drawn(1000, 300))
        with torch.autocast("cpu", dtype=torch.float16):
            linear(drawn(1000, 300))
    code, report = listener.report()
    assert [row["dtype"] for row in report["packets"]] == ["bfloat16", "float16"]
    assert code == DONE, report


def test_a_false_packet_is_rejected_and_the_rest_is_still_checked(start: Any) -> None:
    listener = start("--json", {"B": B})
    wrong = A @ B
    wrong[2, 19] += 1
    for sequence, c in enumerate((None, wrong, None)):
        send(listener, packet_of(sequence=sequence, c=c))
    code, report = listener.report()
    assert code == REJECTED
    assert (report["verdict"], report["step"]) == ("rejected", "product")
    rows = report["packets"]
    assert [row["verdict"]["verdict"] for row in rows] == ["accepted", "rejected", "accepted"]
    assert rows[1]["verdict"]["item"] == 3
    assert "row 2, column 19" in rows[1]["verdict"]["reason"]


STEP = B.abs().max() / 127
CHEATS: dict[str, Any] = {
    # name: sampled, rows of A, entries of C; and the step
    "another row of A": (SAMPLED, A.roll(1, 0), None, "product"),
    "another row's index": (
        Sampled(**{**SAMPLED.__dict__, "rows": [1, 3]}), A.roll(1, 0), None, "product",
    ),
    "another column's entries": (SAMPLED, A, (A @ B).roll(1, 1), "product"),
    "a stale result": (SAMPLED, A, drawn(40, 30, seed=5) @ B, "product"),
    "zeros": (SAMPLED, A, torch.zeros(40, 20), "product"),
    "other weights of the name": (SAMPLED, A, A @ drawn(30, 20, seed=3), "product"),
    "weights of 8 bits": (SAMPLED, A, A @ ((B / STEP).round() * STEP), "product"),
    "not a number": (SAMPLED, A, torch.full((40, 20), float("nan")), "product"),
    "infinite": (SAMPLED, A, torch.full((40, 20), float("inf")), "product"),
    "a shape that the weight has not": (
        Sampled(**{**SAMPLED.__dict__, "shape": (40, 30, 21)}), A, None, "shape",
    ),
    "the wrong way round": (
        Sampled(**{**SAMPLED.__dict__, "transposed": True}), A, None, "shape",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CHEATS))
def test_cheats(start: Any, name: str) -> None:
    sampled, a, c, step = CHEATS[name]
    listener = start("--json", {"B": B})
    send(listener, packet_of(sampled, 0, c, a))
    code, report = listener.report()
    assert (code, report["verdict"], report["step"]) == (REJECTED, "rejected", step), report


def test_a_prover_that_multiplies_by_other_weights_than_it_names(start: Any) -> None:
    linear = nn.Linear(300, 400, bias=False)
    listener = start("--json", {"w": linear.weight})
    scale = linear.weight.detach().abs().amax(1, keepdim=True) / 127

    class Cheat(nn.Linear):
        """Computes with 8 bits, and shows the weights that it was to compute with."""

        def forward(self, input: Tensor) -> Tensor:
            true, self.weight = self.weight, self.rounded
            try:
                return nn.functional.linear(input, self.weight)
            finally:
                self.weight = true

    cheat = Cheat(300, 400, bias=False)
    cheat.weight = linear.weight
    cheat.rounded = nn.Parameter((linear.weight / scale).round() * scale)
    given = drawn(2000, 300)
    with torch.no_grad():
        c = cheat(given)
    sampled = Sampled(
        0, "linear", True, audit_packets.digest_of(linear.weight), None, 0, 1, (2000, 300, 400),
        [0, 1], list(range(40)),
    )  # fmt: skip
    send(listener, audit.prepare_packet(given[:2], c[:2][:, :40], sampled, Place(bytes(16), 0, 0)))
    code, report = listener.report()
    assert (code, report["step"]) == (REJECTED, "product")


def test_a_packet_that_comes_again_is_rejected(start: Any) -> None:
    listener = start("--json", {"B": B})
    for sequence in (0, 2, 1, 2):
        send(listener, packet_of(sequence=sequence))
    code, report = listener.report()
    assert (code, report["step"]) == (REJECTED, "sequence")
    outcomes = [row["verdict"]["verdict"] for row in report["packets"]]
    assert outcomes == ["accepted"] * 3 + ["rejected"]


def test_what_cannot_be_checked_is_not_accepted(start: Any) -> None:
    # Without weights, with another's, and with columns that the packet brings itself.
    for weights, sampled in (
        (None, SAMPLED),
        ({"other": A}, SAMPLED),
        ({"B": B}, Sampled(**{**SAMPLED.__dict__, "weight": None})),
    ):
        listener = start("--json", weights)
        send(listener, packet_of(sampled))
        code, report = listener.report()
        assert (code, report["step"]) == (INCONCLUSIVE, "weight")
    assert report["figures"]["entries against columns in packets"] == {"value": 4}


def test_the_notebooks_header_is_read_and_not_checkable(start: Any) -> None:
    listener = start(weights={"B": B})
    send(listener, audit.prepare_packet(A[:4], (A @ B)[:4]))
    send(listener, struct.pack("<III", 0, 4, 4000))  # what the notebook sent most of the time
    code, out, _ = listener.stop()
    lines = out.splitlines()
    assert "[server] header → rows=4, cols=20, k_dim=30" in lines
    assert f"[server] received payload: {8 * 4 * (30 + 20)} bytes" in lines
    assert "[server] header → rows=0, cols=4, k_dim=4000" in lines
    assert "[server] received payload: 0 bytes" in lines
    assert sum("not checkable: it has no indices" in line for line in lines) == 2
    assert code == INCONCLUSIVE


def test_nothing_came(start: Any) -> None:
    code, report = start("--json").report()
    assert (code, report["step"], report["packets"]) == (INCONCLUSIVE, "packets", [])


WHOLE = b"".join(packet_of())


@pytest.mark.parametrize("size", [1, 11, 12, 24, 25, 100, len(WHOLE) - 1])
def test_a_packet_that_is_cut(start: Any, size: int) -> None:
    listener = start(weights={"B": B})
    send(listener, WHOLE[:size])
    send(listener, WHOLE)
    code, out, _ = listener.stop()
    assert "[server] error during handling: connection closed early" in out
    assert "accepted: 4 entries" in out
    assert code == INCONCLUSIVE


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff" * 12, "payload"),
        (b"GET / HTTP/1.1\r\n\r\n", "payload"),
        (b"assay/audit/packet/v2" + WHOLE[21:], "version"),
        (b"assay/audit/packet/v1" + b"\xff" * 4, "length of the header"),
        (b"assay/audit/log/v1" + bytes(40), "tag"),
        (WHOLE[:65] + b"\x09" + WHOLE[66:], "call"),
        (WHOLE[:66] + b"\x00" + WHOLE[67:], "dtype"),
    ],
)
def test_what_is_no_packet_is_refused_with_place_and_reason(
    start: Any, data: bytes, reason: str
) -> None:
    listener = start(weights={"B": B})
    send(listener, data)
    send(listener, WHOLE)
    code, out, _ = listener.stop()
    (error,) = [line for line in out.splitlines() if "error during handling" in line]
    assert error.startswith("[server] error during handling: packet from 127.0.0.1:")
    assert reason in error
    assert "accepted: 4 entries" in out
    assert code == INCONCLUSIVE


def test_many_connections_one_after_another_and_at_once(start: Any) -> None:
    listener = start("--json", {"B": B})
    for sequence in range(200):
        send(listener, packet_of(sequence=sequence))
    # One that says nothing holds nobody up, nor do fifty.
    idle = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(10)]
    open_ones = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(5)]
    for i, one in enumerate(open_ones):
        one.sendall(b"".join(packet_of(sequence=200 + i))[:50])
    for i, one in enumerate(open_ones):
        one.sendall(b"".join(packet_of(sequence=200 + i))[50:])
        one.close()
    deadline = time.monotonic() + 120
    time.sleep(0.3)
    assert time.monotonic() < deadline
    for one in idle:
        one.close()
    code, report = listener.report()
    assert code == DONE
    assert len(report["packets"]) == 205


def test_somebody_who_stops_within_a_packet_is_cut_off(start: Any) -> None:
    listener = start("--timeout 0.3", {"B": B})
    # More than are served at a time, so that others wait for them.
    slow = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(20)]
    for one in slow:
        one.sendall(WHOLE[:40])
    started = time.monotonic()
    send(listener, WHOLE)
    # Some words at a time help nobody to stay.
    for _ in range(10):
        time.sleep(0.1)
        for one in slow[:3]:
            with contextlib.suppress(OSError):
                one.sendall(b"x")
    assert time.monotonic() - started < 20
    code, out, _ = listener.stop()
    for one in slow:
        one.close()
    assert "timed out within a packet" in out
    assert "accepted: 4 entries" in out
    assert code == INCONCLUSIVE


def test_it_ends_by_itself_where_that_is_asked_for(start: Any) -> None:
    listener = start("--packets 2", {"B": B})
    with socket.create_connection(("127.0.0.1", listener.port)) as connection:
        connection.sendall(b"".join(b"".join(packet_of(sequence=i)) for i in range(3)))
        code, out, _ = listener.ended()
    assert code == DONE
    assert out.count("[server] accepted") == 2
    code, out, _ = start("--idle 0.2").ended()
    assert code == INCONCLUSIVE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_with_the_summary(start: Any, number: int) -> None:
    listener = start(weights={"B": B})
    send(listener, WHOLE)
    code, out, err = listener.stop(number)
    assert code == DONE
    assert "accepted" in out.splitlines()[-11] + out
    assert "stopped before" not in err


def test_bad_arguments(tmp_path: Path) -> None:
    assert "nowhere" in refused(tmp_path, "audit listen --weights nowhere --port 0")
    (tmp_path / "text").write_text("no tensors")
    assert "text" in refused(tmp_path, "audit listen --weights text --port 0")
    assert "--timeout" in refused(tmp_path, "audit listen --timeout 0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = refused(tmp_path, f"audit listen --port {port}")
    assert said == (f"assay audit listen: 127.0.0.1:{port}: cannot listen: Address already in use")
    assert "no such address" in refused(tmp_path, "audit listen --host 300.0.0.1 --port 0")


def test_numpy_files_and_the_worst_case(start: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", B.numpy())
    listener = start("--json --weights b.npy --worst-case")
    send(listener, packet_of())
    code, report = listener.report()
    assert code == DONE
    assert report["figures"]["largest share of the bound"]["at_most"] == 1
