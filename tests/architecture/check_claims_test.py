"""The checker of claims catches what it is there for: each test makes one thing wrong."""

import tempfile
import unittest
from pathlib import Path

import check_claims

PAGES = {
    "SECURITY.md": """\
# Security

Nothing is trusted. Whoever knows it
can open `a.b` .. N-1 of them. "Quoted" words come last.

    an example. It is none.

<!-- soak -->
```sh
another one. It is none either.

It has a gap.
```

- **Title.** An item says this; and that.
- another item

| check | step |
|---|---|
| one | first |
| two | second |
""",
    "docs/claim.md": """\
## Bytes

| bytes | field |
|---|---|
| u32 | version |
| u8 | scheme |
""",
    "src/a_test.cc": "TEST(Suite, Works) {}\nTEST_F(Suite, Holds) {\n// TEST(Suite, Comment)\n",
    "tests/test_x.py": "def test_it() -> None:\n    pass\n\ndef other() -> None:\n    pass\n",
    "fuzz/x_fuzz.cc": "",
}
LIST = """\
# Claims

## SECURITY.md

- **Nothing is trusted**: `src/a_test.cc` `Suite.Works`, `Suite.Holds`; `tests/test_x.py`
  `test_it`
- **Whoever knows it can open**, **words come last**: `fuzz/x_fuzz.cc`
- **An item says this**: no test: a promise
- **another item**, **| one |**: `tests/test_x.py` `test_it`
- **| two | second**: `fuzz/x_fuzz.cc`; `tests/test_x.py`

## docs/claim.md

- **| u32 | version**: `src/a_test.cc` `Suite.Works`
"""


class CheckClaimsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name, text in {**PAGES, check_claims.LIST: LIST}.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def fault(self) -> str:
        (one,) = check_claims.faults_in(self.root)
        return one

    def test_what_is_right_has_no_fault(self) -> None:
        self.assertEqual(check_claims.faults_in(self.root), [])

    def test_a_sentence_without_an_entry(self) -> None:
        for old, new in (
            ("Nothing is trusted. ", "Nothing is trusted. Nobody is asked. "),
            ("come last.", "come last. `code` begins this."),
            ("says this; and that.", "says this; and that. [Links](x) too."),
            ("- another item", "- another item\n- a third one"),
            ("| two | second |", "| two | second |\n| three | third |"),
        ):
            with self.subTest(new):
                self.setUp()
                self.change("SECURITY.md", old, new)
                self.assertIn("no entry", self.fault())
        self.setUp()
        self.change("docs/claim.md", "u8", "u8 |\n\nA sentence.\n\n| u8")
        self.assertIn("A sentence.", "".join(check_claims.faults_in(self.root)))

    def test_an_entry_without_its_words(self) -> None:
        self.change("SECURITY.md", "can open", "cannot open")
        faults = "".join(check_claims.faults_in(self.root))
        self.assertIn("does not say: Whoever knows it can open", faults)
        self.assertIn("no entry", faults)

    def test_a_test_that_is_not_there(self) -> None:
        for old, new in (
            ("TEST(Suite, Works)", "TEST(Suite, Worked)"),
            ("TEST(Suite, Works)", "// TEST(Suite, Works)"),
            ("TEST(Suite, Works)", "TEST(Other, Works)"),
        ):
            with self.subTest(new):
                self.setUp()
                self.change("src/a_test.cc", old, new)
                for fault in check_claims.faults_in(self.root):
                    self.assertIn("has no test Suite.Works", fault)
                self.assertTrue(check_claims.faults_in(self.root))
        self.setUp()
        self.change("tests/test_x.py", "def test_it", "def test_that")
        self.assertIn("has no test test_it", "".join(check_claims.faults_in(self.root)))
        self.setUp()
        (self.root / "fuzz/x_fuzz.cc").unlink()
        self.assertIn("no file fuzz/x_fuzz.cc", "".join(check_claims.faults_in(self.root)))

    def test_a_helper_is_no_test(self) -> None:
        self.change(check_claims.LIST, "`test_it`\n- **Whoever", "`other`\n- **Whoever")
        self.assertIn("has no test other", self.fault())

    def test_an_entry_that_names_nothing(self) -> None:
        self.change(check_claims.LIST, "no test: a promise", "no test:")
        self.assertIn("does not say why", self.fault())
        self.setUp()
        self.change(check_claims.LIST, "**| u32 | version**: ", "")
        self.assertIn("quotes nothing", "".join(check_claims.faults_in(self.root)))
        self.setUp()
        self.change(check_claims.LIST, "`src/a_test.cc` `Suite.Works`, ", "`Suite.Works`, ")
        self.assertIn("no file before", "".join(check_claims.faults_in(self.root)))

    def test_a_part_that_is_missing_or_of_another_page(self) -> None:
        self.change(check_claims.LIST, "## docs/claim.md", "## docs/other.md")
        faults = "".join(check_claims.faults_in(self.root))
        self.assertIn("no part for docs/claim.md", faults)
        self.assertIn("docs/other.md is no page", faults)


if __name__ == "__main__":
    unittest.main()
