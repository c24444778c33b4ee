"""Find the modules of a model at which its taps are.

The blocks are those whose values are the entries of the model's `output_hidden_states` tuple. No
list of architectures is kept. A candidate layout is tried on one pass over two tokens,
and holds only if its hooks see, bit for bit, every entry of the tuple that the model returns.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ..errors import InputError, LayoutError
from .hooks import OnGiven, OnState, Taking, state_given, taking
from .taps import Point, Tap, taps_for


@dataclass(frozen=True)
class Entry:
    """Width and dtype of one entry of the hidden-states tuple, all that it has for a token."""

    width: int
    dtype: torch.dtype


@dataclass(frozen=True)
class Layout:
    """The blocks of a model, and what its hidden states are.

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


Side = Literal["input", "output"]


class Place(NamedTuple):
    """Where a tap is: at one side of a module."""

    module: nn.Module
    side: Side


def places_of(
    model: PreTrainedModel, taps: Sequence[Tap], layout: Layout | None = None
) -> list[Place]:
    """Where in `model` each tap is.

    Args:
        model: Without a `layout`, runs on two tokens if a tap needs one.
        taps: What is asked for.
        layout: Of this model, if it is known.

    Raises:
        InputError: There is no such place ("unsupported", "out_of_range").
        LayoutError: A tap needs the layout, and that was not recognised.
    """
    places = []
    for tap in taps:
        if tap.tap == "head_input":
            places.append(Place(head_of(model), "input"))
        elif tap.tap in ("linear_input", "linear_output"):
            side: Side = "input" if tap.tap == "linear_input" else "output"
            places.append(Place(_linear_of(model, tap.name), side))
        else:
            layout = layout or find_layout(model)
            places.append(_place_in(layout, tap))
    return places


def device_of(model: PreTrainedModel) -> torch.device:
    """Where token ids go: from the CPU accelerate moves them on, where it keeps the weights."""
    return torch.device("cpu") if model.device.type == "meta" else model.device


def require_decoder(config: PretrainedConfig, place: str) -> None:
    """Check that a model is a decoder alone.

    Raises:
        InputError: It has an encoder too ("unsupported").
    """
    if getattr(config, "is_encoder_decoder", False):
        raise InputError("unsupported", place, "an encoder and a decoder; give a decoder alone")


def head_of(model: PreTrainedModel) -> nn.Module:
    """The module that makes scores of the final hidden states.

    Raises:
        InputError: The model has none, or produces its tokens from two stacks ("unsupported").
    """
    name = type(model).__name__
    require_decoder(model.config, name)
    untyped: Any = model
    head = untyped.get_output_embeddings()
    if not isinstance(head, nn.Module):
        raise InputError("unsupported", name, "it has no language model head; give a causal one")
    return head


def final_norm(model: PreTrainedModel) -> nn.Module:
    """The norm whose output the head sees, found on a pass over two tokens.

    Raises:
        InputError: No norm gives it ("unsupported").
    """
    seen: list[Tensor] = []
    given: list[tuple[nn.Module, Tensor]] = []
    norms: dict[nn.Module, OnState] = {
        module: _keep_with(module, given)
        for module in model.modules()
        if "norm" in type(module).__name__.lower() and not list(module.children())
    }
    with _trying(model, {head_of(model): _keep_given(seen)}, norms):
        model(input_ids=torch.zeros((1, 2), dtype=torch.int64, device=device_of(model)))
    for module, output in reversed(given):
        if seen and _same_bits(output, seen[0]):
            return module
    name = type(model).__name__
    raise InputError("unsupported", name, "its head does not see the output of a norm")


def find_layout(model: PreTrainedModel, input_ids: Tensor | None = None) -> Layout:
    """The layout of `model`, found on the first two of `input_ids` (shape (1, n), n >= 1).

    Raises:
        LayoutError: No list of blocks in the model accounts for its hidden states.
        InputError: As `require_decoder` and `as_rows`.
    """
    require_decoder(model.config, type(model).__name__)
    if input_ids is None:
        input_ids = torch.zeros((1, 1), dtype=torch.int64)
    # Two tokens, so that the axis of tokens is told from that of sequences.
    input_ids = input_ids[:, [0, min(1, input_ids.shape[1] - 1)]].to(device_of(model))
    count = _block_count(model)
    tried = []
    for name, blocks in _block_lists(model, count):
        tried.append(name)
        decoder = model.get_submodule(name.rpartition(".")[0])
        layout = _try_layout(model, decoder, blocks, input_ids)
        if layout is not None:
            return layout
    looked_for = f"a list of {count} decoder blocks whose outputs are the model's hidden states"
    found = f"tried {', '.join(tried)}" if tried else "no list of that length"
    raise _not_recognised(f"{looked_for}, {found}")


def _not_recognised(looked_for: str) -> LayoutError:
    return LayoutError("unsupported", "", f"layout not recognised: looked for {looked_for}")


