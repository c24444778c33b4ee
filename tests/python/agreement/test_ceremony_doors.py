"""What the command and Python say of ceremonies, honest ones and each kind of cheat."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import assay
import ceremonies
from assay_program import run


class Answer(NamedTuple):
    code: int
    outcome: str
    step: str
    item: int | None


class Case(NamedTuple):
    """Writes x.srs and x.transcript, or x.powers alone, and says what is to be found."""

    name: str
    make: Callable[[Path], None]
    code: int
    step: str
    item: int | None = None


def transcript_of(folder: Path, powers: Path) -> bytes:
    return assay.Ceremony.open(powers).to_bytes()


def srs_case(folder: Path, transcript: bytes, srs: bytes | None = None) -> None:
    """The SRS of the ceremony, or another, under a label that names the transcript."""
    if srs is None:
        ceremonies.finalize(folder / "3.powers", folder / "x.srs")
        srs = (folder / "x.srs").read_bytes()
    said = assay.Ceremony.from_bytes(transcript)
    (folder / "x.srs").write_bytes(ceremonies.relabelled(srs, said.contributors, said.digest))
    (folder / "x.transcript").write_bytes(transcript)


def edited(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        powers = ceremonies.make(folder)
        head, parts = ceremonies.split(transcript_of(folder, powers))
        last = parts[-1]
        parts = change(parts)
        # The SRS goes with the last contribution, so that the chain alone can tell.
        assert parts[-1] == last
        srs_case(folder, ceremonies.join(head, parts))

    return make


def honest(folder: Path) -> None:
    powers = ceremonies.make(folder, beacon=True)
    ceremonies.finalize(powers, folder / "x.srs")
    assay.Ceremony.open(powers).write(folder / "x.transcript")


def foreign_contribution(folder: Path) -> None:
    (folder / "other").mkdir()
    other = ceremonies.make(folder / "other", names=("ada",))
    _, foreign = ceremonies.split(transcript_of(folder, other))
    head, parts = ceremonies.split(transcript_of(folder, ceremonies.make(folder)))
    srs_case(folder, ceremonies.join(head, [foreign[0], *parts[1:]]))


def other_transcript(folder: Path) -> None:
    (folder / "other").mkdir()
    other = ceremonies.make(folder / "other")
    ceremonies.finalize(ceremonies.make(folder), folder / "x.srs")
    assay.Ceremony.open(other).write(folder / "x.transcript")


def other_secrets(folder: Path) -> None:
    powers = ceremonies.make(folder)
    assay.Srs.dev(ceremonies.AXES, 123456).write(folder / "own.srs")
    srs_case(folder, transcript_of(folder, powers), (folder / "own.srs").read_bytes())


def dev(folder: Path) -> None:
    assay.Srs.dev(ceremonies.AXES, 1).write(folder / "x.srs")
    assay.Ceremony.open(ceremonies.make(folder)).write(folder / "x.transcript")


def beacon_changed(folder: Path) -> None:
    powers = ceremonies.make(folder, beacon=True)
    ceremonies.finalize(powers, folder / "x.srs")
    transcript = transcript_of(folder, powers).replace(b"tomorrow", b"tomorroW")
    srs_case(folder, transcript, (folder / "x.srs").read_bytes())


def by(scalar: int) -> Callable[[Path], None]:
    """The last contribution multiplies axis 1 by 0 or by 1."""

    def make(folder: Path) -> None:
        powers = ceremonies.make(folder)
        transcript = bytearray(transcript_of(folder, powers))
        _, parts = ceremonies.split(bytes(transcript))
        start = len(transcript) - len(parts[-1])
        at = start + 5 + len(ceremonies.NAMES[-1]) + 64
        before = start - len(parts[-2]) + 5 + len(ceremonies.NAMES[-2]) + 64
        point = bytes(63) + b"\x40" if scalar == 0 else transcript[before : before + 64]
        transcript[at : at + 64] = point
        (folder / "x.powers").write_bytes(
            ceremonies.with_transcript(powers.read_bytes(), bytes(transcript))
        )

    return make


def lazy_powers(folder: Path) -> None:
    powers = ceremonies.make(folder).read_bytes()
    before = (folder / "2.powers").read_bytes()
    (folder / "x.powers").write_bytes(powers[: -ceremonies.POINTS] + before[-ceremonies.POINTS :])


def point_off_the_curve(folder: Path) -> None:
    powers = bytearray(ceremonies.make(folder).read_bytes())
    powers[-1] ^= 1
    (folder / "x.powers").write_bytes(bytes(powers))


def first_power(folder: Path) -> None:
    powers = bytearray(ceremonies.make(folder).read_bytes())
    at = len(powers) - ceremonies.POINTS
    powers[at : at + 64] = powers[at + 64 : at + 128]
    (folder / "x.powers").write_bytes(bytes(powers))


CASES = (
    Case("honest", honest, 0, ""),
    Case("a contribution dropped", edited(lambda parts: parts[1:]), 1, "contribution proof", 0),
    Case(
        "contributions exchanged",
        edited(lambda parts: [parts[1], parts[0], parts[2]]), 1, "contribution proof", 0,
    ),
    Case(
        "a contribution repeated",
        edited(lambda parts: [parts[0], parts[0], *parts[1:]]), 1, "contribution points", 1,
    ),
    Case("of another ceremony", foreign_contribution, 1, "contribution proof", 0),
    Case("the transcript of another ceremony", other_transcript, 1, "transcript digest"),
    Case("secrets of one's own", other_secrets, 1, "ceremony secrets"),
    Case("a dev SRS", dev, 1, "trust label"),
    Case("a beacon that does not recompute", beacon_changed, 1, "beacon", 3),
    Case("multiplied by 0", by(0), 1, "contribution points", 2),
    Case("multiplied by 1", by(1), 1, "contribution points", 2),
    Case("powers of the contribution before", lazy_powers, 1, "power relation"),
    Case("a point off the curve", point_off_the_curve, 1, "points"),
    Case("another first power", first_power, 1, "first power"),
)  # fmt: skip


def through_command(folder: Path) -> Answer:
    if (folder / "x.powers").exists():
        ended = run(folder, "srs contribute --powers x.powers --name eve --out y.powers --json")
        assert not (folder / "y.powers").exists()
    else:
        ended = run(folder, "srs verify --srs x.srs --transcript x.transcript --json")
    found = json.loads(ended.stdout)
    return Answer(ended.returncode, found["verdict"], found["step"] or "", found["item"])


def through_python(folder: Path) -> Answer:
    if (folder / "x.powers").exists():
        powers = assay.Powers.open(folder / "x.powers")
        made = powers.contribute("eve", folder / "z.powers")
        assert made.ceremony is None
        assert not (folder / "z.powers").exists()
        verdict = powers.check()
        assert (verdict.step, verdict.item) == (made.before.step, made.before.item)
    else:
        transcript = assay.Ceremony.open(folder / "x.transcript")
        verdict = assay.Srs.open(folder / "x.srs").verify(transcript)
    return Answer(verdict.exit_code, verdict.outcome, verdict.step, verdict.item)


@pytest.mark.parametrize("one", CASES, ids=[one.name for one in CASES])
def test_both_doors_say_the_same(one: Case, tmp_path: Path) -> None:
    one.make(tmp_path)
    answer = through_command(tmp_path)
    assert (answer.code, answer.step, answer.item) == (one.code, one.step, one.item)
    assert through_python(tmp_path) == answer


def test_both_doors_make_the_same_srs(tmp_path: Path) -> None:
    powers = ceremonies.make(tmp_path)
    ceremonies.finalize(powers, tmp_path / "python.srs", (3, 5))
    ended = run(tmp_path, "srs finalize --axes 3,5 --out command.srs --powers", powers)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "python.srs").read_bytes() == (tmp_path / "command.srs").read_bytes()
