"""Let observers see what a model computes while it generates, in the passes that it makes."""

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import InputError
from .hooks import is_taken, original_of
from .layout import Layout, places_of
from .rows import Observer
from .running import Attached, Run

# What `generate_batch` and all that is like it begin with.
_BATCH = "init_continuous_batching"
_CHANGING_BATCH = "a batch that changes while it runs; call generate"

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


# Those that see what is run in this context: threads, and tasks of asyncio, have contexts of their
# own.
_SEEING: ContextVar[tuple[Attached, ...]] = ContextVar("observers", default=())


@contextmanager
def observe(
    model: PreTrainedModel,
    *observers: Observer,
    layout: Layout | None = None,
    all_threads: bool = False,
) -> Iterator[None]:
    """Let `observers` see every `model.generate(..)` that this thread runs within the block.

    What runs in a copy of the thread's context (`contextvars.copy_context`, `asyncio.to_thread`) is
    the thread's own.

    Args:
        model: On any device, in evaluation mode. Its method `generate` is wrapped until nobody
            observes it any more. What `torch.compile(model)` gave stands for that model.
        observers: As many as are wanted; all see the same passes, and none causes another.
        layout: Of the model, if it is known; else it is found where a tap needs it.
        all_threads: See what every thread runs.

    Raises:
        InputError: The model has no such taps; within the block, from `generate`: a call that does
            not make one row of each sequence for each token, from the model: a pass that
            `generate` does not make; at its end: only other threads ran the model ("unsupported").
        LayoutError: As `find_layout`.
    """
    model = original_of(model)
    attached = [Attached(one, places_of(model, one.taps, layout)) for one in observers]
    followed = _Followed.attach(model, attached, all_threads)
    if not all_threads:
        _SEEING.set((*_SEEING.get(), *attached))
    try:
        yield
    finally:
        _SEEING.set(tuple(one for one in _SEEING.get() if one not in attached))
        followed.detach(attached)
    missed = max((one.most_missed() for one in attached if not one.heard), default=0)
    if missed:
        reason = (
            f"saw nothing of {missed} pass{'' if missed == 1 else 'es'} that other threads made; "
            "say all_threads=True, or run generate in a copy of this context "
            "(contextvars.copy_context)"
        )
        raise InputError("unsupported", type(model).__name__, reason)


class _Entrance:
    """A hook of a module, in which copies and pickles of that module have no part."""

    def __init__(self, entering: Callable[[nn.Module], None] | None = None) -> None:
        self._entering = entering

    def __call__(self, module: nn.Module, *_: object) -> None:
        if self._entering is not None:
            self._entering(module)

    def __deepcopy__(self, _: object) -> "_Entrance":
        return _Entrance()

    def __reduce__(self) -> tuple[type["_Entrance"], tuple[()]]:
        return _Entrance, ()


