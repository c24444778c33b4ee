"""`assay audit calibrate`: profiles of honest runs, and verdicts by them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_models
from assay import InputError, _core, audit, models, weights
from assay.audit.calibrating import honest_runs
from assay.audit.cli import main
from assay_program import DONE, FAILED, REJECTED, done, refused, report
from audit_cheats import changed, integers, llama

PROMPTS = [[3, 17, 92, 5], [9, 4, 11], [50, 7], [8, 8, 1], [2, 61]]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_what_honest_runs_show() -> None:
    told: list[tuple[int, int]] = []
    found = audit.calibrate(
        llama(1),
        PROMPTS,
        name="mine",
        model_name="a/model",
        max_new_tokens=6,
        batch=2,
        on_count=lambda done, total: told.append((done, total)),
    )
    assert (found.learned, found.held_out, found.alarms, found.tokens) == (3, 2, 0, 30)
    assert told == [(count, 5) for count in range(1, 6)]
    profile = found.profile
    assert (profile.name, profile.model, profile.dtype) == ("mine", "a/model", "bfloat16")
    assert (profile.device, profile.kernel, profile.honest_runs) == ("cpu", "sdpa", 2)
    assert 0.9 < profile.variance_factor < 1.5
    assert profile.attention_error == 0.0055
    assert profile.false_alarm_bound == pytest.approx(1 - 0.05**0.5)


def test_rounding_that_the_formula_does_not_have_is_measured() -> None:
    """Inputs of each product are rounded to 8 bits of fraction on their way, as TF32 rounds."""
    model = llama(1).float()

    def rounded(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        bits = inputs[0].view(torch.int32)
        return (((bits + 0x1000) & ~0x1FFF).view(torch.float32),)

    for layer in model.model.layers:
        for module in layer.modules():
            if isinstance(module, torch.nn.Linear):
                own = module.forward
                module.forward = lambda x, own=own: own(rounded(None, (x,))[0])
    found = audit.calibrate(model, PROMPTS, name="rounded", max_new_tokens=4)
    assert found.profile.variance_factor > 1e4
    assert found.alarms == 0


def test_large_inputs_may_meet_large_weights(tmp_path: Path) -> None:
    """Sums in float32 then err by more than those of independent terms, as trained models show."""
    model = llama(1).float()
    with torch.no_grad():
        model.model.norm.weight[0] = 100
        model.lm_head.weight[:, 0] = 4 * model.lm_head.weight.std()
    found = audit.calibrate(model, PROMPTS, name="large", max_new_tokens=16)
    assert found.profile.variance_factor > 1.5 / 16
    assert found.alarms == 0
    factor = f'"variance_factor": {json.loads(found.profile.to_json())["variance_factor"]}'
    independent = found.profile.to_json().replace(factor, '"variance_factor": 0.0625')
    (tmp_path / "independent.profile").write_text(independent)
    narrow = audit.Profile.read(str(tmp_path / "independent.profile"))
    assert narrow.variance_factor == 1 / 16
    with honest_runs(model) as runs:
        by_key = runs.measurer(8)
        for run in runs.record(PROMPTS[:1], max_new_tokens=16, batch=1):
            assert runs.measure(run, by_key).outcome == "accepted"
            assert runs.measure(run, by_key, profile=narrow).outcome.startswith("rejected logits")


def test_what_is_no_calibration() -> None:
    for wrong in ({"margin": 0.5}, {"margin": float("nan")}):
        with pytest.raises(InputError, match="margin"):
            audit.calibrate(llama(1), PROMPTS, name="mine", max_new_tokens=2, **wrong)
    with pytest.raises(InputError, match="give at least 4"):
        audit.calibrate(llama(1), PROMPTS[:3], name="mine")


def test_the_verb_and_a_verdict_by_its_profile(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_models.folder(tmp_path, "tiny")
    line = "calibrate --model tiny --out mine.profile --n-prompts 4 --max-new-tokens 4 --json"
    assert main(line.split()) == DONE
    made = json.loads(capfd.readouterr().out)
    assert (made["learned"], made["held_out"], made["alarms"]) == (2, 2, 0)
    written = (tmp_path / "mine.profile").read_text()
    assert json.loads(written) == made["profile"]
    assert main([*line.replace(" --json", "").replace("mine", "other").split(), "--quiet"]) == DONE
    assert "times the formula's" in capfd.readouterr().out
    for wrong in ("--out none/profile", "--out tiny", "--out x --margin 0"):
        assert (
            main(["calibrate", "--model", "tiny", *wrong.split(), "--max-new-tokens", "2"])
            == FAILED
        )
        assert capfd.readouterr().err.count("\n") == 1
    assert not (tmp_path / "x").exists()

    head = run_of(tmp_path, saved(tmp_path))
    line = f"{head} --weights model"
    found = report(tmp_path, f"{line} --profile mine.profile")
    assert found["verdict"] == "accepted"
    digest = hashlib.sha256(written.encode()).hexdigest()
    title = f"the profile 'calibrated (mine.profile, SHA-256 {digest})'"
    assert any(title in said for said in found["assumptions"])
    assert not any("profile" in said for said in report(tmp_path, line)["assumptions"])

    for name, text, why in (
        ("wide", written.replace('"variance_factor": ', '"variance_factor": 4'), "might pass"),
        ("f32", written.replace("bfloat16", "float32"), "the model computes in bfloat16"),
        ("free", written.replace("\n  ", "\n"), "not laid out"),
    ):
        (tmp_path / name).write_text(text)
        assert why in refused(tmp_path, f"{line} --profile {name}")
    assert "none" in refused(tmp_path, f"{line} --profile none")


def saved(where: Path) -> Any:
    model = llama(1)
    model.save_pretrained(where / "model")
    return model


def run_of(where: Path, model: Any, manifest: str | None = None) -> str:
    """A run of the model, challenged and opened; the line that checks it, but for the reference."""
    with audit.streaming_audit(model, where / "log", manifest=manifest) as recorded:
        models.generate(model, PROMPTS[:1], models.settings_for(model, 6))
    (run,) = recorded.runs
    text = _core.audit_request_text(bytes(32), run.prompt, run.output, "greedy")
    (where / "request").write_text(text)
    head = f"--head {run.folder}/head --provider log/provider.key.pub"
    done(where, f"audit challenge {head} --record drawn --out all --tokens 6")
    done(where, f"audit open --run {run.folder} --challenge all --out openings")
    return f"audit check {head} --request request --challenge all --openings openings"


def widest_profile(dtype: str, **bounds: float) -> str:
    """With bounds just below those that are refused for any model, unless they are given."""
    fields = {
        "format": "assay/audit/profile/v1",
        "name": "widest",
        "model": "",
        "dtype": dtype,
        "device": "",
        "kernel": "",
        "variance_factor": 11.0,
        "differing_share": 0.099,
        "attention_error": 0.0199,
        "false_alarm_bound": None,
        "honest_runs": 0,
    }
    return json.dumps({**fields, **bounds}, indent=2) + "\n"


def test_no_profile_lets_four_bits_pass(tmp_path: Path) -> None:
    model = saved(tmp_path)
    promised = weights.manifest(tmp_path / "model").root
    line = run_of(tmp_path, changed(model, integers(4, 128)), promised)
    (tmp_path / "widest").write_text(widest_profile("bfloat16"))
    found = report(tmp_path, f"{line} --weights model --profile widest", code=REJECTED)
    assert found["step"] == "product"


def test_no_profile_of_longer_rows_lets_eight_bits_pass(tmp_path: Path) -> None:
    """A provider may offer a profile of its own. What it may hide depends on the model's layers."""
    model = llama(1).float()
    model.save_pretrained(tmp_path / "model")
    done(tmp_path, "audit enroll --weights model --dtype float32 --out key")
    promised = weights.manifest(tmp_path / "model").root
    line = run_of(tmp_path, changed(model, integers(8)), promised)
    for reference in ("--weights model --dtype float32", "--key key.0"):
        for factor, why in ((2.7e9, "in a layer of 512 inputs"), (2.9e9, "below 2.794e+09")):
            (tmp_path / "widest").write_text(widest_profile("float32", variance_factor=factor))
            assert why in refused(tmp_path, f"{line} {reference} --profile widest")
        (tmp_path / "widest").write_text(widest_profile("float32", variance_factor=5.79e6))
        found = report(tmp_path, f"{line} {reference} --profile widest", code=REJECTED)
        assert found["step"] == "product"
