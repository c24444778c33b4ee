"""What the front of an engine is told of answers that are whole, and hands on."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from . import seams

_MOST_NOTED = 8192

OnFinished = Callable[[seams.Finished], None]
OnFailed = Callable[[int, Exception], None]


class Notes:
    """Answers that are whole and have not been asked for, of an engine without a server.

    Only the newest are held: whoever wants proofs asks for them before thousands of other answers.
    """

    def __init__(self) -> None:
        self._noted: OrderedDict[str, seams.Finished] = OrderedDict()

    def __call__(self, finished: seams.Finished) -> None:
        """Note an answer."""
        self._noted[finished.name] = finished
        while len(self._noted) > _MOST_NOTED:
            self._noted.popitem(last=False)

    def take(self, asked_as: str, choice: int, output: list[int]) -> seams.Finished | None:
        """The answer of this name that was noted first, which is forgotten."""
        for name, one in self._noted.items():
            if (one.asked_as, one.choice, one.output_token_ids) == (asked_as, choice, output):
                return self._noted.pop(name)
        return None


# By the output processor, of which each engine has one.
_LISTENING: "WeakKeyDictionary[Any, OnFinished]" = WeakKeyDictionary()


def finished(processor: Any, answer: seams.Finished) -> None:
    """An answer of the engine with this output processor is whole."""
    listener = _LISTENING.get(processor)
    if listener is None:
        listener = _LISTENING[processor] = Notes()
    listener(answer)


_FAILING: "WeakKeyDictionary[Any, OnFailed]" = WeakKeyDictionary()


def failed(processor: Any, running: int, error: Exception) -> None:
    """The engine with this output processor is dead."""
    told = _FAILING.get(processor)
    if told is not None:
        told(running, error)


def serve(engine: Any) -> None:
    """An asynchronous engine was made: its answers have their proofs asked for at once."""
    from .serving import Collector, collect

    collector = Collector(engine)
    _LISTENING[engine.output_processor] = collector.finished
    _FAILING[engine.output_processor] = collector.failed
    collect(collector)


def notes_of(processor: Any) -> Notes | None:
    """What was noted of the answers of an engine; None where nothing was."""
    listener = _LISTENING.get(processor)
    return listener if isinstance(listener, Notes) else None
