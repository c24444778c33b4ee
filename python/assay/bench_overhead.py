"""`assay bench overhead`: what committing while the model decodes adds to decoding alone."""

import argparse
import gc
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import Error, Srs, StreamingCommit, __version__, _core
from .arguments import at_least
from .ending import ended
from .machine import processor_name
from .streaming import StreamReport
from .wording import count

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from .models import Layout, Observer

PROGRAM = "assay bench overhead"

# OpenMP's threads must sleep when they have nothing to do: the CPU time of spinning says nothing.
_WAITING = ("OMP_WAIT_POLICY", "PASSIVE")
# Says to the started process itself that it has been started anew.
_STARTED = "ASSAY_BENCH_STARTED"

_PROMPT = "The history of numbers begins with"
_CONFIDENCE = 0.95

_ABOUT = """\
Runs are interleaved: in each repetition the model decodes once alone, once with the commitment, in
turns of order. CPU time is that of the whole process. The interval is that of Student's t on the
paired differences. Loading the model, finding its layers and making the public parameters come
before and are not counted; waiting for the last block is.

examples:
  assay bench overhead --repeat 10
  assay bench overhead --model random-1b --json
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of one run."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Added:
    """What is added, in percent of decoding alone: the mean and its confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Subject:
    """A model that is ready to decode, and what can be known before it does."""

    model: "PreTrainedModel"
    ids: list[int]
    layout: "Layout"
    settings: dict[str, bool | int | float]
    srs: Srs
    rows: int


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(given)
    _start_anew(options, given)
    return ended(PROGRAM, lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    report = measure(options)
    if options.json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _print_plainly(report)
    return 0


def _start_anew(options: argparse.Namespace, given: list[str]) -> None:
    """Become the same program with an environment that libraries read when they are loaded."""
    wanted = {_WAITING[0]: _WAITING[1], "OMP_NUM_THREADS": str(options.threads)}
    if os.environ.get(_STARTED) == "1" or all(os.environ.get(k) == v for k, v in wanted.items()):
        return
    environment = {**os.environ, **wanted, _STARTED: "1"}
    arguments = [sys.executable, "-m", "assay.bench_overhead", *given]
    os.execve(sys.executable, arguments, environment)  # noqa: S606 - ourselves, without a shell


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Prepare, run, and give the figures of the report."""
    import torch

    from .models import engine_of

    torch.set_num_threads(options.threads)
    say: Callable[[str], None] = (lambda _: None) if options.quiet else _say
    started = time.monotonic()
    subject = _subject(options, say)
    preparing = time.monotonic() - started

    runs = [_alone, _recorded, _streamed] if options.breakdown else [_alone, _streamed]
    costs: dict[str, list[Cost]] = {run.__name__: [] for run in runs}
    reports: list[StreamReport] = []
    for repeat in range(-options.warm_up, options.repeat):
        # The other order every time: what drifts, a clock or a neighbour, weighs on all alike.
        for run in runs if repeat % 2 == 0 else reversed(runs):
            cost, report = _timed(run, subject, options)
            if repeat < 0:
                continue
            costs[run.__name__].append(cost)
            if report is not None:
                reports.append(report)
        if repeat >= 0:
            pair = costs["_alone"][-1], costs["_streamed"][-1]
            say(
                f"repetition {repeat + 1} of {options.repeat}: CPU {pair[0].cpu:.2f} s alone, "
                f"{pair[1].cpu:.2f} s with the commitment"
            )
    alone, streamed = costs["_alone"], costs["_streamed"]
    parts = _parts(costs, reports)
    entries = subject.layout.entries
    return {
        "model": options.model,
        "parameters": sum(p.numel() for p in subject.model.parameters()),
        "dtype": str(subject.model.dtype).removeprefix("torch."),
        "batch": 1,
        "prompt_tokens": len(subject.ids),
        "decoded_tokens": options.tokens,
        "values_per_token": sum(entry.width for entry in entries),
        "layers": len(entries),
        "repeats": options.repeat,
        "threads": options.threads,
        "stream_threads": options.stream_threads,
        "between_tokens": reports[0].between_tokens,
        "cpu_added_percent": _percent(alone, streamed, "cpu"),
        "wall_added_percent": _percent(alone, streamed, "wall"),
        "cpu_s": {"alone": _mean(alone, "cpu"), "streamed": _mean(streamed, "cpu")},
        "wall_s": {"alone": _mean(alone, "wall"), "streamed": _mean(streamed, "wall")},
        "cpu_ms_per_token": {
            "alone": 1000 * _mean(alone, "cpu") / options.tokens,
            "streamed": 1000 * _mean(streamed, "cpu") / options.tokens,
        },
        "parts_percent_of_cpu": parts,
        "most_blocks_waiting": max(report.most_waiting for report in reports),
        "preparing_s": preparing,
        "runs": {
            name.lstrip("_"): [{"cpu_s": c.cpu, "wall_s": c.wall} for c in listed]
            for name, listed in costs.items()
        },
        "machine": _machine(),
        "versions": {"assay": __version__, **engine_of(subject.model).versions},
    }


def _subject(options: argparse.Namespace, say: Callable[[str], None]) -> Subject:
    from .models import find_layout, settings_for

    say(f"preparing {options.model}")
    model, ids = _random_1b() if options.model == "random-1b" else _loaded(options.model)
    layout = find_layout(model)
    rows = len(ids) + options.tokens - 1
    settings = settings_for(model, options.tokens, min_new_tokens=options.tokens)
    # Planned as it will be when the model runs; what is in the buffers does not matter yet.
    axes: list[tuple[int, ...]] = []

    def srs_for(wanted: tuple[int, ...]) -> Srs:
        axes.append(wanted)
        say(f"making public parameters for {'x'.join(map(str, wanted))}")
        return Srs.dev(wanted, 1)

    srs = _planned(layout, rows, srs_for)
    return Subject(model, ids, layout, settings, srs, rows)


def _planned(layout: "Layout", rows: int, srs_for: Callable[[tuple[int, ...]], Srs]) -> Srs:
    from .hidden_states import Recorder

    with StreamingCommit(srs_for) as stream:
        recorder = Recorder(layout, rows)
        stream.begin(layout.taps, recorder.buffers, recorder.model_threads)
        if stream.srs is None:
            raise Error(f"cannot commit while it runs: {stream.report.reason}")
        return stream.srs


def _loaded(name: str) -> "tuple[PreTrainedModel, list[int]]":
    from .models import Engine, encode_prompts, load

    model, tokenizer, _ = load(name, Engine("bfloat16", "auto", "cpu"))
    return model, encode_prompts(tokenizer, [_PROMPT])[0]


def _random_1b() -> "tuple[PreTrainedModel, list[int]]":
    """A Llama of the sizes of Llama 3.2 1B, with random weights: what it says means nothing."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    config = LlamaConfig(
        vocab_size=128256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    torch.manual_seed(1)
    make: Any = AutoModelForCausalLM.from_config
    model: PreTrainedModel = make(config, dtype=torch.bfloat16).eval()
    return model, list(range(1, 8))


Run = Callable[[Subject, argparse.Namespace], StreamReport | None]


def _alone(subject: Subject, options: argparse.Namespace) -> None:
    _generate(subject)


def _recorded(subject: Subject, options: argparse.Namespace) -> None:
    """The hidden states kept, and nothing made of them."""
    from .hidden_states import Recorder

    recorder = Recorder(subject.layout, subject.rows)
    _generate(subject, recorder)
    recorder.finish()


def _streamed(subject: Subject, options: argparse.Namespace) -> StreamReport:
    """From the prompt to the commitment."""
    from .hidden_states import Recorder

    with StreamingCommit(lambda _: subject.srs, options.stream_threads) as stream:
        recorder = Recorder(subject.layout, subject.rows, stream)
        _generate(subject, recorder)
        stream._finish()
        recorder.finish()
    return stream.report


def _generate(subject: Subject, *observers: "Observer") -> None:
    from .models import generate, quiet

    with quiet(True):
        (made,) = generate(
            subject.model,
            [subject.ids],
            subject.settings,
            observers=observers,
            layout=subject.layout,
        )
    tokens = len(made.prompt) + len(made.output)
    if tokens != subject.rows + 1:
        raise Error(f"{tokens} tokens came where {subject.rows + 1} were planned")


def _timed(
    run: Run, subject: Subject, options: argparse.Namespace
) -> tuple[Cost, StreamReport | None]:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    report = run(subject, options)
    return Cost(time.process_time() - cpu, time.perf_counter() - wall), report


def _mean(costs: list[Cost], key: str) -> float:
    return statistics.fmean(getattr(cost, key) for cost in costs)


def _percent(alone: list[Cost], other: list[Cost], key: str) -> dict[str, float]:
    added = paired([getattr(cost, key) for cost in alone], [getattr(cost, key) for cost in other])
    return {"mean": added.mean, "low": added.low, "high": added.high}


def _parts(costs: dict[str, list[Cost]], reports: list[StreamReport]) -> dict[str, float]:
    """Where the added CPU time is spent, as far as it was looked at."""
    base = _mean(costs["_alone"], "cpu")
    whole = _mean(costs["_streamed"], "cpu") - base
    thread = statistics.fmean(report.thread_cpu_s for report in reports)
    parts = {"committing thread": 100 * thread / base, "all else": 100 * (whole - thread) / base}
    if "_recorded" in costs:
        parts["keeping the hidden states"] = 100 * (_mean(costs["_recorded"], "cpu") / base - 1)
    return parts


def paired(alone: Sequence[float], other: Sequence[float]) -> Added:
    """The mean of `other - alone` over the mean of `alone`, in percent, with its interval.

    Args:
        alone: At least two.
        other: As many, each of the same repetition.
    """
    differences = [b - a for a, b in zip(alone, other, strict=True)]
    base = statistics.fmean(alone)
    mean = statistics.fmean(differences)
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    half = student_quantile(len(differences) - 1) * error
    return Added(100 * mean / base, 100 * (mean - half) / base, 100 * (mean + half) / base)


def student_quantile(freedom: int, confidence: float = _CONFIDENCE) -> float:
    """Bounds: Student's distribution with `freedom` degrees lies in [-t, t] so often."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
    scale /= math.sqrt(freedom * math.pi)

    def inside(t: float) -> float:
        # Simpson's rule on the substitution x = sqrt(n) tan(u), which makes it a power of cosine.
        end, steps = math.atan(t / math.sqrt(freedom)), 400
        width = end / steps
        total = 0.0
        for i in range(steps + 1):
            weight = 1 if i in (0, steps) else 4 if i % 2 else 2
            total += weight * math.cos(i * width) ** (freedom - 1)
        return 2 * scale * math.sqrt(freedom) * total * width / 3

    low, high = 0.0, 1000.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < confidence else (low, middle)
    return (low + high) / 2


def _machine() -> dict[str, Any]:
    return {
        "processor": processor_name(),
        "processors": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "kernel": _core.active_kernel(),
        "omp_wait_policy": os.environ.get(_WAITING[0], ""),
    }


def _print_plainly(report: dict[str, Any]) -> None:
    per_token = report["cpu_ms_per_token"]
    machine = report["machine"]
    print(
        f"{report['model']}: {count(report['parameters'])} parameters, {report['dtype']}, "
        f"{report['decoded_tokens']} tokens, {count(report['values_per_token'])} values for each"
    )
    print(f"  CPU added   {_interval(report['cpu_added_percent'])}")
    print(f"  wall added  {_interval(report['wall_added_percent'])}")
    print(
        f"  a token     {per_token['alone']:.2f} ms of CPU alone, "
        f"{per_token['streamed']:.2f} ms with the commitment"
    )
    for name, percent in report["parts_percent_of_cpu"].items():
        print(f"  part        {percent:+.2f} %  {name}")
    print(
        f"  repeats     {report['repeats']}, {report['threads']} threads of the model, "
        f"committing {_committing(report)}; at most {report['most_blocks_waiting']} "
        "blocks waited"
    )
    print(
        f"  machine     {machine['processor']}, {machine['processors']} processors, "
        f"load {machine['load_average']:.1f}, kernel {machine['kernel']}"
    )
    print(f"  versions    {', '.join(f'{k} {v}' for k, v in report['versions'].items())}")


def _committing(report: dict[str, Any]) -> str:
    threads = report["stream_threads"]
    where = "between tokens" if report["between_tokens"] else "beside the model"
    return where if threads is None else f"{where} with {count(threads)} threads"


def _interval(added: dict[str, float]) -> str:
    return f"{added['mean']:+.2f} % (95 %: {added['low']:+.2f} to {added['high']:+.2f})"


def _say(words: str) -> None:
    print(f"{PROGRAM}: {words}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Measure what committing to the hidden states while a model decodes adds to "
        "decoding alone.",
        epilog=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--model",
        default="smollm2",
        metavar="MODEL",
        help="smollm2, random-1b (made here, with random weights), or what `assay run` takes "
        "(default: %(default)s)",
    )
    positive = at_least(1)
    add("--tokens", type=at_least(2), default=256, metavar="N", help="default: %(default)s")
    add("--repeat", type=at_least(2), default=10, metavar="N", help="default: %(default)s")
    add("--warm-up", type=at_least(0), default=1, metavar="N", help="runs not counted (default: 1)")
    add("--threads", type=positive, default=2, metavar="N", help="of the model (default: 2)")
    add("--stream-threads", type=positive, metavar="N", help="as of `assay run`")
    add("--breakdown", action="store_true", help="also run with the hidden states kept alone")
    add("--json", action="store_true", help="the figures as JSON")
    add("--quiet", action="store_true", help="no messages but errors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
