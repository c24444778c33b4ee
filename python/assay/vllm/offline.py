"""Proofs beside the outputs of `vllm.LLM`."""

import time
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..stopping import obey
from . import seams
from .answers import Answer, answer_of, without_proofs
from .fronts import notes_of
from .settings import settings_from

_GLANCE_S = 0.005


def proofs(llm: Any, outputs: Sequence[Any]) -> list[list[Answer]]:
    """The answers of `llm.generate` or `llm.chat` with their proofs.

    Args:
        llm: A `vllm.LLM` that was made with `additional_config={"assay": {}}`.
        outputs: What it returned, or some of that. Proofs of an answer are given once.

    Returns:
        For each output one `Answer` for each of its completions, in their order.

    Raises:
        InputError: The engine makes no proofs ("mismatch").
    """
    engine = llm.llm_engine
    given = seams.settings_of(engine.vllm_config)
    if given is None:
        reason = 'makes no proofs; make it with additional_config={"assay": {}}'
        raise InputError("mismatch", "vllm.LLM", reason)
    settings = settings_from(given)
    notes = notes_of(engine.output_processor)
    status = _first(llm.collective_rpc("assay_status"))
    if status is None:
        raise InputError("mismatch", "vllm.LLM", "none of its workers has rows")
    answers = []
    for output in outputs:
        listed = []
        for completion in output.outputs:
            tokens = list(completion.token_ids)
            noted = None
            if notes is not None:
                noted = notes.take(output.request_id, completion.index, tokens)
            if noted is None:
                reason = "no such answer is known, or its proofs were given before"
                listed.append(Answer(completion.index, None, reason))
                continue
            found = _taken(llm, noted.name, tokens)
            listed.append(
                without_proofs(noted, "no worker has rows of it")
                if found is None
                else answer_of(noted, found, settings, status)
            )
        answers.append(listed)
    return answers


def _taken(llm: Any, name: str, tokens: list[int]) -> dict[str, Any] | None:
    """What the worker with rows has of an answer, once all of it is there."""
    found = _first(llm.collective_rpc("assay_take", args=(name, tokens)))
    while found is not None and found.pop("pending", False):
        obey()
        more = _first(llm.collective_rpc("assay_rest", args=(name,))) or {}
        found.update(more)
        if "pending" in more:
            time.sleep(_GLANCE_S)
    return found


def _first(results: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    return next((dict(one) for one in results if one is not None), None)
