"""Which rows of a model make the wires of a run, and at which taps they come by."""

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn
from transformers import PreTrainedModel

from .. import _core, models
from ..models import Layout, Tap
from .choosing import Layers, choice_of


class Place(NamedTuple):
    """A wire: the block, or None, and the role."""

    block: int | None
    role: str


def wires_of(model: PreTrainedModel, layout: Layout, layers: Layers = "all") -> dict[Tap, Place]:
    """The taps at which rows of each wire that is recorded come by, each wire once.

    Args:
        model: In evaluation mode.
        layout: Of the model.
        layers: The blocks that are recorded: "all", "1/8", "0,8,16-19", or their numbers.

    Raises:
        InputError: There are no such blocks ("malformed", "out_of_range").
    """
    choice, blocks = choice_of(layers), len(layout.blocks)
    choice.of(blocks)
    return {
        tap: place
        for tap, place in _all_wires(model, layout).items()
        if choice.has(place.block, place.role, blocks)
    }


def _all_wires(model: PreTrainedModel, layout: Layout) -> dict[Tap, Place]:
    layers = (
        BlockLayer(layer.block, layer.path, layer.module_name)
        for layer in models.linear_layers(model, layout)
    )
    return wires_between(layers, len(layout.blocks), _name_of(model, models.head_of(model)))


class BlockLayer(NamedTuple):
    """A linear layer: its block, its name within that, and its name in the model."""

    block: int
    path: str
    name: str


def wires_between(layers: Iterable[BlockLayer], blocks: int, head: str) -> dict[Tap, Place]:
    """The taps of all wires of a model with these layers, whatever engine runs it.

    Args:
        layers: In the order in which they read their rows.
        blocks: How many there are.
        head: Name of the output layer.
    """
    taps: dict[Tap, Place] = {models.EMBEDDING: Place(0, "residual")}
    for block in range(blocks):
        taps[models.residual(block)] = Place(block + 1, "residual")
    inputs: set[Place] = set()
    for layer in layers:
        roles = _core.audit_layer_roles(layer.path)
        if roles is None:
            continue
        given, returned = (Place(layer.block, role) for role in roles)
        # Layers that read the same rows, as q, k and v do, are told of them once.
        if given not in inputs:
            inputs.add(given)
            taps[models.linear_input(layer.name)] = given
        taps[models.linear_output(layer.name)] = returned
    taps[models.HEAD_INPUT] = Place(None, "final_norm")
    taps[models.linear_output(head)] = Place(None, "logits")
    return taps


def _name_of(model: nn.Module, module: nn.Module) -> str:
    names: dict[nn.Module, str] = {one: name for name, one in model.named_modules()}
    return names[module]
