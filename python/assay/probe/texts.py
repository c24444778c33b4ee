"""Texts as a model sees them, and what they and the model are known by."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from .. import models, weights
from ..models import Engine, Loaded, ModelSource
from .corpus import Sample

_MOST_ENGINE = 4096


@dataclass(frozen=True)
class Text:
    """A text, its tokens, and what is known of it.

    Attributes:
        tokens: Ids, at least one.
        group: Of texts that belong together.
        label: 0 or 1.
    """

    tokens: tuple[int, ...]
    group: str
    label: int


def encoded(loaded: Loaded, samples: Sequence[Sample]) -> list[Text]:
    """The samples as the model's tokenizer cuts them.

    Raises:
        InputError: A text without tokens ("out_of_range"), or what is no text.
    """
    ids = models.encode_prompts(loaded.tokenizer, [one.text for one in samples])
    return [
        Text(tuple(tokens), one.group, one.label) for tokens, one in zip(ids, samples, strict=True)
    ]


@dataclass(frozen=True)
class Identity:
    """Which model and tokenizer, by digests.

    Attributes:
        model_id: The hub id, or the last part of a path.
        weights_root: Of the weights, in the precision that they are held in.
        tokenizer: SHA-256 of the tokenizer's file, or of what the tokenizer writes itself as.
        chat_template: SHA-256 of its text, or None.
    """

    model_id: str
    weights_root: bytes
    tokenizer: bytes | None
    chat_template: bytes | None


def identity_of(loaded: Loaded) -> Identity:
    """What a loaded model is known by.

    Raises:
        InputError: Weights that are not in memory ("unsupported").
    """
    template: Any = loaded.tokenizer.chat_template
    if template is not None and not isinstance(template, str):
        template = json.dumps(template, sort_keys=True)
    return Identity(
        loaded.source.name,
        root_of(loaded.model),
        _tokenizer_digest(loaded.tokenizer, loaded.source),
        None if template is None else hashlib.sha256(template.encode()).digest(),
    )


def root_of(model: PreTrainedModel) -> bytes:
    """The root of all weights of a model, in the precision that they are held in."""
    return bytes.fromhex(weights.manifest(model).root)


def engine_text(engine: Engine, batch: int) -> str:
    """An engine, and how many texts ran together, on one line of at most 4096 bytes."""
    found = {**engine.as_json(), "batch": batch}
    text = json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()[:_MOST_ENGINE].decode(errors="ignore")


def _tokenizer_digest(tokenizer: Any, source: ModelSource) -> bytes | None:
    file = Path(source.location) / "tokenizer.json"
    if source.local and source.gguf_file is None and file.is_file():
        return hashlib.sha256(file.read_bytes()).digest()
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return None if backend is None else hashlib.sha256(backend.to_str().encode()).digest()
