"""The rows of whole texts that vLLM is given as prompts; loaded in its workers' processes.

An engine that recomputes makes no proofs, so that nothing else follows its passes. It is fed each
text once, asks for one token, and has no prefix cache: each position has a row. Which rows are
whose the scheduler's plan says, and the rows that the sampler is given show that it was read right.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import one_line
from . import known, seams

EXTENSION = "assay.vllm.prompt_rows.Extension"


class Extension:
    """Methods that vLLM gives to its workers, to be called by name from the front."""

    def assay_rows_of(self, tokens: Sequence[int], first: int) -> dict[str, Any] | None:
        """The rows of a text from position `first` on, or why there are none; None: not here.

        They are given once, as bytes in C order, with their width and the name of their dtype.
        """
        rows = _ROWS.get(id(self))
        return None if rows is None else rows.take(list(tokens), first)


@dataclass
class _Text:
    """A text that the engine is fed.

    Attributes:
        tokens: All of it.
        until: Positions whose rows were seen, from the first.
        rows: These, (tokens, width).
    """

    tokens: list[int]
    until: int = 0
    rows: Tensor | None = None


@dataclass
class PromptRows:
    """The rows of all texts that a worker was fed and nobody asked for yet.

    Attributes:
        texts: By the engine's own names of the requests.
        reason: Why no rows can be trusted, or "".
    """

    texts: dict[str, _Text] = field(default_factory=dict)
    reason: str = ""

    def add(self, scheduled: Any, names: Sequence[str], rows: Tensor, sampled: Tensor) -> None:
        """Take the rows of a pass.

        Args:
            scheduled: The scheduler's plan.
            names: Of the requests, in the order of their rows.
            rows: (at least the tokens of the pass, width); what is behind them is padding.
            sampled: Those that tokens are chosen from: the last of each request.
        """
        before: dict[str, int] = {}
        for new in scheduled.scheduled_new_reqs:
            self.texts[new.req_id] = _Text(list(new.prompt_token_ids or ()))
            before[new.req_id] = new.num_computed_tokens
        cached = scheduled.scheduled_cached_reqs
        before.update(zip(cached.req_ids, cached.num_computed_tokens, strict=True))
        fed: Mapping[str, int] = scheduled.num_scheduled_tokens
        if set(names) != set(fed) or len(names) != len(fed) or len(sampled) != len(names):
            raise known.refused(f"a pass over {len(fed)} requests gave {len(sampled)} rows")
        start = 0
        for index, name in enumerate(names):
            stop = start + fed[name]
            if stop > len(rows) or not _same_bits(rows[stop - 1], sampled[index]):
                raise known.refused("the rows of a pass are in another order than its requests")
            self._keep(self.texts[name], before[name], rows[start:stop])
            start = stop

    def take(self, tokens: list[int], first: int) -> dict[str, Any]:
        """As `Extension.assay_rows_of`."""
        name = next((name for name, one in self.texts.items() if one.tokens == tokens), None)
        text = None if name is None else self.texts.pop(name)
        if self.reason or text is None or text.rows is None or text.until < len(tokens):
            return {"reason": self.reason or "the engine was not fed all of this text"}
        rows = text.rows[first:]
        return {
            "rows": rows.contiguous().view(torch.uint8).numpy().tobytes(),
            "width": rows.shape[1],
            "dtype": str(rows.dtype).removeprefix("torch."),
        }

    @staticmethod
    def _keep(text: _Text, position: int, rows: Tensor) -> None:
        # Whoever was preempted begins anew.
        count = min(len(rows), len(text.tokens) - position)
        if count <= 0:
            return
        if position > text.until:
            raise known.refused(f"the rows before position {position} were not seen")
        if text.rows is None:
            text.rows = torch.empty((len(text.tokens), rows.shape[1]), dtype=rows.dtype)
        text.rows[position : position + count] = rows[:count].to("cpu")
        text.until = position + count


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.view(torch.uint8), other.view(torch.uint8))


# By identity of the worker, as those that make proofs.
_ROWS: dict[int, PromptRows] = {}


def _loaded(worker: Any) -> None:
    """Follow a worker that has its model; what is wrong stops the engine."""
    if worker.vllm_config.parallel_config.worker_extension_cls != EXTENSION:
        return
    known.check()
    known.require_supported(worker.vllm_config)
    if seams.has_rows(worker):
        seams.require_known_head(worker)
        rows = PromptRows()
        _follow(worker.model_runner, rows)
        _ROWS[id(worker)] = rows


def _follow(runner: Any, told: PromptRows) -> None:
    sample = runner.sample_tokens

    @functools.wraps(sample)
    def sample_tokens(grammar_output: Any) -> Any:
        state = runner.execute_model_state
        output = sample(grammar_output)
        if state is not None:
            try:
                told.add(
                    state.scheduler_output, output.req_ids, state.hidden_states,
                    state.sample_hidden_states,
                )  # fmt: skip
            except Exception as error:
                told.reason = f"a pass could not be followed: {one_line(error)}"
        return output

    runner.sample_tokens = sample_tokens


# vLLM loads this module once in a process, and has no other place for what is to be done then.
seams.on_loaded_worker(_loaded)
