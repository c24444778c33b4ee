"""The verifier's own states: one pass over the finished text."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import InputError
from ..hidden_states.loading import positions_of
from .head_input import head_inputs


def recompute(
    model: PreTrainedModel, prompt: Sequence[int] | Tensor, output: Sequence[int] | Tensor
) -> Tensor:
    """The states from which `model` would have produced each token of `output`.

    Args:
        model: In evaluation mode.
        prompt: Token ids, as they were given to the provider's model; never text, which may be cut
            into other tokens.
        output: Token ids that the provider says were produced.

    Returns:
        One row for each token of `output`, in the model's dtype and on its device: row j belongs to
        position len(prompt) - 1 + j, whose state the head sees when it produces token j.

    Raises:
        InputError: An empty prompt or output, or an id outside the vocabulary ("out_of_range");
            more tokens than the model has positions ("too_large").
    """
    before, after = _ids(prompt, "prompt"), _ids(output, "output")
    require_positions(model, len(before) + len(after))
    tokens = torch.cat([before, after])
    embedding: Any = model.get_input_embeddings()
    size = int(embedding.weight.shape[0])
    if int(tokens.min()) < 0 or int(tokens.max()) >= size:
        raise InputError("out_of_range", "tokens", f"an id outside the vocabulary of {size}")
    states: list[Tensor] = []

    def keep(state: Tensor) -> Tensor:
        states.append(state)
        # Scores of all rows can outweigh everything else, and nobody looks at them.
        return state[:, -1:]

    ids = tokens[None, :-1].to(model.device)
    with head_inputs(model, keep), torch.no_grad():
        model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    if len(states) != 1 or states[0].shape[:2] != ids.shape:
        raise InputError(
            "unsupported", type(model).__name__, "its head does not see one state for each token"
        )
    # A copy: a slice would keep the states of the prompt too.
    return states[0][0, len(before) - 1 :].clone()


def require_positions(model: PreTrainedModel, tokens: int) -> None:
    """Check that the model has a position for each of so many tokens.

    Learned positions end there. Rotary ones can be computed for any token, but the model was not
    made for them, and the work of a pass would be whatever the provider asks for.

    Raises:
        InputError: It has not ("too_large"). Models that say no number take any.
    """
    most = positions_of(model)
    if most is not None and tokens > most:
        reason = f"{tokens} of prompt and answer together; the model has positions for {most}"
        raise InputError("too_large", "tokens", reason)


def _ids(tokens: Sequence[int] | Tensor, place: str) -> Tensor:
    ids = torch.as_tensor(tokens, dtype=torch.int64).reshape(-1).cpu()
    if len(ids) == 0:
        raise InputError("out_of_range", place, "no tokens; at least one is needed")
    return ids
