"""Selection: one contiguous run of layers for each verifier, within its budget."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from .. import _core
from .._core import Verdict
from ..arguments import listed, path_of, real, require, unsigned, whole

Order = Literal["free", "fixed", "greedy"]
Run = tuple[int, int]
"""First and last layer of a verifier; (-1, -1) where it has none."""

_SECONDS = 10.0


@dataclass(frozen=True)
class LayerScores:
    """What a scores file says of each layer, in the order of the model.

    Attributes:
        model: The name of the model.
        names: The name of each layer, "<block>.<module path>".
        values: What checking it is worth: the file's significance_score.
        costs: What checking it costs: the number of its parameters.
    """

    model: str
    names: list[str]
    values: list[float]
    costs: list[int]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a scores file, ours or one of the original pipeline.

        Raises:
            InputError: It cannot be read, or a field is missing or outside its range.
        """
        return cls(*_core.layers_read_scores(path_of(path)))


@dataclass(frozen=True)
class Selection:
    """Who checks which layers.

    Attributes:
        assignments: The run of each verifier.
        value: What all runs are worth together.
        upper_bound: No selection in any order of the verifiers is worth more.
        proven_optimal: None is worth more than this one.
        fixed_order_value: The most that the given order of the verifiers allows.
    """

    assignments: list[Run]
    value: float
    upper_bound: float
    proven_optimal: bool
    fixed_order_value: float


@dataclass(frozen=True)
class Draws:
    """Selections that nobody can foresee.

    Attributes:
        key: What they were drawn from. Keep it secret until the checks are done.
        assignments: The runs of each draw.
        chance: Of each layer to be checked in one draw, counted in simulated draws.
    """

    key: bytes
    assignments: list[list[Run]]
    chance: list[float]


def select(
    values: Sequence[float],
    costs: Sequence[int],
    budgets: Sequence[float],
    *,
    order: Order = "free",
    time_limit: float = _SECONDS,
) -> Selection:
    """Give each verifier one contiguous run of layers within its budget, worth most together.

    Whoever knows values, costs and budgets knows this selection, and can cheat in the other layers:
    see `draw`.

    Args:
        values: What checking each layer is worth, at least 0.
        costs: What it costs, at least 1.
        budgets: Of each verifier, above 0; they are floored.
        order: Along the layers verifiers may stand in any order ("free"), or each stands right of
            those before it ("fixed"). "greedy" is quick, and worth at least half of the optimum.
        time_limit: Seconds for the search that more than about 20 different budgets need; then the
            best found is given, with a bound. Exact ways are not cut short.

    Raises:
        InputError: A number outside its range, with its place, such as "costs[3]".
    """
    require("order", order, str)
    return Selection(
        *_core.layers_select(
            _reals(values, "values"),
            _whole(costs),
            _reals(budgets, "budgets"),
            order,
            real(time_limit, "time_limit"),
        )
    )


def draw(
    values: Sequence[float],
    costs: Sequence[int],
    budgets: Sequence[float],
    *,
    count: int = 1,
    simulated: int = 2000,
    order: Order = "free",
    time_limit: float = _SECONDS,
) -> Draws:
    """Draw selections: each value is first multiplied by a draw from the exponential distribution.

    Args:
        values: As in `select`, like the others.
        costs: What checking each layer costs.
        budgets: Of each verifier.
        count: How many selections.
        simulated: Draws, from a public key, that the chances are counted in. A chance is within
            1 / sqrt(simulated) of the true one, 19 times in 20.
        order: As in `select`.
        time_limit: Of each selection.

    Raises:
        InputError: As in `select`, and where the system has no randomness.
    """
    require("order", order, str)
    return Draws(
        *_core.layers_draw(
            _reals(values, "values"),
            _whole(costs),
            _reals(budgets, "budgets"),
            order,
            real(time_limit, "time_limit"),
            unsigned(count, "count"),
            unsigned(simulated, "simulated"),
        )
    )


def select_to(
    path: str | os.PathLike[str],
    scores: str | os.PathLike[str],
    budgets: Sequence[float],
    *,
    order: Order = "free",
    time_limit: float = _SECONDS,
    pretty: bool = False,
) -> None:
    """Select from a scores file, and write the result as `assay layers select --output` does.

    Raises:
        InputError: As in `select`, and where a file cannot be read or written.
    """
    require("order", order, str)
    _core.layers_write_selection(
        path_of(scores, "scores"),
        _reals(budgets, "budgets"),
        order,
        real(time_limit, "time_limit"),
        path_of(path),
        bool(pretty),
    )


def check(
    path: str | os.PathLike[str],
    scores: str | os.PathLike[str],
    budgets: Sequence[float] | None = None,
) -> Verdict:
    """Whether a results file is a selection from these scores.

    Runs lie within the layers, are disjoint and within their budgets, and the sums are right.
    Blocks, tensors and weights are those of the runs and the scores. Nothing is searched: the notes
    of the verdict say what that leaves open.

    Args:
        path: The results file.
        scores: The scores file.
        budgets: Those that the verifiers have; otherwise the ones that the result states.

    Raises:
        InputError: A file cannot be read, they are of different models, or nothing can be selected
            from these scores.
    """
    known = None if budgets is None else _reals(budgets, "budgets")
    return _core.layers_check(path_of(path), path_of(scores, "scores"), known)


def _whole(costs: Sequence[int]) -> list[int]:
    # So large a cost is refused by name, and so is one below 0.
    return [max(-1, min(whole(cost, "costs"), 1 << 62)) for cost in listed(costs, "costs")]


def _reals(numbers: Sequence[float], place: str) -> list[float]:
    return [real(number, place) for number in listed(numbers, place)]
