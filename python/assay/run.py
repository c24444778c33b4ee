"""`assay run`: from a prompt or a tensor to verified proofs, nothing on disk in between."""

import argparse
import json
import resource
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import Challenge, Commitment, Log, Srs, Tensor, _core, commit, encode, verify
from .arguments import add_number, integer, parser_of
from .ending import ended
from .hidden_states import add_capture_flags, capture_arguments
from .models import require_models
from .printing import printable, show, show_json
from .progress import Bar
from .stopping import obey
from .streaming import BLOCK, StreamingCommit, StreamReport
from .tensors import LayoutKind
from .wording import count, duration, size
from .writing import write_together

PROGRAM = "assay run"

_EXAMPLE = """\
examples:
  assay run --prompt "The capital of France is" --max-new-tokens 16
  assay run --tensor hypercube.npy --num-queries 10 --json
  assay run --models smollm2 --prompt "Hello" --srs model.srs --output-dir out
  assay run --prompt "Hello" --stream --max-new-tokens 64 --min-new-tokens 64

Without --srs, public parameters are made in memory from --srs-seed; whoever knows the seed can open
the commitment to anything. Exit codes: 0 accepted, 1 rejected, 2 could not run, 3 inconclusive.
"""


class Job:
    """What is to be committed to, or is already, with its SRS and the time that it took.

    Attributes:
        options: The flags of the command.
        name: Of the file or the model.
        tensor: Set before anything is made of it.
        commitment: Where it was made while the model ran.
        stream: What came of that, where it was asked for.
        blocks: With --blocks, a job for each, to be taken in the place of this one.
        seconds: Of each phase, in order; a phase that comes again adds up, and one within another
            is taken out of it.
    """

    tensor: Tensor

    def __init__(self, options: argparse.Namespace, name: str) -> None:
        self.options = options
        self.name = name
        self.commitment: Commitment | None = None
        self.stream: StreamReport | None = None
        self.blocks: list[Job] = []
        self.seconds: dict[str, float] = {}
        self._inside = 0.0
        self._srs: Srs | None = None

    def say(self, words: str) -> None:
        """A message, unless quiet."""
        if not self.options.quiet:
            show(f"{PROGRAM}: {printable(words)}", error=True)

    @contextmanager
    def phase(self, name: str, words: str) -> Iterator[None]:
        """Time what runs inside; its ends are places to stop at."""
        obey()
        self.say(f"{words} ...")
        outside, self._inside = self._inside, 0.0
        started = time.monotonic()
        yield
        whole = time.monotonic() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + whole - self._inside
        self._inside = outside + whole
        obey()

    def srs_for(self, axes: Sequence[int]) -> Srs:
        """That of the file, whatever its axes, or one made for `axes`, on first use."""
        options = self.options
        if options.srs is not None:
            self._srs = self._srs or Srs.open(options.srs)
        elif self._srs is None or self._srs.axes != tuple(axes):
            seed = secrets.randbits(63) if options.srs_seed is None else options.srs_seed
            with self.phase("setup", f"making public parameters for {'x'.join(map(str, axes))}"):
                self._srs = Srs.dev(axes, seed)
        return self._srs


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _options(argv)
    stopped = "stopped before it was done; no half-written file is left"
    return ended(PROGRAM, lambda: _run_all(options), stopped=stopped)


def _run_all(options: argparse.Namespace) -> int:
    reports = [_run_one(job) for job in _jobs(options)]
    if options.json:
        show_json({"runs": reports})
    else:
        for report in reports:
            _print_plainly(report)
    # A rejection outweighs what could not be decided.
    codes = [_core.exit_code(report["verdict"]) for report in reports]
    rejected = _core.exit_code("rejected")
    return rejected if rejected in codes else max(codes)


def _jobs(options: argparse.Namespace) -> Iterator[Job]:
    if options.tensor is not None:
        path = Path(options.tensor)
        job = Job(options, path.name)
        with job.phase("load", f"reading {path}"):
            job.tensor = Tensor.read(
                path, options.encoding or None, options.layout or None, axes=options.axes
            )
        yield job
        return
    require_models(options)
    for model in options.models:
        job = Job(options, model)
        if not options.stream:
            _capture(job, None)
        elif reason := _not_streamable(options):
            job.say(f"not committing while the model runs: {reason}")
            _capture(job, None)
            job.stream = StreamReport(False, reason, 0, 0, 0, 0, 0.0)
        else:
            with StreamingCommit(
                job.srs_for, options.stream_threads, tokens_of_block=options.blocks
            ) as stream:
                _capture(job, stream)
        yield from job.blocks or [job]


