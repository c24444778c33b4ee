"""`assay manifest`: the root of a folder's weights, rows that open against it, checked folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from assay_program import REJECTED, done, refused, report

VERIFY = "manifest verify --opening row --root"


def save(where: Path, weights: dict[str, np.ndarray], shards: int = 1) -> None:
    """The weights, dealt out over files."""
    where.mkdir(exist_ok=True)
    (where / "config.json").write_text('{"model_type": "llama"}')
    if shards == 1:
        save_file(weights, where / "model.safetensors")
        return
    names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    for i, name in enumerate(names):
        save_file({key: weights[key] for key in list(weights)[i::shards]}, where / name)
    index = {key: names[i % shards] for i, key in enumerate(weights)}
    (where / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))


def sample() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    return {
        "model.embed_tokens.weight": draw.standard_normal((500, 96)).astype(np.float32),
        "model.layers.0.mlp.up_proj.weight": draw.standard_normal((64, 96)).astype(np.float16),
        "model.norm.weight": np.ones(96, np.float32),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whole and in shards, its manifest and a row; do not change it."""
    where = tmp_path_factory.mktemp("made")
    save(where / "whole", sample())
    save(where / "shards", sample(), 3)
    done(where, "manifest make --weights whole --out m")
    done(
        where,
        "manifest open --weights shards --tensor model.embed_tokens.weight --row 417 --out row",
    )
    return where


def root_of(made: Path) -> str:
    return str(report(made, "manifest make --weights whole")["root"])


def test_make_says_what_the_model_is(made: Path) -> None:
    found = report(made, "manifest make --weights whole")
    assert (found["tensors"], found["model_type"]) == (3, "llama")
    assert found["bytes"] == sum(one.nbytes for one in sample().values())
    assert [one["name"] for one in found["files"]] == ["config.json"]
    assert "out" not in found
    sharded = report(made, "manifest make --weights shards")
    assert (sharded["root"], sharded["manifest_digest"]) == (
        found["root"],
        found["manifest_digest"],
    )
    words = done(made, "manifest make --weights whole")
    assert words.startswith(f"root {found['root']}\nof 3 tensors, ")


def test_a_row_opens_against_the_root(made: Path, tmp_path: Path) -> None:
    root = root_of(made)
    asked = ["--tensor", "model.embed_tokens.weight", "--row", 417]
    accepted = report(made, VERIFY, root, *asked)
    assert accepted["verdict"] == "accepted"
    assert accepted["notes"] == []
    row = sample()["model.embed_tokens.weight"][417]
    assert accepted["row_hex"] == row.tobytes().hex()
    assert report(made, VERIFY, root)["notes"] != []
    for more, step in (
        ([*asked[:3], 416], "expectation"),
        (["--tensor", "model.norm.weight"], "expectation"),
    ):
        assert report(made, VERIFY, root, *more, code=REJECTED)["step"] == step
    rejected = report(made, VERIFY, "00" * 32, *asked, code=REJECTED)
    assert rejected["step"] == "root"
    assert "row_hex" not in rejected
    data = bytearray((made / "row").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "row").write_bytes(data)
    assert report(tmp_path, VERIFY, root, *asked, code=REJECTED)["step"] == "chunks"


def test_with_a_manifest_a_row_opens_to_the_same_bytes(made: Path, tmp_path: Path) -> None:
    line = "manifest open --tensor model.embed_tokens.weight --row 417 --out row --manifest"
    found = report(tmp_path, line, made / "m", "--weights", made / "whole")
    assert (found["row"], found["row_bytes"], found["root"]) == (417, 384, root_of(made))
    assert (tmp_path / "row").read_bytes() == (made / "row").read_bytes()


def test_folders_are_checked(made: Path, tmp_path: Path) -> None:
    root, manifest = ["--root", root_of(made)], ["--manifest", made / "m"]
    digest = report(made, "manifest make --weights whole")["manifest_digest"]
    check = "manifest check --weights"
    for folder in ("whole", "shards"):
        for against in (root, manifest, [*manifest, "--digest", digest]):
            assert report(made, check, folder, *against)["verdict"] == "accepted"
    other = "0" * 64
    found = report(made, check, "whole", *manifest, "--digest", other, code=REJECTED)
    assert (found["step"], found["reason"]) == (
        "manifest",
        f"its digest is {digest}, agreed on was {other}",
    )
    changed = sample()
    changed["model.norm.weight"][95] = 2
    renamed = {name.replace("norm", "last"): held for name, held in sample().items()}
    retyped = sample()
    retyped["model.norm.weight"] = retyped["model.norm.weight"].astype(np.float16)
    reshaped = sample()
    reshaped["model.norm.weight"] = reshaped["model.norm.weight"].reshape(1, 96)
    for weights, step in (
        (changed, "bytes"),
        (renamed, "tensors"),
        (retyped, "dtype"),
        (reshaped, "shape"),
    ):
        save(tmp_path / "m", weights)
        assert report(tmp_path, check, "m", *root, code=REJECTED)["step"] == "root"
        assert report(tmp_path, check, "m", *manifest, code=REJECTED)["step"] == step
    save(tmp_path / "m", sample())
    (tmp_path / "m" / "config.json").write_text("{}")
    assert report(tmp_path, check, "m", *manifest, code=REJECTED)["step"] == "files"
    assert report(tmp_path, check, "m", *root)["verdict"] == "accepted"


def test_what_cannot_be_used(made: Path, tmp_path: Path) -> None:
    check = "manifest check --weights"
    save(tmp_path / "m", sample(), 3)
    lost = tmp_path / "m" / "model-00002-of-00003.safetensors"
    held = load_file(lost)
    lost.unlink()
    for line in (["manifest make --weights", "m"], [check, "m", "--root", root_of(made)]):
        assert "model-00002-of-00003.safetensors" in refused(tmp_path, *line)
    save_file(held | {"model.norm.weight": np.ones(96, np.float32)}, lost)
    assert "model.norm.weight" in refused(tmp_path, check, "m", "--manifest", made / "m")
    for line, said in (
        ("manifest check --weights whole", "exactly one of --root and --manifest is needed"),
        ("manifest check --weights whole --manifest m --digest 00", "--digest"),
        (f"manifest check --weights whole --root {'0' * 64} --digest {'0' * 64}", "--digest"),
        ("manifest check --weights whole --manifest row", "these bytes are not 'assay/manifest/v'"),
        ("manifest open --weights whole --tensor x --row 1 --out o", "no tensor 'x'"),
        (
            "manifest open --weights whole --tensor model.norm.weight --row 96 --out o",
            "row 96 of 96",
        ),
        ("manifest verify --opening m --root " + "0" * 64, "these bytes are not 'assay/row/v'"),
        ("manifest verify --opening row --root 00", "--root"),
        ("manifest make --weights nowhere", "config.json"),
    ):
        assert said in refused(made, line), line


def test_a_manifest_of_another_model_opens_nothing(made: Path, tmp_path: Path) -> None:
    other = sample()
    other["model.embed_tokens.weight"][0, 0] += 1
    save(tmp_path / "m", other)
    line = "manifest open --weights m --tensor model.embed_tokens.weight --row 1 --out o --manifest"
    assert "is not the tensor of the manifest" in refused(tmp_path, line, made / "m")


def test_a_full_disk_leaves_nothing(made: Path) -> None:
    line = "manifest open --weights whole --tensor model.embed_tokens.weight --row 1 --out full"
    assert "full" in refused(made, line, file_limit=1000)
