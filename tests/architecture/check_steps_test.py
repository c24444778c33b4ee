"""The checker of lists of steps catches what it is there for: each test makes one thing wrong."""

import dataclasses
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import check_steps
from step_lists import Steps

CODE = """\
namespace {
Verdict reject_proof(std::string step, std::size_t index) {
  return Verdict::rejected(std::move(step), "why").add_figure("statement", index);
}
Verdict shape(const Proof& proof) {
  // return Verdict::rejected("comment", "");
  if (proof.empty()) return reject_proof("shape", 1);
  return Verdict::accepted();
}
class Questions {
 public:
  Verdict ask() const {
    if (!fits({1, 2})) return Verdict::inconclusive(
        "no proofs", "a } and a \\" in text");
    return (this->*&Questions::other)();
  }
  Verdict other() const { return compare_root(1, 2, "root"); }
};
std::vector<Test> tests_of() {
  return {{"mean", "mean, worst", 1}, {"signs", "signs of all", 2}};
}
}  // namespace
Verdict verify(const Proofs& proofs) {
  if (proofs.size() == 7) return shape(proofs.front());
  return Questions(proofs).ask();
}
Verdict judge() { return judge_all(tests_of()); }
"""
HEADER = """\
/// Something else, with "figures".
Verdict decide();

/// Whether it holds. Steps, in order: "no proofs" (inconclusive), "shape" (f.h says
/// which), "root". Figures: "statement".
[[nodiscard]] Verdict verify(const Proofs& proofs);

/// Steps: those of verify(), and "mean", "signs".
[[nodiscard]] Verdict judge();
"""
PYTHON = '''\
class Checker:
    """Something."""

    def verify(self) -> None:
        """Check.

        Returns:
            Accepted; or with the step: "no proofs", "shape",
            "root". Figures: "statement".
        """
'''
PAGE = """\
# Page

| step | why |
|---|---|
| no proofs | there are none |
| shape, root | "other" |

Text. Its steps are `mean` and `signs`.

| check | step |
|---|---|
| all | those of the other table, in its order |
| rows | `mean` (inconclusive), signs |

End.
"""
VERIFY = ("include/assay/room.h", "[[nodiscard]] Verdict verify(")
TABLE = ("docs/room.md", r"\| step \| why \|\n\|[-|]+\|\n(.*?)\n\n")
CPP = "src/room/room.cc"
LISTS = (
    Steps(*VERIFY, code=(f"{CPP}:verify",)),
    Steps(
        VERIFY[0],
        "[[nodiscard]] Verdict judge()",
        code=(f"{CPP}:judge", f"{CPP}:verify"),
        includes=(("those of verify()", VERIFY),),
    ),
    Steps("python/room.py", "Checker.verify", code=(f"{CPP}:verify",)),
    Steps(*TABLE, code=(f"{CPP}:verify",)),
    Steps(
        "docs/room.md",
        r"\| check \| step \|\n\|[-|]+\|\n(.*?)\n\n",
        code=(f"{CPP}:judge", f"{CPP}:verify"),
        includes=(("those of the other table", TABLE),),
        column=2,
    ),
    Steps("docs/room.md", r"Its steps are (.*?)\.", code=(f"{CPP}:judge",)),
)


class CheckStepsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write(CPP, CODE)
        self.write(VERIFY[0], HEADER)
        self.write("python/room.py", PYTHON)
        self.write("docs/room.md", PAGE)
        patched = mock.patch.object(check_steps, "LISTS", LISTS)
        patched.start()
        self.addCleanup(patched.stop)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def problems(self) -> list[str]:
        return check_steps.check(self.root)

    def test_accepts_lists_that_are_right(self) -> None:
        self.assertEqual(self.problems(), [])

    def test_a_new_step_is_missed_in_every_list_of_its_function(self) -> None:
        self.write(CPP, CODE.replace("return Verdict::accepted();", 'return reject_proof("x", 2);'))
        problems = self.problems()
        self.assertEqual(len(problems), 5, problems)
        for problem in problems:
            self.assertIn("the list lacks 'x'", problem)

    def test_a_row_counts(self) -> None:
        self.write(CPP, CODE.replace('{"mean", ', '{"median", '))
        problems = self.problems()
        self.assertEqual(len(problems), 6, problems)
        self.assertIn("the list lacks 'median'", problems[0])
        self.assertIn("the code gives no 'mean'", problems[1])

    def test_names_a_step_that_nothing_gives(self) -> None:
        for path, text in (
            (VERIFY[0], HEADER.replace('"root"', '"root", "y"')),
            ("python/room.py", PYTHON.replace('"root"', '"root", "y"')),
            ("docs/room.md", PAGE.replace("shape, root", "shape, root, y")),
            ("docs/room.md", PAGE.replace("`signs`", "`signs` and `y`")),
        ):
            before = (self.root / path).read_text(encoding="utf-8")
            self.write(path, text)
            problems = self.problems()
            self.assertTrue(problems, text)
            for problem in problems:
                self.assertIn("the code gives no 'y'", problem)
            self.write(path, before)

    def test_a_list_that_is_included_must_be_mentioned(self) -> None:
        self.write(VERIFY[0], HEADER.replace("those of verify(), and ", ""))
        self.assertEqual(len(self.problems()), 3)

    def test_a_step_in_no_list_is_found(self) -> None:
        self.write("src/other/a.cc", 'Verdict f() { return Verdict::rejected("lonely", ""); }\n')
        self.assertEqual(self.problems(), ["src/other/a.cc: no list of steps has 'lonely'"])
        self.write("src/other/a.cc", "")
        self.write("src/other/a_test.cc", 'void f() { Verdict::rejected("lonely", ""); }\n')
        self.assertEqual(self.problems(), [])

    def test_says_where_a_place_is_gone(self) -> None:
        for path in (VERIFY[0], "python/room.py", "docs/room.md", CPP):
            before = (self.root / path).read_text(encoding="utf-8")
            self.write(path, "\n")
            problems = self.problems()
            self.assertIn("put LISTS of step_lists.py right", problems[0])
            (self.root / path).unlink()
            self.assertIn("put LISTS of step_lists.py right", self.problems()[0])
            self.write(path, before)

    def test_never_takes_a_shared_step_out(self) -> None:
        lists = tuple(dataclasses.replace(entry, never=("root",)) for entry in LISTS)
        self.write(VERIFY[0], HEADER.replace(', "root"', ""))
        with mock.patch.object(check_steps, "LISTS", lists):
            self.assertEqual(len(self.problems()), 0)


if __name__ == "__main__":
    unittest.main()
