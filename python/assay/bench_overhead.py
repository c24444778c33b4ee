"""`assay bench overhead`: what committing while the model decodes adds to decoding alone."""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from . import Error, Srs, StreamingCommit, __version__, _core
from .arguments import add_number, at_least, parser_of
from .ending import ended
from .machine import processor_name
from .paired_runs import Cost, in_turns, paired, start_anew, wait_policy
from .printing import show, show_json
from .streaming import StreamReport
from .wording import count

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from .models import Layout, Observer

PROGRAM = "assay bench overhead"

_PROMPT = "The history of numbers begins with"

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
    start_anew("assay.bench_overhead", options.threads, given)
    return ended(PROGRAM, lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    report = measure(options)
    if options.json:
        show_json(report)
    else:
        _print_plainly(report)
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Prepare, run, and give the figures of the report."""
    import torch

    from .models import engine_of

    torch.set_num_threads(options.threads)
    say: Callable[[str], None] = (lambda _: None) if options.quiet else _say
    started = time.monotonic()
    subject = _subject(options, say)
    preparing = time.monotonic() - started

    runs: dict[str, Callable[[], object]] = {
        "alone": lambda: _generate(subject),
        "recorded": lambda: _recorded(subject),
        "streamed": lambda: _streamed(subject, options),
    }
    if not options.breakdown:
        del runs["recorded"]
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    reports: list[StreamReport] = []

    def after(repeat: int, cost: dict[str, Cost], results: dict[str, object]) -> None:
        if repeat < 0:
            return
        for name, one in cost.items():
            costs[name].append(one)
        reports.extend(one for one in results.values() if isinstance(one, StreamReport))
        say(
            f"repetition {repeat + 1} of {options.repeat}: CPU {cost['alone'].cpu:.2f} s alone, "
            f"{cost['streamed'].cpu:.2f} s with the commitment"
        )

    in_turns(runs, range(-options.warm_up, options.repeat), after)
    cpu = {name: [cost.cpu for cost in listed] for name, listed in costs.items()}
    wall = {name: [cost.wall for cost in listed] for name, listed in costs.items()}
    mean_cpu = {name: statistics.fmean(listed) for name, listed in cpu.items()}
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
        "cpu_added_percent": asdict(paired(cpu["alone"], cpu["streamed"])),
        "wall_added_percent": asdict(paired(wall["alone"], wall["streamed"])),
        "cpu_s": mean_cpu,
        "wall_s": {name: statistics.fmean(listed) for name, listed in wall.items()},
        "cpu_ms_per_token": {name: 1000 * s / options.tokens for name, s in mean_cpu.items()},
        "parts_percent_of_cpu": _parts(mean_cpu, reports),
        "most_blocks_waiting": max(report.most_waiting for report in reports),
        "preparing_s": preparing,
        "runs": {
            name: [{"cpu_s": cost.cpu, "wall_s": cost.wall} for cost in listed]
            for name, listed in costs.items()
        },
        "machine": {
            "processor": processor_name(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "kernel": _core.active_kernel(),
            "omp_wait_policy": wait_policy(),
        },
        "versions": {"assay": __version__, **engine_of(subject.model).versions},
    }


def _subject(options: argparse.Namespace, say: Callable[[str], None]) -> Subject:
    from .hidden_states import Recorder
    from .models import find_layout, settings_for

    say(f"preparing {options.model}")
    model, ids = _random_1b() if options.model == "random-1b" else loaded(options.model)
    layout = find_layout(model)
    rows = len(ids) + options.tokens - 1

    def srs_for(axes: tuple[int, ...]) -> Srs:
        say(f"making public parameters for {'x'.join(map(str, axes))}")
        return Srs.dev(axes, 1)

    # Planned as it will be when the model runs; what is in the buffers does not matter yet.
    with StreamingCommit(srs_for) as stream:
        recorder = Recorder(layout, rows)
        stream.begin(layout.taps, recorder.buffers, recorder.model_threads)
    if stream.srs is None:
        raise Error(f"cannot commit while it runs: {stream.report.reason}")
    settings = settings_for(model, options.tokens, min_new_tokens=options.tokens)
    return Subject(model, ids, layout, settings, stream.srs, rows)


def loaded(name: str) -> "tuple[PreTrainedModel, list[int]]":
    """A model in bfloat16 on the CPU, and the tokens of a prompt."""
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


def _recorded(subject: Subject) -> None:
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


def _parts(cpu: dict[str, float], reports: list[StreamReport]) -> dict[str, float]:
    """Where the added CPU time is spent, as far as it was looked at."""
    base = cpu["alone"]
    thread = statistics.fmean(report.thread_cpu_s for report in reports)
    rest = cpu["streamed"] - base - thread
    parts = {"committing thread": 100 * thread / base, "all else": 100 * rest / base}
    if "recorded" in cpu:
        parts["keeping the hidden states"] = 100 * (cpu["recorded"] / base - 1)
    return parts


def _print_plainly(report: dict[str, Any]) -> None:
    per_token = report["cpu_ms_per_token"]
    machine = report["machine"]
    show(
        f"{report['model']}: {count(report['parameters'])} parameters, {report['dtype']}, "
        f"{report['decoded_tokens']} tokens, {count(report['values_per_token'])} values for each"
    )
    show(f"  CPU added   {_interval(report['cpu_added_percent'])}")
    show(f"  wall added  {_interval(report['wall_added_percent'])}")
    show(
        f"  a token     {per_token['alone']:.2f} ms of CPU alone, "
        f"{per_token['streamed']:.2f} ms with the commitment"
    )
    for name, percent in report["parts_percent_of_cpu"].items():
        show(f"  part        {percent:+.2f} %  {name}")
    show(
        f"  repeats     {report['repeats']}, {report['threads']} threads of the model, "
        f"committing {_committing(report)}; at most {report['most_blocks_waiting']} "
        "blocks waited"
    )
    show(
        f"  machine     {machine['processor']}, {machine['processors']} processors, "
        f"load {machine['load_average']:.1f}, kernel {machine['kernel']}"
    )
    show(f"  versions    {', '.join(f'{k} {v}' for k, v in report['versions'].items())}")


def _committing(report: dict[str, Any]) -> str:
    threads = report["stream_threads"]
    where = "between tokens" if report["between_tokens"] else "beside the model"
    return where if threads is None else f"{where} with {count(threads)} threads"


def _interval(added: dict[str, float]) -> str:
    return f"{added['mean']:+.2f} % (95 %: {added['low']:+.2f} to {added['high']:+.2f})"


def _say(words: str) -> None:
    show(f"{PROGRAM}: {words}", error=True)


def _parser() -> argparse.ArgumentParser:
    about = (
        "Measure what committing to the hidden states while a model decodes adds to decoding alone."
    )
    parser = parser_of(PROGRAM, about, _ABOUT)
    add = parser.add_argument
    add(
        "--model",
        default="smollm2",
        metavar="MODEL",
        help="smollm2, random-1b (made here, with random weights), or what `assay run` takes "
        "(default: %(default)s)",
    )
    add_number(add, "--tokens", 256, least=2)
    add_number(add, "--repeat", 10, least=2)
    add_number(add, "--warm-up", 1, "runs not counted", least=0)
    add_number(add, "--threads", 2, "of the model", least=1)
    add("--stream-threads", type=at_least(1), metavar="N", help="as of `assay run`")
    add("--breakdown", action="store_true", help="also run with the hidden states kept alone")
    add("--json", action="store_true", help="the figures as JSON")
    add("--quiet", action="store_true", help="no messages but errors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
