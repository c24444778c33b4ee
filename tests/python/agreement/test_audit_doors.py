"""One table of cases of an audit: the command and Python give the same verdict, to the last figure.

Both are given the same files. What cannot be used as input ends with 2 through the command, and
raises `assay.InputError` in Python.
"""

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from assay import DecodeError, InputError, audit
from assay_program import DONE, FAILED, REJECTED, done, report, run
from audit_runs import NONCE, answer, make_model, root_of

PROMPT = [3, 17, 92, 5, 64, 8]
TOKENS = 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An honest run, one of other weights, one of another family, and keys; do not change it."""
    where = tmp_path_factory.mktemp("made")
    done(where, "keygen --out provider.key")
    model = make_model("llama", torch.bfloat16, where / "model")
    root = root_of(where, "model")
    (where / "honest").symlink_to(answer(where, model, root, PROMPT, TOKENS))
    (where / "request").rename(where / "honest.request")
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight.mul_(1.02)
    (where / "cheat").symlink_to(answer(where, model, root, PROMPT, TOKENS))
    (where / "request").rename(where / "cheat.request")
    other = make_model("gpt_neox", torch.bfloat16, where / "neox")
    run_of_other = answer(where, other, root_of(where, "neox"), PROMPT, TOKENS)
    (where / "other").symlink_to(run_of_other)
    (where / "request").rename(where / "other.request")
    for name in ("honest", "cheat", "other"):
        done(
            where,
            f"audit challenge --head {name}/head --provider provider.key.pub --tokens 3"
            f" --record drawn-{name} --out {name}.challenge",
        )
        done(
            where,
            f"audit open --run {name} --challenge {name}.challenge --out {name}.openings",
        )
    done(where, "audit enroll --weights model --epochs 3 --out key")
    for dtype, factor in (("bfloat16", 1.25), ("float32", 1.25)):
        (where / f"{dtype}.profile").write_text(profile_text(dtype, factor))
    return where


def profile_text(dtype: str, factor: float) -> str:
    fields = {
        "format": "assay/audit/profile/v1", "name": "mine", "model": "", "dtype": dtype,
        "device": "cpu", "kernel": "sdpa", "variance_factor": factor, "differing_share": 0.0125,
        "attention_error": 0.006, "false_alarm_bound": 0.25, "honest_runs": 10,
    }  # fmt: skip
    return json.dumps(fields, indent=2) + "\n"


@dataclass(frozen=True)
class Case:
    """Which files are checked against what, and what comes of it.

    Attributes:
        name: Of the run.
        against: "weights", "neox" or "key".
        code: What the command ends with.
        step: Of the verdict.
        change: What is done to a copy of the files before.
        silent: Whether there is no answer.
        options: Of the check, named as in Python.
    """

    name: str = "honest"
    against: str = "model"
    code: int = DONE
    step: str = ""
    change: Callable[[Path], object] = lambda where: None
    silent: bool = False
    options: tuple[tuple[str, Any], ...] = ()


def swap(what: str, name: str, other: str) -> Callable[[Path], object]:
    return lambda where: shutil.copy(where / f"{other}.{what}", where / f"{name}.{what}")


def other_key(where: Path) -> None:
    done(where, "keygen --force --out provider.key")


def cut(where: Path) -> None:
    path = where / "honest.openings"
    path.write_bytes(path.read_bytes()[:-1])


CASES = {
    "honest, by weights": Case(),
    "honest, by a key": Case(against="key"),
    "a share": Case(options=(("share", 0.5),)),
    "a profile": Case(against="key", options=(("profile", "bfloat16.profile"),)),
    "a profile, by weights": Case(options=(("profile", "bfloat16.profile"),)),
    "other weights": Case("cheat", code=REJECTED, step="product"),
    "other weights, by a key": Case("cheat", "key", code=REJECTED, step="product"),
    "products alone": Case("other", "neox"),
    "another provider": Case(code=REJECTED, step="head", change=other_key),
    "no answer": Case(code=REJECTED, step="missing", silent=True),
    "another answer's tokens": Case(
        "cheat", code=REJECTED, step="token", change=swap("request", "cheat", "other")
    ),
    "the challenge of another head": Case(code=FAILED, change=swap("challenge", "honest", "cheat")),
    "openings of another challenge": Case(code=FAILED, change=swap("openings", "honest", "cheat")),
    "openings that were cut": Case(code=FAILED, change=cut),
    "another model": Case(against="neox", code=FAILED),
    "a share that is none": Case(code=FAILED, options=(("share", 1.0),)),
    "a profile of another type": Case(code=FAILED, options=(("profile", "float32.profile"),)),
    "a challenge that was not drawn": Case(code=FAILED, options=(("record", "drawn-cheat"),)),
    "a challenge that was drawn": Case(options=(("record", "drawn-honest"),)),
}


def by_command(where: Path, case: Case) -> dict[str, Any] | None:
    name = case.name
    against = "--key key.0" if case.against == "key" else f"--weights {case.against}"
    given = "--no-answer" if case.silent else f"--openings {name}.openings"
    flags = " ".join(f"--{flag.replace('_', '-')} {value}" for flag, value in case.options)
    line = (
        f"audit check --head {name}/head --provider provider.key.pub --request {name}.request"
        f" --challenge {name}.challenge {given} {against} {flags}"
    )
    if case.code == FAILED:
        assert run(where, line).returncode == FAILED
        return None
    return report(where, line, code=case.code)


def by_python(where: Path, case: Case) -> dict[str, Any] | None:
    name = case.name
    options = dict(case.options)
    if "record" in options:
        options["record"] = where / str(options["record"])
    if "profile" in options:
        # The verdict names it as it was given.
        with contextlib.chdir(where):
            options["profile"] = audit.Profile.read(str(options["profile"]))
    against = {"key": where / "key.0"}
    if case.against != "key":
        against = {"weights": where / case.against}
    try:
        verdict = audit.check(
            audit.Head.read(where / name / "head"),
            audit.Request.read(where / f"{name}.request"),
            audit.Challenge.read(where / f"{name}.challenge"),
            None if case.silent else audit.Openings.read(where / f"{name}.openings"),
            where / "provider.key.pub",
            **against,
            **options,
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
    answers = []
    for door in (by_command, by_python):
        # A copy for each: a rejection ends a key's epoch.
        where = tmp_path / door.__name__
        shutil.copytree(made, where, symlinks=True)
        if case.change is other_key and answers:
            shutil.copy(tmp_path / "by_command" / "provider.key.pub", where)
        else:
            case.change(where)
        found = door(where, case)
        if found is not None:
            found.pop("timing", None)
            found.pop("provider", None)
            assert (found["step"] or "") == case.step
            ended = (case.step, case.against) == ("product", "key")
            assert (where / "key.0.ended").exists() == ended
        answers.append(found)
    assert answers[0] == answers[1]


def test_a_protocol_in_python_is_that_of_the_command(made: Path, tmp_path: Path) -> None:
    head = audit.Head.read(made / "honest/head")
    assert (head.steps, head.drops, head.nonce) == (TOKENS, 0, NONCE)
    assert head.manifest == root_of(made, "model").hex()
    assert head.run == (made / "honest").resolve().name
    assert head.to_bytes() == (made / "honest/head").read_bytes()
    request = audit.Request.read(made / "honest.request")
    assert request.digest == head.request
    again = audit.Request.of(request.prompt_token_ids, request.output_token_ids, nonce=NONCE)
    assert again.to_bytes() == request.to_bytes()

    provider, record = made / "provider.key.pub", tmp_path / "drawn"
    (key,) = audit.enroll(made / "model", tmp_path / "mine", vectors=4, manifest=head.manifest)
    drawn = audit.challenge(head, provider, record, risk=0.3, share=0.4, key=key)
    assert len(drawn.steps) == 3  # 0.6^3 = 0.22, 0.6^2 = 0.36
    assert len(drawn.attention) == 6
    assert drawn.miss_bound(0.4) == pytest.approx(0.6**3)
    assert drawn.head == head.digest
    assert audit.Challenge.from_bytes(drawn.to_bytes()).digest == drawn.digest
    with pytest.raises(InputError, match="drawn") as refused:
        audit.challenge(head, provider, record, tokens=1)
    assert refused.value.code == "mismatch"

    openings = audit.open_run(made / "honest", drawn)
    drawn.write(tmp_path / "challenge")
    done(made, "audit open --run honest --challenge", tmp_path / "challenge", "--out", "mine.open")
    assert openings.to_bytes() == (made / "mine.open").read_bytes()
    read = audit.Openings.from_bytes(openings.to_bytes())
    assert (read.challenge, read.rows) == (drawn.digest, openings.rows)
    assert set(drawn.steps) <= set(read.steps)
    assert audit.check(head, request, drawn, read, provider, key=key, record=record)
    assert not audit.check(head, request, drawn, None, provider, key=key, record=record)
    assert audit.tally(record, provider) == (0, 1, 0, 1), "the last outcome of the one challenge"
    for refused_by in ({}, {"weights": made / "model", "key": key}):
        with pytest.raises(InputError, match="one of weights and key"):
            audit.check(head, request, drawn, read, provider, **refused_by)


def test_blocks_are_drawn_where_attention_is_checked(made: Path, tmp_path: Path) -> None:
    line = "audit challenge --head {}/head --provider provider.key.pub --tokens 2 --record"
    out = ["--out", tmp_path / "challenge"]
    other, honest = line.format("other"), line.format("honest")
    blind = report(made, other, tmp_path / "a", *out)
    assert blind["attention"] == 4
    assert "not known without --weights or --key" in blind["attention_note"]
    told = report(made, other, tmp_path / "b", *out, "--weights", "neox")
    assert told["attention"] == 0
    assert told["attention_note"].startswith("no block drawn: products alone are checked: ")
    by_key = report(made, honest, tmp_path / "c", *out, "--key", "key.1")
    assert (by_key["attention"], by_key["attention_note"]) == (4, "4 blocks drawn")
    # Before anything is drawn: what is kept for a head is kept once.
    refused = run(made, honest, tmp_path / "d", *out, "--weights", "neox")
    assert (refused.returncode, "it is of the weights" in refused.stderr) == (FAILED, True)
    assert not (tmp_path / "d").exists()
    head = audit.Head.read(made / "other/head")
    provider = made / "provider.key.pub"
    drawn = audit.challenge(head, provider, tmp_path / "e", tokens=2, weights=made / "neox")
    assert drawn.attention == []
    with pytest.raises(InputError, match="of the weights"):
        audit.challenge(head, provider, tmp_path / "f", tokens=2, weights=made / "model")


def test_what_cannot_be_read_or_made_is_refused(made: Path, tmp_path: Path) -> None:
    for kind in (audit.Head, audit.Request, audit.Challenge, audit.Openings):
        with pytest.raises(DecodeError):
            kind.from_bytes(b"assay")
        with pytest.raises(InputError) as unread:
            kind.read(tmp_path / "none")
        assert unread.value.code == "io"
    with pytest.raises(InputError, match="nonce"):
        audit.Request.of([1], [2], nonce=b"short")
    with pytest.raises(InputError, match="prompt_token_ids"):
        audit.Request.of([-1], [2])
    with pytest.raises(InputError):
        audit.Request.of([], [2])
    head = audit.Head.read(made / "honest/head")
    provider = made / "provider.key.pub"
    for numbers in ({}, {"tokens": 1, "risk": 0.1}, {"risk": 1.5}, {"risk": 0.1, "share": 0.0}):
        with pytest.raises(InputError):
            audit.challenge(head, provider, tmp_path / "drawn", **numbers)
    with pytest.raises(InputError, match="hexadecimal"):
        audit.enroll(made / "model", tmp_path / "key", manifest="x")
    with pytest.raises(InputError):
        audit.enroll(made / "model", tmp_path / "key", vectors=65)
    with pytest.raises(InputError, match="neither bfloat16"):
        audit.enroll(made / "model", tmp_path / "key", dtype="int8")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        audit.open_run(made / "honest", audit.Challenge.read(made / "cheat.challenge"))
