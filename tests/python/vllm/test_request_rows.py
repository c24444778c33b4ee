"""Rows of an engine whose batches change, told to observers when an answer is known."""

import pytest
import torch
from torch import Tensor

from assay import InputError, toploc
from assay.models import HEAD_INPUT, Keeper, RequestRows, Rows, Tap, residual

WIDTH = 4
PROMPT = [7, 8, 9]


def row(request: int, token: int) -> Tensor:
    """A row that says whose it is."""
    return torch.tensor([[request, token, request * 100 + token, 1.0]]).bfloat16()


def ledger(keeper: Keeper, window: int = 0) -> RequestRows:
    return RequestRows([keeper], torch.bfloat16, window)


def feed(rows: RequestRows, name: str, request: int, tokens: range, prompt: int = 3) -> None:
    for token in tokens:
        rows.add(row(request, token), [(name, prompt - 1 + token, 0, [token])])


def kept(keeper: Keeper) -> Tensor:
    (sequence,) = keeper.sequences
    (values,) = sequence.rows
    return values


@pytest.mark.parametrize("count", [1, 31, 32, 64, 65, 97, 200])
@pytest.mark.parametrize("more", [0, 1, 5])
def test_rows_are_told_once_and_in_order(count: int, more: int) -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(count + more))
    rows.close("a")
    rows.take("a", list(range(count)))
    assert keeper.sequences[0].output == list(range(count))
    assert torch.equal(kept(keeper), torch.cat([row(1, token) for token in range(count)]))
    assert len(rows) == 0


def test_positions_are_those_of_the_sequence() -> None:
    class Places(Keeper):
        seen: list[int] = []  # noqa: RUF012 - of this test alone

        def rows(self, tap: int, rows: Rows) -> None:
            self.seen += [position + i for _, position, one in rows for i in range(len(one))]
            super().rows(tap, rows)

    keeper = Places(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(100))
    rows.take("a", list(range(100)))
    assert keeper.seen == list(range(2, 102))


def test_requests_of_a_batch_do_not_mix() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    for request in range(8):
        rows.begin(f"r{request}", PROMPT[: request % 3 + 1])
    for token in range(150):
        for request in range(8):
            if token < 20 * request + 1:
                feed(rows, f"r{request}", request, range(token, token + 1), request % 3 + 1)
    for request in reversed(range(8)):
        count = 20 * request + 1
        keeper.sequences.clear()
        rows.take(f"r{request}", list(range(min(count, 150))))
        assert bool((kept(keeper)[:, 0] == request).all())


def test_tokens_that_are_taken_back_lose_their_rows() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(40))
    feed(rows, "a", 2, range(38, 50))  # preempted, and gone on from an earlier token
    rows.take("a", list(range(50)))
    assert kept(keeper)[:, 0].tolist() == [1] * 38 + [2] * 12


def test_several_tokens_of_a_pass() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    at = 0
    for several in (1, 3, 70, 2, 5):
        block = torch.cat([row(1, token) for token in range(at, at + several)])
        rows.add(block, [("a", 2 + at, 0, list(range(at, at + several)))])
        at += several
    rows.take("a", list(range(at)))
    assert kept(keeper)[:, 1].tolist() == list(range(at))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ([], "its 0 tokens are not those that the rows are of"),
        ([0, 1, 3], "its 3 tokens are not those"),
        (list(range(101)), "its 101 tokens are not those"),
        (list(range(10)), "it was cut to 10 tokens when 64 were proved"),
    ],
)
def test_answers_that_the_rows_are_not_of(output: list[int], reason: str) -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(100))
    with pytest.raises(InputError, match=reason):
        rows.take("a", output)
    assert not keeper.sequences
    assert not keeper._open
    with pytest.raises(InputError, match="no rows of such a request"):
        rows.take("a", list(range(100)))


def test_an_answer_that_a_text_stops_may_be_cut_late() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper, window=1 << 20)
    rows.begin("a", PROMPT, stopped_by_text=True)
    feed(rows, "a", 1, range(100))
    rows.take("a", list(range(10)))
    assert len(kept(keeper)) == 10


def test_the_window_bounds_what_is_kept() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper, window=64 * 2 * WIDTH)
    rows.begin("a", PROMPT, stopped_by_text=True)
    feed(rows, "a", 1, range(1000))
    (open_,) = rows._open.values()
    assert open_.told == 928
    assert open_.kept is not None
    assert len(open_.kept) <= 256
    rows.take("a", list(range(940)))
    assert len(kept(keeper)) == 940


