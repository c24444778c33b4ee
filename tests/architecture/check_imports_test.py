"""The checker of imports catches what it is there for: each test makes one thing wrong."""

import tempfile
import unittest
from pathlib import Path

import check_imports
from check_imports import House

HOUSE = House(
    modules={"base": {"errors", "lazily"}, "face": {"__init__"}, "doors": {"run"}},
    arrows={
        "base": set(),
        "models": {"base"},
        "toploc": {"base", "models"},
        "face": {"toploc"},
        "doors": {"face", "models"},
    },
)
TREE = {
    "__init__.py": "from . import toploc\n",
    "errors.py": "import os\n",
    "lazily.py": "from importlib import import_module\n\nimport_module(name)\n",
    "run.py": "from . import version\nfrom assay.models import load\n",
    "models/__init__.py": "from ..errors import Error\nfrom .loading import load\n",
    "models/loading.py": "import torch\n\nfrom . import layout\n",
    "models/layout.py": "",
    "toploc/__init__.py": "from ..lazily import on_first_use\n",
    "toploc/cli.py": "def main():\n    from ..models import load\n",
}


class CheckImportsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for path, text in TREE.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / "python/assay" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def problems(self, house: House = HOUSE) -> list[str]:
        return check_imports.check(self.root, house)

    def assert_one_problem(self, *words: str, house: House = HOUSE) -> None:
        problems = self.problems(house)
        self.assertEqual(len(problems), 1, problems)
        for word in words:
            self.assertIn(word, problems[0])

    def with_arrows(self, **arrows: set[str]) -> House:
        return House(HOUSE.modules, {**HOUSE.arrows, **arrows})

    def test_accepts_a_tree_that_keeps_to_the_arrows(self) -> None:
        self.assertEqual(self.problems(), [])

    def test_refuses_an_import_upward(self) -> None:
        for line in (
            "from ..toploc import watch",
            "from .. import toploc",
            "import assay.toploc",
            "from assay.toploc import watch",
            "from assay import toploc as other",
        ):
            self.write("models/layout.py", f"# why\n{line}\n")
            self.assert_one_problem("models/layout.py:2", "models may not import", "of toploc")

    def test_refuses_the_face_from_below(self) -> None:
        self.write("models/layout.py", "from .. import version\n")
        self.assert_one_problem("models may not import assay, of face")

    def test_reads_what_is_imported_later_or_for_types_alone(self) -> None:
        self.write("errors.py", "def act():\n    from .models import load\n")
        self.assert_one_problem("errors.py:2", "base may not import assay.models")
        self.write("errors.py", "if TYPE_CHECKING:\n    from .models import load\n")
        self.assert_one_problem("errors.py:2", "base may not import assay.models")

    def test_refuses_the_inside_of_another_package(self) -> None:
        for line in (
            "from ..models.layout import find",
            "from ..models import layout",
            "import assay.models.layout",
        ):
            self.write("toploc/other.py", f"{line}\n")
            self.assert_one_problem("toploc/other.py:1", "assay.models.layout is inside of models")

    def test_reads_names_that_are_loaded_on_first_use(self) -> None:
        self.write("models/layout.py", 'get = on_first_use(__name__, {"..toploc": "watch"})\n')
        self.assert_one_problem("models may not import assay.toploc")
        self.write("models/layout.py", 'get = on_first_use(__name__, {".loading": "load x"})\n')
        self.assertEqual(self.problems(), [])
        self.write("models/layout.py", "get = on_first_use(__name__, homes)\n")
        self.assert_one_problem("models/layout.py:1", "computed")

    def test_reads_imports_by_call(self) -> None:
        self.write("models/layout.py", 'import_module("assay.toploc")\n')
        self.assert_one_problem("models may not import assay.toploc")
        self.write("models/layout.py", 'importlib.import_module("..toploc", __name__)\n')
        self.assert_one_problem("models may not import assay.toploc")
        self.write("models/layout.py", "import_module(name)\n")
        self.assert_one_problem("models/layout.py:1", "computed")

    def test_refuses_an_arrow_that_nothing_uses(self) -> None:
        self.write("toploc/cli.py", "")
        self.assert_one_problem("the arrow from toploc to models is used by nothing")

    def test_refuses_a_package_that_is_not_in_the_table(self) -> None:
        self.write("utils/a.py", "")
        self.assert_one_problem("utils/a.py: in no package")
        self.write("toploc/cli.py", "from ..models import load\nfrom ..utils import a\n")
        self.assertEqual(len(self.problems()), 2)

    def test_refuses_a_module_that_is_not_in_the_table(self) -> None:
        self.write("helpers.py", "")
        self.assert_one_problem("helpers.py: in no package")

    def test_refuses_a_table_with_what_is_not_there(self) -> None:
        (self.root / "python/assay/run.py").unlink()
        problems = self.problems()
        self.assertIn("the table has run, and there is no such module", problems)

    def test_refuses_arrows_in_a_circle(self) -> None:
        self.write("errors.py", "from .models import load\n")
        self.assert_one_problem("in a circle", house=self.with_arrows(base={"models"}))

    def test_refuses_a_tree_without_sources(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(len(check_imports.check(Path(empty))), 1)


if __name__ == "__main__":
    unittest.main()
