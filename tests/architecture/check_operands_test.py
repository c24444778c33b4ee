"""The checker of checks catches what it is there for."""

import tempfile
import unittest
from pathlib import Path

import check_operands


class CheckOperandsTest(unittest.TestCase):
    def problems(self, text: str) -> list[str]:
        return check_operands.check_text("a.cc", text)

    def assert_refused(self, text: str) -> None:
        self.assertEqual(len(self.problems(text)), 1, text)

    def assert_taken(self, text: str) -> None:
        self.assertEqual(self.problems(text), [], text)

    def test_refuses_each_comparison(self) -> None:
        for sign in ("==", "!=", "<", "<=", ">", ">="):
            self.assert_refused(f"ASSAY_CHECK(a {sign} f(b, c));")
        self.assert_refused("ASSAY_DCHECK(a == b);")
        self.assert_refused("if (x) ASSAY_CHECK(!a.empty() &&\n            a.size() <= b);")
        self.assert_refused("ASSAY_CHECK(find(a, b) != a.end());")

    def test_names_the_line(self) -> None:
        self.assertIn("a.cc:3:", self.problems('\n// "\nASSAY_CHECK(a == b);')[0])

    def test_takes_comparisons_that_print(self) -> None:
        self.assert_taken("ASSAY_CHECK_EQ(a, b); ASSAY_CHECK_LE(a == b, c);")
        self.assert_taken("ASSAY_CHECK(a == b && c < 1'000, a, b, c);")
        self.assert_taken("ASSAY_CHECK(\n    a.size() % b == 0,\n    a.size());")

    def test_takes_what_is_no_comparison(self) -> None:
        self.assert_taken("ASSAY_CHECK(verdict.ok());  // as a == b")
        self.assert_taken("ASSAY_CHECK(holds(a->b, static_cast<int>(c), d << 2));")
        self.assert_taken('ASSAY_CHECK(is_text("a == b"));')
        self.assert_taken("// ASSAY_CHECK(a == b)")
        self.assert_taken("ASSAY_CHECK(f({1, 2}, [] { return 3; }));")

    def test_refuses_a_tree_without_checks(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(len(check_operands.check(Path(folder))), 1)

    def test_reads_every_kind_of_source(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ("src/a/a.h", "python/src/a.inc", "fuzz/a.cc", "src/base/check.h"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("ASSAY_CHECK(a == b);\n", encoding="utf-8")
            self.assertEqual(len(check_operands.check(root)), 3)


if __name__ == "__main__":
    unittest.main()
