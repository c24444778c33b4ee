"""Statements about rows of a small model: honest ones, and what a verifier with a model rejects."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny_models
from assay import _core
from assay.models import Loaded, load, with_rounded_weights
from assay.probe import PositionRule, extract
from assay.probe.texts import Text
from assay_program import done, refused, run

NONCE = "5a" * 32
LAYER = 1
WORDING = {
    "positive": ["w30", "w31"],
    "negative": ["w32"],
    "prompts": ["w4 w5", "w6 w9", "w8"],
    "neutral": ["w7 w1"],
    "kl_bound": 50,
    "alphas": [-1, 0, 1],
    "random_directions": 200,
    "seed": 3,
}


@dataclass(frozen=True)
class World:
    """A model, a probe of it, and a key; all files are in one folder."""

    where: Path
    model: Path

    def line(self, name: str, *more: str) -> tuple[str, ...]:
        """`assay probe verify` of a statement by a verifier with a model."""
        nonce = () if "--nonce" in more else ("--nonce", NONCE)
        return (
            "probe", "verify", "--model", str(self.model), "--quiet", *nonce,
            "--attestation", f"{name}.statement", "--pubkey", "key.pub",
            "--activations", f"{name}.gotact", "--tokens", f"{name}.statement.tokens",
            "--probes", "probes.json", "--unembedding", "model.gotue", "--rows", f"{name}.rows",
            *more,
        )  # fmt: skip

    def verdict(self, name: str, *more: str) -> dict[str, Any]:
        """Its verdict."""
        ended = run(self.where, "", *self.line(name, *more), "--json")
        found = json.loads(ended.stdout)
        assert (
            ended.returncode == {"accepted": 0, "rejected": 1, "inconclusive": 3}[found["verdict"]]
        ), ended.stderr
        assert isinstance(found, dict)
        return found

    def sign(self, name: str) -> None:
        """A statement about `name.gotact`."""
        done(
            self.where, "probe attest --key key --probes probes.json", "--nonce", NONCE,
            "--activations", f"{name}.gotact", "--output", f"{name}.statement",
            "--evaluation", "evaluation.json", "--causal", "causal.json",
        )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    where = tmp_path_factory.mktemp("probe")
    model = tiny_models.folder(where)
    lines = [
        {"text": f"w{3 + i % 25} w{1 + label} w{5 + i // 25}", "group": f"g{i}", "label": label}
        for i in range(75)
        for label in (0, 1)
    ]
    (where / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (where / "words.json").write_text(json.dumps(WORDING))
    extracting = f"probe extract --model {model} --layers {LAYER} --positions last --quiet"
    done(
        where, f"{extracting} --corpus corpus.jsonl --output-activations corpus.gotact",
        "--output-unembedding", "model.gotue",
    )  # fmt: skip
    done(
        where, f"probe train --layer {LAYER} --dimension made --permutations 0",
        "--activations", "corpus.gotact", "--labels", "corpus.labels",
        "--unembedding", "model.gotue", "--output", "probes.json",
        "--evaluation", "evaluation.json",
    )  # fmt: skip
    done(where, f"probe plan --model {model} --dimension made --wording words.json --output plan")
    done(
        where, f"probe causal --model {model} --plan plan --probes probes.json --quiet",
        "--activations", "corpus.gotact", "--unembedding", "model.gotue",
        "--output", "causal.json",
    )  # fmt: skip
    done(where, "probe keygen --output key")
    done(
        where, f"{extracting} --output-activations served.gotact --output-unembedding again.gotue",
        "--input", "w11 w2 w9",
    )  # fmt: skip
    made = World(where, model)
    made.sign("served")
    return made


def loaded(world: World) -> Loaded:
    return load(str(world.model))


def parts(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in found["parts"]}


def test_equal_bits_need_no_profile(world: World) -> None:
    found = world.verdict("served", "--require", "L4")
    assert found["verdict"] == "accepted", found
    assert [parts(found)[f"L{n}"] for n in range(5)] == ["accepted"] * 5


def test_another_kernel_needs_one(world: World) -> None:
    found = world.verdict("served", "--require", "L4", "--attn", "eager", "--dtype", "bfloat16")
    assert (found["verdict"], found["step"]) == ("inconclusive", "profile")
    write_prompts(world)
    done(
        world.where, f"probe calibrate --model {world.model} --probes probes.json --quiet",
        "--positions", "last", "--provider-dtypes", "float32,bfloat16", "--n-prompts", 8,
        "--prompts", "prompts.txt", "--output", "mine.profile",
    )  # fmt: skip
    found = world.verdict("served", "--require", "L4", "--profile", "mine.profile")
    assert found["verdict"] == "accepted"


def test_a_profile_is_of_the_probes_own_model(world: World) -> None:
    write_prompts(world)
    text = (world.where / "probes.json").read_text()
    named = json.dumps(json.loads(text)["assay"]["model_id"])
    text = text.replace(f'"model_id": {named}', '"model_id": "another"')
    (world.where / "theirs.json").write_text(text)
    said = refused(
        world.where, f"probe calibrate --model {world.model} --probes theirs.json --quiet",
        "--n-prompts", 8, "--prompts", "prompts.txt", "--output", "theirs.profile",
    )  # fmt: skip
    assert "the probes are of another" in said


def write_prompts(world: World) -> None:
    lines = [f"w{3 + i} w{1 + i % 2} w{9 + i}\n" for i in range(8)]
    (world.where / "prompts.txt").write_text("".join(lines))


def test_a_share_of_the_causal_results_again(world: World) -> None:
    more = ("--causal", "causal.json", "--plan", "plan", "--corpus-activations", "corpus.gotact",
            "--labels", "corpus.labels", "--evaluation", "evaluation.json", "--remeasure", "0.02",
            "--require", "L5")  # fmt: skip
    found = world.verdict("served", *more)
    # Whatever the direction does in a model of random weights, the numbers come out again.
    assert found["step"] != "remeasured", found
    results = json.loads((world.where / "causal.json").read_text())
    results["random_dose"] = (np.array(results["random_dose"]) * 0.5).tolist()
    kept = (world.where / "causal.json").read_text()
    try:
        (world.where / "causal.json").write_text(json.dumps(results))
        shutil.copyfile(world.where / "served.gotact", world.where / "false.gotact")
        shutil.copyfile(world.where / "served.rows", world.where / "false.rows")
        world.sign("false")
        assert world.verdict("false", *more)["step"] == "remeasured"
    finally:
        (world.where / "causal.json").write_text(kept)


@pytest.mark.parametrize("cheat", ["other weights", "another text", "moved"])
def test_rows_that_the_model_does_not_compute(cheat: str, world: World) -> None:
    one, name = loaded(world), cheat.replace(" ", "_")
    path = world.where / f"{name}.gotact"
    rule = PositionRule("last")
    if cheat == "other weights":
        rounded = Loaded(with_rounded_weights(one.model, 4), one.tokenizer, one.source)
        extract(rounded, [Text((11, 2, 9), "input", 0)], [LAYER], path, rule=rule)
    elif cheat == "another text":
        extract(one, [Text((11, 1, 9), "input", 0)], [LAYER], path, rule=rule)
    else:
        model_id, precision, layers, positions, rows = _core.probe_read_activations(
            str(world.where / "served.gotact")
        )
        probes = _core.ProbeSet.read(str(world.where / "probes.json"))
        covector, vector = probes.covectors[0], probes.vectors[0]
        step = 0.5 * probes.reading_sd[0] / (covector @ vector) * vector
        moved = (rows + step).astype(np.float32)
        _core.probe_write_activations(str(path), model_id, precision, layers, positions, moved)
    shutil.copyfile(world.where / "served.rows", world.where / f"{name}.rows")
    world.sign(name)
    found = world.verdict(name, "--require", "L4", "--profile", str(profile(world)))
    assert found["verdict"] == "rejected"
    assert found["step"] in ("rows differ", "readings differ")
    # The room alone, without a model, has only the provider's word.
    assert world.verdict(name)["verdict"] == "accepted"


def profile(world: World) -> Path:
    path = world.where / "small.profile"
    _core.ProbeProfile("small", "tiny", "float32", "sdpa", 1e-5, 1e-5, None, 1).write(str(path))
    return path


def test_another_model_is_rejected_by_its_weights(world: World, tmp_path: Path) -> None:
    other = tiny_models.tiny()
    other.get_input_embeddings().weight.data[0] += 1  # type: ignore[operator,union-attr,index]
    other.save_pretrained(tmp_path / "tiny")
    tiny_models.tokenizer().save_pretrained(tmp_path / "tiny")
    found = World(world.where, tmp_path / "tiny").verdict("served", "--require", "L4")
    assert (found["verdict"], found["step"]) == ("rejected", "weights")


def test_no_model_is_loaded_for_what_fails_without_one(world: World) -> None:
    nowhere = World(world.where, Path("/no/such/model"))
    found = nowhere.verdict("served", "--nonce", "00" * 32, "--require", "L5")
    assert (found["verdict"], found["step"]) == ("rejected", "nonce")


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [("--activations", "is needed with --model"), ("--tokens", "is needed with --model")],
)
def test_what_is_needed(left_out: str, reason: str, world: World) -> None:
    words = list(world.line("served"))
    at = words.index(left_out)
    del words[at : at + 2]
    assert f"{left_out}: {reason}" in refused(world.where, "", *words)
