"""What a causal check is to measure: in words, in tokens, and what is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import tiny_models
from assay import InputError
from assay.errors import DecodeError
from assay.models import Loaded, load
from assay.probe import plan_text, read_corpus, read_plan
from assay_program import done

WORDING: dict[str, Any] = {
    "positive": ["w1", "w2"],
    "negative": ["w3"],
    "prompts": ["w4 w5", "w6"],
    "neutral": ["w7"],
    "kl_bound": 0.5,
    "alphas": [-1, 0, 1.5],
    "random_directions": 200,
    "seed": 3,
}
PLAN: dict[str, Any] = {
    "format": "assay/probe/causal-plan/v1",
    "dimension": "past",
    "positive": [1, 2],
    "negative": [3],
    "prompts": [[4, 5], [6]],
    "neutral": [[7]],
    "kl_bound": 0.5,
    "alphas": [-1, 0, 1.5],
    "random_directions": 200,
    "seed": 3,
}


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return load(str(tiny_models.folder(tmp_path)))


def write(path: Path, fields: object) -> Path:
    path.write_text(json.dumps(fields))
    return path


def test_a_wording_in_the_tokens_of_a_model(loaded: Loaded, tmp_path: Path) -> None:
    text = plan_text(str(write(tmp_path / "words.json", WORDING)), loaded, "past")
    assert json.loads(text) == PLAN
    (tmp_path / "plan.json").write_text(text)
    plan = read_plan(tmp_path / "plan.json")
    assert plan.prompts == ((4, 5), (6,))
    assert plan.alphas == (-1.0, 0.0, 1.5)
    assert plan.digest == hashlib.sha256(text.encode()).digest()


def test_the_packaged_wording_is_not_of_the_corpus() -> None:
    from importlib.resources import files

    import assay.probe

    wording = json.loads(files(assay.probe).joinpath("tense_causal.json").read_text())
    texts = {sample.text for sample in read_corpus("tense").samples}
    assert len(wording["prompts"]) >= 20
    assert len(set(wording["prompts"])) == len(wording["prompts"])
    assert not any(prompt.startswith(text) for prompt in wording["prompts"] for text in texts)
    assert set(wording["positive"]).isdisjoint(wording["negative"])
    assert len(wording["positive"]) == len(wording["negative"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "assay/probe/causal-plan/v2"}, "format: version 2, this program knows 1"),
        ({"more": 1}, "more: no field of this name belongs here"),
        ({"dimension": ""}, "dimension: it is empty"),
        ({"positive": []}, "positive: it has no tokens"),
        ({"positive": [3]}, "negative: token 3 is in both sets"),
        ({"positive": [1.0]}, r"positive\[0\]: an integer from 0 to 2147483647"),
        ({"positive": [-1]}, r"positive\[0\]: an integer from 0"),
        ({"prompts": [[1]]}, "prompts: 1 of them, 2 to 256 are taken"),
        ({"prompts": [[1], []]}, r"prompts\[1\]: it has no tokens"),
        ({"neutral": []}, "neutral: 0 of them, 1 to 256 are taken"),
        ({"kl_bound": 0}, "kl_bound: it is 0"),
        ({"kl_bound": True}, "kl_bound: a number from 0 to"),
        ({"alphas": [-1, 1, 2]}, "alphas: numbers below 0, 0 and numbers above"),
        ({"alphas": [0, 1, 2]}, "alphas: numbers below 0, 0 and numbers above"),
        ({"alphas": [-1, 0, 0, 1]}, "alphas: they do not ascend"),
        ({"alphas": [-1, 0]}, "alphas: numbers below 0, 0 and numbers above"),
        ({"random_directions": 199}, "random_directions: an integer from 200"),
        ({"seed": -1}, "seed: an integer from 0"),
    ],
)
def test_what_is_no_plan(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=reason):
        read_plan(write(tmp_path / "plan.json", {**PLAN, **changes}))


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_plan(tmp_path / "no.json")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"positive": ["w1 w2"]}, "positive: 'w1 w2' is 2 tokens; give words of one"),
        ({"prompts": []}, "wanted a list"),
        ({"neutral": [3]}, "neutral: wanted text"),
        ({"more": 1}, "no wording; wanted the fields positive"),
    ],
)
def test_what_is_no_wording(
    changes: dict[str, Any], reason: str, loaded: Loaded, tmp_path: Path
) -> None:
    path = write(tmp_path / "words.json", {**WORDING, **changes})
    with pytest.raises(InputError, match=reason):
        plan_text(str(path), loaded, "past")


def test_the_program(tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    write(tmp_path / "words.json", WORDING)
    line = f"probe plan --model {folder} --dimension past --output plan.json --wording"
    done(tmp_path, line, "words.json")
    assert json.loads((tmp_path / "plan.json").read_text()) == PLAN
