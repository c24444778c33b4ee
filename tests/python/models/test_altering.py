"""Weights that are changed: to which values, and back to the same bits."""

import math

import pytest
import torch

import tiny_models
from assay.models import altered, linear_layers, noised, pruned, rounded


def test_rounded_weights_lie_on_the_grid_of_their_group() -> None:
    # Scales 7/7 = 1 and 14/7 = 2; halves go to the even neighbour; the second group is short.
    weight = torch.tensor([[7.0, -2.4, 0.5, 14.0, -3.1], [0.0, 0.0, 0.0, 1.0, -0.25]])
    expected = [[7.0, -2.0, 0.0, 14.0, -4.0], [0.0, 0.0, 0.0, 1.0, -2 / 7]]
    torch.testing.assert_close(rounded(weight, 4, 3), torch.tensor(expected))
    # One scale for each row: 14/7.
    whole = [[8.0, -2.0, 0.0, 14.0, -4.0], [0.0, 0.0, 0.0, 1.0, -2 / 7]]
    torch.testing.assert_close(rounded(weight, 4), torch.tensor(whole))


def test_noise_has_its_strength_and_comes_of_its_seed() -> None:
    weight = torch.randn(200, 300, generator=torch.Generator().manual_seed(3)) * 5 + 1
    noise = noised(weight, 0.1, 8) - weight
    scale = 0.1 * math.sqrt(26)
    assert noise.std().item() == pytest.approx(scale, rel=0.02)
    assert abs(noise.mean().item()) < 0.01 * scale * 3
    assert torch.equal(noised(weight, 0.1, 8), noised(weight, 0.1, 8))
    assert not torch.equal(noised(weight, 0.1, 8), noised(weight, 0.1, 9))


def test_pruning_takes_the_smallest_and_of_equals_the_first() -> None:
    weight = torch.tensor([[3.0, -1.0, 1.0], [0.5, -4.0, 1.0]])
    assert pruned(weight, 0.5).tolist() == [[3.0, 0.0, 0.0], [0.0, -4.0, 1.0]]
    assert pruned(weight, 0.34).tolist() == [[3.0, 0.0, 1.0], [0.0, -4.0, 1.0]]
    assert pruned(weight, 1.0).abs().sum() == 0
    assert weight.tolist() == [[3.0, -1.0, 1.0], [0.5, -4.0, 1.0]]


@pytest.mark.parametrize("layout", ["llama", "gpt2"])
def test_altered_weights_are_the_same_bits_again(layout: str) -> None:
    model = tiny_models.tiny(layout, torch.bfloat16)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    layers = linear_layers(model)[1:3]
    weights = [layer.weight for layer in layers]
    told: list[int] = []

    def double(index: int, weight: torch.Tensor) -> torch.Tensor:
        told.append(index)
        return weight * 2

    with altered(weights, double):
        for layer in layers:
            name = f"{layer.module_name}.weight"
            assert torch.equal(model.state_dict()[name], before[name] * 2)
    assert told == [0, 1]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())

    def fail(index: int, weight: torch.Tensor) -> torch.Tensor:
        if index == 1:
            raise RuntimeError("stopped")
        return weight * 3

    with pytest.raises(RuntimeError, match="stopped"), altered(weights, fail):
        pass
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
