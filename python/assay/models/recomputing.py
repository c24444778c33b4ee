"""One pass over tokens that are given, of one answer or of several."""

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
    before, after = _answer(model, prompt, output)
    fed = torch.cat([before, after if to_the_end else after[:-1]])[None]
    return _pass(
        model, fed, torch.ones_like(fed), [(before, after)], observers, layout, hidden_states
    )


def recompute_together(
    model: PreTrainedModel,
    answers: Sequence[tuple[Sequence[int] | Tensor, Sequence[int] | Tensor]],
    *,
    observers: Sequence[Observer] = (),
    layout: Layout | None = None,
) -> None:
    """The same over several answers in one pass, the shorter ones padded on the right.

    No token of a model that looks back alone sees the padding behind it. Rows may differ from those
    of a pass over one answer by rounding, as in any batch.

    Args:
        model, observers, layout: As for `recompute`.
        answers: Each of a prompt and an output; of none nothing comes.

    Raises:
        InputError: As `recompute`.
    """
    if not answers:
        return
    checked = [_answer(model, prompt, output) for prompt, output in answers]
    texts = [torch.cat([before, after[:-1]]) for before, after in checked]
    fed = torch.zeros((len(texts), max(map(len, texts))), dtype=torch.int64)
    mask = torch.zeros_like(fed)
    for row, text in enumerate(texts):
        fed[row, : len(text)] = text
        mask[row, : len(text)] = 1
    _pass(model, fed, mask, checked, observers, layout, False)


def _answer(
    model: PreTrainedModel, prompt: Sequence[int] | Tensor, output: Sequence[int] | Tensor
) -> tuple[Tensor, Tensor]:
    """Prompt and output as tensors, if the model can be fed them."""
    before, after = _ids(prompt, "prompt"), _ids(output, "output")
    require_positions(model, len(before) + len(after))
    embedding: Any = model.get_input_embeddings()
    require_vocabulary(torch.cat([before, after]), int(embedding.weight.shape[0]))
    return before, after


def _pass(
    model: PreTrainedModel,
    fed: Tensor,
    mask: Tensor,
    answers: Sequence[tuple[Tensor, Tensor]],
    observers: Sequence[Observer],
    layout: Layout | None,
    hidden_states: bool,
) -> tuple[Tensor, ...]:
    obey()
    ids = fed.to(device_of(model))
    attached = [Attached(one, places_of(model, one.taps, layout)) for one in observers]
    run = Run(model, attached, ids, mask, prompts=[len(before) for before, _ in answers])
    untyped: Any = model
    head = untyped.get_output_embeddings()
    # Padding is told apart by nobody but the run: given a mask, kernels take a slower way.
    given = {} if len(answers) > 1 else {"attention_mask": mask.to(ids.device)}
    # Scores over the vocabulary can outweigh everything else, and nobody looks at them.
    with run.followed(scored=head if isinstance(head, nn.Module) else None), torch.no_grad():
        result = untyped(
            input_ids=ids,
            output_hidden_states=hidden_states,
            use_cache=False,
            return_dict=True,
            **given,
        )
        run.end([after.tolist() for _, after in answers])
    listed = result.hidden_states if hidden_states else None
    return as_rows(model, listed or (), ids)


def require_vocabulary(tokens: Sequence[int] | Tensor, size: int) -> None:
    """Check that tokens, at least one, are of a vocabulary of so many.

    Raises:
        InputError: They are not ("out_of_range").
    """
    ids = torch.as_tensor(tokens)
    if int(ids.min()) < 0 or int(ids.max()) >= size:
        raise InputError("out_of_range", "tokens", f"an id outside the vocabulary of {size}")


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