def _not_streamable(options: argparse.Namespace) -> str:
    """Why the flags rule it out; empty when they do not."""
    if options.mode != "decode":
        return f"--mode {options.mode} has the values only after the tokens"
    if (options.layout or "model") != "model":
        return f"--layout {options.layout} does not keep tokens apart"
    if (options.encoding or "bits") != "bits":
        return f"--encoding {options.encoding}; only bits are committed to as they come"
    return ""


def _capture(job: Job, stream: StreamingCommit | None) -> None:
    """Run the model of the job's name, and set its tensor and what came of the stream."""
    from . import capture  # loads torch

    options, model = job.options, job.name
    with (
        job.phase("capture", f"running {model}"),
        # Messages come in between where the commitment is made at the same time.
        Bar.on_stderr(model, quiet=options.quiet or stream is not None) as bar,
    ):
        flags = capture_arguments(options)
        held = capture(model, options.prompt, **flags, on_progress=bar, follower=stream)
    job.name = held.model_name
    with job.phase("encode", "encoding the hidden states"):
        layout: LayoutKind = options.layout or "model"
        job.tensor = encode(held, options.encoding or "bits", layout)
    if stream is None:
        return
    if options.blocks is not None:
        with job.phase("commit", "committing to the last tokens"):
            blocks = stream.blocks(held)
        job.stream = stream.report
        _take_blocks(job, blocks)
        return
    # What is left when the model has finished; the rest lies within the phase "capture".
    with job.phase("commit", "committing to the last tokens"):
        job.commitment = stream.commitment(job.tensor)
    job.stream = stream.report
    if job.stream.reason:
        job.say(f"did not commit while the model ran: {job.stream.reason}")
    elif job.stream.fell_behind:
        job.say(
            f"the model was ahead: up to {job.stream.most_waiting} blocks of {BLOCK} tokens waited "
            "in the capture's buffers (--stream-threads gives the commitment more threads)"
        )


def _take_blocks(job: Job, blocks: list[Commitment]) -> None:
    """A job for each block, and the log of them in the folder of the output."""
    log = Log()
    for number, block in enumerate(blocks):
        log.append(block)
        part = Job(job.options, f"{job.name}.block-{number:06}")
        part.commitment, part.stream, part._srs = block, job.stream, job._srs
        part.tensor = block.tensor
        part.seconds = dict(job.seconds)
        job.blocks.append(part)
    if job.options.output_dir is not None and blocks:
        directory = Path(job.options.output_dir)
        directory.mkdir(parents=True, exist_ok=True)
        stem = job.name.replace("/", "_")
        write_together(
            {
                directory / f"{stem}.log": log.to_bytes(),
                directory / f"{stem}.head": log.head.to_bytes(),
            }
        )


