"""Signatures as texts, and honest ones under other parameters."""

import json
from pathlib import Path
from typing import Any

import torch

from assay import _core, toploc
from assay.models import Engine, load
from assay.toploc import Signature
from assay.toploc.chunks import Parameters


def written(fields: dict[str, Any]) -> str:
    """The text of a signature's fields."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def replaced(path: Path, **changes: Any) -> None:
    """Write other fields to a signature."""
    path.write_text(written({**json.loads(path.read_text()), **changes}))


def honest(path: Path, parameters: Parameters) -> Signature:
    """The same answer with proofs under other parameters."""
    signature = Signature.read(str(path))
    fed = [*signature.prompt_token_ids, *signature.output_token_ids]
    first, _ = parameters.rows_of_answer(len(signature.prompt_token_ids), 40)
    states = toploc.recompute(load("one", Engine())[0], fed[: first + 1], fed[first + 1 :])
    bits = states.view(torch.int16).numpy().view("uint16")
    lengths = parameters.chunk_lengths(*bits.shape)
    proofs = _core.toploc_build(
        bits.reshape(-1), lengths, parameters.topk, parameters.lower_index_first
    )
    return Signature(
        prompt=signature.prompt, prompt_token_ids=signature.prompt_token_ids,
        output_token_ids=signature.output_token_ids, parameters=parameters, proofs=proofs,
    )  # fmt: skip


def behind(signature: Signature) -> torch.Tensor:
    """(answer, vocabulary): how much less likely a token is than the likeliest, at each place.

    In standard deviations of the scores. A random model has near ties, and which token wins one
    changes from processor to processor: a test that needs an unlikely token looks for it here.
    """
    model = load("one", Engine())[0]
    states = toploc.recompute(model, signature.prompt_token_ids, signature.output_token_ids)
    head: torch.nn.Module = model.get_output_embeddings()
    with torch.no_grad():
        scores = head(states).double()
    return (scores.amax(1, keepdim=True) - scores) / scores.std(1, correction=0, keepdim=True)


OTHER_PARAMETERS = {
    "topk": ({"topk": 64}, "topk is 64, 128 was asked for"),
    "batching": ({"decode_batching_size": 64}, "decode_batching_size is 64, 32 was asked for"),
    "prompt": ({"prefill_rows": 5}, "prefill_rows is 5, 0 was asked for"),
    "tail": ({"merge_tail_below": 8}, "merge_tail_below is 8, 0 was asked for"),
}


VALIDATE = (
    "validate --decode_model_name one --n_samples 3 --max_decode_tokens 40 "
    "--dataset_name prompts.txt "
)
