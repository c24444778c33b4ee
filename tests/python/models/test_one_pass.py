"""A capture, proofs and whatever else observes: from the passes that make the tokens, no others."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

import assay
from assay import toploc
from assay.hidden_states import Recorder, capture_model
from assay.models import (
    HEAD_INPUT,
    Keeper,
    find_layout,
    generate,
    linear_input,
    settings_for,
)
from tiny_models import CONFIGS, tiny

PROMPT = [3, 7, 11, 19, 4]
TOKENS = 40
SHAPE: dict[str, Any] = {"chunk": 4, "k": 16}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Models so small gain nothing from threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Passes:
    """Counts how often a model runs."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.count = 0
        model.register_forward_hook(self)

    def __call__(self, *_: Any) -> None:
        self.count += 1


def alone(model: PreTrainedModel) -> tuple[assay.Capture, toploc.Produced]:
    """A capture and proofs, each of a run of its own."""
    held = capture_model(model, torch.tensor([PROMPT]), max_new_tokens=TOKENS)
    with toploc.watch(model, **SHAPE, keep_states=True) as watched:
        model.generate(torch.tensor([PROMPT]), max_new_tokens=TOKENS, do_sample=False)
    (made,) = watched.sequences
    return held, made


def assert_same(
    states: tuple[torch.Tensor, ...], tokens: list[int], made: toploc.Produced,
    held: assay.Capture, proved: toploc.Produced,
) -> None:  # fmt: skip
    assert held.token_sequence[0].tolist() == tokens == made.prompt + made.output
    assert len(states) == len(held.hidden_states)
    for left, right in zip(states, held.hidden_states, strict=True):
        assert left.dtype == right.dtype
        assert torch.equal(left, right)
    assert (made.prompt, made.output) == (proved.prompt, proved.output)
    assert made.proofs == proved.proofs
    assert torch.equal(made.kept_states, proved.kept_states)


@pytest.mark.parametrize("layout", CONFIGS)
def test_capture_and_proofs_of_one_generate(layout: str) -> None:
    model = tiny(layout, torch.bfloat16)
    held, proved = alone(model)
    found = find_layout(model)
    passes = Passes(model)
    recorder = Recorder(found, len(PROMPT) + TOKENS - 1)
    prover = toploc.Prover(**SHAPE, keep_states=True)
    keeper = Keeper(HEAD_INPUT)
    (answer,) = generate(
        model,
        [PROMPT],
        settings_for(model, TOKENS),
        observers=[recorder, prover, keeper],
        layout=found,
    )
    assert passes.count == TOKENS
    (made,) = prover.watched.sequences
    assert_same(recorder.finish(), answer.prompt + answer.output, made, held, proved)
    assert torch.equal(keeper.sequences[0].rows[0], made.kept_states)


def test_a_capture_takes_observers_along() -> None:
    model = tiny("llama", torch.bfloat16)
    held, proved = alone(model)
    passes = Passes(model)
    prover = toploc.Prover(**SHAPE, keep_states=True)
    linear = Keeper(linear_input("model.layers.0.mlp.down_proj"), prompts=True)
    ids = torch.tensor([PROMPT])
    both = capture_model(model, ids, max_new_tokens=TOKENS, observers=[prover, linear])
    # The layout is found on one more, over two tokens.
    assert passes.count == TOKENS + 1
    (made,) = prover.watched.sequences
    assert_same(both.hidden_states, both.token_sequence[0].tolist(), made, held, proved)
    assert linear.sequences[0].rows[0].shape == (len(PROMPT) + TOKENS - 1, 48)


def test_a_capture_within_watch() -> None:
    model = tiny("llama", torch.bfloat16)
    held, proved = alone(model)
    passes = Passes(model)
    with toploc.watch(model, **SHAPE, keep_states=True) as watched:
        both = capture_model(model, torch.tensor([PROMPT]), max_new_tokens=TOKENS)
    assert passes.count == TOKENS + 1
    (made,) = watched.sequences
    assert_same(both.hidden_states, both.token_sequence[0].tolist(), made, held, proved)


def test_a_second_pass_is_one_for_all_too() -> None:
    """In mode "recompute" observers see the pass that the values are taken from."""
    model = tiny("llama", torch.bfloat16)
    ids = torch.tensor([PROMPT])
    held = capture_model(model, ids, max_new_tokens=TOKENS, mode="recompute")
    passes = Passes(model)
    keeper = Keeper(HEAD_INPUT, prompts=True)
    both = capture_model(model, ids, max_new_tokens=TOKENS, mode="recompute", observers=[keeper])
    assert passes.count == TOKENS + 2
    for left, right in zip(both.hidden_states, held.hidden_states, strict=True):
        assert torch.equal(left, right)
    assert torch.equal(keeper.sequences[0].rows[0], both.hidden_states[-1][0])


def test_states_are_kept_for_a_seed_that_comes_later() -> None:
    model = tiny("llama", torch.bfloat16)
    _, proved = alone(model)
    with toploc.fingerprint.watch(model) as kept:
        model.generate(torch.tensor([PROMPT]), max_new_tokens=TOKENS, do_sample=False)
    (one,) = kept.sequences
    assert (one.prompt, one.output) == (proved.prompt, proved.output)
    seed = bytes(range(32))
    sent = toploc.fingerprint.project(one.rows[0], seed)
    assert sent.to_bytes() == toploc.fingerprint.project(proved.kept_states, seed).to_bytes()


def test_a_recorder_takes_one_sequence() -> None:
    model = tiny("llama")
    recorder = Recorder(find_layout(model), 50)
    settings = settings_for(model, 3)
    with pytest.raises(assay.InputError, match="takes one sequence"):
        generate(model, [PROMPT, PROMPT], settings, observers=[recorder])
    with pytest.raises(assay.InputError, match="takes one sequence"):
        generate(model, [PROMPT], settings, observers=[recorder])
