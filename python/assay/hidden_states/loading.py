"""Load a model and its tokenizer with transformers."""

import os
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from .errors import CaptureError, ModelError, one_line
from .quiet import muted_stderr, quiet
from .sources import ModelSource

DTYPES = {"float16": torch.float16, "float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass
class LoadedModel:
    """A model ready to run, in evaluation mode, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load(source: ModelSource, *, device: str, dtype: str, verbose: bool) -> LoadedModel:
    """Load `source`.

    Args:
        source: From `resolve`.
        device: "auto" (CUDA if there is one, else the CPU) or a torch device such as "cpu".
        dtype: "auto" (as stored; float32 for GGUF) or a key of `DTYPES`.
        verbose: Whether messages of the libraries underneath are shown.

    Raises:
        CaptureError: Unknown or absent device, unknown dtype.
        ModelError: The model does not exist, is incomplete or is of an unsupported kind.
    """
    place, number_type = _device(device), _dtype(dtype)
    options: dict[str, Any] = {"trust_remote_code": False}
    if source.gguf_file is not None:
        options["gguf_file"] = source.gguf_file
    if not source.local and not _hub_has_address():
        # Otherwise every file is asked for several times, for half a minute in all.
        options["local_files_only"] = True
    try:
        with quiet(not verbose), muted_stderr(not verbose):
            tokenizer = AutoTokenizer.from_pretrained(source.location, **options)
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                source.location, dtype=number_type, output_loading_info=True, **options
            )
    except Exception as error:
        raise _not_loaded(source, error) from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"model {source.name}: not a complete causal language model: {len(missing)} weights "
            f"are not in its files, the first is {missing[0]}; they would be random"
        )
    try:
        return LoadedModel(model.to(place).eval(), tokenizer)
    except RuntimeError as error:
        raise ModelError(
            f"model {source.name}: does not fit on {place} ({one_line(error, 120)}); "
            "try a smaller --dtype or --device cpu"
        ) from error


def positions_of(model: PreTrainedModel) -> int | None:
    """For how many tokens the model has positions, as its configuration says; None: it does not."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return positions if isinstance(positions, int) and positions > 0 else None


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise CaptureError(f"device {name}: unknown; use auto, cuda, cpu or mps") from error
    absent = (device.type == "cuda" and not torch.cuda.is_available()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        raise CaptureError(f"device {name}: not available on this machine; use --device cpu")
    return device


def _dtype(name: str) -> torch.dtype | str:
    if name == "auto":
        return name
    if name not in DTYPES:
        raise CaptureError(f"dtype {name}: unknown; use auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def _hub_has_address() -> bool:
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    try:
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, None)
    except OSError:
        return False
    return True


def _not_loaded(source: ModelSource, error: Exception) -> ModelError:
    reason = one_line(error)
    if source.local:
        return ModelError(f"model {source.name}: could not be loaded ({reason})")
    return ModelError(
        f"model {source.name}: no folder or .gguf file of that name here, and the model hub did "
        f"not give it ({reason}); check the name and the network, and set HF_TOKEN if it is gated"
    )
