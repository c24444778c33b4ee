#!/usr/bin/env python3
"""Fails on an import that crosses packages of python/assay against the arrows of the house.

usage: check_imports.py ROOT

A package imports itself and those that its arrows lead to, these alone. Of another package in a
folder it takes what that offers in its __init__, never a module inside. An arrow that no import
runs along fails too.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class House(NamedTuple):
    """The packages and the arrows between them.

    A package that is not listed with modules is a folder of its name.
    """

    modules: dict[str, set[str]]
    arrows: dict[str, set[str]]


ASSAY = House(
    modules={
        "native": {"_core"},
        "base": {
            "arguments",
            "ending",
            "errors",
            "filed",
            "html",
            "json_text",
            "lazily",
            "machine",
            "parties",
            "plotting",
            "printing",
            "progress",
            "stopping",
            "wording",
            "writing",
        },
        "commitments": {
            "bn254",
            "blocks",
            "ceremonies",
            "commitments",
            "comparison",
            "kzg",
            "merkle",
            "openings",
            "polynomials",
            "residues",
            "srs",
            "streaming",
            "tensors",
            "tree",
            "verification",
        },
        "weights": {"weights"},
        "face": {"__init__"},
        "doors": {
            "bench_audit",
            "bench_overhead",
            "bench_recording",
            "bench_vllm",
            "ceremony_demo",
            "comparing",
            "demo",
            "forgery",
            "paired_runs",
            "programs",
            "run",
            "showing",
            "two_party",
        },
    },
    arrows={
        "native": set(),
        "base": {"native"},
        "models": {"native", "base"},
        "hidden_states": {"base", "models"},
        "commitments": {"native", "base", "hidden_states"},
        "toploc": {"native", "base", "models", "commitments"},
        "vllm": {"base", "models", "hidden_states", "commitments", "toploc", "weights", "audit"},
        "weights": {"native", "base", "models"},
        "layers": {"native", "base", "models", "weights"},
        "audit": {"native", "base", "models", "weights"},
        "probe": {"native", "base", "models", "weights"},
        "experiments": {"native", "base", "commitments"},
        "face": {
            "native",
            "base",
            "models",
            "hidden_states",
            "commitments",
            "toploc",
            "weights",
            "layers",
            "audit",
            "probe",
        },
        "doors": {
            "native",
            "base",
            "models",
            "hidden_states",
            "commitments",
            "weights",
            "toploc",
            "audit",
            "layers",
            "vllm",
            "face",
        },
    },
)
# Imports by a name that is computed; whoever calls `on_first_use` says the names, and known.py
# imports vLLM alone.
COMPUTED = {"lazily.py", "programs.py", "vllm/known.py"}


class Import(NamedTuple):
    """An import: the line, the module after `assay`, and the name taken from it, if any."""

    line: int
    module: tuple[str, ...]
    name: str


def imports_of(tree: ast.AST, package: tuple[str, ...]) -> Iterator[Import | int]:
    """The imports of ours in a module of `package`; a line alone where the name is computed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top, *rest = alias.name.split(".")
                if top == "assay":
                    yield Import(node.lineno, tuple(rest), "")
        elif isinstance(node, ast.ImportFrom):
            module = absolute("." * node.level + (node.module or ""), package)
            if module is not None:
                for alias in node.names:
                    yield Import(node.lineno, module, alias.name)
        elif isinstance(node, ast.Call):
            yield from imports_by_call(node, package)


def imports_by_call(node: ast.Call, package: tuple[str, ...]) -> Iterator[Import | int]:
    function = node.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if called == "on_first_use":
        homes = node.args[1]
        if not isinstance(homes, ast.Dict):
            yield node.lineno
            return
        listed = zip(homes.values, homes.keys, strict=True)
    elif called in ("import_module", "__import__"):
        listed = iter([(ast.Constant(""), node.args[0])])
    else:
        return
    for names, home in listed:
        if isinstance(names, ast.Constant) and isinstance(home, ast.Constant):
            module = absolute(home.value, package)
            if module is not None:
                for name in names.value.split() or [""]:
                    yield Import(node.lineno, module, name)
        else:
            yield node.lineno


def absolute(name: str, package: tuple[str, ...]) -> tuple[str, ...] | None:
    """The parts after `assay` of a module's name, seen from `package`; None: not ours."""
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    parts = tuple(bare.split(".")) if bare else ()
    if level == 0:
        return parts[1:] if parts[:1] == ("assay",) else None
    return package[: len(package) - level + 1] + parts


class Checker:
    """Reads the files under `top`, the folder of the package `assay`."""

    def __init__(self, top: Path, house: House) -> None:
        self.top = top
        self.house = house
        self.homes = {one: name for name, listed in house.modules.items() for one in listed}
        self.used: set[tuple[str, str]] = set()

    def package_of(self, module: tuple[str, ...]) -> str | None:
        """The package that a module belongs to, or None."""
        if not module:
            return self.homes.get("__init__")
        if module[0] in self.homes:
            return self.homes[module[0]]
        folders = self.house.arrows.keys() - self.house.modules.keys()
        return module[0] if module[0] in folders else None

    def is_module(self, module: tuple[str, ...]) -> bool:
        path = self.top.joinpath(*module)
        files = (path.with_name(path.name + ending) for ending in (".py", ".pyi"))
        return path.is_dir() or any(file.is_file() for file in files)

    def check_file(self, path: Path) -> Iterator[str]:
        inside = path.relative_to(self.top)
        own = self.package_of(inside.with_suffix("").parts)
        if own is None:
            yield f"{inside}: in no package of the table"
            return
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for found in imports_of(tree, inside.parent.parts):
            if isinstance(found, int):
                if str(inside) not in COMPUTED:
                    yield f"{inside}:{found}: imports by a name that is computed"
                continue
            # What is taken from a package may be a module of it.
            module = found.module
            if found.name and self.is_module((*module, found.name)):
                module = (*module, found.name)
            target = self.package_of(module)
            said = ".".join(("assay", *module))
            if target == own:
                continue
            if target is None:
                yield f"{inside}:{found.line}: {said} is in no package of the table"
            elif target not in self.house.arrows[own]:
                yield f"{inside}:{found.line}: {own} may not import {said}, of {target}"
            elif target not in self.house.modules and len(module) > 1:
                yield f"{inside}:{found.line}: {said} is inside of {target}; take what it offers"
            else:
                self.used.add((own, target))

    def check(self) -> Iterator[str]:
        files = sorted(path for path in self.top.rglob("*.py") if "__pycache__" not in path.parts)
        if not files:
            yield f"{self.top}: no sources found"
            return
        yield from self.check_table()
        for path in files:
            yield from self.check_file(path)
        for package, allowed in self.house.arrows.items():
            for target in sorted(allowed):
                if (package, target) not in self.used:
                    yield f"the arrow from {package} to {target} is used by nothing"

    def check_table(self) -> Iterator[str]:
        for module in self.homes:
            if not self.is_module((module,)):
                yield f"the table has {module}, and there is no such module"
        # Taken away one after another, those that need nothing that is left: a circle stays.
        left = dict(self.house.arrows)
        while free := [name for name, allowed in left.items() if not allowed & left.keys()]:
            for name in free:
                del left[name]
        if left:
            yield f"the arrows go in a circle: {', '.join(left)}"


def check(root: Path, house: House = ASSAY) -> list[str]:
    return list(Checker(root / "python" / "assay", house).check())


def main(arguments: list[str]) -> int:
    problems = check(Path(arguments[1]))
    print("\n".join(problems) if problems else "every import runs along an arrow")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
