"""Rows of the residual stream in files, by the library and by the program."""

import json
import signal
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import tiny_models
from assay import InputError, _core
from assay.errors import NonFiniteError
from assay.models import Loaded, load
from assay.probe import PositionRule, extract, extract_gain, extract_unembedding
from assay.probe.texts import Text
from assay_program import DONE, FAILED, PROGRAM, done, refused, report, restore_signals, run

FAMILIES = ("llama", "mistral", "gpt2", "gpt_neo", "gptj", "qwen2")
TEXTS = [Text((3, 1, 4, 1, 5), "a", 0), Text((9, 2), "a", 1), Text((6,), "b", 0)]
LAYERS = [0, tiny_models.LAYERS - 1]


def loaded(tmp_path: Path, layout: str = "llama") -> Loaded:
    return load(str(tiny_models.folder(tmp_path, layout=layout)))


def read(path: Path) -> dict[str, Any]:
    """A .gotact by the layout on the page alone."""
    content = path.read_bytes()
    assert content[:6] == b"GOTA\x01\x00"
    (name,) = struct.unpack_from("<I", content, 6)
    at = 10 + name
    tag, width, layers, positions = struct.unpack_from("<BIII", content, at)
    at += 13
    rows: dict[int, NDArray[np.float32]] = {}
    numbers: list[int] = []
    for _ in range(layers):
        (layer,) = struct.unpack_from("<I", content, at)
        at += 4
        block = np.frombuffer(content, "<u4", positions * (1 + width), at)
        block = block.reshape(positions, 1 + width)
        at += block.nbytes
        numbers = block[:, 0].tolist()
        rows[layer] = block[:, 1:].copy().view("<f4")
    assert at == len(content)
    return {
        "model": content[10 : 10 + name].decode(),
        "tag": tag,
        "positions": numbers,
        "rows": rows,
    }


def residuals(model: Any, tokens: tuple[int, ...]) -> list[NDArray[np.float32]]:
    """What each block returns, by hooks of torch's own."""
    kept: list[NDArray[np.float32]] = []

    def keep(_module: object, _args: object, output: Any) -> None:
        state = output if isinstance(output, torch.Tensor) else output[0]
        kept.append(state[0].numpy().copy())

    stack = getattr(model, "model", None)
    blocks = model.transformer.h if stack is None else stack.layers
    handles = [block.register_forward_hook(keep) for block in blocks]
    with torch.inference_mode():
        model(input_ids=torch.tensor([tokens]))
    for handle in handles:
        handle.remove()
    return kept


@pytest.mark.parametrize("layout", FAMILIES)
def test_rows_are_what_blocks_return(layout: str, tmp_path: Path) -> None:
    one = loaded(tmp_path, layout)
    found = extract(one, TEXTS, [2, 0], tmp_path / "x.gotact", labelled=True)
    assert found.count == 8
    file = read(found.activations)
    assert (file["model"], file["tag"], file["positions"]) == ("tiny", 0, list(range(8)))
    assert list(file["rows"]) == LAYERS
    whole = [residuals(one.model, text.tokens) for text in TEXTS]
    for layer in LAYERS:
        theirs = np.concatenate([rows[layer] for rows in whole])
        np.testing.assert_allclose(file["rows"][layer], theirs, rtol=1e-5, atol=1e-5)
    assert found.labels.read_text() == "0\n" * 5 + "1\n" * 2 + "0\n"


@pytest.mark.parametrize("layout", FAMILIES)
def test_behind_the_last_block_it_is_not_what_the_final_norm_gives(
    layout: str, tmp_path: Path
) -> None:
    one = loaded(tmp_path, layout)
    last = tiny_models.LAYERS - 1
    found = extract(one, TEXTS[:1], [last], tmp_path / "x.gotact")
    with torch.inference_mode():
        normed = one.model(
            input_ids=torch.tensor([TEXTS[0].tokens]), output_hidden_states=True
        ).hidden_states[-1][0]
    rows = read(found.activations)["rows"][last]
    assert not np.allclose(rows, normed.numpy(), rtol=1e-3, atol=1e-3)


