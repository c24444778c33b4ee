"""Runs that record some blocks alone: accepted where that was agreed on, and nowhere else."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_models
from assay import InputError, audit, models
from assay.audit.cli import main
from assay_program import DONE, FAILED, REJECTED, done, report, run
from audit_runs import make_model

PROMPT = [3, 17, 92, 5]


@pytest.fixture
def recorded(tmp_path: Path) -> dict[str, Any]:
    """A run of blocks 0 and 2 of three, and its files."""
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    settings = models.settings_for(model, max_new_tokens=5)
    plain = models.generate(model, [PROMPT], settings)
    with audit.streaming_audit(model, tmp_path / "log", layers="1/2") as found:
        assert models.generate(model, [PROMPT], settings) == plain
    assert (found.problems, found.drops) == ([], 0)
    (one,) = found.runs
    text = {
        "format": "assay/audit/request/v1",
        "nonce": "00" * 32,
        "sampling": "greedy",
        "prompt_token_ids": one.prompt,
        "output_token_ids": one.output,
    }
    line = json.dumps(text, separators=(",", ":")) + "\n"
    (tmp_path / "request").write_text(line, encoding="utf-8")
    return {"folder": one.folder, "rows": found.rows, "model": model}


def check(where: Path, folder: Path, layers: str, code: int) -> dict[str, Any]:
    head = f"--head {folder / 'head'} --provider log/provider.key.pub"
    line = f"audit check {head} --request request --challenge drawn-{layers.replace('/', '-')}"
    return report(where, f"{line} --openings openings --weights model --layers {layers}", code=code)


def draw(where: Path, folder: Path, layers: str, blocks: int = 2) -> None:
    head = f"--head {folder / 'head'} --provider log/provider.key.pub"
    out = f"drawn-{layers.replace('/', '-')}"
    drawn = f"--tokens 5 --attention-blocks {blocks} --record record-{out} --out {out}"
    done(where, f"audit challenge {head} {drawn} --layers {layers}")
    (where / "openings").unlink(missing_ok=True)
    done(where, f"audit open --run {folder} --challenge {out} --out openings")


def test_they_are_accepted_where_they_were_agreed_on(
    tmp_path: Path, recorded: dict[str, Any]
) -> None:
    for layers in ("1/2", "0,2"):
        draw(tmp_path, recorded["folder"], layers)
        found = check(tmp_path, recorded["folder"], layers, DONE)
        assert found["verdict"] == "accepted"
        figures = {name: one["value"] for name, one in found["figures"].items()}
        assert (figures["layers"], figures["layers recorded"]) == (22, 15)
        # Five of the eight rows of prompt and answer.
        assert figures["share of products"] == pytest.approx(5 / 8 * 15 / 22)
        assert figures["share of attention"] == pytest.approx(5 / 8 * 2 / 3)
        assert 5 / 8 * 2 / 3 < figures["share of multiply-adds"] < 5 / 8
        assert any("of 3 blocks 2 are recorded" in note for note in found["notes"])
        grades = {one["step"]: one["grade"] for one in found["checks"]}
        assert grades["chain"] == grades["attention"] == grades["token"] == "recomputed"


def test_they_are_rejected_where_all_or_others_were_agreed_on(
    tmp_path: Path, recorded: dict[str, Any]
) -> None:
    draw(tmp_path, recorded["folder"], "all")
    found = check(tmp_path, recorded["folder"], "all", REJECTED)
    assert (found["verdict"], found["step"]) == ("rejected", "head")
    assert "block 1" in found["reason"]
    # Of more blocks than the provider recorded, and of fewer.
    draw(tmp_path, recorded["folder"], "0-2")
    assert check(tmp_path, recorded["folder"], "0-2", REJECTED)["step"] == "head"
    (tmp_path / "drawn-2").write_bytes((tmp_path / "drawn-all").read_bytes())
    found = run(tmp_path, f"audit check --head {recorded['folder']}/head --provider "
                "log/provider.key.pub --request request --challenge drawn-2 --no-answer "
                "--weights model --layers 2")  # fmt: skip
    assert found.returncode == REJECTED


def test_a_choice_that_is_none(tmp_path: Path, recorded: dict[str, Any]) -> None:
    head = f"--head {recorded['folder']}/head --provider log/provider.key.pub"
    drawn = "--tokens 1 --record record --out drawn"
    for layers, reason in [("2/8", "neither 'all'"), ("2,1", "do not ascend")]:
        failed = run(tmp_path, f"audit challenge {head} {drawn} --layers {layers}")
        assert failed.returncode == FAILED
        assert reason in failed.stderr
    failed = run(tmp_path, f"audit challenge {head} {drawn} --layers 0")
    assert failed.returncode == FAILED
    assert "rows of block 2" in failed.stderr
    model = recorded["model"]
    for wrong in ("1/0", "0,3", [7], [-1], []):
        with (
            pytest.raises(InputError),
            audit.streaming_audit(model, tmp_path / "other", layers=wrong),
        ):
            pass
    assert not (tmp_path / "other").exists()


def test_fewer_rows_are_kept(tmp_path: Path, recorded: dict[str, Any]) -> None:
    model = recorded["model"]
    settings = models.settings_for(model, max_new_tokens=5)
    with audit.streaming_audit(model, tmp_path / "other", layers=[2, 0]) as same:
        models.generate(model, [PROMPT], settings)
    assert same.rows == recorded["rows"]
    with audit.streaming_audit(model, tmp_path / "whole") as whole:
        models.generate(model, [PROMPT], settings)
    # Of block 1 eleven wires are missing, k and v of eight positions and nine others of five. The
    # residual rows that enter and leave it are those of its neighbours.
    assert whole.rows - same.rows == 2 * 8 + 9 * 5


def test_the_verb(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_models.folder(tmp_path, "tiny")
    line = "run --model tiny --prompt w3 --output log --max-new-tokens 3 --json --quiet"
    assert main([*line.split(), "--layers", "1"]) == DONE
    made = json.loads(capfd.readouterr().out)
    assert (made["drops"], made["problems"]) == (0, [])
    assert main([*line.split(), "--layers", "9"]) == FAILED
    assert "block 9 of a model of 3" in capfd.readouterr().err
