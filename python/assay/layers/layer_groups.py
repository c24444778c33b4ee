"""Which layers are changed together: what `--layers` takes."""

import re

from ..errors import InputError

Group = tuple[int, ...]
"""Indices of layers, ascending, each once."""

_MOST_GROUPS = 1 << 16
_RANGE = r"[0-9]{1,6}(?:-[0-9]{1,6})?"
_PART = re.compile(rf"\(({_RANGE}(?:,{_RANGE})*)\)|({_RANGE})")
_ALL = re.compile(rf"(?:{_PART.pattern})(?:,(?:{_PART.pattern}))*")


def groups_of(text: str, layers: int) -> list[Group]:
    """The groups that a text names, in its order.

    "all" is each layer alone. "0,5-8" are layers 0, 5, 6, 7 and 8, each alone. "(0-4),(5-9)" are
    two groups of five layers; both forms mix.

    Args:
        text: See there.
        layers: How many there are.

    Raises:
        InputError: Of another form, or a group that is named twice ("malformed"); a layer that
            there is not ("out_of_range").
    """
    if text == "all":
        return [(index,) for index in range(layers)]
    if not _ALL.fullmatch(text):
        reason = f"{text!r} names no layers; write all, or as in 0,5-8 or (0-4),(5-9)"
        raise InputError("malformed", "--layers", reason)
    found: list[Group] = []
    for together, alone in _PART.findall(text):
        indices = _indices(together or alone, layers)
        found.extend([tuple(indices)] if together else [(index,) for index in indices])
        if len(found) > _MOST_GROUPS:
            raise InputError("too_large", "--layers", f"more than {_MOST_GROUPS} groups")
    seen: set[Group] = set()
    for group in found:
        if group in seen:
            raise InputError("malformed", "--layers", f"{name_of(group)} is named twice")
        seen.add(group)
    return found


def _indices(ranges: str, layers: int) -> list[int]:
    indices: list[int] = []
    for one in ranges.split(","):
        first, _, last = one.partition("-")
        start, stop = int(first), int(last or first)
        if start > stop or stop >= layers:
            reason = f"{one}: layers are numbered 0 to {layers - 1}, the lower one first"
            raise InputError("out_of_range", "--layers", reason)
        indices.extend(range(start, stop + 1))
    if len(set(indices)) != len(indices):
        raise InputError("malformed", "--layers", f"({ranges}) names a layer twice")
    return sorted(indices)


def name_of(group: Group) -> str:
    """A group as `groups_of` reads it: "7", "(0-4)", "(0,3-5)"."""
    runs: list[list[int]] = []
    for index in group:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    listed = ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return listed if len(group) == 1 else f"({listed})"
