"""Proofs made while a model generates, and states that the verifier computes itself."""

import copy
import json
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

import tiny_models
from assay import InputError, toploc
from assay.models import with_rounded_weights
from assay.toploc import attacks
from assay.toploc.chunks import Shape
from assay.toploc.producing import produce

K = 16
SHAPE = Shape(chunk=4, k=K)
PROMPT = [3, 1, 4, 1, 5, 9, 2, 6]


def model(layout: str = "llama", dtype: torch.dtype = torch.bfloat16) -> PreTrainedModel:
    return tiny_models.tiny(layout, dtype)


def generate(
    made: PreTrainedModel, prompts: list[list[int]], tokens: int = 10, **options: Any
) -> torch.Tensor:
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    given = {"do_sample": False, "max_new_tokens": tokens, "pad_token_id": 0, **options}
    result: torch.Tensor = made.generate(ids, attention_mask=mask, **given)
    return result


# The published bounds want 32 tokens at least.
BOUNDS = toploc.Profile.from_json(
    json.dumps({**json.loads(toploc.Profile.published().to_json()), "minimum_points": 5})
)


def verify(
    made: PreTrainedModel, found: toploc.Produced, profile: Any = BOUNDS, **options: Any
) -> Any:
    own = toploc.recompute(made, found.prompt, found.output)
    return toploc.verify(own, found.proofs, profile, **{"chunk": 4, "k": K, **options})


@pytest.mark.parametrize("layout", list(tiny_models.CONFIGS))
def test_proofs_of_every_layout_are_those_of_a_recomputation(layout: str) -> None:
    made = model(layout)
    # opt_projected has a head that sees 16 values.
    with toploc.watch(made, chunk=4, k=K) as watched:
        tokens = generate(made, [PROMPT])
    (found,) = watched.sequences
    assert found.prompt == PROMPT
    assert found.output == tokens[0, len(PROMPT) :].tolist()
    assert [len(proof) for proof in found.proofs] == [2 + 2 * K] * 3
    verdict = verify(made, found)
    assert verdict, (verdict.step, verdict.reason, verdict.figures)


def test_the_rows_are_what_the_head_sees() -> None:
    made = model(dtype=torch.float32)
    with toploc.watch(made, chunk=4, k=K, rounded=True, keep_states=True) as watched:
        tokens = generate(made, [PROMPT])
    (found,) = watched.sequences
    assert found.states is not None
    own = toploc.recompute(made, found.prompt, found.output)
    torch.testing.assert_close(found.states, own, rtol=1e-4, atol=1e-5)
    # The state of a row is the one whose scores chose the token.
    head = made.get_output_embeddings()
    assert head(own).argmax(-1).tolist() == found.output == tokens[0, len(PROMPT) :].tolist()
    assert toploc.build(found.states, chunk=4, k=K, rounded=True) == found.proofs


def test_a_model_is_as_it_was_afterwards() -> None:
    made = model()
    before = made.generate
    with toploc.watch(made, chunk=4, k=K) as watched:
        generate(made, [PROMPT])
        generate(made, [PROMPT[:3]])
    generate(made, [PROMPT])
    assert [found.prompt for found in watched.sequences] == [PROMPT, PROMPT[:3]]
    assert made.generate == before
    assert not made.get_output_embeddings()._forward_pre_hooks
    assert not made._forward_pre_hooks
    with pytest.raises(ValueError, match="stop"), toploc.watch(made, chunk=4, k=K):
        raise ValueError("stop")
    assert made.generate == before


def test_batches_and_ends_of_text() -> None:
    made = model()
    prompts = [PROMPT, PROMPT[:3], [7, 7], [1]]
    plain = [generate(made, [p])[0, len(p) :].tolist() for p in prompts]
    # A token that ends some of them early.
    end = plain[1][4]
    with toploc.watch(made, chunk=4, k=K) as watched:
        tokens = generate(made, prompts, eos_token_id=[end, 39])
    assert [found.prompt for found in watched.sequences] == prompts
    rows = tokens[:, max(map(len, prompts)) :].tolist()
    for found, row in zip(watched.sequences, rows, strict=True):
        ends = [i for i, token in enumerate(row) if token in (end, 39)]
        length = ends[0] + 1 if ends else len(row)
        assert found.output == row[:length]
        assert len(found.proofs) == -(-length // 4)
        # One token decides nothing.
        assert verify(made, found).outcome == ("accepted" if length > 1 else "inconclusive")
    assert min(len(found.output) for found in watched.sequences) < 10


def test_drawn_tokens_and_several_answers_to_a_prompt() -> None:
    made = model()
    torch.manual_seed(0)
    with toploc.watch(made, chunk=4, k=K) as watched:
        generate(made, [PROMPT], do_sample=True, num_return_sequences=3, top_k=0)
    assert len(watched.sequences) == 3
    assert len({tuple(found.output) for found in watched.sequences}) > 1
    for found in watched.sequences:
        assert found.prompt == PROMPT
        assert verify(made, found)


def test_without_a_cache_and_as_a_dictionary() -> None:
    made = model()
    with toploc.watch(made, chunk=4, k=K) as watched:
        generate(made, [PROMPT], use_cache=False)
        made.generate(
            input_ids=torch.tensor([PROMPT]), max_new_tokens=10, do_sample=False,
            return_dict_in_generate=True, output_hidden_states=True,
        )  # fmt: skip
    without, dictionary = watched.sequences
    assert without.output == dictionary.output
    assert verify(made, without)
    assert verify(made, dictionary)


def test_short_tails() -> None:
    made = model()
    with toploc.watch(made, chunk=12, k=K, merge_short_tails=True) as watched:
        generate(made, [PROMPT], tokens=17)
    (found,) = watched.sequences
    assert len(found.proofs) == 1
    assert verify(made, found, chunk=12, merge_short_tails=True)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"num_beams": 2}, "beam search"),
        ({"prompt_lookup_num_tokens": 3}, "several tokens"),
        ({"prefill_chunk_size": 2}, "in pieces"),
        ({"assistant_model": "another"}, "several tokens"),
        ({"penalty_alpha": 0.5, "top_k": 4}, "several candidates"),
    ],
)
def test_ways_to_generate_that_cannot_be_followed(options: dict[str, Any], reason: str) -> None:
    made = model()
    with toploc.watch(made, chunk=4, k=K), pytest.raises(InputError, match=reason):
        generate(made, [PROMPT], **options)
    made.generation_config.num_beams = 2
    with toploc.watch(made, chunk=4, k=K), pytest.raises(InputError, match="beam search"):
        generate(made, [PROMPT])


