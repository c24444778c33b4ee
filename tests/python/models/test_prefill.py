"""One pass over texts, padded on the left, that observers see."""

from typing import Any

import pytest
import torch

import tiny_models
from assay import InputError
from assay.models import HEAD_INPUT, Keeper, prefill, residual

TEXTS = [[3, 1, 4, 1, 5], [9, 2], [6]]
# Learned, rotary and no positions.
LAYOUTS = ("llama", "mistral", "qwen2", "gpt2", "gpt_neo", "gptj", "opt", "bloom")


def alone(model: Any, text: list[int]) -> tuple[torch.Tensor, ...]:
    with torch.inference_mode():
        states: tuple[torch.Tensor, ...] = model(
            input_ids=torch.tensor([text]), output_hidden_states=True
        ).hidden_states
    return states


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_those_of_each_text_alone(layout: str) -> None:
    model = tiny_models.tiny(layout)
    keeper = Keeper(residual(0), residual(1), prompts=True)
    prefill(model, TEXTS, observers=[keeper])
    assert [kept.prompt for kept in keeper.sequences] == TEXTS
    assert [kept.output for kept in keeper.sequences] == [[], [], []]
    for text, kept in zip(TEXTS, keeper.sequences, strict=True):
        for block, rows in enumerate(kept.rows):
            torch.testing.assert_close(rows, alone(model, text)[block + 1][0], rtol=1e-4, atol=1e-4)


def test_one_text_gives_the_bits_of_a_plain_pass() -> None:
    model = tiny_models.tiny()
    keeper = Keeper(residual(1), HEAD_INPUT, prompts=True)
    prefill(model, TEXTS[:1], observers=[keeper])
    rows, seen = keeper.sequences[0].rows
    assert torch.equal(rows, alone(model, TEXTS[0])[2][0])
    assert seen.shape == rows.shape


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([[1], []], "text 1: no tokens"),
        ([[1], [40]], "text 1: an id outside the vocabulary of 40"),
        ([[1] * 65], "positions for 64"),
    ],
)
def test_what_is_refused(texts: list[list[int]], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        prefill(tiny_models.tiny(), texts, observers=[Keeper(residual(0), prompts=True)])
