"""One table of cases of TOPLOC: every door gives the same verdict, to the last figure.

The doors are the command, the bindings, and the verb that runs a model; the first two are given the
states that the model computes.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import tiny_models
from assay import DecodeError, Verdict, _core, toploc
from assay.toploc import cli
from assay.toploc.chunks import Parameters
from assay.toploc.verifying import check_file, examine_file, profile_of
from assay_program import run

ACCEPTED, REJECTED, BAD_INPUT, INCONCLUSIVE = 0, 1, 2, 3

PROMPT = [3, 14, 15, 9, 26]
ANSWER = [(7 * i + 5) % 40 for i in range(70)]
HIDDEN = 160


class Model(NamedTuple):
    """A model, and the states that it has after each token of prompt and answer."""

    folder: Path
    states: torch.Tensor


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models") / "one"
    config = tiny_models.CONFIGS["llama"]()
    config.hidden_size, config.intermediate_size = HIDDEN, 64
    config.head_dim, config.max_position_embeddings = 40, 256
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = tiny_models.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        with torch.no_grad():
            for parameter in made.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, 0.15)
    made.save_pretrained(folder)
    tiny_models.tokenizer().save_pretrained(folder)
    fed = PROMPT + ANSWER
    yield Model(folder, toploc.recompute(made.eval(), fed[:1], fed[1:]))
    torch.set_num_threads(threads)


def bits_of(states: torch.Tensor) -> NDArray[np.uint16]:
    return states.contiguous().view(torch.int16).numpy().view(np.uint16)


def rows_of(model: Model, parameters: Parameters) -> torch.Tensor:
    first, count = parameters.rows_of_answer(len(PROMPT), len(ANSWER))
    return model.states[first : first + count]


def proofs_of(states: torch.Tensor, parameters: Parameters) -> list[bytes]:
    rows, hidden = states.shape
    return _core.toploc_build(
        bits_of(states).reshape(-1), parameters.chunk_lengths(rows, hidden), parameters.topk,
        parameters.lower_index_first,
    )  # fmt: skip


Change = Callable[[list[bytes]], list[bytes]]


@dataclass(frozen=True)
class Case:
    """Proofs, what is asked for, and what comes of it.

    Attributes:
        made: What the proofs are made under, of the model's states.
        asked: What the verifier asks for; by default the same.
        change: What the provider does to its proofs then.
        rows: Added to the number that it says.
        hidden: Likewise.
        profile: Of the published bounds, those that are others.
        code: What programs end with.
        step: Of the verdict.
        item: Likewise.
        ties: The rule that is demanded, if one is.
    """

    made: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] | None = None
    change: Change = list
    rows: int = 0
    hidden: int = 0
    profile: dict[str, Any] = field(default_factory=dict)
    code: int = ACCEPTED
    step: str = ""
    item: int | None = None
    ties: str | None = None


def put(at: int, proof: bytes) -> Change:
    return lambda proofs: [*proofs[:at], proof, *proofs[at + 1 :]]


LOWER = {"lower_index_first": True}
ODD = {"topk": 100, "decode_batching_size": 16, "prefill_rows": 5, "merge_tail_below": 9}

CASES = {
    "as asked": Case(),
    "either rule for ties": Case(LOWER),
    "the rule that is demanded": Case(LOWER, ties="lower-index"),
    "a prompt": Case({"prefill_rows": 5}),
    "a part of a prompt": Case({"prefill_rows": 2}),
    "tails of 9": Case({"merge_tail_below": 9}),
    "all of it": Case({**ODD, **LOWER}),
    "one chunk": Case({"decode_batching_size": 1000}),
    "the largest k that is judged": Case({"topk": 962, "decode_batching_size": 70}),
    "a k that says nothing": Case(
        {"topk": 963, "decode_batching_size": 70}, code=INCONCLUSIVE, step="modulus"
    ),
    "another k": Case({"topk": 64}, {}, code=REJECTED, step="parameters"),
    "another batching": Case({"decode_batching_size": 64}, {}, code=REJECTED, step="parameters"),
    "no prompt": Case({}, {"prefill_rows": 5}, code=REJECTED, step="parameters"),
    "a prompt that was not asked for": Case(
        {"prefill_rows": 5}, {}, code=REJECTED, step="parameters"
    ),
    "another tail": Case({"merge_tail_below": 8}, {}, code=REJECTED, step="parameters"),
    "another rule": Case(ties="lower-index", code=REJECTED, step="parameters"),
    "other rows": Case(rows=-1, code=REJECTED, step="shape"),
    "another width": Case(hidden=1, code=REJECTED, step="shape"),
    "other parameters and rows": Case(
        {"topk": 64}, {}, rows=1, code=REJECTED, step="parameters"
    ),
    "a null proof": Case(change=put(1, bytes(258)), code=REJECTED, step="proof form", item=1),
    "a modulus over the prime": Case(
        change=put(0, b"\xff\xda" + bytes(256)), code=REJECTED, step="proof form", item=0
    ),
    "a coefficient over the prime": Case(
        change=put(2, b"\xff\xd9\xff\xd9" + bytes(254)), code=REJECTED, step="proof form", item=2
    ),
    "a small modulus": Case(
        change=lambda proofs: [proofs[0], b"\x00\x80" + proofs[1][2:], *proofs[2:]],
        code=REJECTED, step="modulus", item=1,
    ),
    "two chunks swapped": Case(
        change=lambda proofs: [proofs[1], proofs[0], *proofs[2:]], code=REJECTED, step="chunk",
        item=1,
    ),
    "one chunk of another": Case(
        change=lambda proofs: [*proofs[:2], proofs[0]], code=REJECTED, step="chunk", item=2
    ),
    "a profile of another k": Case(profile={"topk": 64}, code=INCONCLUSIVE, step="profile"),
    "a profile of another batching": Case(
        profile={"decode_batching_size": 64}, code=INCONCLUSIVE, step="profile"
    ),
    "a profile for longer answers": Case(
        profile={"minimum_points": 385}, code=INCONCLUSIVE, step="sequence length"
    ),
    "a profile with a rate": Case(profile={"false_alarm_bound": 0.01, "honest_sequences": 300}),
    "a small modulus and a profile of another k": Case(
        change=lambda proofs: [b"\x00\x80" + proofs[0][2:], *proofs[1:]], profile={"topk": 64},
        code=INCONCLUSIVE, step="profile",
    ),
}  # fmt: skip


def flags_of(parameters: Parameters, ties: str | None) -> list[str]:
    words = [
        f"--topk {parameters.topk}",
        f"--decode-batching-size {parameters.decode_batching_size}",
        f"--prefill-rows {parameters.prefill_rows}",
        f"--merge-tail-below {parameters.merge_tail_below}",
    ]
    return " ".join(words + ([f"--ties {ties}"] if ties else [])).split()


SAID = ("verdict", "step", "reason", "item", "checks", "figures", "notes", "miss_bound", "parts")


def same(verdict: dict[str, Any]) -> dict[str, Any]:
    """What every door says alike: which conditions nobody told is known to one alone."""
    return {name: verdict[name] for name in SAID} | {"assumed": verdict["assumptions"][:1]}


def by_states(told: dict[str, Any]) -> dict[str, Any]:
    """Without the last token, about which only a door that runs a model can be asked."""
    if {"step": "token", "grade": "missing"} in told["checks"]:
        told["checks"].pop()
        assert "the last token, which no proof covers" in told["notes"].pop()
    return told


@pytest.mark.parametrize("one", CASES.values(), ids=CASES)
def test_every_door_says_the_same(
    one: Case, model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Parameters(**one.made)
    asked = Parameters(
        **(one.made if one.asked is None else one.asked)
        | ({"lower_index_first": one.ties == "lower-index"} if one.ties else {})
    )
    theirs = rows_of(model, made)
    proofs = one.change(proofs_of(theirs, made))
    file = toploc.ProofFile(
        parameters=made, rows=len(theirs) + one.rows, hidden=HIDDEN + one.hidden, proofs=proofs
    )
    own = rows_of(model, asked)
    np.save(tmp_path / "own.npy", bits_of(own))
    fields = {**json.loads(toploc.Profile.published().to_json()), **one.profile}
    (tmp_path / "profile").write_text(json.dumps(fields))
    toploc.Signature(prompt_token_ids=PROMPT, output_token_ids=ANSWER).write(
        str(tmp_path / "tokens")
    )
    flags = [*flags_of(asked, one.ties), "--json", "--profile", str(tmp_path / "profile")]
    file.write(str(tmp_path / "proofs"))

    found: dict[str, tuple[int, dict[str, Any]]] = {}
    command = run(tmp_path, "toploc verify --states own.npy --proofs proofs", *flags)
    found["command"] = command.returncode, json.loads(command.stdout)

    line = ["verify", "--model", str(model.folder), "--tokens", str(tmp_path / "tokens")]
    code = cli.main([*line, "--proofs", str(tmp_path / "proofs"), *flags])
    found["verb"] = code, by_states(json.loads(capsys.readouterr().out))

    signature = toploc.Signature(
        prompt_token_ids=PROMPT, output_token_ids=ANSWER, parameters=made, proofs=proofs
    )
    signature.write(str(tmp_path / "signature"))
    if one.rows == one.hidden == 0:
        line = ["verify", "--model", str(model.folder), "--tokens", str(tmp_path / "signature")]
        code = cli.main([*line, *flags])
        found["verb, of a signature"] = code, by_states(json.loads(capsys.readouterr().out))

    profile = profile_of(str(tmp_path / "profile"))
    read = toploc.ProofFile.read(str(tmp_path / "proofs"))
    for kind, states in (("bits", bits_of(own)), ("torch", own)):
        verdict, chunks = examine_file(states, read, profile, asked, any_ties=one.ties is None)
        found[f"bindings, of {kind}"] = (
            verdict.exit_code,
            {
                **json.loads(verdict.to_json()),
                "chunks": [json.loads(chunk.to_json()) for chunk in chunks],
            },
        )

    expected = found["command"]
    assert (expected[0], expected[1]["step"] or "", expected[1]["item"]) == (
        one.code,
        one.step,
        one.item,
    )
    for door, (code, report) in found.items():
        assert code == one.code, (door, report["reason"])
        assert same(report) == same(expected[1]), door
        assert report["chunks"] == expected[1]["chunks"], door
    # What is said before there are states is what is said with them.
    before = check_file(read, asked, len(own), any_ties=one.ties is None)
    if not before:
        assert (before.step, before.item) == (one.step, one.item)


def test_the_table_reaches_the_steps_that_files_can_fail_at() -> None:
    reached = {one.step for one in CASES.values()}
    assert reached >= {"parameters", "shape", "proof form", "profile", "modulus", "chunk",
                       "sequence length"}  # fmt: skip


BAD = {
    "another k": ('"topk": 128', '"topk": 64'),
    "other rows": ('"rows": 70', '"rows": 700'),
    "another layout": ('"rows": 70', '"rows":  70'),
    "a field that is missing": ('"ties": "libstdc++",', ""),
    "a field that is unknown": ('"ties"', '"tie": 0, "ties"'),
    "a field that stands twice": ('"rows": 70', '"rows": 70, "rows": 70'),
    "a version to come": ("proofs/v1", "proofs/v2"),
}


@pytest.mark.parametrize(("old", "new"), BAD.values(), ids=BAD)
def test_what_is_no_file_of_proofs_is_bad_input_at_every_door(
    old: str, new: str, model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = rows_of(model, Parameters())
    np.save(tmp_path / "own.npy", bits_of(own))
    proofs = proofs_of(own, Parameters())
    file = toploc.ProofFile(parameters=Parameters(), rows=70, hidden=HIDDEN, proofs=proofs)
    text = file.encode().decode()
    assert old in text
    (tmp_path / "proofs").write_text(text.replace(old, new, 1))
    toploc.Signature(prompt_token_ids=PROMPT, output_token_ids=ANSWER).write(
        str(tmp_path / "tokens")
    )
    command = run(tmp_path, "toploc verify --states own.npy --proofs", tmp_path / "proofs")
    assert command.returncode == BAD_INPUT
    line = ["verify", "--model", str(model.folder), "--tokens", str(tmp_path / "tokens")]
    assert cli.main([*line, "--proofs", str(tmp_path / "proofs")]) == BAD_INPUT
    reason = command.stderr.removeprefix("assay ")
    assert capsys.readouterr().err.removeprefix("assay ") == reason
    with pytest.raises(DecodeError) as caught:
        toploc.ProofFile.read(str(tmp_path / "proofs"))
    assert str(caught.value) in reason


def test_a_count_of_proofs_is_a_signature_s_word(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A file of proofs with too few is none, a signature is judged.
    asked = Parameters()
    own = rows_of(model, asked)
    for count in (2, 4):
        proofs = (proofs_of(own, asked) * 2)[:count]
        signature = toploc.Signature(
            prompt_token_ids=PROMPT, output_token_ids=ANSWER, parameters=asked, proofs=proofs
        )
        signature.write(str(tmp_path / "signature"))
        line = ["verify", "--model", str(model.folder), "--tokens", str(tmp_path / "signature")]
        assert cli.main([*line, "--json"]) == REJECTED
        assert json.loads(capsys.readouterr().out)["step"] == "proof count"
        found: Verdict = examine_file(own, signature, profile_of(None), asked).verdict
        assert (found.outcome, found.step) == ("rejected", "proof count")
