#!/usr/bin/env python3
"""Fails where a page claims what its list of tests does not show, or names a test that is missing.

usage: check_claims.py ROOT

docs/claims-and-tests.md has a part for each page. An entry quotes words of the page in bold and
names tests: a file in backticks, and behind it names that the file has. Every sentence of the page,
every row of its tables of checks and attackers, and every other table has an entry, and every
entry has its words in the page.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

LIST = "docs/claims-and-tests.md"
PAGES = ("SECURITY.md", "docs/claim.md")
# Tables whose rows are claims of their own begin with this.
TABLES_OF_CLAIMS = ("| check |", "| what they do |")
NO_TEST = "no test:"
# An example set apart, with the comments above it that say how it is tested.
FENCED = re.compile(r"^(?:<!-- [^\n]* -->\n)*```.*?^```$", re.MULTILINE | re.DOTALL)
# The title of a paragraph or an item says nothing.
TITLE = re.compile(r"\*\*[^*]*\.")
# In C++ a test is SUITE.NAME, in Python a function.
CPP = re.compile(r"^\s*TEST(?:_[FP])?\((\w+),\s*(\w+)\)", re.MULTILINE)
TYPED = re.compile(r"^\s*TYPED_TEST(?:_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)
PYTHON = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


class Entry(NamedTuple):
    """What the list says of some words of a page."""

    line: int
    quotes: list[str]
    tests: list[tuple[str, str]]  # a file, and a name in it; empty: the whole file
    excuse: str


def joined(text: str) -> str:
    return " ".join(text.split())


def units_of(page: str) -> list[str]:
    """What a page claims, piece by piece."""
    units: list[str] = []
    for block in re.split(r"\n\s*\n", FENCED.sub("", page)):
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        if not lines or all(line.startswith("    ") for line in lines):
            continue  # a heading, or an example set apart
        if lines[0].startswith("|"):
            rows = [joined(line) for line in lines]
            units += rows[2:] if rows[0].startswith(TABLES_OF_CLAIMS) else [" ".join(rows)]
            continue
        items: list[str] = []
        for line in lines:
            if line.startswith("- ") or not items:
                items.append(line.removeprefix("- "))
            else:
                items[-1] += " " + line
        for item in items:
            units += re.split(r"(?<=[^.\s][.?!])(?:\*\*)? +(?=[\"`*(\[]*[A-Z`\"*\[])", joined(item))
    return [unit for unit in units if not TITLE.fullmatch(unit)]


def entries_of(text: str) -> dict[str, list[Entry]]:
    """The entries of each page."""
    found: dict[str, list[Entry]] = {}
    page = ""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith("## "):
            page = line.removeprefix("## ").strip()
            found[page] = []
        if not line.startswith("- "):
            continue
        entry = [line[2:]]
        for more in lines[number:]:
            if not more.startswith("  "):
                break
            entry.append(more)
        found.setdefault(page, []).append(entry_of(joined(" ".join(entry)), number))
    return found


def entry_of(text: str, line: int) -> Entry:
    quotes = re.findall(r"\*\*(.+?)\*\*", text)
    rest = re.sub(r"\*\*.+?\*\*", "", text)
    _, _, excuse = rest.partition(NO_TEST)
    tests: list[tuple[str, str]] = []
    file = ""
    named = True
    for word in re.findall(r"`([^`]+)`", rest.partition(NO_TEST)[0]):
        if "/" in word:
            if not named:
                tests.append((file, ""))
            file, named = word, False
        else:
            tests.append((file, word))
            named = True
    if not named:
        tests.append((file, ""))
    return Entry(line, quotes, tests, excuse.strip())


def names_in(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return set(PYTHON.findall(text))
    return {f"{suite}.{name}" for found in (CPP, TYPED) for suite, name in found.findall(text)}


def faults_of_tests(root: Path, entry: Entry) -> list[str]:
    faults = []
    if not entry.tests and not entry.excuse:
        faults.append("names no test, and does not say why there is none")
    for file, name in entry.tests:
        path = root / file
        if not file or not path.is_file():
            faults.append(f"there is no file {file or 'before ' + name}")
        elif name and name not in names_in(path):
            faults.append(f"{file} has no test {name}")
    return faults


def plain(text: str) -> str:
    return text.replace("**", "")


def faults_in(root: Path) -> list[str]:
    entries = entries_of((root / LIST).read_text(encoding="utf-8"))
    faults = [f"{LIST}: no part for {page}" for page in PAGES if page not in entries]
    faults += [
        f"{LIST}: {page} is no page that is checked" for page in entries if page not in PAGES
    ]
    for page in set(PAGES) & set(entries):
        units = [plain(unit) for unit in units_of((root / page).read_text(encoding="utf-8"))]
        quotes = [quote for entry in entries[page] for quote in entry.quotes]
        for unit in units:
            if not any(quote in unit for quote in quotes):
                faults.append(f"{page}: no entry of {LIST} for: {unit}")
        for entry in entries[page]:
            place = f"{LIST}:{entry.line}"
            if not entry.quotes:
                faults.append(f"{place}: quotes nothing of {page}")
            for quote in entry.quotes:
                if not any(quote in unit for unit in units):
                    faults.append(f"{place}: {page} does not say: {quote}")
            faults += [f"{place}: {fault}" for fault in faults_of_tests(root, entry)]
    return faults


def main() -> int:
    faults = faults_in(Path(sys.argv[1]))
    print("\n".join(faults) if faults else "every claim has its tests")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
