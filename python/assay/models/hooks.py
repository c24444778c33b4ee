"""Forward hooks that hand what enters or leaves a module to whoever runs it.

A hook is set once, whoever wants it, and asks the thread that comes by what it wants to know. So
threads that run one model at the same time keep apart, and none takes a hook from under another.
"""

import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from .. import _core
from .sharing import shared

OnGiven = Callable[[tuple[Any, ...], Mapping[str, Any]], Any]
"""Is told the arguments of a module, and may give others: all of both kinds."""

OnState = Callable[[Tensor], object]

Model = TypeVar("Model", bound=nn.Module)

# Those that torch calls of all modules.
_EVERY_FORWARD_HOOK = torch_module._global_forward_hooks
_EVERY_HOOK = (
    _EVERY_FORWARD_HOOK,
    torch_module._global_forward_pre_hooks,
    torch_module._global_backward_hooks,
    torch_module._global_backward_pre_hooks,
)


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
        hooks.enter_context(_told_natively.telling(wanted.natively))
        table = _table_of(wanted.natively)
        before, _here.taking = _here.taking, wanted
        table_before = _core.swap_hooks(table)
        try:
            yield
        finally:
            _here.taking = before
            _core.swap_hooks(table_before)


def original_of(model: Model) -> Model:
    """The model in what `torch.compile(model)` gave; any other as it is."""
    held: Model = getattr(model, "_orig_mod", model)
    return held


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


class _ToldNatively:
    """Modules that tell native code, each for as long as any thread wants it to."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._made: dict[nn.Module, tuple[int, Callable[[], None]]] = {}

    @contextmanager
    def telling(self, modules: Iterable[nn.Module]) -> Iterator[None]:
        """Many at once: a context for each would cost more than a pass of the model."""
        wanted = list(modules)
        with self._changing:
            for module in wanted:
                users, undo = self._made.get(module) or (0, _tell_natively(module))
                self._made[module] = users + 1, undo
        try:
            yield
        finally:
            with self._changing:
                for module in wanted:
                    users, undo = self._made.pop(module)
                    if users > 1:
                        self._made[module] = users - 1, undo
                    else:
                        undo()


_told_natively = _ToldNatively()


def _tell_natively(module: nn.Module) -> Callable[[], None]:
    """By a `forward` of the module's own where nothing else is in the way, else by a hook.

    With any hook, torch takes the long way through `Module.__call__`, which costs more than all
    that is told. Gives what undoes it.
    """
    scripted = isinstance(module, torch.jit.ScriptModule)
    if scripted or _is_hooked(module) or has_forward_of_its_own(module):
        return module.register_forward_hook(_core.module_hook, with_kwargs=True).remove
    # A method of the module: copies and pickles of it get one of their own.
    own = types.MethodType(forward, module)
    object.__setattr__(module, "forward", own)

    def undo() -> None:
        # Whoever has wrapped it once more in the meantime keeps that.
        if vars(module).get("forward") is own:
            object.__delattr__(module, "forward")

    return undo


def has_forward_of_its_own(module: nn.Module) -> bool:
    """Whether somebody put a `forward` on this module alone, as accelerate does."""
    own = vars(module).get("forward")
    return own is not None and getattr(own, "__func__", None) is not forward


def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """In place of the method of that name: tells what it was given, and what it returns."""
    if self._forward_hooks or _EVERY_FORWARD_HOOK:
        # Set since, and they may return something else.
        _tell_after_others(self)
        return type(self).forward(self, *args, **kwargs)
    result = type(self).forward(self, *args, **kwargs)
    _core.tell_of_call(self, args, kwargs, result)
    return result


def _tell_after_others(module: nn.Module) -> None:
    thread = threading.get_ident()

    def tell(*call: Any) -> None:
        if threading.get_ident() == thread:
            handle.remove()
            _core.tell_of_call(*call)

    handle = module.register_forward_hook(tell, with_kwargs=True)


def _is_hooked(module: nn.Module) -> bool:
    hooks = (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
        *_EVERY_HOOK,
    )
    return any(hooks)


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
