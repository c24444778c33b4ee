"""A pass over given tokens that can be made again from any block on.

What the blocks before that one compute is kept, so that a change in a late block costs only the
blocks behind it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import InputError
from .layout import Layout, device_of, find_layout
from .recomputing import require_positions


class KeptPass:
    """One pass, and what each block handed on in it.

    The model belongs to this object's caller: no other thread may run it during `again`.

    Attributes:
        logits: Of the pass, (sequences, tokens, vocabulary), in the model's dtype.
    """

    def __init__(self, model: PreTrainedModel, ids: Tensor, layout: Layout | None = None) -> None:
        """Make the pass, and see that it can be made again.

        Args:
            model: In evaluation mode.
            ids: Token ids, (sequences, tokens), without padding.
            layout: Of the model, if it is known.

        Raises:
            InputError: No tokens, an id outside the vocabulary ("out_of_range"); more tokens than
                positions ("too_large"); a model that gives other scores when its blocks hand on the
                same ("unsupported").
            LayoutError: As `find_layout`.
        """
        if ids.ndim != 2 or ids.numel() == 0:
            reason = f"of shape {tuple(ids.shape)}; give sequences of at least one token each"
            raise InputError("out_of_range", "tokens", reason)
        require_positions(model, ids.shape[1])
        embedding: Any = model.get_input_embeddings()
        size = int(embedding.weight.shape[0])
        if int(ids.min()) < 0 or int(ids.max()) >= size:
            raise InputError("out_of_range", "tokens", f"an id outside the vocabulary of {size}")
        self._model = model
        self._blocks = (layout or find_layout(model)).blocks
        self._ids = ids.to(device_of(model))
        # As a block returned it: a tensor, or a tuple that begins with one.
        self._handed: list[Any] = []
        with listening(self._blocks, self._handed):
            self.logits = self._pass()
        for first in sorted({len(self._blocks) // 2, len(self._blocks)}):
            if not torch.equal(self.again(first), self.logits):
                reason = f"other scores when blocks 0 to {first - 1} hand on what they did before"
                raise InputError("unsupported", type(model).__name__, reason)

    def again(self, first: int) -> Tensor:
        """The logits of a pass in which the blocks before `first` hand on what they did.

        Args:
            first: From 0, where every block runs, to the number of blocks, where none does.
        """
        if not 0 <= first <= len(self._blocks):
            reason = f"block {first}; the model has {len(self._blocks)} blocks"
            raise InputError("out_of_range", "first block", reason)
        with handing_on(self._blocks[:first], self._handed[:first]):
            return self._pass()

    def _pass(self) -> Tensor:
        untyped: Any = self._model
        with torch.inference_mode():
            result = untyped(
                input_ids=self._ids,
                attention_mask=torch.ones_like(self._ids),
                use_cache=False,
                return_dict=True,
            )
        logits: Tensor = result.logits
        return logits


@contextmanager
def listening(blocks: Sequence[nn.Module], handed: list[Any]) -> Iterator[None]:
    """Keep what each of these blocks returns within the `with` block, in the order of the calls."""
    hooks = [
        block.register_forward_hook(lambda _module, _given, output: handed.append(output))
        for block in blocks
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def handing_on(blocks: Sequence[nn.Module], handed: Sequence[Any]) -> Iterator[None]:
    """Let these blocks return this within the `with` block, whatever they are given."""
    before = [vars(block).get("forward") for block in blocks]
    for block, output in zip(blocks, handed, strict=True):
        block.forward = _giving(output)
    try:
        yield
    finally:
        for block, own in zip(blocks, before, strict=True):
            if own is None:
                del block.forward
            else:
                block.forward = own


def _giving(output: Any) -> Any:
    return lambda *_args, **_kwargs: output
