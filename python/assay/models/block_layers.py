"""The linear layers of a model's blocks, in the order in which its modules are registered."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ..errors import LayoutError
from .layout import Layout, find_layout


@dataclass(frozen=True)
class LinearLayer:
    """One linear layer of a block.

    Attributes:
        index: Its place among the linear layers of all blocks, from 0.
        block: Index of its block.
        path: Within the block, as `named_modules` has it: "self_attn.q_proj".
        module_name: Within the model: "model.layers.0.self_attn.q_proj".
        module: A `Linear`, or the `Conv1D` of GPT-2, which is stored transposed.
    """

    index: int
    block: int
    path: str
    module_name: str
    module: nn.Module

    @property
    def name(self) -> str:
        """The name in files of scores: "<block>.<path>"."""
        return f"{self.block}.{self.path}"

    @property
    def weight(self) -> Tensor:
        """A view of its weights, (outputs, inputs)."""
        weight = self.module.get_parameter("weight")
        return weight.t() if isinstance(self.module, Conv1D) else weight


def linear_layers(model: PreTrainedModel, layout: Layout | None = None) -> Sequence[LinearLayer]:
    """The linear layers of all blocks; head, embeddings and norms are in none.

    Args:
        model: In evaluation mode; without a `layout` runs on two tokens.
        layout: Of this model, if it is known.

    Raises:
        LayoutError: As `find_layout`; blocks without a linear layer.
    """
    layout = layout or find_layout(model)
    names = {module: name for name, module in model.named_modules()}
    found: list[LinearLayer] = []
    for number, block in enumerate(layout.blocks):
        for path, module in block.named_modules():
            if isinstance(module, nn.Linear | Conv1D):
                name = f"{names[block]}.{path}"
                found.append(LinearLayer(len(found), number, path, name, module))
    if not found:
        reason = "its blocks have no linear layer; only Linear and Conv1D are known"
        raise LayoutError("unsupported", type(model).__name__, reason)
    return found
