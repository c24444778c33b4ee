"""Providers who compute something else than they promised: for the tests of what an audit finds."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel
from transformers.cache_utils import DynamicCache

Change = Callable[[Tensor], Tensor]


def integers(bits: int, group: int | None = None) -> Change:
    """Weights of so many bits, with a scale for each channel or each group within it."""
    most = 2 ** (bits - 1) - 1

    def change(weight: Tensor) -> Tensor:
        whole = weight.float()
        width = group if group and whole.shape[1] % group == 0 else whole.shape[1]
        parts = whole.reshape(-1, width)
        scale = parts.abs().amax(1, keepdim=True).clamp_min(1e-30) / most
        return ((parts / scale).round() * scale).reshape(whole.shape).to(weight.dtype)

    return change


def fp8(weight: Tensor) -> Tensor:
    """Weights of e4m3, with a scale for each channel."""
    whole = weight.float()
    scale = whole.abs().amax(1, keepdim=True).clamp_min(1e-30) / 448
    return ((whole / scale).to(torch.float8_e4m3fn).float() * scale).to(weight.dtype)


def changed(model: PreTrainedModel, change: Change) -> PreTrainedModel:
    """A copy whose blocks have other weights."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for layer in other.model.layers:
            for module in layer.modules():
                if isinstance(module, nn.Linear):
                    module.weight.copy_(change(module.weight))
    return other


def skipping(model: PreTrainedModel, block: int) -> PreTrainedModel:
    """A copy in which one block adds nothing, its rows zeros."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for module in other.model.layers[block].modules():
            if isinstance(module, nn.Linear):
                module.weight.zero_()
    return other


def shortened(model: PreTrainedModel, blocks: int) -> PreTrainedModel:
    """A copy of the first blocks alone."""
    other = copy.deepcopy(model)
    other.model.layers = other.model.layers[:blocks]
    other.config.num_hidden_layers = blocks
    return other


def llama(seed: int, **sizes: Any) -> PreTrainedModel:
    """Random weights of about the proportions of a trained model, in bfloat16."""
    given = {
        "vocab_size": 300,
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": 0,
        **sizes,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(LlamaConfig(**given), dtype=torch.bfloat16)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, 0.06)
    return model.eval()


@contextmanager
def coarse_cache(blocks: set[int]) -> Iterator[None]:
    """Keys and values of these blocks are kept in e4m3, and attention takes them from there."""
    own = DynamicCache.update

    def update(
        cache: DynamicCache, k: Tensor, v: Tensor, layer_idx: int, *rest: Any, **more: Any
    ) -> tuple[Tensor, Tensor]:
        if layer_idx in blocks:
            k, v = (one.to(torch.float8_e4m3fn).to(one.dtype) for one in (k, v))
        return own(cache, k, v, layer_idx, *rest, **more)

    DynamicCache.update = update
    try:
        yield
    finally:
        DynamicCache.update = own


@contextmanager
def now_and_then(model: PreTrainedModel, change: Change, passes: set[int]) -> Iterator[None]:
    """Other weights in these passes of a generation, counted from its prompt's."""
    linear = [
        m for layer in model.model.layers for m in layer.modules() if isinstance(m, nn.Linear)
    ]
    right = [m.weight.data for m in linear]
    coarse = [change(weight) for weight in right]
    count = 0

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal count
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        if ids.shape[1] > 1:  # a prompt: those that look for the model's layout come before it
            count = 0
        for module, weight in zip(linear, coarse if count in passes else right, strict=True):
            module.weight.data = weight
        count += 1

    handle = model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
        for module, weight in zip(linear, right, strict=True):
            module.weight.data = weight
