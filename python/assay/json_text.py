"""JSON that strangers wrote."""

import json
import re
from functools import partial

from .errors import DecodeError
from .printing import printable

_MOST_NESTED = 100
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.DOTALL)


def parse_json(text: str, place: str) -> object:
    """What a JSON text holds.

    Python's own parser goes as deep into a text as the interpreter's recursion limit says, and
    where a library has raised that, a few kilobytes of brackets end the process. It also takes the
    last of two values for one key, and `NaN` and `Infinity`, which are no JSON.

    Raises:
        DecodeError: Not JSON, nested more than a hundred deep, or a key twice in one object.
    """
    depth = 0
    for found in _STRINGS_AND_BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > _MOST_NESTED:
            raise DecodeError("malformed", place, f"nested more than {_MOST_NESTED} deep")
    try:
        value: object = json.loads(
            text, object_pairs_hook=partial(_object, place), parse_constant=_no_constant
        )
    except DecodeError:
        raise
    except ValueError as error:
        raise DecodeError("malformed", place, "not JSON") from error
    return value


def _object(place: str, pairs: list[tuple[str, object]]) -> dict[str, object]:
    value: dict[str, object] = {}
    for key, one in pairs:
        if key in value:
            raise DecodeError("malformed", place, f'the key "{printable(key)}" stands twice')
        value[key] = one
    return value


def _no_constant(name: str) -> object:
    raise ValueError(name)
