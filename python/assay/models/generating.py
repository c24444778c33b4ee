"""Generate tokens with a model in the one way that observers can follow."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoConfig, GenerationConfig, PreTrainedModel
from transformers.generation.streamers import BaseStreamer

from ..errors import InputError, ModelError, one_line
from ..progress import OnProgress, Progress, ignore
from ..stopping import obey
from .layout import Layout, device_of
from .observing import observe
from .rows import Observer
from .running import upto_end
from .sources import ModelSource

Settings = dict[str, bool | int | float]


class Answer(NamedTuple):
    """A sequence: what was given, and what was produced up to and with the token that ended it."""

    prompt: list[int]
    output: list[int]


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    settings: Settings,
    *,
    observers: Sequence[Observer] = (),
    layout: Layout | None = None,
    report: OnProgress = ignore,
) -> list[Answer]:
    """Continue `prompts`, all in one batch, each with one sequence and a growing cache.

    Args:
        model: In evaluation mode.
        prompts: Token ids, at least one in each; the shorter ones are padded on the left.
        settings: From `settings_for`.
        observers: See the passes that produce the tokens.
        layout: Of the model, if it is known and they need it.
        report: Told of each token.

    Raises:
        InputError: A prompt without tokens ("out_of_range"); or as `observe`.
    """
    for index, prompt in enumerate(prompts):
        if len(prompt) == 0:
            raise InputError("out_of_range", f"prompt {index}", "no tokens; at least one is needed")
    padding = _padding(model)
    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), padding, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.as_tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    with observe(model, *observers, layout=layout):
        # A model may ship settings of its own; whatever would change the number of rows, run
        # several sequences or go around the observers is set here.
        generator: Any = model
        tokens: Tensor = generator.generate(
            ids.to(device_of(model)),
            attention_mask=mask.to(device_of(model)),
            **{"temperature": None, "top_k": None, "top_p": None, **settings},
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
            pad_token_id=padding,
            streamer=_TokenCounter(report, int(settings["max_new_tokens"])),
        )
    produced = tokens[:, longest:].tolist()
    ends = ends_of(model)
    return [
        Answer(list(prompt), upto_end(output, ends))
        for prompt, output in zip(prompts, produced, strict=True)
    ]


class _TokenCounter(BaseStreamer):
    """Reports each new token; the first thing it is handed is the prompt."""

    def __init__(self, report: OnProgress, total: int) -> None:
        self._report = report
        self._total = total
        self._done = -1

    def put(self, value: Tensor) -> None:
        obey()
        self._done += 1
        self._report(Progress("generate", self._done, self._total))

    def end(self) -> None:
        pass


def settings_for(
    model: PreTrainedModel,
    max_new_tokens: int,
    do_sample: bool = False,
    temperature: float = 1.0,
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


def ends_of(model: PreTrainedModel) -> list[int]:
    """The ids that end a text, each by itself."""
    return _ends(model.generation_config)


def stored_ends(source: ModelSource, *, trust_remote_code: bool = False) -> list[int]:
    """The same of a model that another engine runs.

    Raises:
        ModelError: Its configuration could not be read ("io").
    """
    try:
        own = GenerationConfig.from_pretrained(source.location)
    except OSError:  # there is none: transformers makes one of the model's
        try:
            config = AutoConfig.from_pretrained(
                source.location, trust_remote_code=trust_remote_code
            )
        except (OSError, ValueError) as error:
            raise ModelError("io", f"model {source.name}", one_line(error)) from error
        own = GenerationConfig.from_model_config(config)
    return _ends(own)


def _ends(settings: GenerationConfig) -> list[int]:
    ends = settings.eos_token_id
    return [] if ends is None else torch.as_tensor(ends).reshape(-1).tolist()


def _padding(model: PreTrainedModel) -> int:
    own = model.generation_config.pad_token_id
    return next((token for token in (own, *ends_of(model)) if isinstance(token, int)), 0)
