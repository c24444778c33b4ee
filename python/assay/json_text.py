"""JSON that strangers wrote."""

import json
import re

from .errors import DecodeError

_MOST_NESTED = 100
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.DOTALL)


def parse_json(text: str, place: str) -> object:
    """What a JSON text holds.

    Python's own parser goes as deep into a text as the interpreter's recursion limit says, and
    where a library has raised that, a few kilobytes of brackets end the process.

    Raises:
        DecodeError: Not JSON, or nested more than a hundred deep.
    """
    depth = 0
    for found in _STRINGS_AND_BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > _MOST_NESTED:
            raise DecodeError("malformed", place, f"nested more than {_MOST_NESTED} deep")
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise DecodeError("malformed", place, "not JSON") from error
    return value
