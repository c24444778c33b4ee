"""`assay two-party`: a provider and a verifier as two processes that share nothing but files.

The verifier makes the SRS, so that the provider does not know its secrets. A tensor that is given
is the input of both sides, as in the original pipeline's prover_verifier.py, whose flags are taken.
"""

import argparse
import json
import secrets
import shutil
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
  assay two-party tensor.npy --coeffs-json coeffs.json --commitment-file commitment.txt

With TENSOR the provider writes the polynomial's coefficients and the commitment beside its work, as
the original pipeline does: to coefficients.json and commitment.txt, if nothing else is said.
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
    party.report["values"] = plan["count"]
    answers = _Tensor(party, tensor) if options.coeffs_json is None else _Polynomial(party, options)
    party.send(axes)

    answers.commit(party.receive("two-party.srs"))
    party.send(answers.commitment, "commitment")
    answers.prove(party.receive("points.challenge"))
    party.send(answers.proofs, "proofs")


class _Tensor:
    """Commits to the values of a file."""

    def __init__(self, party: Party, tensor: Path) -> None:
        self._party = party
        self._given: tuple[object, ...] = "--tensor", tensor
        self.commitment = party.own / "values.commitment"
        self.proofs = party.own / "values.proofs"

    def commit(self, srs: Path) -> None:
        self._given = *self._given, "--srs", srs
        self._party.run("commit", "commit", *self._given, "--out", self.commitment, "--json")

    def prove(self, challenge: Path) -> None:
        self._party.run(
            "prove", "prove", *self._given, "--commitment", self.commitment,
            "--challenge", challenge, "--out", self.proofs, "--json",
        )  # fmt: skip


class _Polynomial(_Tensor):
    """Commits to the polynomial of a file of coefficients, which it makes unless told not to."""

    def __init__(self, party: Party, options: argparse.Namespace) -> None:
        super().__init__(party, Path(options.tensor))
        self._file = None if options.commitment_file is None else Path(options.commitment_file)
        coefficients = Path(options.coeffs_json).absolute()
        if not options.skip_interp or not coefficients.exists():
            party.run(
                "interpolation", "interpolate", options.tensor, "--coeffs", coefficients, "--json"
            )
        party.note_size("coefficients", coefficients)
        polynomial = party.own / "tensor_polynomial"
        polynomial.mkdir()
        (polynomial / "coefficients.json").symlink_to(coefficients)
        self._folder = party.own / "tensor_commitment"
        self._given = "--poly-dir", polynomial, "--output-dir", self._folder

    def commit(self, srs: Path) -> None:
        self._given = *self._given, "--srs", srs
        self._party.run("commit", "commit", *self._given, "--json")
        shutil.copyfile(self._folder / "commitment.assay", self.commitment)
        if self._file is not None:
            shutil.copyfile(self._folder / "commitment.txt", self._file)

    def prove(self, challenge: Path) -> None:
        self._party.run("prove", "prove", *self._given, "--challenge", challenge, "--json")
        shutil.copyfile(self._folder / "proofs.assay", self.proofs)


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
    # A tensor that is given is the verifier's input too: what is opened must be its values.
    own = () if options.tensor is None else ("--tensor", options.tensor)
    verdict = party.run(
        "verify", "verify", "--commitment", commitment, "--proofs", proofs, "--srs",
        srs.with_suffix(".vk"), "--challenge", challenge, "--challenge-digest",
        drawn["challenge_digest"], "--srs-digest", made["srs_digest"], "--json", *own,
        accepted=(0, 1, 3),
    )  # fmt: skip
    party.report["verdict"] = verdict


ROLES = {"provider": provider, "verifier": verifier}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 accepted, 1 rejected, 2 could not run."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _options(arguments)
    if options.role is not None:
        return ended(PROGRAM, lambda: _play(options))
    return ended(PROGRAM, lambda: _both(arguments, options), stopped="stopped; nothing is left")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.npy is not None:
        if options.tensor is not None:
            parser.error("give TENSOR or --tensor, not both")
        options.tensor = options.npy
        options.coeffs_json = options.coeffs_json or "coefficients.json"
        options.commitment_file = options.commitment_file or "commitment.txt"
    elif options.coeffs_json is not None or options.commitment_file is not None:
        parser.error("--coeffs-json and --commitment-file go with TENSOR")
    elif options.skip_interp:
        parser.error("--skip-interp goes with TENSOR")
    return options


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
    written = found["provider"]["bytes"].get("coefficients")
    needed = 32 * found["provider"]["values"] if written is None else written
    reports = {**found, "coefficients": {"bytes": needed, "written": written is not None}}
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
    add("npy", nargs="?", metavar="TENSOR", help="commit to this .npy file by its polynomial")
    add("--tensor", help="commit to this file (.npy, .safetensors, .pt) instead of running a model")
    add("--coeffs-json", metavar="FILE", help="with TENSOR: the polynomial's coefficients")
    add("--skip-interp", action="store_true", help="with TENSOR: take the coefficients as they are")
    add("--commitment-file", metavar="FILE", help="with TENSOR: the commitment, in hexadecimal")
    add("--poly-project", metavar="PATH", help="accepted and not needed")
    add("--model", default="smollm2", help="model to capture (default: %(default)s)")
    add("--prompt", default="Verifiable inference means", help="text to continue")
    add_number(add, "--max-new-tokens", 16)
    add_number(add, "--num-queries", 10, "points", least=1)
    add("--json", action="store_true", help="the report as JSON")
    add("--role", choices=tuple(ROLES), help=argparse.SUPPRESS)
    add("--root", help=argparse.SUPPRESS)
    return parser


def _print_plainly(reports: dict[str, Any]) -> None:
    sizes = {**reports["provider"]["bytes"], **reports["verifier"]["bytes"]}
    show("Sizes in bytes")
    for name, size in sizes.items():
        show(f"  {name:14} {size:>12,}")
    if not reports["coefficients"]["written"]:
        size = reports["coefficients"]["bytes"]
        show(f"  (a coefficient file, which is not needed, would take {size:,})")
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
