"""`assay bench vllm`: what proofs cost an engine that serves, and what checking them costs."""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import __version__
from .arguments import add_number, parser_of
from .ending import ended
from .machine import processor_name
from .paired_runs import paired
from .printing import show, show_json
from .stopping import obey
from .vllm import require_installed

PROGRAM = "assay bench vllm"

_ABOUT = """\
Needs the environment of `make vllm`; runs the engine in this process. Runs are interleaved: in each
repetition the same requests are answered once without proofs, once with them, in turns of order.
The interval is that of Student's t on the paired differences of the times.

examples:
  .venv-vllm/bin/assay-bench-vllm --repeat 6
  .venv-vllm/bin/assay-bench-vllm --requests 32 --tokens 32 --json
"""

_BATCHES = (1, 8, 32)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = parser_of(PROGRAM, "Time an engine with proofs and without.", _ABOUT)
    parser.add_argument("--model", default="smollm2", help="folder, .gguf file or hub id")
    add_number(parser.add_argument, "--requests", 64, least=1)
    add_number(parser.add_argument, "--batch", 32, "requests that run together", least=1)
    add_number(parser.add_argument, "--tokens", 64, "of each answer", least=32)
    add_number(parser.add_argument, "--repeat", 6, "pairs of runs", least=2)
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--quiet", action="store_true", help="no messages but errors")
    options = parser.parse_args(argv)
    return ended(PROGRAM, lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    require_installed()
    report = measure(options)
    if options.json:
        show_json(report)
    else:
        _print_plainly(report)
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Serve, and give the figures of the report."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    from .models import Engine, encode_prompts, load, made_prompts

    say: Callable[[str], None] = (lambda _: None) if options.quiet else _say
    model, tokenizer, source = load(options.model, Engine("bfloat16", "sdpa", "cpu"))
    prompts = encode_prompts(tokenizer, made_prompts(min(options.requests, 200)), 1024)
    prompts = [prompts[i % len(prompts)] for i in range(options.requests)]
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        path = str(Path(folder) / "model")
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
        llm = _engine(path, options.batch)
        say(f"{source.name} is served")
        seconds: dict[bool, list[float]] = {False: [], True: []}
        proving: list[_Proved] = []
        for repeat in range(-1, options.repeat):
            for with_proofs in (False, True) if repeat % 2 else (True, False):
                gc.collect()
                taken, outputs = _answered(llm, prompts, options.tokens, with_proofs)
                proved = _proved(llm, outputs) if with_proofs else None
                if repeat >= 0:
                    seconds[with_proofs].append(taken)
                    if proved is not None:
                        proving.append(proved)
            if repeat >= 0:
                say(
                    f"pair {repeat + 1} of {options.repeat}: {seconds[False][-1]:.2f} s without "
                    f"proofs, {seconds[True][-1]:.2f} s with"
                )
        checking = [_checked(llm, model, prompts[:count], options.tokens) for count in _BATCHES]
    tokens = options.requests * options.tokens
    width = int(model.config.hidden_size)
    proof_bytes = proving[0].bytes
    return {
        "model": source.name,
        "dtype": "bfloat16",
        "requests": options.requests,
        "batch": options.batch,
        "tokens_of_each": options.tokens,
        "repeats": options.repeat,
        "tokens_per_s": {
            name: tokens / statistics.fmean(seconds[on])
            for name, on in (("without", False), ("with_toploc", True))
        },
        "added_percent": asdict(paired(seconds[False], seconds[True])),
        "proofs_ms": {
            "mean_of_an_answer": statistics.fmean(one.mean_ms for one in proving),
            "longest": max(one.most_ms for one in proving),
        },
        "rows_held_bytes_of_a_request": max(one.held for one in proving) / options.requests,
        "proof_bytes": proof_bytes,
        "state_bytes": tokens * width * 2,
        "checking": checking,
        "machine": {
            "processor": processor_name(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg()[0],
        },
        "versions": {"assay": __version__, **_engine_versions(llm)},
    }


def _engine(path: str, batch: int) -> Any:
    from importlib import import_module

    llm = import_module("vllm").LLM
    return llm(
        model=path,
        dtype="bfloat16",
        enforce_eager=True,
        max_model_len=1024,
        max_num_seqs=batch,
        enable_prefix_caching=False,
        distributed_executor_backend="uni",
        additional_config={"assay": {}},
    )


def _answered(
    llm: Any, prompts: Sequence[Sequence[int]], tokens: int, with_proofs: bool
) -> tuple[float, list[Any]]:
    """Seconds, and the outputs."""
    from importlib import import_module

    settings = import_module("vllm").SamplingParams(
        temperature=0, max_tokens=tokens, ignore_eos=True, detokenize=False
    )
    llm.collective_rpc("assay_pause", args=(not with_proofs,))
    asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
    obey()
    started = time.perf_counter()
    outputs = llm.generate(asked, settings, use_tqdm=False)
    return time.perf_counter() - started, outputs


class _Proved:
    """What came of asking for the proofs of all answers of a run, one after another."""

    def __init__(self, held: int, times_ms: Sequence[float], proofs: Sequence[bytes]) -> None:
        self.held = held
        self.mean_ms, self.most_ms = statistics.fmean(times_ms), max(times_ms)
        self.bytes = sum(map(len, proofs))


def _proved(llm: Any, outputs: Sequence[Any]) -> _Proved:
    from .vllm import proofs

    (status,) = llm.collective_rpc("assay_status")
    times, made = [], []
    for output in outputs:
        started = time.perf_counter()
        ((answer,),) = proofs(llm, [output])
        times.append(1000 * (time.perf_counter() - started))
        made += answer.proofs
    return _Proved(status["counts"]["held_bytes"], times, made)


def _checked(llm: Any, model: Any, prompts: Sequence[Sequence[int]], tokens: int) -> dict[str, Any]:
    """Generate in one batch, and check one answer after another with transformers."""
    from . import toploc
    from .vllm import proofs

    generating, outputs = _answered(llm, prompts, tokens, True)
    answers = [answers[0] for answers in proofs(llm, outputs)]
    started = time.perf_counter()
    accepted = 0
    for answer in answers:
        signature = answer.signature
        assert signature is not None  # noqa: S101 - its proofs would be in an error
        own = toploc.recompute(model, signature.prompt_token_ids, signature.output_token_ids)
        accepted += bool(toploc.verify(own, signature.proofs, rounded=True))
    return {
        "batch": len(prompts),
        "generating_s": generating,
        "checking_s": time.perf_counter() - started,
        "accepted": accepted,
    }


def _engine_versions(llm: Any) -> dict[str, str]:
    (status,) = llm.collective_rpc("assay_status")
    return {"vllm": status["vllm"], "torch": status["torch"]}


def _print_plainly(report: dict[str, Any]) -> None:
    speed, added = report["tokens_per_s"], report["added_percent"]
    show(
        f"tokens     {speed['without']:.0f} a second without proofs, {speed['with_toploc']:.0f} "
        f"with: {added['mean']:+.2f} % of the time (95 %: {added['low']:+.2f} to "
        f"{added['high']:+.2f})"
    )
    wait = report["proofs_ms"]
    show(f"proofs     {wait['mean_of_an_answer']:.1f} ms an answer, {wait['longest']:.1f} at most")
    times = report["state_bytes"] / report["proof_bytes"]
    show(f"           {report['proof_bytes']} bytes; the states are {times:.0f} times as many")
    show(f"memory     {report['rows_held_bytes_of_a_request']:.0f} bytes of rows a request")
    for one in report["checking"]:
        show(
            f"batch {one['batch']:<4} {one['generating_s']:.2f} s to generate, "
            f"{one['checking_s']:.2f} s to check, {one['accepted']} accepted"
        )
    machine = report["machine"]
    show(
        f"machine    {machine['processor']}, {machine['processors']} processors, "
        f"load {machine['load_average']:.1f}"
    )


def _say(text: str) -> None:
    show(f"{PROGRAM}: {text}", error=True)


if __name__ == "__main__":
    sys.exit(main())
