"""See matrix products as they are made: torch.matmul, `@`, `__rmatmul__` and nn.Linear.

Each is called as it is, with what it is given, and what it returns is shown to whoever wants to
know, with what it was made of. Names that were imported before, other functions of torch and
compiled code go by unseen; `counting` counts those.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from .packets import Call


class Seen(NamedTuple):
    """A product: what a call was given, and what it returned.

    Attributes:
        call: Which.
        a: The left operand, or the input of a linear layer.
        b: The right operand, or its weight, (outputs, inputs).
        bias: Of a linear layer, or None.
        c: The result.
    """

    call: Call
    a: Any
    b: Any
    bias: Any
    c: Any


Taker = Callable[[Seen], None]
"""Is told of each product, on the thread that made it; must not raise."""


class _Here(threading.local):
    inside = False


_here = _Here()
_changing = threading.Lock()


class _Taking:
    taker: Taker | None = None


def is_seen() -> bool:
    """Whether this thread is within a call that is seen, or with what is made of one."""
    return _here.inside


@contextmanager
def unseen() -> Iterator[None]:
    """Products that this thread makes within the block are nobody's concern."""
    before, _here.inside = _here.inside, True
    try:
        yield
    finally:
        _here.inside = before


@contextmanager
def intercepted(taker: Taker) -> Iterator[None]:
    """Tell `taker` of the products that any thread makes within the block.

    There is one at a time. Afterwards everything is as it was; what somebody else has put over it
    in the meantime stays, and finds nobody to tell.
    """
    with _changing:
        undo = [_replaced(owner, name, make) for owner, name, make in _PLACES]
        _Taking.taker = taker
    try:
        yield
    finally:
        with _changing:
            _Taking.taker = None
            for restore in undo:
                restore()


def _of_matmul(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Seen:
    a, b = (*args, *(kwargs[name] for name in ("input", "other") if name in kwargs))[:2]
    return Seen("matmul", a, b, None, result)


def _of_rmatmul(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Seen:
    # Of `a @ b` it is b's method.
    return Seen("matmul", args[1], args[0], None, result)


def _of_linear(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Seen:
    module = args[0]
    given = args[1] if len(args) > 1 else kwargs["input"]
    # Not by its name: a parametrization would compute it anew, and may change as it does.
    parameters = module._parameters
    return Seen("linear", given, parameters.get("weight"), parameters.get("bias"), result)


_Make = Callable[[tuple[Any, ...], dict[str, Any], Any], Seen]
_PLACES: tuple[tuple[Any, str, _Make], ...] = (
    (torch, "matmul", _of_matmul),
    (torch.Tensor, "__matmul__", _of_matmul),
    (torch.Tensor, "__rmatmul__", _of_rmatmul),
    (nn.Linear, "forward", _of_linear),
)


def _replaced(owner: Any, name: str, make: _Make) -> Callable[[], None]:
    """Put a wrapper in its place; gives what undoes that."""
    original = getattr(owner, name)
    own = name in vars(owner)
    wrapper = _wrapped(original, make)
    setattr(owner, name, wrapper)

    def restore() -> None:
        if vars(owner).get(name) is not wrapper:
            return
        if own:
            setattr(owner, name, original)
        else:  # it was a base class's
            delattr(owner, name)

    return restore


def _wrapped(original: Callable[..., Any], make: _Make) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        # Code that is being compiled must not be told from code that is not.
        if torch.compiler.is_compiling():
            return original(*args, **kwargs)
        taker = _Taking.taker
        if taker is None or _here.inside:
            return original(*args, **kwargs)
        _here.inside = True
        try:
            result = original(*args, **kwargs)
            if result is not NotImplemented:
                _tell(taker, make, args, kwargs, result)
        finally:
            _here.inside = False
        return result

    return call


def _tell(taker: Taker, make: _Make, args: Any, kwargs: Any, result: Any) -> None:
    try:
        seen = make(args, kwargs, result)
    except (KeyError, IndexError, ValueError, AttributeError):
        # A call in another form than is known here: one that cannot be sampled.
        seen = Seen("matmul", None, None, None, result)
    taker(seen)
