"""Logs of what an engine's layers computed are checked by `assay audit`, with a verifier's key."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from vllm import SamplingParams

import tiny_engines
from assay import InputError, audit
from assay import vllm as proving
from assay.vllm import known
from tiny_engines import CHUNK, K, prompts, runner_of

IN_A_PASS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_engines.small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def logs(folder: Path) -> Path:
    return folder.parent / "logs"


@pytest.fixture(scope="module")
def llm(folder: Path, logs: Path) -> Any:
    """Few tokens in a pass and few blocks, so that prompts come in pieces and wait for others."""
    return tiny_engines.engine(
        folder,
        assay={"k": K, "chunk": CHUNK, "audit": str(logs)},
        dtype="float32",
        max_num_seqs=16,
        max_num_batched_tokens=IN_A_PASS,
        num_gpu_blocks_override=14,
        block_size=32,
        enable_prefix_caching=False,
    )


@pytest.fixture(scope="module")
def key(folder: Path) -> Path:
    made = audit.enroll(folder, folder.parent / "key", dtype="float32", epochs=3)
    return Path(made[0])


class Verifier:
    """Asks, draws, and checks."""

    def __init__(self, where: Path, logs: Path, key: Path) -> None:
        where.mkdir(exist_ok=True)
        self._record = where / "drawn"
        self._logs = logs
        self._key = key
        self._provider = logs / "provider.key.pub"

    def verdict(self, answer: Any, nonce: bytes, sampling: str = "greedy") -> Any:
        made, head = answer.signature, audit.Head.from_bytes(answer.head)
        request = audit.Request.of(
            made.prompt_token_ids, made.output_token_ids, nonce=nonce, sampling=sampling
        )
        given = {"key": self._key}
        drawn = audit.challenge(
            head, self._provider, self._record, tokens=3, attention_blocks=2, **given
        )
        openings = audit.open_run(self._logs / head.run, drawn)
        return audit.check(
            head, request, drawn, openings, self._provider, record=self._record, **given
        )


@pytest.fixture
def verifier(tmp_path: Path, logs: Path, key: Path, llm: Any) -> Verifier:
    return Verifier(tmp_path, logs, key)


def asked(count: int, lengths: list[int], **more: Any) -> tuple[Any, list[SamplingParams], Any]:
    nonces = [os.urandom(32) for _ in range(count)]
    settings = [
        SamplingParams(
            **{"temperature": 0, "max_tokens": 6 + 5 * i, **more},
            extra_args={"assay_nonce": nonce.hex()},
        )
        for i, nonce in enumerate(nonces)
    ]
    return prompts(count, lengths, seed=6), settings, nonces


def test_logs_pass_with_a_key(
    llm: Any, verifier: Verifier, tmp_path: Path, logs: Path, key: Path, monkeypatch: Any
) -> None:
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    preempt, preempted = scheduler._preempt_request, []

    def count(request: Any, *args: Any, **kwargs: Any) -> Any:
        preempted.append(request.request_id)
        return preempt(request, *args, **kwargs)

    monkeypatch.setattr(scheduler, "_preempt_request", count)
    questions, settings, nonces = asked(10, [3, 50, 90, 1, 40])
    outputs = llm.generate(questions, settings, use_tqdm=False)
    assert preempted
    found = [answer for (answer,) in proving.proofs(llm, outputs)]
    for answer, nonce in zip(found, nonces, strict=True):
        assert answer.without == {}
        assert answer.proofs
        head = audit.Head.from_bytes(answer.head)
        assert (head.steps, head.drops) == (len(answer.signature.output_token_ids), 0)
        assert "unseen_layers=0" in head.engine
        assert "vllm=0.32" in head.engine
        verdict = verifier.verdict(answer, nonce)
        assert verdict, (verdict.step, verdict.reason)
    # Another's answer under this head, and the answer to another nonce.
    for number, (answer, nonce) in enumerate(
        ((replace(found[0], signature=found[1].signature), nonces[0]), (found[0], nonces[1]))
    ):
        other = Verifier(tmp_path / str(number), logs, key)
        verdict = other.verdict(answer, nonce)
        assert (verdict.outcome, verdict.step) == ("rejected", "head")


def test_a_pause_leaves_no_logs(llm: Any, verifier: Verifier, logs: Path) -> None:
    questions, settings, nonces = asked(2, [5, 60])
    before = set(logs.iterdir())
    llm.collective_rpc("assay_pause", args=(True,))
    assert not runner_of(llm).use_aux_hidden_state_outputs
    outputs = llm.generate(questions, settings, use_tqdm=False)
    llm.collective_rpc("assay_pause", args=(False,))
    for (answer,) in proving.proofs(llm, outputs):
        assert answer.reason == "no rows of such a request are held"
    assert set(logs.iterdir()) == before
    outputs = llm.generate(questions, settings, use_tqdm=False)
    for (answer,), nonce in zip(proving.proofs(llm, outputs), nonces, strict=True):
        verdict = verifier.verdict(answer, nonce)
        assert verdict, (verdict.step, verdict.reason)


@pytest.mark.parametrize(("first", "step"), [(True, "product"), (False, "chain")])
def test_what_is_not_the_models_is_rejected(
    llm: Any, tmp_path: Path, logs: Path, folder: Path, first: bool, step: str
) -> None:
    """A layer that returns something else, in the log as well, or in the log alone not."""
    (key,) = audit.enroll(folder, tmp_path / "key", dtype="float32")
    layer = runner_of(llm).model.model.layers[1].mlp.down_proj
    questions, settings, (nonce,) = asked(1, [9])
    hook = layer.register_forward_hook(
        lambda _, __, output: (output[0] * 1.001, *output[1:]), prepend=first
    )
    try:
        outputs = llm.generate(questions, settings, use_tqdm=False)
    finally:
        hook.remove()
    ((answer,),) = proving.proofs(llm, outputs)
    verdict = Verifier(tmp_path, logs, Path(key)).verdict(answer, nonce)
    assert (verdict.outcome, verdict.step) == ("rejected", step)


def test_sampled_tokens_are_said_to_be(llm: Any, tmp_path: Path, logs: Path, folder: Path) -> None:
    (key,) = audit.enroll(folder, tmp_path / "key", dtype="float32")
    questions, settings, (nonce,) = asked(1, [9], temperature=1.0, seed=3)
    outputs = llm.generate(questions, settings, use_tqdm=False)
    ((answer,),) = proving.proofs(llm, outputs)
    verdict = Verifier(tmp_path, logs, Path(key)).verdict(answer, nonce, "sampled temperature=1.0")
    assert verdict, (verdict.step, verdict.reason)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"stop": ["w3"]}, "a text may stop it"),
        ({"extra_args": {"assay_nonce": "00"}}, "its assay_nonce is not 64 hexadecimal digits"),
    ],
)
def test_answers_that_have_no_log_say_so(llm: Any, more: dict[str, Any], reason: str) -> None:
    settings = SamplingParams(temperature=0, max_tokens=5, **more)
    outputs = llm.generate(prompts(1, [5]), settings, use_tqdm=False)
    ((answer,),) = proving.proofs(llm, outputs)
    assert answer.proofs
    assert answer.head is None
    assert reason in answer.without["audit"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"dtype": "bfloat16"}, "no audit with --dtype bfloat16"),
        ({"enforce_eager": False}, "use --enforce-eager"),
        ({"enable_prefix_caching": True}, "use --no-enable-prefix-caching"),
        ({"tensor_parallel_size": 2, "distributed_executor_backend": "mp"}, "tensor parallel"),
        ({"enable_lora": True}, "LoRA"),
        (
            {"speculative_config": {"method": "ngram", "num_speculative_tokens": 2,
              "prompt_lookup_max": 2}},
            "speculative decoding",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_by_name(folder: Path, options: dict[str, Any], reason: str) -> None:
    from vllm.engine.arg_utils import EngineArgs

    from assay.vllm import plugin

    plugin.register()
    given: dict[str, Any] = {
        "dtype": "float32", "enforce_eager": True, "enable_prefix_caching": False,
        "max_model_len": 64, **options,
    }  # fmt: skip
    for settings, refused in ({}, False), ({"audit": str(folder.parent / "logs")}, True):
        args = EngineArgs(str(folder), additional_config={"assay": settings}, **given)
        if not refused:
            args.create_engine_config()
            continue
        with pytest.raises(InputError, match=reason) as caught:
            args.create_engine_config()
        assert caught.value.code == "unsupported"


def test_every_refusal_is_of_a_setting_that_there_is(llm: Any) -> None:
    known.require_auditable(llm.llm_engine.vllm_config)
    assert {one.path for one in known._NOT_AUDITED} >= {"quant_config", "lora_config"}
