"""`assay run`: from a prompt or a tensor to verified proofs, nothing on disk in between."""

import argparse
import json
import resource
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from . import Challenge, Commitment, Srs, Tensor, _core, capture, commit, encode, verify
from .ending import ended
from .hidden_states import add_capture_flags, capture_arguments
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


class Timings:
    """Seconds of each phase, in order; a phase that comes again adds up.

    A phase within another is taken out of it.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._quiet = quiet
        self._inside = 0.0

    def say(self, words: str) -> None:
        """A message, unless quiet."""
        if not self._quiet:
            print(f"{PROGRAM}: {words}", file=sys.stderr)

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


class Parameters:
    """The SRS of a run, made or opened on first use, and the digests that may be trusted."""

    def __init__(self, options: argparse.Namespace, timings: Timings) -> None:
        self._options = options
        self._timings = timings
        self._srs: Srs | None = None

    def srs_for(self, axes: Sequence[int]) -> Srs:
        """That of the file, whatever its axes, or one made for `axes`."""
        options = self._options
        if options.srs is not None:
            self._srs = self._srs or Srs.open(options.srs)
        elif self._srs is None or self._srs.axes != tuple(axes):
            seed = secrets.randbits(63) if options.srs_seed is None else options.srs_seed
            words = f"making public parameters for {'x'.join(map(str, axes))}"
            with self._timings.phase("setup", words):
                self._srs = Srs.dev(axes, seed)
        return self._srs

    def trusted(self, srs: Srs) -> list[str]:
        """Only parameters that were made here are vouched for."""
        return [srs.verifier_key.digest] if self._options.srs is None else []


@dataclass
class Job:
    """What is to be committed to, or is already."""

    name: str
    tensor: Tensor
    timings: Timings
    parameters: Parameters
    commitment: Commitment | None = None
    stream: StreamReport | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _options(argv)
    stopped = "stopped before it was done; no half-written file is left"
    return ended(PROGRAM, lambda: _run_all(options), stopped=stopped)


def _run_all(options: argparse.Namespace) -> int:
    reports = [_run_one(options, job) for job in _jobs(options)]
    if options.json:
        print(json.dumps({"runs": reports}, indent=2, ensure_ascii=False))
    else:
        for report in reports:
            _print_plainly(report)
    # A rejection outweighs what could not be decided.
    codes = [_core.exit_code(report["verdict"]) for report in reports]
    rejected = _core.exit_code("rejected")
    return rejected if rejected in codes else max(codes)


def _jobs(options: argparse.Namespace) -> Iterator[Job]:
    if options.tensor is not None:
        timings = Timings(quiet=options.quiet)
        path = Path(options.tensor)
        with timings.phase("load", f"reading {path}"):
            tensor = Tensor.read(
                path, options.encoding or None, options.layout or None, axes=options.axes
            )
        yield Job(path.name, tensor, timings, Parameters(options, timings))
        return
    for model in options.models:
        timings = Timings(quiet=options.quiet)
        parameters = Parameters(options, timings)
        if not options.stream:
            yield _captured(options, model, timings, parameters, None)
            continue
        reason = _not_streamable(options)
        if reason:
            timings.say(f"not committing while the model runs: {reason}")
            job = _captured(options, model, timings, parameters, None)
            job.stream = StreamReport(False, reason, 0, 0, 0, 0, 0.0)
        else:
            with StreamingCommit(parameters.srs_for, options.stream_threads) as stream:
                job = _captured(options, model, timings, parameters, stream)
        yield job


def _not_streamable(options: argparse.Namespace) -> str:
    """Why the flags rule it out; empty when they do not."""
    if options.mode != "decode":
        return f"--mode {options.mode} has the values only after the tokens"
    if (options.layout or "model") != "model":
        return f"--layout {options.layout} does not keep tokens apart"
    if (options.encoding or "bits") != "bits":
        return f"--encoding {options.encoding}; only bits are committed to as they come"
    return ""


def _captured(
    options: argparse.Namespace,
    model: str,
    timings: Timings,
    parameters: Parameters,
    stream: StreamingCommit | None,
) -> Job:
    with (
        timings.phase("capture", f"running {model}"),
        # Messages come in between where the commitment is made at the same time.
        Bar.on_stderr(model, quiet=options.quiet or stream is not None) as bar,
    ):
        held = capture(
            model,
            options.prompt,
            **capture_arguments(options),
            on_progress=bar,
            follower=stream,
        )
    with timings.phase("encode", "encoding the hidden states"):
        layout: LayoutKind = options.layout or "model"
        tensor = encode(held, options.encoding or "bits", layout)
    job = Job(held.model_name, tensor, timings, parameters)
    if stream is not None:
        # What is left when the model has finished; the rest lies within the phase "capture".
        with timings.phase("commit", "committing to the last tokens"):
            job.commitment = stream.commitment(tensor)
        job.stream = stream.report
        if job.stream.reason:
            timings.say(f"did not commit while the model ran: {job.stream.reason}")
        elif job.stream.fell_behind:
            timings.say(_behind(job.stream))
    return job


def _behind(report: StreamReport) -> str:
    return (
        f"the model was ahead: up to {report.most_waiting} blocks of {BLOCK} tokens waited in the "
        "capture's buffers (--stream-threads gives the commitment more threads)"
    )


def _run_one(options: argparse.Namespace, job: Job) -> dict[str, Any]:
    tensor, timings = job.tensor, job.timings
    srs = job.parameters.srs_for(tensor.axes)
    commitment = job.commitment
    if commitment is None:
        with timings.phase("commit", f"committing to {count(tensor.real_count)} values"):
            commitment = commit(tensor, srs)
    challenge = Challenge.draw(commitment, min(options.num_queries, tensor.real_count))
    with timings.phase("prove", f"opening {len(challenge)} values"):
        proofs = commitment.open(challenge)
    with timings.phase("verify", "verifying"):
        verdict = verify(
            commitment,
            proofs,
            srs.verifier_key,
            challenge=challenge,
            digest=commitment.digest,
            trusted=job.parameters.trusted(srs),
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
        write_together({directory / name: partial(_write, data) for name, data in contents.items()})
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
            **{f"{phase}_s": seconds for phase, seconds in timings.seconds.items()},
            "avg_prove_s": timings.seconds["prove"] / queries,
            "avg_verify_s": timings.seconds["verify"] / queries,
        },
        "stream": None if job.stream is None else asdict(job.stream),
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _write(data: bytes, file: BinaryIO) -> None:
    file.write(data)


def _print_plainly(report: dict[str, Any]) -> None:
    timing = report["timing"]
    print(f"{report['name']}: {count(report['values'])} values, axes {report['axes']}")
    print(f"  commitment  {report['commitment_hex']}")
    print(f"  digest      {report['digest']}")
    print(
        f"  openings    {report['num_queries']}, {report['proof_bytes']} bytes of proof each, "
        f"{duration(timing['avg_prove_s'])} to make, {duration(timing['avg_verify_s'])} to verify"
    )
    print(f"  times       {', '.join(_phases(timing))}")
    if report["stream"] is not None:
        print(f"  streamed    {_streamed(report['stream'])}")
    print(f"  memory      {size(report['peak_memory_bytes'])} at the peak")
    print(f"  verdict     {report['verdict']}")
    if report["verdict"] != "accepted":
        print(f"              at step {report['step']}: {report['reason']}")
    for text in report["assumptions"]:
        print(f"  assumed     {text}")
    for note in report["notes"]:
        print(f"  note        {note}")


def _streamed(stream: dict[str, Any]) -> str:
    if not stream["used"]:
        return f"no: {stream['reason']}"
    return (
        f"{stream['tokens_at_end']} of {stream['tokens']} tokens were committed to when the model "
        f"had finished; at most {stream['most_waiting']} blocks of {BLOCK} waited"
    )


def _phases(timing: dict[str, float]) -> Iterator[str]:
    for name, seconds in timing.items():
        if not name.startswith("avg_"):
            yield f"{name.removesuffix('_s')} {duration(seconds)}"


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError("write axes as in 6,6,6") from error


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.stream and options.tensor is not None:
        parser.error("--stream commits while a model runs; --tensor runs none")
    if options.stream_threads < 1:
        parser.error(f"--stream-threads is {options.stream_threads}; give at least 1")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Capture a model (or take a tensor), commit, open at random points and verify.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
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
    add("--srs-seed", type=int, metavar="N", help="for parameters made in memory (default: random)")
    add("--num-queries", type=int, default=10, metavar="N", help="points (default: %(default)s)")
    add(
        "--stream",
        action="store_true",
        help="commit while the model runs; the commitment is the same. The number of tokens must "
        "be as planned: see --min-new-tokens",
    )
    add(
        "--stream-threads",
        type=int,
        default=1,
        metavar="N",
        help="threads of --stream, beside the model's (default: %(default)s)",
    )
    add("--output-dir", metavar="DIR", help="keep commitment, proofs and verifier key there")
    add("--json", action="store_true", help="the report as JSON")
    add("--quiet", action="store_true", help="no messages but errors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
