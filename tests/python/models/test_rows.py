"""Whose row is which: batches, padding, ends of texts, passes without a cache, threads."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, PreTrainedModel

import tiny_models
from assay import InputError
from assay.models import (
    EMBEDDING,
    HEAD_INPUT,
    Answer,
    Keeper,
    Rows,
    Tap,
    find_layout,
    generate,
    linear_input,
    observe,
    recompute,
    residual,
    settings_for,
)

PROMPTS = [[3, 1, 4, 1, 5, 9, 2, 6], [3, 1, 4], [7, 7], [1]]
TOKENS = 10


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Models so small gain nothing from threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> PreTrainedModel:
    """What enters its first block is what its embedding has for the token, and nothing else."""
    return tiny_models.tiny("llama")


class Listener:
    """An observer that keeps every word that it is told."""

    def __init__(self, *taps: Tap) -> None:
        self.taps = taps or (EMBEDDING,)
        self.prompts: dict[int, list[int]] = {}
        self.outputs: dict[int, list[int]] = {}
        self.dropped: list[int] = []
        self.told: dict[int, list[tuple[int, torch.Tensor]]] = {}

    def begin(self, sequence: int, prompt: list[int]) -> None:
        assert sequence not in self.prompts
        self.prompts[sequence] = prompt
        self.told[sequence] = []

    def rows(self, tap: int, rows: Rows) -> None:
        assert rows.values.ndim == 2
        for sequence, position, values in rows:
            assert len(values) > 0
            self.told[sequence] += [(position + i, row.clone()) for i, row in enumerate(values)]

    def end(self, sequence: int, output: list[int]) -> None:
        self.outputs[sequence] = output

    def drop(self, sequence: int) -> None:
        self.dropped.append(sequence)


class TokenListener(Listener):
    """One that is told of each token too."""

    def __init__(self, *taps: Tap) -> None:
        super().__init__(*taps)
        self.tokens: dict[int, list[int]] = {}

    def begin(self, sequence: int, prompt: list[int]) -> None:
        super().begin(sequence, prompt)
        self.tokens[sequence] = []

    def token(self, sequence: int, token: int) -> None:
        # The last rows that were told are those that it came of.
        position = self.told[sequence][-1][0]
        assert position == len(self.prompts[sequence]) - 1 + len(self.tokens[sequence])
        self.tokens[sequence].append(token)


def padded(prompts: list[list[int]]) -> dict[str, torch.Tensor]:
    width = max(map(len, prompts))
    return {
        "input_ids": torch.tensor([[0] * (width - len(p)) + p for p in prompts]),
        "attention_mask": torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts]),
    }


def run(model: PreTrainedModel, prompts: list[list[int]] = PROMPTS, **options: Any) -> Any:
    given = {"do_sample": False, "max_new_tokens": TOKENS, "pad_token_id": 0, **options}
    return model.generate(**{**padded(prompts), **given})


def check(model: PreTrainedModel, heard: Listener, prompts: list[list[int]]) -> None:
    """Every token but the last of each sequence has one row, which is its embedding."""
    table = model.get_input_embeddings().weight
    assert list(heard.prompts.values()) == prompts
    assert not heard.dropped
    for sequence, prompt in heard.prompts.items():
        tokens = prompt + heard.outputs[sequence]
        positions = [position for position, _ in heard.told[sequence]]
        assert positions == list(range(len(tokens) - 1))
        for position, row in heard.told[sequence]:
            assert torch.equal(row, table[tokens[position]])


def an_end(model: PreTrainedModel) -> int:
    """A token that ends one of the answers early."""
    return int(run(model)[1, len(PROMPTS[0]) + 4])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_cache": False},
        {"cache_implementation": "static"},
        {"do_sample": True, "top_k": 0, "temperature": 3.0},
        {"return_dict_in_generate": True, "output_hidden_states": True},
    ],
)
def test_every_token_has_its_row(model: PreTrainedModel, options: dict[str, Any]) -> None:
    heard = Listener()
    with observe(model, heard):
        result = run(model, **options)
    check(model, heard, PROMPTS)
    tokens = result if isinstance(result, torch.Tensor) else result.sequences
    assert list(heard.outputs.values()) == tokens[:, len(PROMPTS[0]) :].tolist()


@pytest.mark.parametrize("use_cache", [True, False])
def test_sequences_end_one_by_one(model: PreTrainedModel, use_cache: bool) -> None:
    end = an_end(model)
    heard = Listener()
    with observe(model, heard):
        tokens = run(model, eos_token_id=[end, 39], use_cache=use_cache)
    check(model, heard, PROMPTS)
    lengths = list(map(len, heard.outputs.values()))
    assert len(set(lengths)) > 2
    for output, row in zip(heard.outputs.values(), tokens[:, len(PROMPTS[0]) :], strict=True):
        assert output == row[: len(output)].tolist()
        assert not {end, 39} & set(output[:-1])


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("ending", [True, False])
def test_tokens_are_told_before_the_next_rows(
    model: PreTrainedModel, use_cache: bool, ending: bool
) -> None:
    heard = TokenListener()
    end = an_end(model)
    with observe(model, heard):
        run(model, use_cache=use_cache, **({"eos_token_id": end} if ending else {}))
    lengths = {len(output) for output in heard.outputs.values()}
    assert len(lengths) > 1 or not ending
    for sequence, output in heard.outputs.items():
        told = heard.tokens[sequence]
        # Of those that end last nobody is told but at the end.
        assert told == (output if len(output) < max(lengths) else output[:-1])


def test_ends_are_those_of_the_call_or_else_of_the_model(model: PreTrainedModel) -> None:
    end = an_end(model)
    model.generation_config.eos_token_id = end
    short = Listener()
    with observe(model, short):
        run(model)
        model.generate(
            **padded(PROMPTS),
            generation_config=GenerationConfig(max_new_tokens=TOKENS, pad_token_id=0),
        )
    check(model, short, PROMPTS * 2)
    assert [len(output) for output in short.outputs.values()][1::4] == [5, 5]
    whole = Listener()
    with observe(model, whole):
        run(model, eos_token_id=None)
    check(model, whole, PROMPTS)
    assert [len(output) for output in whole.outputs.values()] == [TOKENS] * 4


def test_several_answers_to_each_prompt(model: PreTrainedModel) -> None:
    heard = Listener()
    with observe(model, heard):
        torch.manual_seed(0)
        run(model, num_return_sequences=3, do_sample=True, top_k=0)
    check(model, heard, [prompt for prompt in PROMPTS for _ in range(3)])


def test_the_mask_that_the_model_makes_for_itself(model: PreTrainedModel) -> None:
    heard = Listener()
    ids = padded(PROMPTS)["input_ids"]
    with observe(model, heard):
        model.generate(ids, max_new_tokens=TOKENS, do_sample=False, pad_token_id=0)
    check(model, heard, PROMPTS)


@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_padding_that_nobody_masked(model: PreTrainedModel, cache: str) -> None:
    """It is what transformers takes for padding: the padding token, unless that ends a text."""
    ids = padded(PROMPTS)["input_ids"]
    options = {"max_new_tokens": TOKENS, "do_sample": False, "cache_implementation": cache}
    for own in (False, True):
        heard = Listener()
        with observe(model, heard):
            model.generate(ids, **options, **({} if own else {"pad_token_id": 0}))
        check(model, heard, PROMPTS)
        model.generation_config.pad_token_id = 0
    heard = Listener()
    with observe(model, heard):
        model.generate(ids, **options, eos_token_id=[0, 39])
    assert list(heard.prompts.values()) == ids.tolist()


def test_padding_between_tokens(model: PreTrainedModel) -> None:
    heard = Listener()
    mask = torch.tensor([[0, 1, 1, 0, 0, 1, 0, 1]])
    with observe(model, heard):
        run(model, [PROMPTS[0]], attention_mask=mask)
    check(model, heard, [[1, 4, 9, 6]])


def test_tokens_that_a_cache_has_already(model: PreTrainedModel) -> None:
    prompt = PROMPTS[0]
    before = run(model, [prompt[:5]], return_dict_in_generate=True)
    cache = before.past_key_values
    cache.crop(1 - TOKENS)
    heard = Listener()
    with observe(model, heard):
        run(model, [prompt], past_key_values=cache)
    ((sequence, told),) = heard.told.items()
    assert heard.prompts == {sequence: prompt}
    positions = [position for position, _ in told]
    assert positions == list(range(5, len(prompt) + TOKENS - 1))
    with (
        observe(model, heard),
        pytest.raises(InputError, match="goes on from a cache; give all tokens"),
    ):
        run(model, [[5, 9]], attention_mask=torch.ones(1, 19), past_key_values=cache)
    with (
        observe(model, heard),
        pytest.raises(InputError, match="goes on from a cache; give all tokens"),
    ):
        model.generate(torch.tensor([[5, 9]]), max_new_tokens=2, past_key_values=cache)


def test_the_head_may_be_given_one_row_of_each(model: PreTrainedModel) -> None:
    keeper = Keeper(HEAD_INPUT)
    plain = Keeper(HEAD_INPUT)
    head = model.lm_head
    original = head.forward
    with observe(model, plain):
        run(model)
    model.lm_head = Flat(head)
    with observe(model, keeper):
        run(model)
    head.forward = original
    for left, right in zip(keeper.sequences, plain.sequences, strict=True):
        assert left.output == right.output
        assert torch.equal(left.rows[0], right.rows[0])


class Flat(torch.nn.Module):
    """A head that is handed the last row of each sequence, without an axis of tokens."""

    def __init__(self, head: torch.nn.Module) -> None:
        super().__init__()
        self.head = head
        self.weight = head.weight

    def __call__(self, state: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = super().__call__(state[:, -1])
        return scores[:, None]

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(state)
        return scores


# What cannot be followed.


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"num_beams": 2}, "beam search"),
        ({"num_beam_groups": 2, "num_beams": 2}, "beam search"),
        ({"force_words_ids": [[3]]}, "beam search"),
        ({"assistant_model": "another"}, "several tokens"),
        ({"use_mtp": True}, "several tokens"),
        ({"assistant_early_exit": 1}, "several tokens"),
        ({"prompt_lookup_num_tokens": 3}, "several tokens"),
        ({"prefill_chunk_size": 2}, "in pieces"),
        ({"penalty_alpha": 0.5, "top_k": 4}, "several candidates"),
        ({"dola_layers": "low"}, "other than the last"),
        ({"guidance_scale": 1.5}, "second pass"),
        ({"custom_generate": print}, "not known"),
        ({"cache_implementation": "paged"}, "changes while it runs"),
        ({"input_ids": None}, "no token ids"),
        ({"inputs_embeds": torch.zeros(1, 2, 32)}, "no token ids"),
        ({"attention_mask": torch.tensor([[1] * 7 + [0]])}, "pad on the left"),
        ({"attention_mask": torch.tensor([[0] * 8])}, "row 0 has no token that is not padding"),
        ({"attention_mask": torch.ones(1, 9)}, "give all tokens"),
        ({"assistant_model": torch.nn.Linear(2, 3)}, "assistant_model=Linear"),
        ({"custom_generate": "a long\ntext" * 20}, "custom_generate=str"),
    ],
)
def test_calls_that_are_refused(
    model: PreTrainedModel, options: dict[str, Any], reason: str
) -> None:
    heard = Listener()
    with observe(model, heard), pytest.raises(InputError, match=reason) as caught:
        run(model, PROMPTS[:1], **options)
    assert caught.value.code == "unsupported"
    assert caught.value.place.startswith("generate")
    assert heard.dropped == list(heard.prompts)
    assert not heard.outputs
    # As it ships with a model, and overridden by a call.
    name, value = next(iter(options.items()))
    if hasattr(model.generation_config, name) and name not in ("custom_generate", "use_mtp"):
        setattr(model.generation_config, name, value)
        with observe(model, heard), pytest.raises(InputError, match=reason):
            run(model, PROMPTS[:1])
        heard = Listener()
        with observe(model, heard):
            run(model, PROMPTS[:1], **{name: 1 if name == "num_beams" else None})
        check(model, heard, PROMPTS[:1])


def test_passes_that_do_not_make_one_token_each(model: PreTrainedModel) -> None:
    heard = Listener()
    with observe(model, heard):
        model.register_forward_hook(Twice())
        with pytest.raises(InputError, match=r"made 20 passes for 10 new"):
            run(model, PROMPTS[:1])
    assert heard.dropped == list(heard.prompts)


class Twice:
    """Runs a model once more on the same tokens after each pass."""

    def __init__(self) -> None:
        self.again = False

    def __call__(self, module: Any, args: Any, output: Any) -> None:
        if not self.again:
            self.again = True
            module(input_ids=torch.tensor([[1]]))
            self.again = False


def test_states_that_are_not_rows_of_tokens(model: PreTrainedModel) -> None:
    layout = find_layout(model)
    model.model.layers[0].register_forward_hook(lambda _, args, output: output[:, None])
    model.model.layers[1].register_forward_pre_hook(lambda _, args: (args[0][:, 0],))
    keeper = Keeper(residual(0))
    with (
        observe(model, keeper, layout=layout),
        pytest.raises(InputError, match=r"rows of shape \(1, 1, 8, 32\), of 1 sequences of 8"),
    ):
        run(model, PROMPTS[:1])


def test_modules_that_run_twice_in_a_pass(model: PreTrainedModel) -> None:
    model.model.layers[1] = model.model.layers[0]
    keeper = Keeper(linear_input("model.layers.0.mlp.down_proj"))
    with observe(model, keeper), pytest.raises(InputError, match="more than once in a pass"):
        run(model, PROMPTS[:1], use_cache=False)


# Several at once.


def test_what_an_observer_raises_ends_the_run(model: PreTrainedModel) -> None:
    class Failing(Listener):
        def rows(self, tap: int, rows: Rows) -> None:
            raise KeyError("full")

    failing, other = Failing(), Listener()
    plain = model.generate
    with observe(model, other, failing), pytest.raises(KeyError, match="full"):
        run(model)
    assert failing.dropped == other.dropped == list(other.prompts)
    assert len(other.dropped) == len(PROMPTS)
    assert model.generate == plain
    assert not model._forward_pre_hooks
    with observe(model, other):
        run(model, PROMPTS[:1])
    assert len(other.outputs) == 1


def together(*acts: Callable[[], None]) -> None:
    """Run all of them at the same time, each on a thread of its own."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(acts))

    def guarded(act: Callable[[], None]) -> None:
        try:
            torch.set_num_threads(1)
            start.wait(timeout=240)
            act()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


