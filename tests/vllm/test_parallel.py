"""A model that is spread over two processes: one of them has the rows, and there is one answer."""

import os
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load

os.environ["VLLM_CPU_OMP_THREADS_BIND"] = "|".join(map(str, sorted(os.sched_getaffinity(0))[:2]))

import tiny_engines
from assay import models, toploc
from assay import vllm as proving
from tiny_engines import BOUNDS, CHUNK, K, prompts


def test_two_processes(tmp_path: Path) -> None:
    from vllm import SamplingParams

    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two processes need two processors")
    folder = tiny_engines.small_model(tmp_path)
    llm: Any = tiny_engines.engine(
        folder,
        assay=tiny_engines.with_layers(tmp_path, 48, fingerprint=True),
        distributed_executor_backend="mp",
        max_num_seqs=8,
        tensor_parallel_size=2,
    )
    asked = prompts(8, [10, 40])
    outputs = llm.generate(asked, SamplingParams(temperature=0, max_tokens=40), use_tqdm=False)
    bfloat16 = models.Engine("bfloat16", "sdpa", "cpu")
    verifier = models.load(str(folder), bfloat16).model
    other = models.load(str(tiny_engines.small_model(tmp_path, "other", seed=2)), bfloat16).model
    for output, (answer,) in zip(outputs, proving.proofs(llm, outputs), strict=True):
        assert answer.reason == ""
        signature = answer.signature
        assert signature.output_token_ids == list(output.outputs[0].token_ids)
        own = toploc.recompute(verifier, signature.prompt_token_ids, signature.output_token_ids)
        assert toploc.verify(own, signature.proofs, BOUNDS, chunk=CHUNK, k=K)
        seed = answer.fingerprint_seed
        assert toploc.fingerprint.verify(answer.fingerprint, own, seed, BOUNDS)
        foreign = toploc.recompute(other, signature.prompt_token_ids, signature.output_token_ids)
        judged = toploc.fingerprint.verify(answer.fingerprint, foreign, seed, BOUNDS)
        assert (judged.outcome, judged.step) == ("rejected", "distance")
        # The last layer's rows are those that the head is given.
        kept = load(answer.rows)["layer_1"][0]
        assert toploc.build(kept, chunk=CHUNK, k=K) == answer.proofs
        assert answer.commitment.header.axes[1] == 48
    (only,) = (one for one in llm.collective_rpc("assay_status") if one is not None)
    assert only["counts"]["proved"] == 8
