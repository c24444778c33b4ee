"""With speculative decoding the rows are those of accepted tokens, and of no refused draft."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm import SamplingParams

import tiny_engines
from assay import vllm as proving
from assay.vllm import seams
from tiny_engines import (
    Recorder,
    check_fingerprint,
    check_layers,
    expected,
    noted,
    prompts,
    runner_of,
)

DRAFTS = {
    "method": "ngram",
    "num_speculative_tokens": 4,
    "prompt_lookup_max": 3,
    "prompt_lookup_min": 1,
}


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tiny_engines.small_model(tmp_path_factory.mktemp("models"))
    return tiny_engines.engine(
        folder,
        assay=tiny_engines.with_layers(folder.parent, 64, fingerprint=True),
        speculative_config=DRAFTS,
        max_num_seqs=16,
        max_num_batched_tokens=64,
        num_gpu_blocks_override=30,
        block_size=32,
        enable_prefix_caching=True,
    )


def test_drafts_of_two_passes_can_be_taken_back(llm: Any) -> None:
    config = llm.llm_engine.vllm_config
    assert seams.settled_tokens(config) == 20
    assert seams.settled_tokens(SimpleNamespace(speculative_config=None)) == 4


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_rows_of_accepted_tokens_alone(llm: Any, temperature: float) -> None:
    asked = prompts(40, [4, 30, 70], seed=2)
    for one in asked[::2]:  # such as repeat themselves, so that drafts are good
        one["prompt_token_ids"] = one["prompt_token_ids"][:4] * 8
    settings = [
        SamplingParams(temperature=temperature, max_tokens=10 + i, stop=["w5 w"] * (i % 2))
        for i in range(len(asked))
    ]
    with Recorder(runner_of(llm), blocks=True) as recorder:
        outputs = llm.generate(asked, settings, use_tqdm=False)
    names = noted(llm)
    tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
    assert recorder.drafted > 50
    # Some drafts were accepted: there were fewer rows than one for each token and draft.
    assert len(recorder.rows) < tokens + recorder.drafted
    for output, (answer,) in zip(outputs, proving.proofs(llm, outputs), strict=True):
        assert answer.reason == ""
        made = list(output.outputs[0].token_ids)
        assert answer.signature.output_token_ids == made
        place = names[output.request_id, 0], len(output.prompt_token_ids), len(made)
        assert answer.proofs == expected(recorder.of(*place))
        check_fingerprint(answer, recorder.of(*place))
        check_layers(answer, recorder.layers_of(*place), None)