def test_two_calls_at_once(model: PreTrainedModel) -> None:
    heard = Listener()
    plain = [run(model, [prompt])[0].tolist() for prompt in PROMPTS]
    with observe(model, heard, all_threads=True):
        together(*(lambda prompt=prompt: run(model, [prompt]) for prompt in PROMPTS))
    assert sorted(heard.prompts.values()) == sorted(PROMPTS)
    found = {tuple(prompt): heard.outputs[one] for one, prompt in heard.prompts.items()}
    for prompt, tokens in zip(PROMPTS, plain, strict=True):
        assert prompt + found[tuple(prompt)] == tokens
    check(model, heard, list(heard.prompts.values()))


def test_each_thread_with_observers_of_its_own(model: PreTrainedModel) -> None:
    heard = [Listener() for _ in PROMPTS]
    everything = Listener()

    def act(prompt: list[int], listener: Listener) -> None:
        for _ in range(3):
            (answer,) = generate(model, [prompt], settings_for(model, TOKENS), observers=[listener])
            assert answer.prompt == prompt

    before = model.generate
    with observe(model, everything, all_threads=True):
        together(
            *(
                lambda prompt=prompt, listener=listener: act(prompt, listener)
                for prompt, listener in zip(PROMPTS, heard, strict=True)
            )
        )
    for prompt, listener in zip(PROMPTS, heard, strict=True):
        check(model, listener, [prompt] * 3)
    assert len(everything.outputs) == 3 * len(PROMPTS)
    assert model.generate == before
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_observers_leave_in_any_order(model: PreTrainedModel) -> None:
    before = model.generate
    one, other = Listener(), Listener()
    first, second = observe(model, one), observe(model, other)
    first.__enter__()
    second.__enter__()
    run(model, PROMPTS[:1])
    first.__exit__(None, None, None)
    run(model, PROMPTS[1:2])
    second.__exit__(None, None, None)
    run(model, PROMPTS[2:3])
    check(model, one, PROMPTS[:1])
    check(model, other, PROMPTS[:2])
    assert model.generate == before
    assert "generate" not in vars(model)


