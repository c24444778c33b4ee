"""One table of cases of a statement about readings: the command and Python give the same verdict.

Both are given the same files. What cannot be used as input ends with 2 through the command, and
raises `assay.InputError` in Python.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import probe_files
from assay import InputError, _core
from assay_program import DONE, FAILED, INCONCLUSIVE, REJECTED, done, report, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, a probe, a statement, and another of each; do not change it."""
    where = tmp_path_factory.mktemp("made")
    probe_files.make(where)
    probe_files.corpus(where, "b", 0.5, seed=9)
    rows = np.random.default_rng(7).standard_normal((60, probe_files.WIDTH)).astype(np.float32)
    (where / "v.gotue").write_bytes(probe_files.formats.gotue(rows.tolist()))
    done(where, "probe keygen --output other")
    return where


def cut(name: str) -> Callable[[Path], object]:
    return lambda where: (where / name).write_bytes((where / name).read_bytes()[:-1])


@dataclass(frozen=True)
class Case:
    """Which files a statement is held against, and what comes of it.

    Attributes:
        files: Options of the verb that name files, by their names in Python, in place of those of
            `FILES` or beside them.
        require: A level.
        code: What the command ends with.
        step: Of the verdict.
        change: What is done to a copy of the files before.
    """

    files: tuple[tuple[str, str], ...] = ()
    require: str = "L3"
    code: int = DONE
    step: str = ""
    nonce: str = probe_files.NONCE
    root: str = ""
    change: Callable[[Path], object] = lambda where: None


FILES = {
    "attestation": "s", "pubkey": "key.pub", "activations": "a.gotact", "probes": "p.json",
}  # fmt: skip
STATISTICS = (("corpus_activations", "a.gotact"), ("labels", "a.labels"))

CASES = {
    "readings": Case(),
    "all that binds": Case(
        (
            ("unembedding", "u.gotue"), ("tokens", "s.tokens"), ("rows", "a.rows"),
            ("evaluation", "e.json"),
        ),
        root="66" * 32,
    ),
    "statistics": Case((("own_activations", "a.gotact"), *STATISTICS), "L5"),
    "no rows of one's own": Case(require="L4", code=INCONCLUSIVE, step="own rows"),
    "own rows": Case((("own_activations", "a.gotact"),), "L4"),
    "other own rows": Case(
        (("own_activations", "b.gotact"),), "L4", code=INCONCLUSIVE, step="profile"
    ),
    "another nonce": Case(nonce="00" * 32, code=REJECTED, step="nonce"),
    "another key": Case((("pubkey", "other.pub"),), code=REJECTED, step="key"),
    "other weights": Case(root="67" * 32, code=REJECTED, step="weights"),
    "other activations": Case((("activations", "b.gotact"),), code=REJECTED, step="activations"),
    "another unembedding": Case((("unembedding", "v.gotue"),), code=REJECTED, step="unembedding"),
    "other places of rows": Case((("rows", "b.labels"),), code=REJECTED, step="rows"),
    "other figures": Case((("evaluation", "a.rows"),), code=REJECTED, step="evaluation"),
    "another corpus": Case(
        (("corpus_activations", "b.gotact"), ("labels", "b.labels")), "L5", code=REJECTED,
        step="statistics",
    ),
    "activations that were cut": Case(code=FAILED, change=cut("a.gotact")),
    "a set that was cut": Case(code=FAILED, change=cut("p.json")),
    "tokens that were cut": Case((("tokens", "s.tokens"),), code=FAILED, change=cut("s.tokens")),
    "a statement that was cut": Case(code=FAILED, change=cut("s")),
    "a level that is none": Case(require="L6", code=FAILED),
    "half a nonce": Case(nonce="5a" * 16, code=FAILED),
}  # fmt: skip


def by_command(where: Path, case: Case) -> dict[str, Any] | None:
    named = FILES | dict(case.files)
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in named.items())
    root = f" --root {case.root}" if case.root else ""
    line = f"probe verify {flags} --require {case.require} --nonce {case.nonce}{root}"
    if case.code == FAILED:
        assert run(where, line).returncode == FAILED
        return None
    return report(where, line, code=case.code)


def by_python(where: Path, case: Case) -> dict[str, Any] | None:
    named = {name: str(where / value) for name, value in (FILES | dict(case.files)).items()}
    statement, key = named.pop("attestation"), named.pop("pubkey")
    more: dict[str, Any] = {}
    try:
        if "own_activations" in named:
            *_, values = _core.probe_read_activations(named.pop("own_activations"))
            layer = _core.ProbeSet.read(named["probes"]).layer
            more["own_rows"] = np.ascontiguousarray(values[probe_files.LAYERS.index(layer)])
        if "corpus_activations" in named:
            corpus = named.pop("corpus_activations")
            rows = corpus.replace(".gotact", ".rows")
            more["corpus"] = (corpus, named.pop("labels"), rows)
        if case.root:
            more["weights_root"] = bytes.fromhex(case.root)
        verdict = _core.probe_verify(
            statement, key, nonce=case.nonce, require=case.require, **named, **more
        )
    except InputError:
        assert case.code == FAILED
        return None
    assert verdict.exit_code == case.code
    found: dict[str, Any] = json.loads(verdict.to_json())
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_command_and_python_agree(made: Path, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    where = tmp_path / "files"
    shutil.copytree(made, where)
    case.change(where)
    answers = [door(where, case) for door in (by_command, by_python)]
    for found in answers:
        if found is not None:
            # What the command says of the statement, of its own flags and of itself.
            for own in ("model_id", "required", "timing"):
                found.pop(own, None)
            assert (found["step"] or "") == case.step
    assert answers[0] == answers[1]
