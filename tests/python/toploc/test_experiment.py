"""The published experiment, `assay toploc generate` and `validate`, on small models."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import tiny_models
from assay import InputError, toploc
from assay.models import Engine, load
from assay.toploc import Signature, experiment
from assay.toploc.chunks import Parameters
from toploc_signatures import OTHER_PARAMETERS, VALIDATE, behind, honest, replaced, written

DONE, REJECTED, FAILED, INCONCLUSIVE = 0, 1, 2, 3


def test_generate_keeps_a_signature_of_each_prompt(signed: Path, models: Path) -> None:
    paths = sorted(signed.iterdir())
    assert [path.name for path in paths] == ["one_0000.json", "one_0001.json", "one_0002.json"]
    signature = Signature.read(str(paths[1]))
    assert (signature.model, signature.dtype, signature.attention) == ("one", "bfloat16", "sdpa")
    assert signature.prompt == (models / "prompts.txt").read_text().splitlines()[1]
    assert len(signature.prompt_token_ids) == 5
    assert len(signature.output_token_ids) == 40
    assert [len(proof) for proof in signature.proofs] == [258, 258]
    assert Signature.decode(signature.encode(), "text") == signature
    assert signature.encode() == paths[1].read_bytes()


def test_validate_passes_what_the_same_model_made(run: Any, signed: Path) -> None:
    for attention in ("sdpa", "eager"):
        code, out, _ = run(
            VALIDATE + "--tp 1 --dtype bfloat16 "
            f"--validate_model_name one --attn {attention} --save_dir",
            signed,
        )
        assert code == DONE
        lines = out.splitlines()
        assert len(lines) == 3
        form = (
            r"VERIFICATION PASSED: Mantissa error mean: (\S+) below 10 and median: (\S+) below 8 "
            r"and exp intersections: (\d+) below 90"
        )
        for line in lines:
            found = re.fullmatch(form, line)
            assert found, line
            assert float(found[1]) < 10
            assert int(found[3]) > 90


def test_validate_fails_what_another_model_made(run: Any, signed: Path) -> None:
    code, out, err = run(VALIDATE + "--validate_model_name other --save_dir", signed)
    assert code == REJECTED
    failed = re.findall(
        r"^VERIFICATION FAILED: Mantissa error mean: \S+ above 10 or median: \S+ above 8 or exp "
        r"intersections: \d+ above 90$",
        out,
        re.MULTILINE,
    )
    assert len(failed) == 3
    assert "0 of 3 samples passed" in err


def test_validate_is_undecided_by_a_profile_of_another_k(
    run: Any, signed: Path, tmp_path: Path
) -> None:
    fields = {**json.loads(toploc.Profile.published().to_json()), "topk": 64}
    (tmp_path / "other.profile").write_text(json.dumps(fields))
    line = VALIDATE + f"--validate_model_name one --profile {tmp_path / 'other.profile'} --save_dir"
    code, out, _ = run(line, signed)
    assert code == INCONCLUSIVE
    lines = out.splitlines()
    assert len(lines) == 3
    assert all(text.startswith("VERIFICATION INCONCLUSIVE: profile: ") for text in lines)


def shown(path: Path) -> str:
    """How a profile of a file that calls itself like the built-in one is named."""
    return f"published ({path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()})"


def test_a_profile_of_a_file_is_shown_by_its_path_and_digest(
    run: Any, signed: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.profile"
    path.write_text(toploc.Profile.published().to_json().replace(": 38.0", ": 120"))
    code, _, err = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert (code, err.splitlines()[-1]) == (DONE, "bounds 'published'")
    line = VALIDATE + f"--validate_model_name one --profile {path} --save_dir"
    code, _, err = run(line, signed)
    assert (code, err.splitlines()[-1]) == (DONE, f"bounds {shown(path)!r}")
    tokens = signed / "one_0000.json"
    line = f"verify --model one --profile {path} --tokens"
    plain = run(line, tokens)[1]
    assert plain.splitlines()[0].endswith(f"bounds {shown(path)!r}")
    report = json.loads(run(line, tokens, "--json")[1])
    assert report["profile"] == shown(path)
    assert shown(path) in report["assumptions"][0]
    # What another run would meet is no bound.
    path.write_text(toploc.Profile.published().to_json().replace(": 38.0", ": 127.5"))
    code, _, err = run(line, tokens)
    assert (code, "exponent_mismatches: 127.5 is not in 0 to 121" in err) == (FAILED, True)


def test_validate_says_what_was_not_measured(run: Any, signed: Path, tmp_path: Path) -> None:
    fields = {**json.loads(toploc.Profile.published().to_json()), "model": "one", "kernel": "sdpa"}
    path = tmp_path / "one.profile"
    path.write_text(json.dumps(fields))
    line = VALIDATE + f"--validate_model_name one --profile {path} --save_dir"
    _, plain, err = run(line, signed)
    assert "note" not in err
    code, out, err = run(line, signed, "--attn", "eager", "--dtype", "float32")
    assert code == DONE
    assert len(out.splitlines()) == len(plain.splitlines()) == 3
    assert err.splitlines()[-2:] == [
        f"bounds {shown(path)!r}",
        f"note: the profile {shown(path)!r} is of dtype 'bfloat16', here it is 'float32', and of "
        "attention 'sdpa', here it is 'eager': its false-alarm rate was not measured for this",
    ]
    path.write_text(json.dumps({**fields, "model": "other"}))
    assert "is of model 'other', here it is 'one'" in run(line, signed)[2]
    path.write_text(json.dumps({**fields, "decode_batching_size": 64}))
    code, out, _ = run(line, signed)
    assert code == INCONCLUSIVE
    assert out.count("VERIFICATION INCONCLUSIVE: profile: ") == 3


def test_validate_says_what_is_malformed(run: Any, signed: Path) -> None:
    path = signed / "one_0000.json"
    fields = json.loads(path.read_text())
    path.write_text(written({**fields, "proofs": fields["proofs"][:1]}))
    code, out, _ = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert code == REJECTED
    assert out.splitlines()[0].startswith("VERIFICATION FAILED: proof count: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("", "not JSON"),
        ({"output_token_ids": []}, "output_token_ids: 0 token ids"),
        ({"output_token_ids": [40] * 40}, "outside the vocabulary of 40"),
        ({"proofs": [3]}, "proofs[0]: a text in base64 is expected here"),
        ({"format": "another"}, "format: 'another' is not 'assay/toploc/signature/v2'"),
        ({"format": "assay/toploc/signature/v1"}, "written by a version before the first release"),
        ({"merge_short_tails": False}, "merge_short_tails: no field of this name belongs here"),
    ],
)
def test_a_sample_that_cannot_be_judged_has_failed_and_the_others_are_judged(
    run: Any, signed: Path, changes: Any, said: str
) -> None:
    path = signed / "one_0001.json"
    fields = json.loads(path.read_text())
    path.write_text(written({**fields, **changes}) if changes else "")
    code, out, err = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert code == REJECTED
    first, second, third = out.splitlines()
    assert second.startswith(f"VERIFICATION FAILED: signature: {path}: ")
    assert said in second
    assert first.startswith("VERIFICATION PASSED: ")
    assert third.startswith("VERIFICATION PASSED: ")
    assert "2 of 3 samples passed" in err


def test_copies_of_one_sample_fail(run: Any, signed: Path, models: Path) -> None:
    texts = (models / "prompts.txt").read_text().splitlines()
    for index in (1, 2):
        shutil.copy(signed / "one_0000.json", signed / f"one_000{index}.json")
    line = VALIDATE + "--validate_model_name one --save_dir"
    code, out, err = run(line, signed)
    assert (code, "1 of 3 samples passed" in err) == (REJECTED, True)
    failed = "VERIFICATION FAILED: "
    said = failed + "prompt: its text is not that of the prompt asked for"
    assert out.splitlines()[1:] == [said] * 2
    # With the text that is asked for, and then with its tokens too.
    for index in (1, 2):
        replaced(signed / f"one_000{index}.json", prompt=texts[index])
    code, out, _ = run(line, signed)
    assert code == REJECTED
    assert out.splitlines()[1] == (
        failed + "prompt: token 0 is 0, the verifier's tokenizer gives 7"
    )
    for index in (1, 2):
        ids = [(7 * index + j) % 40 for j in range(5)]
        replaced(signed / f"one_000{index}.json", prompt_token_ids=ids)
    code, out, err = run(line, signed)
    assert (code, "1 of 3 samples passed" in err) == (REJECTED, True)
    assert out.count("\n  rejected at step ") == 2


def test_samples_stand_in_the_order_of_the_prompts(run: Any, signed: Path) -> None:
    first, second, spare = (signed / f"one_000{name}.json" for name in (0, 1, 9))
    first.rename(spare)
    second.rename(first)
    spare.rename(second)
    code, out, err = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert (code, out.count("VERIFICATION FAILED: prompt: ")) == (REJECTED, 2)
    assert "1 of 3 samples passed" in err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": "w7 w8 w9 w10 w12"}, "prompt: its text is not that of"),
        ({"prompt": ""}, "prompt: its text is not that of"),
        ({"prompt_token_ids": [7, 8, 9, 10, 12]}, "prompt: token 4 is 12, the verifier's"),
        ({"prompt_token_ids": [7]}, "prompt: 1 tokens, the verifier's tokenizer gives 5"),
        ({"prompt_token_ids": [40] * 1025}, "prompt: 1025 tokens, the verifier's tokenizer gives"),
        ({"output_token_ids": [39] * 41}, "answer length: 41 tokens, at most 40"),
        ({"output_token_ids": [39] * 39}, "answer length: 39 tokens of 40, and the last, 39, ends"),
        ({"output_token_ids": [39]}, "answer length: 1 tokens, at least 32 were asked for"),
    ],
)
def test_an_answer_is_to_the_prompt_that_was_asked_and_whole(
    run: Any, signed: Path, changes: dict[str, Any], said: str
) -> None:
    replaced(signed / "one_0001.json", **changes)
    code, out, err = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert code == REJECTED
    first, second, third = out.splitlines()
    assert second.startswith(f"VERIFICATION FAILED: {said}")
    assert (first[:20], third[:20]) == ("VERIFICATION PASSED:",) * 2
    assert "2 of 3 samples passed" in err


def test_an_answer_may_end_where_the_text_does(
    run: Any, signed: Path, models: Path, tmp_path: Path
) -> None:
    ending, whole = ending_model(run, models, tmp_path)
    tokens, last = len(whole.output_token_ids), whole.output_token_ids[-1]
    line = VALIDATE.replace("n_samples 3", "n_samples 1") + "--save_dir"
    path = signed / "one_0000.json"
    whole.write(str(path))
    # By a model that ends no text the answer was cut, whatever the proofs.
    flags = ["--validate_model_name", "one", "--min_decode_tokens", tokens]
    code, out, _ = run(line, signed, *flags)
    said = f"VERIFICATION FAILED: answer length: {tokens} tokens of 40, and the last, {last}, ends"
    assert (code, out.startswith(said)) == (REJECTED, True)
    for least, expected in ((tokens, DONE), (tokens + 1, REJECTED)):
        flags = ["--validate_model_name", ending, "--min_decode_tokens", least]
        assert run(line, signed, *flags)[0] == expected
    # Whoever obeys ends makes nothing after one, whatever the proofs.
    replaced(path, output_token_ids=[*whole.output_token_ids[:-3], last, 1, 2])
    code, out, _ = run(line, signed, "--validate_model_name", ending)
    assert (code, "which ends a text, and the answer goes on" in out) == (REJECTED, True)


def test_an_answer_ends_where_the_model_ends_it(
    run: Any, signed: Path, models: Path, tmp_path: Path
) -> None:
    whole = Signature.read(str(signed / "one_0000.json"))
    far = (behind(whole)[[0, 31, 38]] > 1).all(0)
    end = next(token for token in range(40) if far[token] and token not in whole.output_token_ids)
    ending = Path(shutil.copytree(models / "one", tmp_path / "one"))
    with_settings(ending, eos_token_id=[end])
    line = VALIDATE.replace("n_samples 3", "n_samples 1") + f"--validate_model_name {ending} "
    # The last token is never fed: honest proofs of all states hold with any.
    for tokens in (32, 39):
        cut(whole, tokens, end).write(str(signed / "one_0000.json"))
        code, out, err = run(line + "--save_dir", signed)
        assert (code, "0 of 1 samples passed" in err) == (REJECTED, True)
        assert out.startswith(
            f"VERIFICATION FAILED: answer length: the last token, {end}, ends a text, and the "
            "model goes on: token "
        )
    # An answer too short to judge by states is not undecided for that.
    cut(whole, 1, end).write(str(signed / "one_0000.json"))
    code, out, _ = run(line + "--min_decode_tokens 1 --save_dir", signed)
    assert (code, out.startswith("VERIFICATION FAILED: answer length: the last")) == (
        REJECTED,
        True,
    )


def test_the_last_token_of_a_full_answer_is_the_models(run: Any, signed: Path) -> None:
    path = signed / "one_0001.json"
    replaced(path, output_token_ids=with_an_unlikely_last(Signature.read(str(path))))
    code, out, err = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert (code, "2 of 3 samples passed" in err) == (REJECTED, True)
    assert out.splitlines()[1].startswith("VERIFICATION FAILED: token: the last token, ")
    # A verifier of one answer says whether it was asked for the likeliest tokens.
    code, out, _ = run("verify --model one --tokens", path)
    assert (code, "the last token, which no proof covers, was not judged" in out) == (DONE, True)
    code, out, _ = run("verify --model one --greedy --json --tokens", path)
    report = json.loads(out)
    assert (code, report["step"], len(report["chunks"])) == (REJECTED, "token", 2)
    code, out, _ = run("verify --model one --greedy --json --tokens", signed / "one_0000.json")
    assert (code, {"step": "token", "grade": "recomputed"} in json.loads(out)["checks"]) == (
        DONE,
        True,
    )


def test_another_engine_as_the_verifier_judges_last_tokens_too(
    run: Any, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It hands over states alone; which engine made them does not matter here.
    monkeypatch.setattr("assay.toploc.experiment.recomputer", experiment._Recomputing)
    path = signed / "one_0001.json"
    line = VALIDATE + "--engine vllm --validate_model_name one --save_dir"
    assert run(line, signed)[0] == DONE
    replaced(path, output_token_ids=with_an_unlikely_last(Signature.read(str(path))))
    code, out, _ = run(line, signed)
    assert (code, out.count("VERIFICATION FAILED: token: ")) == (REJECTED, 1)


def test_settings_that_are_not_followed_are_named(
    run: Any, signed: Path, models: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(models / "one", tmp_path / "one"))
    with_settings(own, no_repeat_ngram_size=3)
    code, _, err = run(VALIDATE + f"--validate_model_name {own} --save_dir", signed)
    note = "last tokens were not judged: the model's own settings have no_repeat_ngram_size"
    assert (code, note in err) == (DONE, True)


def with_settings(folder: Path, **changes: Any) -> None:
    """Change what a model ships for generating."""
    path = folder / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def ending_model(run: Any, models: Path, folder: Path) -> tuple[Path, Signature]:
    """A model that ends its answer to the first prompt between 21 and 39 tokens, and the answer."""
    ending = Path(shutil.copytree(models / "one", folder / "one"))
    line = (
        f"generate --model_name {ending} --n_samples 1 --max_decode_tokens 40 "
        "--min_decode_tokens 20 --save_dir"
    )
    for end in range(40):
        with_settings(ending, eos_token_id=[end])
        assert run(line, folder / "ended", "--dataset_name", "prompts.txt")[0] == DONE
        made = Signature.read(str(folder / "ended" / "one_0000.json"))
        if 20 < len(made.output_token_ids) < 40:
            return ending, made
    raise AssertionError("no token ends the answer")


def with_an_unlikely_last(signature: Signature) -> list[int]:
    """Its answer with the token last that the model is least likely to take there."""
    return [*signature.output_token_ids[:-1], int(behind(signature)[-1].argmax())]


def cut(signature: Signature, tokens: int, last: int) -> Signature:
    """Of an answer its first tokens and a last one, with honest proofs of them."""
    output = [*signature.output_token_ids[: tokens - 1], last]
    states = toploc.recompute(load("one", Engine())[0], signature.prompt_token_ids, output)
    return Signature(
        prompt=signature.prompt, prompt_token_ids=signature.prompt_token_ids,
        output_token_ids=output, parameters=signature.parameters,
        proofs=toploc.build(states, rounded=True),
    )  # fmt: skip


def test_generate_ends_no_answer_before_the_fewest_tokens(
    run: Any, signed: Path, models: Path, tmp_path: Path
) -> None:
    first = Signature.read(str(signed / "one_0000.json")).output_token_ids[0]
    ending = Path(shutil.copytree(models / "one", tmp_path / "one"))
    settings = json.loads((ending / "generation_config.json").read_text())
    (ending / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": first}))
    line = f"generate --model_name {ending} --n_samples 1 --max_decode_tokens 40 --save_dir"
    for flags, least in (((), 32), (("--min_decode_tokens", 3), 3)):
        code, _, _ = run(line, tmp_path / "out", "--dataset_name", "prompts.txt", *flags)
        found = Signature.read(str(tmp_path / "out" / "one_0000.json")).output_token_ids
        assert code == DONE
        assert len(found) >= least
        assert first not in found[: least - 1]


def test_prompts_of_a_data_set_are_different_ones(run: Any, signed: Path, tmp_path: Path) -> None:
    # The last two are other texts of the same tokens.
    (tmp_path / "twice.txt").write_text("w1 w2\nw3\nw1  w2\n")
    code, out, err = run(
        "validate --decode_model_name one --validate_model_name one --save_dir", signed,
        "--dataset_name", tmp_path / "twice.txt",
    )  # fmt: skip
    assert (code, out) == (FAILED, "")
    assert "prompt 2: has the tokens of prompt 0: one answer would do for both" in err


def test_one_missing_sample_counts_more_than_two_undecided(
    run: Any, signed: Path, tmp_path: Path
) -> None:
    (signed / "one_0000.json").unlink()
    fields = {**json.loads(toploc.Profile.published().to_json()), "topk": 64}
    (tmp_path / "other.profile").write_text(json.dumps(fields))
    line = VALIDATE + f"--validate_model_name one --profile {tmp_path / 'other.profile'} --save_dir"
    code, out, _ = run(line, signed)
    starts = [" ".join(text.split()[:2]) for text in out.splitlines()]
    assert starts == ["VERIFICATION FAILED:"] + ["VERIFICATION INCONCLUSIVE:"] * 2
    assert code == REJECTED


def test_the_verifiers_own_model_is_no_fault_of_a_sample(
    run: Any, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> Any:
        raise InputError("unsupported", "OwnModel", "no language model head")

    monkeypatch.setattr("assay.toploc.experiment.recompute", none)
    code, out, err = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert (code, out) == (FAILED, "")
    assert err == "assay toploc validate: OwnModel: no language model head\n"


def test_a_missing_sample_has_failed(run: Any, signed: Path) -> None:
    missing = signed / "one_0001.json"
    missing.unlink()
    line = (
        "validate --decode_model_name one --validate_model_name one --max_decode_tokens 40 "
        "--dataset_name prompts.txt "
    )
    for count, of in (("--n_samples 3 ", 3), ("", 4)):
        code, out, err = run(line + count + "--save_dir", signed)
        assert code == REJECTED
        assert out.splitlines()[1] == f"VERIFICATION FAILED: missing {missing}"
        # By default as many as generate makes.
        assert f"2 of {of} samples passed" in err
    os.mkfifo(missing)  # read, it would be waited for
    code, out, err = run(line + "--n_samples 5 --save_dir", signed)
    assert (code, out.count("VERIFICATION FAILED: missing ")) == (REJECTED, 3)
    assert "2 of 5 samples passed" in err
    code, out, err = run(line + "--n_samples 1 --save_dir", signed)
    assert (code, "1 of 1 samples passed" in err) == (DONE, True)


def test_an_empty_folder_has_no_sample(run: Any, tmp_path: Path) -> None:
    code, out, err = run(VALIDATE + "--validate_model_name one --save_dir", tmp_path)
    assert (code, out.count("VERIFICATION FAILED: missing ")) == (REJECTED, 3)
    assert "0 of 3 samples passed" in err


@pytest.mark.parametrize(("changes", "reason"), OTHER_PARAMETERS.values(), ids=OTHER_PARAMETERS)
def test_validate_fails_proofs_that_cover_less_than_agreed(
    run: Any, signed: Path, changes: dict[str, Any], reason: str
) -> None:
    # Honest ones, by a provider that would have fewer of its values looked at.
    path = signed / "one_0001.json"
    honest(path, Parameters(**changes)).write(str(path))
    code, out, err = run(VALIDATE + "--validate_model_name one --save_dir", signed)
    assert code == REJECTED
    assert out.splitlines()[1] == f"VERIFICATION FAILED: parameters: {reason}"
    assert "2 of 3 samples passed" in err


def test_an_answer_may_have_as_many_tokens_as_the_model_has_positions(
    run: Any, tmp_path: Path
) -> None:
    code, _, err = run(
        "generate --model_name short --dataset_name prompts.txt --n_samples 1 "
        "--max_decode_tokens 59 --save_dir",
        tmp_path,
    )
    assert code == DONE, err
    path = tmp_path / "short_0000.json"
    line = "verify --model short --tokens"
    assert run(line, path)[0] == DONE
    fields = json.loads(path.read_text())
    fields["output_token_ids"] += [1]
    path.write_text(written(fields))
    code, out, err = run(line, path)
    assert (code, out, err.count("\n")) == (FAILED, "", 1)
    assert "65 of prompt and answer together; the model has positions for 64" in err


def test_the_verifier_may_take_fewer_tokens(run: Any, signed: Path) -> None:
    tokens = signed / "one_0000.json"
    assert run("verify --model one --max-tokens 45 --tokens", tokens)[0] == DONE
    # Before the model is looked for.
    code, out, err = run("verify --model none/at-all/here --max-tokens 44 --tokens", tokens)
    assert (code, out) == (FAILED, "")
    assert "45 tokens, more than --max-tokens" in err


def test_prompts_within_the_chat_template(run: Any, models: Path, tmp_path: Path) -> None:
    chatty = tmp_path / "one"
    shutil.copytree(models / "one", chatty)
    line = f"generate --model_name {chatty} --dataset_name prompts.txt --chat --n_samples 2 "
    line += f"--max_decode_tokens 32 --save_dir {tmp_path / 'said'}"
    code, _, err = run(line)
    assert (code, "leave --chat out" in err) == (FAILED, True)
    words = tiny_models.tokenizer()
    words.chat_template = "{{ 'w4 ' + messages[0]['content'] + ' w9' }}"
    words.save_pretrained(chatty)
    assert run(line)[0] == DONE
    signature = Signature.read(str(tmp_path / "said" / "one_0000.json"))
    assert signature.prompt == (models / "prompts.txt").read_text().splitlines()[0]
    assert signature.prompt_token_ids == [4, 0, 1, 2, 3, 4, 9]
    judge = line.replace("generate --model_name", "validate --validate_model_name")
    judge += " --decode_model_name one"
    assert run(judge)[0] == DONE
    # To a verifier who asked without the template it is another prompt's answer.
    code, out, _ = run(judge.replace("--chat ", ""))
    assert code == REJECTED
    assert "prompt: 7 tokens, the verifier's tokenizer gives 5" in out


def test_an_engine_that_is_not_installed(run: Any, tmp_path: Path) -> None:
    given = f"--model_name one --dataset_name prompts.txt --save_dir {tmp_path}"
    code, _, error = run(f"generate --engine vllm {given}")
    assert code == 2
    assert "--engine vllm: is not installed here" in error
