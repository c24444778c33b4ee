"""Let observers see what a model computes while it generates, in the passes that it makes."""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import InputError
from .layout import Layout, places_of
from .rows import Observer
from .running import Attached, Run

# What makes a call of generate() run more than one row of a sequence at a time, move sequences from
# row to row, or run the model where nobody follows it; and the value that does not.
_SEVERAL_TOKENS = "checks several tokens in one pass"
_BEAMS = "beam search moves sequences from row to row"
_REFUSED: dict[str, tuple[object, str]] = {
    "num_beams": (1, _BEAMS),
    "num_beam_groups": (1, _BEAMS),
    "constraints": (None, _BEAMS),
    "force_words_ids": (None, _BEAMS),
    "assistant_model": (None, f"assisted decoding {_SEVERAL_TOKENS}"),
    "assistant_early_exit": (None, f"assisted decoding {_SEVERAL_TOKENS}"),
    "use_mtp": (None, f"assisted decoding {_SEVERAL_TOKENS}"),
    "prompt_lookup_num_tokens": (None, f"prompt lookup {_SEVERAL_TOKENS}"),
    "prefill_chunk_size": (None, "a prompt in pieces gives the head more than one row"),
    "penalty_alpha": (None, "contrastive search runs several candidates for each token"),
    "dola_layers": (None, "DoLa scores states other than the last"),
    "guidance_scale": (1, "guidance runs a second pass for each token"),
    "custom_generate": (None, "how it runs the model is not known"),
}


@contextmanager
def observe(
    model: PreTrainedModel,
    *observers: Observer,
    layout: Layout | None = None,
    this_thread_only: bool = False,
) -> Iterator[None]:
    """Let `observers` see every `model.generate(..)` within the block.

    Args:
        model: On any device. Its method `generate` is wrapped until nobody observes it any more.
        observers: As many as are wanted; all see the same passes, and none causes another.
        layout: Of the model, if it is known; else it is found where a tap needs it.
        this_thread_only: Pass over what other threads generate.

    Raises:
        InputError: The model has no such taps; within the block, from `generate`: a call that does
            not make one row of each sequence for each token ("unsupported").
        LayoutError: As `find_layout`.
    """
    thread = threading.get_ident() if this_thread_only else None
    attached = [Attached(one, places_of(model, one.taps, layout), thread) for one in observers]
    followed = _Followed.attach(model, attached)
    try:
        yield
    finally:
        followed.detach(attached)


class _Followed:
    """The method `generate` of a model while it is observed."""

    _changing = threading.Lock()

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._own = vars(model).get("generate")
        untyped: Any = model
        self._generate: Callable[..., Any] = untyped.generate
        self._attached: list[Attached] = []
        functools.update_wrapper(self, self._generate)

    @classmethod
    def attach(cls, model: PreTrainedModel, attached: Sequence[Attached]) -> "_Followed":
        """Wrap the method, unless it is wrapped, and add observers to those that there are."""
        with cls._changing:
            found = vars(model).get("generate")
            followed = found if isinstance(found, cls) else cls(model)
            followed._attached = [*followed._attached, *attached]
            object.__setattr__(model, "generate", followed)
        return followed

    def detach(self, attached: Sequence[Attached]) -> None:
        """Take observers away; with the last of them the model is as it was."""
        with self._changing:
            gone = set(map(id, attached))
            self._attached = [one for one in self._attached if id(one) not in gone]
            # Whoever has wrapped it once more in the meantime keeps that.
            if self._attached or vars(self._model).get("generate") is not self:
                return
            object.__delattr__(self._model, "generate")
            if self._own is not None:
                object.__setattr__(self._model, "generate", self._own)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        here = threading.get_ident()
        attached = [one for one in self._attached if one.thread in (None, here)]
        if not attached:
            return self._generate(*args, **kwargs)
        call = _Call(self._model, args, kwargs)
        run = Run(self._model, attached, call.inputs, call.mask, call.ends)
        with run.followed():
            result = self._generate(*args, **{"disable_compile": True, **kwargs})
            run.finish(result if isinstance(result, Tensor) else result.sequences)
        return result


class _Call:
    """What a call of generate() was given.

    Attributes:
        inputs: Token ids, (sequences, tokens).
        mask: Where they are no padding, as the caller says.
        ends: Tokens that end a text.

    Raises:
        InputError: It cannot be followed ("unsupported").
    """

    def __init__(
        self, model: PreTrainedModel, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._kwargs = kwargs
        config = kwargs.get("generation_config") or (args[1] if len(args) > 1 else None)
        self._configs = [one for one in (config, model.generation_config) if one is not None]
        for name, (plain, reason) in _REFUSED.items():
            value = self._setting(name)
            if value not in (plain, None, False):
                raise InputError("unsupported", f"generate({name}={value!r})", reason)
        if self._setting("cache_implementation") == "paged":
            raise InputError("unsupported", "generate", "a batch that changes while it runs")
        given = (*args[:1], kwargs.get("inputs"), kwargs.get("input_ids"))
        inputs = next((one for one in given if one is not None), None)
        if not isinstance(inputs, Tensor) or kwargs.get("inputs_embeds") is not None:
            raise InputError("unsupported", "generate", "no token ids; give input_ids")
        self.inputs = inputs
        self.mask: Tensor | None = kwargs.get("attention_mask")
        end = self._setting("eos_token_id")
        self.ends: list[int] = [] if end is None else torch.as_tensor(end).reshape(-1).tolist()

    def _setting(self, name: str) -> Any:
        # As transformers has it, a keyword counts even if it is None.
        if name in self._kwargs:
            return self._kwargs[name]
        values = (getattr(config, name, None) for config in self._configs)
        return next((value for value in values if value is not None), None)
