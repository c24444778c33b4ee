"""Slices, sets of them, batches and blocks through the verbs."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from assay_program import INCONCLUSIVE, REJECTED, done, refused, report

LAYERS, TOKENS, WIDTH = 3, 6, 10


def run_of(tokens: int, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        f"layer_{i}": rng.normal(size=(tokens, WIDTH)).astype(np.float16) for i in range(LAYERS)
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_file(run_of(TOKENS), tmp_path / "run.safetensors")
    axes = report(tmp_path, "commit --tensor run.safetensors --plan --layout model")["axes"]
    done(tmp_path, "srs dev --seed 3 --out m.srs --axes", ",".join(map(str, axes)))
    done(tmp_path, "srs trim --srs m.srs --from-level 1 --out m.level1.srs")
    done(tmp_path, "commit --tensor run.safetensors --layout model --srs m.srs --out m.com")
    return tmp_path


PROVE = "prove --tensor run.safetensors --srs m.srs --commitment m.com --out m.proofs"
VERIFY = "verify --commitment m.com --proofs m.proofs"


def test_a_layer_through_every_verb(model: Path) -> None:
    made = report(model, f"{PROVE} --layer layer_1")
    assert made["num_proofs"] == 1
    assert (model / "m.proofs").stat().st_size == 110 + TOKENS * WIDTH * 2
    found = report(model, f"{VERIFY} --srs m.level1.srs --layer 1 --values-out out.safetensors")
    assert found["proofs"][0]["point"] == {"axes": [0], "positions": [1]}
    assert found["proofs"][0]["num_values"] == TOKENS * WIDTH
    values = load_file(model / "out.safetensors")["proof_0"]
    np.testing.assert_array_equal(values, run_of(TOKENS)["layer_1"])
    assert "axes 0 at position 1: 60 values" in done(model, f"{VERIFY} --srs m.srs")
    # The verifier's part alone says what is needed.
    told = report(model, f"{VERIFY} --srs m.vk", code=INCONCLUSIVE)
    assert told["step"] == "levels"
    assert "--from-level 1" in told["reason"]
    assert (model / "m.level1.srs").stat().st_size < (model / "m.srs").stat().st_size
    digests = [report(model, f"srs verify --srs {f}", code=c)["srs_digest"]
               for f, c in (("m.srs", 0), ("m.level1.srs", INCONCLUSIVE))]  # fmt: skip
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("flags", "index"),
    [
        ("--token 5", np.s_[:, 5]),
        ("--token 2..4", np.s_[:, 2:5]),
        ("--dim 9", np.s_[:, :, 9]),
        ("--layer 2 --token 0..5", np.s_[2, :]),
        ("--layer layer_0 --dim 3", np.s_[0, :, 3]),
        ("--token 1 --dim 0", np.s_[:, 1, 0]),
        ("--layer 1 --token 1..2 --dim 4", np.s_[1, 1:3, 4]),
    ],
)
def test_any_combination(model: Path, flags: str, index: object) -> None:
    done(model, f"{PROVE} {flags}")
    done(model, f"{VERIFY} --srs m.srs {flags} --tensor run.safetensors --values-out v")
    whole = np.stack(list(run_of(TOKENS).values()))
    expected = whole[index]
    if "--token" in flags and ".." in flags and "--layer" not in flags:
        expected = expected.swapaxes(0, 1)  # token by token
    np.testing.assert_array_equal(load_file(model / "v")["proof_0"], expected)


def test_what_was_not_asked_is_no_answer(model: Path) -> None:
    done(model, f"{PROVE} --layer 1")
    for other in ("--layer 2", "--token 1", "--layer 1 --token 1"):
        assert report(model, f"{VERIFY} --srs m.srs {other}", code=REJECTED)["step"] == "challenge"
    proofs = bytearray((model / "m.proofs").read_bytes())
    proofs[52 + 13 + 9 + 7] ^= 1  # a value
    (model / "m.proofs").write_bytes(proofs)
    found = report(model, f"{VERIFY} --srs m.srs --values-out v", code=REJECTED)
    assert found["step"] == "opening equation"
    assert not (model / "v").exists()


def test_flags_that_name_nothing(model: Path) -> None:
    for flags, words in (
        ("--layer 3", "no layer is called '3'"), ("--layer x", "no layer is called 'x'"),
        ("--token 6", "6 is not below 6"), ("--token 4..2", "has no token"),
        ("--token 1.2", "not a whole number"), ("--dim 10", "10 is not below 10"),
    ):  # fmt: skip
        assert words in refused(model, f"{PROVE} {flags}")
    np.save(model / "flat.npy", np.arange(4))
    done(model, "srs dev --seed 3 --out f.srs --axes 4")
    done(model, "commit --tensor flat.npy --srs f.srs --out f.com")
    line = "prove --tensor flat.npy --srs f.srs --commitment f.com --out f.proofs --layer 0"
    assert "layout flat" in refused(model, line)
    assert "is not in 0 to" in refused(model, "srs trim --srs m.srs --from-level 9 --out x.srs")


@pytest.mark.parametrize("unit", ["token", "layer"])
def test_challenges_of_units(model: Path, unit: str) -> None:
    drawn = report(model, f"challenge --commitment m.com --unit {unit} --num-queries 2 --out c")
    assert (drawn["unit"], drawn["num_units"], drawn["num_queries"]) == (unit, 2, 1)
    done(model, f"{PROVE} --challenge c")
    found = report(model, f"{VERIFY} --srs m.srs --challenge c --challenge-digest",
                   drawn["challenge_digest"])  # fmt: skip
    assert len(found["proofs"][0]["point"]["positions"]) == 2
    assert "none of entry, token and layer" in refused(
        model, "challenge --commitment m.com --unit byte --out d"
    )


def test_a_batch_names_every_bad_one(tmp_path: Path) -> None:
    done(tmp_path, "srs dev --seed 3 --out s.srs --axes 4,5")
    lines = ["# a remark", ""]
    for k in range(12):
        np.save(tmp_path / "t.npy", np.arange(20).reshape(4, 5) + k)
        digest = report(tmp_path, f"commit --tensor t.npy --srs s.srs --out {k}.com")["digest"]
        done(tmp_path, f"prove --tensor t.npy --srs s.srs --commitment {k}.com --out {k}.proofs "
                       "--at 1,2 --at 3,4")  # fmt: skip
        lines.append(f"{k}.com\t{k}.proofs" + (f"\t{digest}" if k % 2 else ""))
    (tmp_path / "list").write_text("\n".join(lines) + "\n")
    good = report(tmp_path, "verify --batch list --srs s.vk")
    assert good["verdict"] == "accepted"
    assert [claim["verdict"] for claim in good["claims"]] == ["accepted"] * 12
    for k in (2, 7, 8):
        proofs = bytearray((tmp_path / f"{k}.proofs").read_bytes())
        proofs[52 + 9] ^= 1  # the first value
        (tmp_path / f"{k}.proofs").write_bytes(proofs)
    found = report(tmp_path, "verify --batch list --srs s.vk", code=REJECTED)
    assert [k for k in range(12) if found["claims"][k]["verdict"] == "rejected"] == [2, 7, 8]
    assert found["item"] == 2
    assert [found["claims"][k]["false_proofs"] for k in (2, 7, 8)] == [[0]] * 3
    text = done(tmp_path, "verify --batch list --srs s.vk", code=REJECTED)
    assert [line.split(":")[0].strip() for line in text.splitlines() if ".proofs" in line] == [
        "2.proofs", "7.proofs", "8.proofs",
    ]  # fmt: skip
    # Each is judged as it would be alone.
    alone = report(tmp_path, "verify --commitment 7.com --proofs 7.proofs --srs s.vk --digest",
                   json.loads(json.dumps(lines[9].split("\t")[2])), code=REJECTED)  # fmt: skip
    assert alone["step"] == found["claims"][7]["step"]
    assert alone["checks"] == found["claims"][7]["checks"]


def test_lists_that_are_none(model: Path) -> None:
    for text in ("", "a\n", "m.com\tm.proofs\tx\n", "m.com\tmissing\n", "m.com\tb\tc\td\n"):
        (model / "list").write_text(text)
        refused(model, "verify --batch list --srs m.vk")
    assert "does not go with --batch" in refused(
        model, "verify --batch list --srs m.vk --commitment m.com"
    )


def test_a_run_in_blocks(tmp_path: Path) -> None:
    turns = [run_of(10, seed=1), run_of(3, seed=2)]
    save_file(turns[0], tmp_path / "one.safetensors")
    save_file(turns[1], tmp_path / "two.safetensors")
    plan = report(tmp_path, "commit --tensor one.safetensors --blocks 4 --plan")
    done(tmp_path, "srs dev --seed 3 --out b.srs --axes", ",".join(map(str, plan["axes"])))
    first = report(tmp_path, "commit --tensor one.safetensors --blocks 4 --srs b.srs --out run")
    assert (first["num_blocks"], first["new_blocks"]) == (3, 3)
    done(tmp_path, "log head --log run/log --out kept")
    assert "--append" in refused(
        tmp_path, "commit --tensor one.safetensors --blocks 4 --srs b.srs --out run"
    )
    assert "have room for 4 tokens" in refused(
        tmp_path, "commit --tensor two.safetensors --blocks 2 --srs b.srs --out run --append"
    )
    more = report(
        tmp_path, "commit --tensor two.safetensors --blocks 4 --srs b.srs --out run --append"
    )
    assert (more["num_blocks"], more["new_blocks"]) == (4, 1)
    assert more["blocks"][0]["header"]["first_token"] == 12
    for k in range(4):
        done(tmp_path, f"log prove --log run/log --block {k} --head kept --out {k}.logproof")
        block = f"--commitment run/block-{k:06}.commitment"
        found = report(tmp_path, f"log verify {block} --proof {k}.logproof --head kept")
        assert found["verdict"] == "accepted"
        noted = report(tmp_path, f"log verify {block} --proof {k}.logproof --head-out next")
        assert any("rewritten" in note for note in noted["notes"])
    other = "--commitment run/block-000001.commitment --proof 2.logproof"
    assert report(tmp_path, f"log verify {other}", code=REJECTED)["step"] == "block"
    # An opening of a block, out of the whole run, and against the verifier's own.
    names = "--commitment run/block-000002.commitment --tensor one.safetensors --block"
    done(tmp_path, f"prove --srs b.srs {names} --layer layer_1 --out p")
    done(tmp_path, f"verify --srs b.srs {names} --proofs p --layer layer_1 --values-out v")
    np.testing.assert_array_equal(load_file(tmp_path / "v")["proof_0"], turns[0]["layer_1"][8:10])
    # Who writes the first turn anew has another log.
    save_file(run_of(10, seed=9), tmp_path / "one.safetensors")
    done(tmp_path, "commit --tensor one.safetensors --blocks 4 --srs b.srs --out new")
    done(tmp_path, "log prove --log new/log --block 0 --head kept --out n.logproof")
    line = "log verify --commitment new/block-000000.commitment --proof n.logproof --head kept"
    assert report(tmp_path, line, code=REJECTED)["step"] == "new root"
    (tmp_path / "n.logproof").write_bytes((tmp_path / "n.logproof").read_bytes()[:-1])
    assert "n.logproof" in refused(tmp_path, line)
