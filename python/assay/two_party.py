"""`assay two-party`: a provider and a verifier as two processes that share nothing but files.

The verifier makes the SRS, so that the provider does not know its secrets. What one side sends, it
writes into the exchange folder under its final name in one step; the other side waits for that
name. Each side keeps its own folder for everything else.
"""

import argparse
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import _core
from .arguments import add_number, parser_of
from .ending import ended
from .errors import FAILED, Error
from .printing import printable, show, show_json
from .stopping import obey

PROGRAM = "assay two-party"
WAIT_SECONDS = 1800.0

_EXAMPLE = """\
examples:
  assay two-party
  assay two-party --tensor hypercube.npy --num-queries 5
"""


class Party:
    """One side: its own folder, the exchange folder, and the time and size of what it did."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.own = root / name
        self.exchange = root / "exchange"
        self.report: dict[str, Any] = {"seconds": {}, "bytes": {}}

    def run(self, phase: str, *arguments: object, accepted: Sequence[int] = (0,)) -> dict[str, Any]:
        """Run `assay ARGUMENTS` and note its time under `phase`; gives what it printed as JSON."""
        started = time.monotonic()
        assay = Path(sys.executable).with_name("assay")
        done = subprocess.run(  # noqa: S603 - our own command
            [assay, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        self.report["seconds"][phase] = time.monotonic() - started
        if done.returncode not in accepted:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise Error(f"{self.name}: {phase}: {''.join(last) or done.returncode}")
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def note_size(self, name: str, path: Path) -> None:
        """Note the size of a file under `name`."""
        self.report["bytes"][name] = path.stat().st_size

    def send(self, path: Path, noted: str = "") -> None:
        """Put a file into the exchange folder, and note its size where a name is given."""
        if noted:
            self.note_size(noted, path)
        staged = self.exchange / f".{path.name}.part"
        shutil.copyfile(path, staged)
        staged.rename(self.exchange / path.name)

    def receive(self, name: str) -> Path:
        """Wait for a file in the exchange folder and copy it into the own folder.

        Raises:
            Error: The other side gave up, or nothing came for half an hour.
        """
        source = self.exchange / name
        deadline = time.monotonic() + WAIT_SECONDS
        while not source.exists():
            if (self.exchange / "given-up").exists():
                raise Error(f"{self.name}: the other side gave up before it sent {name}")
            if time.monotonic() > deadline:
                raise Error(f"{self.name}: no {name} came in {WAIT_SECONDS:.0f} s")
            obey()
            time.sleep(0.02)
        return Path(shutil.copyfile(source, self.own / name))


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


def play(role: str, root: Path, options: argparse.Namespace) -> int:
    """Play one role to its end."""
    party = Party(role, root)
    try:
        ROLES[role](party, options)
    except Exception:
        (party.exchange / "given-up").touch()
        raise
    # For whoever started the two sides.
    (party.own / "report.json").write_text(json.dumps(party.report), encoding="utf-8")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 accepted, 1 rejected, 2 could not run."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    if options.role is not None:
        return ended(PROGRAM, lambda: play(options.role, Path(options.root), options))
    return ended(PROGRAM, lambda: _both(arguments, options), stopped="stopped; nothing is left")


def _both(arguments: Sequence[str], options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="assay-two-party-") as folder:
        root = Path(folder)
        for name in (*ROLES, "exchange"):
            (root / name).mkdir()
        line = [sys.executable, "-m", "assay.two_party", *arguments, "--root", folder, "--role"]
        sides = [subprocess.Popen([*line, role]) for role in ROLES]  # noqa: S603 - this module again
        try:
            codes = [_waited(side) for side in sides]
        finally:
            for side in sides:
                side.terminate()
        if any(codes):
            return FAILED
        reports = {
            role: json.loads((root / role / "report.json").read_text(encoding="utf-8"))
            for role in ROLES
        }
        reports["coefficients"] = {"bytes": 32 * reports["provider"]["values"]}
    if options.json:
        show_json(reports)
    else:
        _print_plainly(reports)
    return _core.exit_code(reports["verifier"]["verdict"]["verdict"])


def _waited(side: "subprocess.Popen[bytes]") -> int:
    while (code := side.poll()) is None:
        obey()
        time.sleep(0.02)
    return code


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
