"""What a hostile file may cost the verbs of audits, weights, layers, TOPLOC's engines and probes.

The bar of test_costs.py, over the files of the rooms that came after it.
"""

import base64
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import probe_files
from assay_program import done
from hostile_files import MB, check, cost_of, hostile_bytes

pytestmark = pytest.mark.soak

VECTORS = Path(__file__).resolve().parents[3] / "vectors"
SPKI = bytes.fromhex("302a300506032b6570032100")  # of an Ed25519 key, RFC 8410


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an honest file of every kind."""
    where = tmp_path_factory.mktemp("made")
    llama = VECTORS / "audit" / "llama"
    for name in ("head", "openings", "challenge", "request"):
        shutil.copy(llama / "honest" / name, where / f"a.{name}")
    shutil.copytree(llama / "model", where / "model")
    key = bytes.fromhex(json.loads((VECTORS / "audit" / "digests.json").read_text())["public_key"])
    text = base64.b64encode(SPKI + key).decode()
    pem = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"
    (where / "a.pub").write_text(pem)
    shutil.copytree(VECTORS / "audit" / "run", where / "run")
    shutil.copy(VECTORS / "audit" / "challenge", where / "r.challenge")
    (where / "a.profile").write_text(
        json.dumps(
            {
                "format": "assay/audit/profile/v1",
                "name": "mine",
                "model": "m",
                "dtype": "bfloat16",
                "device": "cpu",
                "kernel": "sdpa",
                "variance_factor": 1.5,
                "differing_share": 0.0125,
                "attention_error": 0.006,
                "false_alarm_bound": None,
                "honest_runs": 10,
            },
            indent=2,
        )
        + "\n"
    )
    probe_files.make(where)
    write_causal(where)
    rows = np.random.default_rng(3).standard_normal((5, 12)).astype(np.float32).tolist()
    meta = {"prompt_tokens": 3, "completion_tokens": 3, "hidden_states": [rows[:3], *rows[3:]]}
    response = {"text": "x", "output_ids": [1, 2, 3], "meta_info": meta}
    (where / "response.json").write_text(json.dumps(response))
    layers = {f"layer_{i}": np.ones((1, 2, 12), np.float32) for i in range(2)}
    save_file(layers, where / "x.safetensors")
    for line in (
        "audit enroll --weights model --out key",
        "layers score --weights model --out scores.json",
        "layers select --scores scores.json --budgets 2000,2000 --output result.json",
        "manifest make --weights model --out m.manifest",
        "probe checkpoint --unembedding u.gotue --output u.gotgeo",
        "manifest open --weights model --tensor lm_head.weight --row 3 --out m.row",
    ):
        done(where, line)
    return where


def write_causal(where: Path) -> None:
    """A plan, and results that follow it."""
    alphas = [-1.0, 0.0, 1.0]
    plan = {
        "format": "assay/probe/causal-plan/v1", "dimension": "tense", "positive": [1],
        "negative": [2], "prompts": [[3, 4], [5]], "neutral": [[6]], "kl_bound": 0.5,
        "alphas": alphas, "random_directions": 200, "seed": 3,
    }  # fmt: skip
    text = json.dumps(plan)
    (where / "a.plan").write_text(text)
    probes = (where / "p.json").read_bytes()
    results = {
        "format": "assay/probe/causal/v1",
        "plan_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "probe_set_sha256": hashlib.sha256(probes).hexdigest(), "model_id": "test/model",
        "layer": 5, "dimension": "tense", "alphas": alphas, "kl_bound": 0.5,
        "dose": [[-1.0, 0.0, 1.0], [-1.1, 0.0, 1.2]], "random_dose": [[-0.1, 0.0, 0.1]] * 200,
        "ablated": [0.0, 0.1], "random_ablated": [0.0] * 200, "neutral_kl": [0.1],
    }  # fmt: skip
    (where / "a.causal").write_text(json.dumps(results))


CHECK = (
    "audit check --head {head} --provider {pub} --request {request} --challenge {challenge} "
    "--openings {openings} {by}"
)
FILES = {
    "head": "a.head", "pub": "a.pub", "request": "a.request", "challenge": "a.challenge",
    "openings": "a.openings", "by": "--weights model",
}  # fmt: skip


def checking(**changed: str) -> str:
    return CHECK.format(**{**FILES, **changed})


ROOT = "1" * 64
VERIFY = probe_files.VERIFY
TRAINED = probe_files.TRAIN + " --layer 5 --permutations 3 --rows a.rows --output p"
LINES = {
    "a.head": [checking(head="{}"), "audit challenge --head {} --provider a.pub --tokens 1 "
               "--weights model --record p.d --out p"],
    "a.pub": [checking(pub="{}")],
    "a.request": [checking(request="{}")],
    "a.challenge": [checking(challenge="{}")],
    "r.challenge": ["audit open --run run --challenge {} --out p"],
    "a.openings": [checking(openings="{}"), checking(openings="{}", by="--key key.0")],
    "key.0": [checking(by="--key {}")],
    "a.profile": [checking(by="--weights model --profile {}")],
    "run/head": ["audit open --run {}/.. --challenge r.challenge --out p"],
    "run/steps": ["audit open --run {}/.. --challenge r.challenge --out p"],
    "run/rows": ["audit open --run {}/.. --challenge r.challenge --out p"],
    "scores.json": ["layers select --scores {} --budgets 2000,2000 --output p"],
    "scores.json.spectra": ["layers score --weights model --spectra {} --out p"],
    "result.json": ["layers select --scores scores.json --budgets 2000,2000 --check {}"],
    "m.manifest": ["manifest check --weights model --manifest {}",
                   checking(by="--weights model --manifest {}")],
    "m.row": [f"manifest verify --opening {{}} --root {ROOT}"],
    "model/config.json": ["layers score --weights {}/.. --out p",
                          "manifest make --weights {}/.. --out p",
                          checking(by="--weights {}/..")],
    "model/model.safetensors": ["layers score --weights {}/.. --out p",
                                "manifest make --weights {}/.. --out p",
                                checking(by="--weights {}/..")],
    "a.gotact": ["probe inspect {}", VERIFY.replace("a.gotact", "{}"),
                 "compare {} a.gotact", TRAINED.replace("a.gotact", "{}")],
    "a.labels": [TRAINED.replace("a.labels", "{}")],
    "a.rows": [VERIFY + " --rows {}", "probe inspect {}"],
    "u.gotue": ["probe inspect {}", TRAINED.replace("u.gotue", "{}"),
                VERIFY + " --unembedding {}"],
    "u.gotgeo": ["probe inspect {}", "probe drift u.gotgeo {}"],
    "p.json": ["probe inspect {}", VERIFY.replace("p.json", "{}")],
    "e.json": ["probe inspect {}", VERIFY + " --evaluation {}"],
    "s": ["probe inspect {}", VERIFY.replace("--attestation s", "--attestation {}")],
    "s.tokens": [VERIFY + " --tokens {}"],
    "key.pub": [VERIFY.replace("key.pub", "{}")],
    "a.plan": ["probe inspect {}", VERIFY + " --causal a.causal --plan {}"],
    "a.causal": ["probe inspect {}", VERIFY + " --causal {} --plan a.plan"],
    "response.json": ["compare {} response.json"],
    "x.safetensors": ["compare {} x.safetensors", "compare x.safetensors {}"],
}  # fmt: skip


def placed(made: Path, name: str, data: bytes, folder: Path) -> str:
    """Where the verb finds the file: by itself, or as the one bad file of a directory."""
    if "/" not in name:
        (folder / name).write_bytes(data)
        (folder / name).chmod((made / name).stat().st_mode)  # a key is for its owner alone
        return str(folder / name)
    shutil.copytree((made / name).parent, folder, dirs_exist_ok=True)
    (folder / Path(name).name).write_bytes(data)
    (folder / "inside").mkdir(exist_ok=True)
    return str(folder / "inside")


def ready(line: str, path: str, folder: Path) -> str:
    for written in ("--out p", "--output p"):
        line = line.replace(written, f"{written[:-1]}{folder}/p")
    return line.replace("--record p.d", f"--record {folder}/p.d").format(path)


# Honest files of another root, and of a check that the statement does not bind.
REJECTED = {"m.row": (1,), "a.plan": (0, 1), "a.causal": (0, 1)}


@pytest.mark.parametrize("name", LINES)
def test_honest_files_are_read(made: Path, name: str, tmp_path: Path) -> None:
    """The file of each line, where it is the verb that it is meant for."""
    path = placed(made, name, (made / name).read_bytes(), tmp_path)
    for line in LINES[name]:
        cost = cost_of(made, ready(line, path, tmp_path))
        assert cost.code in (REJECTED.get(name, (0, 3))), (line, cost)


@pytest.mark.parametrize("name", LINES)
def test_files_that_are_wrong_in_themselves(made: Path, name: str, tmp_path: Path) -> None:
    for what, data in hostile_bytes((made / name).read_bytes(), 6 * MB).items():
        for line in LINES[name]:
            path = placed(made, name, data, tmp_path)
            print(name, line, what)
            check(cost_of(made, ready(line, path, tmp_path)), len(data), 0)


# A hole costs nothing to send. What is wrong at the first byte must not be read to the last.
@pytest.mark.parametrize("name", [name for name in LINES if "/" not in name])
def test_holes(made: Path, name: str, tmp_path: Path) -> None:
    for head in (b"", (made / name).read_bytes()[:8]):
        path = placed(made, name, head, tmp_path)
        os.truncate(path, 2 << 30)
        for line in LINES[name]:
            cost = cost_of(made, ready(line, path, tmp_path))
            assert cost.code in (1, 2), (line, cost)
            assert cost.seconds <= 2, (line, cost)
            assert cost.peak <= 64 * MB, (line, cost)
