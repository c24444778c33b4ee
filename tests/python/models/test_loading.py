"""From what a user calls a model to one that is ready to run, and what runs it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import accelerate
import pytest
import torch
import transformers
from transformers import BartForConditionalGeneration, T5ForConditionalGeneration

from assay import InputError, models, toploc
from assay.errors import CaptureError, ModelError
from assay.hidden_states import capture, capture_model
from assay.models import Engine, encode_prompts, engine_of, load, resolve, set_attention
from tiny_models import folder, tiny, tokenizer


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("models"))


def test_every_public_name_is_there() -> None:
    for name in models.__all__:
        assert getattr(models, name) is not None
    with pytest.raises(AttributeError, match=r"assay\.models.*nonsense"):
        models.nonsense  # noqa: B018


def test_naming_an_engine_needs_no_torch() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from assay import models\n"
        "print(models.Engine(), models.resolve('a/b').location, models.residual(3).block)\n"
        "try: models.load\n"
        "except ImportError: print('as it should')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "bfloat16, sdpa a/b 3\nas it should\n", done.stderr


def test_a_folder_as_it_is_stored_and_as_it_is_asked_for(here: Path) -> None:
    made, words, source = load(str(here))
    assert (source.name, source.local, source.gguf_file) == ("tiny", True, None)
    assert (made.dtype, made.training) == (torch.float32, False)
    assert encode_prompts(words, ["w3 w7", "w1"]) == [[3, 7], [1]]
    for left, right in zip(made.parameters(), tiny().parameters(), strict=True):
        assert torch.equal(left, right)
    other = load(source, Engine("bfloat16", "eager", "cpu")).model
    assert (other.dtype, other.config._attn_implementation) == (torch.bfloat16, "eager")


def test_the_engine_in_one_shape(here: Path) -> None:
    made = load(str(here), Engine("bfloat16", "eager", "cpu")).model
    engine = engine_of(made, deterministic=True)
    assert (engine.dtype, engine.attention, engine.device) == ("bfloat16", "eager", "cpu")
    assert str(engine) == str(Engine("bfloat16", "eager")) == "bfloat16, eager"
    assert engine.batch_invariant is False
    assert engine.versions["torch"] == torch.__version__
    assert engine.versions["transformers"] == transformers.__version__
    flat = engine.as_json()
    assert json.loads(json.dumps(flat)) == flat
    assert flat["dtype"] == "torch.bfloat16"
    assert flat["batch_invariant"] is False
    assert flat["model_class"] == "LlamaForCausalLM"
    assert (flat["deterministic"], flat["threads"]) == (True, torch.get_num_threads())
    # A capture says the same of itself.
    held = capture(str(here), "w1", max_new_tokens=1, dtype="bfloat16")
    assert held.engine == {**flat, "attention": "sdpa", "deterministic": False}


def test_the_names_that_people_say_of_kernels() -> None:
    made = tiny()
    made.config._attn_implementation = "flash_attention_2"
    assert engine_of(made).attention == "flash"
    made.config._attn_implementation = "of_its_own"
    assert engine_of(made).attention == "of_its_own"


@pytest.mark.parametrize(
    ("engine", "code", "place", "kind"),
    [
        (Engine("int8"), "unsupported", "dtype int8", CaptureError),
        (Engine("auto", "auto", "nowhere"), "unsupported", "device nowhere", CaptureError),
        (Engine("auto", "vLLM"), "unsupported", "attention vLLM", InputError),
        (Engine("auto", "flash"), "unsupported", "attention flash", InputError),
    ],
)
def test_engines_that_are_not_here(
    here: Path, engine: Engine, code: str, place: str, kind: type[InputError]
) -> None:
    with pytest.raises(kind) as caught:
        load(str(here), engine)
    assert (caught.value.code, caught.value.place) == (code, place)


def test_errors_carry_code_and_place(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "weights.bin").write_bytes(b"")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    for name, code, place in (
        ("./nowhere", "io", "model './nowhere'"),
        (str(tmp_path / "empty"), "io", f"model {tmp_path / 'empty'}"),
        (str(tmp_path / "weights.bin"), "unsupported", f"model {tmp_path / 'weights.bin'}"),
        (str(tmp_path / "broken.gguf"), "unsupported", "model broken"),
    ):
        with pytest.raises(ModelError) as caught:
            load(name)
        assert (caught.value.code, caught.value.place) == (code, place)
        assert str(caught.value) == f"{place}: {caught.value.reason}"
    for texts, code, place in (
        (["w1", ""], "out_of_range", "prompt 1"),
        (["w1 \udcff"], "malformed", "prompt"),
    ):
        with pytest.raises(InputError) as refused:
            encode_prompts(tokenizer(), texts)
        assert (refused.value.code, refused.value.place) == (code, place)


def test_a_missing_weight_is_named(here: Path, tmp_path: Path) -> None:
    headless = tmp_path / "headless"
    tiny("llama").model.save_pretrained(headless)
    config = json.loads((headless / "config.json").read_text())
    config.update(architectures=["LlamaForCausalLM"], tie_word_embeddings=False)
    (headless / "config.json").write_text(json.dumps(config))
    tokenizer().save_pretrained(headless)
    with pytest.raises(ModelError, match=r"1 weights .* the first is lm_head\.weight") as caught:
        load(str(headless))
    assert (caught.value.code, caught.value.place) == ("malformed", "model headless")


def test_folders_that_are_no_whole_model(here: Path, tmp_path: Path) -> None:
    mute = tmp_path / "mute"
    tiny().save_pretrained(mute)
    with pytest.raises(ModelError, match=r"has no tokenizer: no tokenizer\.json") as caught:
        load(str(mute))
    assert (caught.value.code, caught.value.place) == ("io", "model mute")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    for config in (False, True):
        if config:
            shutil.copy(here / "config.json", adapter)
        with pytest.raises(ModelError, match=r"an adapter .* merge it") as caught:
            load(str(adapter))
        assert (caught.value.code, caught.value.place) == ("unsupported", "model adapter")


@pytest.mark.parametrize("kind", [T5ForConditionalGeneration, BartForConditionalGeneration])
def test_two_stacks_are_refused_by_name(kind: Any, tmp_path: Path) -> None:
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 40}
    if kind is BartForConditionalGeneration:
        sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 40}
    path = tmp_path / "two"
    kind(kind.config_class(**sizes)).save_pretrained(path)
    tokenizer().save_pretrained(path)
    with pytest.raises(ModelError, match="an encoder and a decoder; give a decoder") as caught:
        load(str(path))
    assert (caught.value.code, caught.value.place) == ("unsupported", "model two")


def test_a_prompt_within_the_chat_template() -> None:
    words = tokenizer()
    with pytest.raises(InputError, match="chat template: the model's tokenizer has none; leave"):
        encode_prompts(words, ["w3"], chat=True)
    words.chat_template = (
        "{% for m in messages %}w{{ m['role'] | length }} {{ m['content'] }} {% endfor %}"
        "{% if add_generation_prompt %}w9{% endif %}"
    )
    assert encode_prompts(words, ["w3 w7", "w1"], chat=True) == [[4, 3, 7, 9], [4, 1, 9]]
    assert encode_prompts(words, ["w3 w7"], 2, chat=True) == [[4, 3]]


@pytest.mark.parametrize("place", ["cpu", "disk"])
def test_a_model_whose_weights_are_elsewhere(place: str, tmp_path: Path) -> None:
    """Those of a module are brought for its call alone."""
    plain, made = tiny(dtype=torch.bfloat16), tiny(dtype=torch.bfloat16)
    if place == "cpu":
        accelerate.cpu_offload(made, execution_device="cpu")
    else:
        accelerate.disk_offload(made, tmp_path, execution_device="cpu")
    assert made.device.type == "meta"
    with toploc.watch(made, chunk=4, k=16) as watched:
        made.generate(torch.tensor([[3, 1, 4]]), max_new_tokens=6, do_sample=False)
    (found,) = watched.sequences
    own = toploc.recompute(plain, found.prompt, found.output)
    assert torch.equal(toploc.recompute(made, found.prompt, found.output), own)
    for mode in ("decode", "recompute"):
        left, right = (
            capture_model(one, torch.tensor([[3, 1, 4]]), max_new_tokens=6, mode=mode)
            for one in (made, plain)
        )
        assert left.engine == right.engine
        for a, b in zip(left.hidden_states, right.hidden_states, strict=True):
            assert torch.equal(a, b)


def test_an_unknown_kernel_changes_nothing() -> None:
    made = tiny()
    with pytest.raises(InputError, match="use sdpa, eager"):
        set_attention(made, "fast")
    assert made.config._attn_implementation == "sdpa"


def test_files_that_decide_what_a_model_computes_have_digests(tmp_path: Path) -> None:
    names = [
        "additional_chat_templates/.jinja",
        "additional_chat_templates/default.jinja",
        "config.json",
        "modeling.py",
        "tokenizer.model.v3",
    ]
    for name in [*names, "README.md", "runs/config.json"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = models.digests(resolve(str(tmp_path)))
    assert [name for name, _ in found] == names
    assert found[2][1] == hashlib.sha256(b"config.json").hexdigest()


def test_hub_ids_are_known_by_their_form() -> None:
    assert resolve("owner/name").local is False
    assert models.digests(resolve("owner/name")) == ()


# Code that a model brings with it.

_CONFIGURATION = """
from transformers import LlamaConfig
class MineConfig(LlamaConfig):
    model_type = "mine"
