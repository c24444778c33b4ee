"""What observers are, and what they are told."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from .. import _core
from .taps import Tap


class Span(NamedTuple):
    """Rows of one tensor that belong to one sequence.

    Attributes:
        sequence: Its number.
        position: Of the token that the first of the rows belongs to, from 0, padding not counted.
        start: First of the rows.
        stop: The row after the last.
    """

    sequence: int
    position: int
    start: int
    stop: int


class Rows:
    """What came by at one tap in one pass.

    Attributes:
        state: As the module has it: [sequences, tokens, ..], or [rows, ..]. It is the model's own
            memory: what is to be kept must be copied.
        spans: Which of the rows are whose. Rows of padding, of sequences that have ended, and of
            tokens whose row came before are in none.
    """

    # Made for each tap in each pass, so that it must cost little.
    __slots__ = ("spans", "state")

    def __init__(self, state: Tensor, spans: tuple[Span, ...]) -> None:
        self.state = state
        self.spans = spans

    @property
    def values(self) -> Tensor:
        """The same memory as (rows, width): what a token has on several axes is one row of it."""
        state = self.state
        if state.ndim > 3:
            state = state.flatten(2)
        return state.flatten(0, 1) if state.ndim == 3 else state

    def __iter__(self) -> Iterator[tuple[int, int, Tensor]]:
        """Number of a sequence, position of the first row's token, and its rows."""
        values = self.values
        every = values.shape[0]
        for sequence, position, start, stop in self.spans:
            whole = stop - start == every
            yield sequence, position, values if whole else values[start:stop]


class Observer(Protocol):
    """Is told of rows while a model runs.

    All of it is called on the thread that runs the model, which waits for it: be quick. What it
    raises ends the run. A sequence has a number that no other sequence of this process has. The row
    at position p is computed when the token at p is fed, and that of the head's input is what the
    token at p + 1 is chosen from. So the last token of an answer has no row.
    """

    @property
    def taps(self) -> Sequence[Tap]:
        """What it wants to see."""

    def begin(self, sequence: int, prompt: list[int]) -> None:
        """A sequence begins with these tokens; its rows come next."""

    def rows(self, tap: int, rows: Rows) -> None:
        """Rows at tap number `tap` of `taps`, in the order of their positions.

        Of a prompt some may be missing: a model may give its head the last row alone, and rows of
        tokens that a cache had already are not computed.
        """

    def end(self, sequence: int, output: list[int]) -> None:
        """It is whole: these tokens were produced, up to and with the one that ended it."""

    def drop(self, sequence: int) -> None:
        """Nothing more will come of it: the run failed."""


@runtime_checkable
class TokenObserver(Observer, Protocol):
    """An observer that is told of each token as soon as it is known, not only at the end."""

    def token(self, sequence: int, token: int) -> None:
        """It came of the rows that were told last.

        Of the last token of an answer `end` alone tells, unless others of its batch go on.
        """


class Follower(Protocol):
    """What takes the tensors of one run of a model for an observer."""

    def begin_pass(self, sequences: int, fed: int) -> None:
        """A pass begins, over so many sequences and so many tokens of each."""

    def taker(
        self, tap: int, whole: bool, otherwise: Callable[[Tensor, bool], None]
    ) -> _core.TensorTaker:
        """Takes the tensors of tap number `tap`: once in each pass.

        Args:
            whole: They have a row for each token that was fed, not for the last ones alone.
            otherwise: Calls `Observer.rows`, and refuses what cannot be followed. Is to be told of
                each tensor that is not contiguous rows of all sequences, and, with True, of one
                that comes a second time in a pass.
        """


@runtime_checkable
class NativeObserver(Observer, Protocol):
    """An observer that takes tensors by native code, where no call of `rows` comes in between.

    It costs less: a hook that is written in Python takes longer than copying a row. `rows` is
    called all the same at taps that a native hook does not reach, and for tensors of other shapes.
    """

    def follow(self, spans_of: Callable[[int], tuple[Span, ...]]) -> Follower:
        """A run begins.

        Args:
            spans_of: Gives the spans of a tensor with so many rows of each sequence, the last ones,
                in the pass under way.
        """
