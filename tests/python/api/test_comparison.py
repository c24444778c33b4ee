"""Where two captures differ: in memory, in files, by the command and by the program that draws."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from transformers import PreTrainedModel

from assay import DecodeError, InputError, compare
from assay_program import REJECTED, done, refused, report
from tiny_models import LAYERS, VOCAB, tiny

TOKENS = 17


def layers_of(model: PreTrainedModel, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        states = model(ids, output_hidden_states=True).hidden_states
    return {f"layer_{index}": state for index, state in enumerate(states)}


@contextmanager
def perturbed(model: PreTrainedModel, block: int, token: int, by: float) -> Iterator[None]:
    """Have an MLP return another value for one token; what is behind it follows."""

    def change(_module: object, _given: object, out: torch.Tensor) -> torch.Tensor:
        state = out.clone()
        state[0, token, 3] += by
        return state

    handle = model.model.layers[block].mlp.down_proj.register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_perturbed_layer_and_token_are_found(dtype: torch.dtype) -> None:
    model = tiny("llama", dtype)
    draw = random.Random(5)
    for _ in range(25):
        ids = torch.tensor([[draw.randrange(1, VOCAB) for _ in range(TOKENS)]])
        # Behind the last block comes the final norm, which is what the last layer shows.
        block, token = draw.randrange(LAYERS), draw.randrange(TOKENS)
        honest = layers_of(model, ids)
        with perturbed(model, block, token, 0.5):
            other = layers_of(model, ids)
        found = compare(honest, other)
        assert found.first() == (f"layer_{block + 1}", token)
        assert found.first_token() == (f"layer_{block + 1}", token)
        assert not found.within(1e-3)
        assert compare(honest, layers_of(model, ids)).first() is None


def test_arrays_and_measures() -> None:
    a = {"x": np.array([[3, 4], [1, 0]], np.float32)}
    b = {"x": np.array([[3, 4], [0, np.inf]], np.float32)}
    found = compare(a, b, top=1)
    (layer,) = found.layers
    assert layer.dtypes == ("float32", "float32")
    assert layer.unequal.tolist() == [0, 2]
    assert layer.relative_error.tolist() == [0, np.inf]
    assert layer.overlap.tolist() == [1, 0]
    assert found.first(1e9) == ("x", 1)
    assert compare(a, a).within(0)
    assert "None" in repr(compare(a, a))
    half = {"x": torch.tensor([[3, 4], [1, 0]], dtype=torch.bfloat16)}
    assert compare(a, half).within(0)
    with pytest.raises(InputError, match="tolerance"):
        found.first(float("nan"))
    with pytest.raises(InputError, match="inf is not a finite number"):
        found.within(float("inf"))  # all would be
    for tokens in ((0, 3), (2, 1)):
        with pytest.raises(InputError, match="layer x: no tokens"):
            compare(a, b, tokens=tokens)
    with pytest.raises(InputError, match="no layer is in both"):
        compare(a, {"y": a["x"]})
    assert compare(a, {"y": a["x"]}, by_order=True).layers[0].other_name == "y"
    with pytest.raises(InputError, match="int32"):
        compare(a, {"x": np.ones((2, 2), np.int32)})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """a, the same as b, and c with another token 5 of layer_1 and of what follows."""
    values = np.random.default_rng(3).standard_normal((3, 8, 16)).astype(np.float32)
    other = values.copy()
    other[1, 5, 2] += 1
    other[2, 5:] *= 1.5
    for name, states in (("a", values), ("b", values), ("c", other)):
        save_file({f"layer_{i}": state for i, state in enumerate(states)}, tmp_path / name)
    return tmp_path


def test_the_command(files: Path) -> None:
    assert done(files, "compare a b").startswith("no value differs\n")
    printed = done(files, "compare a c")
    assert printed.startswith("first difference: layer_1 at token 5: 1 of 16 values,")
    assert printed.count("\n") == 5
    done(files, "compare a c --tolerance 0.5", code=REJECTED)
    done(files, "compare a c --tolerance 0.6")
    done(files, "compare a c --tokens 0:5 --tolerance 0")
    found = report(files, "compare a c --tolerance 0.1", code=REJECTED)
    assert found["first"] == {"layer": "layer_1", "token": 5}
    assert found["within"] is False
    assert found["a"] == "a"
    assert found == json.loads(
        json.dumps(
            {"a": "a", "b": "c"} | json.loads(compare(files / "a", files / "c").to_json(0.1))
        )
    )


def test_the_command_on_what_it_cannot_compare(files: Path) -> None:
    assert "--tolerance" in refused(files, "compare", "a", "b", "--tolerance", "-1")
    for verb in (
        "audit listen --weights x --idle",
        "audit listen --weights x --timeout",
        "compare a b --tolerance",
    ):
        for wrong in ("nan", "-nan", "inf", "1e999"):
            assert f"'{wrong}' is not a finite number" in refused(files, *verb.split(), wrong)
    for tokens in ("3", "3:", ":3", "-1:3", "0:3x"):
        assert "--tokens" in refused(files, "compare", "a", "b", "--tokens", tokens)
    assert "layer_0: no tokens 0 to 9" in refused(files, "compare", "a", "b", "--tokens", "0:9")
    assert "none" in refused(files, "compare", "a", "none")
    (files / "text").write_text("nothing")
    assert "text" in refused(files, "compare", "text", "a")
    with pytest.raises(DecodeError):
        compare(files / "text", files / "a")
    with pytest.raises(InputError, match="none"):
        compare(files / "a", files / "none")


def test_the_pictures(files: Path) -> None:
    for name in ("where.png", "where.vl.json"):
        assert "layer_1" in done(files, "compare a c --plot", name)
    assert (files / "where.png").read_bytes().startswith(b"\x89PNG")
    described = json.loads((files / "where.vl.json").read_text())
    cells = described["concat"][0]["layer"][0]["data"]["values"]
    assert {(cell["row"], cell["x"]) for cell in cells} == {
        ("layer_1", 5), ("layer_2", 5), ("layer_2", 6), ("layer_2", 7)
    }  # fmt: skip
    done(files, "compare a b --plot same.png")
    done(files, "compare a c --tolerance 0.1 --plot again.png", code=REJECTED)
    assert "where.gif" in refused(files, "compare", "a", "c", "--plot", "where.gif")
    assert report(files, "compare a c --plot once.png")["first"]["token"] == 5
    # More tokens than columns.
    wide = {"x": np.ones((1500, 1), np.float32)}
    changed = {"x": wide["x"].copy()}
    changed["x"][1499] = 2
    changed["x"][700] = np.inf
    compare(wide, changed).draw(files / "wide.vl.json")
    layers = json.loads((files / "wide.vl.json").read_text())["concat"][0]["layer"]
    assert [cell["x"] for layer in layers for cell in layer["data"]["values"]] == [1497, 699]


def test_without_the_program_that_draws(files: Path) -> None:
    alone = files / "alone"
    alone.mkdir()
    program = alone / "assay"
    program.write_bytes(Path(sys.executable).with_name("assay").read_bytes())
    program.chmod(0o755)
    ended = subprocess.run(
        [program, "compare", "a", "b", "--plot", "x.png"], cwd=files, env={"PATH": str(alone)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "assay-compare, which is neither" in ended.stderr