def test_rows_that_are_not_seen() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(3))
    feed(rows, "a", 1, range(4, 6))
    with pytest.raises(InputError, match="the rows before its token 4 were not seen"):
        rows.take("a", [0, 1, 2])
    rows.begin("b", PROMPT)
    rows.add(row(1, 0), [("b", 1, 0, [0])])
    with pytest.raises(InputError, match="were not seen"):
        rows.take("b", [0])
    rows.begin("c", PROMPT)
    feed(rows, "c", 1, range(100))
    feed(rows, "c", 1, range(10, 20))
    with pytest.raises(InputError, match="its token 10 was taken back too late"):
        rows.take("c", list(range(20)))


def test_a_name_that_begins_twice() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(3))
    rows.begin("a", [1])
    with pytest.raises(InputError, match="in pieces"):
        rows.take("a", [0, 1, 2])


def test_what_is_refused_says_why() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT, refused="no text")
    rows.begin("b", PROMPT)
    feed(rows, "a", 1, range(3))
    feed(rows, "b", 1, range(3))
    rows.refuse_all("a pass was lost")
    for name, reason in (("a", "no text"), ("b", "a pass was lost")):
        with pytest.raises(InputError, match=reason):
            rows.take(name, [0, 1, 2])
    assert not keeper._open


def test_an_observer_that_fails_costs_one_answer() -> None:
    class Failing(Keeper):
        def rows(self, tap: int, rows: Rows) -> None:
            if rows.state[0, 0] == 1:
                raise InputError("out_of_range", "", "too few")
            super().rows(tap, rows)

    keeper = Failing(HEAD_INPUT)
    rows = ledger(keeper)
    for request in (1, 2):
        rows.begin(f"r{request}", PROMPT)
        feed(rows, f"r{request}", request, range(80))
    with pytest.raises(InputError, match="too few"):
        rows.take("r1", list(range(80)))
    rows.take("r2", list(range(80)))
    assert len(kept(keeper)) == 80


def test_what_is_taken_while_it_runs_is_passed_over() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(5))
    rows.take("a", [0, 1, 2])
    feed(rows, "a", 1, range(5, 9))  # until the engine has been told to stop it
    rows.close("a")
    assert len(rows) == 0
    assert not rows._taken
    rows.begin("b", PROMPT)
    rows.forget("b")
    feed(rows, "b", 1, range(3))
    rows.close("b")
    assert len(rows) == 0
    assert not keeper._open


def test_answers_that_nobody_asks_for_go_in_the_end() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    for number in range(1100):
        rows.begin(f"r{number}", PROMPT)
        feed(rows, f"r{number}", 1, range(2))
        rows.close(f"r{number}")
    assert len(rows) == 1024
    assert len(keeper._open) == 1024
    with pytest.raises(InputError, match="no rows of such a request"):
        rows.take("r0", [0, 1])
    rows.take("r1099", [0, 1])


@pytest.mark.parametrize("taps", [(HEAD_INPUT,), (HEAD_INPUT, residual(0), residual(1))])
def test_rows_that_nobody_asks_for_are_32_megabytes_a_tap_at_most(taps: tuple[Tap, ...]) -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = RequestRows([keeper], torch.bfloat16, taps=taps)
    width = 1 << 19
    each = len(taps) * width * 2
    values = torch.ones(1, len(taps), width, dtype=torch.bfloat16)
    for number in range(40):
        rows.begin(f"r{number}", PROMPT)
        rows.add(values, [(f"r{number}", 2, 0, [5])])
        rows.close(f"r{number}")
    assert (len(rows), rows.bytes) == (32, len(taps) * (32 << 20))
    with pytest.raises(InputError, match="no rows of such a request"):
        rows.take("r7", [5])
    rows.take("r8", [5])
    assert rows.bytes == len(taps) * (32 << 20) - each
    # One answer is kept, however large it is.
    rows.begin("wide", PROMPT)
    wide = torch.ones(40, len(taps), width, dtype=torch.bfloat16)
    rows.add(wide, [("wide", 2, 0, [5] * 40)])
    rows.close("wide")
    assert len(rows) == 1
    rows.take("wide", [5] * 40)


