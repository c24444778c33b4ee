"""One table of cases through every door: the C++ library, the command and Python.

Outcome, step, item, grades and exit code are the same through each of them. Each case writes files,
and says what the verdict on them is. What cannot be used as input ends with 2 through the library
and the command, and raises `assay.InputError` in Python.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import assay
import claim_cases
import claim_rejections
import claim_schemes
from assay_program import run
from claim_files import BAD_INPUT, CASES, INCONCLUSIVE, REJECTED, Case, Files

LIBRARY = Path(
    os.environ.get("ASSAY_LIBRARY_VERDICT")
    or Path(__file__).parents[3] / "build/python/tests/library_verdict"
)


class Answer(NamedTuple):
    """What a door said; of input that could not be used, the code alone."""

    code: int
    outcome: str = ""
    step: str = ""
    item: int | None = None
    checks: tuple[tuple[str, str], ...] = ()


def write(files: Files, folder: Path) -> list[str]:
    """The words of the command line, their files written."""
    words = []
    for name in ("commitment", "proofs", "srs", "challenge"):
        data = getattr(files, name)
        if data is None:
            continue
        if name not in files.missing:
            (folder / name).write_bytes(data)
        words += [f"--{name}", name]
    for name in ("digest", "expect", "challenge_digest", "at_least"):
        if (word := getattr(files, name)) is not None:
            words += [f"--{name.replace('_', '-')}", word]
    if files.tensor is not None:
        (folder / files.tensor[0]).write_bytes(files.tensor[1])
        words += ["--tensor", files.tensor[0]]
    return words


def answer_of(code: int, text: str) -> Answer:
    if code == BAD_INPUT:
        return Answer(code)
    found = json.loads(text)
    checks = tuple((one["step"], one["grade"]) for one in found["checks"])
    return Answer(code, found["verdict"], found["step"] or "", found["item"], checks)


def through_library(folder: Path, words: list[str]) -> Answer:
    ended = subprocess.run(
        [LIBRARY, *words], cwd=folder, check=False, capture_output=True, text=True, timeout=240
    )
    return answer_of(ended.returncode, ended.stdout)


def through_command(folder: Path, words: list[str]) -> Answer:
    ended = run(folder, "verify --json", *words)
    return answer_of(ended.returncode, ended.stdout)


def through_python(folder: Path, words: list[str]) -> Answer:
    given = dict(zip(words[::2], words[1::2], strict=True))
    challenge, tensor, expect = (given.get(f"--{n}") for n in ("challenge", "tensor", "expect"))
    at_least = given.get("--at-least")
    try:
        verdict = assay.verify(
            assay.Commitment.read(folder / "commitment"),
            assay.Proofs.read(folder / "proofs"),
            _parameters(folder / "srs") if "--srs" in given else None,
            challenge=assay.Challenge.read(folder / challenge) if challenge else None,
            challenge_digest=given.get("--challenge-digest"),
            at_least=int(at_least) if at_least else None,
            digest=given.get("--digest"),
            expect=dict(part.split("=") for part in expect.split(",")) if expect else None,
            captured=folder / tensor if tensor else None,
        )
    except assay.InputError:
        return Answer(BAD_INPUT)
    return answer_of(verdict.exit_code, verdict.to_json())


def _parameters(
    path: Path,
) -> assay.VerifierKey | assay.Srs | assay.kzg.VerifierKey | assay.kzg.Srs:
    match path.read_bytes()[:8]:
        case b"ASSAYSRS" | b"ASSAYLEV":
            return assay.Srs.open(path)
        case b"ASSAYKZG":
            return assay.kzg.Srs.open(path)
        case b"ASSAYKVK":
            return assay.kzg.VerifierKey.open(path)
    return assay.VerifierKey.open(path)


@pytest.mark.parametrize("one", CASES, ids=[one.name for one in CASES])
def test_every_door_says_the_same(one: Case, tmp_path: Path) -> None:
    words = write(one.make(tmp_path), tmp_path)
    library = through_library(tmp_path, words)
    assert (library.code, library.step, library.item) == (one.code, one.step, one.item)
    assert through_command(tmp_path, words) == library
    assert through_python(tmp_path, words) == library


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int64])
def test_arrays_of_another_dtype_are_rejected_in_memory_too(dtype: type) -> None:
    one = claim_rejections.HALF
    own = np.array([[1, 2], [3, 4]], dtype)
    verdict = assay.verify(one.commitment, one.proofs, one.srs.verifier_key, captured=own)
    assert (verdict.outcome, verdict.step) == ("rejected", "captured tensor")


def test_the_table_reaches_every_step() -> None:
    tables = {claim_cases.__name__, claim_rejections.__name__, claim_schemes.__name__}
    assert {one.make.__module__ for one in CASES} == tables
    steps = {one.step for one in CASES if one.code in (REJECTED, INCONCLUSIVE)}
    # "header" and "commitment value" are for commitments that came from no file, nobody finds a
    # transcript that gives a point which was asked about, and randomness does not fail here.
    assert steps == {
        "no proofs", "expectation", "SRS digest", "axes", "commitment digest", "expected digest",
        "challenge",
        "proof shape", "value range", "padding", "proof points", "opening equation",
        "captured tensor", "captured values", "points", "encoding", "levels", "level digests",
        "scheme", "basis points", "basis digests", "leaf", "proof length", "root",
    }  # fmt: skip
    assert len(CASES) >= 60


@pytest.fixture(autouse=True, scope="module")
def _built() -> None:
    assert LIBRARY.exists(), f"{LIBRARY} is not built: make test builds it"
