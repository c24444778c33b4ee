"""Budgets of verifiers, made at random in five families: what selections are compared on."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DecodeError, InputError
from ..writing import write_together
from .reading import Fields, read_object

MOST_CASES = 100_000
MOST_VERIFIERS = 4096
# What a model is taken to cost where cases are made without one; `compare` scales budgets to the
# model's own cost.
NOMINAL_COST = 1_000_000_000

_MOST_BYTES = 1 << 28
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Budgets.

    Attributes:
        case_id: From 1.
        family: How the shares of the verifiers were made; "" in files that do not say it.
        budgets: One for each verifier, in parameters.
    """

    case_id: int
    family: str
    budgets: tuple[int, ...]

    def as_fields(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "num_verifiers": len(self.budgets),
            "total_budget": sum(self.budgets),
        }


def _random(drawn: np.random.Generator, count: int) -> Floats:
    return drawn.uniform(0.1, 1.0, count)


def _dominant(drawn: np.random.Generator, count: int) -> Floats:
    # One has 70 % of what is given out before all are brought to their sum.
    shares = drawn.uniform(0.1, 1.0, count)
    shares *= 0.3 / shares.sum()
    shares[drawn.integers(count)] = 0.7
    return shares


def _decreasing(_: np.random.Generator, count: int) -> Floats:
    return np.exp(-np.linspace(0.0, 2.0, count))


def _increasing(drawn: np.random.Generator, count: int) -> Floats:
    return _decreasing(drawn, count)[::-1]


def _equal(_: np.random.Generator, count: int) -> Floats:
    return np.ones(count)


FAMILIES: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "random": _random,
    "dominant": _dominant,
    "decreasing": _decreasing,
    "increasing": _increasing,
    "equal": _equal,
}


def make_cases(
    count: int = 100, verifiers: int = 3, seed: int = 42, cost: int = NOMINAL_COST
) -> list[Case]:
    """Cases of the five families, a fifth of each, one family after the other.

    The budgets of a case sum to U(.15, .35) of the cost. Case i draws from (seed, i), so that the
    first cases of a longer list are those of a shorter one where their families agree.

    Raises:
        InputError: A count outside its range ("out_of_range").
    """
    for name, value, most in (
        ("num_cases", count, MOST_CASES),
        ("num_verifiers", verifiers, MOST_VERIFIERS),
        ("cost", cost, 2**53),
    ):
        if not 1 <= value <= most:
            raise InputError("out_of_range", name, f"{value}; give 1 to {most}")
    names = list(FAMILIES)
    return [
        _make(i + 1, names[i * len(names) // count], verifiers, seed, cost) for i in range(count)
    ]


def _make(case_id: int, family: str, verifiers: int, seed: int, cost: int) -> Case:
    drawn = np.random.default_rng([seed, case_id])
    total = drawn.uniform(0.15, 0.35) * cost
    shares = FAMILIES[family](drawn, verifiers)
    budgets = total * shares / shares.sum()
    return Case(case_id, family, tuple(max(1, int(budget)) for budget in budgets))


def write_cases(cases: Sequence[Case], folder: Path) -> None:
    """Write `case_XXX.json` of each, and `all_cases.json`, all of them or none.

    Raises:
        SaveError: A file could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fields = {
        "num_cases": len(cases),
        "num_verifiers": len(cases[0].budgets),
        "cases": [case.as_fields() for case in cases],
    }
    files = {folder / file_name(case.case_id): _text(case.as_fields()) for case in cases}
    write_together({**files, folder / "all_cases.json": _text(fields)})


def file_name(case_id: int, ending: str = "") -> str:
    """`case_007.json`, with an ending `case_007_results.json`."""
    return f"case_{case_id:03d}{ending}.json"


def _text(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, indent=2) + "\n").encode()


def read_cases(path: Path) -> list[Case]:
    """Read `all_cases.json`, or a folder that holds it.

    Raises:
        InputError: It cannot be read.
        DecodeError: It is no such file, or a case is there twice: with the place.
    """
    file = path / "all_cases.json" if path.is_dir() else path
    fields = read_object(file, _MOST_BYTES)
    cases = [_read(entry) for entry in fields.objects("cases")]
    if not cases or len(cases) > MOST_CASES:
        raise DecodeError("out_of_range", fields.place("cases"), f"{len(cases)} of them")
    seen: set[int] = set()
    for case in cases:
        if case.case_id in seen:
            reason = f"case {case.case_id} is there twice"
            raise DecodeError("malformed", fields.place("cases"), reason)
        seen.add(case.case_id)
    return cases


def _read(entry: Fields) -> Case:
    budgets = entry.integers("budgets", least=1, most=2**53)
    if not 1 <= len(budgets) <= MOST_VERIFIERS:
        raise DecodeError("out_of_range", entry.place("budgets"), f"{len(budgets)} of them")
    family = entry.text("family") if "family" in entry.fields else ""
    return Case(entry.integer("case_id"), family, tuple(budgets))
