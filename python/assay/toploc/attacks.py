"""What a provider may do instead of running the model that it promised."""

import copy
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from ..errors import InputError
from .building import prove
from .chunks import Points, Shape, points_of

_PRIME = 65497


def with_fewer_blocks(model: PreTrainedModel, blocks: int) -> PreTrainedModel:
    """A copy that ends after the first `blocks` decoder blocks: a smaller, worse model.

    Raises:
        InputError: Its blocks were not found ("unsupported").
    """
    copied = copy.deepcopy(model)
    config = copied.config.get_text_config()
    for module in copied.modules():
        if isinstance(module, nn.ModuleList) and len(module) == config.num_hidden_layers:
            del module[blocks:]
            config.num_hidden_layers = blocks
            kinds = getattr(config, "layer_types", None)
            if kinds is not None:
                config.layer_types = kinds[:blocks]
            return copied
    raise InputError("unsupported", type(model).__name__, "no list of decoder blocks")


def another_model(model: PreTrainedModel, blocks: int = 4, seed: int = 1) -> PreTrainedModel:
    """A small model of the same kind, width and vocabulary, with weights of its own."""
    config = copy.deepcopy(model.config)
    text = config.get_text_config()
    text.num_hidden_layers = blocks
    if getattr(text, "layer_types", None) is not None:
        text.layer_types = text.layer_types[:blocks]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        factory: Any = AutoModelForCausalLM
        made: Any = factory.from_config(config, dtype=model.dtype)
    made.generation_config = copy.deepcopy(model.generation_config)
    return cast(PreTrainedModel, made.to(model.device).eval())


def in_dtype(model: PreTrainedModel, dtype: torch.dtype) -> PreTrainedModel:
    """A copy that computes in another dtype."""
    copied: Any = copy.deepcopy(model)
    return cast(PreTrainedModel, copied.to(dtype))


def constant_proofs(count: int, value: int, shape: Shape) -> list[bytes]:
    """Proofs made from no data: the polynomial that is `value` everywhere.

    Args:
        count: How many.
        value: Bits of a bfloat16.
        shape: What they claim to cover.
    """
    proof = np.zeros(shape.k + 1, ">u2")
    proof[:2] = _PRIME, value
    return [proof.tobytes()] * count


def typical_value(states: Sequence[Tensor], shape: Shape) -> int:
    """The value that a forger puts everywhere: in the middle of the largest of some known states.

    Args:
        states: Of other sequences, (tokens, width) each.
        shape: As the proofs to forge.
    """
    tops = [points_of([one[: shape.chunk]], 0, shape, "reference", True).values for one in states]
    magnitudes = np.sort(np.concatenate(tops) & 0x7FFF)
    return int(magnitudes[len(magnitudes) // 2])


def known_place_proofs(count: int, states: Sequence[Tensor], shape: Shape) -> list[bytes]:
    """Proofs made from other sequences: in every row, what the usual outliers usually are.

    The dimensions are those that most often hold one of the largest values with the same sign and
    exponent, as many as fill the k places; the rows have the middle half of these, so that they
    are not all alike.

    Args:
        count: How many.
        states: Of other sequences, (tokens, width) each.
        shape: What the proofs claim to cover.
    """
    width = states[0].shape[1]
    tops = [points_of([one[: shape.chunk]], 0, shape, "reference", True) for one in states]
    dimensions = np.concatenate([top.indices % width for top in tops])
    values = np.concatenate([top.values for top in tops])
    usual = []
    for dimension in np.unique(dimensions):
        held = values[dimensions == dimension]
        kinds, often = np.unique(held >> 7, return_counts=True)
        alike = np.sort(held[held >> 7 == kinds[often.argmax()]])
        usual.append((len(alike), int(dimension), alike))
    usual.sort(key=lambda one: one[0], reverse=True)
    rows = np.arange(shape.chunk)
    indices = [rows * width + dimension for _, dimension, _ in usual]
    likely = [
        alike[(2 * rows + shape.chunk) * often // (4 * shape.chunk)] for often, _, alike in usual
    ]
    points = Points(
        np.concatenate(indices)[: shape.k].astype(np.uint32), np.concatenate(likely)[: shape.k]
    )
    return [prove(points)] * count