def _run_one(job: Job) -> dict[str, Any]:
    options, tensor = job.options, job.tensor
    srs = job.srs_for(tensor.axes)
    commitment = job.commitment
    if commitment is None:
        with job.phase("commit", f"committing to {count(tensor.real_count)} values"):
            commitment = commit(tensor, srs)
    challenge = Challenge.draw(commitment, min(options.num_queries, tensor.real_count))
    with job.phase("prove", f"opening {len(challenge)} values"):
        proofs = commitment.open(challenge)
    with job.phase("verify", "verifying"):
        verdict = verify(
            commitment,
            proofs,
            srs.verifier_key,
            challenge=challenge,
            digest=commitment.digest,
            expect={"encoding": tensor.encoding},
            # Only parameters that were made here are vouched for.
            trusted=[srs.verifier_key.digest] if options.srs is None else [],
            captured=tensor,
        )
    if options.output_dir is not None:
        directory = Path(options.output_dir)
        directory.mkdir(parents=True, exist_ok=True)
        stem = job.name.replace("/", "_")
        contents = {
            f"{stem}.commitment": commitment.to_bytes(),
            f"{stem}.proofs": proofs.to_bytes(),
            f"{stem}.vk": srs.verifier_key.to_bytes(),
        }
        write_together({directory / name: data for name, data in contents.items()})
    queries = len(proofs)
    return {
        "name": job.name,
        "axes": list(tensor.axes),
        "layout": tensor.layout,
        "encoding": tensor.encoding,
        "values": tensor.real_count,
        "padding": tensor.padding,
        "commitment_hex": commitment.hex,
        "digest": commitment.digest,
        **json.loads(verdict.to_json()),
        "num_queries": queries,
        "proof_bytes": 32 * len(tensor.axes),
        "openings": [
            {"point": list(proof.point), "value": proof.value, "place": str(proof.place)}
            for proof in proofs
        ],
        "timing": {
            **{f"{phase}_s": seconds for phase, seconds in job.seconds.items()},
            "avg_prove_s": job.seconds["prove"] / queries,
            "avg_verify_s": job.seconds["verify"] / queries,
        },
        "stream": None if job.stream is None else asdict(job.stream),
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _print_plainly(report: dict[str, Any]) -> None:
    timing = report["timing"]
    show(f"{printable(report['name'])}: {count(report['values'])} values, axes {report['axes']}")
    show(f"  commitment  {report['commitment_hex']}")
    show(f"  digest      {report['digest']}")
    show(
        f"  openings    {report['num_queries']}, {report['proof_bytes']} bytes of proof each, "
        f"{duration(timing['avg_prove_s'])} to make, {duration(timing['avg_verify_s'])} to verify"
    )
    phases = [
        f"{name.removesuffix('_s')} {duration(seconds)}"
        for name, seconds in timing.items()
        if not name.startswith("avg_")
    ]
    show(f"  times       {', '.join(phases)}")
    if report["stream"] is not None:
        show(f"  streamed    {_streamed(report['stream'])}")
    show(f"  memory      {size(report['peak_memory_bytes'])} at the peak")
    show(f"  verdict     {report['verdict']}")
    if report["verdict"] != "accepted":
        show(f"              at step {report['step']}: {printable(report['reason'])}")
    for text in report["assumptions"]:
        show(f"  assumed     {printable(text)}")
    for note in report["notes"]:
        show(f"  note        {printable(note)}")


def _streamed(stream: dict[str, Any]) -> str:
    if not stream["used"]:
        return f"no: {stream['reason']}"
    return (
        f"{'between tokens' if stream['between_tokens'] else 'beside the model'}: "
        f"{stream['tokens_at_end']} of {stream['tokens']} tokens were committed to when the model "
        f"had finished; at most {stream['most_waiting']} blocks of {BLOCK} waited"
    )


def _sizes(text: str) -> list[int]:
    return [integer(size) for size in text.split(",")]


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.stream and options.tensor is not None:
        parser.error("--stream commits while a model runs; --tensor runs none")
    if options.blocks is not None and (options.blocks < 1 or not options.stream):
        parser.error("--blocks takes 1 token or more, and goes with --stream")
    if options.blocks is not None and (reason := _not_streamable(options)):
        parser.error(f"--blocks: {reason}")
    if options.stream_threads is not None and options.stream_threads < 1:
        parser.error(f"--stream-threads is {options.stream_threads}; give at least 1")
    return options


def _parser() -> argparse.ArgumentParser:
    about = "Capture a model (or take a tensor), commit, open at random points and verify."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--prompt", help="text to continue with each model")
    source.add_argument("--tensor", metavar="FILE", help=".npy, .safetensors or .pt to commit to")
    add("--models", nargs="+", default=["smollm2"], metavar="MODEL", help="default: smollm2")
    add_capture_flags(parser)
    add("--encoding", metavar="E", help="bits, decimal:S or int; by default bits for floats")
    add("--layout", choices=("model", "cube", "flat"), help="default: model, flat for one array")
    add("--axes", type=_sizes, metavar="A,B,..", help="axes of a flat tensor")
    add("--srs", metavar="FILE", help="public parameters; by default made in memory")
    add(
        "--srs-seed",
        type=integer,
        metavar="N",
        help="of parameters made in memory (default: random)",
    )
    add_number(add, "--num-queries", 10, "points", least=1)
    add(
        "--stream",
        action="store_true",
        help="commit while the model runs; the commitment is the same. The number of tokens must "
        "be as planned: see --min-new-tokens",
    )
    add(
        "--stream-threads",
        type=integer,
        metavar="N",
        help="threads of --stream (default: the model's own between tokens, or one beside it)",
    )
    add(
        "--blocks",
        type=integer,
        metavar="N",
        help="with --stream: a commitment for each N tokens, however many there come to be, and a "
        "log of them; --srs is for the axes of a block",
    )
    add("--output-dir", metavar="DIR", help="keep commitment, proofs and verifier key there")
    add("--json", action="store_true", help="the report as JSON")
    add("--quiet", action="store_true", help="no messages but errors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
