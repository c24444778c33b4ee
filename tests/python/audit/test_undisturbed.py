"""What `streaming_audit()` leaves as it was: outputs, random numbers, torch, the model's time."""

import random
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

import audit_packets
import tiny_models
from assay import InputError, audit, models, toploc
from assay.audit import sending
from assay.audit.intercepting import is_seen

PLACES = (
    (torch, "matmul"),
    (torch.Tensor, "__matmul__"),
    (torch.Tensor, "__rmatmul__"),
    (nn.Linear, "forward"),
)


@pytest.fixture(autouse=True)
def everything_is_as_it_was() -> Iterator[None]:
    before = [(getattr(owner, name), name in vars(owner)) for owner, name in PLACES]
    yield
    assert [(getattr(owner, name), name in vars(owner)) for owner, name in PLACES] == before
    assert not is_seen()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def product() -> Tensor:
    return torch.ones(4, 5) @ torch.ones(5, 6)


def generate(model: PreTrainedModel, **options: Any) -> Tensor:
    ids = torch.tensor([[0, 3, 1, 4], [5, 9, 2, 6]])
    mask = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])
    given = {"max_new_tokens": 8, "pad_token_id": 0, "do_sample": True, **options}
    result: Tensor = model.generate(ids, attention_mask=mask, **given)
    return result


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", ["llama", "gpt2"])
def test_outputs_and_random_numbers_are_the_same_bits(layout: str, dtype: torch.dtype) -> None:
    model = tiny_models.tiny(layout, dtype)

    def run() -> tuple[Any, ...]:
        torch.manual_seed(5)
        random.seed(5)
        np.random.seed(5)
        tokens = generate(model)
        logits = model(tokens).logits
        return (
            tokens, logits, torch.get_rng_state(), random.getstate(), str(np.random.get_state()),
            torch.rand(3), nn.functional.dropout(torch.ones(50)),
        )  # fmt: skip

    plain = run()
    with audit_packets.keeping() as kept, audit.streaming_audit(port=kept.port) as found:
        audited = run()
    # The linear layers of gpt2 are no nn.Linear.
    assert found.queued > (20 if layout == "llama" else 5)
    for one, other in zip(plain, audited, strict=True):
        if isinstance(one, Tensor):
            assert torch.equal(one, other)
        else:
            assert one == other


def test_together_with_a_watch_and_a_capture() -> None:
    model = tiny_models.tiny("llama", torch.bfloat16)
    settings = models.settings_for(model, max_new_tokens=6)

    def run() -> tuple[Any, ...]:
        keeper = models.Keeper(models.residual(0), models.linear_output("lm_head"))
        with toploc.watch(model, chunk=4, k=8) as watched:
            (answer,) = models.generate(model, [[3, 1, 4]], settings, observers=[keeper])
        (kept,) = keeper.sequences
        return answer.output, watched.proofs, [rows.tolist() for rows in kept.rows]

    plain = run()
    with audit_packets.keeping() as kept, audit.streaming_audit(port=kept.port) as found:
        audited = run()
    assert audited == plain
    assert found.sent > 20


def test_blocks_within_one_another_send_once() -> None:
    with audit_packets.keeping() as kept:
        with audit.streaming_audit(port=kept.port) as outer:
            with audit.streaming_audit(port=kept.port) as inner:
                assert inner is outer
                product()
            product()
            with audit.streaming_audit(port=kept.port):
                product()
        product()
    assert outer.products == outer.sent == len(kept.packets) == 3


def test_blocks_that_end_in_another_order() -> None:
    with audit_packets.keeping() as kept:
        first, second = (audit.streaming_audit(port=kept.port) for _ in range(2))
        found = first.__enter__()
        assert second.__enter__() is found
        first.__exit__(None, None, None)
        product()
        second.__exit__(None, None, None)
        product()
    assert len(kept.packets) == 1


def test_another_block_with_other_arguments_is_refused() -> None:
    port = unused_port()
    with audit.streaming_audit(port=port):
        with (
            pytest.raises(InputError, match="other arguments"),
            audit.streaming_audit(port=port + 1),
        ):
            pass
        product()
    with audit.streaming_audit(port=port + 1):
        pass


