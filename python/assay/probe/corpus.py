"""Labelled texts: of a file, or of those that the package carries."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ..errors import DecodeError, InputError
from ..json_text import parse_json

PACKAGED = ("tense",)
"""Corpora that the package carries, by name."""

_MOST_BYTES = 1 << 28
_MOST_GROUP = 256


@dataclass(frozen=True)
class Sample:
    """A text of a corpus.

    Attributes:
        text: Not empty.
        group: Of texts that belong together; no split may part them.
        label: 0 or 1.
    """

    text: str
    group: str
    label: int


@dataclass(frozen=True)
class Corpus:
    """Texts, and the bytes that they were read from.

    Attributes:
        name: Of the packaged corpus, or of the file.
        samples: In the order of the lines.
        content: The file's bytes, whose digest binds it.
    """

    name: str
    samples: tuple[Sample, ...]
    content: bytes


def read_corpus(name: str) -> Corpus:
    """A packaged corpus by its name, or a .jsonl file.

    Each line is an object of `text`, `group` and `label`; the label is 0, 1, false or true. Blank
    lines are passed over. "tense": 250 pairs of a sentence in the present and in the past tense.

    Raises:
        InputError: No such file ("unsupported"), one that cannot be read ("io") or is too large.
        DecodeError: A line that is no sample, or a text that stands twice.
    """
    if name in PACKAGED:
        content = files(__package__).joinpath(f"{name}.jsonl").read_bytes()
        return parse_corpus(content, name)
    path = Path(name)
    if not path.is_file():
        reason = f"no such file; give a .jsonl of text, group and label, or {', '.join(PACKAGED)}"
        raise InputError("unsupported", name, reason)
    if path.stat().st_size > _MOST_BYTES:
        raise InputError("too_large", name, f"more than {_MOST_BYTES} bytes")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("io", name, error.strerror or "could not be read") from error
    return parse_corpus(content, name)


def samples_of(text: str) -> tuple[Sample, ...]:
    """One text that belongs to no corpus."""
    return (Sample(text, "input", 0),)


def parse_corpus(content: bytes, name: str) -> Corpus:
    """A corpus of the bytes of a .jsonl file; `name` stands in messages.

    Raises:
        DecodeError: As `read_corpus`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", name, "not text in UTF-8") from error
    samples: list[Sample] = []
    seen: dict[str, int] = {}
    # Not splitlines, which also ends lines at characters that JSON strings may hold.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{name}: line {number}"
        sample = _sample(parse_json(line, place), place)
        if sample.text in seen:
            reason = f"the text of line {seen[sample.text]} again; give each once"
            raise DecodeError("malformed", place, reason)
        seen[sample.text] = number
        samples.append(sample)
    if not samples:
        raise DecodeError("malformed", name, "no samples in it; wanted text, group and label")
    return Corpus(name, tuple(samples), content)


def _sample(entry: object, place: str) -> Sample:
    if not isinstance(entry, dict) or set(entry) != {"text", "group", "label"}:
        raise DecodeError("malformed", place, "wanted an object of text, group and label alone")
    text, group, label = entry["text"], entry["group"], entry["label"]
    if not isinstance(text, str) or not text.strip():
        raise DecodeError("malformed", f"{place}: text", "no text")
    if not isinstance(group, str) or not group or not group.isprintable():
        raise DecodeError("malformed", f"{place}: group", "wanted a name on one line")
    if len(group.encode()) > _MOST_GROUP:
        raise DecodeError("too_large", f"{place}: group", f"more than {_MOST_GROUP} bytes")
    if isinstance(label, float) or label not in (0, 1):
        raise DecodeError("out_of_range", f"{place}: label", "wanted 0 or 1")
    return Sample(text, group, int(label))
