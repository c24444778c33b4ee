"""JSON files of this package, field by field: each error names the file and the field."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import DecodeError, InputError
from ..json_text import parse_json


class Fields:
    """The fields of an object of a JSON file.

    Every reader raises DecodeError where the field is missing or of another kind ("malformed"), or
    outside its range ("out_of_range").
    """

    def __init__(self, fields: Mapping[str, Any], where: str) -> None:
        self.fields = fields
        self._where = where

    def place(self, name: str) -> str:
        """Where a field is, for an error."""
        return f"{self._where}: {name}" if ":" not in self._where else f"{self._where}.{name}"

    def _wrong(self, name: str, wanted: str) -> DecodeError:
        return DecodeError("malformed", self.place(name), f"{wanted} is expected here")

    def text(self, name: str) -> str:
        """A text."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """An object, as it is."""
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return value

    def array(self, name: str) -> list[Any]:
        """A list of anything."""
        value = self.fields.get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value

    def integer(self, name: str, *, least: int = 0, most: int = 2**62) -> int:
        """An integer between `least` and `most`."""
        return self._integer(self.fields.get(name), name, least, most)

    def integers(self, name: str, *, least: int = 0, most: int = 2**62) -> list[int]:
        """A list of such integers."""
        listed = enumerate(self.array(name))
        return [self._integer(value, f"{name}[{i}]", least, most) for i, value in listed]

    def _integer(self, value: object, name: str, least: int, most: int) -> int:
        # A file of the original pipeline may hold a whole number as 3.0.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "an integer")
        if not least <= value <= most:
            reason = f"{value} is not between {least} and {most}"
            raise DecodeError("out_of_range", self.place(name), reason)
        return value

    def number(self, name: str, *, least: float = -math.inf) -> float:
        """A finite number of at least `least`."""
        return self._number(self.fields.get(name), name, least)

    def _number(self, value: object, name: str, least: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(name, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or number < least:
            wanted = "finite" if least == -math.inf else f"finite and at least {least:g}"
            raise DecodeError("out_of_range", self.place(name), f"{number} is not {wanted}")
        return number

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        values = self.array(name)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(name, "a list of texts")
        return values

    def objects(self, name: str) -> Iterator["Fields"]:
        """A list of objects, one after another."""
        for index, value in enumerate(self.array(name)):
            if not isinstance(value, dict):
                raise self._wrong(f"{name}[{index}]", "an object")
            yield Fields(value, self.place(f"{name}[{index}]"))


def read_object(path: Path, most_bytes: int) -> Fields:
    """The object that a JSON file is.

    Raises:
        InputError: No such file ("io"), or a larger one ("too_large").
        DecodeError: Not JSON, or no object.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise InputError("too_large", str(path), f"more than {most_bytes} bytes")
        value = parse_json(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InputError("io", str(path), error.strerror or "could not be read") from error
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", str(path), "not text in UTF-8") from error
    if not isinstance(value, dict):
        raise DecodeError("malformed", str(path), "an object is expected here")
    return Fields(value, str(path))
