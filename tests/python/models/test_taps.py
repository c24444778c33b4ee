"""What is at each tap, against hooks and lists of torch and transformers."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from assay import InputError
from assay.hidden_states import CaptureError, capture_model
from assay.models import (
    EMBEDDING,
    FINAL_NORM,
    HEAD_INPUT,
    Keeper,
    Tap,
    final_norm,
    find_layout,
    linear_input,
    linear_output,
    observe,
    residual,
)
from tiny_models import CONFIGS, LAYERS, tiny

PROMPT = [3, 7, 11, 19, 4]
TOKENS = 6
# A linear module inside a block of each layout, and one that is given its rows by another.
LINEAR = {
    "gpt_neox": "gpt_neox.layers.1.mlp.dense_4h_to_h",
    "gpt2": "transformer.h.1.mlp.c_proj",
    "opt": "model.decoder.layers.1.fc2",
    "opt_projected": "model.decoder.layers.1.fc2",
    "bloom": "transformer.h.1.mlp.dense_4h_to_h",
}
NO_NORM = {"opt_projected"}


def generate(model: PreTrainedModel, **options: Any) -> Any:
    return model.generate(
        torch.tensor([PROMPT]), max_new_tokens=TOKENS, do_sample=False, pad_token_id=0, **options
    )


def as_list(states: list[tuple[Tensor, ...]], entry: int) -> Tensor:
    """The rows of an entry of the model's own list, of all passes."""
    return torch.cat([one[entry] for one in states], dim=1)[0]


@pytest.mark.parametrize("layout", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_every_tap_sees_what_is_there(layout: str, dtype: torch.dtype) -> None:
    model = tiny(layout, dtype)
    name = LINEAR.get(layout, "model.layers.1.mlp.down_proj")
    given: list[Tensor] = []
    returned: list[Tensor] = []
    heads: list[Tensor] = []
    module = model.get_submodule(name)
    module.register_forward_hook(lambda _, args, out: given.append(args[0]) or returned.append(out))
    model.get_output_embeddings().register_forward_hook(lambda _, args, out: heads.append(args[0]))
    taps = [EMBEDDING, residual(0), residual(1), linear_input(name), linear_output(name)]
    kept = Keeper(*taps, HEAD_INPUT, prompts=True)
    with observe(model, kept):
        for listed in (given, returned, heads):  # what finding the layout ran
            listed.clear()
        result = generate(model, output_hidden_states=True, return_dict_in_generate=True)
    (one,) = kept.sequences
    assert one.prompt + one.output == result.sequences[0].tolist()
    expected = [
        as_list(result.hidden_states, 0),
        as_list(result.hidden_states, 1),
        as_list(result.hidden_states, 2),
        torch.cat([value.flatten(0, -2) for value in given]),
        torch.cat([value.flatten(0, -2) for value in returned]),
        torch.cat([value.flatten(0, -2) for value in heads]),
    ]
    for tap, rows, own in zip(kept.taps, one.rows, expected, strict=True):
        assert rows.dtype == dtype
        assert torch.equal(rows, own), tap
    assert len(one.rows[0]) == len(PROMPT) + TOKENS - 1


@pytest.mark.parametrize("layout", sorted(CONFIGS.keys() - NO_NORM))
def test_the_final_norm(layout: str) -> None:
    model = tiny(layout)
    values: list[Tensor] = []
    norm = final_norm(model)
    kept = Keeper(FINAL_NORM, residual(LAYERS - 1), HEAD_INPUT)
    with observe(model, kept):
        handle = norm.register_forward_hook(lambda _, args, out: values.append(out))
        generate(model)
        handle.remove()
    normed, before, seen = kept.sequences[0].rows
    own = torch.cat([value[0] for value in values])[len(PROMPT) - 1 :]
    assert torch.equal(normed, own)
    assert torch.equal(normed, seen)
    assert not torch.equal(normed, before)
    with torch.no_grad():
        torch.testing.assert_close(norm(before), normed)


def test_the_block_before_a_norm_may_be_the_last() -> None:
    model = tiny("llama")
    model.model.norm = torch.nn.Identity()
    kept = Keeper(residual(LAYERS - 1), HEAD_INPUT)
    with observe(model, kept):
        generate(model)
    assert torch.equal(*kept.sequences[0].rows)
    with pytest.raises(InputError, match="does not see the output of a norm"):
        final_norm(model)


@pytest.mark.parametrize(
    ("layout", "tap", "reason"),
    [
        ("llama", residual(LAYERS), "tap residual_3: block 3; the model has blocks 0 to 2"),
        ("llama", residual(-1), "block -1"),
        ("llama", linear_input("model.nothing"), "tap model.nothing: the model has no such"),
        ("llama", linear_output("model.norm"), "a LlamaRMSNorm, not a linear module"),
        ("llama", Tap("x", "unknown"), "tap x: no unknown"),
        ("llama", Tap("x", "final_projection"), "no final_projection; .* is its final_norm"),
        ("opt_projected", FINAL_NORM, "no final_norm; .* is its final_projection"),
    ],
)
def test_taps_that_a_model_does_not_have(layout: str, tap: Tap, reason: str) -> None:
    model = tiny(layout)
    before = model.generate
    with pytest.raises(InputError, match=reason) as caught, observe(model, Keeper(tap)):
        pass
    assert caught.value.code in ("unsupported", "out_of_range")
    assert caught.value.place == f"tap {tap.name}"
    assert model.generate == before


def test_models_without_a_head_or_with_two_stacks() -> None:
    model = tiny("llama")
    with pytest.raises(InputError, match="no language model head"):
        observe(model.model, Keeper(HEAD_INPUT)).__enter__()
    model.config.is_encoder_decoder = True
    with pytest.raises(InputError, match="an encoder and a decoder"):
        observe(model, Keeper(HEAD_INPUT)).__enter__()
    kept = Keeper(linear_input("lm_head"))
    with observe(model, kept), pytest.raises(InputError, match="an encoder and a decoder"):
        generate(model)
    for mode in ("decode", "recompute"):
        with pytest.raises(CaptureError, match="an encoder and a decoder; give a decoder alone"):
            capture_model(model, torch.tensor([[1, 2]]), max_new_tokens=2, mode=mode)


def test_taps_of_modules_need_no_layout() -> None:
    model = tiny("gpt2")
    model.config.n_layer = LAYERS + 1
    with pytest.raises(InputError, match="layout not recognised"):
        find_layout(model)
    kept = Keeper(HEAD_INPUT, linear_input("transformer.h.0.attn.c_attn"))
    with observe(model, kept):
        model.generate(torch.tensor([PROMPT]), max_new_tokens=2, use_cache=False, pad_token_id=0)
    assert [len(rows) for rows in kept.sequences[0].rows] == [2, 2]


def test_one_place_for_several_taps() -> None:
    model = tiny("llama")
    kept = Keeper(HEAD_INPUT, linear_input("lm_head"))
    with observe(model, kept, kept_too := Keeper(linear_output("lm_head"))):
        tokens = generate(model)
    assert torch.equal(*kept.sequences[0].rows)
    scores = kept_too.sequences[0].rows[0]
    assert scores.argmax(-1).tolist() == tokens[0, len(PROMPT) :].tolist()
