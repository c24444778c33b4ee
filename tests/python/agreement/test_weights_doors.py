"""Rows and folders are judged alike by the command and from Python."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from assay import DecodeError, Verdict
from assay.weights import Folder, Manifest, manifest, open_row, verify_row
from assay_program import FAILED, run

NAME = "model.embed_tokens.weight"


def model(where: Path, change: Callable[[dict[str, np.ndarray]], object] | None = None) -> Path:
    draw = np.random.default_rng(1)
    weights = {
        NAME: draw.standard_normal((300, 100)).astype(np.float32),
        "model.layers.0.mlp.up_proj.weight": draw.standard_normal((8, 100)).astype(np.float16),
        "model.norm.weight": np.ones(100, np.float32),
    }
    if change is not None:
        change(weights)
    where.mkdir()
    (where / "config.json").write_text("{}")
    save_file(weights, where / "model.safetensors")
    return where


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, bytes]:
    """The manifest, and an opening whose row lies across two chunks."""
    path = model(tmp_path_factory.mktemp("weights") / "m")
    return manifest(path), open_row(path, NAME, 163).to_bytes()


ROWS: dict[str, tuple[Callable[[bytes], bytes], str, str | None, int | None]] = {
    "honest": (lambda row: row, "", NAME, 163),
    "nobody_asked": (lambda row: row, "", None, None),
    "another_row": (lambda row: row, "expectation", NAME, 162),
    "another_tensor": (lambda row: row, "expectation", "model.norm.weight", 163),
    "count_of_tensors": (lambda row: flipped(row, 12), "root", NAME, 163),
    "index_of_the_tensor": (lambda row: flipped(row, 20), "tensor", NAME, 163),
    "tree": (lambda row: flipped(row, 30), "root", NAME, 163),
    "name": (lambda row: flipped(row, 70), "expectation", NAME, 163),
    "name_that_nobody_asked_for": (lambda row: flipped(row, 70), "tensor", None, None),
    "value": (lambda row: flipped(row, len(row) - 40000), "chunks", NAME, 163),
    "cut": (lambda row: row[:-1], "unreadable", NAME, 163),
    "longer": (lambda row: row + b"\0", "unreadable", NAME, 163),
}


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def compare(verdict: Verdict | None, code: int, output: str) -> None:
    if verdict is None:
        assert (code, output) == (FAILED, "")
        return
    assert code == verdict.exit_code
    fields, said = json.loads(verdict.to_json()), json.loads(output)
    assert {name: said[name] for name in fields} == fields


@pytest.mark.parametrize("name", ROWS)
def test_rows(name: str, honest: tuple[Manifest, bytes], tmp_path: Path) -> None:
    change, step, tensor, row = ROWS[name]
    found, opening = honest
    sent = change(opening)
    (tmp_path / "row").write_bytes(sent)
    try:
        verdict = verify_row(sent, found.root, tensor, row)
    except DecodeError:
        verdict = None
    assert ("unreadable" if verdict is None else verdict.step) == step
    asked = ["--tensor", tensor, "--row", row] if tensor is not None else []
    ended = run(tmp_path, "manifest verify --json --opening row --root", found.root, *asked)
    compare(verdict, ended.returncode, ended.stdout)


FOLDERS: dict[str, tuple[Callable[[dict[str, np.ndarray]], object] | None, str]] = {
    "honest": (None, ""),
    "value": (lambda weights: weights[NAME].__setitem__((299, 99), 1), "bytes"),
    "dtype": (lambda weights: weights.update({NAME: weights[NAME].view(np.int32)}), "dtype"),
    "shape": (lambda weights: weights.update({NAME: weights[NAME].reshape(100, 300)}), "shape"),
    "missing": (lambda weights: weights.pop(NAME), "tensors"),
    "more": (lambda weights: weights.update({"more": np.zeros(1, np.int8)}), "tensors"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_folders(name: str, honest: tuple[Manifest, bytes], tmp_path: Path) -> None:
    change, step = FOLDERS[name]
    found, _ = honest
    path = model(tmp_path / "m", change)
    found.write(tmp_path / "manifest")
    verdict = Folder(path).check(found)
    assert verdict.step == step
    ended = run(tmp_path, "manifest check --json --weights m --manifest manifest")
    compare(verdict, ended.returncode, ended.stdout)
    for digest, said in ((found.digest, step), (found.root, "manifest")):
        verdict = Folder(path).check(found, digest)
        assert verdict.step == said
        line = "manifest check --json --weights m --manifest manifest --digest"
        ended = run(tmp_path, line, digest)
        compare(verdict, ended.returncode, ended.stdout)
    verdict = manifest(path).check_root(found.root)
    assert verdict.step == ("root" if step else "")
    ended = run(tmp_path, "manifest check --json --weights m --root", found.root)
    compare(verdict, ended.returncode, ended.stdout)
