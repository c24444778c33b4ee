"""Small models, prompts for them, and signatures that one of them made."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_models
from assay.toploc.cli import main

DONE = 0


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


@pytest.fixture
def signed(signatures: Path, tmp_path: Path) -> Path:
    """A copy, that a test may change."""
    return Path(shutil.copytree(signatures, tmp_path / "signatures"))
