"""One pass over several answers is, but for rounding, one over each of them."""

from collections.abc import Iterator

import pytest
import torch

from assay import InputError, models, toploc
from assay.models import HEAD_INPUT, Keeper, find_layout, residual
from tiny_models import FAMILIES, POSITIONS, VOCAB, tiny

ANSWERS = [
    ([3, 1, 4, 1, 5], [9, 2, 6]),
    ([5], [8]),
    ([2, 7], [1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4]),
    ([0, 0, 1], [0, 0]),
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Models so small gain nothing from threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("layout", FAMILIES)
def test_together_as_alone(layout: str) -> None:
    model = tiny(layout)
    found = toploc.recompute_together(model, ANSWERS)
    for (prompt, output), rows in zip(ANSWERS, found, strict=True):
        own = toploc.recompute(model, prompt, output)
        assert rows.shape == own.shape == (len(output), own.shape[1])
        assert torch.allclose(rows, own, rtol=1e-4, atol=1e-5)


def test_observers_see_the_same_sequences() -> None:
    model = tiny()
    layout = find_layout(model)
    together = Keeper(residual(1), HEAD_INPUT, prompts=True)
    models.recompute_together(model, ANSWERS, observers=[together], layout=layout)
    for (prompt, output), seen in zip(ANSWERS, together.sequences, strict=True):
        alone = Keeper(residual(1), HEAD_INPUT, prompts=True)
        models.recompute(model, prompt, output, observers=[alone], layout=layout)
        (expected,) = alone.sequences
        assert (seen.prompt, seen.output) == (prompt, output)
        for rows, own in zip(seen.rows, expected.rows, strict=True):
            assert len(rows) == len(prompt) + len(output) - 1
            assert torch.allclose(rows, own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (([], [1]), "out_of_range"),
        (([1], []), "out_of_range"),
        (([1], [VOCAB]), "out_of_range"),
        (([-1], [1]), "out_of_range"),
        (([1], [1] * POSITIONS), "too_large"),
    ],
)
def test_what_cannot_be_recomputed(answer: tuple[list[int], list[int]], code: str) -> None:
    with pytest.raises(InputError) as caught:
        toploc.recompute_together(tiny(), [*ANSWERS, answer])
    assert caught.value.code == code


def test_nothing_comes_of_nothing() -> None:
    assert toploc.recompute_together(tiny(), []) == []
