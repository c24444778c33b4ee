"""Forward hooks that hand the rows entering or leaving a module to a function."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from torch import Tensor, nn

OnTensor = Callable[[Tensor], object]
Side = Literal["input", "output"]


@contextmanager
def hooked(module: nn.Module, side: Side, on_tensor: OnTensor) -> Iterator[None]:
    """Call `on_tensor` with what each call of `module` is given, or returns.

    Calls by other threads, and calls without a tensor, are passed over.
    """
    thread = threading.get_ident()

    # Another thread may remove its hooks while torch goes through them, and torch then calls one
    # without the keywords that it was registered for.

    def before(
        _: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None
    ) -> None:
        given = kwargs or {}
        state = args[0] if args else given.get("hidden_states", next(iter(given.values()), None))
        if isinstance(state, Tensor) and threading.get_ident() == thread:
            on_tensor(state)

    def after(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        state = _hidden_state(output)
        if state is not None and threading.get_ident() == thread:
            on_tensor(state)

    if side == "input":
        handle = module.register_forward_pre_hook(before, with_kwargs=True)
    else:
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