class _Followed:
    """A model while it is observed."""

    _changing = threading.Lock()
    _all: ClassVar[dict[PreTrainedModel, "_Followed"]] = {}

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._attached: list[Attached] = []
        self._everywhere: set[Attached] = set()
        untyped: Any = model
        self._generate: Callable[..., Any] = untyped.generate
        self._batch: Callable[..., Any] | None = getattr(model, _BATCH, None)
        self._ours = {"generate": _in_place_of(self._generate, self._followed_generate)}
        if self._batch is not None:
            self._ours[_BATCH] = _in_place_of(self._batch, self._refused_batch)
        self._theirs = {name: vars(model)[name] for name in self._ours if name in vars(model)}
        for name, own in self._ours.items():
            object.__setattr__(model, name, own)
        self._hooks = [model.register_forward_pre_hook(self._passing)]
        for part in _parts_of_a_loop(model):
            self._hooks.append(part.register_forward_pre_hook(_Entrance(self._entering)))

    @classmethod
    def attach(
        cls, model: PreTrainedModel, attached: Sequence[Attached], everywhere: bool
    ) -> "_Followed":
        """Follow the model, unless it is followed, and add observers to those that there are."""
        with cls._changing:
            followed = cls._all.get(model) or cls(model)
            cls._all[model] = followed
            followed._attached = [*followed._attached, *attached]
            if everywhere:
                followed._everywhere.update(attached)
        return followed

    def detach(self, attached: Sequence[Attached]) -> None:
        """Take observers away; with the last of them the model is as it was."""
        with self._changing:
            self._attached = [one for one in self._attached if one not in attached]
            self._everywhere.difference_update(attached)
            if self._attached or self._all.pop(self._model, None) is None:
                return
            for hook in self._hooks:
                hook.remove()
            for name, own in self._ours.items():
                # Whoever has wrapped it once more in the meantime keeps that.
                if vars(self._model).get(name) is own:
                    object.__delattr__(self._model, name)
                    if name in self._theirs:
                        object.__setattr__(self._model, name, self._theirs[name])

    def _seeing(self) -> list[Attached]:
        here = _SEEING.get()
        return [one for one in self._attached if one in here or one in self._everywhere]

    def _passing(self, *_: object) -> None:
        """Before each pass of the model, whoever makes it."""
        if not is_taken(self._model):
            self._passed(self._model)

    def _entering(self, part: nn.Module) -> None:
        """Before each pass of the decoder or the head, also of loops that call it by itself."""
        if torch.compiler.is_compiling() or is_taken(self._model):
            return
        if not self._is_shared_now(part):
            self._passed(part)

    def _passed(self, part: nn.Module) -> None:
        """Nobody follows what runs `part` now."""
        if self._seeing():
            reason = (
                "a pass that generate() did not make, which observers cannot follow; call generate"
            )
            raise InputError("unsupported", type(self._model).__name__, reason)
        for one in self._attached:
            one.missed[part] += 1

    def _is_shared_now(self, part: nn.Module) -> bool:
        """Whether another model that has the part too is what calls it, in this thread."""
        frame = sys._getframe()
        while (below := frame.f_back) is not None:
            frame = below
            caller = frame.f_locals.get("self")
            if isinstance(caller, PreTrainedModel) and caller not in (part, self._model):
                parts = set(caller.modules())
                if part in parts and self._model not in parts:
                    return True
        return False

    def _refused_batch(self, *args: Any, **kwargs: Any) -> Any:
        if self._seeing():
            raise InputError("unsupported", "generate_batch", _CHANGING_BATCH)
        assert self._batch is not None  # noqa: S101 - else this is not in its place
        return self._batch(*args, **kwargs)

    def _followed_generate(self, *args: Any, **kwargs: Any) -> Any:
        attached = self._seeing()
        if not attached:
            return self._generate(*args, **kwargs)
        call = _Call(self._model, args, kwargs)
        run = Run(self._model, attached, call.inputs, call.mask, call.ends)
        with run.followed():
            result = self._generate(*args, **{"disable_compile": True, **kwargs})
            run.finish(result if isinstance(result, Tensor) else result.sequences)
        return result


def _parts_of_a_loop(model: PreTrainedModel) -> set[nn.Module]:
    """What a loop may call in place of the model: all but the head, and the head."""
    untyped: Any = model
    decoder = untyped.get_decoder() if hasattr(model, "get_decoder") else None
    found = {untyped.base_model, decoder, untyped.get_output_embeddings()}
    return {one for one in found if isinstance(one, nn.Module)} - {model}


def _in_place_of(own: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    return functools.update_wrapper(functools.partial(other), own)


class _Call:
    """What a call of generate() was given.

    Attributes:
        inputs: Token ids, (sequences, tokens).
        mask: Where they are no padding, as the caller says, or as transformers takes it to be where
            the caller says nothing.
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
                short = isinstance(value, int | float) or (
                    isinstance(value, str) and len(value) <= 40 and value.isprintable()
                )
                shown = value if short else type(value).__name__
                raise InputError("unsupported", f"generate({name}={shown})", reason)
        if self._setting("cache_implementation") == "paged":
            raise InputError("unsupported", "generate", _CHANGING_BATCH)
        given = (*args[:1], kwargs.get("inputs"), kwargs.get("input_ids"))
        inputs = next((one for one in given if one is not None), None)
        if not isinstance(inputs, Tensor) or kwargs.get("inputs_embeds") is not None:
            raise InputError("unsupported", "generate", "no token ids; give input_ids")
        self.inputs = inputs
        end = self._setting("eos_token_id")
        self.ends: list[int] = [] if end is None else torch.as_tensor(end).reshape(-1).tolist()
        self.mask: Tensor | None = kwargs.get("attention_mask")
        padding = self._setting("pad_token_id")
        masked = "attention_mask" in inspect.signature(model.forward).parameters
        if self.mask is None and masked and padding is not None and padding not in self.ends:
            self.mask = inputs != padding

    def _setting(self, name: str) -> Any:
        # As transformers has it, a keyword counts even if it is None.
        if name in self._kwargs:
            return self._kwargs[name]
        values = (getattr(config, name, None) for config in self._configs)
        return next((value for value in values if value is not None), None)
