"""The state that a model's language model head sees."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import InputError

OnState = Callable[[Tensor], Tensor | None]


def head_of(model: PreTrainedModel) -> nn.Module:
    """The module that makes scores of the final hidden states.

    Raises:
        InputError: The model has none, or produces its tokens from two stacks ("unsupported").
    """
    name = type(model).__name__
    if getattr(model.config, "is_encoder_decoder", False):
        raise InputError("unsupported", name, "an encoder and a decoder; give a decoder alone")
    untyped: Any = model
    head = untyped.get_output_embeddings()
    if not isinstance(head, nn.Module):
        raise InputError("unsupported", name, "it has no language model head; give a causal one")
    return head


@contextmanager
def head_inputs(model: PreTrainedModel, on_state: OnState) -> Iterator[None]:
    """Call `on_state` with what the head is given, and give the head what it returns, if anything.

    The state has shape (sequences, rows, width); models give the head all rows or the last alone.
    """

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = next(iter(kwargs), "")
        state = args[0] if args else kwargs.get(name)
        if not isinstance(state, Tensor):
            raise InputError("unsupported", "head", "was called without a tensor")
        instead = on_state(state)
        if instead is None:
            return None
        return ((instead, *args[1:]), kwargs) if args else (args, {**kwargs, name: instead})

    handle = head_of(model).register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
