"""The file of a measurement of damage, written as it goes on: one that was stopped resumes."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import DecodeError, InputError
from ..writing import write_together
from .damage import Damage
from .layer_groups import Group, name_of
from .reading import read_object

FORMAT = "assay/layers/damage/v1"
_MOST_BYTES = 1 << 28
# Seconds between two writings: what a stop can cost.
_EVERY = 5.0


@dataclass(frozen=True)
class Subject:
    """What was measured; a file goes on only with the same.

    Attributes:
        model_name: As the model is called.
        model_files: SHA-256 of its files, in hex, by name; none of a model of a hub.
        engine: What it was run with, in words.
        change: As `Change.described`.
        sequences: How many sequences of tokens.
        length: Tokens of each.
        tokens: SHA-256, in hex, of the ids as little-endian int64.
        layers: Names of the model's linear layers.
        num_parameters: Of each.
    """

    model_name: str
    model_files: Mapping[str, str]
    engine: str
    change: Mapping[str, Any]
    sequences: int
    length: int
    tokens: str
    layers: tuple[str, ...]
    num_parameters: tuple[int, ...]


def digest_of(ids: Tensor) -> str:
    """The digest of token ids that a subject has."""
    return hashlib.sha256(ids.cpu().numpy().astype("<i8").tobytes()).hexdigest()


@dataclass
class Measured:
    """A subject and the damage of each group so far, in the order of measuring."""

    subject: Subject
    damage: dict[Group, Damage] = field(default_factory=dict)

    def single(self) -> dict[int, Damage]:
        """The damage of layers that were changed alone, by index."""
        return {group[0]: one for group, one in self.damage.items() if len(group) == 1}

    def to_json(self) -> str:
        """The file's text."""
        entries = [
            {"layers": list(group), "name": self._named(group), **asdict(damage)}
            for group, damage in self.damage.items()
        ]
        fields = {"format": FORMAT, **asdict(self.subject), "damage": entries}
        return json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def _named(self, group: Group) -> str:
        return self.subject.layers[group[0]] if len(group) == 1 else name_of(group)


class Keeper:
    """Writes a measurement now and then, and at the end of a `with` block, however that comes."""

    def __init__(self, path: Path, measured: Measured) -> None:
        self._path = path
        self._measured = measured
        self._written = time.monotonic()
        self._behind = False

    def __enter__(self) -> "Keeper":
        return self

    def add(self, group: Group, damage: Damage) -> None:
        """One group more."""
        self._measured.damage[group] = damage
        self._behind = True
        if time.monotonic() - self._written >= _EVERY:
            self._write()

    def _write(self) -> None:
        write_together({self._path: self._measured.to_json().encode()})
        self._written = time.monotonic()
        self._behind = False

    def __exit__(self, *_: object) -> None:
        if self._behind:
            self._write()


def resume(path: Path, subject: Subject) -> Measured:
    """What of this subject was measured before into this file; nothing where there is none.

    Raises:
        InputError: The file is of another subject ("mismatch").
        DecodeError: It is not such a file.
    """
    if not path.exists():
        return Measured(subject)
    found = read_damage(path)
    for name, value in asdict(subject).items():
        if asdict(found.subject)[name] != value:
            reason = f"was measured with another {name}; remove it, or choose another --output"
            raise InputError("mismatch", str(path), reason)
    return found


def read_damage(path: Path) -> Measured:
    """Read such a file.

    Raises:
        InputError: It cannot be read ("io"), or is larger than 256 MiB.
        DecodeError: It is not one, with the place.
    """
    fields = read_object(path, _MOST_BYTES)
    if fields.text("format") != FORMAT:
        raise DecodeError("unsupported", f"{path}: format", f"not {FORMAT!r}")
    subject = Subject(
        model_name=fields.text("model_name"),
        model_files=fields.mapping("model_files"),
        engine=fields.text("engine"),
        change=fields.mapping("change"),
        sequences=fields.integer("sequences", least=1),
        length=fields.integer("length", least=1),
        tokens=fields.text("tokens"),
        layers=tuple(fields.texts("layers")),
        num_parameters=tuple(fields.integers("num_parameters", least=1)),
    )
    if len(subject.layers) != len(subject.num_parameters):
        raise DecodeError("mismatch", f"{path}: num_parameters", "not one for each layer")
    measured = Measured(subject)
    for entry in fields.objects("damage"):
        group = tuple(entry.integers("layers", least=0, most=len(subject.layers) - 1))
        if not group or list(group) != sorted(set(group)) or group in measured.damage:
            reason = "no layers, not ascending, or measured twice"
            raise DecodeError("malformed", entry.place("layers"), reason)
        figures = {name: entry.number(name, least=0) for name in Damage.__dataclass_fields__}
        measured.damage[group] = Damage(**figures)
    return measured


def values_of(measured: Measured, kind: str = "kl") -> list[float]:
    """One figure of every layer, changed alone, in their order.

    Raises:
        InputError: A layer was not measured alone ("mismatch").
    """
    single = measured.single()
    missing = [index for index in range(len(measured.subject.layers)) if index not in single]
    if missing:
        reason = f"{len(missing)} layers were not changed alone, the first is {missing[0]}"
        raise InputError("mismatch", "damage", f"{reason}; measure with --layers all")
    return [float(getattr(single[index], kind)) for index in range(len(single))]
