"""The rows of a statement again, by the verifier's own model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from .. import _core, models
from ..errors import InputError
from .positions import PositionRule
from .reading import read_rows

MEAN = 2**32 - 1
"""The position, in a statement, of the reading of the mean over all rows."""


@dataclass(frozen=True)
class Source:
    """Where the rows of a file come from.

    Attributes:
        tokens: Of each text.
        rule: Which rows of a text count.
        numbers: What a statement calls each row: its `token_position` in the .gotact.
    """

    tokens: Sequence[Sequence[int]]
    rule: PositionRule
    numbers: Sequence[int]


def source_of(
    statement: _core.ProbeStatement, tokens: Sequence[Sequence[int]], numbers: Sequence[int]
) -> Source:
    """Where the rows of a statement come from.

    Args:
        statement: Its rule of positions says which rows of a text count.
        tokens: Of each text, as the file of tokens has them.
        numbers: The positions of the .gotact.

    Raises:
        InputError: The statement does not say the rule ("unsupported"), or the texts have another
            number of rows than the file, or rows at other positions ("mismatch").
    """
    if statement.position_rule == "unknown":
        reason = "does not say which rows of a text were taken; nobody can recompute them"
        raise InputError("unsupported", "statement", reason)
    rule = PositionRule(statement.position_rule)
    count = sum(rule.rows(len(one), f"text {index}") for index, one in enumerate(tokens))
    if count != len(numbers):
        reason = f"the texts have {count} rows, the activations {len(numbers)}"
        raise InputError("mismatch", "tokens", reason)
    # Rows of several texts are counted; of one text they may be named by their positions in it.
    named = [list(range(count))]
    if len(tokens) == 1 and not rule.is_mean:
        named.append(rule.positions(len(tokens[0]), "text 0"))
    if list(numbers) not in named:
        at, wrong = next((i, n) for i, n in enumerate(numbers) if n != named[-1][i])
        reason = f"row {at} is called {wrong}, by the rule of positions it is {named[-1][at]}"
        raise InputError("mismatch", "activations", reason)
    return Source(tokens, rule, numbers)


def own_rows(
    model: PreTrainedModel, layer: int, source: Source, wanted: Sequence[int]
) -> NDArray[np.float32]:
    """The rows that a statement read, computed here, one text at a time.

    Only texts that have such a row are run.

    Args:
        model: The verifier's own.
        layer: The block behind which they are taken.
        source: Where rows come from.
        wanted: What the statement calls the rows that it read; `MEAN` alone: the mean of all.

    Returns:
        (wanted, width).

    Raises:
        InputError: A row that the file has not ("mismatch"); as `read_rows`.
    """
    of_mean = list(wanted) == [MEAN]
    numbers = list(source.numbers)
    places = {number: at for at, number in enumerate(numbers)}
    strange = [one for one in wanted if one not in places]
    if strange and not of_mean:
        raise InputError("mismatch", "statement", f"reads row {strange[0]}, which is not there")
    needed = set(range(len(numbers))) if of_mean else {places[one] for one in wanted}
    layout = models.find_layout(model)
    found: dict[int, NDArray[np.float32]] = {}
    at = 0
    for index, tokens in enumerate(source.tokens):
        place = f"text {index}"
        count = source.rule.rows(len(tokens), place)
        if needed.intersection(range(at, at + count)):
            ((rows,),) = read_rows(model, [tokens], [layer], layout)
            for offset, row in enumerate(source.rule.pick(rows, place)):
                found[at + offset] = row
        at += count
    if of_mean:
        every: Any = np.stack([found[one] for one in range(len(numbers))])
        mean: NDArray[np.float32] = _core.probe_mean_row(every)
        return mean[None]
    return np.stack([found[places[one]] for one in wanted])
