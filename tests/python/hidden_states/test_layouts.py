"""Both modes against the model's own hidden-states tuple, for every layout."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from assay import InputError
from assay.hidden_states import CaptureError, LayoutError, capture_model
from assay.models import find_layout, recompute
from tiny_models import CONFIGS, HIDDEN, LAYERS, tiny

PROMPT = torch.tensor([[3, 7, 11, 19, 4]])
LAST_TAP = {"opt_projected": "final_projection"}


def forward(model: PreTrainedModel, ids: Tensor, **options: object) -> object:
    with torch.no_grad():
        return model(input_ids=ids, output_hidden_states=True, return_dict=True, **options)


def assert_same_bits(left: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> None:
    assert len(left) == len(right)
    for index, (a, b) in enumerate(zip(left, right, strict=True)):
        assert a.dtype == b.dtype, index
        assert a.shape == b.shape, index
        assert torch.equal(a, b), f"entry {index} differs"


@pytest.mark.parametrize("layout", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_prefill_equals_the_tuple(layout: str, dtype: torch.dtype) -> None:
    model = tiny(layout, dtype)
    got = capture_model(model, PROMPT, max_new_tokens=1)
    assert_same_bits(got.hidden_states, forward(model, PROMPT).hidden_states)
    assert got.rows == PROMPT.shape[1] == got.tokens - 1
    assert got.hidden_states[0].dtype == dtype


@pytest.mark.parametrize("layout", CONFIGS)
def test_decode_equals_stepping_by_hand(layout: str) -> None:
    model = tiny(layout)
    got = capture_model(model, PROMPT, max_new_tokens=9)
    assert_same_bits(got.hidden_states, _stepped(model, got.token_sequence))
    assert (got.rows, got.tokens) == (13, 14)


def _stepped(model: PreTrainedModel, tokens: Tensor) -> tuple[Tensor, ...]:
    """Hidden states of the prompt in one pass and of each later input in a pass of its own."""
    cache, steps = None, []
    for ids in [tokens[:, : PROMPT.shape[1]], *tokens[:, PROMPT.shape[1] : -1].split(1, dim=1)]:
        seen = sum(step[0].shape[1] for step in steps) + ids.shape[1]
        output = forward(
            model,
            ids,
            past_key_values=cache,
            use_cache=True,
            attention_mask=torch.ones(1, seen, dtype=torch.long),
        )
        cache = output.past_key_values
        steps.append(output.hidden_states)
    return tuple(torch.cat(rows, dim=1) for rows in zip(*steps, strict=True))


@pytest.mark.parametrize("layout", CONFIGS)
def test_recompute_equals_the_tuple(layout: str) -> None:
    model = tiny(layout)
    got = capture_model(model, PROMPT, max_new_tokens=9, mode="recompute")
    assert_same_bits(got.hidden_states, forward(model, got.token_sequence).hidden_states)
    assert got.rows == got.tokens == 14


@pytest.mark.parametrize("layout", CONFIGS)
def test_both_modes_name_the_same_tokens_and_taps(layout: str) -> None:
    model = tiny(layout)
    decode = capture_model(model, PROMPT, max_new_tokens=6)
    again = capture_model(model, PROMPT, max_new_tokens=6, mode="recompute")
    assert torch.equal(decode.token_sequence, again.token_sequence)
    assert decode.taps == again.taps
    assert decode.names == ("embedding", *(f"layer_{i}" for i in range(LAYERS)))
    assert [tap.tap for tap in decode.taps] == [
        "embedding",
        *["residual"] * (LAYERS - 1),
        LAST_TAP.get(layout, "final_norm"),
    ]
    assert [tap.block for tap in decode.taps] == [None, *range(LAYERS)]


def test_projected_layer_keeps_its_own_width() -> None:
    got = capture_model(tiny("opt_projected"), PROMPT, max_new_tokens=2)
    widths = [state.shape[2] for state in got.hidden_states]
    assert widths == [HIDDEN, HIDDEN, HIDDEN, 16]


class Streams(LlamaDecoderLayer):
    """A block that hands on two vectors for each token, with an axis of their own."""

    def forward(self, hidden_states: Tensor, **options: Any) -> Tensor:
        both = hidden_states if hidden_states.ndim == 4 else torch.stack([hidden_states] * 2, 2)
        one, other = both.unbind(2)
        return torch.stack([super().forward(one, **options), other * 0.5], dim=2)


def streaming() -> PreTrainedModel:
    model = tiny("llama")
    for block in model.model.layers:
        block.__class__ = Streams
    model.model.norm.register_forward_pre_hook(lambda _, args: (args[0].sum(2),))
    return model


@pytest.mark.parametrize("mode", ["decode", "recompute"])
def test_blocks_that_hand_on_several_streams(mode: Any) -> None:
    model = streaming()
    got = capture_model(model, PROMPT, max_new_tokens=9, mode=mode)
    if mode == "decode":
        expected = _stepped(model, got.token_sequence)
    else:
        expected = forward(model, got.token_sequence).hidden_states
    assert expected[1].shape[2:] == (2, HIDDEN)
    assert_same_bits(got.hidden_states, tuple(state.flatten(2) for state in expected))
    assert got.hidden_states[1].shape == (1, got.rows, 2 * HIDDEN)


class StreamsBeforeTokens(LlamaDecoderLayer):
    def forward(self, hidden_states: torch.Tensor, **options: Any) -> torch.Tensor:
        both = hidden_states if hidden_states.ndim == 4 else torch.stack([hidden_states] * 2, 1)
        one, other = both.unbind(1)
        return torch.stack([super().forward(one, **options), other * 0.5], dim=1)


# With two tokens nothing but another number of tokens tells their axes apart.
@pytest.mark.parametrize(("tokens", "new", "mode"), [
    (2, 1, "decode"), (1, 1, "recompute"), (7, 2, "decode"), (2, 3, "recompute"), (1, 2, "decode"),
])  # fmt: skip
def test_streams_before_tokens_are_refused(tokens: int, new: int, mode: Any) -> None:
    model = tiny("llama")
    for block in model.model.layers:
        block.__class__ = StreamsBeforeTokens
    model.model.norm.register_forward_pre_hook(lambda _, args: (args[0].sum(1),))
    ids = torch.tensor([list(range(3, 3 + tokens))])
    refused = r"hidden states of shape \(1, 2, \d+, 32\), not \[sequences, tokens"
    with pytest.raises(CaptureError, match=refused) as caught:
        capture_model(model, ids, max_new_tokens=new, min_new_tokens=new, mode=mode)
    assert "--mode" not in str(caught.value)


def test_streams_before_tokens_of_a_model_whose_layout_is_not_recognised() -> None:
    model = tiny("llama")
    for block in model.model.layers:
        block.__class__ = StreamsBeforeTokens
    model.config.num_hidden_layers = LAYERS + 1
    model.model.norm.register_forward_pre_hook(lambda _, args: (args[0].sum(1),))
    with pytest.raises(InputError, match="layout not recognised"):
        find_layout(model)
    for outputs in (2, 4):
        with pytest.raises(InputError, match=r"hidden states of shape .*, not .sequences, tokens"):
            recompute(model, [3], list(range(1, outputs)), to_the_end=True, hidden_states=True)


def test_hidden_states_that_do_not_begin_with_sequences_and_tokens() -> None:
    model = tiny("llama")
    layers = model.model.layers
    layers[0].register_forward_hook(lambda _, args, output: output.transpose(0, 1))
    layers[1].register_forward_pre_hook(lambda _, args: (args[0].transpose(0, 1),))
    for mode in ("decode", "recompute"):
        with pytest.raises(CaptureError, match=r"hidden states of shape \(\d+, 1, 32\), not \[seq"):
            capture_model(model, PROMPT, max_new_tokens=2, mode=mode)


def test_decode_sees_what_recompute_does_not() -> None:
    """In 16-bit arithmetic the cached passes give other bits: the reason for mode "decode"."""
    model = tiny("llama", torch.bfloat16)
    decode = capture_model(model, PROMPT, max_new_tokens=40)
    again = capture_model(model, PROMPT, max_new_tokens=40, mode="recompute")
    last = again.hidden_states[-1][:, : decode.rows]
    assert torch.equal(decode.token_sequence, again.token_sequence)
    assert not torch.equal(decode.hidden_states[-1], last)
    torch.testing.assert_close(decode.hidden_states[-1], last, rtol=0.1, atol=0.1)


def test_model_without_final_norm_ends_in_a_residual() -> None:
    model = tiny("llama")
    model.model.norm = torch.nn.Identity()
    got = capture_model(model, PROMPT, max_new_tokens=3)
    assert got.taps[-1].tap == "residual"
    assert_same_bits(got.hidden_states, _stepped(model, got.token_sequence))


def test_unrecognised_layout_is_refused_in_decode_mode_only() -> None:
    model = tiny("gpt2")
    model.config.n_layer = LAYERS + 1
    # The cache has a place per layer; the tuple still comes from the blocks there are.
    with pytest.raises(
        LayoutError, match=r"model GPT2LMHeadModel: layout not recognised: .*recompute"
    ):
        capture_model(model, PROMPT, max_new_tokens=2)
    got = capture_model(model, PROMPT, max_new_tokens=2, mode="recompute")
    assert got.taps[-1].tap == "unknown"
    assert got.names == ("embedding", "layer_0", "layer_1", "layer_2")


def test_block_that_writes_into_its_input_is_refused() -> None:
    model = tiny("llama")
    block = model.model.layers[1]
    original = block.forward

    def in_place(hidden_states: Tensor, *args: object, **options: object) -> Tensor:
        return hidden_states.copy_(original(hidden_states, *args, **options))

    block.forward = in_place
    with pytest.raises(LayoutError):
        capture_model(model, PROMPT, max_new_tokens=2)


def test_no_hook_stays_on_the_model() -> None:
    model = tiny("llama")
    capture_model(model, PROMPT, max_new_tokens=2)
    before = _hooks(model)
    capture_model(model, PROMPT, max_new_tokens=2)
    assert _hooks(model) == before
    assert not any(module._forward_pre_hooks for module in model.modules())


def _hooks(model: PreTrainedModel) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())
