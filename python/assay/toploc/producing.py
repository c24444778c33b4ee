"""Run a model on prompts, take the most likely tokens, and keep their proofs."""

from collections.abc import Sequence

from transformers import PreTrainedModel

from ..errors import InputError
from ..models import generate, quiet, require_positions, settings_for
from .chunks import Shape
from .watching import Produced, Prover

MOST_PROMPT_TOKENS = 1024
"""Of what the commands read as a prompt; what is behind them is left out."""


def produce(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    min_new_tokens: int = 0,
    batch: int = 1,
    shape: Shape | None = None,
    keep_states: bool = False,
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

    Raises:
        InputError: No tokens to produce ("out_of_range"), or more than the model has positions for,
            prompt included ("too_large").
    """
    if max_new_tokens < 1:
        raise InputError("out_of_range", "max_new_tokens", f"is {max_new_tokens}; give 1 or more")
    for prompt in prompts:
        require_positions(model, len(prompt) + max_new_tokens)
    form = shape or Shape()
    prover = Prover(
        chunk=form.chunk,
        k=form.k,
        merge_short_tails=form.merge_short_tails,
        rounded=True,
        keep_states=keep_states,
    )
    settings = settings_for(model, max_new_tokens, min_new_tokens=min_new_tokens)
    for start in range(0, len(prompts), batch):
        with quiet(True):
            generate(model, prompts[start : start + batch], settings, observers=[prover])
    return prover.watched.sequences
