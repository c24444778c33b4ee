"""What a server does with proofs, around an engine and an application that are fakes."""

import asyncio
import errno
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from prometheus_client import REGISTRY
from safetensors.torch import save

import assay
from assay import InputError, toploc
from assay.toploc import Shape
from assay.vllm import read_answers, serving
from assay.vllm.middleware import Proofs
from assay.vllm.seams import Finished

SHAPE = Shape()
PROOF = b"\xff\xd9" + b"\x00\x01" * 128
STATUS = {"model": "/models/m", "dtype": "bfloat16", "attention": "vllm-cpu_attn"}


class Config:
    additional_config: dict[str, Any] = {"assay": {}}  # noqa: RUF012 - of a fake


class Engine:
    """Answers as vLLM's workers would."""

    output_processor = object()

    def __init__(self, taken: Any, rest: tuple[Any, ...] = (), settings: Any = None) -> None:
        self.vllm_config = Config()
        self.vllm_config.additional_config = {"assay": settings or {}}
        self._taken = taken
        self._rest = list(rest)
        self.called: list[str] = []

    async def collective_rpc(self, method: str, args: tuple[Any, ...] = ()) -> list[Any]:
        await asyncio.sleep(0.01)
        self.called.append(method)
        if method == "assay_status":
            return [None, STATUS]
        if method == "assay_forget":
            return [None, None]
        said = self._taken
        if method == "assay_rest":
            said = self._rest.pop(0) if len(self._rest) > 1 else self._rest[0]
        if isinstance(said, Exception):
            raise said
        return [None, dict(said)]


TAKEN = {"proofs": [PROOF], "missing_prompt_rows": 3}


def finished(asked_as: str, choice: int = 0, question: int = 0) -> Finished:
    return Finished(f"{asked_as}-00000000", asked_as, choice, question, "Hi", [1, 2], [3, 4], "")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_COLLECTORS", [])


def collected(taken: Any) -> serving.Collector:
    collector = serving.Collector(Engine(taken))
    serving.collect(collector)
    return collector


def committing(rest: tuple[Any, ...], folder: Path) -> tuple[serving.Collector, Engine]:
    """A collector of an engine that commits to rows of layers."""
    settings = {"layers": "all", "srs": "none", "fingerprint": True, "folder": str(folder)}
    engine = Engine({**TAKEN, "pending": True}, rest, settings)
    collector = serving.Collector(engine)
    serving.collect(collector)
    return collector, engine


def counted(name: str, kind: str = "") -> float:
    """What /metrics would say of a counter; nothing yet is zero."""
    labels = {"kind": kind} if kind else {}
    return REGISTRY.get_sample_value(f"assay_{name}_total", labels) or 0.0


