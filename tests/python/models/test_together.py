"""Several requests to one model at once, and ways to run a model that nobody can follow."""

import asyncio
import contextvars
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel
from transformers.utils import logging as transformers_logging

from assay import Capture, InputError, toploc, weights
from assay.hidden_states import capture_model
from assay.models import (
    HEAD_INPUT,
    Keeper,
    engine_of,
    find_layout,
    generate,
    observe,
    settings_for,
)
from tiny_models import tiny

PROMPTS = [[3, 1, 4, 1, 5], [9, 2, 6], [5, 3]]
TOKENS = 12
SHAPE: dict[str, Any] = {"chunk": 4, "k": 16}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Models so small gain nothing from threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> PreTrainedModel:
    return tiny("llama", torch.bfloat16)


class InStep(LogitsProcessor):
    """Lets no request go on to its next token before the others have come as far."""

    def __init__(self, requests: int) -> None:
        self._barrier = threading.Barrier(requests)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._barrier.wait(timeout=240)
        return scores

    def reported(self, _: object) -> None:
        self._barrier.wait(timeout=240)


def run(model: PreTrainedModel, prompt: list[int], tokens: int = TOKENS, **options: Any) -> Any:
    ids = torch.tensor([prompt])
    given = {"do_sample": False, "max_new_tokens": tokens, "pad_token_id": 0, **options}
    return model.generate(ids, attention_mask=torch.ones_like(ids), **given)


def watched(model: PreTrainedModel, prompt: list[int], **options: Any) -> list[toploc.Produced]:
    with toploc.watch(model, **SHAPE) as found:
        run(model, prompt, **options)
    return found.sequences


def captured(model: PreTrainedModel, prompt: list[int], **options: Any) -> Capture:
    return capture_model(model, torch.tensor([prompt]), max_new_tokens=TOKENS, **options)