"""
_MODELING = """
from pathlib import Path
from transformers import LlamaForCausalLM
from .configuration_mine import MineConfig
Path("{ran}").touch()
class MineForCausalLM(LlamaForCausalLM):
    config_class = MineConfig
"""
_PROGRAM = """
import sys
from assay.errors import ModelError
from assay.models import load
from assay.hidden_states.cli import main as capture_main
from assay.toploc.cli import main as toploc_main
folder, out = sys.argv[1:]
try:
    load(folder)
except ModelError as error:
    print(error.code, error.place, error.reason, sep="|")
line = ["--models", folder, "--prompt", "w1 w2", "--max-new-tokens", "2", "--output-dir", out]
proving = ["generate", "--model_name", folder, "--dataset_name", out + ".txt", "--save_dir", out]
proving += ["--max_decode_tokens", "4"]
print(capture_main([*line, "--quiet"]), toploc_main(proving))
"""
_TRUSTING = """
print(type(load(folder, trust_remote_code=True).model).__name__)
print(capture_main([*line, "--quiet", "--trust-remote-code"]))
print(toploc_main([*proving, "--trust-remote-code"]))
"""


@pytest.mark.parametrize("trusting", [False, True])
def test_code_of_a_model_is_run_when_asked_for_alone(tmp_path: Path, trusting: bool) -> None:
    path = folder(tmp_path)
    ran = tmp_path / "ran"
    config = json.loads((path / "config.json").read_text())
    config.update(
        model_type="mine",
        architectures=["MineForCausalLM"],
        auto_map={
            "AutoConfig": "configuration_mine.MineConfig",
            "AutoModelForCausalLM": "modeling_mine.MineForCausalLM",
        },
    )
    (path / "config.json").write_text(json.dumps(config))
    (path / "configuration_mine.py").write_text(_CONFIGURATION)
    (path / "modeling_mine.py").write_text(_MODELING.format(ran=ran))
    (tmp_path / "out.txt").write_text("w1 w2\n")
    program = _PROGRAM + (_TRUSTING if trusting else "")
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), str(tmp_path / "out")],
        capture_output=True, text=True, check=False,
        # transformers keeps a copy of such code.
        env={**os.environ, "HF_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    refusal = (
        "unsupported|model tiny|brings code of its own, which is not run unasked; "
        "--trust-remote-code runs it"
    )
    assert refusal in done.stdout, done.stderr
    assert "assay capture: error: model tiny: brings code of its own" in done.stderr
    assert "assay toploc generate: model tiny: brings code of its own" in done.stderr
    assert "2 2\n" in done.stdout
    assert ran.exists() == trusting
    if trusting:
        assert "MineForCausalLM" in done.stdout
        assert '"model_name": "tiny"' in done.stdout
        assert "1 signatures, 258 bytes" in done.stdout
        assert done.stdout.count("\n0\n") == 2
