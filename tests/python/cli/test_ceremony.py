"""A ceremony by the command: its verbs, what they print, and what interrupting them leaves."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from assay_program import (
    DONE,
    FAILED,
    INCONCLUSIVE,
    PROGRAM,
    REJECTED,
    done,
    environment,
    listing,
    report,
    restore_signals,
    run,
)

BEACON = "srs beacon --value 00c0ffee --log-iterations 10 --name lottery"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three contributors, a beacon, an SRS, a transcript."""
    folder = tmp_path_factory.mktemp("ceremony")
    (folder / "dice").write_text("4 2 6 6 1")
    done(folder, "srs new --axes 4,3,5 --out 0.powers")
    done(folder, "srs contribute --powers 0.powers --name Ada --out 1.powers")
    done(folder, "srs contribute --powers 1.powers --entropy dice --out 2.powers --name", "Ben B.")
    done(folder, "srs contribute --powers 2.powers --name Chloe --out 3.powers")
    done(folder, BEACON + " --powers 3.powers --out 4.powers")
    done(folder, "srs finalize --powers 4.powers --axes 4,3,5 --out x.srs")
    done(folder, "srs transcript 4.powers --out x.transcript")
    return folder


def test_what_the_transcript_lists(made: Path) -> None:
    found = report(made, "srs transcript x.transcript")
    assert found["verdict"] == "accepted"
    assert found["axes"] == [4, 3, 5]
    assert found["contributors"] == 3
    names = [one["name"] for one in found["contributions"]]
    assert names == ["Ada", "Ben B.", "Chloe", "lottery"]
    assert found["contributions"][3]["beacon"] == {"value": "00c0ffee", "log_iterations": 10}
    assert found["contributions"][0]["beacon"] is None
    assert found["contributions"][3]["digest"] == found["transcript_digest"]
    assert {one["step"] for one in found["checks"]} == {"contribution proof", "beacon"}
    text = done(made, "srs transcript x.transcript")
    assert found["transcript_digest"] in text
    assert "Ben B." in text
    assert "lottery (beacon)" in text
    # Out of powers it is the same.
    assert report(made, "srs transcript 4.powers") == found


def test_verify_says_ceremony_and_never_trusts(made: Path) -> None:
    seen = report(made, "srs verify --srs x.srs --transcript x.transcript")
    assert seen["verdict"] == "accepted"
    assert seen["trust"] == "ceremony(3)"
    assert seen["transcript_seen"] is True
    assert seen["notes"] == []
    assert '--label "ceremony(3)"' in seen["not_shown"]
    assert not (made / "trusted").exists()

    unseen = report(made, "srs verify --srs x.srs")
    assert unseen["verdict"] == "accepted"
    assert unseen["transcript_seen"] is False
    assert unseen["notes"] == ["transcript not seen"]
    assert "the file's own word: ceremony(3)" in unseen["not_shown"]


def test_a_verdict_quotes_the_verifiers_own_word(made: Path, tmp_path: Path) -> None:
    for name in ("x.srs", "x.vk"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    (tmp_path / "v.npy").write_bytes(npy_of_zeros())
    done(tmp_path, "commit --tensor v.npy --layout flat --axes 4,3,5 --srs x.srs --out c")
    done(tmp_path, "prove --tensor v.npy --srs x.srs --commitment c --at 1,2,3 --out p")
    line = "verify --commitment c --proofs p --srs x.vk"
    (before,) = report(tmp_path, line)["assumptions"]
    assert before.startswith("SRS unverified")
    assert "ceremony(3)" in before
    assert "transcript not seen" in before
    done(tmp_path, "trust add x.vk --label ceremony(3)")
    (after,) = report(tmp_path, line)["assumptions"]
    assert after.startswith("SRS trusted by the verifier's list as 'ceremony(3)'")
    assert "not seen" not in after


def npy_of_zeros() -> bytes:
    head = b"{'descr': '<i8', 'fortran_order': False, 'shape': (4, 3, 5), }"
    head = head.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(8 * 60)


def test_contributing_says_what_to_keep(made: Path, tmp_path: Path) -> None:
    line = "srs contribute --powers 1.powers --name Eve --out"
    found = report(made, line, tmp_path / "out")
    assert found["contributors"] == 2
    assert found["powers"] == str(tmp_path / "out")
    assert found["contributions"][-1]["digest"] == found["transcript_digest"]
    again = report(made, line, tmp_path / "again")
    assert again["transcript_digest"] != found["transcript_digest"]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("srs contribute --powers 4.powers --name late --out y", FAILED, "a beacon has ended it"),
        ("srs contribute --powers x.srs --name a --out y", FAILED, "ASSAYPOW"),
        ("srs contribute --powers none --name a --out y", FAILED, "No such file"),
        ("srs beacon --powers 3.powers --value 0g --out y", FAILED, "--value"),
        ("srs beacon --powers 3.powers --value 00 --log-iterations 9 --out y", FAILED, "2^9"),
        ("srs finalize --powers 4.powers --axes 5,5 --out y.srs", FAILED, "does not fit"),
        ("srs finalize --powers 4.powers --axes 4,3 --out y.vk", FAILED, "end it in .srs"),
        ("srs transcript x.vk", FAILED, "ASSAYCER"),
        ("srs verify --srs x.srs --transcript x.vk", FAILED, "ASSAYCER"),
        ("srs new --axes 0 --out y", FAILED, "--axes"),
    ],
)
def test_bad_input(made: Path, line: str, code: int, said: str) -> None:
    before = listing(made)
    ended = run(made, line)
    assert ended.returncode == code
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert listing(made) == before


def test_nobody_contributed(tmp_path: Path) -> None:
    done(tmp_path, "srs new --axes 2,2 --out 0.powers")
    before = listing(tmp_path)
    line = "srs finalize --powers 0.powers --axes 2,2 --out x.srs"
    assert report(tmp_path, line, code=REJECTED)["step"] == "contributors"
    line = BEACON + " --powers 0.powers --out 1.powers"
    assert report(tmp_path, line, code=REJECTED)["step"] == "contributors"
    assert listing(tmp_path) == before


def test_exit_codes_are_those_of_verdicts() -> None:
    assert (DONE, REJECTED, FAILED, INCONCLUSIVE) == (0, 1, 2, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    done(tmp_path, "srs new --axes 16,16,16,32 --out 0.powers")
    before = listing(tmp_path)
    line = "srs contribute --powers 0.powers --name a --out 1.powers --threads 1"
    process = subprocess.Popen(
        [PROGRAM, *line.split()],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=restore_signals,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while listing(tmp_path) == before:  # until the new file is begun
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, said = process.communicate(timeout=240)
    assert process.returncode == FAILED
    assert out == ""
    assert said.startswith("assay srs contribute: stopped")
    assert listing(tmp_path) == before