def test_a_wrapper_of_somebody_else_stays(model: PreTrainedModel) -> None:
    calls = []
    original = model.generate

    def own(*args: Any, **kwargs: Any) -> Any:
        calls.append(kwargs)
        return original(*args, **kwargs)

    model.generate = own
    heard = Listener()
    with observe(model, heard):
        run(model, PROMPTS[:1])
    assert model.generate is own
    assert len(calls) == 1
    # Hooks of a compiled model are not called.
    assert calls[0]["disable_compile"]
    check(model, heard, PROMPTS[:1])
    with observe(model, heard):
        inner = model.generate
        model.generate = lambda *args, **kwargs: inner(*args, **kwargs)
        outer = model.generate
    assert model.generate is outer
    run(model, PROMPTS[:1])
    assert len(calls) == 2


# One way to generate, and one to go over what was generated.


def test_generate_gives_prompts_and_answers(model: PreTrainedModel) -> None:
    model.generation_config.eos_token_id = an_end(model)
    heard = Listener()
    answers = generate(model, PROMPTS, settings_for(model, TOKENS), observers=[heard])
    assert answers == [
        Answer(prompt, output)
        for prompt, output in zip(heard.prompts.values(), heard.outputs.values(), strict=True)
    ]
    check(model, heard, PROMPTS)
    assert len(answers[1].output) == 5
    longer = generate(model, PROMPTS, settings_for(model, TOKENS, min_new_tokens=TOKENS))
    assert [len(answer.output) for answer in longer] == [TOKENS] * 4
    with pytest.raises(InputError, match="prompt 1: no tokens"):
        generate(model, [[1], []], settings_for(model, TOKENS))


