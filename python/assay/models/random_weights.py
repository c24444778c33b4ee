"""The same model before anybody trained it."""

import copy
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel


def with_random_weights(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """A model of this configuration whose weights are drawn as those of a new one are.

    Args:
        model: Unchanged; dtype, device and attention kernel are its.
        seed: Of the weights; torch's own generators are as before afterwards.
    """
    config = copy.deepcopy(model.config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        factory: Any = AutoModelForCausalLM
        made: Any = factory.from_config(config, dtype=model.dtype)
    made.set_attn_implementation(model.config._attn_implementation)
    made.generation_config = copy.deepcopy(model.generation_config)
    return cast(PreTrainedModel, made.to(model.device).eval())
