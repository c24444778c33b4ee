"""One pass over tokens that are given."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import InputError
from ..stopping import obey
from .layout import Layout, as_rows, device_of, places_of
from .rows import Observer
from .running import Attached, Run


def recompute(
    model: PreTrainedModel,
    prompt: Sequence[int] | Tensor,
    output: Sequence[int] | Tensor,
    *,
    observers: Sequence[Observer] = (),
    layout: Layout | None = None,
    to_the_end: bool = False,
    hidden_states: bool = False,
) -> tuple[Tensor, ...]:
    """Run `model` once over prompt and output, as if it had produced them.

    Args:
        model: In evaluation mode.
        prompt: Token ids, as they were given to the model that produced the others; never text,
            which may be cut into other tokens.
        output: Token ids that it produced.
        observers: Told of the same sequences and positions as if these tokens were generated.
        layout: Of the model, if it is known and they need it.
        to_the_end: Feed the last token of `output` too, which a generation does not.
        hidden_states: Ask the model for its own list of hidden states.

    Returns:
        That list, each (1, tokens fed, width); else nothing.

    Raises:
        InputError: An empty prompt or output, or an id outside the vocabulary ("out_of_range");
            more tokens than the model has positions ("too_large"); taps that it has not.
    """
    obey()
    before, after = _ids(prompt, "prompt"), _ids(output, "output")
    require_positions(model, len(before) + len(after))
    tokens = torch.cat([before, after])
    embedding: Any = model.get_input_embeddings()
    size = int(embedding.weight.shape[0])
    if int(tokens.min()) < 0 or int(tokens.max()) >= size:
        raise InputError("out_of_range", "tokens", f"an id outside the vocabulary of {size}")
    fed = tokens[None] if to_the_end else tokens[None, :-1]
    ids = fed.to(device_of(model))
    attached = [Attached(one, places_of(model, one.taps, layout)) for one in observers]
    run = Run(model, attached, ids, None, prompt=len(before))
    untyped: Any = model
    head = untyped.get_output_embeddings()
    # Scores over the vocabulary can outweigh everything else, and nobody looks at them.
    with run.followed(scored=head if isinstance(head, nn.Module) else None), torch.no_grad():
        result = untyped(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            output_hidden_states=hidden_states,
            use_cache=False,
            return_dict=True,
        )
        run.end([after.tolist()])
    listed = result.hidden_states if hidden_states else None
    return tuple(as_rows(model, state, ids) for state in listed or ())


def require_positions(model: PreTrainedModel, tokens: int) -> None:
    """Check that the model has a position for each of so many tokens.

    Learned positions end there. Rotary ones can be computed for any token, but the model was not
    made for them, and the work of a pass would be whatever the provider asks for.

    Raises:
        InputError: It has not ("too_large"). Models that say no number take any.
    """
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if isinstance(most, int) and 0 < most < tokens:
        reason = f"{tokens} of prompt and answer together; the model has positions for {most}"
        raise InputError("too_large", "tokens", reason)


def _ids(tokens: Sequence[int] | Tensor, place: str) -> Tensor:
    ids = torch.as_tensor(tokens, dtype=torch.int64).reshape(-1).cpu()
    if len(ids) == 0:
        raise InputError("out_of_range", place, "no tokens; at least one is needed")
    return ids
