#!/usr/bin/env python3
"""Fails where a documented list of a verdict's steps is not what the code gives.

usage: check_steps.py ROOT

A verdict that is not accepted names its step, and callers are promised which there are: in headers,
docstrings and pages. step_lists.py says which functions stand behind each such list. From their
bodies, and from those of the functions that they mention, come the steps that the code gives. A
step in src/ that no list has is an error too.
"""

import ast
import re
import sys
from pathlib import Path

from step_lists import LISTS, Steps

# Functions that turn one of their arguments, by number, into a verdict's step.
MAKERS = {
    "rejected": 0,
    "fault": 0,
    "inconclusive": 0,
    "reject_proof": 0,
    "rejected_at": 0,
    "compare_root": 2,
}
# Functions that list rows which begin with a step.
ROWS = {"tests_of"}
NO_FUNCTIONS = {"if", "for", "while", "switch", "catch", "return", "sizeof", "static_assert"}

STRING = r'"(?:\\.|[^"\\\n])*"'
COMMENT = re.compile(rf"{STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
BEHIND_PARAMETERS = re.compile(r"(?:\s|const\b|noexcept\b|override\b|->[\w:<>&*, ]+)*\{")
SENTENCE = re.compile(r"\bsteps?\b(.*?)\.(?=\s|$)", re.DOTALL | re.IGNORECASE)


def without_comments(text: str) -> str:
    """The text with comments as blanks."""
    blank = lambda m: m[0] if m[0].startswith('"') else re.sub(r"[^\n]", " ", m[0])  # noqa: E731
    return COMMENT.sub(blank, text)


def masked(text: str) -> str:
    """The text with what strings hold as blanks."""
    return re.sub(STRING, lambda m: '"' + " " * (len(m[0]) - 2) + '"', text)


def closing(text: str, start: int) -> int:
    """The place behind the bracket that closes the one at `start`, in a masked text."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "({[") - (text[place] in ")}]")
        if depth == 0:
            return place + 1
    return len(text)


def functions(text: str) -> dict[str, str]:
    """The bodies of the functions that a C++ source defines, by name; overloads are joined."""
    text = without_comments(text)
    mask = masked(text)
    bodies: dict[str, str] = {}
    for match in re.finditer(r"\b(\w+)\(", mask):
        end = closing(mask, match.end() - 1)
        behind = BEHIND_PARAMETERS.match(mask, end)
        if match[1] not in NO_FUNCTIONS and behind:
            body = text[behind.end() - 1 : closing(mask, behind.end() - 1)]
            bodies[match[1]] = bodies.get(match[1], "") + body
    return bodies


def arguments(text: str, mask: str, start: int) -> list[str]:
    """The arguments between the parenthesis at `start` and the one that closes it."""
    out, begin, depth = [], start + 1, 0
    for place in range(start, closing(mask, start)):
        depth += (mask[place] in "({[") - (mask[place] in ")}]")
        if (mask[place] == "," and depth == 1) or depth == 0:
            out.append(text[begin:place].strip())
            begin = place + 1
    return out


def steps_in(name: str, body: str) -> set[str]:
    """The steps that stand in a function's body."""
    mask = masked(body)
    found = set()
    for match in re.finditer(rf"\b({'|'.join(MAKERS)})\(", mask):
        given = arguments(body, mask, match.end() - 1)
        step = given[MAKERS[match[1]]] if MAKERS[match[1]] < len(given) else ""
        if re.fullmatch(STRING, step):
            found.add(step[1:-1])
    if name in ROWS:
        found |= set(re.findall(r'\{\s*"([^"]+)",\s*"', body))
    return found


class Code:
    """The functions of sources, read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, dict[str, str]] = {}

    def of(self, path: str) -> dict[str, str]:
        if path not in self.files:
            self.files[path] = functions((self.root / path).read_text(encoding="utf-8"))
        return self.files[path]

    def steps(self, places: tuple[str, ...], within: tuple[str, ...]) -> set[str]:
        """The steps of functions and of what they mention in their own file or in `within`."""
        todo = []
        for place in places:
            path, _, name = place.partition(":")
            if name and name not in self.of(path):
                raise LookupError(f"{path} has no function {name}")
            todo += [(path, each) for each in ([name] if name else self.of(path))]
        seen = set(todo)
        found = set()
        while todo:
            path, name = todo.pop()
            body = self.of(path)[name]
            found |= steps_in(name, body)
            mask = masked(body)
            for other in (path, *within):
                for callee in self.of(other):
                    mentioned = re.search(rf"\b{callee}\(|::{callee}\b", mask)
                    if mentioned and (other, callee) not in seen:
                        seen.add((other, callee))
                        todo.append((other, callee))
        return found


def comment_above(text: str, at: str) -> str:
    """The comment over the first line that begins with `at`, as running text."""
    lines = text.splitlines()
    place = next((i for i, line in enumerate(lines) if line.strip().startswith(at)), None)
    if place is None:
        raise LookupError(f"no line begins with {at!r}")
    first = place
    while first > 0 and lines[first - 1].strip().startswith("///"):
        first -= 1
    return " ".join(line.strip().removeprefix("///").strip() for line in lines[first:place])


def docstring(text: str, name: str) -> str:
    """The docstring of `function` or `Class.method`, as running text."""
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        found = [
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name == part
        ]
        if not found:
            raise LookupError(f"no {name}")
        node = found[0]
    assert isinstance(node, ast.FunctionDef)
    return " ".join((ast.get_docstring(node) or "").split())


def listed_on_page(text: str, entry: Steps) -> tuple[set[str], str]:
    """The steps that a page names, and the text in which it may include other lists."""
    found = re.search(entry.at, text, re.DOTALL)
    if found is None:
        raise LookupError(f"nothing matches {entry.at!r}")
    if not found[1].startswith("|"):
        return set(re.findall(r'[`"]([a-zA-Z][a-zA-Z ]*)[`"](?!\()', found[1])), found[1]
    cells = [row.split("|")[entry.column] for row in found[1].splitlines()]
    own = [cell for cell in cells if not any(words in cell for words, _ in entry.includes)]
    names = [re.sub(r"\(.*?\)|`", "", name).strip() for cell in own for name in cell.split(",")]
    return set(names), found[1]


def documented(root: Path, entry: Steps) -> set[str]:
    """The steps that a list names, those of the lists that it includes among them."""
    text = (root / entry.file).read_text(encoding="utf-8")
    if entry.file.endswith(".md"):
        steps, prose = listed_on_page(text, entry)
    else:
        comment = docstring if entry.file.endswith(".py") else comment_above
        prose = " ".join(SENTENCE.findall(comment(text, entry.at)))
        steps = set(re.findall(r'"([^"]+)"', prose))
    for words, (file, at) in entry.includes:
        if words in prose:
            steps |= documented(root, next(e for e in LISTS if (e.file, e.at) == (file, at)))
    return steps


def compare(root: Path, code: Code, entry: Steps) -> list[str]:
    where = f"{entry.file}, {entry.at!r}"
    try:
        listed = documented(root, entry) - set(entry.never)
        given = code.steps(entry.code, entry.within) - set(entry.never)
    except (LookupError, FileNotFoundError) as error:
        return [f"{where}: {error}: put LISTS of step_lists.py right"]
    problems = [f"{where}: the list lacks {step!r}" for step in sorted(given - listed)]
    return problems + [f"{where}: the code gives no {step!r}" for step in sorted(listed - given)]


def check(root: Path) -> list[str]:
    code = Code(root)
    problems = [problem for entry in LISTS for problem in compare(root, code, entry)]
    if problems:
        return problems
    known = {step for entry in LISTS for step in documented(root, entry)}
    for path in sorted((root / "src").rglob("*.cc")):
        if path.stem.endswith(("_test", "_bench")):
            continue
        name = str(path.relative_to(root))
        for step in sorted(code.steps((name,), ()) - known):
            problems.append(f"{name}: no list of steps has {step!r}")
    return problems


def main(argv: list[str]) -> int:
    problems = check(Path(argv[1]))
    print("\n".join(problems) if problems else "every list of steps is what the code gives")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
