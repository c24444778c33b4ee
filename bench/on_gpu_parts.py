"""The parts of bench/on_gpu.sh, each a process of its own.

usage: on_gpu_parts.py PART --device cuda

The last line that a part prints says what it found, or why it was skipped (exit code 77).
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SKIPPED = 77
PROMPT = "The lighthouse keeper opened the letter and read"
TOKENS = 48
SETTINGS = {"chunk": 16, "k": 64}


class MissingError(Exception):
    """A part that cannot run here, and why."""


def require(device: str) -> None:
    if importlib.util.find_spec("torch") is None:
        raise MissingError("PyTorch is not installed")
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        built = torch.version.cuda
        why = (
            "this PyTorch was built without CUDA" if built is None else "there is no driver or GPU"
        )
        raise MissingError(f"PyTorch sees no GPU: {why}")


def machine(device: str) -> str:
    """What it runs on; said also where nothing can run."""
    try:
        require(device)
    except MissingError as missing:
        return str(missing)
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else "the CPU, in place of a GPU"
    return f"{name}; PyTorch {torch.__version__}"


def prepared(device: str) -> tuple[Any, Any, list[int], str]:
    """A model on the CPU and on the device, a prompt, and what the model is.

    SmolLM2 where it is installed; else one of random weights, which needs no network.
    """
    import copy

    import torch

    from assay import models

    try:
        loaded = models.load("smollm2", models.Engine("bfloat16", "sdpa", "cpu"))
        model, (prompt,) = loaded.model, models.encode_prompts(loaded.tokenizer, [PROMPT])
        name = "SmolLM2-135M"
    except Exception as error:  # whatever keeps it from being loaded, there is another
        print(f"SmolLM2 is not here ({error}); a model of random weights does")
        model, prompt, name = made_model(), list(range(3, 15)), "random weights"
    return model, copy.deepcopy(model).to(torch.device(device)), prompt, name


def made_model() -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(5)
    sizes = {"hidden_size": 512, "intermediate_size": 1024, "vocab_size": 2048}
    config = LlamaConfig(
        **sizes,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
        eos_token_id=None,
        bos_token_id=None,
        pad_token_id=0,
        initializer_range=0.03,
    )
    return LlamaForCausalLM(config).to(torch.bfloat16).eval()


def arrays(device: str) -> str:
    """Proofs of arrays on the device are those of the same arrays on the CPU."""
    import torch

    from assay import toploc

    states = torch.randn(256, 4096, generator=torch.Generator().manual_seed(1)).bfloat16()
    here = toploc.build(states)
    started = time.perf_counter()
    there = toploc.build(states.to(device))
    seconds = time.perf_counter() - started
    if there != here:
        raise SystemExit("the proofs of the same states differ")
    if not toploc.verify(states.to(device), here):
        raise SystemExit("states on the device are not those of the proofs")
    return f"{len(here)} proofs of (256, 4096) equal bit for bit, {1000 * seconds:.0f} ms"


def produced(device: str, tokens: int = TOKENS) -> tuple[Any, Any, Any, str]:
    """A model on both, an answer of the device with its proofs, and what the model is."""
    from assay import models, toploc

    cpu, there, prompt, name = prepared(device)
    settings = models.settings_for(there, tokens)
    with models.quiet(True), toploc.watch(there, **SETTINGS) as watched:
        models.generate(there, [prompt], settings)
    (answer,) = watched.sequences
    return cpu, there, answer, name


def watch(device: str) -> str:
    """A watch while the device generates changes nothing, and its proofs are of its states."""
    import torch

    from assay import models, toploc

    _, there, answer, name = produced(device)
    with models.quiet(True):
        settings = models.settings_for(there, TOKENS)
        (plain,) = models.generate(there, [answer.prompt], settings)
    if plain.output != answer.output:
        raise SystemExit("the answer is another while it is watched")
    own = toploc.recompute(there, answer.prompt, answer.output)
    verdict = toploc.verify(own, answer.proofs, **SETTINGS)
    if verdict.outcome == "rejected":
        raise SystemExit(f"rejected at {verdict.step}: {verdict.reason}")
    if own.device.type != torch.device(device).type:
        raise SystemExit("the states were not recomputed on the device")
    return f"{name}: {len(answer.output)} tokens, {len(answer.proofs)} proofs: {verdict.outcome}"


def verifier(device: str) -> str:
    """The CPU checks proofs of the device, and tells 4-bit weights."""
    from assay import models, toploc

    cpu, _, answer, name = produced(device)
    started = time.perf_counter()
    own = toploc.recompute(cpu, answer.prompt, answer.output)
    verdict = toploc.verify(own, answer.proofs, **SETTINGS)
    seconds = time.perf_counter() - started
    if verdict.outcome == "rejected":
        raise SystemExit(f"an honest answer is rejected at {verdict.step}: {verdict.reason}")
    coarse = toploc.recompute(models.with_rounded_weights(cpu, 4), answer.prompt, answer.output)
    false = toploc.verify(coarse, answer.proofs, **SETTINGS)
    if false.outcome != "rejected":
        raise SystemExit("states of weights of 4 bits are not rejected")
    figures = "; ".join(f"{key} {figure}" for key, figure in list(verdict.figures.items())[:2])
    return (
        f"{name}: {verdict.outcome} by the CPU in {seconds:.1f} s, 4 bits rejected at "
        f"{false.step}; {figures}"
    )


def audit(device: str) -> str:
    """What layers on the device compute is recorded, and accepted by the CPU."""
    from assay import audit as audits
    from assay import models

    cpu, there, prompt, name = prepared(device)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with models.quiet(True):
            cpu.save_pretrained(root / "model")
        with (
            models.quiet(True),
            audits.streaming_audit(there, root / "log", nonce=bytes(range(32))) as recorded,
        ):
            models.generate(there, [prompt], models.settings_for(there, 16))
        if recorded.problems or recorded.drops:
            raise SystemExit(f"{recorded.drops} drops; {recorded.problems}")
        (run,) = recorded.runs
        head = audits.Head.read(run.folder / "head")
        request = audits.Request.of(run.prompt, run.output, nonce=bytes(range(32)))
        provider = root / "log" / "provider.key.pub"
        (key,) = audits.enroll(root / "model", root / "key")
        drawn = audits.challenge(head, provider, root / "drawn", tokens=16, key=key)
        openings = audits.open_run(run.folder, drawn)
        outcomes = []
        for against in ({"weights": root / "model"}, {"key": key}):
            verdict = audits.check(head, request, drawn, openings, provider, **against)
            if not verdict:
                raise SystemExit(f"an honest run: {verdict.step}: {verdict.reason}")
            outcomes.append(verdict)
    variance = outcomes[0].figures["variance of the rounding, over the formula's"]
    return f"{name}: {recorded.rows} rows accepted by weights and by key; variance {variance}"


def sampling(device: str) -> str:
    """Entries of products on the device are sampled, sent and accepted."""
    import torch
    from safetensors.torch import save_file

    from assay import audit as audits

    left = torch.randn(512, 1024, dtype=torch.bfloat16)
    right = torch.randn(1024, 768, dtype=torch.bfloat16)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        save_file({"right": right}, file)
        there = left.to(device), right.to(device)
        with audits.Listener([file]) as listener:
            with torch.no_grad(), audits.streaming_audit(port=listener.port) as found:
                for _ in range(20):
                    _ = there[0] @ there[1]
            code = listener.stop()
    if code != 0 or found.sent != 20:
        raise SystemExit(f"the listener ended with {code}; {found.sent} of 20 packets were sent")
    return "20 of 20 products of bfloat16 sampled and accepted"


def vllm(device: str) -> str:
    """VLLM with CUDA graphs makes proofs, and the CPU accepts them."""
    for name in ("vllm", "assay.vllm"):
        if importlib.util.find_spec(name) is None:
            raise MissingError(f"{name} is not installed")
    from vllm import LLM, SamplingParams

    from assay import toploc
    from assay.vllm import proofs

    cpu, _, prompt, name = prepared("cpu")
    with tempfile.TemporaryDirectory() as folder:
        cpu.save_pretrained(folder)
        llm = LLM(
            model=folder,
            dtype="bfloat16",
            enforce_eager=False,
            max_model_len=1024,
            skip_tokenizer_init=True,
            additional_config={"assay": SETTINGS},
        )
        sampled = SamplingParams(temperature=0, max_tokens=TOKENS, detokenize=False)
        outputs = llm.generate([{"prompt_token_ids": prompt}] * 16, sampled)
        answers = [answer for listed in proofs(llm, outputs) for answer in listed]
    outcomes = []
    for output, answer in zip(outputs, answers, strict=True):
        own = toploc.recompute(cpu, prompt, list(output.outputs[0].token_ids))
        verdict = toploc.verify(own, answer.proofs, **SETTINGS)
        if verdict.outcome == "rejected":
            raise SystemExit(f"an honest answer is rejected at {verdict.step}: {verdict.reason}")
        outcomes.append(verdict.outcome)
    return f"{name}: 16 answers at once with CUDA graphs: {', '.join(sorted(set(outcomes)))}"


PARTS: dict[str, Callable[[str], str]] = {
    one.__name__: one for one in (machine, arrays, watch, verifier, audit, sampling, vllm)
}


def main() -> int:
    parser = argparse.ArgumentParser(description="A part of bench/on_gpu.sh.")
    parser.add_argument("part", choices=tuple(PARTS))
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    options = parser.parse_args()
    try:
        if options.part != "machine":
            require(options.device)
        print(PARTS[options.part](options.device))
    except MissingError as missing:
        print(missing)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
