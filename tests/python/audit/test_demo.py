"""`assay audit demo`: its two sides, and the cheats that it lets providers try."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_models
from assay import InputError, parties
from assay.audit import demo
from assay.audit.cheats import BEHAVIOURS, Behaviour, without_attention
from assay.audit.cli import main
from assay_program import DONE, FAILED, REJECTED
from audit_runs import make_model

# Of 12 tokens all are drawn, so that what comes of it is no matter of luck.
LINE = ["demo", "--model", "tiny", "--max-new-tokens", "12", "--risk", "0.3", "--prompt"]
PROMPT = " ".join(f"w{i}" for i in (3, 17, 29, 5, 11, 8))


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_model("llama", torch.bfloat16, tmp_path / "tiny")
    tiny_models.tokenizer().save_pretrained(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_honest_answer_is_accepted_and_each_cheat_found_at_its_step(
    tiny: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main([*LINE, PROMPT])
    out, err = capfd.readouterr()
    assert code == DONE, err + out
    assert re.search(r"^   key +[\d.]+ KB, 8 secret vectors for each of 22 layers", out, re.M)
    assert "drawn     12 of 12 tokens, and 24 blocks" in out
    verdicts = re.findall(r"^   verdict +accepted by (the key|all weights), in ", out, re.M)
    assert verdicts == ["the key", "all weights"]
    steps = re.findall(r"rejected at: (\w+)", out)
    assert steps == [one.step for one in BEHAVIOURS if one.step]
    assert steps == ["product", "chain", "attention", "drops", "token"]
    assert "NOT AS EXPECTED" not in out
    assert "What it does not show" in out
    assert sorted(path.name for path in tiny.iterdir()) == ["tiny"], "nothing is left behind"


def told(verdict: dict[str, Any], behaviour: Behaviour) -> int:
    """What the story ends with after this verdict on a behaviour."""
    story = demo._Story(Path(), demo_options(), demo.Bar.on_stderr("x", quiet=True))
    story._told = 1 + BEHAVIOURS.index(behaviour)
    story._tell_cheat({"by_key": verdict})
    return story.end()


def demo_options() -> Any:
    return type("Options", (), {"model": "tiny", "prompt": "w1"})()


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ({"verdict": "rejected", "step": "chain", "reason": "x"}, DONE),
        ({"verdict": "rejected", "step": "product", "reason": "x"}, REJECTED),
        ({"verdict": "accepted", "step": None, "reason": None}, REJECTED),
        ({"verdict": "inconclusive", "step": "drops", "reason": "x"}, REJECTED),
    ],
)
def test_a_cheat_that_passes_or_is_found_elsewhere_is_said(
    verdict: dict[str, Any], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    behaviour = next(one for one in BEHAVIOURS if one.step == "chain")
    assert told(verdict, behaviour) == code
    assert ("NOT AS EXPECTED" in capsys.readouterr().out) == (code == REJECTED)


def test_a_side_that_cannot_go_on_ends_both(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--model", "missing", "--prompt", PROMPT]) == FAILED
    out, err = capfd.readouterr()
    assert out == ""
    assert "missing" in err


def test_attention_is_left_out_for_a_while_and_then_as_before(tiny: Path) -> None:
    model = make_model("llama", torch.bfloat16, tiny / "again")
    ids = torch.tensor([[3, 17, 29, 3]])
    with torch.no_grad():
        before = model(ids).logits
        with without_attention(model):
            alone = model(ids).logits
        assert torch.equal(model(ids).logits, before)
    # The rows of a token are the same wherever it stands.
    assert torch.equal(alone[0, 0], alone[0, 3])
    assert not torch.equal(before[0, 0], before[0, 3])
    fused = make_model("gpt2", torch.bfloat16, tiny / "fused")
    with pytest.raises(InputError, match="no layer for v alone"), without_attention(fused):
        pass


def test_a_party_waits_for_what_the_other_sends(tmp_path: Path) -> None:
    for name in ("one", "exchange"):
        (tmp_path / name).mkdir()
    party = parties.Party("one", tmp_path)
    (tmp_path / "one/sent").write_text("x")
    party.send(tmp_path / "one/sent", "bytes of it")
    assert party.report["bytes"] == {"bytes of it": 1}
    (tmp_path / "one/sent").unlink()
    assert party.receive("sent").read_text() == "x"
    (tmp_path / "exchange/given-up").touch()
    with pytest.raises(parties.Error, match="gave up before it sent more"):
        party.receive("more")
