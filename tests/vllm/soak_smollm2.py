"""500 answers of a real model under all that moves requests, judged by a measured profile.

No part of `make vllm-test`, for it takes minutes: `make vllm-soak` runs it.
"""

from pathlib import Path
from typing import Any

import pytest

import tiny_engines
from assay import models, toploc
from assay import vllm as proving
from tiny_engines import Recorder, noted, runner_of

PROFILE = Path(__file__).parents[2] / "vectors/toploc/smollm2_vllm.profile"
SHAPE = toploc.Shape()
# Few blocks, so that requests are preempted; few tokens in a pass, so that prompts come in pieces.
BLOCKS = 80
IN_A_PASS = 64
TOGETHER = 32
REQUESTS = 500
BEFORE_ALL = "Somebody who knows the world well was asked, and answered in plain words.\n"


def asked(tokenizer: Any) -> list[dict[str, list[int]]]:
    """Texts that no profile was measured with; every third begins as the others do."""
    one, other = models.made_prompts(200), models.made_prompts(200)[::-1]
    texts = [f"{one[i % 200]}\n{other[(i + i // 200) % 200]}" for i in range(REQUESTS)]
    begun = [BEFORE_ALL * 3 + text if i % 3 == 0 else text for i, text in enumerate(texts)]
    encoded = models.encode_prompts(tokenizer, begun, 128)
    assert len(set(map(tuple, encoded))) == REQUESTS
    return [{"prompt_token_ids": ids} for ids in encoded]


def preempting(llm: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    preempt, seen = scheduler._preempt_request, []

    def note(request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(request.request_id)
        return preempt(request, *args, **kwargs)

    monkeypatch.setattr(scheduler, "_preempt_request", note)
    return seen


def test_500_requests_under_a_measured_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm import SamplingParams

    model, tokenizer, _ = models.load("smollm2", models.Engine("bfloat16", "sdpa", "cpu"))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    llm = tiny_engines.engine(
        tmp_path, assay={}, max_num_seqs=TOGETHER, max_num_batched_tokens=IN_A_PASS,
        num_gpu_blocks_override=BLOCKS, block_size=32, enable_prefix_caching=True,
        max_model_len=512,
    )  # fmt: skip
    preempted = preempting(llm, monkeypatch)
    questions = asked(tokenizer)
    settings = [
        SamplingParams(temperature=float(i % 2), max_tokens=32 + (13 * i) % 33, ignore_eos=True)
        for i in range(REQUESTS)
    ]
    outputs, found, names = [], [], {}
    with Recorder(runner_of(llm)) as recorder:
        # Proofs are asked for before the worker, which holds some megabytes, lets answers go.
        for half in (slice(0, REQUESTS // 2), slice(REQUESTS // 2, None)):
            made = llm.generate(questions[half], settings[half], use_tqdm=False)
            names |= noted(llm)
            found += [one for (one,) in proving.proofs(llm, made)]
            outputs += made
    assert preempted
    assert max(recorder.batches) == TOGETHER
    assert any(one.missing_prompt_rows > 0 for one in found)
    assert max(len(one["prompt_token_ids"]) for one in questions) > IN_A_PASS

    bounds = toploc.Profile.load(str(PROFILE))
    verdicts: dict[str, int] = {}
    pairs = [(list(one.prompt_token_ids), list(one.outputs[0].token_ids)) for one in outputs]
    states = [
        own
        for start in range(0, REQUESTS, 8)
        for own in toploc.recompute_together(model, pairs[start : start + 8])
    ]
    for output, (prompt, tokens), own, answer in zip(outputs, pairs, states, found, strict=True):
        assert answer.signature is not None, answer.reason
        assert answer.signature.output_token_ids == tokens
        rows = recorder.of(names[output.request_id, 0], len(prompt), len(tokens))
        assert answer.proofs == toploc.build(rows, chunk=SHAPE.chunk, k=SHAPE.k)
        verdict = toploc.verify(own, answer.proofs, bounds)
        word = verdict.outcome if verdict else f"{verdict.outcome} at {verdict.step}"
        verdicts[word] = verdicts.get(word, 0) + 1
    print(
        f"{len(preempted)} preempted, {sum(one.missing_prompt_rows > 0 for one in found)} with "
        f"tokens from the cache; {verdicts}"
    )
    assert verdicts == {"accepted": REQUESTS}
