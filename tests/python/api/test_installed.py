"""The package as it was installed: what a wheel must hold, with all its parts of one version."""

import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
from pathlib import Path

import pytest

import assay
from assay import programs

ROOT = Path(__file__).resolve().parents[3]
DISTRIBUTION = importlib.metadata.distribution("assay")
COMMANDS = sorted(DISTRIBUTION.entry_points.select(group="console_scripts"))


def version_in_cmake() -> str:
    found = re.search(r"project\(assay VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert found
    return found[1]


def test_is_the_installed_package() -> None:
    assert not Path(assay.__file__).is_relative_to(ROOT / "python")


def test_version_is_that_of_cmake() -> None:
    assert DISTRIBUTION.version == version_in_cmake()


def test_is_typed() -> None:
    assert importlib.resources.files("assay").joinpath("py.typed").is_file()


def test_command_is_beside_the_interpreter() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("assay"), "--version"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert version_in_cmake() in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_python_verb_loads(command: importlib.metadata.EntryPoint) -> None:
    assert command.name.startswith("assay-")
    program = command.load()
    assert callable(program.load())
    assert Path(sys.executable).with_name(command.name).is_file()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_flag_that_is_none_is_refused_in_one_line(
    command: importlib.metadata.EntryPoint,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [command.name, "--no-such-flag"])
    try:
        code = command.load()()
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "--help" in err


def test_a_program_is_stopped_while_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(programs, "import_module", stopped)
    assert programs.run() == 2
    assert capsys.readouterr().err == "assay run: stopped before it was done\n"
