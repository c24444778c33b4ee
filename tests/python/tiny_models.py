"""Randomly initialised models of a few kilobytes, one per layout, and a tokenizer for them."""

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
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
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
    StableLmConfig,
    Starcoder2Config,
    XGLMConfig,
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
_GROUPED = {**_MODERN, "num_key_value_heads": 2}
_GPT2 = {**_COMMON, "n_embd": HIDDEN, "n_layer": LAYERS, "n_head": 4, "n_positions": POSITIONS}
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
    "llama": lambda: LlamaConfig(**_GROUPED),
    "mistral": lambda: MistralConfig(**_GROUPED, sliding_window=6),
    "qwen2": lambda: Qwen2Config(**_GROUPED),
    "gemma": lambda: GemmaConfig(**_MODERN, num_key_value_heads=1, head_dim=8),
    "gpt_neox": lambda: GPTNeoXConfig(**_MODERN),
    "gpt2": lambda: GPT2Config(**_GPT2),
    "opt": lambda: OPTConfig(**_OPT),
    # As in opt-350m: norms after the blocks, none at the end, and a narrow embedding.
    "opt_projected": lambda: OPTConfig(
        **{**_OPT, "word_embed_proj_dim": 16, "do_layer_norm_before": False}
    ),
    # Builds its tuple by hand instead of by transformers' hooks.
    "bloom": lambda: BloomConfig(**_COMMON, hidden_size=HIDDEN, n_layer=LAYERS, n_head=4),
}
"""One of each layout that models are run with."""

FAMILIES: dict[str, Callable[[], PretrainedConfig]] = {
    **CONFIGS,
    # Ten comes after nine, not after one.
    "llama_of_eleven": lambda: LlamaConfig(**{**_GROUPED, "num_hidden_layers": 11}),
    "llama_tied": lambda: LlamaConfig(**_GROUPED, tie_word_embeddings=True),
    "qwen3": lambda: Qwen3Config(**_GROUPED, head_dim=8),
    "gemma2": lambda: Gemma2Config(**_GROUPED, head_dim=8),
    "gemma3": lambda: Gemma3TextConfig(**_GROUPED, head_dim=8),
    "openai_gpt": lambda: OpenAIGPTConfig(**_GPT2),
    "gpt_bigcode": lambda: GPTBigCodeConfig(**_GPT2),
    "phi": lambda: PhiConfig(**_MODERN),
    "phi3": lambda: Phi3Config(**_GROUPED),
    "falcon": lambda: FalconConfig(
        **_COMMON, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=4
    ),
    "gptj": lambda: GPTJConfig(**_GPT2, rotary_dim=4),
    "codegen": lambda: CodeGenConfig(**_GPT2, rotary_dim=4),
    "gpt_neo": lambda: GPTNeoConfig(
        **_COMMON,
        hidden_size=HIDDEN,
        num_layers=LAYERS,
        num_heads=4,
        max_position_embeddings=POSITIONS,
        attention_types=[[["global", "local", "global"], 1]],
    ),
    "mpt": lambda: MptConfig(**_COMMON, d_model=HIDDEN, n_heads=4, n_layers=LAYERS),
    "starcoder2": lambda: Starcoder2Config(**_GROUPED),
    "glm4": lambda: Glm4Config(**_GROUPED, head_dim=8),
    "persimmon": lambda: PersimmonConfig(**_MODERN),
    "stablelm": lambda: StableLmConfig(**_GROUPED),
    "cohere": lambda: CohereConfig(**_GROUPED),
    "olmo2": lambda: Olmo2Config(**_GROUPED),
    "smollm3": lambda: SmolLM3Config(**_GROUPED),
    "granite": lambda: GraniteConfig(**_GROUPED),
    "biogpt": lambda: BioGptConfig(**_MODERN),
    "xglm": lambda: XGLMConfig(
        **_COMMON, d_model=HIDDEN, ffn_dim=48, num_layers=LAYERS, attention_heads=4
    ),
}
"""One of each family whose layers are known by their names."""


def tiny(layout: str = "llama", dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """A model of this layout with the same random weights on every call, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(FAMILIES[layout](), dtype=dtype)
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
