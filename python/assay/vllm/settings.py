"""What vLLM is asked to prove, and where proofs go."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audit import choice_of
from ..errors import DecodeError, InputError, one_line
from ..json_text import parse_json
from ..printing import printable
from ..toploc import Shape

ENVIRONMENT = "ASSAY_VLLM"
"""Names a file of settings, where they are not in vLLM's additional_config."""

_PLACE = "assay's settings for vLLM"


@dataclass(frozen=True)
class Settings:
    """What is proved of every answer, and where that is put.

    Attributes:
        chunk: Tokens that one TOPLOC proof covers.
        k: Values of largest magnitude that go into one.
        merge_short_tails: Whether a last piece of fewer than 8 tokens goes into the one before.
        folder: Where a server puts signatures, one file each; "" for nowhere.
        database: The SQLite file that it puts them in instead; "" for none.
        fingerprint: Whether an answer has the fingerprint of its states too.
        layers: Blocks whose rows are committed to: "all", "1/8" (every eighth from block 0 on),
            "0,8,16-19"; "" for none.
        srs: File of the SRS that they are committed to with; its second axis says how many tokens
            an answer may have.
        audit: Folder of logs of what all layers computed; "" for none.
        audit_key: File of the key that their heads are signed with; "" for `provider.key` in that
            folder, which is made where it is not there.
    """

    chunk: int = 32
    k: int = 128
    merge_short_tails: bool = False
    folder: str = ""
    database: str = ""
    fingerprint: bool = False
    layers: str = ""
    srs: str = ""
    audit: str = ""
    audit_key: str = ""

    @property
    def shape(self) -> Shape:
        """How proofs cover an answer."""
        return Shape(self.chunk, self.k, False, self.merge_short_tails)

    def as_json(self) -> dict[str, object]:
        """What `settings_from` reads."""
        return {name: getattr(self, name) for name in _KINDS}


_KINDS: dict[str, type] = {
    "chunk": int,
    "k": int,
    "merge_short_tails": bool,
    "folder": str,
    "database": str,
    "fingerprint": bool,
    "layers": str,
    "srs": str,
    "audit": str,
    "audit_key": str,
}


def settings_from(given: object, place: str = _PLACE) -> Settings:
    """Read settings, strictly.

    Raises:
        InputError: Not an object, a key that is unknown, a value that cannot be.
    """
    if not isinstance(given, Mapping):
        raise InputError("malformed", place, 'is not an object such as {} or {"k": 64}')
    values: dict[str, Any] = {}
    for key, value in given.items():
        kind = _KINDS.get(key)
        if kind is None:
            known = ", ".join(_KINDS)
            raise InputError(
                "unsupported", place, f"no key {printable(str(key))!r}; there are {known}"
            )
        if type(value) is not kind:
            reason = f"{key} is {printable(json.dumps(value))}; give a value like {kind()!r}"
            raise InputError("malformed", place, reason)
        values[key] = value
    settings = Settings(**values)
    try:
        _ = settings.shape
    except (InputError, TypeError, OverflowError) as error:
        raise InputError("out_of_range", place, one_line(error)) from error
    if settings.folder and settings.database:
        raise InputError("mismatch", place, "folder and database are both given; give one")
    if bool(settings.layers) != bool(settings.srs):
        given_one, other = ("layers", "srs") if settings.layers else ("srs", "layers")
        raise InputError("mismatch", place, f"{given_one} is given without {other}; give both")
    if settings.audit_key and not settings.audit:
        raise InputError("mismatch", place, "audit_key is given without audit; give both")
    if settings.layers:
        try:
            choice_of(settings.layers)
        except InputError as error:
            raise InputError(error.code, place, f"layers: {error.reason}") from error
    return settings


def asked_for(configured: object) -> Settings | None:
    """The settings that a configuration has, or the file that the environment names; None: off.

    Raises:
        InputError: Both have some, or they cannot be read.
    """
    file = os.environ.get(ENVIRONMENT, "")
    if configured is None and not file:
        return None
    if configured is not None and file:
        reason = f"are given by --additional-config and by {ENVIRONMENT}; give one"
        raise InputError("mismatch", _PLACE, reason)
    if configured is not None:
        return settings_from(configured)
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError("io", file, f"{error.strerror}; {ENVIRONMENT} names it") from error
    except UnicodeDecodeError as error:
        raise DecodeError("malformed", file, "not text in UTF-8") from error
    return settings_from(parse_json(text, file), file)
