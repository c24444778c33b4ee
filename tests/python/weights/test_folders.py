"""Layers of a folder, held against the modules of the model that was saved to it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BioGptConfig,
    BloomConfig,
    CodeGenConfig,
    CohereConfig,
    FalconConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    Glm4Config,
    GPT2Config,
    GPTBigCodeConfig,
    GPTJConfig,
    GPTNeoConfig,
    GPTNeoXConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    MptConfig,
    Olmo2Config,
    OpenAIGPTConfig,
    OPTConfig,
    PersimmonConfig,
    Phi3Config,
    PhiConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
    StableLmConfig,
    Starcoder2Config,
    XGLMConfig,
)
from transformers.pytorch_utils import Conv1D

from assay import DecodeError, InputError
from assay.weights import Folder, StoredLayer

_VOCAB = {"vocab_size": 40, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_SIZES = {
    **_VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 11,
    "num_attention_heads": 4,
}
_GROUPED = {**_SIZES, "num_key_value_heads": 2}
_GPT2 = {**_VOCAB, "n_embd": 32, "n_layer": 3, "n_head": 4}
_OPT = {
    **_VOCAB,
    "hidden_size": 32,
    "ffn_dim": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}

FAMILIES: dict[str, Callable[[], PretrainedConfig]] = {
    "llama": lambda: LlamaConfig(**_GROUPED),
    "llama_tied": lambda: LlamaConfig(**_GROUPED, tie_word_embeddings=True),
    "mistral": lambda: MistralConfig(**_GROUPED),
    "qwen2": lambda: Qwen2Config(**_GROUPED),
    "qwen3": lambda: Qwen3Config(**_GROUPED, head_dim=8),
    "gemma": lambda: GemmaConfig(**_GROUPED, head_dim=8),
    "gemma2": lambda: Gemma2Config(**_GROUPED, head_dim=8),
    "gemma3": lambda: Gemma3TextConfig(**_GROUPED, head_dim=8),
    "opt": lambda: OPTConfig(**_OPT, word_embed_proj_dim=32),
    "opt_projected": lambda: OPTConfig(**_OPT, word_embed_proj_dim=16, do_layer_norm_before=False),
    "gpt2": lambda: GPT2Config(**_GPT2),
    "openai_gpt": lambda: OpenAIGPTConfig(**_GPT2),
    "gpt_bigcode": lambda: GPTBigCodeConfig(**_GPT2),
    "gpt_neox": lambda: GPTNeoXConfig(**_SIZES),
    "phi": lambda: PhiConfig(**_SIZES),
    "phi3": lambda: Phi3Config(**_GROUPED),
    "bloom": lambda: BloomConfig(**_VOCAB, hidden_size=32, n_layer=2, n_head=4),
    "falcon": lambda: FalconConfig(
        **_VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4
    ),
    "gptj": lambda: GPTJConfig(**_GPT2, rotary_dim=4),
    "codegen": lambda: CodeGenConfig(**_GPT2, rotary_dim=4),
    "gpt_neo": lambda: GPTNeoConfig(
        **_VOCAB,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
    ),
    "mpt": lambda: MptConfig(**_VOCAB, d_model=32, n_heads=4, n_layers=2),
    "starcoder2": lambda: Starcoder2Config(**_GROUPED),
    "glm4": lambda: Glm4Config(**_GROUPED, head_dim=8),
    "persimmon": lambda: PersimmonConfig(**_SIZES),
    "stablelm": lambda: StableLmConfig(**_GROUPED),
    "cohere": lambda: CohereConfig(**_GROUPED),
    "olmo2": lambda: Olmo2Config(**_GROUPED),
    "smollm3": lambda: SmolLM3Config(**_GROUPED),
    "granite": lambda: GraniteConfig(**_GROUPED),
    "biogpt": lambda: BioGptConfig(**_SIZES),
    "xglm": lambda: XGLMConfig(**_VOCAB, d_model=32, ffn_dim=48, num_layers=2, attention_heads=4),
}


def made(family: str) -> PreTrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(FAMILIES[family]())
    return model.eval()


def walked(model: PreTrainedModel) -> list[StoredLayer]:
    """The linear layers of the blocks as a walk over the modules meets them."""
    found = []
    for name, module in model.named_modules():
        parts = name.split(".")
        number = next((i for i, part in enumerate(parts) if part.isdecimal()), None)
        if number is None or not isinstance(module, (torch.nn.Linear, Conv1D)):
            continue
        found.append(
            StoredLayer(
                int(parts[number]),
                ".".join(parts[number + 1 :]),
                "conv1d" if isinstance(module, Conv1D) else "linear",
                f"{name}.weight",
                "F32",
                tuple(module.weight.shape),
            )
        )
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_the_order_is_that_of_the_modules(family: str, tmp_path: Path) -> None:
    model = made(family)
    model.save_pretrained(tmp_path)
    folder = Folder(tmp_path)
    stack = folder.stack()
    assert list(stack.layers) == walked(model)
    assert stack.registered
    assert stack.blocks == max(layer.block for layer in stack.layers) + 1
    assert folder.model_type == model.config.model_type


def test_shards_have_the_same_layers(tmp_path: Path) -> None:
    model = made("llama")
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "many", max_shard_size="40KB")
    one, many = Folder(tmp_path / "one"), Folder(tmp_path / "many")
    assert len(many.shards) > 3
    assert one.stack() == many.stack()


def test_a_convolution_over_pictures(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    weights = {
        "vision.0.conv.weight": torch.zeros(4, 3, 2, 2),
        "vision.0.fc.weight": torch.zeros(2, 2),
    }
    save_file(weights, tmp_path / "model.safetensors")
    stack = Folder(tmp_path).stack("vision")
    assert [(one.name, one.kind, one.shape) for one in stack.layers] == [
        ("conv", "conv2d", (4, 3, 2, 2)),
        ("fc", "linear", (2, 2)),
    ]
    assert not stack.registered


def test_types_that_are_listed_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    small = torch.zeros(2, 2).to(torch.float8_e4m3fn)
    save_file({"layers.0.fc.weight": small}, tmp_path / "model.safetensors")
    (layer,) = Folder(tmp_path).stack().layers
    assert layer.dtype == "F8_E4M3"


def test_what_is_no_whole_model(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Folder(tmp_path)
    assert (caught.value.code, "config.json" in caught.value.place) == ("io", True)
    made("llama").save_pretrained(tmp_path, max_shard_size="40KB")
    index_file = tmp_path / "model.safetensors.index.json"
    index = json.loads(index_file.read_text())
    lost, shard = next(iter(index["weight_map"].items()))
    held = load_file(tmp_path / shard)
    del held[lost]
    save_file(held, tmp_path / shard)
    with pytest.raises(DecodeError, match="this tensor is missing"):
        Folder(tmp_path)
    index["weight_map"][lost] = "../elsewhere.safetensors"
    index_file.write_text(json.dumps(index))
    with pytest.raises(DecodeError, match="file of this folder is expected"):
        Folder(tmp_path)
