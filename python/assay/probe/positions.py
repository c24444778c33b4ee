"""Which rows of a text count."""

import itertools
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError

_NAMED = ("all", "last", "mean")


@dataclass(frozen=True)
class PositionRule:
    """Which rows of a text count.

    Attributes:
        name: "all": the row of each token. "last": that of the last. "mean": their mean. Else
            positions from 0, increasing, with commas between: "0,3".
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in _NAMED:
            _listed(self.name)

    @property
    def is_mean(self) -> bool:
        """Whether a text has one row, the mean of those of all its tokens."""
        return self.name == "mean"

    def positions(self, tokens: int, place: str) -> list[int]:
        """The positions of a text of so many tokens that count; for a mean, all of them.

        Raises:
            InputError: The text has no such position ("out_of_range"); `place` names it.
        """
        if self.name in ("all", "mean"):
            return list(range(tokens))
        if self.name == "last":
            return [tokens - 1]
        listed = _listed(self.name)
        if listed[-1] >= tokens:
            reason = f"has {tokens} tokens, and none at position {listed[-1]}"
            raise InputError("out_of_range", place, reason)
        return listed

    def rows(self, tokens: int, place: str) -> int:
        """How many rows a text of so many tokens has.

        Raises:
            InputError: As `positions`.
        """
        return 1 if self.is_mean else len(self.positions(tokens, place))

    def pick(self, rows: NDArray[np.float32], place: str) -> NDArray[np.float32]:
        """The rows that count, of those of all tokens of a text, (tokens, width).

        Raises:
            InputError: As `positions`.
        """
        if self.is_mean:
            mean: NDArray[np.float32] = _core.probe_mean_row(np.ascontiguousarray(rows))
            return mean[None]
        picked: NDArray[np.float32] = rows[self.positions(len(rows), place)]
        return picked


def _listed(text: str) -> list[int]:
    words = text.split(",")
    if not all(re.fullmatch("0|[1-9][0-9]{0,8}", word) for word in words):
        reason = f"{text!r}; use {', '.join(_NAMED)}, or numbers with commas between: 0,3"
        raise InputError("malformed", "positions", reason)
    numbers = [int(word) for word in words]
    if any(left >= right for left, right in itertools.pairwise(numbers)):
        raise InputError("non_canonical", "positions", f"{text}: give each once, increasing")
    return numbers