def test_the_package_reads_what_it_writes(tmp_path: Path) -> None:
    found = extract(loaded(tmp_path), TEXTS, LAYERS, tmp_path / "x.gotact", labelled=True)
    model_id, precision, layers, positions, values = _core.probe_read_activations(
        str(found.activations)
    )
    assert (model_id, precision) == ("tiny", "fp32")
    assert (list(layers), list(positions)) == (LAYERS, list(range(8)))
    file = read(found.activations)
    assert all((values[i] == file["rows"][layer]).all() for i, layer in enumerate(LAYERS))
    assert list(_core.probe_read_labels(str(found.labels))) == [False] * 5 + [True] * 2 + [False]
    rows = _core.ProbeRows.read(str(found.rows))
    assert rows.row_count == 8
    assert rows.rule == "all"
    assert [tuple(text[2]) for text in rows.texts] == [text.tokens for text in TEXTS]
    assert [text[0] for text in rows.texts] == ["a", "a", "b"]


@pytest.mark.parametrize(("rule", "count"), [("last", 3), ("mean", 3), ("0", 3)])
def test_rules_of_positions(rule: str, count: int, tmp_path: Path) -> None:
    one = loaded(tmp_path)
    found = extract(one, TEXTS, [1], tmp_path / "x.gotact", rule=PositionRule(rule))
    assert found.count == count
    rows = read(found.activations)["rows"][1]
    for text, row in zip(TEXTS, rows, strict=True):
        whole = residuals(one.model, text.tokens)[1]
        theirs = {"last": whole[-1], "0": whole[0], "mean": whole.mean(axis=0)}[rule]
        np.testing.assert_allclose(row, theirs, rtol=1e-5, atol=1e-5)


def test_one_text_keeps_its_own_positions(tmp_path: Path) -> None:
    rule = PositionRule("1,4")
    found = extract(loaded(tmp_path), TEXTS[:1], [1], tmp_path / "x.gotact", rule=rule)
    assert read(found.activations)["positions"] == [1, 4]


def test_texts_that_run_together_give_the_same_rows(tmp_path: Path) -> None:
    one = loaded(tmp_path, "gpt2")  # with learned positions, which padding must not shift
    alone = extract(one, TEXTS, [1], tmp_path / "x.gotact")
    together = extract(one, TEXTS, [1], tmp_path / "y.gotact", batch=3)
    left, right = read(alone.activations)["rows"][1], read(together.activations)["rows"][1]
    np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


class StopError(Exception):
    pass


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    one, path = loaded(tmp_path), tmp_path / "x.gotact"
    whole = extract(one, TEXTS, LAYERS, tmp_path / "whole.gotact", labelled=True)

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        extract(one, TEXTS, LAYERS, path, labelled=True, on_count=stop)
    assert not path.exists()
    counted: list[int] = []
    found = extract(
        one, TEXTS, LAYERS, path, labelled=True, on_count=lambda done, _: counted.append(done)
    )
    assert found.gone_on == 2
    assert counted == [2, 3]
    assert path.read_bytes() == whole.activations.read_bytes()
    assert sorted(tmp_path.glob("x.*")) == [path, tmp_path / "x.labels", tmp_path / "x.rows"]


def test_another_run_does_not_go_on_with_it(tmp_path: Path) -> None:
    one, path = loaded(tmp_path), tmp_path / "x.gotact"

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        extract(one, TEXTS, [1], path, on_count=stop)
    found = extract(one, TEXTS, LAYERS, path)
    assert found.gone_on == 0
    assert list(read(path)["rows"]) == LAYERS


