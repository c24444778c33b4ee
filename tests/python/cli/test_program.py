"""The program around the verbs: help, verbs from elsewhere, bad input, a full disk, Ctrl-C."""

import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from assay_program import (
    FAILED,
    PROGRAM,
    done,
    environment,
    listing,
    refused,
    report,
    restore_signals,
    run,
)

VERBS = [
    "convert", "reshape", "interpolate", "srs dev", "srs verify", "trust add", "trust list",
    "trust remove", "commit", "challenge", "prove",
    "verify", "locate", "compare", "toploc build", "toploc verify", "manifest make",
    "manifest open",
    "manifest verify", "manifest check", "layers score", "layers select", "version", "kernels",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that verbs read; do not change it."""
    where = tmp_path_factory.mktemp("made")
    np.save(where / "cube.npy", np.arange(24).reshape(2, 3, 4))
    for line in (
        "srs dev --axes 2,3,4 --seed 7 --out s.srs",
        "srs dev --axes 4,3,2 --seed 7 --out turned.srs",
        "srs dev --axes 2,3,4 --seed 8 --out other.srs",
        "commit --tensor cube.npy --srs s.srs --out c.commitment",
        "challenge --commitment c.commitment --num-queries 3 --out c.challenge",
        "prove --tensor cube.npy --srs s.srs --commitment c.commitment --challenge c.challenge "
        "--out c.proofs",
        "interpolate --npy cube.npy --output-dir poly",
        "commit --poly-dir poly --srs s.srs --output-dir out",
        "prove --poly-dir poly --srs s.srs --output-dir out",
    ):
        done(where, line)
    return where


# ---- Help and verbs


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(tmp_path: Path, verb: str) -> None:
    said = done(tmp_path, verb, "--help")
    assert f"Example: assay {verb}" in said
    assert "--json" in said
    assert "--threads" in said
    assert done(tmp_path, f"help {verb}") == said


def test_help_lists_all_verbs(tmp_path: Path) -> None:
    said = done(tmp_path, "--help")
    for verb in VERBS:
        assert f"\n  {verb.split()[0]} " in said


def test_version(tmp_path: Path) -> None:
    said = done(tmp_path, "--version")
    assert said == done(tmp_path, "version")
    assert report(tmp_path, "version")["version"] == said.split()[1]
    kernels = report(tmp_path, "kernels")
    assert kernels["active"] in kernels["available"]


@pytest.mark.parametrize(
    "line",
    ["", "srs", "srs dance", "commit", "commit --tensor", "commit --what", "commit extra", "dance",
     "../dance", "srs dev --axes 2 --seed 1", "srs dev --axes 2 --seed x --out a.srs",
     "version --threads -1", "prove --tensor a --poly-dir b", "convert --input a --encoding b"],
)  # fmt: skip
def test_a_wrong_line_is_one_line_and_2(tmp_path: Path, line: str) -> None:
    refused(tmp_path, line)


@pytest.mark.parametrize("verb", [*VERBS, "bench msm", "bench pairing", "bench commitments"])
def test_no_flag_takes_an_empty_value(tmp_path: Path, verb: str) -> None:
    said = done(tmp_path, verb, "--help")
    taking = re.findall(r"^ +(--[a-z-]+) [^ ]", said, re.MULTILINE)  # a value
    assert "--threads" in taking
    for flag in taking:
        assert f"{flag}: an empty value" in refused(tmp_path, verb, flag, "")
        assert flag in refused(tmp_path, verb, f"{flag}=")


# Each of these would strengthen the check; an unset variable of a shell must not weaken it.
@pytest.mark.parametrize("flag", ["--challenge", "--digest", "--tensor", "--srs-digest"])
def test_an_unset_variable_drops_no_check(made: Path, flag: str) -> None:
    line = "verify --commitment c.commitment --proofs c.proofs --srs s.vk"
    done(made, line)
    assert f"{flag}: an empty value" in refused(made, line, flag, "")


def program(where: Path, name: str, text: str) -> None:
    path = where / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_other_verbs_are_programs(tmp_path: Path) -> None:
    program(tmp_path, "assay-dance", 'echo dance "$@"; exit 3')
    program(tmp_path, "assay-dance-tango", 'echo tango "$@"')
    program(tmp_path, "assay-srs-ceremony", 'echo ceremony "$@"')
    program(tmp_path, "assay-commit", "echo never")
    path = f"{tmp_path}:{os.environ['PATH']}"
    ended = run(tmp_path, "dance", "--json", "a b", PATH=path)
    assert (ended.returncode, ended.stdout) == (3, "dance --json a b\n")
    assert run(tmp_path, "dance", "tango", "--x", PATH=path).stdout == "tango --x\n"
    assert run(tmp_path, "srs", "ceremony", "1", PATH=path).stdout == "ceremony 1\n"
    # What the program does itself, no other does.
    assert run(tmp_path, "commit", PATH=path).returncode == FAILED
    assert run(tmp_path, "srs", "dev", "--help", PATH=path).stdout.startswith("Make development")
    # Nothing is run out of the current directory by accident.
    assert "dance" in refused(tmp_path, "dance", PATH=":")


@pytest.mark.skipif(
    PROGRAM.read_bytes()[:2] == b"#!",
    reason="a script that runs the program lies elsewhere than it",
)
def test_verbs_beside_the_program_come_first_and_are_listed(tmp_path: Path) -> None:
    own = tmp_path / "own"
    elsewhere = tmp_path / "elsewhere"
    own.mkdir()
    elsewhere.mkdir()
    (own / "assay").write_bytes(PROGRAM.read_bytes())
    (own / "assay").chmod(0o755)
    program(own, "assay-dance", "echo own")
    program(elsewhere, "assay-dance", "echo elsewhere")
    program(elsewhere, "assay-sing", "echo sing")

    def said(*arguments: str) -> str:
        return subprocess.run(
            [own / "assay", *arguments], env=environment(PATH=str(elsewhere)), check=True,
            capture_output=True, text=True,
        ).stdout  # fmt: skip

    assert said("dance") == "own\n"
    assert said("sing") == "sing\n"
    assert "\n  dance\n" in said("--help")


# ---- Bad input


BINARY = {
    "s.srs": "srs verify --srs {}",
    "s.vk": "verify --commitment c.commitment --proofs c.proofs --srs {}",
    "c.commitment": "verify --commitment {} --proofs c.proofs --srs s.vk",
    "c.proofs": "verify --commitment c.commitment --proofs {} --srs s.vk",
    "c.challenge": "prove --tensor cube.npy --srs s.srs --commitment c.commitment --out p "
    "--challenge {}",
    "cube.npy": "commit --tensor {} --srs s.srs --out c",
    "out/proofs.json": "verify --proofs {} --srs s.vk",
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(
    "damage", ["empty", "truncated", "longer", "magic", "directory", "missing"]
)
def test_a_damaged_file_is_refused_by_name(
    made: Path, tmp_path: Path, name: str, damage: str
) -> None:
    raw = (made / name).read_bytes()
    bad = tmp_path / "bad.file"
    match damage:
        case "empty":
            bad.write_bytes(b"")
        case "truncated":
            bad.write_bytes(raw[:-1] if name != "out/proofs.json" else raw[:-3])
        case "longer":
            bad.write_bytes(raw + b"x")
        case "magic":
            bad.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])
        case "directory":
            bad.mkdir()
    assert str(bad) in refused(made, BINARY[name].format(bad))


def test_a_hostile_size_is_refused(made: Path, tmp_path: Path) -> None:
    raw = (made / "c.proofs").read_bytes()
    bad = tmp_path / "bad.proofs"
    bad.write_bytes(raw[:48] + b"\xff\xff\xff\xff" + raw[52:])
    assert str(bad) in refused(made, BINARY["c.proofs"].format(bad))
    header = (10).to_bytes(8, "little") + b'{"a":1}   '
    bad.write_bytes(b"\xff" * 7 + b"\x7f" + header)
    assert str(bad) in refused(made, BINARY["cube.npy"].format(bad))
    np.save(tmp_path / "x.npy", np.zeros(3))
    text = (tmp_path / "x.npy").read_bytes()
    bad.write_bytes(text.replace(b"(3,), ", b"(9999999999999,), ").replace(b" " * 12, b"", 1))
    assert str(bad) in refused(made, BINARY["cube.npy"].format(bad))


def test_a_value_that_is_not_canonical_is_refused(made: Path, tmp_path: Path) -> None:
    raw = bytearray((made / "c.proofs").read_bytes())
    value = 52 + 1 + 3 * 4  # of the first proof: form, coordinates
    raw[value : value + 32] = b"\xff" * 32
    bad = tmp_path / "bad.proofs"
    bad.write_bytes(raw)
    assert str(bad) in refused(made, BINARY["c.proofs"].format(bad))


def test_a_pickle_is_read_and_not_run(made: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    bad = tmp_path / "bad.npy"
    array = np.empty(1, dtype=object)
    array[0] = Evil()
    np.save(bad, array, allow_pickle=True)
    assert str(bad) in refused(made, BINARY["cube.npy"].format(bad))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_by_place(tmp_path: Path, value: float) -> None:
    array = np.zeros((2, 3), np.float32)
    array[1, 1] = value
    np.save(tmp_path / "x.npy", array)
    said = refused(tmp_path, "commit --tensor x.npy --plan")
    assert "x.npy" in said
    assert "4" in said


def test_parameters_of_another_shape_are_refused(made: Path, tmp_path: Path) -> None:
    for srs in ("turned.srs", "other.srs"):
        line = f"prove --tensor cube.npy --srs {srs} --commitment c.commitment --at 0,0,0 --out p"
        assert srs in refused(made, line)
    said = refused(made, "commit --tensor cube.npy --srs turned.srs --out c")
    assert "turned.srs" in said
    assert "4,3,2" in said
    np.save(tmp_path / "large.npy", np.zeros((20, 20), np.int16))
    large = tmp_path / "large.npy"
    assert "2,3,4" in refused(made, "commit", "--tensor", large, "--srs", "s.srs", "--out", "c")
    # To the verifier it is a verdict.
    verdict = report(
        made, "verify --commitment c.commitment --proofs c.proofs --srs other.vk", code=1
    )
    assert verdict["step"] == "SRS digest"


def test_a_line_of_text_has_no_control_characters(made: Path, tmp_path: Path) -> None:
    said = refused(made, "commit", "--tensor", "no\x1b[31m\nfile.npy", "--plan")
    assert "\x1b" not in said
    assert "file.npy" in said


def test_a_kernel_that_does_not_run_here_is_refused(made: Path) -> None:
    assert "ASSAY_KERNEL" in refused(made, "version", ASSAY_KERNEL="abacus")
    ended = run(made, "version", "--json", ASSAY_KERNEL="portable")
    assert json.loads(ended.stdout)["kernel"] == "portable"


def test_both_kernels_and_any_threads_give_the_same(made: Path, tmp_path: Path) -> None:
    line = f"commit --tensor {made / 'cube.npy'} --srs {made / 's.srs'} --out c --json"
    told = set()
    for kernel in report(made, "kernels")["available"]:
        for threads in ("1", "3"):
            ended = run(tmp_path, f"{line} --threads {threads}", ASSAY_KERNEL=kernel)
            told.add(json.loads(ended.stdout)["digest"])
    assert len(told) == 1


# ---- Writing


def test_a_full_disk_leaves_nothing(tmp_path: Path, made: Path) -> None:
    line = "srs dev --axes 8,8,8 --seed 1 --out s.srs"
    assert "s.srs" in refused(tmp_path, line, file_limit=20000)
    np.save(tmp_path / "x.npy", np.arange(4000))
    before = listing(tmp_path)
    ended = run(tmp_path, "interpolate --npy x.npy --coeffs c.json", file_limit=2000)
    assert ended.returncode == FAILED  # also: an axis that is too long
    assert listing(tmp_path) == before
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == FAILED
    assert ended.stderr.count("\n") == 1


def test_a_device_or_no_folder_is_no_place_for_a_file(made: Path) -> None:
    line = "commit --tensor cube.npy --srs s.srs --out"
    assert "/dev/full" in refused(made, line, "/dev/full")
    assert "nowhere" in refused(made, line, "nowhere/c")
    assert "x.vk" in refused(made, "srs dev --axes 2 --seed 1 --out x.vk")


def stopped(where: Path, number: signal.Signals, line: str) -> tuple[int, str]:
    process = subprocess.Popen(
        [PROGRAM, *line.split()], cwd=where, env=environment(), text=True, stderr=subprocess.PIPE,
        preexec_fn=restore_signals,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not any(name.endswith(".part") for name in listing(where)):
        assert process.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    line = "srs dev --axes 16,16,16,16,16 --seed 1 --threads 1 --out s.srs"
    code, said = stopped(tmp_path, number, line)
    assert code == FAILED
    assert said.count("\n") == 1
    assert said.startswith("assay srs dev: stopped")
    assert listing(tmp_path) == {}


def test_a_closed_pipe_ends_it_quietly(made: Path) -> None:
    process = subprocess.Popen(
        [PROGRAM, "interpolate", "--npy", "cube.npy", "--coeffs", "-", "--quiet"], cwd=made,
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, restore_signals=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=120) in (-signal.SIGPIPE, 0)
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def on_terminal(where: Path, line: str, **changes: str) -> str:
    """What it writes to stdout and stderr together when both are a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *line.split()], cwd=where, env=environment(**changes), stdout=its, stderr=its
    )
    os.close(its)
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait(timeout=120) == 0
    return said.decode()


def test_bars_and_colours_are_for_terminals(made: Path, tmp_path: Path) -> None:
    line = "srs dev --axes 16,16,8 --seed 1 --out s.srs"
    assert " %" in on_terminal(tmp_path, line)
    assert " %" not in on_terminal(tmp_path, f"{line} --quiet")
    assert run(tmp_path, line).stderr == ""
    line = "verify --commitment c.commitment --proofs c.proofs --srs s.vk --quiet"
    assert "\033[32maccepted" in on_terminal(made, line, NO_COLOR="")
    assert "\033" not in on_terminal(made, line, NO_COLOR="1")
