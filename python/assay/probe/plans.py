"""What a causal check is to measure, fixed before it is measured."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from .. import _core
from ..errors import DecodeError, InputError
from ..json_text import parse_json
from ..models import Loaded, encode_prompts

FORMAT = "assay/probe/causal-plan/v1"
PACKAGED = ("tense",)
"""Wordings that the package carries, by name."""

_FIELDS = (
    "format", "dimension", "positive", "negative", "prompts", "neutral", "kl_bound", "alphas",
    "random_directions", "seed",
)  # fmt: skip
_WORDS = ("positive", "negative", "prompts", "neutral")
_MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class Plan:
    """What a causal check is to measure.

    Attributes:
        dimension: Of the set of probes.
        positive: Ids of tokens; the functional is the log-sum-exp of their logits, less that of
            `negative`.
        negative: Others.
        prompts: Ids of tokens of each; looked at is the token behind the last.
        neutral: Prompts that should not care.
        kl_bound: In nats; how much these may.
        alphas: Shifts in standard deviations of the reading, ascending, 0 among them.
        random_directions: How many there are to compare with.
        seed: They are drawn from.
        digest: SHA-256 of the file.
    """

    dimension: str
    positive: tuple[int, ...]
    negative: tuple[int, ...]
    prompts: tuple[tuple[int, ...], ...]
    neutral: tuple[tuple[int, ...], ...]
    kl_bound: float
    alphas: tuple[float, ...]
    random_directions: int
    seed: int
    digest: bytes


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        InputError: It could not be read ("io", "too_large"), or is none.
    """
    read = _core.ProbeCausalPlan.read(str(path))
    return Plan(
        dimension=read.dimension,
        positive=tuple(read.positive),
        negative=tuple(read.negative),
        prompts=tuple(map(tuple, read.prompts)),
        neutral=tuple(map(tuple, read.neutral)),
        kl_bound=read.kl_bound,
        alphas=tuple(read.alphas),
        random_directions=read.random_directions,
        seed=read.seed,
        digest=read.digest,
    )


def plan_text(wording: str, loaded: Loaded, dimension: str) -> str:
    """A plan in the tokens of a model, of a wording in words.

    Args:
        wording: "tense", or a JSON file as a plan, without format and dimension, with texts in
            place of tokens. Each text of `positive` and `negative` must be one token.
        loaded: Its tokenizer cuts the texts.
        dimension: Of the set of probes.

    Raises:
        InputError: No such file; a word that is several tokens ("unsupported").
        DecodeError: It is no wording.
    """
    if wording in PACKAGED:
        content = files(__package__).joinpath(f"{wording}_causal.json").read_bytes()
    else:
        content = _content(Path(wording))
    fields = _object(content, wording)
    if tuple(fields) != _FIELDS[2:]:
        reason = f"no wording; wanted the fields {', '.join(_FIELDS[2:])}, in this order"
        raise DecodeError("malformed", wording, reason)
    written: dict[str, Any] = {"format": FORMAT, "dimension": dimension, **fields}
    for name in _WORDS:
        texts = [_text(one, f"{wording}: {name}") for one in _list(fields[name], 1, 256, wording)]
        if name in ("positive", "negative"):
            written[name] = [_token(loaded, word, f"{wording}: {name}") for word in texts]
        else:
            written[name] = encode_prompts(loaded.tokenizer, texts)
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def _token(loaded: Loaded, word: str, place: str) -> int:
    tokenizer: Any = loaded.tokenizer
    ids = tokenizer(word, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise InputError("unsupported", place, f"{word!r} is {len(ids)} tokens; give words of one")
    return int(ids[0])


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("too_large", str(path), f"more than {_MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InputError("io", str(path), error.strerror or "could not be read") from error


def _object(content: bytes, place: str) -> dict[str, Any]:
    try:
        found = parse_json(content.decode(), place)
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", place, "not text in UTF-8") from error
    if not isinstance(found, dict):
        raise DecodeError("malformed", place, "no object")
    return found


def _list(value: Any, least: int, most: int, place: str) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise DecodeError("malformed", place, f"wanted a list of {least} to {most}")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise DecodeError("malformed", place, "wanted text")
    return value
