"""Links lead to files and headings that are there, pages lie on the map, lines are short."""

import re
from pathlib import Path

import pytest

from page_blocks import ROOT, name_of, pages

PAGES = {name_of(page): page for page in [*pages(), ROOT / "CHANGELOG.md"]}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LONGEST = 100


def prose(text: str) -> str:
    """A page without its blocks and without code within lines."""
    return re.sub(r"`[^`\n]*`", "``", FENCED.sub("", text))


def anchors(page: Path) -> set[str]:
    """What links to a page's headings end with, as GitHub and the site make it."""
    titles = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    faults = []
    for link in LINK.findall(prose(PAGES[name].read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (PAGES[name].parent / file).resolve() if file else PAGES[name]
        if not target.exists():
            faults.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target):
            faults.append(f"{link}: no such heading")
    assert not faults, f"{name}: " + "; ".join(faults)


def test_every_page_of_docs_is_on_the_map() -> None:
    linked = set(LINK.findall((ROOT / "docs/README.md").read_text(encoding="utf-8")))
    named = {link.partition("#")[0] for link in linked}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - named == {"README.md"}


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_short(name: str) -> None:
    lines = PAGES[name].read_text(encoding="utf-8").splitlines()
    # A row of a table cannot be broken, and a list of steps is one sentence on one line.
    long = [
        f"{name}:{number}"
        for number, line in enumerate(lines, 1)
        if len(line) > LONGEST and not line.startswith(("|", "Its steps, in order:"))
    ]
    assert not long, "\n".join(long)
