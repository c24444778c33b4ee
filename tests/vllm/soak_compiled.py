"""Proofs and commitments from a model that is compiled, beside what transformers computes.

No part of `make vllm-test`, for compiling takes minutes: `make vllm-soak` runs it.
"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from vllm import SamplingParams

import tiny_engines
from assay import models, toploc
from assay import vllm as proving
from tiny_engines import CHUNK, K, Recorder, noted, prompts, runner_of

# Of a row in float32, relative to its length: both engines round sums of a few hundred terms.
NEAR = 1e-5


def test_rows_of_a_compiled_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CACHE_ROOT", str(tmp_path / "cache"))
    folder = tiny_engines.small_model(tmp_path)
    asked = tiny_engines.with_layers(tmp_path, 48, fingerprint=True)
    llm = tiny_engines.engine(
        folder, assay=asked, dtype="float32", enforce_eager=False, max_num_seqs=8,
        max_num_batched_tokens=32, enable_prefix_caching=True,
    )  # fmt: skip
    mode = llm.llm_engine.vllm_config.compilation_config.mode
    assert int(mode) > 0, mode
    settings = [SamplingParams(temperature=i % 2, max_tokens=7 * i + 6) for i in range(7)]
    with Recorder(runner_of(llm)) as recorder:
        outputs = llm.generate(prompts(7, [50, 3, 9]), settings, use_tqdm=False)
    names = noted(llm)
    verifier = models.load(str(folder), models.Engine("float32", "sdpa", "cpu")).model
    for output, (answer,) in zip(outputs, proving.proofs(llm, outputs), strict=True):
        prompt, tokens = output.prompt_token_ids, output.outputs[0].token_ids
        rows = recorder.of(names[output.request_id, 0], len(prompt), len(tokens))
        assert answer.without == {}
        assert answer.proofs == toploc.build(rows, chunk=CHUNK, k=K, rounded=True)
        tiny_engines.check_fingerprint(answer, rows)
        own = tiny_engines.captured(verifier, answer.signature)
        kept = load(answer.rows)
        assert own.keys() == kept.keys()
        for name, given in own.items():
            apart = (kept[name] - given).norm(dim=-1) / given.norm(dim=-1)
            assert apart.max() < NEAR, name
        assert torch.equal(kept["layer_1"][0], rows)
