"""Texts for a model to continue: of a file, or made of parts."""

from itertools import product
from pathlib import Path
from typing import Any

from ..errors import DecodeError, InputError
from ..json_text import parse_json

_MOST_BYTES = 1 << 28

_BEGINNINGS = (
    "A short explanation of {} for somebody who has never heard of it:",
    "The three most common mistakes about {} are",
    "Question: why does {} matter to us today?\nAnswer:",
    "In the year 1850, what people knew about {} was",
    "Dear editor, your article on {} left out that",
    "Step by step instructions to learn about {}:\n1.",
    "Once upon a time a girl who loved {} met",
    "The minutes of the meeting on {} say that",
    "Compare {} with its nearest alternative. The main difference is",
    "A list of words that come up when one speaks of {}:",
)
_SUBJECTS = (
    "the tides of the sea",
    "bread made with old dough",
    "prime numbers",
    "the migration of storks",
    "steam engines",
    "the rules of chess",
    "sorting a list of names",
    "how glass is blown",
    "the moons of Jupiter",
    "growing tomatoes on a balcony",
    "sign languages",
    "the smell of rain",
    "bridges made of rope",
    "counting votes",
    "the colour blue",
    "clocks without hands",
    "old maps of the north",
    "vaccines",
    "the sound of a violin",
    "mountain railways",
)


def made_prompts(count: int) -> list[str]:
    """The first `count` of 200 texts that differ in kind and in subject.

    Raises:
        InputError: More than there are ("out_of_range").
    """
    most = len(_BEGINNINGS) * len(_SUBJECTS)
    if not 1 <= count <= most:
        raise InputError("out_of_range", "prompts", f"{count} of them; give 1 to {most}, or a file")
    # Neighbours differ in both parts, so that a few prompts are of many kinds.
    texts = [
        _BEGINNINGS[(shift + at) % len(_BEGINNINGS)].format(subject)
        for shift, (at, subject) in product(range(len(_BEGINNINGS)), enumerate(_SUBJECTS))
    ]
    return texts[:count]


def read_prompts(name: str, count: int) -> list[str]:
    """The first `count` prompts of a file.

    Args:
        name: A file: .jsonl, with one object or string in each line, .json, a list of them, or any
            other, with one prompt in each line. Of an object the field "prompt" or "text" counts.
        count: At most so many.

    Raises:
        InputError: No such file, or a name of a data set that would have to be fetched.
        DecodeError: What is in it are no prompts.
    """
    path = Path(name)
    if not path.is_file():
        raise InputError(
            "unsupported", name, "no such file; data sets are not fetched from a hub: give a file "
            "with a prompt in each line, or .jsonl with the field prompt",
        )  # fmt: skip
    if path.stat().st_size > _MOST_BYTES:
        raise InputError("too_large", name, f"more than {_MOST_BYTES} bytes")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            entries = parse_json(text, name)
        else:
            lines = [line for line in text.splitlines() if line.strip()][:count]
            if path.suffix == ".jsonl":
                numbered = enumerate(lines, 1)
                entries = [parse_json(line, f"{name}: line {i}") for i, line in numbered]
            else:
                entries = lines
    except OSError as error:
        raise InputError("io", name, error.strerror or "could not be read") from error
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", name, "not text in UTF-8") from error
    if not isinstance(entries, list) or not entries:
        raise DecodeError("malformed", name, "no prompts in it")
    return [_text(entry, f"{name}: prompt {i}") for i, entry in enumerate(entries[:count])]


def _text(entry: Any, place: str) -> str:
    if isinstance(entry, dict):
        entry = entry.get("prompt", entry.get("text"))
    if not isinstance(entry, str) or not entry.strip():
        raise DecodeError("malformed", place, "no text in it; wanted a string, or prompt or text")
    return entry
