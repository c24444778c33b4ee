"""`assay audit`: runs of small models of every family, from their rows to the verdict."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from assay_program import DONE, REJECTED, done, refused, report
from audit_runs import answer, make_model, root_of

FAMILIES = ["llama", "mistral", "qwen2", "qwen3", "gemma", "gpt2"]
PROMPT = [3, 17, 92, 5, 64, 8, 31, 77, 2]
TOKENS = 8
CHECK = "audit check --head run/head --provider provider.key.pub --request request --challenge"


def prepare(
    where: Path,
    family: str,
    dtype: torch.dtype,
    cheat: Callable[[PreTrainedModel], None] = lambda model: None,
) -> None:
    """A model, a provider's run of it as `run`, and a challenge of all tokens and blocks."""
    done(where, "keygen --out provider.key")
    model = make_model(family, dtype, where / "model")
    cheat(model)
    run = answer(where, model, root_of(where, "model"), PROMPT, TOKENS)
    (where / "run").symlink_to(run)
    done(
        where,
        "audit challenge --head run/head --provider provider.key.pub --record drawn --out all"
        f" --tokens {TOKENS} --attention-blocks 3",
    )
    done(where, "audit open --run run --challenge all --out openings")


@pytest.mark.parametrize(
    ("family", "dtype"),
    [
        *((family, dtype) for family in FAMILIES for dtype in (torch.bfloat16, torch.float32)),
        ("llama", torch.float16),
    ],
)
def test_an_honest_run_of_each_family(tmp_path: Path, family: str, dtype: torch.dtype) -> None:
    prepare(tmp_path, family, dtype)
    name = str(dtype).removeprefix("torch.")
    found = report(
        tmp_path, f"{CHECK} all --openings openings --weights model --dtype", name, code=DONE
    )
    assert found["verdict"] == "accepted"
    grades = {check["step"]: check["grade"] for check in found["checks"]}
    assert grades["chain"] == grades["attention"] == grades["token"] == "recomputed"
    assert not [note for note in found["notes"] if "not checked" in note]

    done(tmp_path, f"audit enroll --weights model --out key --dtype {name}")
    assert report(tmp_path, f"{CHECK} all --openings openings --key key.0")["verdict"] == "accepted"


def test_products_alone_of_a_family_that_is_not_known(tmp_path: Path) -> None:
    prepare(tmp_path, "gpt_neox", torch.bfloat16)
    line = f"{CHECK} all --openings openings"
    done(tmp_path, "audit enroll --weights model --out key")
    for reference in ("--weights model", "--key key.0"):
        found = report(tmp_path, f"{line} {reference}")
        assert found["verdict"] == "accepted"
        assert any("products alone are checked" in note for note in found["notes"])
        grades = {check["step"]: check["grade"] for check in found["checks"]}
        assert grades["chain"] == grades["attention"] == "missing"
        assert grades["token"] == "recomputed"


def other_weight(block: nn.Module) -> nn.Module:
    with torch.no_grad():
        block.mlp.get_submodule("c_fc" if hasattr(block.mlp, "c_fc") else "up_proj").weight.mul_(
            1.02
        )
    return block


def other_attention(block: nn.Module) -> nn.Module:
    output = block.attn.c_proj if hasattr(block, "attn") else block.self_attn.o_proj
    output.register_forward_pre_hook(lambda _, inputs: (inputs[0] * 1.02,))
    return block


def other_norm(block: nn.Module) -> nn.Module:
    norm = block.ln_2 if hasattr(block, "ln_2") else block.post_attention_layernorm
    norm.register_forward_hook(lambda _, inputs, output: output * 1.02)
    return block


