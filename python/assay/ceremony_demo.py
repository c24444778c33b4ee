"""`assay ceremony-demo`: three contributors and a verifier, each a process, make and check an SRS.

They share nothing but files. The verifier begins the ceremony, ends it with a beacon, and checks
what came out; then it tries what a cheat would hand it.
"""

import argparse
import secrets
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from . import _core, parties
from .arguments import parser_of
from .ending import ended
from .errors import FAILED, Error
from .parties import Party
from .printing import printable, show, show_json

PROGRAM = "assay ceremony-demo"
CONTRIBUTORS = ("ada", "ben", "chloe")

_PAGE = 4096
_EXAMPLE = """\
examples:
  assay ceremony-demo
  assay ceremony-demo --axes 6,6,6,6
"""


def contributor(number: int, party: Party, options: argparse.Namespace) -> None:
    """Wait for the powers, add secrets of one's own, and hand the new powers on."""
    before = party.receive(f"{number}.powers")
    after = party.own / f"{number + 1}.powers"
    made = party.run(
        "contribute", "srs", "contribute", "--powers", before, "--name", party.name, "--out",
        after, "--json",
    )  # fmt: skip
    party.report["digest"] = made["transcript_digest"]
    party.send(after, "powers")


def verifier(party: Party, options: argparse.Namespace) -> None:
    """Begin and end the ceremony, check the SRS against the transcript, and try to be cheated."""
    begun = party.own / "0.powers"
    party.run("begin", "srs", "new", "--axes", options.axes, "--out", begun, "--json")
    party.send(begun)

    last = party.receive(f"{len(CONTRIBUTORS)}.powers")
    final, srs = party.own / "final.powers", party.own / "final.srs"
    transcript = party.own / "final.transcript"
    # A value that nobody could know before: in a real ceremony a public one that was announced.
    value = secrets.token_hex(32)
    party.run(
        "beacon", "srs", "beacon", "--powers", last, "--value", value, "--out", final, "--json"
    )
    party.run(
        "finalize", "srs", "finalize", "--powers", final, "--axes", options.axes, "--out", srs,
        "--json",
    )  # fmt: skip
    listed = party.run("transcript", "srs", "transcript", final, "--out", transcript, "--json")
    party.note_size("transcript", transcript)
    party.report["listed"] = listed["contributions"]
    party.report["verdict"] = _verify(party, "verify", srs, transcript)
    party.report["cheats"] = {name: cheat(party, srs, transcript) for name, cheat in CHEATS.items()}


def _verify(party: Party, phase: str, srs: Path, transcript: Path) -> dict[str, Any]:
    return party.run(
        phase, "srs", "verify", "--srs", srs, "--transcript", transcript, "--json",
        accepted=(0, 1, 2, 3),
    )  # fmt: skip


def _without_the_first(party: Party, srs: Path, transcript: Path) -> dict[str, Any]:
    """The transcript loses the first contribution, and the SRS is made to name what is left."""
    data = transcript.read_bytes()
    count = 8 + 4 + 4 + 4 * len(_axes(data)) + 32
    size = 1 + 4 + len(CONTRIBUTORS[0]) + 160 * len(_axes(data))
    left = int.from_bytes(data[count : count + 4], "little") - 1
    shorter = data[:count] + left.to_bytes(4, "little") + data[count + 4 + size :]
    changed = party.own / "shorter.transcript"
    changed.write_bytes(shorter)
    digest = party.run("list", "srs", "transcript", changed, "--json", accepted=(0, 1))
    bad = _named(srs, party.own / "shorter.srs", digest["transcript_digest"], len(CONTRIBUTORS) - 1)
    return _verify(party, "cheat", bad, changed)


def _of_another_ceremony(party: Party, srs: Path, transcript: Path) -> dict[str, Any]:
    """The transcript of another ceremony over the same axes."""
    start, other = party.own / "other.powers", party.own / "other.1.powers"
    axes = ",".join(map(str, _axes(transcript.read_bytes())))
    party.run("cheat", "srs", "new", "--axes", axes, "--out", start, "--json")
    party.run(
        "cheat", "srs", "contribute", "--powers", start, "--name", "eve", "--out", other, "--json"
    )
    return _verify(party, "cheat", srs, other)


def _own_secrets(party: Party, srs: Path, transcript: Path) -> dict[str, Any]:
    """An SRS whose secrets the cheat knows, said to come from the ceremony."""
    own, data = party.own / "own.srs", transcript.read_bytes()
    axes = ",".join(map(str, _axes(data)))
    party.run("cheat", "srs", "dev", "--axes", axes, "--seed", 987654321, "--out", own, "--json")
    listed = party.run("list", "srs", "transcript", transcript, "--json")
    bad = _named(own, party.own / "said.srs", listed["transcript_digest"], listed["contributors"])
    return _verify(party, "cheat", bad, transcript)


