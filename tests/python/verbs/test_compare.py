"""`assay compare --plot`: what the Python program adds to the native verb."""

from pathlib import Path

import numpy as np
import pytest

from assay.errors import SaveError
from assay.writing import write_together
from assay_program import done, refused


def test_an_overlong_name_is_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 3), np.float32))
    name = "n" * 300 + ".vl.json"
    said = refused(tmp_path, f"compare a.npy a.npy --plot {name}")
    assert said.startswith("assay compare: nnn")
    assert "could not be written (File name too long)" in said
    refused(tmp_path, f"compare a.npy a.npy --plot {'n' * 300}/x.vl.json")


def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 3), np.float32))
    name = "\u00e4" * 123 + ".vl.json"
    assert len(name.encode()) == 254
    done(tmp_path, f"compare a.npy a.npy --plot {name}")
    assert (tmp_path / name).is_file()


def test_no_name_is_no_name() -> None:
    for path in (Path(), Path("/")):
        with pytest.raises(SaveError, match="not the name of a file"):
            write_together({path: b"x"})
