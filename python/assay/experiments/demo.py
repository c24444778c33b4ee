"""`assay trees-demo`: for each tree a prover and a verifier, two processes that share files.

The verifier makes the public parameters, so that the prover does not know their secrets.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .. import _core, kzg, parties, tree
from ..arguments import add_number, parser_of
from ..ending import ended
from ..errors import FAILED, InputError
from ..json_text import parse_json
from ..parties import Party
from ..printing import printable, show, show_json
from ..srs import Srs, VerifierKey
from .measuring import Subject, data_of, timed

PROGRAM = "assay trees-demo"

SUBJECTS = {
    "merkle": Subject("merkle", 2),
    "verkle": Subject("verkle", 64),
    "verkle-aggregated": Subject("verkle", 64, aggregated=True),
    "terkle": Subject("terkle", (4, 4, 4)),
}

_EXAMPLE = """\
examples:
  assay trees-demo
  assay trees-demo --leaves 16777216 --queries 1000
"""

T = TypeVar("T")


def _noted(party: Party, phase: str, act: Callable[[], T]) -> T:
    seconds, given = timed(act)
    party.report["seconds"][phase] = seconds
    return given


def prover(party: Party, options: argparse.Namespace) -> None:
    """Build the tree of leaves that only this side has, and answer what is asked."""
    subject = SUBJECTS[options.tree]
    values = data_of("uniform", options.leaves, 1)
    party.report["bytes"]["leaves"] = values.nbytes
    srs: Any = None
    if subject.kind != "merkle":
        opened = Srs.open if subject.kind == "terkle" else kzg.Srs.open
        srs = opened(party.receive("nodes.srs"))
    # Untimed: the tables of multiples belong to the parameters.
    _build(subject, values[:1], srs)
    made = _noted(party, "build", lambda: _build(subject, values, srs))
    root = party.own / "leaves.root"
    made.root.write(root)
    party.send(root, "public part")

    request = _read(party.receive("request.json"))
    proof = _noted(
        party, "prove", lambda: made.prove(request["indices"], aggregated=subject.aggregated)
    )
    answer = party.own / "leaves.proof"
    proof.write(answer)
    party.send(answer, "proof")
    claimed = party.own / "values.json"
    claimed.write_text(json.dumps([int(values[i]) for i in request["indices"]]), encoding="utf-8")
    party.send(claimed)


def verifier(party: Party, options: argparse.Namespace) -> None:
    """Make the parameters, draw indices once the public part is there, and check the answers."""
    subject = SUBJECTS[options.tree]
    key: VerifierKey | kzg.VerifierKey | None = None
    if subject.kind != "merkle":
        seed = secrets.randbits(64)
        srs: Any
        if subject.kind == "terkle":
            srs = _noted(party, "SRS", lambda: Srs.dev(subject.axes, seed))
        else:
            log_size = subject.fan_out.bit_length() - 1
            srs = _noted(party, "SRS", lambda: kzg.Srs.dev(log_size, seed))
        key = srs.verifier_key
        party.report["bytes"]["verifier key"] = len(srs.verifier_key.to_bytes())
        path = party.own / "nodes.srs"
        srs.write(path)
        party.send(path, "SRS")
    root = tree.Root.read(party.receive("leaves.root"))
    # As whoever has it signed would name it.
    expected = root.digest
    indices = sorted(secrets.SystemRandom().sample(range(root.count), options.queries))
    request = party.own / "request.json"
    request.write_text(json.dumps({"indices": indices}), encoding="utf-8")
    party.send(request)

    proof_path = party.receive("leaves.proof")
    values = _read(party.receive("values.json"))

    def check() -> _core.Verdict:
        proof = tree.Proof.read(proof_path)
        return tree.verify(root, indices, values, proof, key, root_digest=expected)

    verdict = _noted(party, "verify", check)
    party.report["verdict"] = json.loads(verdict.to_json())
    party.report["leaves"] = root.count
    wrong = [values[0] ^ 1, *values[1:]]
    refused = tree.verify(root, indices, wrong, tree.Proof.read(proof_path), key)
    party.report["wrong value"] = refused.step


ROLES = {"prover": prover, "verifier": verifier}


def _build(subject: Subject, values: Any, srs: Any) -> Any:
    return tree.build(values, kind=subject.kind, arities=subject.arities, srs=srs, leaf="u64")


def _read(path: Path) -> Any:
    return parse_json(path.read_text(encoding="utf-8"), str(path))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 accepted, 1 rejected, 2 could not run."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    if options.role is not None:
        return ended(PROGRAM, lambda: _play(options))
    return ended(PROGRAM, lambda: _all(arguments, options), stopped="stopped; nothing is left")


def _play(options: argparse.Namespace) -> int:
    act = ROLES[options.role]
    parties.play(options.role, Path(options.root), lambda party: act(party, options))
    return 0


def _all(arguments: Sequence[str], options: argparse.Namespace) -> int:
    if options.queries > options.leaves:
        raise InputError("out_of_range", "queries", "more than there are leaves")
    found = {}
    for name in SUBJECTS:
        line = [sys.executable, "-m", "assay.experiments.demo", *arguments, "--tree", name]
        with parties.started("assay-trees-demo-", tuple(ROLES), line) as sides:
            while sides.running():
                pass
            reports = sides.reports()
        if reports is None:
            return FAILED
        found[name] = reports
        if not options.json:
            _print_one(name, reports, options)
    if options.json:
        show_json(found)
    outcomes = [one["verifier"]["verdict"]["verdict"] for one in found.values()]
    return max(_core.exit_code(outcome) for outcome in outcomes)


def _print_one(name: str, reports: Any, options: argparse.Namespace) -> None:
    show(f"{SUBJECTS[name].label}: {options.leaves:,} leaves, {options.queries} of them asked for")
    sizes = {**reports["verifier"]["bytes"], **reports["prover"]["bytes"]}
    show("  bytes    " + ", ".join(f"{what} {size:,}" for what, size in sizes.items()))
    for role in ROLES:
        seconds = reports[role]["seconds"].items()
        times = ", ".join(f"{phase} {1000 * time:.2f} ms" for phase, time in seconds)
        show(f"  {role:8} {times}")
    verdict = reports["verifier"]["verdict"]
    show(f"  verdict  {verdict['verdict']}")
    if verdict["verdict"] != "accepted":
        show(f"           at step {verdict['step']}: {printable(verdict['reason'])}")
    for text in verdict["assumptions"]:
        show(f"           assumed: {printable(text)}")
    show(f"  a value with one bit changed: rejected at step {reports['verifier']['wrong value']}")


def _parser() -> argparse.ArgumentParser:
    about = "Play prover and verifier of each tree as two processes, and print sizes and times."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    add = parser.add_argument
    add_number(add, "--leaves", 1 << 18, "of each tree, random u64", least=1)
    add_number(add, "--queries", 10, "leaves that the verifier asks for", least=1)
    add("--json", action="store_true", help="the report as JSON")
    for hidden in ("--role", "--root", "--tree"):
        add(hidden, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