def _place_in(layout: Layout, tap: Tap) -> Place:
    if tap.tap == "embedding":
        return Place(layout.blocks[0], "input")
    if tap.tap == "residual" and tap.block is not None:
        if not 0 <= tap.block < len(layout.blocks):
            reason = f"block {tap.block}; the model has blocks 0 to {len(layout.blocks) - 1}"
            raise InputError("out_of_range", f"tap {tap.name}", reason)
        return Place(layout.blocks[tap.block], "output")
    if tap.tap == layout.taps[-1].tap and tap.tap != "unknown":
        return Place(layout.last, "output")
    reason = f"no {tap.tap}; the model's last hidden state is its {layout.taps[-1].tap}"
    raise InputError("unsupported", f"tap {tap.name}", reason)


def _linear_of(model: PreTrainedModel, name: str) -> nn.Module:
    try:
        module = model.get_submodule(name)
    except AttributeError as error:
        raise InputError("out_of_range", f"tap {name}", "the model has no such module") from error
    if not isinstance(module, nn.Linear | Conv1D):
        reason = f"a {type(module).__name__}, not a linear module"
        raise InputError("unsupported", f"tap {name}", reason)
    return module


def _block_count(model: PreTrainedModel) -> int:
    config = model.config.get_text_config()
    count = getattr(config, "num_hidden_layers", None)
    if not isinstance(count, int) or count < 1:
        raise _not_recognised("num_hidden_layers in the model's configuration")
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
    others: list[tuple[nn.Module, Tensor]] = []
    wanted = {module: _keep_with(module, others) for module in _outside(decoder, blocks)}
    wanted |= {block: _keep(seen) for block, seen in zip(blocks, outputs, strict=True)}
    wanted[decoder] = _keep(finals)
    with _trying(model, {blocks[0]: _keep_given(embedding)}, wanted):
        states = _run_on(model, input_ids).hidden_states
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
    rows = as_rows(model, states, input_ids)
    entries = tuple(Entry(int(state.shape[2]), state.dtype) for state in rows)
    return Layout(blocks, last, taps_for(len(blocks), tap), entries)


def _run_on(model: PreTrainedModel, input_ids: Tensor) -> Any:
    return model(
        input_ids=input_ids,
        attention_mask=torch.ones_like(input_ids),
        output_hidden_states=True,
        use_cache=False,
        return_dict=True,
    )


def as_rows(model: PreTrainedModel, states: Sequence[Tensor], ids: Tensor) -> tuple[Tensor, ...]:
    """The model's list of hidden states, each [sequences, tokens, ..], with one row for each token.

    Raises:
        InputError: One does not begin with the axes of `ids` ("unsupported").
    """
    if any(state.ndim > 3 and state.shape[1] == state.shape[2] > 1 for state in states):
        # As many rows for a token as tokens: with one token less their axes can be told apart.
        shorter = ids[:, :-1]
        with _trying(model, {}, {}):
            for state in _run_on(model, shorter).hidden_states:
                _require_axes(model, state, shorter)
    for state in states:
        _require_axes(model, state, ids)
    return tuple(state.flatten(2) for state in states)


def _require_axes(model: PreTrainedModel, state: Tensor, ids: Tensor) -> None:
    if state.ndim < 3 or state.shape[:2] != ids.shape:
        reason = f"hidden states of shape {tuple(state.shape)}, not [sequences, tokens, ..]"
        raise InputError("unsupported", type(model).__name__, reason)


def _unheard(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    pass


@contextmanager
def _trying(
    model: PreTrainedModel,
    given: Mapping[nn.Module, OnGiven],
    returned: Mapping[nn.Module, OnState],
) -> Iterator[None]:
    """Let a trial's pass tell these, and nobody else."""
    with taking(Taking({model: _unheard, **given}, returned)), torch.no_grad():
        yield


def _outside(decoder: nn.Module, blocks: tuple[nn.Module, ...]) -> Iterator[nn.Module]:
    inside = {id(part) for block in blocks for part in block.modules()}
    for module in decoder.modules():
        if id(module) not in inside and not list(module.children()):
            yield module


# Copies, as observers make them: a block that writes into its input must not pass unnoticed.


def _keep(seen: list[Tensor]) -> OnState:
    return lambda state: seen.append(state.clone())


def _keep_given(seen: list[Tensor]) -> OnGiven:
    def keep(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        state = state_given(args, kwargs)
        if state is not None:
            seen.append(state.clone())

    return keep


def _keep_with(module: nn.Module, seen: list[tuple[nn.Module, Tensor]]) -> OnState:
    return lambda state: seen.append((module, state.clone()))


def _kind_of_last(others: list[tuple[nn.Module, Tensor]], state: Tensor) -> Point:
    for module, value in others:
        if _same_bits(value, state):
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