def scope(path: str, method: str = "GET", *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": list(headers)}


async def ask(app: Any, asked: dict[str, Any]) -> tuple[int, dict[bytes, bytes], list[bytes]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    await app(asked, receive, send)
    bodies = [one["body"] for one in sent[1:]]
    return sent[0]["status"], dict(sent[0]["headers"]), bodies


def replying(kind: bytes, pieces: list[bytes]) -> Callable[..., Coroutine[Any, Any, None]]:
    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"content-type", kind)]
        if kind == b"application/json":
            headers.append((b"content-length", str(sum(map(len, pieces))).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for index, piece in enumerate(pieces):
            more = index + 1 < len(pieces)
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    return app


INCLUDE = (b"Assay-Proofs", b"include")


def test_proofs_are_asked_for_when_an_answer_is_whole() -> None:
    async def story() -> None:
        collector = collected(TAKEN)
        collector.finished(finished("cmpl-1", choice=1))
        collector.finished(finished("cmpl-1", choice=0))
        status, _, (body,) = await ask(Proofs(replying(b"", [])), scope("/assay/proofs/cmpl-1"))
        assert status == 200
        first, second = read_answers(body)
        assert (first.choice, second.choice) == (0, 1)
        assert first.signature is not None
        assert (first.signature.model, first.signature.proofs) == ("m", [PROOF])
        assert first.missing_prompt_rows == 3
        assert json.loads(body)["id"] == "cmpl-1"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("taken", "reason"),
    [
        ({"reason": "cut"}, "cut"),
        (RuntimeError("engine dead"), "engine dead"),
        ({"proofs": "no", "missing_prompt_rows": 0}, ""),
        ({}, "proofs"),
    ],
)
def test_an_answer_without_proofs_says_so(taken: Any, reason: str) -> None:
    async def story() -> None:
        collected(taken).finished(finished("chatcmpl-1"))
        _, _, (body,) = await ask(Proofs(replying(b"", [])), scope("/assay/proofs/chatcmpl-1"))
        (answer,) = read_answers(body)
        assert answer.signature is None
        assert reason in answer.reason

    before = counted("answers_without_proofs"), counted("answers_with_proofs"), counted("proofs")
    asyncio.run(story())
    after = counted("answers_without_proofs"), counted("answers_with_proofs"), counted("proofs")
    assert after == (before[0] + 1, *before[1:])


@pytest.mark.parametrize("path", ["cmpl-2", "", "../x", "x" * 5000, "%2e%2e%2fetc"])
def test_ids_that_are_not_known(path: str) -> None:
    async def story() -> None:
        collected(TAKEN).finished(finished("cmpl-1"))
        status, _, (body,) = await ask(Proofs(replying(b"", [])), scope(f"/assay/proofs/{path}"))
        assert status == 404
        assert json.loads(body)["error"]["message"] == "no answer of this id is known"
        status, _, _ = await ask(Proofs(replying(b"", [])), scope("/assay/proofs/cmpl-1", "POST"))
        assert status == 405

    asyncio.run(story())


def test_a_server_without_proofs_says_so() -> None:
    async def story() -> None:
        status, _, (body,) = await ask(Proofs(replying(b"", [])), scope("/assay/proofs/cmpl-1"))
        assert (status, json.loads(body)["error"]["message"]) == (404, "the engine makes no proofs")

    asyncio.run(story())


def made() -> tuple[Any, bytes]:
    rows = {"layer_0": torch.randn(1, 2, 4), "layer_1": torch.randn(1, 2, 4)}
    tensor = assay.encode(rows)
    return assay.commit(tensor, assay.Srs.dev(tensor.axes, 3)), save(rows)


def test_what_is_made_behind_the_last_token_is_waited_for(tmp_path: Path) -> None:
    commitment, rows = made()
    whole = {"commitment": commitment.to_bytes(), "rows": rows, "without": {"fingerprint": "why"}}

    async def story() -> None:
        pending = {"pending": True}
        collector, engine = committing((pending, pending, whole), tmp_path)
        collector.finished(finished("cmpl-1"))
        (answer,) = await collector.answers("cmpl-1")
        assert engine.called == ["assay_status", "assay_take", *["assay_rest"] * 3]
        assert answer.commitment == commitment
        assert answer.without == {"fingerprint": "why"}
        assert answer.rows is None  # which are for the store
        assert (tmp_path / "cmpl-1.0.0.safetensors").read_bytes() == rows
        # A folder does not keep what a cache spared.
        kept = replace(answer, missing_prompt_rows=0)
        assert await asyncio.to_thread(collector._store.read, "cmpl-1") == [kept]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        (({"pending": True},), "it was not made within 0 s"),
        ((RuntimeError("engine dead"),), "the engine did not give it: engine dead"),
    ],
)
def test_what_is_not_made_costs_no_proofs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: tuple[Any, ...], reason: str
) -> None:
    async def story() -> None:
        collector, engine = committing(rest, tmp_path)
        monkeypatch.setattr(serving, "_WAITS_S", 0.1)
        collector.finished(finished("cmpl-1"))
        (answer,) = await collector.answers("cmpl-1")
        assert answer.proofs == [PROOF]
        assert answer.without == {"commitment": reason, "fingerprint": reason}
        assert ("assay_forget" in engine.called) == isinstance(rest[0], dict)

    asyncio.run(story())


def test_rows_that_would_be_kept_nowhere() -> None:
    with pytest.raises(InputError, match="without a folder or database that keeps their rows"):
        serving.Collector(Engine(TAKEN, (), {"layers": "all", "srs": "none"}))


def test_what_there_is_is_counted(tmp_path: Path) -> None:
    commitment, rows = made()

    def values() -> list[float]:
        return [
            counted("fingerprints"), counted("commitments"), counted("row_bytes"),
            counted("answers_without", "fingerprint"), counted("answers_without", "commitment"),
        ]  # fmt: skip

    async def story() -> None:
        fingerprint = toploc.fingerprint.project(torch.randn(2, 4), bytes(32)).to_bytes()
        whole = {"commitment": commitment.to_bytes(), "rows": rows, "fingerprint": fingerprint}
        lacking = {"without": {"commitment": "too long", "fingerprint": "NaN"}}
        before = values()
        for rest in (whole, lacking):
            collector, _ = committing((rest,), tmp_path)
            collector.finished(finished("cmpl-1"))
            await collector.answers("cmpl-1")
        difference = [b - a for a, b in zip(before, values(), strict=True)]
        assert difference == [1, 1, len(rows), 1, 1]

    asyncio.run(story())


