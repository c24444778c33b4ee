#!/usr/bin/env python3
"""Fails on an #include that crosses rooms against the arrows of the house.

usage: check_edges.py ROOT

A room includes its own files, the public headers of itself and of the rooms below it, and of their
internal headers those that OPEN lists. Doors (the command, the Python bindings) include every
public header, and of internals what OPEN lists. Public headers include only public headers. An
arrow, or an entry of OPEN, that no file uses is a fault too. The lines assay_room(...) of
CMakeLists.txt must say the same as ARROWS.
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
    "setup": {"curve"},
    "pst": {"setup"},
    "kzg": {"setup"},
    "merkle": {"base"},
    "tree": {"pst", "kzg", "merkle"},
    "matrix": {"base"},
    "tensor": {"integers"},
    "weights": {"tensor", "merkle"},
    "encode": {"tensor"},
    "claim": {"encode", "merkle", "pst", "kzg"},
    "pipeline": {"claim"},
    "profile": {"base"},
    "toploc": {"profile"},
    "layers": {"matrix", "weights"},
    "audit": {"weights", "profile"},
    "probe": {"matrix", "profile", "tensor"},
}
# Public headers that do not bear their room's name.
PUBLIC_ALIASES = {
    "audit_packet": "audit",
    "error_line": "base",
    "thread_limit": "base",
    "verdict": "base",
    "world": "base",
    "audit_challenge": "audit",
    "audit_check": "audit",
    "audit_key": "audit",
    "audit_log": "audit",
    "audit_measure": "audit",
    "audit_profile": "audit",
    "audit_record": "audit",
    "audit_recorder": "audit",
    "probe_attestation": "probe",
    "probe_causal": "probe",
    "probe_geometry": "probe",
    "probe_rows": "probe",
    "probe_set": "probe",
    "probe_statement": "probe",
    "probe_training": "probe",
    "pst_original": "pst",
    "layers_mapping": "layers",
    "layers_results": "layers",
    "layers_scoring": "layers",
    "layers_selection": "layers",
    "layers_spectra": "layers",
    "claim_log": "claim",
    "claim_schemes": "claim",
    "prover": "claim",
    "verifier": "claim",
    "tensor_comparison": "tensor",
    "tensor_engines": "tensor",
    "toploc_comparison": "toploc",
    "toploc_files": "toploc",
    "toploc_fingerprint": "toploc",
    "toploc_verdict": "toploc",
    "tree_prover": "tree",
    "weights_manifest": "weights",
}
# Of a room's internals, those that others may include. Base is open to rooms and the command.
OPEN: dict[str, dict[str, set[str]]] = {
    "tensor": {"integers": {"signed_integer.h"}},
    "encode": {
        "integers": {"signed_integer.h"},
        "tensor": {"limits.h", "load.h", "reinterpret.h"},
    },
    # Curve code is a template over the field's backends, compiled once for each kernel.
    "curve": {
        "field": {
            "backend.h",
            "backend_adx.h",
            "backend_portable.h",
            "dodecic_ifma.h",
            "element.h",
            "kernel.h",
            "lanes_ifma.h",
            "parameters.h",
            "power_chain.h",
            "target_ifma.h",
            "tower.h",
            "transform.h",
        }
    },
    # Chunks of many tensors are hashed side by side, as the leaves of one tree are.
    "weights": {"merkle": {"shape.h"}},
    "pst": {
        "integers": {"magnitude.h", "random_weights.h"},
        "field": {"to_field.h"},
        "setup": {"find_false.h", "grid_products.h", "small_multiples.h"},
    },
    "kzg": {
        "integers": {"random_weights.h"},
        "field": {"to_field.h"},
        "setup": {"find_false.h", "small_multiples.h"},
    },
    "tree": {
        "field": {"hash_to_field.h"},
        "curve": {"fixed_bases.h"},
        "kzg": {"many.h", "polynomial.h"},
        "merkle": {"shape.h"},
    },
    "claim": {
        "field": {"to_field.h"},
        "pst": {"allocate.h", "lagrange.h"},
        "tensor": {"kinds.h"},
    },
    "pipeline": {
        "tensor": {"kinds.h", "limits.h", "npy_write.h"},
        "encode": {"cube_options.h", "float_parts.h"},
        "claim": {"query_rules.h", "report.h", "verify_named.h"},
    },
    "layers": {"tensor": {"float_values.h"}},
    "audit": {
        "profile": {"profile_file.h"},
        "tensor": {"float_bits.h", "float_values.h", "load.h"},
    },
    "probe": {
        "profile": {"profile_file.h"},
        "tensor": {"load.h", "source.h"},
    },
    "apps": {
        "integers": {"signed_integer.h"},
        "setup": {"kinds.h"},
        "pst": {"kinds.h"},
        "kzg": {"kinds.h"},
        "merkle": {"kinds.h"},
        "tree": {"kinds.h"},
        "claim": {"kinds.h", "report.h"},
        "pipeline": {"kinds.h", "results.h"},
        "tensor": {"comparison_report.h", "kinds.h"},
        "weights": {"kinds.h"},
        "toploc": {"kinds.h", "report.h"},
        "layers": {"kinds.h"},
        "audit": {"kinds.h"},
        "probe": {"kinds.h", "report.h"},
    },
    "python": {},
    # The file of a profile is a template over the profile.
    "toploc": {"profile": {"profile_file.h"}},
}
# Who speaks to people: they stand above every room.
DOORS = {"apps": "apps", "python": "python/src"}
OPEN_TO_ALL = {"base"}
# What the tests of a room may include of the rooms below: their tests' own samples.
TEST_SUPPORT = "test_support.h"
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


def is_test(path: Path) -> bool:
    return path.stem.endswith(("_test", "_bench")) or path.name == TEST_SUPPORT


def may_look_into(room: str, include: str, path: Path) -> bool:
    """Whether a file may include an internal header of a room that its own room reaches."""
    other, _, header = include.partition("/")
    if other == room or (other in OPEN_TO_ALL and room != "python"):
        return True
    if is_test(path) and header == TEST_SUPPORT:
        return True
    return header in OPEN.get(room, {}).get(other, set())


class Used:
    """Arrows and open internals that some file makes use of."""

    def __init__(self) -> None:
        self.arrows: set[tuple[str, str]] = set()
        self.internals: set[tuple[str, str, str]] = set()

    def note(self, room: str, include: str, path: Path) -> None:
        other = room_of_include(include)
        if other is None or is_test(path):
            return
        self.arrows.add((room, other))
        if not include.startswith("assay/"):
            self.internals.add((room, other, include.partition("/")[2]))

    def problems(self, rooms: set[str]) -> list[str]:
        """Of the rooms that are there, what stands in a table and is used by no file."""
        found = []
        for room in sorted(rooms):
            for below in sorted(ARROWS.get(room, set())):
                if (room, below) not in self.arrows:
                    found.append(f"ARROWS: no file of {room} uses its arrow from {below}")
            for other, headers in sorted(OPEN.get(room, {}).items()):
                for header in sorted(headers):
                    if (room, other, header) not in self.internals:
                        found.append(f"OPEN: no file of {room} includes {other}/{header}")
        return found


def check_file(root: Path, path: Path, used: Used) -> list[str]:
    relative = path.relative_to(root)
    public = relative.parts[0] == "include"
    door = relative.parts[0] if relative.parts[0] in DOORS else None
    room = door or (PUBLIC_ALIASES.get(path.stem, path.stem) if public else relative.parts[1])
    if door is None and room not in ARROWS:
        return [f"{relative}: no room is called {room!r}"]
    allowed = set(ARROWS) if door else reachable(room)
    problems = []
    text = path.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        bracket, include = match.groups()
        if not is_ours(bracket, include) or (door and "/" not in include):
            continue
        line = text.count("\n", 0, match.start()) + 1
        used.note(room, include, path)
        if public and not include.startswith("assay/"):
            problems.append(f"{relative}:{line}: a public header includes the internal {include}")
        elif room_of_include(include) not in allowed:
            problems.append(f"{relative}:{line}: {room} may not include {include}")
        elif not include.startswith("assay/") and not may_look_into(room, include, path):
            problems.append(
                f"{relative}:{line}: {include} is an internal that is not open to {room}"
            )
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
        for top in ("include/assay", "src", *DOORS.values())
        for path in sorted((root / top).rglob("*"))
        if path.suffix in SOURCES
    ]
    problems = check_cmake(root)
    used = Used()
    for path in files:
        problems += check_file(root, path, used)
    rooms = {folder.name for folder in (root / "src").iterdir() if folder.is_dir()}
    doors = {door for door, folder in DOORS.items() if (root / folder).is_dir()}
    problems += used.problems(rooms | doors)
    if not files:
        problems.append(f"{root}: no sources found")
    return problems


def main(arguments: list[str]) -> int:
    problems = check(Path(arguments[1]))
    print("\n".join(problems) if problems else "every include runs along an arrow")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
