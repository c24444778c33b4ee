"""`streaming_audit(model, sink)`: what it records is what `assay audit check` accepts."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, StoppingCriteria, StoppingCriteriaList

import audit_packets
import tiny_models
from assay import InputError, _core, audit, models, toploc, weights
from assay.audit.cli import main
from assay.audit.recording import Run
from assay.stopping import UNFINISHED
from assay_program import DONE, FAILED, REJECTED, done, report
from audit_runs import make_model

PROMPTS = [[3, 17, 92, 5, 64, 8, 31, 77, 2], [9, 4, 11], [50]]
NONCE = bytes(range(32))


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def generate(model: PreTrainedModel, prompts: list[list[int]] = PROMPTS, **options: Any) -> Tensor:
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    given = {"do_sample": False, "max_new_tokens": 6, "pad_token_id": 0, **options}
    result: Tensor = model.generate(ids, attention_mask=mask, **given)
    return result


def write_request(where: Path, run: Run, output: list[int] | None = None) -> None:
    text = _core.audit_request_text(NONCE, run.prompt, output or run.output, "greedy")
    (where / "request").write_text(text, encoding="utf-8")


def check(where: Path, run: Run, dtype: torch.dtype, code: int = DONE) -> dict[str, Any]:
    """The verdict on all tokens and blocks of a run, against the weights in `where / "model"`."""
    key = "--provider log/provider.key.pub"
    for name in ("all", "openings"):
        (where / name).unlink(missing_ok=True)
    head = f"--head {run.folder / 'head'} {key}"
    # A record of its own for each: runs of one nonce are what a record refuses.
    drawn = f"--record drawn-{run.folder.name}-{code}"
    tokens = f"--tokens {len(run.output)} --attention-blocks 3"
    done(where, f"audit challenge {head} {drawn} --out all {tokens}")
    done(where, f"audit open --run {run.folder} --challenge all --out openings")
    name = str(dtype).removeprefix("torch.")
    line = f"audit check {head} --request request --challenge all --openings openings"
    return report(where, f"{line} --weights model --dtype {name}", code=code)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "gemma"])
def test_each_sequence_of_a_padded_batch_is_accepted(
    tmp_path: Path, family: str, dtype: torch.dtype
) -> None:
    model = make_model(family, dtype, tmp_path / "model")
    plain = generate(model)
    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as recorded:
        assert torch.equal(generate(model), plain)
    assert recorded.problems == []
    assert recorded.drops == 0
    assert [run.prompt for run in recorded.runs] == PROMPTS
    outputs = plain[:, len(PROMPTS[0]) :].tolist()
    assert [run.output for run in recorded.runs] == outputs
    for run in recorded.runs:
        write_request(tmp_path, run)
        found = check(tmp_path, run, dtype)
        assert found["verdict"] == "accepted", found
        grades = {one["step"]: one["grade"] for one in found["checks"]}
        assert grades["chain"] == grades["attention"] == grades["token"] == "recomputed"


def test_of_a_family_whose_chain_is_not_known_the_products_are_checked(tmp_path: Path) -> None:
    model = make_model("gpt_neox", torch.bfloat16, tmp_path / "model")
    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as recorded:
        generate(model, PROMPTS[:1])
    (run,) = recorded.runs
    write_request(tmp_path, run)
    found = check(tmp_path, run, torch.bfloat16)
    assert found["verdict"] == "accepted"
    assert found["figures"]["products opened"]["value"] >= 6 * (4 * 3 + 1)
    assert any(note.startswith("products alone are checked") for note in found["notes"])


def test_sequences_that_end_before_others(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    end = int(generate(model)[1, len(PROMPTS[0]) + 2])
    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as recorded:
        generate(model, eos_token_id=end)
    assert (recorded.problems, recorded.drops) == ([], 0)
    lengths = sorted(len(run.output) for run in recorded.runs)
    assert lengths[0] < lengths[-1]
    for run in recorded.runs:
        write_request(tmp_path, run)
        assert check(tmp_path, run, torch.bfloat16)["verdict"] == "accepted"


def test_another_answer_and_other_weights_are_rejected(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    with torch.no_grad():
        root = weights.manifest(model).root
        model.model.layers[1].mlp.up_proj.weight.mul_(1.05)
    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE, manifest=root) as recorded:
        generate(model, PROMPTS[:1])
    (run,) = recorded.runs
    write_request(tmp_path, run)
    found = check(tmp_path, run, torch.bfloat16, REJECTED)
    assert (found["verdict"], found["step"]) == ("rejected", "product")


def test_outputs_and_random_numbers_are_the_same_bits_beside_others(tmp_path: Path) -> None:
    """With a watch, a keeper, samples and another recording at once."""
    model = make_model("llama", torch.bfloat16, tmp_path / "model")

    def run() -> tuple[Any, ...]:
        torch.manual_seed(4)
        keeper = models.Keeper(models.residual(0), models.linear_output("lm_head"))
        with toploc.watch(model, chunk=4, k=8) as watched, models.observe(model, keeper):
            tokens = generate(model, do_sample=True)
        rows = [piece.tolist() for kept in keeper.sequences for piece in kept.rows]
        return tokens.tolist(), watched.proofs, rows, torch.get_rng_state().tolist()

    plain = run()
    with (
        audit_packets.keeping() as kept,
        audit.streaming_audit(port=kept.port) as samples,
        audit.streaming_audit(model, tmp_path / "outer", nonce=NONCE) as outer,
        audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as inner,
    ):
        audited = run()
    assert audited == plain
    assert samples.sampled > 0
    assert [run.output for run in inner.runs] == [run.output for run in outer.runs]
    assert outer.rows == inner.rows
    assert len(inner.runs) == 3
    # Drawn tokens are not the argmax; what the layers computed is still what they were to compute.
    write_request(tmp_path, inner.runs[0])
    assert not model._forward_pre_hooks


def test_exceptions_leave_no_head_and_the_rest_whole(tmp_path: Path) -> None:
    model = make_model("gpt2", torch.float32, tmp_path / "model")

    class Stop(models.Keeper):
        def rows(self, tap: int, rows: Any) -> None:
            raise ValueError("stop")

    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as recorded:
        with (
            pytest.raises(ValueError, match="stop"),
            models.observe(model, Stop(models.residual(1))),
        ):
            generate(model)
        generate(model, PROMPTS[:1])
    with (
        pytest.raises(ValueError, match="of the caller"),
        audit.streaming_audit(model, tmp_path / "log", nonce=NONCE),
    ):
        raise ValueError("of the caller")
    (run,) = recorded.runs
    write_request(tmp_path, run)
    assert check(tmp_path, run, torch.float32)["verdict"] == "accepted"
    assert [one.parent for one in (tmp_path / "log").glob("*/rows")] == [run.folder]


def test_what_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    model = make_model("llama", torch.float32, tmp_path / "model")
    folders: set[Path] = set()

    class Stop(StoppingCriteria):
        def __call__(self, ids: torch.Tensor, scores: object, **_: object) -> bool:
            folders.update(one.parent for one in (tmp_path / "log").glob("*/rows"))
            assert folders <= UNFINISHED
            raise KeyboardInterrupt

    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as recorded:
        with pytest.raises(KeyboardInterrupt):
            generate(model, stopping_criteria=StoppingCriteriaList([Stop()]))
        assert len(folders) == 3
        deadline = time.monotonic() + 60
        while any(one.exists() for one in folders) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not any(one.exists() for one in folders), "not only once the recorder is closed"
        generate(model, PROMPTS[:1])
    assert [one.parent for one in (tmp_path / "log").glob("*/rows")] == [recorded.runs[0].folder]
    assert not folders & UNFINISHED
    assert recorded.runs[0].folder not in UNFINISHED


def test_what_goes_wrong_within_is_noted_and_not_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    plain = generate(model)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("in the recorder")

    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as recorded:
        monkeypatch.setattr(_core, "audit_request_digest", fail)
        assert torch.equal(generate(model), plain)
    assert recorded.runs == []
    assert recorded.problems == ["in the recorder"] * 3


def test_rows_that_find_no_room_are_drops(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    plain = generate(model)
    with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE, disk_bytes=20_000) as recorded:
        assert torch.equal(generate(model), plain)
    assert recorded.drops > 0
    assert recorded.problems
    assert len(recorded.runs) == 3


def test_threads_record_what_each_of_them_runs(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    found: dict[int, Any] = {}

    def work(number: int) -> None:
        with audit.streaming_audit(model, tmp_path / "log", nonce=NONCE) as recorded:
            generate(model, [PROMPTS[number]])
        found[number] = recorded

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, recorded in found.items():
        (run,) = recorded.runs
        assert run.prompt == PROMPTS[number]
        write_request(tmp_path, run)
        assert check(tmp_path, run, torch.bfloat16)["verdict"] == "accepted"
    assert len(found) == 3


def test_a_model_without_a_sink_is_refused(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    with pytest.raises(TypeError, match="a model and a sink"):
        audit.streaming_audit(model)  # type: ignore[call-overload]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError), audit.streaming_audit(model, tmp_path / "file"):
        pass
    model.train()
    with (
        pytest.raises(InputError, match="training"),
        audit.streaming_audit(model, tmp_path / "log"),
    ):
        generate(model)


def test_the_verbs_run_and_enroll(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_models.folder(tmp_path, "tiny")
    line = "run --model tiny --prompt w3:w4 --output log --max-new-tokens 5 --dtype float32 --json"
    arguments = [word.replace(":", " ") for word in line.split()]
    assert main([*arguments, "--nonce", NONCE.hex(), "--quiet"]) == DONE
    made = json.loads(capfd.readouterr().out)
    (run,) = made["runs"]
    assert (run["prompt_tokens"], run["output_tokens"]) == (2, 5)
    assert made["drops"] == 0
    line = "enroll --model tiny --dtype float32 --out key --folder model --vectors 4 --json"
    assert main(line.split()) == DONE
    capfd.readouterr()
    assert (tmp_path / "key.0").stat().st_mode & 0o777 == 0o600
    head = f"--head {run['folder']}/head --provider log/provider.key.pub"
    done(tmp_path, f"audit challenge {head} --record drawn --out all --tokens 5")
    done(tmp_path, f"audit open --run {run['folder']} --challenge all --out openings")
    line = f"audit check {head} --request {run['request']} --challenge all --openings openings"
    found = report(tmp_path, f"{line} --weights model --dtype float32")
    assert found["verdict"] == "accepted"
    assert report(tmp_path, f"{line} --key key.0")["verdict"] == "accepted"
    # Its tokens need not be those with the largest logits.
    assert main([*arguments, "--nonce", "00" * 32, "--quiet", "--min-new-tokens", "5"]) == DONE
    (held,) = json.loads(capfd.readouterr().out)["runs"]
    asked = json.loads(Path(held["request"]).read_text())
    assert asked["sampling"] == "greedy, no end within 5 tokens"
    for wrong in ("--prompt w3 --nonce 00", "--prompt w3 --nonce xy", "", "--prompt a --prompts b"):
        assert main(["run", "--model", "tiny", "--output", "other", *wrong.split()]) == FAILED
        assert capfd.readouterr().err.count("\n") == 1
