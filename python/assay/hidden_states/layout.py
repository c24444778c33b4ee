"""Find the modules of a model whose values are the entries of its `output_hidden_states` tuple.

No list of architectures is kept. A candidate layout is tried on one pass over at most two tokens,
and holds only if its hooks see, bit for bit, every entry of the tuple that the model returns.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .errors import LayoutError
from .hooks import OnTensor, hook_input, hook_output
from .taps import Point, Tap, taps_for


@dataclass(frozen=True)
class Entry:
    """Width and dtype of one entry of the hidden-states tuple."""

    width: int
    dtype: torch.dtype


@dataclass(frozen=True)
class Layout:
    """The modules to hook, and what comes out of them.

    Attributes:
        blocks: The decoder blocks, in order.
        last: The module that yields the last entry: the last block or the decoder that holds them.
        taps: One per entry of the tuple, `len(blocks) + 1` in all.
        entries: Width and dtype of each entry.
    """

    blocks: tuple[nn.Module, ...]
    last: nn.Module
    taps: tuple[Tap, ...]
    entries: tuple[Entry, ...]


def find_layout(model: PreTrainedModel, input_ids: Tensor) -> Layout:
    """The layout of `model`, found on the first two of `input_ids` (shape (1, n), n >= 1).

    Raises:
        LayoutError: No list of blocks in the model accounts for its hidden states.
    """
    count = _block_count(model)
    tried = []
    for name, blocks in _block_lists(model, count):
        tried.append(name)
        decoder = model.get_submodule(name.rpartition(".")[0])
        layout = _try_layout(model, decoder, blocks, input_ids[:, :2])
        if layout is not None:
            return layout
    looked_for = f"a list of {count} decoder blocks whose outputs are the model's hidden states"
    found = f"tried {', '.join(tried)}" if tried else "no list of that length"
    raise LayoutError(
        f"layout not recognised: looked for {looked_for}, {found}; use --mode recompute"
    )


def _block_count(model: PreTrainedModel) -> int:
    config = model.config.get_text_config()
    count = getattr(config, "num_hidden_layers", None)
    if not isinstance(count, int) or count < 1:
        raise LayoutError(
            "layout not recognised: looked for num_hidden_layers in the "
            "model's configuration; use --mode recompute"
        )
    return count


def _block_lists(model: PreTrainedModel, count: int) -> Iterator[tuple[str, tuple[nn.Module, ...]]]:
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            yield name, tuple(module)


def _try_layout(
    model: PreTrainedModel,
    decoder: nn.Module,
    blocks: tuple[nn.Module, ...],
    input_ids: Tensor,
) -> Layout | None:
    embedding: list[Tensor] = []
    outputs: list[list[Tensor]] = [[] for _ in blocks]
    finals: list[Tensor] = []
    others: list[tuple[nn.Module, list[Tensor]]] = []
    with ExitStack() as hooks:
        hooks.enter_context(hook_input(blocks[0], _keep(embedding)))
        for block, seen in zip(blocks, outputs, strict=True):
            hooks.enter_context(hook_output(block, _keep(seen)))
        for module in _outside(decoder, blocks):
            kept: list[Tensor] = []
            others.append((module, kept))
            hooks.enter_context(hook_output(module, _keep(kept)))
        hooks.enter_context(hook_output(decoder, _keep(finals)))
        with torch.no_grad():
            result = model(
                input_ids=input_ids,
                attention_mask=torch.ones_like(input_ids),
                output_hidden_states=True,
                use_cache=False,
                return_dict=True,
            )
    states = result.hidden_states
    # A hook that ran twice or never belongs to a list that is not the chain of blocks.
    if (
        states is None
        or len(states) != len(blocks) + 1
        or len(embedding) != 1
        or any(len(seen) != 1 for seen in outputs)
    ):
        return None
    residuals = [seen[0] for seen in outputs]
    if not all(map(_same_bits, [embedding[0], *residuals[:-1]], states[:-1])):
        return None
    last_block = blocks[-1]
    tap: Point
    if _same_bits(residuals[-1], states[-1]):
        last, tap = last_block, "residual"
    elif len(finals) == 1 and _same_bits(finals[0], states[-1]):
        last, tap = decoder, _kind_of_last(others, states[-1])
    else:
        return None
    entries = tuple(Entry(int(state.shape[-1]), state.dtype) for state in states)
    return Layout(blocks, last, taps_for(len(blocks), tap), entries)


def _outside(decoder: nn.Module, blocks: tuple[nn.Module, ...]) -> Iterator[nn.Module]:
    inside = {id(part) for block in blocks for part in block.modules()}
    for module in decoder.modules():
        if id(module) not in inside and not list(module.children()):
            yield module


def _keep(seen: list[Tensor]) -> OnTensor:
    # A copy, as recording makes one: a block that writes into its input must not pass unnoticed.
    return lambda state: seen.append(state.clone())


def _kind_of_last(others: list[tuple[nn.Module, list[Tensor]]], state: Tensor) -> Point:
    for module, values in others:
        if any(_same_bits(value, state) for value in values):
            if "norm" in type(module).__name__.lower():
                return "final_norm"
            if isinstance(module, nn.Linear):
                return "final_projection"
    return "last_hidden_state"


def _same_bits(left: Tensor, right: Tensor) -> bool:
    # Compared as bytes, so that NaN equals itself and a broken model is reported as such later.
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    return torch.equal(left.contiguous().view(torch.uint8), right.contiguous().view(torch.uint8))
