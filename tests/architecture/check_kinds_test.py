"""The checker of kinds of files catches what it is there for."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import check_kinds

TABLE = """
constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "ASSAYCOM", "commitment", read_commitment},
    FileKind{Mark::kFormat, "assay/run/request/v", "request",
             read_request},
};
"""
SOURCES = {
    "src/claim/kinds.cc": TABLE,
    "src/claim/commitment.cc": 'constexpr std::string_view kMagic = "ASSAYCOM";',
    "src/claim/request.cc": 'constexpr std::string_view kTag = "assay/run/request/v";',
    "apps/assay/verb_show.cc": "",
}


class CheckKindsTest(unittest.TestCase):
    def problems(self, **changed: str) -> list[str]:
        """What is wrong with the sources above and `changed`, whose names have no folders."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            more = {f"src/claim/{name}.cc": text for name, text in changed.items()}
            for name, text in (SOURCES | more).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            for name in ("include", "python/assay"):
                (root / name).mkdir(parents=True, exist_ok=True)
            with mock.patch.object(check_kinds, "WITHIN", {}):
                return check_kinds.check(root)

    def test_takes_sources_whose_tags_all_have_a_kind(self) -> None:
        self.assertEqual(self.problems(), [])

    def test_refuses_a_tag_without_a_kind(self) -> None:
        for text in (
            'constexpr std::string_view kMagic = "ASSAYNEW";',
            'constexpr std::string_view kMagic("ASSAYNW\\0", 8);',
            'constexpr std::string_view kMagicOfOthers = "NEWS";',
            'writer.begin("assay/new/v", 1);',
            'kPayloadType = "application/vnd.assay.new";',
            'constexpr std::string_view kFormat = "assay/new/v1";',
        ):
            self.assertEqual(len(self.problems(new=text)), 1, text)

    def test_refuses_a_kind_that_nothing_writes(self) -> None:
        problems = self.problems(commitment="")
        self.assertEqual(len(problems), 1)
        self.assertIn("ASSAYCOM", problems[0])

    def test_labels_of_hashes_are_no_files(self) -> None:
        self.assertEqual(self.problems(new='Sha256().update("assay/commitment/v1")'), [])


if __name__ == "__main__":
    unittest.main()
