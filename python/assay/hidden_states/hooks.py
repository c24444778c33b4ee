"""Forward hooks that hand the hidden state entering or leaving a module to a function."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

OnTensor = Callable[[Tensor], object]


@contextmanager
def hook_input(module: nn.Module, on_tensor: OnTensor) -> Iterator[None]:
    """Call `on_tensor` with the hidden state that each call of `module` is given.

    Calls that are given no tensor are passed over.
    """

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        state = args[0] if args else kwargs.get("hidden_states")
        if isinstance(state, Tensor):
            on_tensor(state)

    handle = module.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def hook_output(module: nn.Module, on_tensor: OnTensor) -> Iterator[None]:
    """Call `on_tensor` with the hidden state that each call of `module` returns.

    Calls that return no tensor are passed over.
    """

    def after(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        state = _hidden_state(output)
        if state is not None:
            on_tensor(state)

    handle = module.register_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()


def _hidden_state(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        output = output.get("last_hidden_state")
    elif isinstance(output, tuple | list):
        output = output[0] if output else None
    return output if isinstance(output, Tensor) else None
