"""Whether the verifier's own scores have the last token of an answer."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from assay.toploc.last_tokens import MARGIN, Chooser

STATES = torch.ones(2, 1)
END = 7


def chooser(scores: Sequence[float], penalty: float = 1.0, others: Sequence[str] = ()) -> Chooser:
    """Of a head that gives these scores of the state 1."""
    head = nn.Linear(1, 1, bias=False)
    head.weight = nn.Parameter(torch.tensor(scores).reshape(-1, 1))
    return Chooser(head, [END], penalty, others)


def scores(**given: float) -> list[float]:
    """Of 8 tokens: 0, but for those that are given as `t0` to `t7`."""
    return [given.get(f"t{token}", 0.0) for token in range(8)]


def asked(judge: Chooser, last: int, before: int = 4, least: int | None = None) -> tuple[str, str]:
    verdict = judge.check(STATES, [0], [5] * before + [last], least)
    return verdict.outcome, verdict.step


ACCEPTED, CUT, OTHER = ("accepted", ""), ("rejected", "answer length"), ("rejected", "token")


def test_the_likeliest_token_is_the_last() -> None:
    judge = chooser(scores(t1=8, t7=4))
    assert asked(judge, 1) == ACCEPTED
    assert asked(judge, END) == CUT
    assert asked(judge, 2) == OTHER
    assert asked(chooser(scores(t1=4, t7=8)), END) == ACCEPTED


@pytest.mark.parametrize("shift", [0.0, -100.0, 100.0])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_the_margin_is_of_the_deviation_of_all_scores(shift: float, scale: float) -> None:
    for end, expected in ((6.9, ACCEPTED), (5.9, CUT)):
        plain = torch.tensor(scores(t1=8, t7=end), dtype=torch.float64)
        assert ((8 - end) / float(plain.std(correction=0)) <= MARGIN) == (expected == ACCEPTED)
        judge = chooser((plain * scale + shift * scale).tolist())
        assert asked(judge, END) == expected


def test_an_end_that_was_not_allowed_yet_is_no_rival() -> None:
    judge = chooser(scores(t1=4, t7=8))
    assert asked(judge, 1, before=4, least=5) == ACCEPTED
    assert asked(judge, 1, before=5, least=5) == OTHER
    # Of a run without a least length nobody knows.
    assert asked(judge, 1) == ACCEPTED
    assert asked(judge, 2, least=5) == OTHER


@pytest.mark.parametrize("sign", [1, -1])
def test_a_penalty_on_repetition_may_have_been_in_force_or_not(sign: int) -> None:
    given = scores(t1=6, t5=8) if sign > 0 else [-9.0, -5.0, *[-9.0] * 3, -4.0, -9.0, -9.0]
    assert asked(chooser(given, penalty=2), 5) == asked(chooser(given, penalty=2), 1) == ACCEPTED
    assert asked(chooser(given), 1) == OTHER
    assert asked(chooser(given, penalty=2), 2) == OTHER


@pytest.mark.parametrize(
    "given",
    [[float("nan")] * 8, scores(t3=float("nan")), scores(t3=float("inf")), scores(), [3.0] * 8, []],
)
def test_own_scores_that_say_nothing(given: list[float]) -> None:
    assert asked(chooser(given), 1) == ("inconclusive", "states")


def test_no_states_say_nothing() -> None:
    verdict = chooser(scores(t1=8)).check(STATES[:0], [0], [1])
    assert (verdict.outcome, verdict.step) == ("inconclusive", "states")


def test_what_was_not_asked_is_noted() -> None:
    verdict = chooser(scores(t1=8), others=["suppress_tokens"]).check(STATES, [0], [2])
    assert verdict
    assert verdict.checks == [("token", "missing")]
    assert "the model's own settings have suppress_tokens" in verdict.notes[0]
    assert chooser(scores(t1=8)).check(STATES, [0], [1]).checks == [("token", "recomputed")]


def test_a_token_that_the_head_has_not() -> None:
    for last in (8, -1):
        assert asked(chooser(scores(t1=8)), last) == OTHER


def test_states_on_which_a_head_of_another_dtype_is_asked() -> None:
    judge: Any = chooser(scores(t1=8))
    verdict = judge.check(STATES.bfloat16(), [0], [1])
    assert verdict
