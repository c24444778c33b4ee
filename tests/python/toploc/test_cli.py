"""The command `assay toploc` where it runs models, in this process on small models."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from assay import InputError, toploc
from assay.models import Engine, final_norm, load
from assay.toploc import ProofFile, Signature
from assay.toploc.chunks import Parameters
from toploc_signatures import VALIDATE, honest

DONE, REJECTED, FAILED, INCONCLUSIVE = 0, 1, 2, 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("generate --model_name one --tp 2 --dataset_name prompts.txt", "needs an engine"),
        ("generate --model_name one --dataset_name stingning/ultrachat", "not fetched from a hub"),
        ("generate --model_name none/at-all/here --dataset_name prompts.txt", "no such folder"),
        ("generate --model_name one --dataset_name prompts.txt --attn flash", "attention flash"),
        (VALIDATE + "--validate_model_name one --tp 4", "needs an engine"),
        (VALIDATE + "--validate_model_name one --save_dir none", "no such"),
        (
            VALIDATE.replace("n_samples 3", "n_samples 7") + "--validate_model_name one",
            "prompts.txt: 6 prompts, fewer than --n_samples 7",
        ),
        (
            VALIDATE + "--validate_model_name one --min_decode_tokens 41",
            "--min_decode_tokens: is 41, more than --max_decode_tokens 40",
        ),
        (
            "generate --model_name one --dataset_name prompts.txt --max_decode_tokens 5 "
            "--min_decode_tokens 6",
            "--min_decode_tokens: is 6, more than --max_decode_tokens 5",
        ),
        ("verify --model one --tokens none.json", "none.json"),
        ("verify --model one --tokens none.json --topk 0", "topk: 0 is not in 1 to 4096"),
        ("verify --model one --tokens none.json --prefill-rows -1", "prefill_rows: -1 is out of"),
        ("verify --model one --tokens prompts.txt", "not JSON"),
        ("calibrate --model one --out x --n-prompts 201", "1 to 200"),
        ("calibrate --model one --out x --n-prompts 3 --prompts prompts.txt", "at least 4"),
        # What is told before a model is looked for.
        ("calibrate --model smollm2 --out none/x", "none: no such folder"),
        ("calibrate --model smollm2 --out one", "one: is a folder"),
        ("calibrate --model smollm2 --out x --topk 0", "1 to 4096"),
        (
            "calibrate --model smollm2 --out x --max-new-tokens 8 --min-new-tokens 9",
            "--min-new-tokens: is 9, more than --max-new-tokens 8",
        ),
        (
            "calibrate --model smollm2 --out x --provider-engine vllm --verifier-engine vllm",
            "one of them has to be transformers",
        ),
        (
            "generate --model_name smollm2 --dataset_name prompts.txt --save_dir prompts.txt",
            "prompts.txt: is not a folder",
        ),
        (
            "generate --model_name smollm2 --dataset_name prompts.txt --save_dir prompts.txt/a",
            "prompts.txt/a: Not a directory",
        ),
        # As many as it has positions for: 5 and 59.
        (
            "generate --model_name short --dataset_name prompts.txt --max_decode_tokens 60 "
            "--save_dir long",
            "65 of prompt and answer together; the model has positions for 64",
        ),
    ],
)
def test_what_cannot_be_done(run: Any, line: str, reason: str) -> None:
    code, out, err = run(line)
    assert (code, out) == (FAILED, "")
    assert reason in err
    assert err.count("\n") == 1
    assert err.startswith(f"assay toploc {line.split()[0]}: ")


@pytest.mark.parametrize(
    "line",
    [
        "generate --model_name one --dataset_name prompts.txt --max_decode_tokens 0",
        "generate --model_name one --dataset_name prompts.txt --n_samples 0",
        VALIDATE.replace("n_samples 3", "n_samples 0") + "--validate_model_name one",
        VALIDATE.replace("tokens 40", "tokens -1") + "--validate_model_name one",
        VALIDATE + "--validate_model_name one --min_decode_tokens 0",
        "validate --decode_model_name one --validate_model_name one",  # to which prompts?
        "verify --model one --tokens x --max-tokens 0",
        "calibrate --model one --out x --n-prompts 0",
        "calibrate --model one --out x --max-new-tokens 0",
        "calibrate --model one --out x --margin 0.99",
        "calibrate --model one --out x --margin inf",
        "calibrate --model one --out x --margin nan",
        "calibrate --model one --out x --margin wide",
        "demo --max-new-tokens 31",
    ],
)
def test_numbers_that_mean_nothing(run: Any, line: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(line)
    assert ended.value.code == FAILED


def test_what_nobody_foresaw_is_no_verdict(
    run: Any, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise IndexError("index out of range in self")

    monkeypatch.setattr("assay.toploc.model_checks.recompute", broken)
    code, out, err = run("verify --model one --tokens", signed / "one_0000.json")
    assert (code, out, err.count("\n")) == (FAILED, "", 1)
    assert err.startswith("assay toploc verify: unexpected IndexError at test_cli.py:")


@pytest.mark.parametrize("margin", [0.99, 0.0, float("inf"), float("nan")])
def test_calibrating_begins_with_the_arguments(margin: float) -> None:
    model: Any = None  # is not looked at
    with pytest.raises(InputError, match="margin"):
        toploc.calibrate(model, [[1]] * 4, name="none", margin=margin)


def test_verify(run: Any, signed: Path) -> None:
    tokens = signed / "one_0000.json"
    code, out, _ = run("verify --model one --tokens", tokens)
    assert code == DONE
    assert out.splitlines()[:2] == ["40 tokens of one, 2 proofs, bounds 'published'", "accepted"]
    code, out, _ = run("verify --model one --json --attn eager --dtype float32 --tokens", tokens)
    report = json.loads(out)
    assert (code, report["verdict"], report["step"]) == (DONE, "accepted", None)
    assert (report["tokens"], report["proofs"], len(report["chunks"])) == (40, 2, 2)
    assert report["figures"]["points"] == {"value": 256}
    code, out, _ = run("verify --model other --tokens", tokens)
    assert code == REJECTED
    assert "\nrejected at step " in out


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--topk 64", "topk is 128, 64 was asked for"),
        ("--decode-batching-size 16", "decode_batching_size is 32, 16 was asked for"),
        ("--prefill-rows 5", "prefill_rows is 0, 5 was asked for"),
        ("--merge-tail-below 9", "merge_tail_below is 0, 9 was asked for"),
        ("--merge-short-tails", "merge_tail_below is 0, 8 was asked for"),
        ("--ties lower-index", "ties is libstdc++, lower-index was asked for"),
    ],
)
def test_the_verifier_says_what_is_asked_for(
    run: Any, signed: Path, flags: str, reason: str
) -> None:
    # Before the model is looked for.
    line = f"verify --model none/at-all/here {flags} --json --tokens"
    code, out, _ = run(line, signed / "one_0000.json")
    report = json.loads(out)
    assert (code, report["step"], report["reason"]) == (REJECTED, "parameters", reason)
    assert report["chunks"] == []
    plain = run(line.replace("--json", ""), signed / "one_0000.json")[1].splitlines()
    assert plain[1:] == [f"rejected at step parameters: {reason}"]


def test_verify_with_a_file_of_proofs(run: Any, signed: Path, tmp_path: Path) -> None:
    signature = Signature.read(str(signed / "one_0000.json"))
    file = ProofFile(parameters=signature.parameters, rows=40, hidden=160, proofs=signature.proofs)
    file.write(str(tmp_path / "proofs"))
    tokens = Signature(
        prompt_token_ids=signature.prompt_token_ids, output_token_ids=signature.output_token_ids
    )
    tokens.write(str(tmp_path / "tokens.json"))
    line = ("verify --model one --tokens", tmp_path / "tokens.json")
    code, _, err = run(*line)
    assert code == FAILED
    assert "no proofs in it; give --proofs" in err
    assert run(*line, "--proofs", tmp_path / "proofs")[0] == DONE
    # They are of other rows, or of rows of another width, than the tokens.
    for rows, hidden, reason in (
        (39, 160, "39 rows, the states are 40"),
        (40, 161, "rows of 161 values, the states are of 160"),
    ):
        other = ProofFile(
            parameters=signature.parameters, rows=rows, hidden=hidden, proofs=signature.proofs
        )
        other.write(str(tmp_path / "other"))
        code, out, _ = run(*line, "--proofs", tmp_path / "other")
        assert (code, "\nrejected at step shape: " in out) == (REJECTED, True)
        assert reason in out


BATCHINGS = {
    "lower-index": ({"lower_index_first": True}, "--ties lower-index"),
    "a prompt": ({"prefill_rows": 5}, "--prefill-rows 5"),
    "a part of the prompt": ({"prefill_rows": 3}, "--prefill-rows 3"),
    "tails of 9": ({"merge_tail_below": 9}, "--merge-tail-below 9"),
    "tails of 8": ({"merge_tail_below": 8}, "--merge-short-tails"),
    "all": (
        {"topk": 100, "decode_batching_size": 16, "prefill_rows": 5, "merge_tail_below": 9,
         "lower_index_first": True},
        "--topk 100 --decode-batching-size 16 --prefill-rows 5 --merge-tail-below 9",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "flags"), BATCHINGS.values(), ids=BATCHINGS)
def test_any_batching_that_can_be_built_is_judged(
    run: Any, signed: Path, tmp_path: Path, options: dict[str, Any], flags: str
) -> None:
    parameters = Parameters(**options)
    made = honest(signed / "one_0000.json", parameters)
    _, rows = parameters.rows_of_answer(5, 40)
    file = ProofFile(parameters=parameters, rows=rows, hidden=160, proofs=made.proofs)
    file.write(str(tmp_path / "proofs"))
    made.write(str(tmp_path / "signature"))
    tokens = signed / "one_0000.json"
    for line in (
        ("verify --model one --json --tokens", tokens, "--proofs", tmp_path / "proofs"),
        ("verify --model one --json --tokens", tmp_path / "signature"),
    ):
        code, out, _ = run(*line, *flags.split())
        report = json.loads(out)
        assert (code, report["verdict"]) == (DONE, "accepted"), report["reason"]
        assert len(report["chunks"]) == len(made.proofs)
        assert all(chunk["exponent_mismatches"] == 0 for chunk in report["chunks"])


def test_verify_with_states_of_an_engine(run: Any, signed: Path, tmp_path: Path) -> None:
    signature = Signature.read(str(signed / "one_0000.json"))
    model, *_ = load("one", Engine())
    seen: list[torch.Tensor] = []
    final_norm(model).register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    seen.clear()
    toploc.recompute(model, signature.prompt_token_ids, signature.output_token_ids)
    fed = torch.tensor([*signature.prompt_token_ids, *signature.output_token_ids[:-1]])
    path = tmp_path / "request.safetensors"
    save_file({"hidden_states": seen[-1][0][:, None].contiguous(), "token_ids": fed}, path)
    tokens = signed / "one_0000.json"
    line = ("verify --model one --tokens", tokens, "--hidden-states", path)
    assert run(*line)[0] == DONE
    fields = {**json.loads(toploc.Profile.published().to_json()), "kernel": "sdpa"}
    (tmp_path / "sdpa.profile").write_text(json.dumps(fields))
    code, out, _ = run(*line, "--profile", tmp_path / "sdpa.profile")
    assert code == DONE
    assert "of attention 'sdpa', here it is 'vLLM'" in out
    # The last layer of the model need not be the last of the file.
    last = seen[-1][0][:, None]
    layers = torch.cat([last / 2, last, last.flip(0)], 1).contiguous()
    save_file({"hidden_states": layers, "token_ids": fed}, path)
    code, _, err = run(*line)
    assert (code, "rows of another request" in err) == (FAILED, True)
    assert run(*line, "--layer", "1")[0] == run(*line, "--layer", "-2")[0] == DONE
    code, _, err = run(*line, "--layer", "3")
    assert (code, "layer: 3; the file has 3" in err) == (FAILED, True)
    code, _, err = run(*line[:2], "--layer", "1")
    assert (code, "layer: is one of --hidden-states" in err) == (FAILED, True)
    # The engine may have run on.
    longer = torch.cat([seen[-1][0], seen[-1][0][:1]])[:, None].contiguous()
    save_file({"hidden_states": longer, "token_ids": torch.cat([fed, fed[:1]])}, path)
    assert run(*line)[0] == DONE
    # Other tokens, be it one of the prompt's, of the answer's, or the last that was fed.
    for place in (0, 5, len(fed) - 1):
        other = fed.clone()
        other[place] = (other[place] + 1) % 40
        save_file({"hidden_states": seen[-1][0][:, None].contiguous(), "token_ids": other}, path)
        code, _, err = run(*line)
        assert (code, "other tokens" in err) == (FAILED, True)


def test_calibrate_and_judge_by_it(run: Any, signed: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.profile"
    code, out, err = run(
        "calibrate --model one --prompts prompts.jsonl --n-prompts 4 --max-new-tokens 33 "
        "--batch-sizes 1,3 --provider-dtypes bfloat16,float32 --attentions sdpa --out",
        path,
    )
    assert code == DONE
    assert "4 of 4 runs" in err
    assert "of 2 prompts that the bounds had not seen" in out
    profile = toploc.Profile.load(str(path))
    assert (profile.model, profile.honest_sequences) == ("one", 2)
    assert profile.false_alarm_bound is not None
    assert profile.fingerprint_distance is not None
    tokens = signed / "one_0001.json"
    promise, note = "rejected with probability", "its false-alarm rate was not measured for this"
    code, out, _ = run("verify --model one --tokens", tokens, "--profile", path)
    assert (code, promise in out, note in out) == (DONE, True, False)
    code, out, _ = run("verify --model one --attn eager --tokens", tokens, "--profile", path)
    assert (code, promise in out, note in out) == (DONE, False, True)
    assert "of attention 'sdpa', here it is 'eager'" in out
    code, out, _ = run("verify --model other --tokens", tokens, "--profile", path)
    assert (code, promise in out, note in out) == (REJECTED, False, True)
    assert "of model 'one', here it is 'other'" in out
    fields = {**json.loads(path.read_text()), "decode_batching_size": 16}
    (tmp_path / "16.profile").write_text(json.dumps(fields))
    line = ("verify --model one --tokens", tokens, "--profile", tmp_path / "16.profile")
    code, out, _ = run(*line)
    assert code == INCONCLUSIVE
    assert "inconclusive at step profile: " in out
    code, out, _ = run(
        "calibrate --model one --prompts prompts.txt --n-prompts 4 --max-new-tokens 4 --json "
        "--batch-sizes 2 --attentions sdpa --quiet --out",
        path,
    )
    assert code == DONE
    assert json.loads(out)["held_out"] == 2


@pytest.mark.parametrize("words", ["--batch-sizes 0", "--batch-sizes x", "--attentions fast"])
def test_words_that_calibrate_does_not_know(run: Any, words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(f"calibrate --model one --out x {words}")
    assert ended.value.code == FAILED


def test_the_demonstration(run: Any) -> None:
    prompt = " ".join(f"w{i}" for i in range(9))
    code, out, err = run("demo --model one --max-new-tokens 40 --prompt", prompt)
    assert code == DONE, err + out
    assert "accepted by the bounds 'published'" in out
    rows = [line for line in out.splitlines() if "rejected at: " in line]
    assert len(rows) >= 5
    assert any("no model" in row for row in rows)
