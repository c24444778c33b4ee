"""Load a model and its tokenizer with transformers."""

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..errors import CaptureError, InputError, ModelError, one_line
from ..stopping import at_any_place
from . import expanded
from .engine import AS_STORED, ATTENTION, DTYPES, Engine
from .layout import require_decoder
from .silencing import muted_stderr, quiet
from .sources import ModelSource, hub_has_address, resolve

TRUST_FLAG = "--trust-remote-code"

# Of the kinds that transformers has; some need their configuration alone.
_TOKENIZERS = ("tokenizer*", "vocab*", "*.model", "*.tiktoken", "tekken.json")

# transformers changes how torch makes modules while it loads one.
_LOADING = threading.Lock()


class Loaded(NamedTuple):
    """A model ready to run, in evaluation mode, its tokenizer, and where they come from."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: ModelSource


def load(
    model: str | ModelSource,
    engine: Engine = AS_STORED,
    *,
    trust_remote_code: bool = False,
    verbose: bool = False,
    cache_dir: str | Path | None = None,
) -> Loaded:
    """Load a model.

    Args:
        model: A folder, a .gguf file, a hub id, or "smollm2" for the packaged small model.
        engine: What to run it with. A GGUF file is stored in float32; once expanded, it is kept
            (docs/models.md).
        trust_remote_code: Run code that the model brings with it.
        verbose: Whether messages of the libraries underneath are shown.
        cache_dir: Where files of a hub are kept; by default where huggingface_hub keeps them.

    Raises:
        CaptureError: Unknown or absent device, unknown dtype.
        ModelError: The model does not exist, is incomplete or is of an unsupported kind.
        InputError: This machine does not have the attention kernel ("unsupported").
    """
    source = resolve(model) if isinstance(model, str) else model
    place, number_type = _device(engine.device), _dtype(engine.dtype)
    _require_tokenizer(source)
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code}
    if cache_dir is not None:
        options["cache_dir"] = str(cache_dir)
    if not source.local and not hub_has_address():
        # Otherwise every file is asked for several times, for half a minute in all.
        options["local_files_only"] = True
    try:
        with _LOADING, quiet(not verbose), muted_stderr(not verbose), at_any_place():
            tokenizer, loaded = _from_files(source, number_type, options)
    except InputError as error:
        raise ModelError(error.code, f"model {source.name}", error.reason) from error
    except Exception as error:
        raise _not_loaded(source, error) from error
    made, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        reason = (
            f"not a complete causal language model: {len(missing)} weights are not in its files, "
            f"the first is {missing[0]}; they would be random"
        )
        raise ModelError("malformed", f"model {source.name}", reason)
    try:
        made = made.to(place).eval()
    except RuntimeError as error:
        reason = (
            f"does not fit on {place} ({one_line(error, 120)}); "
            "try a smaller --dtype or --device cpu"
        )
        raise ModelError("too_large", f"model {source.name}", reason) from error
    if engine.attention != AS_STORED.attention:
        set_attention(made, engine.attention)
    return Loaded(made, tokenizer, source)


def _from_files(source: ModelSource, dtype: torch.dtype | str, options: dict[str, Any]) -> Any:
    """Tokenizer, and model with a report of what was found."""
    kept = expanded.place_of(source)
    if kept is None or not (kept.is_dir() or _expand(source, kept, options)):
        own = options if source.gguf_file is None else {**options, "gguf_file": source.gguf_file}
        return _pretrained(source.location, dtype, own)
    tokenizer, (made, report) = _pretrained(str(kept), dtype, options)
    # As if it had been read from the file that it was expanded from.
    made.config._name_or_path = tokenizer.name_or_path = source.location
    made.expanded_from = source.gguf_file
    return tokenizer, (made, report)


def _expand(source: ModelSource, kept: Path, options: dict[str, Any]) -> bool:
    """Keep an expanded model, if that is possible; whether it is there now."""
    with expanded.place_to_write(kept) as folder:
        if folder is None:
            return False
        own = {**options, "gguf_file": source.gguf_file}
        tokenizer, (made, report) = _pretrained(source.location, torch.float32, own)
        if report["missing_keys"] or not expanded.save(made, tokenizer, folder):
            shutil.rmtree(folder)
    return kept.is_dir()


def _pretrained(location: str, dtype: torch.dtype | str, options: dict[str, Any]) -> Any:
    config = AutoConfig.from_pretrained(location, **options)
    require_decoder(config, "")
    tokenizer = AutoTokenizer.from_pretrained(location, **options)
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        location, dtype=dtype, output_loading_info=True, **options
    )
    return tokenizer, loaded


def set_attention(model: PreTrainedModel, attention: str) -> None:
    """Let the model compute attention by this kernel: "sdpa", "eager", ..

    Raises:
        InputError: This machine does not have it ("unsupported").
    """
    if attention not in ATTENTION:
        reason = f"unknown; use {', '.join(ATTENTION)}"
        raise InputError("unsupported", f"attention {attention}", reason)
    try:
        with quiet(True):
            model.set_attn_implementation(ATTENTION[attention])
    except (ImportError, ValueError, RuntimeError) as error:
        raise InputError("unsupported", f"attention {attention}", one_line(error, 160)) from error


def encode_prompts(
    tokenizer: Any, prompts: Sequence[str], most_tokens: int | None = None, *, chat: bool = False
) -> list[list[int]]:
    """The token ids of texts, cut after `most_tokens`.

    Args:
        tokenizer: Of the model.
        prompts: Each taken as it is, or with `chat` as what a user says, within the tokenizer's
            chat template.
        most_tokens: Of each.
        chat: See there.

    Raises:
        InputError: What is no text ("malformed"), or has no tokens ("out_of_range"); a tokenizer
            without a chat template ("unsupported").
    """
    if chat and not tokenizer.chat_template:
        reason = "the model's tokenizer has none; leave --chat out"
        raise InputError("unsupported", "chat template", reason)
    encoded = []
    for index, prompt in enumerate(prompts):
        place = "prompt" if len(prompts) == 1 else f"prompt {index}"
        try:
            prompt.encode()
        except UnicodeEncodeError as error:
            reason = f"not valid text at character {error.start}"
            raise InputError("malformed", place, reason) from error
        ids = list(_in_chat(tokenizer, prompt) if chat else tokenizer(prompt)["input_ids"])
        ids = ids[:most_tokens]
        if not ids:
            raise InputError("out_of_range", place, "has no tokens; give at least one word")
        encoded.append(ids)
    return encoded


def _in_chat(tokenizer: Any, prompt: str) -> list[int]:
    said = [{"role": "user", "content": prompt}]
    encoded = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_dict=True)
    ids: list[int] = encoded["input_ids"]
    return ids


def _require_tokenizer(source: ModelSource) -> None:
    """Without one, transformers makes an empty tokenizer, or speaks of other things."""
    if not source.local or source.gguf_file is not None:
        return
    folder = Path(source.location)
    if not any(any(folder.glob(pattern)) for pattern in _TOKENIZERS):
        reason = (
            "its folder has no tokenizer: no tokenizer.json, nor another's file; save it there too "
            "(save_pretrained of the tokenizer)"
        )
        raise ModelError("io", f"model {source.name}", reason)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        reason = "unknown; use auto, cuda, cpu or mps"
        raise CaptureError("unsupported", f"device {name}", reason) from error
    absent = (device.type == "cuda" and not torch.cuda.is_available()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        reason = "not available on this machine; use --device cpu"
        raise CaptureError("unsupported", f"device {name}", reason)
    return device


def _dtype(name: str) -> torch.dtype | str:
    if name == "auto":
        return name
    if name not in DTYPES:
        reason = f"unknown; use auto, {', '.join(DTYPES)}"
        raise CaptureError("unsupported", f"dtype {name}", reason)
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _not_loaded(source: ModelSource, error: Exception) -> ModelError:
    place, said = f"model {source.name}", one_line(error)
    if "trust_remote_code" in str(error):
        reason = f"brings code of its own, which is not run unasked; {TRUST_FLAG} runs it"
        return ModelError("unsupported", place, reason)
    if source.local:
        return ModelError("unsupported", place, f"could not be loaded ({said})")
    reason = (
        f"no folder or .gguf file of that name here, and the model hub did not give it ({said}); "
        "check the name and the network, and set HF_TOKEN if it is gated"
    )
    return ModelError("io", place, reason)
