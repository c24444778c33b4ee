"""Programs start without what they do not need: torch, transformers and matplotlib take seconds."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assay import programs
from assay.programs import Program
from assay_program import DONE, FAILED

HEAVY = ("torch", "transformers", "matplotlib", "scipy", "safetensors", "vllm")
PROGRAMS = sorted(name for name, one in vars(programs).items() if isinstance(one, Program))

ACT = """
import json, sys
from assay import programs
name, *words = sys.argv[1:]
sys.argv = [name, *words]
try:
    code = getattr(programs, name)()
except SystemExit as ended:
    code = ended.code
print(json.dumps([code, sorted({one.split(".")[0] for one in sys.modules})]), file=sys.stderr)
"""


def loaded(where: Path, name: str, *words: str, **changes: str) -> tuple[int, set[str], str]:
    """The exit code of a program, the packages that it loaded, and what it said."""
    ended = subprocess.run(
        [sys.executable, "-c", ACT, name, *words], cwd=where, capture_output=True, text=True,
        check=True, timeout=120, env={"PATH": "/usr/bin:/bin", "HOME": str(where), **changes},
    )  # fmt: skip
    *said, last = ended.stderr.splitlines()
    code, modules = json.loads(last)
    return code, {one for one in modules if one in HEAVY}, "\n".join(said)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_needs_nothing(name: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, name, "--help") == (0, set(), "")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_mistake_in_the_flags_needs_nothing(name: str, tmp_path: Path) -> None:
    code, heavy, _ = loaded(tmp_path, name, "--no-such-flag")
    assert (code, heavy) == (FAILED, set())


def test_verbs_without_a_model_load_none(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(8, dtype=np.int64).reshape(2, 2, 2))
    np.save(tmp_path / "y.npy", np.ones((2, 3), np.float32))
    code, heavy, said = loaded(tmp_path, "run", "--tensor", "x.npy", "--num-queries", "2")
    assert (code, heavy) == (DONE, set()), said
    code, heavy, said = loaded(tmp_path, "two_party", "--tensor", "x.npy", "--num-queries", "2")
    assert (code, heavy) == (DONE, set()), said
    code, heavy, said = loaded(tmp_path, "compare", "y.npy", "y.npy", "--plot", "a.vl.json")
    assert (code, heavy) == (DONE, set()), said
    (tmp_path / "a.json").write_text('{"format": "assay/vllm/proofs/v1", "answers": []}')
    code, heavy, said = loaded(tmp_path, "show_file", "a.json")
    assert (code, heavy) == (DONE, set()), said


MISSING = {
    "run": ["--prompt", "a", "--models", "{}"],
    "capture": ["--prompt", "a", "--models", "{}"],
    "demo": ["--model", "{}"],
    "toploc": ["generate", "--model_name", "{}", "--dataset_name", "p.txt"],
    "audit": ["run", "--model", "{}", "--prompts", "p.txt", "--output", "out"],
    "probe": ["extract", "--model", "{}", "--input", "a", "--layers", "1"],
    "layers": ["score", "--model", "{}", "--output", "s.json"],
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("model", ["./nowhere", "nowhere.gguf", "no/where/at all", "file.bin"])
def test_a_model_that_is_missing_is_said_to_be_at_once(
    name: str, model: str, tmp_path: Path
) -> None:
    (tmp_path / "p.txt").write_text("a\n")
    (tmp_path / "file.bin").write_bytes(b"x")
    words = [word.format(model) for word in MISSING[name]]
    code, heavy, said = loaded(tmp_path, name, *words)
    assert (code, heavy) == (FAILED, set()), said
    assert model in said


@pytest.mark.parametrize("name", MISSING)
def test_a_hubs_model_is_said_to_be_missing_where_there_is_no_way_to_a_hub(
    name: str, tmp_path: Path
) -> None:
    pytest.importorskip("huggingface_hub")
    (tmp_path / "p.txt").write_text("a\n")
    words = [word.format("owner/unheard-of") for word in MISSING[name]]
    code, heavy, said = loaded(tmp_path, name, *words, HF_HUB_OFFLINE="1")
    assert (code, heavy) == (FAILED, set()), said
    assert "owner/unheard-of" in said
