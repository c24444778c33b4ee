"""Manual pages and completions of the verbs that there are, tried in the shells that are here."""

import shutil
import subprocess
from pathlib import Path

import pytest

from assay_program import PROGRAM, done, refused


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("manual")
    done(where, "manual --output-dir m")
    return where / "m"


def verbs(where: Path) -> dict[str, list[str]]:
    """The verbs that help lists, and those within them."""

    def listed(line: str) -> list[str]:
        text = done(where, line)
        lines = text.partition("Subcommands:\n")[2].partition("\n\n")[0].splitlines()
        return [words[0] for words in map(str.split, lines) if words and lines]

    found = {verb: [] for verb in listed("--help")}
    for verb in found:
        if "Subcommands:" in done(where, f"{verb} --help"):
            found[verb] = [one for one in listed(f"{verb} --help") if one.isidentifier()]
    return found


def test_each_verb_has_a_page(manual: Path) -> None:
    pages = {page.name for page in (manual / "man1").iterdir()}
    wanted = {"assay.1"}
    for verb, within in verbs(manual).items():
        wanted |= {f"assay-{verb}.1", *(f"assay-{verb}-{one}.1" for one in within)}
    assert wanted <= pages
    assert len(wanted) > 50


def test_a_page_has_what_help_has(manual: Path) -> None:
    page = (manual / "man1" / "assay-srs-trim.1").read_text().replace("\\-", "-")
    text = done(manual, "srs trim --help")
    for word in ("--srs", "--from-level", "--out", "--json", "--threads"):
        assert word in text
        assert f"\\fB{word}\\fR" in page
    for line in ("Example: assay srs trim", "the first level to keep", "(required)"):
        assert line in page
    assert page.startswith('.TH "assay-srs-trim" 1')


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
def test_pages_are_laid_out_without_a_warning(manual: Path) -> None:
    for page in sorted((manual / "man1").iterdir()):
        ended = subprocess.run(
            ["man", "--warnings", "-l", str(page)], capture_output=True, text=True, check=True,
            env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "MANPAGER": "cat", "LANG": "C.UTF-8"},
        )  # fmt: skip
        assert ended.stderr == "", page.name
        assert "OPTIONS" in ended.stdout


BASH = """
source {completions}/assay.bash
COMP_WORDS=({words} '{last}')
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_assay
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "source {completions}/assay.fish; complete -C '{words} {last}'"

CASES = [
    ("assay", "com", {"commit", "compare"}, {"srs"}),
    ("assay", "", {"commit", "srs", "help"}, {"--tensor"}),
    ("assay srs", "tr", {"trim", "transcript"}, {"commit"}),
    ("assay srs trim", "--fr", {"--from-level"}, {"--tensor"}),
    ("assay commit", "--te", {"--tensor"}, {"--from-level"}),
    ("assay commit --tensor x.npy", "--sr", {"--srs"}, set()),
    ("assay show", "--k", {"--kinds"}, set()),
]


@pytest.mark.parametrize(("words", "last", "wanted", "unwanted"), CASES)
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_completions_in_a_shell(
    shell: str, words: str, last: str, wanted: set[str], unwanted: set[str], manual: Path
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    script = (BASH if shell == "bash" else FISH).format(
        completions=manual / "completions", words=words, last=last
    )
    ended = subprocess.run(
        [program, "-c", script], capture_output=True, text=True, check=True, cwd=manual,
        env={"PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "HOME": str(manual)},
    )  # fmt: skip
    assert ended.stderr == ""
    given = {line.split("\t")[0] for line in ended.stdout.splitlines()}
    assert wanted <= given, given
    assert not unwanted & given


def test_a_file_follows_a_flag_with_a_value(manual: Path) -> None:
    script = BASH.format(completions=manual / "completions", words="assay commit --tensor", last="")
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""  # bash itself gives the names of files


SCRIPTS = [("bash", "assay.bash"), ("zsh", "_assay"), ("fish", "assay.fish")]


@pytest.mark.parametrize(("shell", "name"), SCRIPTS)
def test_completions_are_programs_of_their_shell(shell: str, name: str, manual: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    ended = subprocess.run(
        [program, "-n", manual / "completions" / name], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in refused(tmp_path, "manual --output-dir file/m")
