"""One pass over texts that nothing is added to."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ..errors import InputError
from ..stopping import obey
from .layout import Layout, device_of, places_of
from .recomputing import require_positions
from .rows import Observer
from .running import Attached, Run


def prefill(
    model: PreTrainedModel,
    texts: Sequence[Sequence[int]],
    *,
    observers: Sequence[Observer],
    layout: Layout | None = None,
) -> None:
    """Run `model` once over texts, all in one batch, as the first pass of a generation does.

    Scores over the vocabulary are computed for the last row alone, and no cache is made.

    Args:
        model: In evaluation mode.
        texts: Token ids, at least one in each; the shorter ones are padded on the left.
        observers: Told of each text as a prompt with an empty output.
        layout: Of the model, if it is known and they need it.

    Raises:
        InputError: A text without tokens, an id outside the vocabulary ("out_of_range"); more
            tokens than the model has positions ("too_large"); taps that it has not.
    """
    obey()
    embedding: Any = model.get_input_embeddings()
    size = int(embedding.weight.shape[0])
    for index, text in enumerate(texts):
        place = f"text {index}"
        if len(text) == 0:
            raise InputError("out_of_range", place, "no tokens; at least one is needed")
        if min(text) < 0 or max(text) >= size:
            raise InputError("out_of_range", place, f"an id outside the vocabulary of {size}")
        require_positions(model, len(text))
    longest = max(map(len, texts))
    ids = torch.zeros((len(texts), longest), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, longest - len(text) :] = torch.as_tensor(text)
        mask[row, longest - len(text) :] = 1
    ids, mask = ids.to(device_of(model)), mask.to(device_of(model))
    given: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    # Learned positions would count the padding too.
    if "position_ids" in inspect.signature(model.forward).parameters:
        given["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    attached = [Attached(one, places_of(model, one.taps, layout)) for one in observers]
    run = Run(model, attached, ids, mask)
    untyped: Any = model
    head = untyped.get_output_embeddings()
    with run.followed(scored=head if isinstance(head, nn.Module) else None), torch.no_grad():
        untyped(**given, use_cache=False, return_dict=True)
        run.end([[] for _ in texts])
