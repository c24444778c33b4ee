"""The architecture checker catches what it is there for: each test makes one thing wrong."""

import tempfile
import unittest
from pathlib import Path

import check_edges

CMAKE = """\
assay_room(base    LINKS sodium::sodium)
assay_room(integers ROOMS base)
assay_room(field   ROOMS integers)
assay_room(merkle  ROOMS base)
"""


class CheckEdgesTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("CMakeLists.txt", CMAKE)
        for room, below in (
            ("base", "base"),
            ("integers", "base"),
            ("field", "integers"),
            ("merkle", "base"),
        ):
            self.write(f"include/assay/{room}.h", f'#include "assay/{below}.h"\n')
            self.write(f"src/{room}/{room}.cc", f'#include "assay/{room}.h"\n#include <vector>\n')

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def assert_one_problem(self, *words: str) -> None:
        problems = check_edges.check(self.root)
        self.assertEqual(len(problems), 1, problems)
        for word in words:
            self.assertIn(word, problems[0])

    def test_accepts_a_tree_that_keeps_to_the_arrows(self) -> None:
        self.write(
            "src/field/a.cc", '#include "field/a.h"\n#include "base/b.h"\n#include "assay/base.h"\n'
        )
        self.assertEqual(check_edges.check(self.root), [])

    def test_refuses_an_internal_header_of_a_room_beside(self) -> None:
        self.write("src/merkle/a.cc", '// why\n#include "field/field.h"\n')
        self.assert_one_problem("src/merkle/a.cc:2", "merkle may not include field/field.h")

    def test_refuses_a_public_header_of_a_room_beside(self) -> None:
        self.write("src/field/a.h", '#include "assay/merkle.h"\n')
        self.assert_one_problem("src/field/a.h:1", "assay/merkle.h")

    def test_refuses_an_edge_upward(self) -> None:
        self.write("src/base/a_test.cc", '  #  include "field/a.h"\n')
        self.assert_one_problem("base may not include field/a.h")

    def test_refuses_angle_brackets_as_a_way_round(self) -> None:
        self.write("src/merkle/a.cc", "#include <assay/field.h>\n#include <field/a.h>\n")
        self.assertEqual(len(check_edges.check(self.root)), 2)

    def test_refuses_a_path_that_climbs(self) -> None:
        self.write("src/merkle/a.cc", '#include "../field/a.h"\n')
        self.assert_one_problem("../field/a.h")

    def test_refuses_an_include_that_names_no_room(self) -> None:
        self.write("src/merkle/a.cc", '#include "a.h"\n')
        self.assert_one_problem("a.h")

    def test_refuses_an_internal_header_in_a_public_one(self) -> None:
        self.write(
            "include/assay/field.h", '#include "field/limbs.h"\n#include "assay/integers.h"\n'
        )
        self.assert_one_problem("include/assay/field.h:1", "internal")

    def test_refuses_a_folder_that_is_no_room(self) -> None:
        self.write("src/utils/a.cc", "")
        problems = check_edges.check(self.root)
        self.assertTrue(
            any("no room is called 'utils'" in problem for problem in problems), problems
        )

    def test_refuses_a_cmake_line_with_another_arrow(self) -> None:
        self.write(
            "CMakeLists.txt", CMAKE.replace("merkle  ROOMS base", "merkle  ROOMS base field")
        )
        self.assert_one_problem("assay_room(merkle)")

    def test_refuses_a_room_that_cmake_does_not_know(self) -> None:
        self.write("CMakeLists.txt", CMAKE.replace("assay_room(merkle  ROOMS base)\n", ""))
        self.assert_one_problem("src/merkle: no assay_room line")

    def test_refuses_an_internal_header_that_is_not_open(self) -> None:
        self.write("src/field/a.cc", '#include "integers/magnitude.h"\n')
        self.assert_one_problem("src/field/a.cc:1", "not open to field")
        # Tests may use the samples of the tests below, and nothing else.
        self.write("src/field/a.cc", "")
        self.write("src/field/a_test.cc", '#include "integers/test_support.h"\n')
        self.assertEqual(check_edges.check(self.root), [])
        self.write("src/field/a_test.cc", '#include "integers/magnitude.h"\n')
        self.assert_one_problem("src/field/a_test.cc:1", "not open to field")

    def write_doors(self, command: str = "", bindings: str = "") -> None:
        """What the tables say that the doors include, so that it is not missing, and more."""
        opened = "".join(
            f'#include "{room}/{header}"\n'
            for room, headers in check_edges.OPEN["apps"].items()
            for header in headers
        )
        self.write("apps/assay/main.cc", opened + command)
        self.write("python/src/module.cc", bindings)

    def test_lets_doors_include_all_public_headers_and_their_own(self) -> None:
        self.write_doors(
            '#include "console.h"\n#include "assay/field.h"\n#include "base/json.h"\n',
            '#include "bindings.h"\n#include "assay/merkle.h"\n',
        )
        self.assertEqual(check_edges.check(self.root), [])

    def test_refuses_a_command_that_looks_into_a_room(self) -> None:
        self.write_doors('#include "field/limbs.h"\n')
        self.assert_one_problem("apps/assay/main.cc", "not open to apps")

    def test_refuses_bindings_that_look_into_a_room(self) -> None:
        self.write_doors("", '#include "base/json.h"\n')
        self.assert_one_problem("python/src/module.cc:1", "not open to python")

    def test_refuses_an_arrow_that_nothing_uses(self) -> None:
        self.write("include/assay/field.h", '#include "assay/base.h"\n')
        self.assert_one_problem("no file of field uses its arrow from integers")

    def test_refuses_an_open_internal_that_nobody_includes(self) -> None:
        self.write_doors()
        main = self.root / "apps/assay/main.cc"
        main.write_text(
            main.read_text(encoding="utf-8").replace('#include "pipeline/results.h"\n', ""),
            encoding="utf-8",
        )
        self.assert_one_problem("no file of apps includes pipeline/results.h")

    def test_refuses_a_tree_without_sources(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            (Path(empty) / "src").mkdir()
            (Path(empty) / "CMakeLists.txt").touch()
            self.assertEqual(len(check_edges.check(Path(empty))), 1)


if __name__ == "__main__":
    unittest.main()
