"""The same model before anybody trained it."""

import torch

import tiny_models
from assay.models import with_random_weights


def test_weights_are_drawn_anew_and_alike_for_a_seed() -> None:
    model = tiny_models.tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    one, again, other = (with_random_weights(model, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not one.training
    assert one.config._attn_implementation == model.config._attn_implementation
    for name, value in one.state_dict().items():
        assert value.shape == before[name].shape
        assert torch.equal(value, again.state_dict()[name])
        if value.ndim > 1:
            assert not torch.equal(value, other.state_dict()[name])
            assert not torch.equal(value, before[name])
