"""The token after a prompt, when the residual of the prompt's last token is another.

All tokens before that one are computed once and kept in a cache; so are the blocks up to the one
whose residual is moved. What is computed for each move is one token, in the blocks behind.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import InputError
from ..stopping import obey
from .layout import Layout, device_of, find_layout
from .recomputing import require_positions
from .resuming import handing_on, listening


class CachedPrompt:
    """A prompt whose last token can be looked at again with its residual moved.

    The model belongs to this object's caller: no other thread may run it during `moved`.

    Attributes:
        residual: What the block handed on for the last token, (width,), in float32 on the CPU.
        logits: Of the token after the prompt, (vocabulary,), in the model's dtype on the CPU.
    """

    def __init__(
        self, model: PreTrainedModel, ids: Sequence[int], block: int, layout: Layout | None = None
    ) -> None:
        """Run the model over the prompt.

        Args:
            model: In evaluation mode.
            ids: Token ids, at least one.
            block: Whose residual is to be moved, from 0.
            layout: Of the model, if it is known.

        Raises:
            InputError: No tokens, an id outside the vocabulary, a block that the model has not
                ("out_of_range"); more tokens than positions ("too_large"); a model that gives other
                scores when its blocks hand on the same ("unsupported").
            LayoutError: As `find_layout`.
        """
        blocks = (layout or find_layout(model)).blocks
        if not 0 <= block < len(blocks):
            reason = f"block {block}; the model has blocks 0 to {len(blocks) - 1}"
            raise InputError("out_of_range", "layer", reason)
        if len(ids) == 0:
            raise InputError("out_of_range", "prompt", "no tokens; at least one is needed")
        require_positions(model, len(ids))
        embedding: Any = model.get_input_embeddings()
        size = int(embedding.weight.shape[0])
        if min(ids) < 0 or max(ids) >= size:
            raise InputError("out_of_range", "prompt", f"an id outside the vocabulary of {size}")
        self._model = model
        self._tokens = torch.tensor([list(ids)], dtype=torch.int64, device=device_of(model))
        self._behind = blocks[: block + 1]
        self._cache: Any = None
        if len(ids) > 1:
            self._cache = self._run(self._tokens[:, :-1], None, use_cache=True).past_key_values
        handed: list[Any] = []
        with listening(self._behind, handed):
            self.logits = self._last_scores(1)[0]
        self._handed = handed
        state = _state_of(handed[-1])
        if state.ndim != 3 or state.shape[:2] != (1, 1):
            reason = f"a residual of shape {tuple(state.shape)}, not [sequences, tokens, width]"
            raise InputError("unsupported", type(model).__name__, reason)
        self.residual = state[0, 0].float().cpu()
        if not torch.equal(self.moved(torch.zeros(1, state.shape[2]))[0], self.logits):
            reason = f"other scores when blocks 0 to {block} hand on what they did before"
            raise InputError("unsupported", type(model).__name__, reason)

    def moved(self, moves: Tensor) -> Tensor:
        """The scores of the token after the prompt, when so much is added to the residual.

        Args:
            moves: (count, width), in float32, of a count that fits beside copies of the cache.

        Returns:
            (count, vocabulary), in the model's dtype, on the CPU.
        """
        obey()
        count = len(moves)
        state = _state_of(self._handed[-1])
        there = moves.to(state.device, torch.float32)
        changed = (state.float() + there[:, None]).to(state.dtype)
        handed = [_repeated(one, count) for one in self._handed[:-1]]
        handed.append(_with_state(self._handed[-1], changed))
        with handing_on(self._behind, handed):
            return self._last_scores(count)

    def _last_scores(self, count: int) -> Tensor:
        # A pass adds its token to the cache that it is given.
        cache = copy.deepcopy(self._cache)
        if cache is not None and count > 1:
            cache.batch_repeat_interleave(count)
        ids = self._tokens[:, -1:].expand(count, 1)
        logits: Tensor = self._run(ids, cache, use_cache=cache is not None).logits
        return logits[:, -1].cpu()

    def _run(self, ids: Tensor, cache: Any, *, use_cache: bool) -> Any:
        untyped: Any = self._model
        before = 0 if cache is None else self._tokens.shape[1] - 1
        mask = torch.ones((len(ids), before + ids.shape[1]), dtype=torch.int64, device=ids.device)
        with torch.inference_mode():
            return untyped(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=use_cache,
                return_dict=True,
            )


def _state_of(output: Any) -> Tensor:
    """The residual in what a block returned: a tensor, or a tuple that begins with one."""
    state: Tensor = output if isinstance(output, Tensor) else output[0]
    return state


def _with_state(output: Any, state: Tensor) -> Any:
    return state if isinstance(output, Tensor) else (state, *output[1:])


def _repeated(output: Any, count: int) -> Any:
    state = _state_of(output)
    return _with_state(output, state.expand(count, *state.shape[1:]))
