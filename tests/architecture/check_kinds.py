#!/usr/bin/env python3
"""Fails where `assay show` does not know a kind of file that the sources write, or the reverse.

usage: check_kinds.py ROOT

A file of ours begins with a tag, ASSAY and letters or assay/.../v with a version behind, or has one
as its "format" or "payloadType"; those of others have a magic. Each of these in the sources needs
a line FileKind{..} in its room's kinds.cc (of the Python package in apps/assay/verb_show.cc), or an
entry in WITHIN: bytes that stand within files of another kind.
"""

import re
import sys
from pathlib import Path

# tag -> what files it stands within.
WITHIN = {
    "assay/tensor/v": "a manifest's leaves, which are hashed",
    "assay/audit/wires/v": "what is hashed of a run's wires",
    "assay/audit/weight/v": "what is hashed of a weight",
    "assay/audit/head/v": "the payload of a signed head",
    "assay/probe/statement/v": "the payload of a statement",
    "assay/probe/set/v": 'the object "assay" of a set of probes',
    "assay/scores/v": 'the object "assay" of scores',
    "assay/selection/v": 'the object "assay" of a selection',
}
TAG = re.compile(r'"(ASSAY[A-Z]{2,4}|assay/[a-z/-]+/v|application/vnd\.assay\.[a-z.-]+)(?:\\0)?"')
MAGIC = re.compile(r'\bk\w*Magic\w*\s*(?:=\s*|\()"([^"]*?)(?:\\0)?"')
# A constant that a table names itself.
NAMED = re.compile(r"FileKind\{\s*(?:FileKind::)?Mark::\w+,\s*(k\w+)")
# Formats written with their version are told from labels of hashes by the name of the constant.
FORMAT = re.compile(r'\bk?\w*FORMAT\w*\s*=\s*"(assay/[a-z/-]+/v)\d+"', re.IGNORECASE)
WRITTEN = re.compile(r'"format": "(assay/[a-z/-]+/v)\d+"')
KIND = re.compile(r'FileKind\{\s*(?:FileKind::)?Mark::\w+,\s*"([^"]*)"')


def tables_of(root: Path) -> list[Path]:
    return [*sorted((root / "src").glob("*/kinds.cc")), root / "apps/assay/verb_show.cc"]


def tags_of_sources(root: Path) -> dict[str, Path]:
    """Every tag in the sources but the tables of kinds, and a file that has it."""
    found: dict[str, Path] = {}
    tables = "".join(path.read_text(encoding="utf-8") for path in tables_of(root))
    named = set(NAMED.findall(tables))
    for top, endings in (("src", {".cc", ".h"}), ("include", {".h"}), ("python/assay", {".py"})):
        for path in sorted((root / top).rglob("*")):
            aside = path.stem.endswith(("_test", "_bench", "test_support")) or path.stem == "kinds"
            if aside or path.suffix not in endings:
                continue
            text = path.read_text(encoding="utf-8")
            patterns = (FORMAT, WRITTEN) if path.suffix == ".py" else (TAG, FORMAT, MAGIC)
            for pattern in patterns:
                for match in pattern.finditer(text):
                    if pattern is MAGIC and match[0].split()[0] in named:
                        continue
                    found.setdefault(match[1], path.relative_to(root))
    return found


def tags_of_kinds(root: Path) -> dict[str, Path]:
    """Every tag of the tables."""
    found: dict[str, Path] = {}
    for path in tables_of(root):
        for match in KIND.finditer(path.read_text(encoding="utf-8")):
            found.setdefault(match[1], path.relative_to(root))
    return found


def is_ours(tag: str) -> bool:
    return tag.startswith(("ASSAY", "assay/", "application/vnd.assay."))


def check(root: Path) -> list[str]:
    sources, kinds = tags_of_sources(root), tags_of_kinds(root)
    problems = []
    for tag, path in sources.items():
        if tag not in kinds and tag not in WITHIN:
            problems.append(f"{path}: {tag} begins files that `assay show` does not know")
    for tag, path in kinds.items():
        if is_ours(tag) and tag not in sources:
            problems.append(f"{path}: nothing in the sources writes {tag}")
    idle = [tag for tag in WITHIN if tag not in sources]
    problems += [f"WITHIN: nothing in the sources writes {tag}" for tag in idle]
    if not kinds:
        problems.append(f"{root}: no kinds found")
    return problems


def main(arguments: list[str]) -> int:
    problems = check(Path(arguments[1]))
    print("\n".join(problems) if problems else "every kind of file is one that assay show knows")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
