#!/usr/bin/env python3
"""Fails where a documented list of a verdict's steps is not what the code gives.

usage: check_steps.py ROOT

A verdict that is not accepted names its step, and callers are promised which there are: in headers,
docstrings and pages. LISTS says which functions stand behind each such list. From their bodies, and
from those of the functions that they mention, come the steps that the code gives. A step in src/
that no list has is an error too.
"""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Steps:
    """A documented list, and where its steps come from.

    Attributes:
        file: The file that documents.
        at: In C++, a line below the comment begins with this; in Python, `function` or
            `Class.method`; on a page, a regular expression whose first group is the list, or the
            rows of a table.
        code: "path:function" for each function behind the list, or a path, for all in the file.
            What they mention in `within` counts too.
        within: Further files whose functions count when they are mentioned.
        includes: Words in the list that stand for another list, and the place of that.
        column: Of a table, the column with the steps, from 1.
        never: Steps of functions that are shared, of which the ones behind this list never come to
            those: their arguments rule them out.
    """

    file: str
    at: str
    code: tuple[str, ...]
    within: tuple[str, ...] = ()
    includes: tuple[tuple[str, tuple[str, str]], ...] = ()
    column: int = 1
    never: tuple[str, ...] = ()


MERKLE, PST, CLAIM, TOPLOC = "src/merkle/", "src/pst/", "src/claim/", "src/toploc/"
WEIGHTS, WEIGHTS_H = "src/weights/", "include/assay/weights_manifest.h"
PROOFS_JSON = "src/pipeline/proofs_json.cc"
PST_WITHIN = (PST + "verify.cc", PST + "relation.cc")
CLAIM_WITHIN = (CLAIM + "tensor_checker.cc", *PST_WITHIN)
INCLUSION = ("include/assay/merkle.h", "[[nodiscard]] Verdict verify_inclusion(")
CHECK = ("include/assay/pst.h", "[[nodiscard]] Verdict check(")
LEVEL = ("include/assay/pst.h", "[[nodiscard]] Verdict check_level(")
CHECKER = ("include/assay/verifier.h", "class TensorChecker")
VERIFY = ("include/assay/verifier.h", "[[nodiscard]] Verification verify(")
DECIDE = ("include/assay/toploc_verdict.h", "[[nodiscard]] Verdict decide(")
OFFER = ("include/assay/toploc_verdict.h", "[[nodiscard]] Result<Verdict> check_offer(")
AUDIT, PACKET_H = "src/audit/", "include/assay/audit_packet.h"
CHECK_PACKET = (PACKET_H, "[[nodiscard]] Verdict check_packet(")
TAKE_PACKET = (PACKET_H, "[[nodiscard]] Verdict take(const Packet")
PROOFS_CODE = (TOPLOC + "verification.cc:verify",)
VERIFY_PAGE = (
    "docs/claim.md",
    r"\| check \| grade \| step that fails [^\n]*\n\|[-|]+\|\n(.*?)\n\n",
)

AUDIT_CODE = (
    "src/audit/check.cc:check",
    "src/audit/check.cc:judge",
    "src/audit/check.cc:rejected_product",
    "src/audit/check.cc:check_head",
    "src/audit/check_openings.cc",
    "src/audit/check_chain.cc",
)