def test_models_that_cannot_be_watched() -> None:
    made = model(dtype=torch.float32)
    with pytest.raises(InputError, match="rounded=True"), toploc.watch(made):
        pass
    with pytest.raises(InputError, match="head"), toploc.watch(made.model, rounded=True):
        pass
    ties: Any = "lower_index"
    with pytest.raises(InputError, match="lower-index"), toploc.watch(model(), ties=ties):
        pass
    narrow = model()
    with toploc.watch(narrow), pytest.raises(InputError, match="lower k"):
        generate(narrow, [PROMPT], tokens=1)
    with toploc.watch(narrow), pytest.raises(InputError, match="no token ids"):
        narrow.generate(inputs_embeds=torch.zeros(1, 2, 32).bfloat16(), max_new_tokens=2)


@pytest.mark.parametrize(
    ("prompt", "output", "reason"),
    [([], [1], "prompt"), ([1], [], "output"), ([1], [40, 1], "vocabulary"),
     ([-1], [1], "vocabulary"), ([1], [1, 40], "vocabulary"), ([1], [-1], "vocabulary")],
)  # fmt: skip
def test_tokens_that_cannot_be_recomputed(
    prompt: list[int], output: list[int], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        toploc.recompute(model(), prompt, output)


@pytest.mark.parametrize("layout", ["gpt2", "opt", "llama", "mistral"])
def test_no_more_tokens_than_positions(layout: str) -> None:
    made = model(layout)
    assert made.config.max_position_embeddings == 64
    assert len(toploc.recompute(made, [1] * 60, [2] * 4)) == 4
    refused = "65 of prompt and answer together; the model has positions for 64"
    with pytest.raises(InputError, match=refused) as caught:
        toploc.recompute(made, [1] * 60, [2] * 5)
    assert caught.value.code == "too_large"
    with pytest.raises(InputError, match=refused):
        produce(made, [[1], [1] * 60], max_new_tokens=5, shape=SHAPE)
    (found,) = produce(made, [[1] * 60], max_new_tokens=4, shape=SHAPE)
    assert verify(made, found)


def test_models_without_a_number_of_positions_take_any() -> None:
    assert len(toploc.recompute(model("bloom"), [1] * 60, [2] * 40)) == 40


@pytest.mark.parametrize("tokens", [0, -1])
def test_answers_of_no_tokens_are_not_produced(tokens: int) -> None:
    with pytest.raises(InputError, match="max_new_tokens"):
        produce(model(), [PROMPT], max_new_tokens=tokens, shape=SHAPE)


# What providers may do.


def test_weights_are_rounded_to_a_grid() -> None:
    made = model()
    before = copy.deepcopy(made.state_dict())
    rounded = with_rounded_weights(made, 4, 10)
    weight = made.model.layers[0].mlp.up_proj.weight.float()
    changed = rounded.model.layers[0].mlp.up_proj.weight.float()
    for group, now in zip(weight.split(10, 1), changed.split(10, 1), strict=True):
        scale = group.abs().amax(1, keepdim=True) / 7
        assert (now - group).abs().max() <= scale.max() * 0.51
        assert max(len(set(row.tolist())) for row in now) <= 15
        steps = now / scale
        torch.testing.assert_close(steps, steps.round(), atol=0.05, rtol=0)
    assert torch.equal(rounded.lm_head.weight, made.lm_head.weight)
    fine = with_rounded_weights(made, 8).model.layers[0].mlp.up_proj.weight.float()
    assert 0 < (fine - weight).abs().max() < (changed - weight).abs().max()
    assert all(torch.equal(before[name], now) for name, now in made.state_dict().items())


def test_other_models_are_other_models() -> None:
    made = model()
    fewer = attacks.with_fewer_blocks(made, 1)
    other = attacks.another_model(made, 2)
    assert len(fewer.model.layers) == 1
    assert len(other.model.layers) == 2
    assert len(made.model.layers) == made.config.num_hidden_layers == tiny_models.LAYERS
    for cheat in (fewer, other, with_rounded_weights(made, 2)):
        (found,) = produce(cheat, [PROMPT], max_new_tokens=12, shape=SHAPE)
        assert verify(cheat, found)
        assert verify(made, found).outcome == "rejected"


def test_another_prompt_is_caught() -> None:
    made = model()
    (found,) = produce(made, [PROMPT], max_new_tokens=12, shape=SHAPE)
    own = toploc.recompute(made, [*PROMPT[:-1], 30], found.output)
    assert toploc.verify(own, found.proofs, BOUNDS, chunk=4, k=K).outcome == "rejected"
