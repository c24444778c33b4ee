"""Linear layers by name, and passes that are made again from a block on."""

import pytest
import torch

import tiny_models
from assay import InputError
from assay.models import KeptPass, linear_layers

IDS = torch.arange(24).reshape(2, 12) % tiny_models.VOCAB
_LLAMA = (
    *("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"),
    *("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
)
# The order in which each family's modules are registered; OPT begins with k, v, q.
PATHS = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "gemma": _LLAMA,
    "gpt2": ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"),
    "gpt_neox": (
        *("attention.query_key_value", "attention.dense"),
        *("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    ),
    "opt": (
        *("self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj"),
        *("fc1", "fc2"),
    ),
    "bloom": (
        *("self_attention.query_key_value", "self_attention.dense"),
        *("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    ),
}


@pytest.mark.parametrize("layout", PATHS)
def test_linear_layers_stand_in_the_order_of_the_modules(layout: str) -> None:
    model = tiny_models.tiny(layout)
    found = linear_layers(model)
    assert [layer.name for layer in found] == [
        f"{block}.{path}" for block in range(tiny_models.LAYERS) for path in PATHS[layout]
    ]
    assert [layer.index for layer in found] == list(range(len(found)))
    for layer in found:
        assert model.get_submodule(layer.module_name) is layer.module
        assert layer.module_name.endswith(f".{layer.block}.{layer.path}")


def test_weights_are_outputs_by_inputs_also_where_they_are_stored_otherwise() -> None:
    up = next(one for one in linear_layers(tiny_models.tiny("gpt2")) if one.path == "mlp.c_fc")
    assert up.weight.shape == (4 * tiny_models.HIDDEN, tiny_models.HIDDEN)
    assert up.weight[3, 5] == up.module.get_parameter("weight")[5, 3]
    up = next(one for one in linear_layers(tiny_models.tiny()) if one.path == "mlp.up_proj")
    assert up.weight.shape == (48, tiny_models.HIDDEN)


@pytest.mark.parametrize("layout", tiny_models.CONFIGS)
def test_a_pass_is_the_same_from_every_block_on(layout: str) -> None:
    model = tiny_models.tiny(layout)
    with torch.no_grad():
        own = model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
    kept = KeptPass(model, IDS)
    assert torch.equal(kept.logits, own)
    for first in range(tiny_models.LAYERS + 1):
        assert torch.equal(kept.again(first), own)
    # A change behind the kept blocks is seen as the whole model sees it; one before is not.
    *_, last = linear_layers(model)
    with torch.no_grad():
        last.weight.mul_(1.5)
        changed = model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
    assert torch.equal(kept.again(last.block), changed)
    assert not torch.equal(changed, own)
    assert torch.equal(kept.again(last.block + 1), own)
    assert torch.equal(kept.again(0), changed)


def test_the_blocks_before_are_not_run() -> None:
    model = tiny_models.tiny()
    kept = KeptPass(model, IDS)
    ran: list[int] = []
    for index, block in enumerate(model.model.layers):
        block.mlp.register_forward_hook(lambda *_, index=index: ran.append(index))
    kept.again(1)
    assert ran == [1, 2]
    ran.clear()
    model(input_ids=IDS)
    assert ran == [0, 1, 2]


def test_models_that_score_the_same_states_otherwise_each_time_are_refused() -> None:
    model = tiny_models.tiny()
    times = torch.zeros(())

    def drift(_module: object, _given: object, output: torch.Tensor) -> torch.Tensor:
        times.add_(1)
        return output + times

    model.lm_head.register_forward_hook(drift)
    with pytest.raises(InputError, match="other scores when blocks 0 to 0 hand on"):
        KeptPass(model, IDS)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (torch.zeros((1, 0), dtype=torch.int64), "at least one token"),
        (torch.zeros(3, dtype=torch.int64), "at least one token"),
        (torch.tensor([[0, tiny_models.VOCAB]]), "outside the vocabulary of 40"),
        (torch.tensor([[-1]]), "outside the vocabulary"),
        (torch.zeros((1, tiny_models.POSITIONS + 1), dtype=torch.int64), "positions for 64"),
    ],
)
def test_tokens_that_cannot_be_run_are_refused(ids: torch.Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        KeptPass(tiny_models.tiny(), ids)


def test_blocks_that_there_are_not_are_refused() -> None:
    kept = KeptPass(tiny_models.tiny(), IDS)
    for first in (-1, tiny_models.LAYERS + 1):
        with pytest.raises(InputError, match="the model has 3 blocks"):
            kept.again(first)