LISTS = (
    # audit
    Steps(
        "include/assay/audit_check.h",
        "[[nodiscard]] Result<Verdict> check(",
        code=AUDIT_CODE,
    ),
    Steps(
        "docs/audit.md",
        r"\*\*Verdict\.\*\* .*?\| step \| asks \| worth \|\n\|[-|]+\|\n(.*?)\n\n",
        code=AUDIT_CODE,
    ),
    Steps("python/assay/audit/verifying.py", "check", code=AUDIT_CODE),
    # weights
    Steps(
        WEIGHTS_H,
        "[[nodiscard]] Verdict check_root(",
        code=(WEIGHTS + "manifest.cc:check_root",),
    ),
    Steps(
        WEIGHTS_H,
        "[[nodiscard]] Result<Verdict> check_folder(",
        code=(WEIGHTS + "manifest.cc:check_folder",),
    ),
    Steps(
        WEIGHTS_H,
        "[[nodiscard]] Verdict verify_row(",
        code=(WEIGHTS + "row_opening.cc:verify_row",),
    ),
    Steps(
        "docs/weights.md",
        r"`verify_row` asks, in this order: (.*?)\n\n",
        code=(WEIGHTS + "row_opening.cc:verify_row",),
    ),
    Steps(
        "docs/weights.md",
        r"`check_folder` asks, in this order: (.*?)\n\n",
        code=(WEIGHTS + "manifest.cc:check_folder",),
    ),
    Steps(
        "python/assay/weights.py",
        "verify_row",
        code=(WEIGHTS + "row_opening.cc:verify_row",),
    ),
    Steps(
        "python/assay/weights.py",
        "Folder.check",
        code=(WEIGHTS + "manifest.cc:check_folder",),
    ),
    Steps(
        "python/assay/weights.py",
        "Manifest.check_root",
        code=(WEIGHTS + "manifest.cc:check_root",),
    ),
    # layers
    Steps(
        "include/assay/layers_results.h",
        "[[nodiscard]] Result<Verdict> check_selection(",
        code=("src/layers/results.cc",),
    ),
    Steps(
        "docs/layers.md",
        r"It rejects at one of the steps\n\n(.*?)\n\n",
        code=("src/layers/results.cc",),
    ),
    # audit, sample mode
    Steps(*CHECK_PACKET, code=(AUDIT + "check_packet.cc",)),
    Steps(
        *TAKE_PACKET,
        code=(AUDIT + "sample_ledger.cc:follow", AUDIT + "check_packet.cc"),
        includes=(("those of check_packet()", CHECK_PACKET),),
    ),
    Steps(
        PACKET_H,
        "[[nodiscard]] Verdict take(const BareHeader",
        code=(AUDIT + "sample_ledger.cc:take",),
        within=(AUDIT + "check_packet.cc",),
        never=("sequence", "memory", "weight", "shape", "product"),
    ),
    Steps(
        PACKET_H,
        "[[nodiscard]] Verdict summary() const",
        code=(
            AUDIT + "sample_ledger.cc:summary",
            AUDIT + "sample_ledger.cc:follow",
            AUDIT + "check_packet.cc",
        ),
        includes=(("those of take()", TAKE_PACKET),),
    ),
    Steps(
        "docs/audit.md",
        r"\| step \| outcome \| \|\n\|[-|]+\|\n(.*?)\n\n",
        code=(AUDIT + "sample_ledger.cc", AUDIT + "check_packet.cc"),
        never=("packets",),
    ),
    # merkle
    Steps(*INCLUSION, code=(MERKLE + "verify.cc:verify_inclusion",), never=("leaves",)),
    Steps(
        "include/assay/merkle.h",
        "[[nodiscard]] Verdict verify_many(",
        code=(MERKLE + "verify.cc:verify_many",),
        includes=(("as above", INCLUSION),),
    ),
    Steps(
        "include/assay/merkle.h",
        "[[nodiscard]] Verdict verify_consistency(",
        code=(MERKLE + "verify.cc:verify_consistency",),
    ),
    Steps(
        "docs/merkle.md",
        r"A verdict that rejects names its step: (.*?)\n\n",
        code=(MERKLE + "verify.cc",),
    ),
    # pst
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict verify_srs(",
        code=(PST + "verify_srs.cc:verify_srs",),
    ),
    Steps(
        *LEVEL,
        code=(PST + "verify_srs.cc:check_level",),
    ),
    Steps(*CHECK, code=(PST + "verify.cc:check",), within=PST_WITHIN),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict check_slice(",
        code=(PST + "verify.cc:check_slice",),
        within=(*PST_WITHIN, PST + "verify_srs.cc"),
        includes=(("those of check_level()", LEVEL), ("as check()", CHECK)),
    ),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict check_all(",
        code=(PST + "verify.cc:check_all",),
        within=PST_WITHIN,
        includes=(("those of check()", CHECK),),
    ),
    Steps(
        "include/assay/pst.h",
        "[[nodiscard]] Verdict add(",
        code=(PST + "verify.cc:add",),
        within=PST_WITHIN,
        never=("opening equation",),
    ),
    Steps(
        "docs/pst.md",
        r"## Is an SRS well formed\?.*?\n\n(.*?)\n\n## ",
        code=(PST + "verify_srs.cc:verify_srs",),
    ),
    Steps("python/assay/srs.py", "Srs.verify", code=(PST + "verify_srs.cc:verify_srs",)),
    # claim
    Steps(
        *CHECKER,
        code=(CLAIM + "tensor_checker.cc:check_setup", CLAIM + "tensor_checker.cc:check_evidence"),
        within=PST_WITHIN,
    ),
    Steps(
        *VERIFY,
        code=(CLAIM + "verify.cc:verify",),
        within=CLAIM_WITHIN,
        includes=(
            ("those of checker.check_setup", CHECKER),
            ("those of checker.check_evidence", CHECKER),
        ),
    ),
    Steps(*VERIFY_PAGE, code=(CLAIM + "verify.cc:verify",), within=CLAIM_WITHIN, column=3),
    Steps(
        "python/assay/verification.py",
        "verify",
        code=(CLAIM + "verify.cc:verify",),
        within=CLAIM_WITHIN,
    ),
    # pipeline
    Steps(
        "include/assay/pipeline.h",
        "[[nodiscard]] claim::Verification verify(const ProofsJson& proofs, const claim::T",
        code=(PROOFS_JSON + ":check_alone",),
        within=CLAIM_WITHIN,
        includes=(("those of checker.check_evidence", CHECKER),),
        never=("SRS digest", "commitment value"),
    ),
    Steps(
        "include/assay/pipeline.h",
        "[[nodiscard]] claim::Verification verify(const ProofsJson& proofs, const claim::C",
        code=(PROOFS_JSON + ":bind", CLAIM + "verify.cc:verify"),
        within=CLAIM_WITHIN,
        includes=(("those of claim::verify", VERIFY),),
    ),
    Steps(
        "docs/pipeline.md",
        r"\*\*Alone\*\* it is.*?\n\|[-|]+\|\n(.*?)\n\n",
        code=(PROOFS_JSON + ":check_alone",),
        within=CLAIM_WITHIN,
        never=("commitment value",),
    ),
    Steps(
        "docs/pipeline.md",
        r"\*\*Under a commitment\*\* .*?\n\|[-|]+\|\n(.*?)\n\n",
        code=(PROOFS_JSON + ":bind", CLAIM + "verify.cc:verify"),
        within=CLAIM_WITHIN,
        includes=(("those of [claim](claim.md)", VERIFY_PAGE),),
    ),
    # toploc
    Steps(*DECIDE, code=(TOPLOC + "decision.cc:decide",)),
    Steps(*OFFER, code=(TOPLOC + "verification.cc:check_offer",)),
    Steps(
        "include/assay/toploc_verdict.h",
        "[[nodiscard]] Verdict check_answer(",
        code=(TOPLOC + "answer.cc:check_answer",),
    ),
    Steps(
        "docs/toploc.md",
        r"Its steps, in order: (.*?)\.\n",
        code=(TOPLOC + "answer.cc:check_answer",),
    ),
    Steps(
        "python/assay/toploc/verifying.py",
        "check_answer",
        code=(TOPLOC + "answer.cc:check_answer",),
    ),
    Steps(
        "include/assay/toploc_verdict.h",
        "[[nodiscard]] Result<Verification> verify(",
        code=PROOFS_CODE,
        within=(TOPLOC + "decision.cc",),
        includes=(("those of check_offer", OFFER), ("those of decide", DECIDE)),
    ),
    Steps(
        "include/assay/toploc_fingerprint.h",
        "[[nodiscard]] Result<Verdict> verify(",
        code=(TOPLOC + "fingerprint.cc:verify",),
    ),
    Steps(
        "docs/toploc.md",
        r"\| step \| asks \| worth \|\n\|[-|]+\|\n(.*?)\n\n",
        code=PROOFS_CODE,
        within=(TOPLOC + "decision.cc",),
    ),
    Steps(
        "docs/toploc.md",
        r"Steps of a fingerprint, in order: (.*?)\.\n",
        code=(TOPLOC + "fingerprint.cc:verify",),
    ),
    # Proofs alone say nothing of how they were made.
    Steps(
        "python/assay/toploc/verifying.py",
        "verify",
        code=PROOFS_CODE,
        within=(TOPLOC + "decision.cc",),
        never=("parameters", "shape"),
    ),
)

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
        return [f"{where}: {error}: put LISTS of check_steps.py right"]
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
