"""The two demonstrations as programs: metrics of a Verkle tree, artifacts of a Merkle tree."""

import argparse
import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import tree
from ..arguments import add_number, at_least, integer, parser_of, positive_integers
from ..ending import ended
from ..errors import Error, InputError
from ..json_text import parse_json
from ..printing import show
from ..progress import Bar, Progress
from ..writing import write_together
from .dimensions import Plan
from .lines import Line, Lines
from .measuring import Numbers, Subject, built, prepared, timed
from .sweeps import add_untouched, seeds_of

METRICS = "metrics"


def verkle_metrics(width: int, size: int, seed: int, max_value: int) -> dict[str, Any]:
    """A Verkle tree built, one random leaf of it proved and checked, with times and true sizes.

    Args:
        width: Of a node; a power of two.
        size: Leaves, as many as there are to be.
        seed: Of the leaves.
        max_value: Leaves are uniform from 1 to below it.

    Raises:
        InputError: A width, size or bound that cannot be.
    """
    if not 2 <= max_value <= 1 << 63:
        raise InputError("out_of_range", "max value", f"{max_value} is not between 2 and 2**63")
    subject = Subject("verkle", width)
    srs = prepared(subject)
    generator = np.random.default_rng(seed)
    values: Numbers = generator.integers(1, max_value, size, dtype=np.uint64)
    build, made = timed(lambda: built(subject, values, srs))
    challenge, index = timed(lambda: secrets.randbelow(size))
    prove, proof = timed(lambda: made.prove(index).to_bytes())
    value = int(values[index])

    def check() -> bool:
        read = tree.Proof.from_bytes(proof)
        return bool(tree.verify(made.root, [index], [value], read, subject.key))

    verify, accepted = timed(check)
    return {
        "parameters": {
            "width": width,
            "size": size,
            "depth": made.depth,
            "max_value": max_value,
            "seed": seed,
        },
        "timings_seconds": {
            "tree_build": build,
            "challenge_generation": challenge,
            "proof_generation": prove,
            "proof_verification": verify,
        },
        "sizes_bytes": {
            "tree_estimated": made.sizes().memory_bytes,
            "proof_estimated": len(proof),
            "commitment": len(made.root.value),
            "dataset": values.nbytes,
        },
        "proof_node_count": made.depth,
        "challenge_indices": index,
        "challenge_values": value,
        "root_commitment_hex": "0x" + made.root.value.hex(),
        "proof_verification_result": accepted,
    }


