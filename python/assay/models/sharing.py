"""A change that several threads may want at once: the first makes it, the last undoes it."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import ParamSpec

Given = ParamSpec("Given")


def shared(
    change: Callable[Given, AbstractContextManager[object]],
) -> Callable[Given, AbstractContextManager[None]]:
    """Let `change`, a context, be entered by several threads in any order; arguments are hashed.

    Each putting back what it found, the first to leave would undo the change for the others, and
    the last would put the change itself back.
    """
    changing = threading.Lock()
    made: dict[object, tuple[int, ExitStack]] = {}

    @contextmanager
    @functools.wraps(change)
    def within(*args: Given.args, **kwargs: Given.kwargs) -> Iterator[None]:
        with changing:
            users, undo = made.get(args) or (0, ExitStack())
            if users == 0:
                undo.enter_context(change(*args, **kwargs))
            made[args] = users + 1, undo
        try:
            yield
        finally:
            with changing:
                users, undo = made.pop(args)
                if users > 1:
                    made[args] = users - 1, undo
                else:
                    undo.close()

    return within
