"""`assay bench vllm`: what proofs cost an engine that serves, and what checking them costs."""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from . import __version__
from .arguments import add_number, parser_of
from .ending import ended
from .machine import most_memory, processor_name
from .models import DTYPES
from .paired_runs import paired
from .printing import show, show_json
from .srs import Srs
from .stopping import obey
from .tensors import encode
from .vllm import require_installed

PROGRAM = "assay bench vllm"

_ABOUT = """\
Needs the environment of `make vllm`; runs the engine in this process. Runs are interleaved: in each
repetition the same requests are answered once without proofs, once with them, in turns of order.
The interval is that of Student's t on the paired differences of the times. Where other programs
run too, CPU time says more: that of all threads, from the first request until all is there.

--prove says what is made of each answer:
  toploc  TOPLOC proofs
  layers  these, a fingerprint, and a commitment to the rows of all blocks
  audit   TOPLOC proofs, and a log of what all layers computed, which needs --dtype float32

examples:
  .venv-vllm/bin/assay-bench-vllm --repeat 6
  .venv-vllm/bin/assay-bench-vllm --prove layers --dtype float32 --tokens 32
  .venv-vllm/bin/assay-bench-vllm --requests 32 --tokens 32 --json
"""

_BATCHES = (1, 8, 32)
_TOPLOC, _LAYERS, _AUDIT = _PROVE = ("toploc", "layers", "audit")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = parser_of(PROGRAM, "Time an engine with proofs and without.", _ABOUT)
    parser.add_argument("--model", default="smollm2", help="folder, .gguf file or hub id")
    parser.add_argument(
        "--prove", choices=_PROVE, default=_TOPLOC, help="default: %(default)s; see below"
    )
    parser.add_argument("--dtype", choices=DTYPES, default="bfloat16", help="default: %(default)s")
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
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # the CPU time of spinning says nothing
    from .models import Engine, encode_prompts, load, made_prompts

    say: Callable[[str], None] = (lambda _: None) if options.quiet else _say
    model, tokenizer, source = load(options.model, Engine(options.dtype, "sdpa", "cpu"))
    prompts = encode_prompts(tokenizer, made_prompts(min(options.requests, 200)), 1024)
    prompts = [prompts[i % len(prompts)] for i in range(options.requests)]
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        path = str(Path(folder) / "model")
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
        settings = _settings(options, Path(folder), model.config)
        llm = _engine(path, options.dtype, options.batch, settings)
        say(f"{source.name} is served")
        serve = partial(_served, llm, prompts, options.tokens)
        serve(False)  # to warm up, so that what follows is what a run adds
        with most_memory() as plain:
            serve(False)
        with most_memory() as proving:
            serve(True)
        runs: dict[bool, list[_Run]] = {False: [], True: []}
        for repeat in range(options.repeat):
            for with_proofs in (False, True) if repeat % 2 else (True, False):
                gc.collect()
                runs[with_proofs].append(serve(with_proofs))
            say(
                f"pair {repeat + 1} of {options.repeat}: {runs[False][-1].seconds:.2f} s without "
                f"proofs, {runs[True][-1].seconds:.2f} s with"
            )
        checking = [_checked(llm, model, prompts[:count], options.tokens) for count in _BATCHES]
    without, proved = ([one.seconds for one in runs[on]] for on in (False, True))
    cpu_without, cpu_proved = ([one.cpu for one in runs[on]] for on in (False, True))
    tokens = options.requests * options.tokens
    width = int(model.config.hidden_size)
    return {
        "model": source.name,
        "dtype": options.dtype,
        "prove": options.prove,
        "requests": options.requests,
        "batch": options.batch,
        "tokens_of_each": options.tokens,
        "repeats": options.repeat,
        "tokens_per_s": {
            "without": tokens / statistics.fmean(without),
            "with": tokens / statistics.fmean(proved),
        },
        "added_percent": asdict(paired(without, proved)),
        "median_added_percent": _median_added(without, proved),
        "cpu_added_percent": asdict(paired(cpu_without, cpu_proved)),
        "cpu_median_added_percent": _median_added(cpu_without, cpu_proved),
        "taken_ms": {
            "mean_of_an_answer": statistics.fmean(one.mean_ms for one in runs[True]),
            "longest": max(one.most_ms for one in runs[True]),
        },
        "behind_s": statistics.median(one.behind_s for one in runs[True]),
        "added_percent_with_behind": asdict(
            paired(without, [one.seconds + one.behind_s for one in runs[True]])
        ),
        "without_something": sum(one.without for one in runs[True]),
        "rows_held_bytes_of_a_request": max(one.held for one in runs[True]) / options.requests,
        "added_memory_bytes": {"without": plain[0], "with": proving[0]},
        "proof_bytes": runs[True][0].proof_bytes,
        "state_bytes": tokens * width * model.dtype.itemsize,
        "kept_bytes": runs[True][0].kept_bytes,
        "checking": checking,
        "machine": {
            "processor": processor_name(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg()[0],
        },
        "versions": {"assay": __version__, **_engine_versions(llm)},
    }


def _median_added(alone: Sequence[float], other: Sequence[float]) -> float:
    """Of the pairs, in percent."""
    return 100 * statistics.median(b / a - 1 for a, b in zip(alone, other, strict=True))


def _settings(options: argparse.Namespace, folder: Path, config: Any) -> dict[str, Any]:
    """What the engine is told to prove."""
    if options.prove == _AUDIT:
        return {"audit": str(folder / "logs")}
    if options.prove == _TOPLOC:
        return {}
    import torch

    srs = str(folder / "layers.srs")
    dtype = getattr(torch, options.dtype)
    zeros = torch.zeros(1, options.tokens, int(config.hidden_size), dtype=dtype)
    axes = encode({f"layer_{i}": zeros for i in range(int(config.num_hidden_layers))}).axes
    Srs.write_dev(axes, 1, srs)
    return {"fingerprint": True, "layers": "all", "srs": srs}


def _engine(path: str, dtype: str, batch: int, settings: Mapping[str, Any]) -> Any:
    from importlib import import_module

    llm = import_module("vllm").LLM
    return llm(
        model=path,
        dtype=dtype,
        enforce_eager=True,
        max_model_len=1024,
        max_num_seqs=batch,
        enable_prefix_caching=False,
        distributed_executor_backend="uni",
        additional_config={"assay": dict(settings)},
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


@dataclass(frozen=True)
class _Run:
    """What came of a run.

    Attributes:
        seconds: Until the last token.
        cpu: Seconds of CPU, until all that was to be made of the answers is there.
        behind_s: From then until all that was to be made of the answers is there.
        held: Bytes of rows that the worker has at the last token.
        mean_ms: To ask for all that is made of an answer, one after another.
        most_ms: The longest of these.
        proof_bytes: Of all answers.
        kept_bytes: Of rows that were committed to.
        without: Answers that something is missing of.
    """

    seconds: float
    cpu: float
    behind_s: float = 0.0
    held: int = 0
    mean_ms: float = 0.0
    most_ms: float = 0.0
    proof_bytes: int = 0
    kept_bytes: int = 0
    without: int = 0


def _served(llm: Any, prompts: Sequence[Sequence[int]], tokens: int, with_proofs: bool) -> _Run:
    cpu = time.process_time()
    seconds, outputs = _answered(llm, prompts, tokens, with_proofs)
    if not with_proofs:
        return _Run(seconds, time.process_time() - cpu)
    from .vllm import proofs

    (status,) = llm.collective_rpc("assay_status")
    times, answers = [], []
    for output in outputs:
        started = time.perf_counter()
        ((answer,),) = proofs(llm, [output])
        times.append(1000 * (time.perf_counter() - started))
        answers.append(answer)
    return _Run(
        seconds,
        time.process_time() - cpu,
        sum(times) / 1000,
        status["counts"]["held_bytes"],
        statistics.fmean(times),
        max(times),
        sum(len(proof) for answer in answers for proof in answer.proofs),
        sum(len(answer.rows or b"") for answer in answers),
        sum(bool(answer.without) for answer in answers),
    )


def _checked(llm: Any, model: Any, prompts: Sequence[Sequence[int]], tokens: int) -> dict[str, Any]:
    """Generate in one batch, and check one answer after another with transformers."""
    from . import toploc
    from .vllm import proofs

    generating, outputs = _answered(llm, prompts, tokens, True)
    started = time.perf_counter()
    answers = [answers[0] for answers in proofs(llm, outputs)]
    behind = time.perf_counter() - started
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
        "behind_s": behind,
        "checking_s": time.perf_counter() - started,
        "accepted": accepted,
    }


def _engine_versions(llm: Any) -> dict[str, str]:
    (status,) = llm.collective_rpc("assay_status")
    return {"vllm": status["vllm"], "torch": status["torch"]}


def _print_plainly(report: dict[str, Any]) -> None:
    speed, added = report["tokens_per_s"], report["added_percent"]
    show(
        f"tokens     {speed['without']:.0f} a second without proofs, {speed['with']:.0f} "
        f"with: {added['mean']:+.2f} % of the time (95 %: {added['low']:+.2f} to "
        f"{added['high']:+.2f}), {report['median_added_percent']:+.2f} % in the median"
    )
    added = report["cpu_added_percent"]
    show(
        f"           {added['mean']:+.2f} % of CPU time ({added['low']:+.2f} to "
        f"{added['high']:+.2f}), {report['cpu_median_added_percent']:+.2f} % in the median"
    )
    wait = report["taken_ms"]
    show(f"proofs     {wait['mean_of_an_answer']:.1f} ms an answer, {wait['longest']:.1f} at most")
    show(
        f"           all are there {report['behind_s']:.2f} s after the last token: "
        f"{report['added_percent_with_behind']['mean']:+.2f} % of the time until then"
    )
    if report["without_something"]:
        show(f"           {report['without_something']} answers lack something")
    times = report["state_bytes"] / report["proof_bytes"]
    show(f"           {report['proof_bytes']} bytes; the states are {times:.0f} times as many")
    show(f"memory     {report['rows_held_bytes_of_a_request']:.0f} bytes of rows a request")
    memory = report["added_memory_bytes"]
    show(
        f"           {memory['with'] / 1e6:.1f} MB more in the first run with proofs, "
        f"{memory['without'] / 1e6:.1f} MB in the run before it"
    )
    for one in report["checking"]:
        show(
            f"batch {one['batch']:<4} {one['generating_s']:.2f} s to generate, all there "
            f"{one['behind_s']:.2f} s later, {one['checking_s']:.2f} s to check, "
            f"{one['accepted']} accepted"
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
