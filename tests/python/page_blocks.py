"""The fenced blocks of a page, and what the page says of each: CONTRIBUTING.md has the rules."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What a test does with a block goes by its language.
LANGUAGES = {"sh", "python", "output", "cmake", "json", "text"}
RUN = {"sh", "python"}
FENCE = re.compile(r"( *)(`{3,})(.*)")
MARK = re.compile(r"<!-- (.*) -->")
# A mark has one of these forms.
SOAK, EXIT, NOT_RUN = "soak", re.compile(r"exit (\d+)"), re.compile(r"not run: (.+)")
# Begins a line of text that should have been a block to run.
COMMAND = re.compile(
    r"\$ |(?:[A-Z_]+=\S+ )?(?:assay|make|cmake|python3?|pip|\.venv/bin/\w+) [a-z-]"
)


@dataclass
class Block:
    """A fenced block.

    Attributes:
        line: Of the opening fence, from 1.
        language: What the fence says; empty where it says nothing.
        text: The lines between the fences.
        soak: It runs in `make soak` alone.
        exit_code: What a block of `sh` ends with.
        not_run: Why it is not run; empty where it is.
        faults: What is wrong with the block as it is written.
    """

    line: int
    language: str
    text: str
    soak: bool = False
    exit_code: int = 0
    not_run: str = ""
    faults: list[str] = field(default_factory=list)


def pages() -> list[Path]:
    """Every page, those of the drop-in distributions too."""
    found = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")]
    found += sorted((ROOT / "docs").glob("*.md"))
    return found + sorted((ROOT / "python" / "compat").glob("*/README.md"))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page in their order, indented ones, which have no language, among them."""
    blocks: list[Block] = []
    marks: list[str] = []
    in_list = False
    before = ""
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        if fence := FENCE.fullmatch(line):
            blocks.append(_fenced(number, fence, lines, marks))
            marks, before = [], ""
            continue
        if mark := MARK.fullmatch(line):
            marks.append(mark[1])
            continue
        if marks and line.strip():
            blocks.append(Block(number - 1, "", "", faults=["a mark stands above no block"]))
            marks = []
        if re.match(r"[-*] |\d+\. ", line):
            in_list = True
        elif line and not line.startswith(" "):
            in_list = False
        if line.startswith("    ") and not before.strip() and not in_list:
            blocks.append(Block(number, "", line, faults=["is indented, not fenced"]))
        before = "" if line.startswith("    ") else line
    return blocks


def _fenced(
    number: int, fence: re.Match[str], lines: Iterator[tuple[int, str]], marks: list[str]
) -> Block:
    body: list[str] = []
    for _, line in lines:
        if line.strip() == fence[2]:
            break
        body.append(line.removeprefix(fence[1]))
    block = Block(number, fence[3].strip(), "\n".join(body) + "\n")
    for mark in marks:
        if mark == SOAK:
            block.soak = True
        elif ended := EXIT.fullmatch(mark):
            block.exit_code = int(ended[1])
        elif reason := NOT_RUN.fullmatch(mark):
            block.not_run = reason[1]
        else:
            block.faults.append(f"there is no mark {mark!r}")
    if block.language not in LANGUAGES:
        block.faults.append(f"has no language of {', '.join(sorted(LANGUAGES))}")
    elif marks and block.language not in RUN:
        block.faults.append("would not be run anyhow")
    if block.language == "text" and any(COMMAND.match(each) for each in body):
        block.faults.append("has commands: call it sh")
    return block


def differences(expected: str, printed: str) -> str:
    """Where a block of output is not what was printed; empty where it is.

    A line `..` stands for any lines, and `..` within a line for any text. White space at the ends
    of lines does not matter.
    """
    left = [line.rstrip() for line in printed.split("\n")]
    anywhere = False
    for line in expected.rstrip("\n").split("\n"):
        if line.strip() == "..":
            anywhere = True
            continue
        pattern = ".*".join(re.escape(part) for part in line.rstrip().split(".."))
        places = range(len(left)) if anywhere else range(min(1, len(left)))
        place = next((i for i in places if re.fullmatch(pattern, left[i])), None)
        if place is None:
            return f"{line!r} was not printed there, but {left[:3] if not anywhere else left!r}"
        left = left[place + 1 :]
        anywhere = False
    rest = [line for line in left if line]
    return "" if anywhere or not rest else f"{rest[0]!r} was printed, and is not in the block"