def test_exceptions_pass_and_restore_everything() -> None:
    class Failing(nn.Module):
        def forward(self, given: Tensor) -> Tensor:
            product()
            raise ValueError("of the model")

    with audit_packets.keeping() as kept:
        with pytest.raises(ValueError, match="of the model"), audit.streaming_audit(port=kept.port):
            Failing()(torch.ones(1))
        with audit.streaming_audit(port=kept.port) as found:
            # Those of the calls themselves are torch's own, and leave it as it was.
            with pytest.raises(RuntimeError, match=r"cannot be multiplied"):
                torch.ones(4, 5) @ torch.ones(4, 5)
            with pytest.raises(TypeError):
                torch.matmul(torch.ones(4, 5))  # type: ignore[call-arg]
            with pytest.raises(TypeError):
                torch.ones(4, 5) @ "text"  # type: ignore[operator]
            product()
    assert found.products == found.sent == 1
    assert len(kept.packets) == 2


def test_what_goes_wrong_within_is_counted_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with audit.streaming_audit(port=unused_port()) as found:
        monkeypatch.setattr(found._sampler, "take", fail)
        assert product().shape == (4, 6)
    assert found.not_sampled == {"failed": 1}


def test_somebody_who_patches_in_the_meantime_keeps_that() -> None:
    before = torch.matmul
    with audit_packets.keeping() as kept:
        with audit.streaming_audit(port=kept.port) as found:
            ours = torch.matmul
            theirs = torch.matmul = lambda *args: ours(*args)  # type: ignore[assignment]
            torch.matmul(torch.ones(2, 2), torch.ones(2, 2))
        assert torch.matmul is theirs
        torch.matmul(torch.ones(2, 2), torch.ones(2, 2))
        torch.matmul = before
    assert found.products == 1


def test_names_that_were_imported_before_go_by() -> None:
    matmul = torch.matmul
    with audit_packets.keeping() as kept, audit.streaming_audit(port=kept.port) as found:
        matmul(torch.ones(2, 2), torch.ones(2, 2))
    assert found.products == 0


def test_threads_send_what_each_of_them_makes() -> None:
    threads, each = 8, 25
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            a = torch.full((3, 4), float(number))
            for i in range(each):
                c = a @ torch.full((4, 5), float(i))
                assert torch.equal(c, torch.full((3, 5), 4.0 * number * i))
        except BaseException as error:
            failed.append(error)

    with audit_packets.keeping() as kept, audit.streaming_audit(port=kept.port) as found:
        running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    assert not failed
    assert found.products == threads * each
    packets = kept.packets
    assert len(packets) + found.dropped == threads * each
    assert sorted({packet.product for packet in packets}) == sorted(
        packet.product for packet in packets
    )
    for packet in packets:
        # Operands and result of one product, not of two threads'.
        number = packet.a[0, 0].item()
        assert torch.all(packet.a == number)
        weights = [audit_packets.digest_of(torch.full((4, 5), float(i))) for i in range(each)]
        i = weights.index(packet.weight)
        assert torch.all(packet.c == 4 * number * i)


