#!/usr/bin/env python3
"""Fails on an #include that crosses rooms against the arrows of the house.

usage: check_edges.py ROOT

A room includes its own files, the public header of itself and of the rooms below it, and their
internal headers. Public headers include only public headers. The lines assay_room(...) of
CMakeLists.txt must say the same.
"""

import re
import sys
from pathlib import Path

# room -> the rooms that its arrows come from; what they reach, it reaches.
ARROWS: dict[str, set[str]] = {
    "base": set(),
    "integers": {"base"},
    "field": {"integers"},
    "curve": {"field"},
    "pst": {"curve"},
    "merkle": {"base"},
    "tensor": {"integers"},
    "encode": {"tensor"},
    "claim": {"encode", "pst"},
    "pipeline": {"claim"},
    "profile": {"base"},
    "toploc": {"profile"},
}
# Public headers that do not bear their room's name.
PUBLIC_ALIASES = {
    "verdict": "base",
    "toploc_comparison": "toploc",
    "toploc_files": "toploc",
    "toploc_fingerprint": "toploc",
    "toploc_verdict": "toploc",
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s*(["<])([^">]+)[">]', re.MULTILINE)
ROOM_LINE = re.compile(
    r"^assay_room\((\w+)\s*(?:ROOMS\s+([\w ]+?))?\s*(?:LINKS[^)]*)?\)", re.MULTILINE
)
SOURCES = {".h", ".cc", ".inc"}


def reachable(room: str) -> set[str]:
    found = {room}
    todo = [room]
    while todo:
        for below in ARROWS[todo.pop()]:
            if below not in found:
                found.add(below)
                todo.append(below)
    return found


def room_of_include(path: str) -> str | None:
    """The room that an include belongs to, or None for a path that no room has."""
    parts = Path(path).parts
    if parts[0] == "assay" and len(parts) == 2:
        stem = Path(parts[1]).stem
        return PUBLIC_ALIASES.get(stem, stem)
    return parts[0] if len(parts) > 1 else None


def is_ours(bracket: str, path: str) -> bool:
    """Whether an include is ours: all in quotes, and those in angle brackets that name a room."""
    return bracket == '"' or Path(path).parts[0] in {"assay", *ARROWS}


def check_file(root: Path, path: Path) -> list[str]:
    relative = path.relative_to(root)
    public = relative.parts[0] == "include"
    room = PUBLIC_ALIASES.get(path.stem, path.stem) if public else relative.parts[1]
    if room not in ARROWS:
        return [f"{relative}: no room is called {room!r}"]
    allowed = reachable(room)
    problems = []
    text = path.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        bracket, include = match.groups()
        if not is_ours(bracket, include):
            continue
        line = text.count("\n", 0, match.start()) + 1
        if public and not include.startswith("assay/"):
            problems.append(f"{relative}:{line}: a public header includes the internal {include}")
        elif room_of_include(include) not in allowed:
            problems.append(f"{relative}:{line}: {room} may not include {include}")
    return problems


def check_cmake(root: Path) -> list[str]:
    problems = []
    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    for match in ROOM_LINE.finditer(text):
        declared = set((match[2] or "").split())
        if declared != ARROWS.get(match[1]):
            problems.append(f"CMakeLists.txt: assay_room({match[1]}) declares {sorted(declared)}")
    for folder in sorted(p.name for p in (root / "src").iterdir() if p.is_dir()):
        if not re.search(rf"^assay_room\({folder}\b", text, re.MULTILINE):
            problems.append(f"src/{folder}: no assay_room line in CMakeLists.txt")
    return problems


def check(root: Path) -> list[str]:
    files = [
        path
        for top in ("include/assay", "src")
        for path in sorted((root / top).rglob("*"))
        if path.suffix in SOURCES
    ]
    problems = check_cmake(root)
    for path in files:
        problems += check_file(root, path)
    if not files:
        problems.append(f"{root}: no sources found")
    return problems


def main(arguments: list[str]) -> int:
    problems = check(Path(arguments[1]))
    print("\n".join(problems) if problems else "every include runs along an arrow")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
