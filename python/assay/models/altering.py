"""Weights with noise, or with some left out, and models whose weights are others for a while."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


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
