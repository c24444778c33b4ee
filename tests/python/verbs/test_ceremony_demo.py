"""Three contributors over 6^6 and a verifier, each a process; every cheat is caught."""

import json
import subprocess
import sys

from assay.ceremony_demo import CHEATS, CONTRIBUTORS

STEPS = ["contribution proof", "transcript digest", "ceremony secrets", "power relation"]


def test_three_contributors_and_a_verifier() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "assay.ceremony_demo", "--json"],
        check=False, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    reports = json.loads(ended.stdout)
    found = reports["verifier"]
    assert found["verdict"]["verdict"] == "accepted"
    assert found["verdict"]["trust"] == "ceremony(3)"
    assert found["verdict"]["axes"] == [6] * 6
    names = [one["name"] for one in found["listed"]]
    assert names == [*CONTRIBUTORS, "beacon"]
    kept = [reports[name]["digest"] for name in CONTRIBUTORS]
    assert kept == [one["digest"] for one in found["listed"][:3]]
    assert list(found["cheats"]) == list(CHEATS)
    assert [one["step"] for one in found["cheats"].values()] == STEPS
    assert {one["verdict"] for one in found["cheats"].values()} == {"rejected"}


def test_it_is_told_for_people() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "assay.ceremony_demo", "--axes", "3,2"],
        check=False, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "SRS against transcript: accepted, ceremony(3)" in ended.stdout
    assert ended.stdout.count("rejected at step") == len(CHEATS)