def test_threads_that_come_and_go_share_a_session() -> None:
    with audit_packets.keeping() as kept:

        def work() -> None:
            for _ in range(20):
                with audit.streaming_audit(port=kept.port):
                    product()

        running = [threading.Thread(target=work) for _ in range(4)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    by_session: dict[bytes, list[int]] = {}
    for packet in kept.packets:
        by_session.setdefault(packet.session, []).append(packet.sequence)
    for numbers in by_session.values():
        assert sorted(numbers) == list(range(len(numbers)))
    # A product of a thread whose block has begun is seen, whoever began the session.
    assert sum(map(len, by_session.values())) >= 80


def run_alone(program: str, port: int) -> None:
    """Run it in a process of its own, which sends to a port."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), str(port)],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_a_fork_has_a_session_of_its_own() -> None:
    # In a process of its own: other tests have started threads that a child does not have.
    program = """
        import os, sys, torch
        from assay import audit
        torch.set_num_threads(1)
        a, b = torch.ones(4, 5), torch.ones(5, 6)
        with audit.streaming_audit(port=int(sys.argv[1])) as found:
            for _ in range(10):
                a @ b
            child = os.fork()
            for _ in range(3):
                a @ b
            if child == 0:
                found._close(2)
                assert (found.products, found.sent) == (3, 3), (found.products, found.sent)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            assert status == 0
        assert (found.products, found.sent, found.dropped) == (13, 13, 0)
    """
    with audit_packets.keeping() as kept:
        run_alone(program, kept.port)
    by_session: dict[bytes, list[int]] = {}
    for packet in kept.packets:
        by_session.setdefault(packet.session, []).append(packet.sequence)
    assert sorted(by_session.values(), key=len) == [list(range(3)), list(range(13))]


def test_the_thread_that_sends_imports_nothing() -> None:
    # What a thread imports while another one forks stays half imported in the child.
    program = """
        import sys, threading, torch
        from assay import audit

        class Noting:
            found = []

            def find_spec(self, name, path=None, target=None):
                if threading.current_thread().name == "assay audit":
                    self.found.append(name)

        sys.meta_path.insert(0, Noting())
        with audit.streaming_audit(port=int(sys.argv[1])) as sampling:
            torch.ones(4, 5) @ torch.ones(5, 6)
        assert sampling.sent == 1, sampling
        assert not Noting.found, Noting.found
    """
    with audit_packets.keeping() as kept:
        run_alone(program, kept.port)


def seconds(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def test_nobody_listens() -> None:
    with audit.streaming_audit(port=unused_port()) as found:
        for _ in range(sending.MOST_PACKETS + 50):
            product()
        assert found.dropped == 50
    assert found.sent == 0
    assert found.dropped == found.products == sending.MOST_PACKETS + 50


def test_somebody_listens_and_reads_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        a, b = torch.ones(1, 500_000), torch.ones(500_000, 1)
        context = audit.streaming_audit(port=server.getsockname()[1], finish_within=0.2)
        found = context.__enter__()
        for _ in range(100):
            a @ b
        # 200 MB, of which 64 MiB may wait.
        assert found.dropped > 50
        assert seconds(lambda: context.__exit__(None, None, None)) < 5
    assert found.sent + found.dropped == 100


def test_the_queue_has_a_bound_in_bytes() -> None:
    with audit.streaming_audit(port=unused_port()) as found:
        waiting = found._sender._waiting
        for _ in range(40):
            torch.ones(1, 1 << 20) @ torch.ones(1 << 20, 1)
        assert len(waiting) == 15  # of 4 MiB and an entry each
        assert found._sender._bytes <= sending.MOST_BYTES


def read_packets(connection: socket.socket, count: int) -> bytes:
    """So many packets of `product()`: a row of 5 values and an entry."""
    data = connection.recv(1 << 16)
    while len(data) < 25 or len(data) < count * (int.from_bytes(data[21:25], "little") + 4 * 6):
        data += connection.recv(1 << 16)
    return data


def test_a_listener_that_comes_late_has_what_waited() -> None:
    port = unused_port()
    with audit.streaming_audit(port=port):
        for _ in range(5):
            product()
        time.sleep(0.2)
        with socket.create_server(("127.0.0.1", port)) as server:
            connection, _ = server.accept()
            product()
            with connection:
                data = read_packets(connection, 6)
    assert [packet.sequence for packet in audit_packets.packets_of(data)] == list(range(6))


def test_a_listener_that_starts_anew_gets_what_comes_then() -> None:
    port = unused_port()
    with audit.streaming_audit(port=port) as found:
        for _ in range(3):
            with socket.create_server(("127.0.0.1", port)) as server:
                product()
                connection, _ = server.accept()
                with connection:
                    data = read_packets(connection, 1)
                (packet,) = audit_packets.packets_of(data)
                assert packet.sequence == found.products - 1
    assert (found.sent, found.dropped) == (3, 0)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_code_runs_as_it_was_written_meanwhile(backend: str) -> None:
    linear = nn.Linear(5, 6)
    compiled = torch.compile(lambda x: torch.relu(linear(x)) @ torch.ones(6, 2), backend=backend)
    given = torch.ones(4, 5)
    plain = compiled(given)
    with audit_packets.keeping() as kept, audit.streaming_audit(port=kept.port) as found:
        assert torch.equal(compiled(given), plain)
        with audit.count_products() as counted:
            compiled(given)
    assert torch.equal(compiled(given), plain)
    assert found.products == len(kept.packets) == 4
    assert (counted.total, counted.unseen) == (2, 0)


def test_what_is_compiled_within_does_not_fail() -> None:
    program = """
        import torch
        from assay import audit
        linear = torch.nn.Linear(3, 3)
        with audit.streaming_audit(port=1) as found:
            call = torch.compile(
                lambda x: torch.matmul(x, x) @ linear(x), backend="eager", fullgraph=True
            )
            assert torch.equal(call(torch.eye(3)), linear(torch.eye(3)))
        assert torch.equal(call(torch.eye(3)), linear(torch.eye(3)))
    """
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