def _powers_not_multiplied(party: Party, srs: Path, transcript: Path) -> dict[str, Any]:
    """Powers of the start under the transcript of the end, handed to the next contributor."""
    last, begun = party.own / f"{len(CONTRIBUTORS)}.powers", party.own / "0.powers"
    axes = _axes(transcript.read_bytes())
    size = 64
    for nodes in axes:
        size *= nodes
    bad = party.own / "lazy.powers"
    bad.write_bytes(last.read_bytes()[:-size] + begun.read_bytes()[-size:])
    return party.run(
        "cheat", "srs", "contribute", "--powers", bad, "--name", "next", "--out",
        party.own / "never.powers", "--json", accepted=(0, 1, 2, 3),
    )  # fmt: skip


CHEATS: dict[str, Callable[[Party, Path, Path], dict[str, Any]]] = {
    "the first contribution left out": _without_the_first,
    "the transcript of another ceremony": _of_another_ceremony,
    "secrets of one's own under the ceremony's name": _own_secrets,
    "powers that were handed on as they came": _powers_not_multiplied,
}


def _axes(transcript: bytes) -> list[int]:
    count = int.from_bytes(transcript[12:16], "little")
    return [int.from_bytes(transcript[16 + 4 * i : 20 + 4 * i], "little") for i in range(count)]


def _named(srs: Path, out: Path, digest: str, contributors: int) -> Path:
    """The SRS under a label that names this transcript (docs/pst.md has the bytes)."""
    data = srs.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    key = data[16 : 16 + length]
    rest = key[13 + 36 :] if key[12] == 3 else key[13:]
    label = b"\x03" + contributors.to_bytes(4, "little") + bytes.fromhex(digest)
    key = key[:12] + label + rest
    head = data[:12] + len(key).to_bytes(4, "little") + key
    out.write_bytes(head.ljust(_PAGE, b"\0") + data[_PAGE:])
    return out


ROLES: dict[str, Callable[[Party, argparse.Namespace], None]] = {
    **{name: partial(contributor, number) for number, name in enumerate(CONTRIBUTORS)},
    "verifier": verifier,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; returns its exit code: 0 when all went as it should."""
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
    line = [sys.executable, "-m", "assay.ceremony_demo", *arguments]
    with parties.started("assay-ceremony-demo-", tuple(ROLES), line) as sides:
        while sides.running():
            pass
        reports = sides.reports()
    if reports is None:
        return FAILED
    found = reports["verifier"]
    _check_digests(reports)
    if options.json:
        show_json(dict(reports))
    else:
        _print_plainly(dict(reports))
    if any(one["verdict"] == "accepted" for one in found["cheats"].values()):
        raise Error("a cheat was accepted")
    return _core.exit_code(found["verdict"]["verdict"])


def _check_digests(reports: Any) -> None:
    """What each contributor kept stands in the transcript, as they would look for it."""
    listed = {one["name"]: one["digest"] for one in reports["verifier"]["listed"]}
    for name in CONTRIBUTORS:
        if listed.get(name) != reports[name]["digest"]:
            raise Error(f"the transcript does not have what {name} contributed")


def _print_plainly(reports: dict[str, Any]) -> None:
    found = reports["verifier"]
    show("Transcript")
    for number, one in enumerate(found["listed"], 1):
        show(f"  {number}  {one['digest'][:16]}..  {printable(one['name'])}")
    show("Seconds, each step a process of its own")
    for role in ROLES:
        for phase, seconds in reports[role]["seconds"].items():
            show(f"  {role:9} {phase:10} {seconds:8.2f}")
    verdict = found["verdict"]
    show(f"SRS against transcript: {verdict['verdict']}, {verdict['trust']}")
    show("Cheats")
    for name, one in found["cheats"].items():
        show(f"  {name}: {one['verdict']} at step {one['step']}")


def _parser() -> argparse.ArgumentParser:
    about = "Make an SRS by three contributors and check it, each a process that shares only files."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    add = parser.add_argument
    add("--axes", default="6,6,6,6,6,6", help="shape of the SRS (default: %(default)s)")
    add("--json", action="store_true", help="the report as JSON")
    add("--role", choices=tuple(ROLES), help=argparse.SUPPRESS)
    add("--root", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
