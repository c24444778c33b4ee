"""What a provider hands over for one answer: the tokens and their proofs, in one JSON file."""

import base64
import binascii
import json
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DecodeError, InputError
from ..json_text import parse_json
from ..writing import write_together
from .chunks import Shape

FORMAT = "assay/toploc/signature/v1"
# Answers of 2^20 tokens with proofs of 128 values take 20 MB. A file of brackets becomes some 20
# times its size in memory.
MOST_BYTES = 1 << 25
_MOST_TOKENS = 1 << 20
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Signature:
    """Tokens, the proofs of the states that they were produced from, and what the provider says.

    Attributes:
        model: Name of the model, as the provider says.
        dtype: Of its states, likewise.
        attention: Its attention kernel, likewise.
        prompt: Token ids.
        output: Ids of the produced tokens.
        shape: What each proof covers; there is none of the prompt.
        proofs: As `assay.toploc.build` makes them. What is in them is not looked at.
        text: Of the prompt; may be empty.
    """

    model: str
    dtype: str
    attention: str
    prompt: list[int]
    output: list[int]
    shape: Shape
    proofs: list[bytes]
    text: str = ""

    def to_json(self) -> str:
        """The content of the file."""
        fields = {
            "format": FORMAT,
            "model": self.model,
            "dtype": self.dtype,
            "attention": self.attention,
            "prompt": self.text,
            "prompt_token_ids": self.prompt,
            "output_token_ids": self.output,
            "decode_batching_size": self.shape.chunk,
            "topk": self.shape.k,
            "merge_short_tails": self.shape.merge_short_tails,
            "proofs": [base64.b64encode(proof).decode() for proof in self.proofs],
        }
        return json.dumps(fields, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, place: str) -> "Signature":
        """Read the content of a file.

        A file of token ids alone, `prompt_token_ids` and `output_token_ids`, will do where the
        proofs come in another.

        Raises:
            DecodeError: Not such a file; the place names the field.
        """
        fields = _object(text, place)
        reader = _Reader(fields, place)
        shape = Shape(
            reader.integer("decode_batching_size", 1 << 20, 32),
            reader.integer("topk", 4096, 128),
            False,
            reader.flag("merge_short_tails"),
        )
        return cls(
            model=reader.text("model"),
            dtype=reader.text("dtype"),
            attention=reader.text("attention"),
            prompt=reader.ids("prompt_token_ids"),
            output=reader.ids("output_token_ids"),
            shape=shape,
            proofs=reader.proofs("proofs"),
            text=reader.text("prompt"),
        )

    @classmethod
    def read(cls, path: str | PathLike[str]) -> "Signature":
        """Read a file.

        Raises:
            InputError: It could not be read ("io"), or is too large.
            DecodeError: As `from_json`.
        """
        return cls.from_json(read_capped(path, MOST_BYTES), str(path))

    def write(self, path: str | PathLike[str]) -> None:
        """Write a file, whole or not at all.

        Raises:
            SaveError: It could not be written.
        """
        data = self.to_json().encode()

        def write(file: BinaryIO) -> None:
            file.write(data)

        write_together({Path(path): write})

    def with_proofs(self, proofs: list[bytes], shape: Shape) -> "Signature":
        """The same tokens with other proofs."""
        return replace(self, proofs=proofs, shape=shape)


def read_capped(path: str | PathLike[str], most: int) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: It could not be read ("io"), or has more than `most` bytes ("too_large").
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError("io", str(path), error.strerror or "could not be read") from error
    if len(data) > most:
        raise InputError("too_large", str(path), f"more than {most} bytes")
    return data


def _object(text: str | bytes, place: str) -> dict[str, Any]:
    try:
        fields = parse_json(text if isinstance(text, str) else text.decode(), place)
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", place, "not text in UTF-8") from error
    if not isinstance(fields, dict):
        raise DecodeError("malformed", place, "not a JSON object")
    if fields.get("format", FORMAT) != FORMAT:
        raise DecodeError("unsupported", f"{place}: format", f"not {FORMAT}")
    return fields


class _Reader:
    def __init__(self, fields: dict[str, Any], place: str) -> None:
        self._fields = fields
        self._place = place

    def integer(self, name: str, largest: int, otherwise: int) -> int:
        value = self._fields.get(name, otherwise)
        if type(value) is not int or not 1 <= value <= largest:
            raise self._wrong(name, f"not an integer from 1 to {largest}")
        return value

    def flag(self, name: str) -> bool:
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, "not true or false")
        return value

    def text(self, name: str) -> str:
        value = self._fields.get(name, "")
        if not isinstance(value, str):
            raise self._wrong(name, "not text")
        return value

    def ids(self, name: str) -> list[int]:
        value = self._fields.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= _MOST_TOKENS:
            raise self._wrong(name, "not a list of token ids")
        if not all(type(token) is int and 0 <= token <= _LARGEST_ID for token in value):
            raise self._wrong(name, "holds what is no token id")
        return value

    def proofs(self, name: str) -> list[bytes]:
        value = self._fields.get(name, [])
        if not isinstance(value, list) or len(value) > _MOST_TOKENS:
            raise self._wrong(name, "not a list of proofs")
        try:
            return [base64.b64decode(proof, validate=True) for proof in value]
        except (TypeError, ValueError, binascii.Error) as error:
            raise self._wrong(name, "not base64") from error

    def _wrong(self, name: str, reason: str) -> DecodeError:
        return DecodeError("malformed", f"{self._place}: {name}", reason)