@pytest.mark.parametrize(
    ("family", "dtype"),
    [*((family, torch.bfloat16) for family in FAMILIES), ("gpt2", torch.float32)],
)
@pytest.mark.parametrize(
    ("change", "step"),
    [(other_weight, "product"), (other_attention, "attention"), (other_norm, "chain")],
)
def test_two_per_cent_off_in_one_place(
    tmp_path: Path,
    family: str,
    dtype: torch.dtype,
    change: Callable[[nn.Module], nn.Module],
    step: str,
) -> None:
    def cheat(model: PreTrainedModel) -> None:
        base = model.base_model
        change((base.h if hasattr(base, "h") else base.layers)[1])

    prepare(tmp_path, family, dtype, cheat)
    name = str(dtype).removeprefix("torch.")
    line = f"{CHECK} all --openings openings"
    assert report(tmp_path, f"{line} --weights model --dtype {name}", code=REJECTED)["step"] == step
    done(tmp_path, f"audit enroll --weights model --out key --dtype {name}")
    assert report(tmp_path, f"{line} --key key.0", code=REJECTED)["step"] == step


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An honest run of a llama in bf16; do not change it."""
    where = tmp_path_factory.mktemp("made")
    prepare(where, "llama", torch.bfloat16)
    done(where, "audit enroll --weights model --epochs 2 --out key")
    return where


def test_a_key_does_for_the_weights(made: Path) -> None:
    found = report(made, f"{CHECK} all --openings openings --key key.0")
    assert found["verdict"] == "accepted"
    grades = {check["step"]: check["grade"] for check in found["checks"]}
    assert grades["product"] == "statistical"
    assert found["miss_bound"] == pytest.approx(0.9**TOKENS)


def test_a_rejection_by_the_key_ends_its_epoch(made: Path, tmp_path: Path) -> None:
    for name in ("provider.key", "provider.key.pub"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    (tmp_path / "provider.key").chmod(0o600)
    other = make_model("llama", torch.bfloat16, tmp_path / "other")
    with torch.no_grad():
        other.model.layers[1].mlp.up_proj.weight.mul_(1.02)
    run = answer(tmp_path, other, root_of(made, "model"), PROMPT, TOKENS)
    (tmp_path / "run").symlink_to(run)
    done(
        tmp_path,
        "audit challenge --head run/head --provider provider.key.pub --record drawn --out one"
        " --tokens 1",
    )
    done(tmp_path, "audit open --run run --challenge one --out openings")
    done(made, "audit enroll --weights model --out", tmp_path / "mine")
    line = f"{CHECK} one --openings openings --key mine.0"
    found = report(tmp_path, f"{line} --record drawn", code=REJECTED)
    assert found["step"] == "product"
    assert found["provider"] | {"key_id": ""} == {
        "key_id": "", "accepted": 0, "rejected": 1, "inconclusive": 0, "missing": 0,
    }  # fmt: skip
    assert "epoch ended" in refused(tmp_path, line)
    # Without a secret nothing is used up.
    assert report(
        tmp_path, f"{CHECK} one --openings openings --weights", made / "model", code=REJECTED
    )["step"] == "product"  # fmt: skip


def test_no_answer_is_a_rejection_that_is_counted(made: Path, tmp_path: Path) -> None:
    record = tmp_path / "record"
    shutil.copytree(made / "drawn", record)
    line = f"{CHECK} all --no-answer --weights model --record"
    found = report(made, line, record, code=REJECTED)
    assert found["step"] == "missing"
    assert found["provider"]["missing"] == 1
    # The same challenge again is no second one.
    assert report(made, line, record, code=REJECTED)["provider"]["missing"] == 1


def test_a_challenge_that_was_not_drawn_is_refused(made: Path, tmp_path: Path) -> None:
    line = f"{CHECK} all --openings openings --weights model --record"
    assert "no challenge was drawn for this head" in refused(made, line, tmp_path / "none")
    drawing = "audit challenge --head run/head --provider provider.key.pub --tokens 1 --record"
    done(made, drawing, tmp_path / "other", "--out", tmp_path / "own")
    assert "another challenge was drawn" in refused(made, line, tmp_path / "other")


def test_a_challenge_is_drawn_once_and_of_the_size_of_the_risk(made: Path, tmp_path: Path) -> None:
    line = "audit challenge --head run/head --provider provider.key.pub --record"
    out = ["--out", tmp_path / "c"]
    found = report(made, line, tmp_path / "record", "--risk", 0.3, "--share", 0.3, *out)
    assert found["tokens"] == 4  # 0.7^4 = 0.24, 0.7^3 = 0.34
    assert found["attention"] == 8
    assert found["miss_bound"] == pytest.approx(0.7**4)
    again = refused(made, line, tmp_path / "record", "--tokens", 1, "--out", "never")
    assert "a challenge was drawn" in again
    assert "exactly one of --tokens and --risk" in refused(
        made, line, tmp_path / "other", "--out", "never"
    )
    assert "risk" in refused(made, line, tmp_path / "other", "--risk", 2, "--out", "never")


def test_files_that_do_not_belong_are_refused(made: Path, tmp_path: Path) -> None:
    assert "--weights" in refused(made, f"{CHECK} all --openings openings")
    assert "--openings" in refused(made, f"{CHECK} all --weights model")
    assert "'int8'" in refused(
        made, f"{CHECK} all --openings openings --weights model --dtype int8"
    )
    cut = tmp_path / "cut"
    cut.write_bytes((made / "openings").read_bytes()[:-9])
    assert "cut" in refused(made, f"{CHECK} all --weights model --openings", cut)
    asked = json.loads((made / "request").read_text())
    asked["nonce"] = "ab" * 32
    other = tmp_path / "request"
    other.write_text(json.dumps(asked, separators=(",", ":")) + "\n")
    line = CHECK.replace("--request request", f"--request {other}")
    assert (
        report(made, f"{line} all --openings openings --weights model", code=REJECTED)["step"]
        == "head"
    )


def test_keygen_keeps_a_key_that_is_there(tmp_path: Path) -> None:
    first = report(tmp_path, "keygen --out key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert "--force" in refused(tmp_path, "keygen --out key")
    second = report(tmp_path, "keygen --out key --force")
    assert first["key_id"] != second["key_id"]
