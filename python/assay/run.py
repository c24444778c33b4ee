"""`assay run`: from a prompt or a tensor to verified proofs, nothing on disk in between."""

import argparse
import json
import resource
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import Challenge, Error, Srs, Tensor, capture, commit, encode, verify
from .tensors import LayoutKind
from .wording import count, duration, size

PROGRAM = "assay run"
REJECTED = 1
FAILED = 2

_EXAMPLE = """\
examples:
  assay run --prompt "The capital of France is" --max-new-tokens 16
  assay run --tensor hypercube.npy --num-queries 10 --json
  assay run --models smollm2 --prompt "Hello" --srs model.srs --output-dir out

Without --srs, public parameters are made in memory from --srs-seed; whoever knows the seed can open
the commitment to anything. Exit code 0: accepted, 1: rejected, 2: could not run.
"""


class Timings:
    """Seconds of each phase, in order; a phase that comes again adds up."""

    def __init__(self, *, quiet: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._quiet = quiet

    @contextmanager
    def phase(self, name: str, words: str) -> Iterator[None]:
        """Time what runs inside."""
        if not self._quiet:
            print(f"{PROGRAM}: {words} ...", file=sys.stderr)
        started = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(argv)
    try:
        reports = [
            _run_one(options, name, tensor, timings) for name, tensor, timings in _inputs(options)
        ]
    except Error as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(
            f"{PROGRAM}: stopped before it was done; no half-written file is left", file=sys.stderr
        )
        return FAILED
    if options.json:
        print(json.dumps({"runs": reports}, indent=2, ensure_ascii=False))
    else:
        for report in reports:
            _print_plainly(report)
    return 0 if all(report["verdict"] == "accepted" for report in reports) else REJECTED


def _inputs(options: argparse.Namespace) -> Iterator[tuple[str, Tensor, Timings]]:
    if options.tensor is not None:
        timings = Timings(quiet=options.quiet)
        path = Path(options.tensor)
        with timings.phase("load", f"reading {path}"):
            tensor = Tensor.read(
                path, options.encoding or None, options.layout or None, axes=options.axes
            )
        yield path.name, tensor, timings
        return
    for model in options.models:
        timings = Timings(quiet=options.quiet)
        with timings.phase("capture", f"running {model}"):
            held = capture(
                model,
                options.prompt,
                max_new_tokens=options.max_new_tokens,
                do_sample=options.do_sample,
                temperature=options.temperature,
                device=options.device,
                dtype=options.dtype,
                seed=options.seed,
                deterministic=options.deterministic,
                mode=options.mode,
            )
        with timings.phase("encode", "encoding the hidden states"):
            layout: LayoutKind = options.layout or "model"
            tensor = encode(held, options.encoding or "bits", layout)
        yield held.model_name, tensor, timings


def _run_one(
    options: argparse.Namespace, name: str, tensor: Tensor, timings: Timings
) -> dict[str, Any]:
    axes = "x".join(map(str, tensor.axes))
    if options.srs is not None:
        srs = Srs.open(options.srs)
        trusted: list[str] = []
    else:
        seed = secrets.randbits(63) if options.srs_seed is None else options.srs_seed
        with timings.phase("setup", f"making public parameters for {axes}"):
            srs = Srs.dev(tensor.axes, seed)
        trusted = [srs.verifier_key.digest]
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
            trusted=trusted,
            captured=tensor,
        )
    if options.output_dir is not None:
        directory = Path(options.output_dir)
        directory.mkdir(parents=True, exist_ok=True)
        stem = name.replace("/", "_")
        commitment.write(directory / f"{stem}.commitment")
        proofs.write(directory / f"{stem}.proofs")
        (directory / f"{stem}.vk").write_bytes(srs.verifier_key.to_bytes())
    queries = len(proofs)
    return {
        "name": name,
        "axes": list(tensor.axes),
        "layout": tensor.layout,
        "encoding": tensor.encoding,
        "values": tensor.real_count,
        "padding": tensor.padding,
        "commitment_hex": commitment.hex,
        "digest": commitment.digest,
        "verdict": verdict.outcome,
        "step": verdict.step,
        "reason": verdict.reason,
        "notes": list(verdict.notes),
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
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


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
    print(f"  memory      {size(report['peak_memory_bytes'])} at the peak")
    print(f"  verdict     {report['verdict']}")
    if report["verdict"] != "accepted":
        print(f"              at step {report['step']}: {report['reason']}")
    for note in report["notes"]:
        print(f"  note        {note}")


def _phases(timing: dict[str, float]) -> Iterator[str]:
    for name, seconds in timing.items():
        if not name.startswith("avg_"):
            yield f"{name.removesuffix('_s')} {duration(seconds)}"


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError("write axes as in 6,6,6") from error


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
    add("--max-new-tokens", type=int, default=64, metavar="N", help="default: %(default)s")
    add("--do-sample", action="store_true", help="draw tokens instead of taking the most likely")
    add("--temperature", type=float, default=0.8, metavar="T", help="default: %(default)s")
    add("--device", choices=("auto", "cuda", "cpu", "mps"), default="auto")
    add("--dtype", choices=("auto", "float16", "float32", "bfloat16"), default="auto")
    add("--seed", type=int, default=42, metavar="N", help="of the model (default: %(default)s)")
    add("--deterministic", action="store_true", help="the same bits on every run")
    add("--mode", choices=("decode", "recompute"), default="decode")
    add("--encoding", metavar="E", help="bits, decimal:S or int; by default bits for floats")
    add("--layout", choices=("model", "cube", "flat"), help="default: model, flat for one array")
    add("--axes", type=_sizes, metavar="A,B,..", help="axes of a flat tensor")
    add("--srs", metavar="FILE", help="public parameters; by default made in memory")
    add("--srs-seed", type=int, metavar="N", help="for parameters made in memory (default: random)")
    add("--num-queries", type=int, default=10, metavar="N", help="points (default: %(default)s)")
    add("--output-dir", metavar="DIR", help="keep commitment, proofs and verifier key there")
    add("--json", action="store_true", help="the report as JSON")
    add("--quiet", action="store_true", help="no messages but errors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
