"""Run a model on prompts, take the most likely tokens, and keep their proofs."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from ..errors import InputError
from ..hidden_states.errors import one_line
from ..hidden_states.loading import load
from ..hidden_states.quiet import quiet
from ..hidden_states.sources import resolve
from .chunks import Shape
from .engines import ATTENTION, Engine
from .recomputing import require_positions
from .watching import Produced, watch

OnCount = Callable[[int, int], None]


def load_model(name: str, engine: Engine) -> tuple[PreTrainedModel, Any]:
    """A model of this name and its tokenizer.

    Raises:
        CaptureError: There is no such model, or it cannot be loaded so.
        InputError: This machine does not have the attention kernel ("unsupported").
    """
    loaded = load(resolve(name), device=engine.device, dtype=engine.dtype, verbose=False)
    set_attention(loaded.model, engine.attention)
    return loaded.model, loaded.tokenizer


def set_attention(model: PreTrainedModel, attention: str) -> None:
    """Let the model compute attention by this kernel: "sdpa", "eager", ..

    Raises:
        InputError: This machine does not have it ("unsupported").
    """
    try:
        with quiet(True):
            model.set_attn_implementation(ATTENTION[attention])
    except (ImportError, ValueError, RuntimeError) as error:
        raise InputError("unsupported", f"attention {attention}", one_line(error, 160)) from error


def encode_prompts(tokenizer: Any, prompts: Sequence[str], most_tokens: int) -> list[list[int]]:
    """The token ids of texts, each taken as it is and cut after `most_tokens`.

    Raises:
        InputError: A text without tokens.
    """
    encoded = [list(tokenizer(prompt)["input_ids"])[:most_tokens] for prompt in prompts]
    for index, ids in enumerate(encoded):
        if not ids:
            raise InputError("out_of_range", f"prompt {index}", "has no tokens; give a word")
    return encoded


def produce(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    min_new_tokens: int = 0,
    batch: int = 1,
    shape: Shape | None = None,
    keep_states: bool = False,
    on_count: OnCount = lambda done, total: None,
) -> list[Produced]:
    """Continue each prompt and make its proofs from the passes that produce the tokens.

    Args:
        model: States of a model that is not in bfloat16 are rounded to it.
        prompts: Token ids.
        max_new_tokens: At most for each prompt.
        min_new_tokens: No end-of-text token is taken before there are so many.
        batch: Prompts that run together, the shorter ones padded on the left.
        shape: What the proofs cover.
        keep_states: Keep the states too.
        on_count: Told how many prompts of how many are done.

    Raises:
        InputError: No tokens to produce ("out_of_range"), or more than the model has positions for,
            prompt included ("too_large").
    """
    if max_new_tokens < 1:
        raise InputError("out_of_range", "max_new_tokens", f"is {max_new_tokens}; give 1 or more")
    for prompt in prompts:
        require_positions(model, len(prompt) + max_new_tokens)
    form = shape or Shape()
    padding = _padding(model)
    options: dict[str, Any] = dict.fromkeys(("temperature", "top_p", "top_k"))
    options["do_sample"] = False
    if min_new_tokens > 0:
        options["min_new_tokens"] = min_new_tokens
    produced: list[Produced] = []
    for start in range(0, len(prompts), batch):
        listed = prompts[start : start + batch]
        longest = max(map(len, listed))
        ids = torch.full((len(listed), longest), padding)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(listed):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        with (
            quiet(True),
            watch(
                model,
                chunk=form.chunk,
                k=form.k,
                merge_short_tails=form.merge_short_tails,
                rounded=True,
                keep_states=keep_states,
            ) as watched,
        ):
            generate: Any = model.generate
            generate(
                ids.to(model.device),
                attention_mask=mask.to(model.device),
                max_new_tokens=max_new_tokens,
                max_length=None,
                num_beams=1,
                pad_token_id=padding,
                **options,
            )
        produced += watched.sequences
        on_count(len(produced), len(prompts))
    return produced


def _padding(model: PreTrainedModel) -> int:
    own = model.generation_config
    ends = own.eos_token_id
    first = ends[0] if isinstance(ends, list) and ends else ends
    for token in (own.pad_token_id, first):
        if isinstance(token, int):
            return token
    return 0