def _write_metrics(folder: Path, metrics: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    of = metrics["parameters"]
    path = folder / f"metrics_width{of['width']}_size{of['size']}.json"
    write_together({path: _json(metrics)})
    return path


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def run_metrics(
    argv: Sequence[str] | None = None, program: str = "new_verkle_demo_metrics.py"
) -> int:
    """One Verkle tree and its metrics; returns the exit code: 1 where its proof is rejected."""
    parser = parser_of(program, "Build a Verkle tree, prove and check a leaf, keep metrics.", "")
    add = parser.add_argument
    add_number(add, "--width", 8, "children of a node, a power of two", least=2)
    add_number(add, "--size", 512, "leaves", least=1)
    add_number(add, "--seed", 42, "of the leaves", least=0)
    add_number(add, "--max-value", 1_000_000, "leaves are from 1 to below it", least=2)
    folder = "where metrics_width*_size*.json goes (default: %(default)s)"
    add("--metrics-dir", type=Path, default=Path(METRICS), metavar="DIR", help=folder)
    options = parser.parse_args(argv)

    def act() -> int:
        metrics = verkle_metrics(options.width, options.size, options.seed, options.max_value)
        for name, seconds in metrics["timings_seconds"].items():
            show(f"{name.replace('_', ' '):22} {1000 * seconds:10.3f} ms")
        accepted = metrics["proof_verification_result"]
        outcome = "accepted" if accepted else "rejected"
        show(f"proof of leaf {metrics['challenge_indices']}: {outcome}")
        show(f"wrote {_write_metrics(options.metrics_dir, metrics)}")
        return 0 if accepted else 1

    return ended(program, act)


def run_simulations(
    argv: Sequence[str] | None = None, program: str = "sweep_simulations.py"
) -> int:
    """Verkle metrics by size, seed and width, also as lines; returns the exit code."""
    about = "Measure Verkle trees by size, seed and width: a line and a file of metrics for each."
    parser = parser_of(program, about, "")
    add = parser.add_argument
    add_number(add, "--min-exp", 1, "the first size is this power of the base size", least=1)
    add_number(add, "--max-exp", 4, "the last", least=1)
    add_number(add, "--base-size", 64, "sizes are its powers", least=2)
    add("--output", type=Path, default=Path("results/verkle_simulations.jsonl"), metavar="FILE")
    add("--seeds", type=seeds_of, default=[2, 13, 74], metavar="A,B,..", help="default: 2,13,74")
    add("--num-runs", type=at_least(1), metavar="N", help="instead: the seeds 1 to N")
    add("--widths", type=positive_integers, default=[64], metavar="A,B,..", help="default: 64")
    add_number(add, "--max-value", 1_000_000, "leaves are from 1 to below it", least=2)
    add("--metrics-dir", type=Path, default=Path(METRICS), metavar="DIR", help="default: metrics")
    add("--quiet", action="store_true", help="no messages but errors")
    for flag in ("--script", "--conda-env"):
        add_untouched(parser, flag, "trees are built in this process", metavar="X")
    options = parser.parse_args(argv)
    if options.num_runs is not None:
        options.seeds = list(range(1, options.num_runs + 1))
    return ended(program, lambda: _simulate(program, options))


def _simulate(program: str, options: argparse.Namespace) -> int:
    plan = Plan(options.base_size, options.min_exp, options.max_exp)
    key: Callable[[Line], Any] = lambda line: (  # noqa: E731 - of one use, beside its like
        line.get("size"), line.get("seed"), line.get("width"), line.get("max_value"),
    )  # fmt: skip
    say: Callable[[str], None] = (lambda _: None) if options.quiet else show
    passed = True
    with (
        Lines(options.output) as lines,
        Bar.on_stderr(program, quiet=options.quiet) as bar,
    ):
        there = lines.counted(key)
        left = [
            (size, seed, width)
            for size in plan.sizes()
            for width in options.widths
            for seed in options.seeds
            if not there[(size, seed, width, options.max_value)]
        ]
        bar(Progress("measure", 0, len(left)))
        for number, (size, seed, width) in enumerate(left, 1):
            metrics = verkle_metrics(width, size, seed, options.max_value)
            _write_metrics(options.metrics_dir, metrics)
            lines.add(_line(metrics))
            passed &= metrics["proof_verification_result"]
            bar(Progress("measure", number, len(left)))
            say(f"{size:>9} leaves, seed {seed}, width {width}: measured")
    say(f"{len(left)} lines added to {options.output}")
    return 0 if passed else 1


def _line(metrics: dict[str, Any]) -> Line:
    of, seconds, sizes = (
        metrics[name] for name in ("parameters", "timings_seconds", "sizes_bytes")
    )
    return {
        "implementation": "pegasus",
        "size": of["size"],
        "seed": of["seed"],
        "width": of["width"],
        "arity_label": f"width-{of['width']}",
        "time_taken_to_build_tree": seconds["tree_build"],
        "time_taken_to_generate_proof": seconds["proof_generation"],
        "time_taken_to_verify_proof": seconds["proof_verification"],
        "verification_passed": metrics["proof_verification_result"],
        "proof_size": sizes["proof_estimated"],
        "tree_size": sizes["tree_estimated"],
        "proof_node_count": metrics["proof_node_count"],
        "challenge_index": metrics["challenge_indices"],
        "challenge_value": metrics["challenge_values"],
        "max_value": of["max_value"],
    }


def run_artifacts(argv: Sequence[str] | None = None, program: str = "run_demo.py") -> int:
    """A Merkle tree's prover and verifier, who share files alone; returns the exit code."""
    about = "Build a Merkle tree, commit, prove a random leaf and check it, by files."
    parser = parser_of(program, about, "")
    add = parser.add_argument
    add_number(add, "--arity", 4, "children of a node", least=2)
    add_number(add, "--leaves", 256, "how many", least=1)
    add("--artifacts", type=Path, metavar="DIR", help="default: artifacts_ARITY_LEAVES")
    add("--seed", type=integer, metavar="N", help="of the leaves and the index")
    add("--values-npy", type=Path, metavar="FILE", help="the leaves, instead of random ones")
    options = parser.parse_args(argv)
    return ended(program, lambda: _artifacts(options))


def _artifacts(options: argparse.Namespace) -> int:
    generator = np.random.default_rng(options.seed)
    values = _values(options, generator)
    count = len(values)
    folder = options.artifacts or Path(f"artifacts_{options.arity}_{count}")
    _empty(folder)
    subject = Subject("merkle", options.arity)
    files = {name: folder / f"{name}.json" for name in _FILES}

    def write(name: str, value: object) -> None:
        write_together({files[name]: _json(value)})

    write("values", [int(value) for value in values])
    seconds = {}
    seconds["tree_generation"], made = timed(lambda: built(subject, values, None))
    root = made.root

    def commit() -> None:
        # The leaves are in values.json; a tree is what its arity makes of them.
        write(
            "tree", {"arity": options.arity, "leaf_count": count, "public": root.to_bytes().hex()}
        )
        write("commit", {"arity": options.arity, "leaf_count": count, "root": root.value.hex()})

    seconds["commit"], _ = timed(commit)
    index = int(generator.integers(0, count))
    write("proof_request", {"index": index})
    seconds["proof_generation"], _ = timed(
        lambda: write("proof", {"index": index, "proof": made.prove(index).to_bytes().hex()})
    )
    value = int(values[index])
    seconds["verification"], accepted = timed(lambda: _check_files(files, value))
    if not accepted:
        raise Error("an honest proof was not accepted")
    metrics = {
        "parameters": {
            "arity": options.arity,
            "leaf_count": count,
            "seed": options.seed,
            "values_npy": str(options.values_npy) if options.values_npy else None,
        },
        "timings_seconds": seconds,
        "artifact_sizes_bytes": {name: path.stat().st_size for name, path in files.items()},
        "proof_metadata": {"index": index, "value": value, "root": root.value.hex()},
    }
    write_together({folder / "metrics.json": _json(metrics)})
    show(f"wrote {folder / 'metrics.json'}")
    return 0


_FILES = ("values", "tree", "commit", "proof_request", "proof")


def _check_files(files: dict[str, Path], value: int) -> bool:
    """What the verifier does: the public part, the request and the proof are all that it reads."""
    read: dict[str, Any] = {
        name: parse_json(files[name].read_text(encoding="utf-8"), str(files[name]))
        for name in ("tree", "commit", "proof_request", "proof")
    }
    root = tree.Root.from_bytes(bytes.fromhex(read["tree"]["public"]))
    if root.value.hex() != read["commit"]["root"]:
        return False
    proof = tree.Proof.from_bytes(bytes.fromhex(read["proof"]["proof"]))
    return bool(tree.verify(root, [read["proof_request"]["index"]], [value], proof))


def _values(options: argparse.Namespace, generator: np.random.Generator) -> Numbers:
    if options.values_npy is None:
        drawn: Numbers = generator.integers(1, 10_000_000, options.leaves, dtype=np.uint64)
        return drawn
    place = str(options.values_npy)
    try:
        found = np.load(options.values_npy, allow_pickle=False).reshape(-1)
    except (OSError, ValueError) as error:
        raise InputError("io", place, "could not be read as .npy") from error
    if found.dtype.kind not in "iu" or not found.size or int(found.min()) < 0:
        raise InputError("out_of_range", place, "give integers from 0 to 2**64 - 1, one at least")
    given: Numbers = found.astype(np.uint64)
    return given


def _empty(folder: Path) -> None:
    """Make the folder anew, as far as what is in it is ours."""
    if folder.is_dir():
        strange = [p.name for p in folder.iterdir() if p.stem not in (*_FILES, "metrics")]
        if strange:
            reason = f"holds {strange[0]}, which is not of this program: give another folder"
            raise InputError("mismatch", str(folder), reason)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
