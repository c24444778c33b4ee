"""Forward hooks that hand what enters or leaves a module to whoever runs it.

A hook is set once, whoever wants it, and asks the thread that comes by what it wants to know. So
threads that run one model at the same time keep apart, and none takes a hook from under another.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .. import _core
from .sharing import shared

OnGiven = Callable[[tuple[Any, ...], Mapping[str, Any]], Any]
"""Is told the arguments of a module, and may give others: all of both kinds."""

OnState = Callable[[Tensor], object]


@dataclass(frozen=True)
class Takers:
    """Native code that takes the tensors of a module, once that has returned.

    Attributes:
        given: Take its first argument: of a module that leaves its arguments as they are.
        returned: Take what it returns.
    """

    given: list[_core.TensorTaker] = field(default_factory=list)
    returned: list[_core.TensorTaker] = field(default_factory=list)


@dataclass(frozen=True)
class Taking:
    """What a thread wants to know while it runs a model.

    Attributes:
        given: By module, is told what that is given.
        returned: By module, is told the tensor that it returns.
        natively: By module, what takes its tensors without Python code.
    """

    given: Mapping[nn.Module, OnGiven] = field(default_factory=dict)
    returned: Mapping[nn.Module, OnState] = field(default_factory=dict)
    natively: Mapping[nn.Module, Takers] = field(default_factory=dict)


class _Here(threading.local):
    taking = Taking()


_here = _Here()


@contextmanager
def taking(wanted: Taking) -> Iterator[None]:
    """Let this thread know that, and nothing else, of the modules that it calls in the block."""
    with ExitStack() as hooks:
        hooks.enter_context(uncompiled())
        for module in wanted.given:
            hooks.enter_context(_telling_given(module))
        for module in wanted.returned:
            hooks.enter_context(_telling_returned(module))
        for module in wanted.natively:
            hooks.enter_context(_telling_natively(module))
        table = _table_of(wanted.natively)
        before, _here.taking = _here.taking, wanted
        table_before = _core.swap_hooks(table)
        try:
            yield
        finally:
            _here.taking = before
            _core.swap_hooks(table_before)


def is_taken(module: nn.Module) -> bool:
    """Whether this thread wants to know what `module` is given."""
    return module in _here.taking.given


def state_given(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor | None:
    """The hidden states among the arguments of a module."""
    state = args[0] if args else kwargs.get("hidden_states", next(iter(kwargs.values()), None))
    return state if isinstance(state, Tensor) else None


@shared
@contextmanager
def _telling_given(module: nn.Module) -> Iterator[None]:
    handle = module.register_forward_pre_hook(_before, with_kwargs=True)
    yield
    handle.remove()


@shared
@contextmanager
def _telling_returned(module: nn.Module) -> Iterator[None]:
    handle = module.register_forward_hook(_after)
    yield
    handle.remove()


@shared
@contextmanager
def _telling_natively(module: nn.Module) -> Iterator[None]:
    handle = module.register_forward_hook(_core.module_hook, with_kwargs=True)
    yield
    handle.remove()


def _table_of(natively: Mapping[nn.Module, Takers]) -> _core.HookTable | None:
    if not natively:
        return None
    entries = [(module, one.given, one.returned) for module, one in natively.items()]
    return _core.HookTable(entries, Tensor, state_given, _hidden_state)


@shared
@contextmanager
def uncompiled() -> Iterator[None]:
    """Run what was compiled as it was written: torch calls no hook that is set after compiling."""
    if "torch._dynamo" in sys.modules:
        with torch.compiler.set_stance("force_eager"):
            yield
    else:
        yield


# Torch calls a hook that is taken away meanwhile without the keywords that it was set for. Whoever
# wants to be told has it set, so that this happens to others alone.
def _before(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] = {}) -> Any:
    take = _here.taking.given.get(module)
    return None if take is None else take(args, kwargs)


def _after(module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
    take = _here.taking.returned.get(module)
    if take is not None:
        state = output if type(output) is Tensor else _hidden_state(output)
        if state is not None:
            take(state)


def _hidden_state(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        output = output.get("last_hidden_state")
    elif isinstance(output, tuple | list):
        output = output[0] if output else None
    return output if isinstance(output, Tensor) else None
