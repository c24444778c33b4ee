"""Files of activations, written a few rows at a time."""

import importlib.util
import io
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import numpy as np
import pytest

from assay import InputError
from assay.errors import NonFiniteError
from assay.probe.got_files import ActivationsFile

VECTORS = Path(__file__).parents[3] / "vectors" / "tensor"


def independent() -> ModuleType:
    """The program that writes the vectors, from the page of formats alone."""
    spec = importlib.util.spec_from_file_location("make_got", VECTORS / "make_got.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def begun(file: BinaryIO, *, fresh: bool = True, **changes: object) -> ActivationsFile:
    fields: dict[str, object] = {
        "model_id": "m",
        "precision": "float32",
        "width": 3,
        "layers": [1, 4],
        "positions": [0, 1],
        **changes,
    }
    return ActivationsFile(file, fresh=fresh, **fields)  # type: ignore[arg-type]


def test_bytes_are_those_of_an_independent_writer() -> None:
    theirs = independent()
    file = io.BytesIO()
    written = ActivationsFile(
        file,
        model_id=theirs.MODEL,
        precision="bfloat16",
        width=theirs.WIDTH,
        layers=theirs.LAYERS,
        positions=theirs.POSITIONS,
    )
    # Backwards, and a row at a time.
    for layer in reversed(range(len(theirs.LAYERS))):
        for at in reversed(range(len(theirs.POSITIONS))):
            row = [
                theirs.value(theirs.LAYERS[layer], theirs.POSITIONS[at], place)
                for place in range(theirs.WIDTH)
            ]
            written.write(layer, at, np.array([row], np.float32))
    assert file.getvalue() == theirs.gotact() == (VECTORS / "rows.gotact").read_bytes()


def test_rows_may_come_together_or_apart() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    together, apart = io.BytesIO(), io.BytesIO()
    written = begun(together)
    written.write(0, 0, rows[:2])
    written.write(1, 0, rows[2:])
    written = begun(apart)
    for index, row in enumerate(rows):
        written.write(index // 2, index % 2, row[None])
    assert together.getvalue() == apart.getvalue()
    # As docs/tensor.md has it: 23 + n + L (4 + P (4 + 4 d)).
    assert len(apart.getvalue()) == written.size == 23 + 1 + 2 * (4 + 2 * (4 + 4 * 3))


def test_a_file_can_be_gone_on_with(tmp_path: Path) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    whole = io.BytesIO()
    written = begun(whole)
    for index in range(4):
        written.write(index // 2, index % 2, rows[index : index + 1])
    path = tmp_path / "stopped"
    with path.open("w+b") as file:
        written = begun(file)
        written.write(0, 0, rows[:1])
        written.write(1, 0, rows[2:3])
    with path.open("r+b") as file:
        written = begun(file, fresh=False)
        written.write(0, 1, rows[1:2])
        written.write(1, 1, rows[3:])
    assert path.read_bytes() == whole.getvalue()


@pytest.mark.parametrize("changes", [{"layers": [1]}, {"model_id": "n"}, {"width": 2}])
def test_a_file_of_another_run_is_not_gone_on_with(changes: dict[str, object]) -> None:
    file = io.BytesIO()
    begun(file)
    with pytest.raises(InputError, match="of another run"):
        begun(file, fresh=False, **changes)


def test_a_row_that_is_not_finite_is_named() -> None:
    rows = np.zeros((2, 3), np.float32)
    rows[1, 2] = np.nan
    with pytest.raises(NonFiniteError, match="layer 4, row 1: NaN"):
        begun(io.BytesIO()).write(1, 0, rows)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"layers": []}, "layers: none"),
        ({"layers": [2, 2]}, "layers: do not increase"),
        ({"layers": [-1]}, "layers: a number that is not between"),
        ({"positions": [1, 0]}, "positions: do not increase"),
        ({"positions": [1 << 32]}, "positions: a number that is not between"),
        ({"layers": range(4097)}, "layers: 4097 of them"),
        ({"precision": "float64"}, "dtype float64: has no tag"),
        ({"model_id": "m" * 4097}, "model id: more than 4096"),
    ],
)
def test_what_the_format_cannot_hold(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        begun(io.BytesIO(), **changes)
