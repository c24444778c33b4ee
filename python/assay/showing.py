"""The program `assay-show`: what `assay show` says of files that this package alone reads."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .arguments import parser_of
from .ending import ended
from .errors import DecodeError, InputError
from .printing import printable, show, show_json

PROGRAM = "assay show"
_MOST_BYTES = 1 << 28
_MOST_NAMED = 8

_EXAMPLE = """\
example:
  assay show damage.json

Exit codes: 0 done, 2 bad input or could not run.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    parser = parser_of(PROGRAM, "Say what a file is, and what is in it.", _EXAMPLE)
    parser.add_argument("file", metavar="FILE", type=Path, help="of a kind that assay show names")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    options = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    kind, fields = shown(options.file)
    if options.json:
        show_json({"file": str(options.file), "kind": kind, **fields})
        return 0
    lines = [f"{options.file}: {kind}"]
    lines += [f"  {name} {_words(value)}" for name, value in fields.items()]
    show("\n".join(printable(line) for line in lines))
    return 0


def shown(path: Path) -> tuple[str, dict[str, Any]]:
    """The kind of a file, and what people want to know of it.

    Raises:
        InputError: It could not be read ("io"), or is of no kind that this package reads
            ("unsupported").
        DecodeError: As the reader of its kind.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError("io", str(path), error.strerror or "cannot be read") from error
    for mark, kind, read in _KINDS:
        if head.startswith(mark) or (head.lstrip().startswith(b"{") and mark in head):
            return kind, read(path)
    raise InputError("unsupported", str(path), "of no kind that the Python package reads")


def _read_damage(path: Path) -> dict[str, Any]:
    from .layers import read_damage  # loads torch

    found = read_damage(path)
    return {
        "model_name": found.subject.model_name,
        "engine": found.subject.engine,
        "change": dict(found.subject.change),
        "sequences": found.subject.sequences,
        "length": found.subject.length,
        "layers": len(found.subject.layers),
        "groups_measured": len(found.damage),
    }


def _read_answers(path: Path) -> dict[str, Any]:
    from .vllm import read_answers

    if path.stat().st_size > _MOST_BYTES:
        raise DecodeError("too_large", str(path), f"over {_MOST_BYTES} bytes")
    try:
        answers = read_answers(path.read_bytes())
    except InputError as error:
        raise type(error)(error.code, f"{path}: {error.place}", error.reason) from error
    proved = [one.signature for one in answers if one.signature is not None]
    return {
        "answers": len(answers),
        "with_proofs": len(proved),
        "models": sorted({one.model for one in proved}),
        "output_tokens": sum(len(one.output_token_ids) for one in proved),
        "without_proofs": [one.reason for one in answers if one.signature is None],
        "verified": None,
    }


def _read_gguf(path: Path) -> dict[str, Any]:
    try:
        from gguf import GGUFReader
    except ImportError as error:
        reason = "reading GGUF needs the package gguf: pip install 'assay[capture]'"
        raise InputError("unsupported", str(path), reason) from error
    try:
        reader = GGUFReader(path)
        architecture = reader.get_field("general.architecture")
        name = reader.get_field("general.name")
        tensors = [(tensor.tensor_type.name, tensor.shape) for tensor in reader.tensors]
    except Exception as error:  # whatever the package stumbles over in a file of others
        raise DecodeError("malformed", str(path), f"not a whole GGUF file: {error}") from error
    return {
        "architecture": None if architecture is None else str(architecture.contents()),
        "name": None if name is None else str(name.contents()),
        "tensors": len(tensors),
        "types": sorted({kind for kind, _ in tensors}),
        "values": sum(int(shape.prod()) for _, shape in tensors),
    }


_KINDS: tuple[tuple[bytes, str, Callable[[Path], dict[str, Any]]], ...] = (
    (b'"assay/layers/damage/v', "measured damage of layers", _read_damage),
    (b'"assay/vllm/proofs/v', "answers of vLLM with proofs", _read_answers),
    (b"GGUF", "GGUF model", _read_gguf),
)


def _words(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(one)}" for name, one in value.items()) or "none"
    if isinstance(value, Sequence):
        words = ", ".join(_words(one) for one in value[:_MOST_NAMED])
        more = f", .. ({len(value)})" if len(value) > _MOST_NAMED else ""
        return words + more or "none"
    return json.dumps(value)