def test_blocks_are_told_when_they_are_settled() -> None:
    class Counting(Keeper):
        told: list[int] = []  # noqa: RUF012 - of this test alone

        def rows(self, tap: int, rows: Rows) -> None:
            self.told.append(len(rows.state))
            super().rows(tap, rows)

    keeper = Counting(HEAD_INPUT)
    rows = RequestRows([keeper], torch.bfloat16, block=8, settled=4)
    rows.begin("a", PROMPT)
    feed(rows, "a", 1, range(11))
    assert keeper.told == []
    feed(rows, "a", 1, range(11, 12))
    assert keeper.told == [8]
    feed(rows, "a", 2, range(8, 31))  # four tokens are taken back
    assert keeper.told == [8, 8, 8]
    (open_,) = rows._open.values()
    assert open_.bytes == 2 * 8 * WIDTH * 2
    # Once no more come, all is told but what may be taken back, and that alone is held.
    rows.close("a")
    assert keeper.told == [8, 8, 8, 3]
    assert rows.bytes == 4 * WIDTH * 2
    rows.take("a", list(range(29)))
    assert keeper.told == [8, 8, 8, 3, 2]
    assert kept(keeper)[:, 0].tolist() == [1] * 8 + [2] * 21


def test_a_closed_answer_that_a_text_stops_is_told_when_it_is_asked_for() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = RequestRows([keeper], torch.bfloat16, window=1 << 20, block=8, settled=4)
    rows.begin("a", PROMPT, stopped_by_text=True)
    feed(rows, "a", 1, range(100))
    rows.close("a")
    assert rows.bytes == 100 * WIDTH * 2
    rows.take("a", list(range(10)))
    assert len(kept(keeper)) == 10


def test_rows_are_copied() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    values = row(1, 0)
    rows.add(values, [("a", 2, 0, [0])])
    values.zero_()
    rows.take("a", [0])
    assert torch.equal(kept(keeper), row(1, 0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_dtype(dtype: torch.dtype) -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = RequestRows([keeper], dtype)
    rows.begin("a", PROMPT)
    values = torch.randn(70, WIDTH).to(dtype)
    rows.add(values, [("a", 2, 0, list(range(70)))])
    rows.take("a", list(range(70)))
    assert kept(keeper).dtype == dtype
    assert torch.equal(kept(keeper), values)


def test_rows_of_a_pass_are_each_requests_own() -> None:
    keeper = Keeper(HEAD_INPUT)
    rows = ledger(keeper)
    rows.begin("a", PROMPT)
    rows.begin("b", [1])
    values = torch.cat([row(1, 0), row(9, 9), row(2, 0), row(2, 1), row(9, 9)])
    rows.add(values, [("a", 2, 0, [5]), ("gone", 7, 1, [5]), ("b", 0, 2, [6, 7])])
    rows.take("b", [6, 7])
    rows.take("a", [5])
    assert [one.rows[0][:, 0].tolist() for one in keeper.sequences] == [[2, 2], [1]]


def test_each_observer_sees_its_own_taps() -> None:
    head, both, none = Keeper(HEAD_INPUT), Keeper(residual(3), HEAD_INPUT), Keeper()
    taps = HEAD_INPUT, residual(0), residual(3)
    rows = RequestRows([head, both, none], torch.bfloat16, taps=taps)
    values = torch.randn(100, 3, WIDTH).bfloat16()
    rows.begin("a", PROMPT)
    for token in range(100):
        rows.add(values[token : token + 1], [("a", 2 + token, 0, [token])])
    rows.take("a", list(range(100)))
    assert torch.equal(kept(head), values[:, 0])
    (sequence,) = both.sequences
    assert torch.equal(sequence.rows[0], values[:, 2])
    assert torch.equal(sequence.rows[1], values[:, 0])
    assert none.sequences[0].rows == ()
    with pytest.raises(InputError, match="residual_1: no rows of it are taken"):
        RequestRows([Keeper(residual(1))], torch.bfloat16, taps=taps)


def test_rows_that_come_in_inference_mode() -> None:
    prover = toploc.Prover(chunk=24, k=4)
    rows = RequestRows([prover], torch.bfloat16)
    values = torch.randn(100, 8).bfloat16()
    with torch.inference_mode():
        rows.begin("a", PROMPT)
        for token in range(100):
            rows.add(values[token : token + 1], [("a", 2 + token, 0, [token])])
    rows.take("a", list(range(100)))
    (made,) = prover.watched.sequences
    assert made.proofs == toploc.build(values, chunk=24, k=4)
