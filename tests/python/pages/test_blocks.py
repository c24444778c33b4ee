"""Every block of every page: commands and code run, what is marked as output was printed."""

import json
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest

import assay
from page_blocks import ROOT, RUN, blocks_of, name_of, pages
from page_running import BIN, environment, run_page

PAGES = {name_of(page): page for page in pages()}
SOAKED = {
    name: page for name, page in PAGES.items() if any(b.soak for b in blocks_of(page.read_text()))
}
# What runs the page and then looks at the files that it leaves.
RUN_ELSEWHERE = {"docs/pipeline.md"}  # tests/python/verbs/test_pipeline_page.py


@pytest.mark.parametrize("name", sorted(set(PAGES) - RUN_ELSEWHERE))
def test_blocks_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(PAGES[name], tmp_path, soak=False, seconds=300)


@pytest.mark.soak
@pytest.mark.parametrize("name", SOAKED)
def test_blocks_that_take_long(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(PAGES[name], tmp_path, soak=True, seconds=1800)


@pytest.mark.parametrize("name", PAGES)
def test_every_block_says_what_it_is(name: str) -> None:
    blocks = blocks_of(PAGES[name].read_text(encoding="utf-8"))
    faults = [f"{name}:{block.line}: {fault}" for block in blocks for fault in block.faults]
    for before, block in zip([None, *blocks], blocks, strict=False):
        if block.language == "output" and (before is None or before.language not in RUN):
            faults.append(f"{name}:{block.line}: no block before it prints")
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "cmake":
            faults += [f"{name}:{block.line}: {fault}" for fault in faults_of_cmake(block.text)]
    assert not faults, "\n".join(faults)


def faults_of_cmake(text: str) -> list[str]:
    """What a project that uses the library could not write so."""
    consumer = (ROOT / "tests/install/consumer/CMakeLists.txt").read_text(encoding="utf-8")
    faults = [line for line in text.splitlines() if line and not re.fullmatch(r"\w+\(.*\)", line)]
    for version in re.findall(r"find_package\(assay ([\d.]+)", text):
        if not assay.__version__.startswith(f"{version}."):
            faults.append(f"{version} is not this version")
    for target in re.findall(r"assay::\w+", text):
        if target not in consumer:
            faults.append(f"no test links with {target}")
    return faults


@pytest.mark.parametrize("name", PAGES)
def test_blocks_that_are_not_run_here_could_be(name: str) -> None:
    faults = []
    for block in blocks_of(PAGES[name].read_text(encoding="utf-8")):
        if block.language == "python":
            compile(block.text, name, "exec")
        elif block.language == "sh":
            ended = subprocess.run(
                ["bash", "-n", "-c", block.text], check=False, capture_output=True, text=True
            )
            if ended.returncode:
                faults.append(f"{name}:{block.line}: {ended.stderr}")
            elif block.soak or block.not_run:
                faults += [f"{name}:{block.line}: {fault}" for fault in unknown_flags(block.text)]
    assert not faults, "\n".join(faults)


def unknown_flags(text: str) -> list[str]:
    """Flags of `assay` that its help does not have."""
    faults = []
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Za-z_]+=.*", words[0]):
            words = words[1:]
        if not words or words[0] not in ("assay", ".venv/bin/assay"):
            continue
        verbs = [word for word in words[1:3] if re.fullmatch(r"[a-z][a-z-]*", word)]
        helps = help_of(tuple(verbs), any(word == "--model" for word in words))
        for flag in (word.partition("=")[0] for word in words if word.startswith("--")):
            if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", helps):
                faults.append(f"assay {' '.join(verbs)} has no {flag}")
    return faults


@cache
def help_of(verbs: tuple[str, ...], with_model: bool) -> str:
    more = ["--model", "x"] if with_model else []
    ended = subprocess.run(
        [BIN / "assay", *verbs, *more, "--help"], env=environment(), check=False,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, (verbs, ended.stderr)
    return ended.stdout


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    assert unknown_flags("assay commit --tensor x \\\n  --nonsense y") == [
        "assay commit has no --nonsense"
    ]
    assert faults_of_cmake("find_package(assay 9.9 REQUIRED)\ntarget(mine assay::other)\n") == [
        "9.9 is not this version",
        "no test links with assay::other",
    ]
    page = tmp_path / "page.md"
    for text in (
        "```sh\nfalse\n```",
        "```sh\necho 1\n```\n\n```output\n2\n```",
        "```sh\n:|false\n```",
    ):
        page.write_text(text)
        with pytest.raises(AssertionError) as raised:
            run_page(page, tmp_path, soak=False, seconds=60)
        assert "the block at page.md:" in raised.value.__notes__[0]
    page.write_text("<!-- exit 1 -->\n```sh\nfalse\n```\n\n```python\nassert True\n```")
    run_page(page, tmp_path, soak=False, seconds=60)
