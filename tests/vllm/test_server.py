"""`vllm serve` with proofs: what the official client sees, and what becomes of bad luck."""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

import assay
import tiny_engines
from assay import InputError, models, toploc
from assay.vllm import kept_tensor, read_answers
from assay.vllm.launching import Server, serving
from tiny_engines import BOUNDS, CHUNK, VOCAB, K

INCLUDE = {"assay-proofs": "include"}
OPTIONS = [
    "--dtype", "bfloat16", "--enforce-eager", "--max-model-len", "2048", "--max-num-seqs", "16",
    "--served-model-name", "small",
]  # fmt: skip
# In a process of the server's own, as people serve.
SPREAD = {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
CHAT = "{% for one in messages %}{{ one.content }} {% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_engines.small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "signatures"


@pytest.fixture(scope="module")
def server(folder: Path, kept: Path) -> Iterator[Server]:
    settings = tiny_engines.with_layers(folder.parent, 64, folder=str(kept), fingerprint=True)
    template = folder.parent / "chat.jinja"
    template.write_text(CHAT)
    options = [*OPTIONS, "--chat-template", str(template)]
    with serving(str(folder), settings, options, SPREAD) as one:
        yield one


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")


@pytest.fixture(scope="module")
def verifier(folder: Path) -> Any:
    return models.load(str(folder), models.Engine("bfloat16", "sdpa", "cpu")).model


def proofs_of(server: Server, asked_as: str) -> Any:
    return read_answers(server.get(f"/assay/proofs/{asked_as}"))


def check(verifier: Any, signature: Any) -> None:
    own = toploc.recompute(verifier, signature.prompt_token_ids, signature.output_token_ids)
    assert toploc.verify(own, signature.proofs, BOUNDS, chunk=CHUNK, k=K)


def check_answer(verifier: Any, answer: Any) -> None:
    check(verifier, answer.signature)
    made = answer.signature
    own = toploc.recompute(verifier, made.prompt_token_ids, made.output_token_ids)
    seed = answer.fingerprint_seed
    assert toploc.fingerprint.verify(answer.fingerprint, own, seed, BOUNDS)


def counters(server: Server) -> dict[str, float]:
    lines = [line for line in server.get("/metrics").splitlines() if line.startswith("assay_")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_completions(
    server: Server, client: openai.OpenAI, verifier: Any, folder: Path, kept: Path
) -> None:
    made = client.completions.create(
        model="small", prompt=["w1 w2 w3", "w4 w5"], max_tokens=40, n=2, temperature=1.0
    )
    assert "assay" not in made.model_dump()
    answers = proofs_of(server, made.id)
    assert [(one.question, one.choice) for one in answers] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for answer, choice in zip(answers, made.choices, strict=True):
        words = [f"w{token}" for token in answer.signature.output_token_ids if token > 0]
        assert choice.text.split() == words  # token 0 is none of the text
        assert answer.signature.prompt == ["w1 w2 w3", "w4 w5"][answer.question]
        check_answer(verifier, answer)
    ends = "commitment", "fingerprint", "json", "safetensors"
    names = sorted(path.name for path in kept.glob(f"{made.id}*"))
    assert names == [f"{made.id}.{q}.{c}.{end}" for q in (0, 1) for c in (0, 1) for end in ends]
    stored = toploc.Signature.read(str(kept / names[2]))
    assert stored == answers[0].signature
    assert (kept / names[1]).read_bytes() == answers[0].fingerprint
    commitment = assay.Commitment.read(kept / names[0])
    assert commitment == answers[0].commitment
    tensor = kept_tensor((kept / names[3]).read_bytes(), commitment)
    assert commitment == assay.commit(tensor, assay.Srs.open(folder.parent / "layers.srs"))


def test_the_response_itself(client: openai.OpenAI, verifier: Any) -> None:
    asked: Any = [{"role": "user", "content": "w7 w8"}]
    made = client.chat.completions.create(
        model="small", messages=asked, max_tokens=20, extra_headers=INCLUDE
    )
    extra: Any = made.model_extra
    (answer,) = read_answers(extra["assay"])
    check_answer(verifier, answer)
    assert answer.commitment is not None
    assert len(answer.signature.output_token_ids) == made.usage.completion_tokens  # type: ignore[union-attr]


def test_a_stream_has_them_in_its_last_chunk(client: openai.OpenAI, verifier: Any) -> None:
    chunks = list(
        client.completions.create(
            model="small", prompt="w1", max_tokens=30, stream=True, extra_headers=INCLUDE
        )
    )
    assert all("assay" not in (chunk.model_extra or {}) for chunk in chunks[:-1])
    extra: Any = chunks[-1].model_extra
    (answer,) = read_answers(extra["assay"])
    assert len(answer.signature.output_token_ids) == 30
    check(verifier, answer.signature)


def test_32_at_once(server: Server, verifier: Any) -> None:
    async def ask() -> list[Any]:
        client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none")
        return await asyncio.gather(
            *(
                client.completions.create(
                    model="small",
                    prompt=" ".join(f"w{(i * j) % VOCAB}" for j in range(1, 2 + i)),
                    max_tokens=5 + i,
                    temperature=float(i % 2),
                    stop=["w3 w", "w9 w"] if i % 3 == 0 else None,
                    extra_headers=INCLUDE,
                )
                for i in range(32)
            )
        )

    for index, made in enumerate(asyncio.run(ask())):
        (answer,) = read_answers(made.model_extra["assay"])
        signature = answer.signature
        assert signature.prompt_token_ids == [(index * j) % VOCAB for j in range(1, 2 + index)]
        if len(signature.output_token_ids) > 1:
            check(verifier, signature)


def test_an_id_that_is_asked_twice(server: Server, client: openai.OpenAI) -> None:
    named = {"X-Request-Id": "../../mine"}
    for prompt in ("w1", "w2"):
        made = client.completions.create(
            model="small", prompt=prompt, max_tokens=4, extra_headers=named
        )
    assert made.id == "cmpl-../../mine"
    answers = proofs_of(server, "cmpl-..%2F..%2Fmine")
    assert [one.signature.prompt_token_ids for one in answers] == [[1], [2]]


def test_ids_that_are_not_known(server: Server) -> None:
    before = counters(server)["assay_misses_total"]
    for path in ("/assay/proofs/cmpl-none", "/assay/proofs/..%2f..%2fetc%2fpasswd"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.url}{path}")
        assert caught.value.code == 404
    assert counters(server)["assay_misses_total"] == before + 2


def test_an_aborted_answer(server: Server, client: openai.OpenAI) -> None:
    # A busy machine may have made all of it before the engine hears that nobody listens.
    for _ in range(10):
        stream = client.completions.create(
            model="small",
            prompt="w1",
            max_tokens=2000,
            stream=True,
            extra_body={"ignore_eos": True},
        )
        first = next(iter(stream))
        stream.close()
        made = client.completions.create(
            model="small", prompt="w1", max_tokens=4, extra_headers=INCLUDE
        )
        assert read_answers(made.model_extra["assay"])[0].signature  # type: ignore[index]
        with suppress(InputError):
            server.get(f"/assay/proofs/{first.id}")
            continue
        break
    with pytest.raises(InputError, match="404"):
        server.get(f"/assay/proofs/{first.id}")


def test_a_folder_that_is_gone_costs_no_answer(
    server: Server, client: openai.OpenAI, kept: Path
) -> None:
    before = counters(server)
    away = kept.with_name("away")
    kept.rename(away)
    try:
        made = client.completions.create(
            model="small", prompt="w1 w2", max_tokens=9, extra_headers=INCLUDE
        )
        assert read_answers(made.model_extra["assay"])[0].signature  # type: ignore[index]
    finally:
        away.rename(kept)
    after = counters(server)
    assert after["assay_unstored_total"] == before["assay_unstored_total"] + 1
    assert after["assay_answers_with_proofs_total"] == before["assay_answers_with_proofs_total"] + 1
    assert after["assay_proofs_total"] == before["assay_proofs_total"] + 2
    assert after["assay_fingerprints_total"] == before["assay_fingerprints_total"] + 1
    assert after["assay_commitments_total"] == before["assay_commitments_total"] + 1
    size = after["assay_row_bytes_total"] - before["assay_row_bytes_total"]
    assert 9 * 2 * 128 * 2 <= size < 9 * 2 * 128 * 2 + 512


def test_an_answer_of_more_tokens_than_are_committed_to(
    server: Server, client: openai.OpenAI, kept: Path
) -> None:
    before = counters(server)
    made = client.completions.create(
        model="small", prompt="w1 w2", max_tokens=70, extra_body={"ignore_eos": True}
    )
    (answer,) = proofs_of(server, made.id)
    assert answer.commitment is None
    assert list(answer.without) == ["commitment"]
    assert "more than 64 tokens" in answer.without["commitment"]
    ends = {path.name.removeprefix(f"{made.id}.0.0") for path in kept.glob(f"{made.id}*")}
    assert ends == {".fingerprint", ".json", ".without.json"}
    kind = 'assay_answers_without_total{kind="commitment"}'
    assert counters(server)[kind] == before[kind] + 1


def test_what_is_wrong_is_told_at_the_start(folder: Path) -> None:
    with (
        pytest.raises(InputError, match="no key 'wrong'"),
        serving(str(folder), {"wrong": 1}, OPTIONS, SPREAD),
    ):
        pass


def test_an_engine_that_is_killed(server: Server, client: openai.OpenAI, kept: Path) -> None:
    """The last of this file: nothing answers behind it."""
    engines = [
        one
        for one in psutil.Process(server.process.pid).children(recursive=True)
        if "EngineCore" in " ".join(one.cmdline()) or "EngineCor" in one.name()
    ]
    assert len(engines) == 1

    def is_whole(i: int) -> bool:
        with suppress(Exception):  # of the client's own, or of what it is built on
            list(
                client.completions.create(
                    model="small", prompt=f"w{i}", max_tokens=40 + i, stream=True,
                    extra_body={"ignore_eos": True},
                )
            )  # fmt: skip
            return True
        return False

    # It is halted before, for it may leave the others of a small machine no time until it is done.
    engines[0].suspend()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(is_whole, i) for i in range(8)]
        time.sleep(1)
        engines[0].kill()
    assert not any(one.result() for one in asked)
    server.process.wait(60)
    lines = [line for line in server.log.read_text().splitlines() if "assay: the engine" in line]
    assert len(lines) == 1, lines
    # Each answer that is there is whole, and nothing else is.
    for path in kept.iterdir():
        assert path.suffix in {".json", ".fingerprint", ".commitment", ".safetensors"}, path
        if path.suffix == ".json" and not path.name.endswith((".none.json", ".without.json")):
            toploc.Signature.read(str(path))
        elif path.suffix == ".commitment":
            rows = path.with_suffix(".safetensors").read_bytes()
            kept_tensor(rows, assay.Commitment.read(path))
        elif path.suffix == ".fingerprint":
            toploc.fingerprint.Fingerprint.from_bytes(path.read_bytes())