def assert_same(left: Capture, right: Capture) -> None:
    assert torch.equal(left.token_sequence, right.token_sequence)
    for a, b in zip(left.hidden_states, right.hidden_states, strict=True):
        assert torch.equal(a, b)


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What each of them gives, all of them run at the same time."""
    results: list[Any] = [None] * len(acts)

    def kept(index: int) -> None:
        torch.set_num_threads(1)
        try:
            results[index] = acts[index]()
        except BaseException as error:
            results[index] = error

    threads = [threading.Thread(target=kept, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def untouched(model: PreTrainedModel) -> None:
    assert not {"generate", "init_continuous_batching"} & vars(model).keys()
    assert not any(module._forward_pre_hooks for module in model.modules())


# Each request under its own watch, or captured.


def test_two_watches_at_once(model: PreTrainedModel) -> None:
    alone = [watched(model, prompt) for prompt in PROMPTS]
    step = LogitsProcessorList([InStep(len(PROMPTS))])
    acts = [lambda p=prompt: watched(model, p, logits_processor=step) for prompt in PROMPTS]
    assert together(*acts) == alone
    assert [len(sequences) for sequences in alone] == [1] * len(PROMPTS)
    untouched(model)


def test_two_captures_at_once(model: PreTrainedModel) -> None:
    alone = [captured(model, prompt) for prompt in PROMPTS]
    model.model.layers[0].train()
    filters = list(warnings.filters)
    verbosity = transformers_logging.get_verbosity()
    states = random.getstate(), torch.get_rng_state()
    step = InStep(len(PROMPTS))

    def report(progress: Any) -> None:
        if progress.stage == "generate":
            step.reported(progress)

    acts = [lambda p=prompt: captured(model, p, on_progress=report) for prompt in PROMPTS]
    for left, right in zip(together(*acts), alone, strict=True):
        assert_same(left, right)
    untouched(model)
    assert [module for module in model.modules() if module.training] == [
        *model.model.layers[0].modules()
    ]
    assert list(warnings.filters) == filters
    assert transformers_logging.get_verbosity() == verbosity
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])


def test_a_watch_and_a_capture_at_once(model: PreTrainedModel) -> None:
    first, second, third = PROMPTS
    alone = watched(model, first), captured(model, second)
    step = InStep(3)

    def report(progress: Any) -> None:
        if progress.stage == "generate" and progress.done < TOKENS:
            step.reported(progress)

    def both() -> tuple[Capture, list[toploc.Produced]]:
        with toploc.watch(model, **SHAPE) as found:
            held = captured(model, third, on_progress=report)
        return held, found.sequences

    processors = LogitsProcessorList([step])
    sequences, held, (inner, seen) = together(
        lambda: watched(model, first, logits_processor=processors),
        lambda: captured(model, second, on_progress=report),
        both,
    )
    assert sequences == alone[0]
    assert_same(held, alone[1])
    assert_same(inner, captured(model, third))
    assert seen == watched(model, third)
    untouched(model)


def test_draws_of_one_capture_are_not_disturbed_by_another(model: PreTrainedModel) -> None:
    drawing: dict[str, Any] = {"do_sample": True, "temperature": 5.0}
    alone = [captured(model, PROMPTS[0], seed=seed, **drawing) for seed in (1, 2)]
    assert not torch.equal(alone[0].token_sequence, alone[1].token_sequence)
    acts = [lambda s=seed: captured(model, PROMPTS[0], seed=s, **drawing) for seed in (1, 2)]
    found = together(*acts, lambda: captured(model, PROMPTS[1]))
    assert_same(found[0], alone[0])
    assert_same(found[1], alone[1])


def test_requests_that_come_and_go(model: PreTrainedModel) -> None:
    """Watches, captures and plain calls that begin and end while others run."""
    lengths = [3, 7, 12]
    alone = {n: watched(model, PROMPTS[0], tokens=n) for n in lengths}
    held = captured(model, PROMPTS[1])
    plain = run(model, PROMPTS[2])

    def act(kind: int) -> None:
        for turn in range(8):
            time.sleep(0.001 * ((turn * 7 + kind * 3) % 5))
            if kind < 2:
                length = lengths[(turn + kind) % 3]
                assert watched(model, PROMPTS[0], tokens=length) == alone[length]
            elif kind == 2:
                assert_same(captured(model, PROMPTS[1]), held)
            else:
                assert torch.equal(run(model, PROMPTS[2]), plain)

    together(*(lambda kind=kind: act(kind) for kind in range(4)))
    untouched(model)


# Several threads under one watch.


def test_threads_that_a_watch_does_not_see_are_named(model: PreTrainedModel) -> None:
    with (
        pytest.raises(InputError, match=r"saw nothing of \d+ passes that other threads made; say "),
        toploc.watch(model, **SHAPE),
    ):
        together(lambda: run(model, PROMPTS[0]))
    untouched(model)
    # Who asks for a proof does not get the answers of others with it.
    with toploc.watch(model, **SHAPE) as found:
        together(lambda: run(model, PROMPTS[0]))
        run(model, PROMPTS[1])
    assert [one.prompt for one in found.sequences] == [PROMPTS[1]]


def test_threads_under_one_watch(model: PreTrainedModel) -> None:
    with toploc.watch(model, **SHAPE, all_threads=True) as found:
        together(*(lambda p=prompt: run(model, p) for prompt in PROMPTS))
    assert sorted(one.prompt for one in found.sequences) == sorted(PROMPTS)
    with toploc.fingerprint.watch(model, all_threads=True) as kept:
        together(lambda: run(model, PROMPTS[0]))
    assert len(kept.sequences) == 1


def test_a_thread_that_goes_on_with_the_context(model: PreTrainedModel) -> None:
    alone = [watched(model, prompt) for prompt in PROMPTS]

    async def answer(prompt: list[int]) -> list[toploc.Produced]:
        with toploc.watch(model, **SHAPE) as found:
            await asyncio.to_thread(run, model, prompt)
        return found.sequences

    async def serve() -> list[list[toploc.Produced]]:
        return await asyncio.gather(*map(answer, PROMPTS))

    assert asyncio.run(serve()) == alone
    with toploc.watch(model, **SHAPE) as found:
        context = contextvars.copy_context()
        together(lambda: context.run(run, model, PROMPTS[0]))
    assert found.sequences == alone[0]
    # What goes on when the watch has ended is not seen by it any more.
    context.run(run, model, PROMPTS[0])
    assert len(found.sequences) == 1


# What cannot be followed has a name.


def test_loops_that_call_the_model_themselves(model: PreTrainedModel) -> None:
    ids = torch.tensor([PROMPTS[0]])
    saved = model.generate
    for act in (
        lambda: model(input_ids=ids),
        lambda: saved(ids, max_new_tokens=2),
        lambda: type(model).generate(model, ids, max_new_tokens=2),
        lambda: model.model(input_ids=ids),
        lambda: model.lm_head(model.model(ids).last_hidden_state),
    ):
        with (
            toploc.watch(model, **SHAPE) as found,
            pytest.raises(InputError, match="a pass that generate"),
        ):
            act()
        assert not found.sequences
        act()
    # Those of another request are not touched by it.
    with toploc.watch(model, **SHAPE) as found:
        together(lambda: model(input_ids=ids))
        run(model, PROMPTS[0])
        # And these are no loops.
        find_layout(model)
        toploc.recompute(model, PROMPTS[0], [1, 2])
    assert len(found.sequences) == 1


@pytest.mark.parametrize("layout", ["gpt2", "gpt_neox", "llama"])
def test_loops_over_the_decoder_and_the_head(layout: str) -> None:
    model = tiny(layout)
    ids = torch.tensor([PROMPTS[0]])
    kept = Keeper(HEAD_INPUT)
    with (
        observe(model, kept),
        pytest.raises(InputError, match=r"a pass that generate.. did not make, .*; call generate"),
    ):
        model.get_output_embeddings()(model.base_model(ids).last_hidden_state)
    assert not any(module._forward_pre_hooks for module in model.modules())
    with observe(model, kept):
        run(model, PROMPTS[0])
        together(lambda: model.base_model(ids))
    assert len(kept.sequences) == 1
    with (
        pytest.raises(InputError, match="saw nothing of 3 passes that other threads made"),
        observe(model, Keeper(HEAD_INPUT)),
    ):
        together(lambda: model.base_model(ids), lambda: run(model, PROMPTS[0], tokens=2))


def test_loops_over_the_blocks_and_the_head(model: PreTrainedModel) -> None:
    decoder: Any = model.model
    ids = torch.tensor([PROMPTS[0]])

    def loop() -> None:
        state = decoder.embed_tokens(ids)
        angles = decoder.rotary_emb(state, torch.arange(ids.shape[1])[None])
        for block in decoder.layers:
            state = block(state, position_embeddings=angles)
        model.get_output_embeddings()(decoder.norm(state))

    with (
        toploc.watch(model, **SHAPE) as found,
        pytest.raises(InputError, match="LlamaForCausalLM: a pass that generate"),
    ):
        loop()
    assert not found.sequences
    with (
        pytest.raises(InputError, match="saw nothing of 1 pass that other threads made"),
        toploc.watch(model, **SHAPE),
    ):
        together(loop)
    loop()
    untouched(model)


def test_loops_over_a_decoder_compiled_by_itself(model: PreTrainedModel) -> None:
    ids = torch.tensor([PROMPTS[0]])
    torch._dynamo.reset()
    made: Any = torch.compile(model.model, backend="eager")
    for _ in range(2):
        with (
            toploc.watch(model, **SHAPE),
            pytest.raises(InputError, match="a pass that generate"),
        ):
            model.get_output_embeddings()(made(ids).last_hidden_state)
        made(ids)


def test_models_that_share_a_decoder(model: PreTrainedModel) -> None:
    alone = watched(model, PROMPTS[0])
    other = tiny("llama", torch.bfloat16)
    other.model = model.model
    other.lm_head = model.lm_head
    with toploc.watch(model, **SHAPE) as mine, toploc.watch(other, **SHAPE) as others:
        run(model, PROMPTS[0])
        run(other, PROMPTS[0])
    assert mine.sequences == others.sequences == alone
    with toploc.watch(model, **SHAPE) as mine:
        run(other, PROMPTS[0])
        captured(other, PROMPTS[0])
        run(model, PROMPTS[0])
        with pytest.raises(InputError, match="LlamaForCausalLM: a pass that generate"):
            model.model(torch.tensor([PROMPTS[0]]))
    assert mine.sequences == alone


def test_what_torch_made_of_the_model(model: PreTrainedModel) -> None:
    alone, held = watched(model, PROMPTS[0]), captured(model, PROMPTS[0])
    torch._dynamo.reset()
    made: Any = torch.compile(model, backend="eager")
    assert watched(made, PROMPTS[0]) == alone
    again = captured(made, PROMPTS[0])
    assert torch.equal(again.token_sequence, held.token_sequence)
    assert all(map(torch.equal, again.hidden_states, held.hidden_states))
    with (
        toploc.watch(made, **SHAPE),
        pytest.raises(InputError, match="a pass that generate"),
    ):
        made(input_ids=torch.tensor([PROMPTS[0]]))
    assert engine_of(made) == engine_of(model)
    assert weights.manifest(made).root == weights.manifest(model).root


def test_batches_that_change_while_they_run(model: PreTrainedModel) -> None:
    with (
        toploc.watch(model, **SHAPE),
        pytest.raises(InputError, match="generate_batch: a batch that changes while it runs"),
    ):
        model.generate_batch([PROMPTS[0]])
    untouched(model)


def test_passes_of_another_module_than_the_one_observed(model: PreTrainedModel) -> None:
    inner = tiny("llama", torch.bfloat16)
    model.generate = inner.generate
    with (
        toploc.watch(model, **SHAPE),
        pytest.raises(InputError, match="passes are made by another module"),
    ):
        run(model, PROMPTS[0])


def test_a_model_in_training_mode(model: PreTrainedModel) -> None:
    model.train()
    with toploc.watch(model, **SHAPE), pytest.raises(InputError, match="training mode"):
        run(model, PROMPTS[0])
    with pytest.raises(InputError, match=r"training mode, .* call the model's eval\(\) first"):
        toploc.recompute(model, PROMPTS[0], [1, 2])


def test_a_prompt_without_tokens(model: PreTrainedModel) -> None:
    with toploc.watch(model, **SHAPE), pytest.raises(InputError, match="a prompt without tokens"):
        model.generate(torch.empty(1, 0, dtype=torch.long), max_new_tokens=2)


def test_one_module_in_training_mode(model: PreTrainedModel) -> None:
    # It has nothing that it could drop.
    model.model.layers[1].mlp.train()
    with toploc.watch(model, **SHAPE):
        run(model, PROMPTS[0])
    model.model.layers[1].self_attn.train()
    model.model.layers[1].self_attn.attention_dropout = 0.1
    with toploc.watch(model, **SHAPE), pytest.raises(InputError, match=r"Attention.*training mode"):
        run(model, PROMPTS[0])
    dropping = tiny("gpt2", torch.bfloat16)
    dropping.transformer.h[1].mlp.train()
    with (
        toploc.watch(dropping, **SHAPE),
        pytest.raises(InputError, match=r"Dropout.*training mode"),
    ):
        run(dropping, PROMPTS[0])


@pytest.mark.parametrize("how", ["model", "blocks", "forward"])
def test_a_model_that_was_compiled_and_warmed(model: PreTrainedModel, how: str) -> None:
    alone, held = watched(model, PROMPTS[0]), captured(model, PROMPTS[0])
    torch._dynamo.reset()
    if how == "model":
        model.compile(backend="eager")
    elif how == "blocks":
        for block in model.model.layers:
            block.compile(backend="eager")
    else:
        model.forward = torch.compile(model.forward, backend="eager")
    calls = Frames()
    run(model, PROMPTS[0], 3)
    assert calls.since() > 0
    assert watched(model, PROMPTS[0]) == alone
    assert_same(captured(model, PROMPTS[0]), held)
    verdict = toploc.recompute(model, alone[0].prompt, alone[0].output)
    assert len(verdict) == TOKENS
    keeper = Keeper(HEAD_INPUT)
    with observe(model, keeper):
        generate(model, [PROMPTS[0]], settings_for(model, 3))
    assert len(keeper.sequences) == 1
    # Compiled again afterwards, for whoever does not observe.
    assert calls.since() == 0
    run(model, PROMPTS[1], 3)
    assert calls.since() > 0
    torch._dynamo.reset()


class Frames:
    """Counts what torch compiles."""

    def __init__(self) -> None:
        self._before = self._now()

    @staticmethod
    def _now() -> int:
        return int(sum(torch._dynamo.utils.counters["frames"].values()))

    def since(self) -> int:
        """How many since it was asked last."""
        before, self._before = self._before, self._now()
        return self._before - before