def test_a_stub_does_not_replace_labels_that_somebody_wrote(tmp_path: Path) -> None:
    one, path = loaded(tmp_path), tmp_path / "x.gotact"
    found = extract(one, TEXTS[:1], [1], path)
    assert found.stub
    assert found.labels.read_text() == "0\n" * 5
    extract(one, TEXTS[:1], [1], path)
    found.labels.write_text("0\n1\n0\n0\n1\n")
    with pytest.raises(InputError, match=r"x\.labels: has been edited"):
        extract(one, TEXTS[:1], [1], path)


def test_a_broken_model_is_named_with_the_row(tmp_path: Path) -> None:
    one = loaded(tmp_path)
    with torch.no_grad():
        one.model.get_input_embeddings().weight[9] = torch.nan  # type: ignore[index,union-attr]
    with pytest.raises(NonFiniteError, match="layer 1, row 5: NaN"):
        extract(one, TEXTS, [1], tmp_path / "x.gotact")


@pytest.mark.parametrize(
    ("layers", "rule", "reason"),
    [
        ([3], "all", "layer 3: the model has blocks 0 to 2"),
        ([], "all", "layers: none"),
        ([1, 1], "all", "layers: 1 stands twice"),
        ([1], "1", "text 2: has 1 tokens, and none at position 1"),
    ],
)
def test_what_is_not_there(layers: list[int], rule: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        extract(loaded(tmp_path), TEXTS, layers, tmp_path / "x.gotact", rule=PositionRule(rule))
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.parametrize("layout", FAMILIES)
def test_the_unembedding_is_the_weight_of_the_head(layout: str, tmp_path: Path) -> None:
    one = loaded(tmp_path, layout)
    path = tmp_path / "x.gotue"
    assert extract_unembedding(one, path) == (tiny_models.VOCAB, tiny_models.HIDDEN)
    content = path.read_bytes()
    assert content[:14] == b"GOTU" + struct.pack("<HII", 1, tiny_models.VOCAB, tiny_models.HIDDEN)
    weight = one.model.get_output_embeddings().weight.detach().numpy()  # type: ignore[union-attr]
    assert content[14:] == weight.tobytes()


@pytest.mark.parametrize("layout", [*FAMILIES, "gemma"])
def test_the_gain_is_what_the_final_norm_scales_by(layout: str, tmp_path: Path) -> None:
    one = loaded(tmp_path, layout)
    norms = {"gpt2": "ln_f", "gpt_neo": "ln_f", "gptj": "ln_f"}
    norm: Any = one.model.transformer.ln_f if layout in norms else one.model.model.norm
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(-1, 2, tiny_models.HIDDEN))
    extract_gain(one, tmp_path / "gain.npy")
    gain = np.load(tmp_path / "gain.npy")
    assert gain.dtype == np.float32
    added = 1 if layout == "gemma" else 0
    np.testing.assert_array_equal(gain, norm.weight.detach().numpy() + added)


# The program.


