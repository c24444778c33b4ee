"""500 answers of a real model under all that moves requests, judged by measured profiles.

No part of `make vllm-test`, for it takes tens of minutes, and hours on processors that compute
bfloat16 slowly: `make vllm-soak` runs it.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tiny_engines
from assay import models, toploc
from assay import vllm as proving
from tiny_engines import Recorder, noted, runner_of

PROFILES = Path(__file__).parents[2] / "vectors/toploc"
# By the dtype of provider and verifier.
KEPT = {"float32": "smollm2_vllm_float32.profile", "bfloat16": "smollm2_vllm.profile"}
SHAPE = toploc.Shape()
# Few blocks, so that requests are preempted; few tokens in a pass, so that prompts come in pieces.
BLOCKS = 80
IN_A_PASS = 64
TOGETHER = 32
REQUESTS = 500
# Proofs are asked for before the worker, which holds some megabytes, lets answers go.
PARTS = [slice(start, start + 100) for start in range(0, REQUESTS, 100)]
BEFORE_ALL = "Somebody who knows the world well was asked, and answered in plain words.\n"


def asked(tokenizer: Any) -> list[dict[str, list[int]]]:
    """Texts that no profile was measured with; every third begins as the others do."""
    one, other = models.made_prompts(200), models.made_prompts(200)[::-1]
    texts = [f"{one[i % 200]}\n{other[(i + i // 200) % 200]}" for i in range(REQUESTS)]
    begun = [BEFORE_ALL * 3 + text if i % 3 == 0 else text for i, text in enumerate(texts)]
    encoded = models.encode_prompts(tokenizer, begun, 128)
    assert len(set(map(tuple, encoded))) == REQUESTS
    return [{"prompt_token_ids": ids} for ids in encoded]


def wanted() -> list[Any]:
    """How each of them is to be answered: every other one is sampled."""
    from vllm import SamplingParams

    return [
        SamplingParams(temperature=float(i % 2), max_tokens=32 + (13 * i) % 33, ignore_eos=True)
        for i in range(REQUESTS)
    ]


def engine(folder: Path, dtype: str, assay: dict[str, Any] | None) -> Any:
    return tiny_engines.engine(
        folder, assay=assay, dtype=dtype, max_num_seqs=TOGETHER, max_num_batched_tokens=IN_A_PASS,
        num_gpu_blocks_override=BLOCKS, block_size=32, enable_prefix_caching=True,
        max_model_len=512,
    )  # fmt: skip


def plain_answers(folder: Path, dtype: str, questions: list[Any]) -> list[list[int]]:
    """The tokens of an engine that does not even load the plugin; for a process of its own."""
    os.environ["VLLM_PLUGINS"] = ""
    llm, settings = engine(folder, dtype, None), wanted()
    made = [
        one
        for part in PARTS
        for one in llm.generate(questions[part], settings[part], use_tqdm=False)
    ]
    return [list(one.outputs[0].token_ids) for one in made]


def preempting(llm: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    preempt, seen = scheduler._preempt_request, []

    def note(request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(request.request_id)
        return preempt(request, *args, **kwargs)

    monkeypatch.setattr(scheduler, "_preempt_request", note)
    return seen


@pytest.mark.parametrize("dtype", KEPT)
def test_500_requests_under_a_measured_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    model, tokenizer, _ = models.load("smollm2", models.Engine(dtype, "sdpa", "cpu"))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    questions, settings = asked(tokenizer), wanted()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        plain = alone.submit(plain_answers, tmp_path, dtype, questions)
        llm = engine(tmp_path, dtype, {})
        preempted = preempting(llm, monkeypatch)
        outputs, found, names = [], [], {}
        with Recorder(runner_of(llm)) as recorder:
            for part in PARTS:
                made = llm.generate(questions[part], settings[part], use_tqdm=False)
                names |= noted(llm)
                found += [one for (one,) in proving.proofs(llm, made)]
                outputs += made
    assert preempted
    assert max(recorder.batches) == TOGETHER
    assert any(one.missing_prompt_rows > 0 for one in found)
    assert max(len(one["prompt_token_ids"]) for one in questions) > IN_A_PASS

    bounds = toploc.Profile.load(str(PROFILES / KEPT[dtype]))
    verdicts: dict[str, int] = {}
    pairs = [(list(one.prompt_token_ids), list(one.outputs[0].token_ids)) for one in outputs]
    # The scheduler's plan follows from the requests alone, so that batches are the same, and what
    # is sampled follows from the engine's seed.
    assert [tokens for _, tokens in pairs] == plain.result()
    states = [
        own
        for start in range(0, REQUESTS, 8)
        for own in toploc.recompute_together(model, pairs[start : start + 8])
    ]
    for output, (prompt, tokens), own, answer in zip(outputs, pairs, states, found, strict=True):
        assert answer.signature is not None, answer.reason
        assert answer.signature.output_token_ids == tokens
        rows = recorder.of(names[output.request_id, 0], len(prompt), len(tokens))
        assert answer.proofs == toploc.build(rows, chunk=SHAPE.chunk, k=SHAPE.k, rounded=True)
        verdict = toploc.verify(own, answer.proofs, bounds, rounded=True)
        word = verdict.outcome if verdict else f"{verdict.outcome} at {verdict.step}"
        verdicts[word] = verdicts.get(word, 0) + 1
    cached = sum(one.missing_prompt_rows > 0 for one in found)
    print(f"{dtype}: {len(preempted)} preempted, {cached} with tokens from the cache; {verdicts}")
    assert verdicts == {"accepted": REQUESTS}
