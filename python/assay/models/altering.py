"""Weights that are not quite those of a model: rounded, with noise, or with some left out."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .layout import head_of


def rounded(weight: Tensor, bits: int, group: int | None = None) -> Tensor:
    """Weights of few bits: symmetric, to the nearest, as float32.

    Each output channel, or each `group` of weights of one (the last may be shorter), is divided by
    its largest magnitude; 2 * (2**(bits - 1) - 1) + 1 values are left.

    Args:
        weight: (outputs, inputs).
        bits: At least 2.
        group: Weights that share a scale.
    """
    top = 2 ** (bits - 1) - 1
    parts = torch.split(weight.float(), group or weight.shape[1], dim=1)
    return torch.cat([_on_grid(part, top) for part in parts], dim=1)


def _on_grid(part: Tensor, top: int) -> Tensor:
    scale = part.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / top
    return (part / scale).round().clamp(-top, top) * scale


def noised(weight: Tensor, strength: float, seed: int) -> Tensor:
    """Weights with Gaussian noise of `strength` times their root mean square, as float32.

    Args:
        weight: Any shape.
        strength: Above 0.
        seed: Of the noise; the same on every machine.
    """
    values = weight.float()
    noise = torch.randn(values.shape, generator=torch.Generator().manual_seed(seed))
    scale = strength * values.square().mean().sqrt()
    return values + noise.to(values.device) * scale


def pruned(weight: Tensor, share: float) -> Tensor:
    """Weights of which the `share` of least magnitude is 0, as float32.

    Args:
        weight: Any shape.
        share: From 0 to 1; of n weights, floor(share * n) become 0, of equal ones those first in C
            order.
    """
    values = weight.float().contiguous()
    count = int(share * values.numel())
    smallest = values.abs().flatten().argsort(stable=True)[:count]
    values = values.clone()
    values.view(-1)[smallest] = 0
    return values


def with_rounded_weights(
    model: PreTrainedModel, bits: int, group: int | None = None
) -> PreTrainedModel:
    """A copy whose linear layers are `rounded`; embedding and head stay.

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


@contextmanager
def altered(weights: Sequence[Tensor], change: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
    """Let weights of a model be others within the block; after it they are the same bits again.

    Args:
        weights: Of its layers, which nobody else runs meanwhile.
        change: Gives the values for weight i, given i and what it is.
    """
    kept = [weight.detach().clone() for weight in weights]
    try:
        with torch.no_grad():
            for index, weight in enumerate(weights):
                weight.copy_(change(index, weight))
        yield
    finally:
        with torch.no_grad():
            for weight, values in zip(weights, kept, strict=True):
                weight.copy_(values)
