"""Ceremonies as tests make them, and the places of what stands in their files (docs/setup.md)."""

from pathlib import Path

import assay

AXES = (4, 3, 5)
NAMES = ("ada", "ben", "chloe")
PAGE = 4096
POINTS = 64 * 4 * 3 * 5


def make(folder: Path, beacon: bool = False, names: tuple[str, ...] = NAMES) -> Path:
    """Run a ceremony; gives its last powers. Those before it are 0.powers, 1.powers, .."""
    assay.Powers.start(AXES, folder / "0.powers")
    last = folder / "0.powers"
    for k, name in enumerate(names):
        made = assay.Powers.open(last).contribute(name, folder / f"{k + 1}.powers")
        assert made.before
        assert made.ceremony is not None
        last = folder / f"{k + 1}.powers"
    if beacon:
        made = assay.Powers.open(last).apply_beacon(
            b"tomorrow", folder / "b.powers", log_iterations=10
        )
        assert made.before
        last = folder / "b.powers"
    return last


def finalize(powers: Path, out: Path, axes: tuple[int, ...] = AXES) -> assay.Srs:
    made = assay.Srs.finalize(assay.Powers.open(powers), axes)
    assert made.powers
    assert made.srs is not None
    made.srs.write(out)
    return made.srs


def split(transcript: bytes) -> tuple[bytes, list[bytes]]:
    """The head without its count, and the contributions of a ceremony without beacon."""
    axes = int.from_bytes(transcript[12:16], "little")
    at = 8 + 4 + 4 + 4 * axes + 32
    head, rest, out = transcript[:at], transcript[at + 4 :], []
    while rest:
        assert rest[0] == 1
        size = 1 + 4 + int.from_bytes(rest[1:5], "little") + 160 * axes
        out.append(rest[:size])
        rest = rest[size:]
    return head, out


def join(head: bytes, contributions: list[bytes]) -> bytes:
    return head + len(contributions).to_bytes(4, "little") + b"".join(contributions)


def relabelled_key(key: bytes, contributors: int, digest: str) -> bytes:
    """The verifier's part, saying that it comes from the ceremony with this transcript."""
    label = b"\x03" + contributors.to_bytes(4, "little") + bytes.fromhex(digest)
    return key[:12] + label + key[13 + (36 if key[12] == 3 else 0) :]


def relabelled(srs: bytes, contributors: int, digest: str) -> bytes:
    """The same of an SRS file."""
    size = int.from_bytes(srs[12:16], "little")
    key = relabelled_key(srs[16 : 16 + size], contributors, digest)
    return (srs[:12] + len(key).to_bytes(4, "little") + key).ljust(PAGE, b"\0") + srs[PAGE:]


def with_transcript(powers: bytes, transcript: bytes) -> bytes:
    """The points of a powers file behind another transcript."""
    head = powers[:12] + len(transcript).to_bytes(4, "little") + transcript
    return head.ljust(-(-len(head) // PAGE) * PAGE, b"\0") + powers[-POINTS:]
