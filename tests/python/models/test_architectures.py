"""Every architecture of transformers of which a small random model can be made and generates."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from assay import InputError
from assay.hidden_states import capture_model
from assay.models import HEAD_INPUT, Keeper, observe

PROMPT = torch.tensor([[3, 7, 11, 19, 4]])
TOKENS = 6
MOST_PARAMETERS = 40_000_000

# What the configurations call the sizes; each takes of these what it has.
_SIZES = {
    "attention_hidden_size attn_hidden_size d_model dim embedding_size emb_dim hidden_size "
    "lru_width n_embd word_embed_proj_dim": 32,
    "d_ff decoder_ffn_dim encoder_ffn_dim ffn_dim intermediate_size mamba_d_ssm n_inner": 64,
    "decoder_layers n_layer n_layers num_hidden_layers num_layers": 4,
    "decoder_attention_heads encoder_attention_heads n_head n_heads num_attention_heads "
    "num_heads": 4,
    "linear_num_key_heads num_global_key_value_heads num_key_value_heads": 2,
    "linear_num_value_heads": 4,
    "attention_window_size global_head_dim head_dim hidden_size_per_layer_input kv_channels "
    "linear_key_head_dim linear_value_head_dim mamba_d_head mamba_d_state mamba_n_heads "
    "query_pre_attn_scalar sliding_window state_size v_head_dim": 8,
    "kv_lora_rank moe_intermediate_size q_lora_rank shared_expert_intermediate_size": 16,
    "qk_nope_head_dim qk_rope_head_dim rotary_dim time_step_rank": 4,
    "moe_num_experts n_routed_experts num_experts num_local_experts": 4,
    "expansion_ratio mamba_expand moe_k num_experts_per_tok": 2,
    "decoder_sparse_step first_k_dense_replace mamba_n_groups n_group n_groups n_shared_experts "
    "num_shared_experts topk_group": 1,
    "max_position_embeddings n_ctx n_positions": 256,
    "encoder_layers type_vocab_size": 2,
    "vocab_size vocab_size_per_layer_input": 300,
    "bos_token_id": 1,
    "pad_token_id": 0,
}
_SMALL = {name: size for names, size in _SIZES.items() for name in names.split()}
# That of the pass, not of the model, is what is looked at.
_OFF = {"attention_dropout", "attn_pdrop", "dropout", "embd_pdrop", "hidden_dropout", "resid_pdrop"}


# What some architectures want as it is, alone or together, tried in this order.
_KEPT = (
    "",
    "num_hidden_layers",
    "num_key_value_heads",
    "num_hidden_layers num_key_value_heads",
    "head_dim",
    "num_attention_heads num_key_value_heads head_dim",
    "num_hidden_layers num_attention_heads num_key_value_heads head_dim",
    "num_layers",
    "hidden_size_per_layer_input num_hidden_layers",
    "num_experts_per_tok",
    "n_heads n_groups num_heads",
    "mamba_n_heads mamba_d_head mamba_d_ssm mamba_expand",
    "sliding_window num_hidden_layers",
)


def sizes_of(config: PretrainedConfig, kept: set[str]) -> dict[str, Any]:
    """The small sizes that this configuration has, and those within it."""
    known = config.to_dict().keys() | inspect.signature(type(config).__init__).parameters.keys()
    sizes: dict[str, Any] = {k: v for k, v in _SMALL.items() if k in known and k not in kept}
    sizes |= dict.fromkeys(_OFF & known, 0.0)
    parts = {name: getattr(config, name, None) for name in known if name.endswith("_config")}
    for name, part in parts.items():
        if isinstance(part, PretrainedConfig):
            sizes[name] = sizes_of(part, kept)
    return sizes


def made(kind: str, kept: set[str]) -> PreTrainedModel:
    """A model of this architecture with random weights, in evaluation mode."""
    plain = AutoConfig.for_model(kind)
    config = type(plain)(**sizes_of(plain, kept))
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config)
    count = sum(one.numel() for one in empty.parameters())
    if count > MOST_PARAMETERS:
        raise ValueError(f"{count} parameters")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        with torch.no_grad():
            # Else all tokens come out nearly alike.
            for one in model.parameters():
                if one.ndim > 1 and one.is_floating_point():
                    one.mul_(4)
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model


def small(kind: str) -> tuple[PreTrainedModel, Any]:
    """A small model, and what it generates."""
    reasons = []
    for kept in _KEPT:
        try:
            model = made(kind, set(kept.split()))
            return model, generated(model)
        except Exception as error:
            reasons.append(f"{type(error).__name__}: {error}")
    pytest.skip(f"no small model that generates: {reasons[0]}")


def generated(model: PreTrainedModel) -> Any:
    return model.generate(
        PROMPT,
        attention_mask=torch.ones_like(PROMPT),
        max_new_tokens=TOKENS,
        do_sample=False,
        output_hidden_states=True,
        return_dict_in_generate=True,
        disable_compile=True,
    )


def as_given(state: Tensor) -> Tensor:
    """A copy, [sequences, tokens, width]; some heads are given one row of each sequence."""
    return state.clone() if state.ndim == 3 else state.clone()[:, None]


def rows_of(states: list[Tensor]) -> Tensor:
    """Of all passes the new rows, what each token has as one; without a cache all are made anew."""
    first, *later = [state.reshape(*state.shape[:2], -1) for state in states]
    return torch.cat([first, *(state[:, -1:] for state in later)], dim=1)


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))
def test_what_is_captured_is_what_the_model_has(kind: str) -> None:
    model, plain = small(kind)
    heads: list[Tensor] = []
    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(lambda _, args: heads.append(as_given(args[0])))
    generated(model)
    handle.remove()
    keeper = Keeper(HEAD_INPUT, prompts=True)
    refusals: list[InputError] = []
    try:
        with observe(model, keeper):
            seen = generated(model)
        assert torch.equal(seen.sequences, plain.sequences)
        assert torch.equal(keeper.sequences[0].rows[0], rows_of(heads)[0])
    except InputError as refused:
        refusals.append(refused)
    try:
        held = capture_model(model, PROMPT, max_new_tokens=TOKENS)
    except InputError as refused:
        refusals.append(refused)
    else:
        assert torch.equal(held.token_sequence, plain.sequences)
        assert len(held.hidden_states) == len(plain.hidden_states[0])
        for entry, state in enumerate(held.hidden_states):
            own = rows_of([states[entry] for states in plain.hidden_states])
            assert torch.equal(state, own), entry
    assert all(refused.code == "unsupported" and refused.reason for refused in refusals)
    if refusals:
        pytest.xfail("; ".join(map(str, refusals)))
