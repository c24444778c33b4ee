"""The files that the blocks of a page find in their folder, as its reader would have them."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import assay
import layer_cases
import tiny_models
from page_blocks import ROOT

# A model that commands read as a folder: so large that soaked blocks alone have it.
MODEL = "SmolLM2-135M"
# Models by the names that the original pipeline's commands have: small ones of the same layout.
NAMED = {
    "sshleifer/tiny-gpt2": "gpt2",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": "llama",
    "meta-llama/Llama-3.2-1B-Instruct": "llama",
    "facebook/opt-125m": "opt",
}
# What the ordinary tests take in place of data that need minutes.
SMALLER = {"size=(10,) * 6": "size=(3,) * 6"}


def prepare(folder: Path, commands: str) -> None:
    """Fill a folder with what these commands of a page read and do not make."""
    draw = np.random.default_rng(2026)
    np.save(folder / "cube.npy", draw.integers(-99, 99, (6, 6, 6)))
    srs = assay.Srs.dev((6, 6, 6), 7)
    srs.write(folder / "six.srs")
    (folder / "six.vk").write_bytes(srs.verifier_key.to_bytes())
    (folder / "prompts.txt").write_text(
        "The history of numbers\nHow glass is blown\nA letter to the sea\nWhy bread rises\n"
    )
    (folder / "dice.txt").write_text("4 2 6 1 1 5 3 6 2 4\n")

    # What an output layer was given, as a provider and a verifier have it.
    states = torch.from_numpy(draw.normal(size=(70, 576))).bfloat16()
    for name in ("answer", "own"):
        save_file({"states": states}, folder / f"{name}.safetensors")

    # Captures of one model by two engines: the second rounds a layer more coarsely.
    layers = {f"layer_{i}": torch.from_numpy(draw.normal(size=(1, 20, 48))) for i in range(6)}
    layers = {name: values.float() for name, values in layers.items()}
    save_file(layers, folder / "trainer.safetensors")
    layers["layer_3"] = layers["layer_3"] + 0.05 * layers["layer_2"]
    save_file(layers, folder / "rollout.safetensors")

    values, costs, *_ = layer_cases.CASES["G"]
    layer_cases.write_scores(
        folder / "smollm2.scores.json", values, [1_000_000 * cost for cost in costs]
    )
    if MODEL in commands:
        from assay import models

        loaded = models.load("smollm2", models.Engine(dtype="float32"))
        loaded.model.save_pretrained(folder / MODEL)
    for name, layout in NAMED.items():
        if name in commands:
            owner, _, rest = name.partition("/")
            tiny_models.folder(folder / owner, rest, layout)
    for name in ("examples", "vectors"):
        if f"{name}/" in commands:
            (folder / name).symlink_to(ROOT / name)
    if "poly_interp_demo/" in commands:
        (folder / "poly_interp_demo").mkdir()
