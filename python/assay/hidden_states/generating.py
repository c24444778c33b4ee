"""Generate tokens with a model in the one way that a capture can follow."""

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.generation.streamers import BaseStreamer

from .progress import OnProgress, Progress

Settings = dict[str, bool | int | float]


def generate(model: PreTrainedModel, ids: Tensor, settings: Settings, report: OnProgress) -> Tensor:
    """Continue `ids` (shape (1, n)) with one sequence and a growing cache.

    Returns:
        Prompt and continuation, int64, shape (1, tokens), on the CPU.
    """
    own = model.generation_config
    pad = own.pad_token_id
    if pad is None:
        end = own.eos_token_id
        pad = end[0] if isinstance(end, list) else end
    # A model may ship settings of its own; whatever would change the number of rows, run several
    # sequences or go around the hooks is set here.
    generator: Any = model
    sequence: Tensor = generator.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        **settings,
        max_length=None,
        num_beams=1,
        num_return_sequences=1,
        use_cache=True,
        cache_implementation="dynamic",
        prefill_chunk_size=None,
        prompt_lookup_num_tokens=None,
        disable_compile=True,
        return_dict_in_generate=False,
        output_hidden_states=False,
        output_attentions=False,
        pad_token_id=0 if pad is None else pad,
        streamer=_TokenCounter(report, int(settings["max_new_tokens"])),
    )
    return sequence.to("cpu", torch.int64)


class _TokenCounter(BaseStreamer):
    """Reports each new token; the first thing it is handed is the prompt."""

    def __init__(self, report: OnProgress, total: int) -> None:
        self._report = report
        self._total = total
        self._done = -1

    def put(self, value: Tensor) -> None:
        self._done += 1
        self._report(Progress("generate", self._done, self._total))

    def end(self) -> None:
        pass


def settings_for(
    model: PreTrainedModel,
    max_new_tokens: int,
    do_sample: bool,
    temperature: float,
    min_new_tokens: int = 0,
) -> Settings:
    """What the tokens are chosen by; what is not given here is the model's own or the default."""
    own = model.generation_config
    settings: Settings = {
        "max_new_tokens": max_new_tokens,
        "do_sample": do_sample,
        "repetition_penalty": _first(own.repetition_penalty, 1.0),
    }
    if min_new_tokens > 0:
        settings["min_new_tokens"] = min_new_tokens
    if do_sample:
        settings["temperature"] = temperature
        settings["top_k"] = _first(own.top_k, 50)
        settings["top_p"] = _first(own.top_p, 1.0)
    return settings


def _first(value: Any, otherwise: float) -> float:
    return otherwise if value is None else value