def corpus(tmp_path: Path, count: int = 3) -> Path:
    path = tmp_path / "corpus.jsonl"
    lines = [
        {"text": f"w{3 + i} w1 w{4 + label}", "group": f"g{i}", "label": label}
        for i in range(count)
        for label in (0, 1)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_original_s_flags(tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    line = f"probe extract --model {folder} --layers 0 2 --device cpu --dtype float32 --quiet"
    done(
        tmp_path, line, "--input", "w1 w2 w3",
        "--output-activations", "a.gotact", "--output-unembedding", "u.gotue",
    )  # fmt: skip
    file = read(tmp_path / "a.gotact")
    assert file["positions"] == [0, 1, 2]
    assert list(file["rows"]) == [0, 2]
    assert (tmp_path / "a.labels").read_text() == "0\n0\n0\n"
    assert (tmp_path / "u.gotue").stat().st_size == 14 + 4 * tiny_models.VOCAB * tiny_models.HIDDEN
    # What commits to tensors takes both.
    done(tmp_path, "srs dev --axes 2,3,8,4 --seed 7 --out s.srs")
    header = report(tmp_path, "commit --srs s.srs --out c --tensor a.gotact")["header"]
    assert (header["layout"], header["encoding"]) == ("model", "bits")


def test_a_corpus(tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    line = f"probe extract --model {folder} --layers all --positions last --quiet --corpus"
    done(tmp_path, line, corpus(tmp_path), "--output-gain", "gain.npy")
    file = read(tmp_path / "activations.gotact")
    assert list(file["rows"]) == [0, 1, 2]
    assert len(file["rows"][0]) == 6
    assert (tmp_path / "activations.labels").read_text() == "0\n1\n" * 3
    assert np.load(tmp_path / "gain.npy").shape == (tiny_models.HIDDEN,)
    rows = _core.ProbeRows.read(str(tmp_path / "activations.rows"))
    assert [text[0] for text in rows.texts] == ["g0", "g0", "g1", "g1", "g2", "g2"]
    assert rows.weights_root is not None


def test_the_same_model_with_random_weights(tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    line = f"probe extract --model {folder} --layers 1 --quiet --input w1 --random-weights"
    done(tmp_path, line, 5, "--output-activations", "a.gotact")
    done(tmp_path, line, 5, "--output-activations", "b.gotact")
    done(tmp_path, line, 6, "--output-activations", "c.gotact")
    a, b, c = ((tmp_path / f"{name}.gotact").read_bytes() for name in "abc")
    assert a == b != c
    assert not list(tmp_path.glob("*.gotue"))


def test_ctrl_c_and_the_same_command_again(tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    path = tmp_path / "corpus.jsonl"
    lines = [{"text": f"w{i % 40} w{i // 40}", "group": "g", "label": 0} for i in range(1500)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = f"probe extract --model {folder} --layers 1 --corpus {path}".split()
    begun = subprocess.Popen(
        [PROGRAM, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        preexec_fn=restore_signals,
    )  # fmt: skip
    journal = tmp_path / "activations.gotact.part.json"
    deadline = time.monotonic() + 240
    while not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=240)
    assert begun.returncode == FAILED
    assert said.splitlines()[-1].endswith("the same command goes on with it")
    assert not (tmp_path / "activations.gotact").exists()
    ended = run(tmp_path, " ".join(words))
    assert ended.returncode == DONE, ended.stderr
    assert "went on after " in ended.stderr
    assert len(read(tmp_path / "activations.gotact")["rows"][1]) == 3000


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--layers 1", "give --input or --corpus, one of them"),
        ("--layers 1 --input w1 --corpus tense", "give --input or --corpus, one of them"),
        ("--layers 9 --input w1", "layer 9: the model has blocks 0 to 2"),
        ("--layers x --input w1", "--layers x: no index of a block"),
        ("--layers 1 --input w1 --positions first", "positions: 'first'"),
        ("--layers 1 --input w1 --positions 4", "input: has 1 tokens, and none at position 4"),
        ("--layers 1 --input w1 --output-activations no/x.gotact", "no: no such folder"),
        ("--layers 1 --corpus no.jsonl", "no.jsonl: no such file"),
        ("--layers 1 --input w1 --random-weights -1", "give a seed of at least 0"),
    ],
)
def test_bad_input_is_one_line(flags: str, reason: str, tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    assert reason in refused(tmp_path, f"probe extract --quiet --model {folder} {flags}")


def test_a_full_disk(tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    line = f"probe extract --model {folder} --layers 1 --quiet --corpus"
    ended = run(tmp_path, line, corpus(tmp_path, 40), file_limit=4096)
    assert ended.returncode == FAILED
    assert "activations.gotact: could not be written" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "activations.gotact").exists()


def test_no_tokens(tmp_path: Path) -> None:
    folder = tiny_models.folder(tmp_path)
    line = f"probe extract --quiet --model {folder} --layers 1 --input"
    assert "has no tokens" in refused(tmp_path, line, " ")
