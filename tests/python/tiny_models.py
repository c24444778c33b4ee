"""Randomly initialised models of a few kilobytes, one per layout, and a tokenizer for them."""

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    GemmaConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
)
from transformers.utils import logging

# save_pretrained would draw on the stderr that the tests read.
logging.disable_progress_bar()

VOCAB = 40
HIDDEN = 32
LAYERS = 3
POSITIONS = 64

_COMMON = {"vocab_size": VOCAB, "bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}
_MODERN = {
    **_COMMON,
    "hidden_size": HIDDEN,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
}
_OPT = {
    **_COMMON,
    "hidden_size": HIDDEN,
    "ffn_dim": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
    "word_embed_proj_dim": HIDDEN,
}

CONFIGS: dict[str, Callable[[], PretrainedConfig]] = {
    "llama": lambda: LlamaConfig(**_MODERN, num_key_value_heads=2),
    "mistral": lambda: MistralConfig(**_MODERN, num_key_value_heads=2, sliding_window=6),
    "qwen2": lambda: Qwen2Config(**_MODERN, num_key_value_heads=2),
    "gemma": lambda: GemmaConfig(**_MODERN, num_key_value_heads=1, head_dim=8),
    "gpt_neox": lambda: GPTNeoXConfig(**_MODERN),
    "gpt2": lambda: GPT2Config(
        **_COMMON, n_embd=HIDDEN, n_layer=LAYERS, n_head=4, n_positions=POSITIONS
    ),
    "opt": lambda: OPTConfig(**_OPT),
    # As in opt-350m: norms after the blocks, none at the end, and a narrow embedding.
    "opt_projected": lambda: OPTConfig(
        **{**_OPT, "word_embed_proj_dim": 16, "do_layer_norm_before": False}
    ),
    # Builds its tuple by hand instead of by transformers' hooks.
    "bloom": lambda: BloomConfig(**_COMMON, hidden_size=HIDDEN, n_layer=LAYERS, n_head=4),
}


def tiny(layout: str = "llama", dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """A model of this layout with the same random weights on every call, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(CONFIGS[layout](), dtype=dtype)
        # The default initialisation is so narrow that all tokens come out nearly alike.
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, 0.3)
    return model.eval()


def tokenizer() -> PreTrainedTokenizerFast:
    """Words "w0" to "w39", one token each."""
    words = Tokenizer(WordLevel({f"w{i}": i for i in range(VOCAB)}, unk_token="w0"))
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0", pad_token="w0")


def folder(parent: Path, name: str = "tiny", layout: str = "llama") -> Path:
    """Save a tiny model and its tokenizer to `parent / name`."""
    path = parent / name
    tiny(layout).save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path
