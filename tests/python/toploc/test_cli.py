"""The command `assay toploc` where it runs models, in this process on small models."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import tiny_models
from assay import DecodeError, InputError, _core, toploc
from assay.models import Engine, final_norm, load, made_prompts, read_prompts
from assay.toploc import ProofFile, Signature
from assay.toploc.chunks import Parameters, Shape
from assay.toploc.cli import main

DONE, REJECTED, FAILED, INCONCLUSIVE = 0, 1, 2, 3


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models so small gain nothing from threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small models that see 160 values at the head, and prompts for them."""
    parent = tmp_path_factory.mktemp("models")
    for name, seed in (("one", 1), ("other", 2)):
        config = tiny_models.CONFIGS["llama"]()
        config.hidden_size, config.intermediate_size = 160, 64
        config.head_dim, config.max_position_embeddings = 40, 256
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made = tiny_models.AutoModelForCausalLM.from_config(config)
            with torch.no_grad():
                for parameter in made.parameters():
                    if parameter.ndim > 1:
                        parameter.normal_(0.0, 0.15)
        made.save_pretrained(parent / name)
        tiny_models.tokenizer().save_pretrained(parent / name)
    words = [" ".join(f"w{(7 * i + j) % 40}" for j in range(5)) for i in range(6)]
    # Learned positions, and not one more than 64.
    tiny_models.folder(parent, "short", "gpt2")
    (parent / "prompts.txt").write_text("\n".join(words) + "\n\n")
    lines = [json.dumps({"prompt": word}) for word in words]
    (parent / "prompts.jsonl").write_text("\n".join(lines))
    return parent