@pytest.mark.parametrize("first", [True, False])
def test_an_engine_that_died_leaves_one_line(caplog: pytest.LogCaptureFixture, first: bool) -> None:
    async def story() -> None:
        collector = collected(RuntimeError("engine dead"))
        if first:
            collector.failed(5, RuntimeError("killed"))
        for index in range(3):
            collector.finished(finished(f"cmpl-{index}"))
        for index in range(3):
            await collector.answers(f"cmpl-{index}")
        collector.failed(5, RuntimeError("killed"))

    with caplog.at_level("ERROR", "vllm.assay"):
        logging.getLogger("vllm.assay").addHandler(caplog.handler)
        asyncio.run(story())
        logging.getLogger("vllm.assay").removeHandler(caplog.handler)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1 or lines == [lines[0]] * 2  # told to the root's handler too
    assert lines[0] == (
        "assay: the engine ended with 5 answers unfinished: killed"
        if first
        else "assay: the engine did not give proofs: engine dead"
    )


def test_a_full_disk_costs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, *_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def read(self, _: str) -> list[Any]:
            return []

    monkeypatch.setattr(serving, "store_of", lambda _: Full())

    async def story() -> None:
        collector = collected(TAKEN)
        for index in range(3):
            collector.finished(finished(f"cmpl-{index}"))
        for index in range(3):
            (answer,) = await collector.answers(f"cmpl-{index}")
            assert answer.signature is not None

    asyncio.run(story())


def test_the_response_has_them_where_they_are_asked_for() -> None:
    body = json.dumps({"id": "cmpl-1", "choices": [], "ü": "é"}, ensure_ascii=False).encode()

    async def story() -> None:
        collected(TAKEN).finished(finished("cmpl-1"))
        app = Proofs(replying(b"application/json", [body[:5], body[5:]]))
        plain = await ask(app, scope("/v1/completions", "POST"))
        assert b"".join(plain[2]) == body
        status, headers, (told,) = await ask(app, scope("/v1/completions", "POST", INCLUDE))
        assert status == 200
        assert headers[b"content-length"] == str(len(told)).encode()
        response = json.loads(told)
        (answer,) = read_answers(response.pop("assay"))
        assert answer.proofs == [PROOF]
        assert response == json.loads(body)

    asyncio.run(story())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_last_chunk_of_a_stream_has_them(size: int) -> None:
    events = [{"id": "cmpl-1", "choices": [{"text": f"w{i}"}]} for i in range(5)]
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    whole = ("".join(lines) + "data: [DONE]\n\n").encode()
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]

    async def story() -> None:
        collected(TAKEN).finished(finished("cmpl-1"))
        app = Proofs(replying(b"text/event-stream; charset=utf-8", [*pieces, b""]))
        _, _, bodies = await ask(app, scope("/v1/completions", "POST", INCLUDE))
        told = b"".join(bodies).decode().split("\n\n")
        assert told[-2:] == ["data: [DONE]", ""]
        chunks = [json.loads(one.removeprefix("data: ")) for one in told[:-2]]
        assert [chunk["choices"] for chunk in chunks] == [event["choices"] for event in events]
        assert all("assay" not in chunk for chunk in chunks[:-1])
        (answer,) = read_answers(chunks[-1]["assay"])
        assert answer.proofs == [PROOF]
        # Each goes its way when the next is there.
        if size < 1000:
            assert sum(b"w" in body for body in bodies) == len(events)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        (b"application/json", [b"no json"]),
        (b"application/json", [b"[1]"]),
        (b"text/plain", [b"a", b"b"]),
        (b"text/event-stream", [b"data: [DONE]\n\n"]),
        (b"text/event-stream", [b": comment\n\n", b"data: no json\n\ndata: [DONE]\n\n"]),
        (b"text/event-stream", [b"data: 1\n\n", b"data: 2"]),
        (b"text/event-stream", [b""]),
    ],
)
def test_what_is_no_response_goes_its_way(kind: bytes, pieces: list[bytes]) -> None:
    async def story() -> None:
        collected(TAKEN)
        app = Proofs(replying(kind, pieces))
        _, _, bodies = await ask(app, scope("/v1/models", "GET", INCLUDE))
        told, sent = b"".join(bodies), b"".join(pieces)
        assert told.strip() == sent.strip()

    asyncio.run(story())


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_MOST_HELD_BYTES", 3000)

    async def story() -> None:
        collector = collected(TAKEN)
        for index in range(30):
            collector.finished(finished(f"cmpl-{index}"))
            await collector.answers(f"cmpl-{index}")
        assert await collector.answers("cmpl-0") == []
        assert await collector.answers("cmpl-29")
        assert len(collector._asked) < 10

    asyncio.run(story())
