#!/usr/bin/env python3
"""Fails on an ASSAY_CHECK that compares without saying what it compared.

usage: check_operands.py ROOT

A check that fails prints its operands. ASSAY_CHECK_EQ and its like do so by themselves; behind a
comparison in ASSAY_CHECK(condition, operands...) stands what it rests on.
"""

import re
import sys
from pathlib import Path

TOPS = ("include", "src", "apps", "python/src", "fuzz", "bench", "tests")
SOURCES = {".h", ".cc", ".inc"}
# The macros themselves stand here.
DEFINED_IN = Path("src/base/check.h")
CHECK = re.compile(r"\bASSAY_D?CHECK\(")
# Literals and comments, in which parentheses, commas and signs mean nothing. A quote between digits
# separates thousands.
LITERAL = re.compile(
    r'"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z_])\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/', re.DOTALL
)
# Signs of comparisons; those of templates, shifts and arrows have no blanks around them.
COMPARISON = re.compile(r"[=!<>]=(?!=)|\s[<>]\s")
OPENING, CLOSING = "([{", ")]}"


def blanked(text: str) -> str:
    """The text with literals and comments as blanks, so that places stay the same."""
    return LITERAL.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def arguments(text: str, start: int) -> list[str]:
    """The arguments of a macro whose opening parenthesis ends at `start`."""
    out = [""]
    depth = 0
    for sign in text[start:]:
        if depth == 0 and sign == ")":
            break
        if depth == 0 and sign == ",":
            out.append("")
            continue
        depth += (sign in OPENING) - (sign in CLOSING)
        out[-1] += sign
    return out


def check_text(name: str, text: str) -> list[str]:
    problems = []
    text = blanked(text)
    for match in CHECK.finditer(text):
        condition, *operands = arguments(text, match.end())
        if COMPARISON.search(condition) and not operands:
            line = text.count("\n", 0, match.start()) + 1
            problems.append(
                f"{name}:{line}: a comparison that prints no operands: take ASSAY_CHECK_EQ, _LT, "
                "_LE, _GT or _GE, or name the operands behind the condition"
            )
    return problems


def check(root: Path) -> list[str]:
    problems = []
    seen = 0
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES or path.relative_to(root) == DEFINED_IN:
                continue
            text = path.read_text(encoding="utf-8")
            seen += len(CHECK.findall(text))
            problems += check_text(str(path.relative_to(root)), text)
    if seen == 0:
        problems.append(f"{root}: no checks found")
    return problems


def main(argv: list[str]) -> int:
    problems = check(Path(argv[1]))
    print("\n".join(problems) if problems else "every check says what it compared")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