def test_recompute_tells_what_generate_told(model: PreTrainedModel) -> None:
    heard, again, further = Listener(), Listener(), Listener()
    (answer,) = generate(model, PROMPTS[:1], settings_for(model, TOKENS), observers=[heard])
    assert recompute(model, *answer, observers=[again]) == ()
    check(model, again, PROMPTS[:1])
    assert list(again.outputs.values()) == list(heard.outputs.values()) == [answer.output]
    states = recompute(model, *answer, observers=[further], to_the_end=True, hidden_states=True)
    ((told,), (more,)) = again.told.values(), further.told.values()
    assert len(more) == len(told) + 1 == states[0].shape[1]
    assert len(states) == tiny_models.LAYERS + 1


def test_recompute_asks_the_head_for_one_row_of_scores(model: PreTrainedModel) -> None:
    shapes = []
    model.lm_head.register_forward_hook(lambda _, args, output: shapes.append(tuple(output.shape)))
    keeper = Keeper(HEAD_INPUT, prompts=True)
    recompute(model, PROMPTS[0], [1, 2, 3], observers=[keeper])
    assert shapes == [(1, 1, tiny_models.VOCAB)]
    assert keeper.sequences[0].rows[0].shape == (len(PROMPTS[0]) + 2, tiny_models.HIDDEN)
    assert not model.lm_head._forward_pre_hooks


def test_rows_that_do_not_come_are_missed(model: PreTrainedModel) -> None:
    """A model whose head is not called as a module."""
    weight = model.lm_head.weight

    class Elsewhere(torch.nn.Linear):
        def __call__(self, state: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.linear(state, weight)

    model.lm_head = Elsewhere(1, 1)
    keeper = Keeper(HEAD_INPUT)
    with observe(model, keeper), pytest.raises(InputError, match="0 rows for 10 new tokens"):
        run(model, PROMPTS[:1])


def test_rows_that_come_at_times_are_missed_too(model: PreTrainedModel) -> None:
    """A module that is passed by in every second pass."""
    module = model.model.layers[0].mlp.down_proj
    plain = module.forward
    calls = iter(range(100))

    class AtTimes(torch.nn.Linear):
        def __call__(self, state: torch.Tensor) -> torch.Tensor:
            each = super().__call__ if next(calls) % 2 else plain
            return each(state)

    module.__class__ = AtTimes
    keeper = Keeper(linear_input("model.layers.0.mlp.down_proj"))
    with observe(model, keeper), pytest.raises(InputError, match="5 rows for 10 new tokens"):
        run(model, PROMPTS[:1])