@pytest.fixture
def run(models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(models)

    def call(line: str, *more: object) -> tuple[int, str, str]:
        code = main([*line.split(), *map(str, more)])
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return call


@pytest.fixture(scope="module")
def signatures(models: Path) -> Path:
    folder = models / "signatures of one"
    line = ["--tp", "1", "--n_samples", "3", "--max_decode_tokens", "40", "--dtype", "bfloat16"]
    given = ["--model_name", models / "one", "--dataset_name", models / "prompts.txt"]
    assert main(["generate", *line, *map(str, given), "--save_dir", str(folder)]) == DONE
    return folder


def written(fields: dict[str, Any]) -> str:
    """The text of a signature's fields."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


@pytest.fixture
def signed(signatures: Path, tmp_path: Path) -> Path:
    """A copy, that a test may change."""
    return Path(shutil.copytree(signatures, tmp_path / "signatures"))


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


VALIDATE = (
    "validate --decode_model_name one --n_samples 3 --max_decode_tokens 40 "
    "--dataset_name prompts.txt "
)


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
    # What excludes nothing is no bound.
    path.write_text(toploc.Profile.published().to_json().replace(": 38.0", ": 127.5"))
    code, _, err = run(line, tokens)
    assert (code, "exponent_mismatches: 127.5 is not in 0 to below 127.5" in err) == (FAILED, True)


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


def replaced(path: Path, **changes: Any) -> None:
    """Write other fields to a signature."""
    path.write_text(written({**json.loads(path.read_text()), **changes}))


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
    whole = Signature.read(str(signed / "one_0000.json"))
    last = whole.output_token_ids[35]
    ending = Path(shutil.copytree(models / "one", tmp_path / "one"))
    settings = json.loads((ending / "generation_config.json").read_text())
    (ending / "generation_config.json").write_text(
        json.dumps({**settings, "eos_token_id": [39, last]})
    )
    for tokens in (36, 1):
        cut(whole, tokens).write(str(signed / "one_0000.json"))
        line = VALIDATE.replace("n_samples 3", "n_samples 1") + "--save_dir"
        # By a model that ends no text the answer was cut, whatever the proofs.
        code, out, _ = run(line, signed, "--validate_model_name", "one")
        assert (code, out.startswith("VERIFICATION FAILED: answer length: ")) == (REJECTED, True)
        code, out, _ = run(line, signed, "--validate_model_name", ending)
        assert code == (DONE if tokens == 36 else REJECTED), out
        least = f"--min_decode_tokens {tokens}".split()
        code, out, _ = run(line, signed, "--validate_model_name", ending, *least)
        if tokens == 36:
            assert code == DONE
            more = ["--min_decode_tokens", "37"]
            assert run(line, signed, "--validate_model_name", ending, *more)[0] == REJECTED
        elif last == whole.output_token_ids[0]:
            # Not cut then, but one token decides nothing.
            assert (code, "sequence length" in out) == (INCONCLUSIVE, True)


def cut(signature: Signature, tokens: int) -> Signature:
    """Of an answer its first tokens, with honest proofs of them."""
    output = signature.output_token_ids[:tokens]
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


OTHER_PARAMETERS = {
    "topk": ({"topk": 64}, "topk is 64, 128 was asked for"),
    "batching": ({"decode_batching_size": 64}, "decode_batching_size is 64, 32 was asked for"),
    "prompt": ({"prefill_rows": 5}, "prefill_rows is 5, 0 was asked for"),
    "tail": ({"merge_tail_below": 8}, "merge_tail_below is 8, 0 was asked for"),
}


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


def honest(path: Path, parameters: Parameters) -> Signature:
    """The same answer with proofs under other parameters."""
    signature = Signature.read(str(path))
    fed = [*signature.prompt_token_ids, *signature.output_token_ids]
    first, _ = parameters.rows_of_answer(len(signature.prompt_token_ids), 40)
    states = toploc.recompute(load("one", Engine())[0], fed[: first + 1], fed[first + 1 :])
    bits = states.view(torch.int16).numpy().view("uint16")
    lengths = parameters.chunk_lengths(*bits.shape)
    proofs = _core.toploc_build(
        bits.reshape(-1), lengths, parameters.topk, parameters.lower_index_first
    )
    return Signature(
        prompt=signature.prompt, prompt_token_ids=signature.prompt_token_ids,
        output_token_ids=signature.output_token_ids, parameters=parameters, proofs=proofs,
    )  # fmt: skip


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
            VALIDATE + "--validate_model_name one --n_samples 7",
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
        ("calibrate --model none/at-all/here --out none/x", "none: no such folder"),
        ("calibrate --model none/at-all/here --out one", "one: is a folder"),
        ("calibrate --model none/at-all/here --out x --topk 0", "1 to 4096"),
        (
            "generate --model_name none/at-all/here --dataset_name prompts.txt --save_dir "
            "prompts.txt",
            "prompts.txt: is not a folder",
        ),
        (
            "generate --model_name none/at-all/here --dataset_name prompts.txt --save_dir "
            "prompts.txt/a",
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
        VALIDATE + "--validate_model_name one --n_samples 0",
        VALIDATE + "--validate_model_name one --max_decode_tokens -1",
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
    layers = torch.cat([torch.zeros_like(last), last, last.flip(0)], 1).contiguous()
    save_file({"hidden_states": layers, "token_ids": fed}, path)
    assert run(*line)[0] == REJECTED
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


# Files.


def test_made_prompts_differ() -> None:
    texts = made_prompts(200)
    assert len(set(texts)) == 200
    assert made_prompts(7) == texts[:7]
    for count in (0, 201):
        with pytest.raises(InputError, match="200"):
            made_prompts(count)


def test_prompts_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps(["one", {"prompt": "two"}, {"text": "three"}]))
    assert read_prompts(str(path), 2) == ["one", "two"]
    assert read_prompts(str(path), 9) == ["one", "two", "three"]
    for content in ("[]", "{}", "nothing", '[{"question": "x"}]', '[" "]', "[3]", "[" * 9000):
        path.write_text(content)
        with pytest.raises(DecodeError):
            read_prompts(str(path), 2)
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DecodeError):
        read_prompts(str(tmp_path / "bytes.txt"), 2)


GOOD: dict[str, Any] = {
    "format": "assay/toploc/signature/v2",
    "model": "m",
    "dtype": "bfloat16",
    "attention": "sdpa",
    "prompt": "Why?",
    "prompt_token_ids": [1, 2],
    "output_token_ids": [3],
    "topk": 4,
    "decode_batching_size": 32,
    "prefill_rows": 0,
    "merge_tail_below": 0,
    "ties": "libstdc++",
    "proofs": ["/9kAAQACAAMABA=="],
}


def test_a_signature_is_what_json_gives_on_one_line() -> None:
    signature = Signature.decode(written(GOOD).encode(), "text")
    assert signature.encode() == written(GOOD).encode()
    assert (signature.prompt_token_ids, signature.output_token_ids) == ([1, 2], [3])
    assert signature.parameters == Shape(k=4)
    assert signature.proofs == [bytes.fromhex("ffd90001000200030004")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"format": "assay/toploc/signature/v1"}, "format"),
        ({"format": "assay/toploc/signature/v3"}, "format"),
        ({"model": 3}, "model"),
        ({"prompt_token_ids": None}, "prompt_token_ids"),
        ({"prompt_token_ids": []}, "prompt_token_ids"),
        ({"prompt_token_ids": 3}, "prompt_token_ids"),
        ({"prompt_token_ids": [1] * (2**20 + 1)}, "prompt_token_ids"),
        ({"prompt_token_ids": [1.0]}, "prompt_token_ids"),
        ({"prompt_token_ids": [True]}, "prompt_token_ids"),
        ({"output_token_ids": [-1]}, "output_token_ids"),
        ({"output_token_ids": [2**31]}, "output_token_ids"),
        ({"output_token_ids": "3"}, "output_token_ids"),
        ({"decode_batching_size": 0}, "decode_batching_size"),
        ({"decode_batching_size": True}, "decode_batching_size"),
        ({"topk": 4097}, "topk"),
        ({"merge_tail_below": -1}, "merge_tail_below"),
        ({"ties": "random"}, "ties"),
        ({"proofs": "AAAA"}, "proofs"),
        ({"proofs": {"AAAA": 1}}, "proofs"),
        ({"proofs": 3}, "proofs"),
        ({"proofs": ["AAAA"] * (2**20 + 1)}, "proofs"),
        ({"proofs": ["A"]}, "proofs"),
        ({"proofs": ["*AAA"]}, "proofs"),
        ({"proofs": [3]}, "proofs"),
        ({"unknown": 3}, "unknown"),
        *[({name: ...}, name) for name in GOOD],
    ],
)
def test_what_is_no_signature(changes: dict[str, Any], field: str) -> None:
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    with pytest.raises(DecodeError) as caught:
        Signature.decode(written(fields).encode(), "text")
    assert caught.value.place.startswith("text: " + field)


@pytest.mark.parametrize("name", GOOD)
def test_a_field_that_stands_twice(name: str) -> None:
    again = f",{json.dumps(name)}:{json.dumps(GOOD[name])}}}"
    with pytest.raises(DecodeError, match=f'the key "{name}" stands twice'):
        Signature.decode(written(GOOD).replace("}", again).encode(), "text")
    # The format stands first, whatever comes then.
    with pytest.raises(DecodeError, match=r"format: this field is missing|twice"):
        Signature.decode(written(GOOD).replace("{", "{" + again[1:-1] + ",").encode(), "text")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2**25 + 1)
    with pytest.raises(DecodeError) as caught:
        Signature.read(str(path))
    assert caught.value.code == "too_large"
    with pytest.raises(InputError) as missing:
        Signature.read(str(tmp_path / "none"))
    assert missing.value.code == "io"


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 100_000, "\ufeff{}", b"\xff"])
def test_what_is_no_json_object(text: str | bytes) -> None:
    with pytest.raises(DecodeError):
        Signature.decode(text if isinstance(text, bytes) else text.encode(), "text")
