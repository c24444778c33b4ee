"""`assay two-party`: a provider and a verifier as two processes that share nothing but files.

The verifier makes the SRS, so that the provider does not know its secrets.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import _core, parties
from .arguments import add_number, parser_of
from .ending import ended
from .errors import FAILED
from .parties import Party
from .printing import printable, show, show_json

PROGRAM = "assay two-party"

_EXAMPLE = """\
examples:
  assay two-party
  assay two-party --tensor hypercube.npy --num-queries 5
"""


def provider(party: Party, options: argparse.Namespace) -> None:
    """Capture (or take) a tensor, commit to it, and answer the challenge."""
    if options.tensor is not None:
        tensor = Path(options.tensor)
    else:
        party.run(
            "capture", "capture", "--models", options.model, "--prompt", options.prompt,
            "--max-new-tokens", options.max_new_tokens, "--dtype", "bfloat16",
            "--output-dir", party.own, "--quiet",
        )  # fmt: skip
        tensor = next(party.own.glob("*_activations.safetensors"))
    party.note_size("tensor", tensor)

    # The axes are the only thing that the verifier must know to make the SRS.
    plan = party.run("plan", "commit", "--tensor", tensor, "--plan", "--json")
    axes = party.own / "axes.json"
    axes.write_text(json.dumps({"axes": plan["axes"]}), encoding="utf-8")
    party.send(axes)

    srs = party.receive("two-party.srs")
    commitment = party.own / "values.commitment"
    given = "--tensor", tensor, "--srs", srs
    party.run("commit", "commit", *given, "--out", commitment, "--json")
    party.send(commitment, "commitment")

    challenge = party.receive("points.challenge")
    proofs = party.own / "values.proofs"
    party.run(
        "prove", "prove", *given, "--commitment", commitment, "--challenge", challenge,
        "--out", proofs, "--json",
    )  # fmt: skip
    party.send(proofs, "proofs")
    party.report["values"] = plan["count"]


def verifier(party: Party, options: argparse.Namespace) -> None:
    """Make the SRS, draw points once the commitment is there, and check the answers."""
    axes = json.loads(party.receive("axes.json").read_text(encoding="utf-8"))["axes"]
    srs = party.own / "two-party.srs"
    seed = secrets.randbits(56)
    made = party.run(
        "SRS", "srs", "dev", "--axes", ",".join(map(str, axes)), "--seed", seed, "--out", srs,
        "--json",
    )  # fmt: skip
    party.note_size("verifier key", srs.with_suffix(".vk"))
    party.send(srs, "SRS")

    commitment = party.receive("values.commitment")
    challenge = party.own / "points.challenge"
    drawn = party.run(
        "challenge", "challenge", "--commitment", commitment, "--num-queries",
        options.num_queries, "--out", challenge, "--json",
    )  # fmt: skip
    party.send(challenge, "challenge")

    proofs = party.receive("values.proofs")
    verdict = party.run(
        "verify", "verify", "--commitment", commitment, "--proofs", proofs, "--srs",
        srs.with_suffix(".vk"), "--challenge", challenge, "--challenge-digest",
        drawn["challenge_digest"], "--srs-digest", made["srs_digest"], "--json",
        accepted=(0, 1, 3),
    )  # fmt: skip
    party.report["verdict"] = verdict


ROLES = {"provider": provider, "verifier": verifier}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 accepted, 1 rejected, 2 could not run."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    if options.role is not None:
        return ended(PROGRAM, lambda: _play(options))
    return ended(PROGRAM, lambda: _both(arguments, options), stopped="stopped; nothing is left")


def _play(options: argparse.Namespace) -> int:
    act = ROLES[options.role]
    parties.play(options.role, Path(options.root), lambda party: act(party, options))
    return 0


def _both(arguments: Sequence[str], options: argparse.Namespace) -> int:
    line = [sys.executable, "-m", "assay.two_party", *arguments]
    with parties.started("assay-two-party-", tuple(ROLES), line) as sides:
        while sides.running():
            pass
        found = sides.reports()
    if found is None:
        return FAILED
    reports = {**found, "coefficients": {"bytes": 32 * found["provider"]["values"]}}
    if options.json:
        show_json(reports)
    else:
        _print_plainly(reports)
    return _core.exit_code(reports["verifier"]["verdict"]["verdict"])


def _parser() -> argparse.ArgumentParser:
    about = (
        "Play provider and verifier as two processes that share only files, and print sizes and "
        "times."
    )
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    add = parser.add_argument
    add("--tensor", help="commit to this file (.npy, .safetensors, .pt) instead of running a model")
    add("--model", default="smollm2", help="model to capture (default: %(default)s)")
    add("--prompt", default="Verifiable inference means", help="text to continue")
    add_number(add, "--max-new-tokens", 16)
    add_number(add, "--num-queries", 10, "points")
    add("--json", action="store_true", help="the report as JSON")
    add("--role", choices=tuple(ROLES), help=argparse.SUPPRESS)
    add("--root", help=argparse.SUPPRESS)
    return parser


def _print_plainly(reports: dict[str, Any]) -> None:
    sizes = {**reports["provider"]["bytes"], **reports["verifier"]["bytes"]}
    show("Sizes in bytes")
    for name, size in sizes.items():
        show(f"  {name:14} {size:>12,}")
    coefficients = reports["coefficients"]["bytes"]
    show(f"  (a coefficient file, which is not needed, would take {coefficients:,})")
    show("Seconds, each step a process of its own")
    for role in ROLES:
        for phase, seconds in reports[role]["seconds"].items():
            show(f"  {role:9} {phase:10} {seconds:8.2f}")
    verdict = reports["verifier"]["verdict"]
    show(f"Verdict: {verdict['verdict']}")
    if verdict["verdict"] != "accepted":
        show(f"  at step {verdict['step']}: {printable(verdict['reason'])}")
    for text in verdict["assumptions"]:
        show(f"  assumed: {printable(text)}")
    for note in verdict["notes"]:
        show(f"  note: {printable(note)}")


if __name__ == "__main__":
    sys.exit(main())
