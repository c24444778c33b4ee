"""Weights of few bits, as quantised models have them, written back as floats."""

import copy

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .layout import head_of


def with_rounded_weights(
    model: PreTrainedModel, bits: int, group: int | None = None
) -> PreTrainedModel:
    """A copy whose linear layers have weights of few bits; embedding and head stay.

    Symmetric, to the nearest: each output channel, or each `group` of weights of one (the last may
    be shorter), is divided by its largest magnitude.

    Args:
        model: Unchanged.
        bits: 8 or 4, say.
        group: Weights that share a scale.
    """
    copied = copy.deepcopy(model)
    head = head_of(copied)
    with torch.no_grad():
        for module in copied.modules():
            if isinstance(module, nn.Linear) and module is not head:
                module.weight.copy_(rounded(module.weight, bits, group))
    return copied


def rounded(weight: Tensor, bits: int, group: int | None = None) -> Tensor:
    """A weight matrix (out, in) rounded in that way, in float32."""
    top = 2 ** (bits - 1) - 1
    parts = torch.split(weight.float(), group or weight.shape[1], dim=1)
    return torch.cat([_on_grid(part, top) for part in parts], dim=1)


def _on_grid(part: Tensor, top: int) -> Tensor:
    scale = part.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / top
    return (part / scale).round().clamp(-top, top) * scale
