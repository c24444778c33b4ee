"""Rows of the residual stream of texts, by the model that computes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from .. import models
from ..errors import InputError
from ..models import Keeper, Layout


def read_rows(
    model: PreTrainedModel, texts: Sequence[Sequence[int]], layers: Sequence[int], layout: Layout
) -> list[list[NDArray[np.float32]]]:
    """What blocks hand on for each token of some texts, which run in one batch.

    Args:
        model: In evaluation mode.
        texts: Token ids, at least one of each.
        layers: Indices of blocks, from 0. Behind the last block it is what the final norm is
            given, not what that returns.
        layout: Of the model.

    Returns:
        Of each text, for each layer, (tokens, width).

    Raises:
        InputError: A layer that the model has not ("out_of_range"), rows that are missing
            ("unsupported"); as `prefill`.
    """
    keeper = Keeper(*map(models.residual, layers), prompts=True, device="cpu")
    models.prefill(model, texts, observers=[keeper], layout=layout)
    found = []
    for text, kept in zip(texts, keeper.sequences, strict=True):
        rows = [one.float().numpy() for one in kept.rows]
        if any(len(one) != len(text) for one in rows):
            reason = f"gave {len(rows[0])} rows of {len(text)} tokens"
            raise InputError("unsupported", type(model).__name__, reason)
        found.append(rows)
    return found
