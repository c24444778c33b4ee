"""The reader of blocks finds what is wrong: each test makes one thing so."""

import pytest

from page_blocks import blocks_of, differences

PAGE = """\
# A page

- an item

    that goes on

<!-- soak -->
```sh
assay x
```

```output
1
..
```
"""


def test_a_page_that_is_right() -> None:
    first, second = blocks_of(PAGE)
    assert (first.line, first.language, first.text) == (8, "sh", "assay x\n")
    assert (first.soak, second.soak) == (True, False)
    assert first.faults == second.faults == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("```sh", "```", "has no language"),
        ("```sh", "```bash", "has no language"),
        ("soak", "sometimes", "no mark"),
        ("-->\n```sh", "-->\nwords\n\n```sh", "above no block"),
        ("```sh\nassay x", "```sh\n```\n\n```text\nassay x", "has commands"),
        ("```output", "<!-- soak -->\n```json", "not be run anyhow"),
        ("- an item", "an item", "is indented"),
        ("- an item\n\n", "- an item\n\nno item\n\n", "is indented"),
    ],
)
def test_faults(old: str, new: str, fault: str) -> None:
    assert PAGE.count(old) == 1
    faults = [each for block in blocks_of(PAGE.replace(old, new)) for each in block.faults]
    assert len(faults) == 1, faults
    assert fault in faults[0]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a \nb\n\n", True),
        ("a\n..\nd\n", "a\nb\nc\nd\n", True),
        ("a\n..\n", "a\nb\n", True),
        ("took .. s\n", "took 3.1 s\n", True),
        ("a\n", "a\nb\n", False),
        ("a\nb\n", "a\n", False),
        ("a\n..\nd\n", "a\nb\n", False),
        ("took .. s\n", "took 3.1 ms\n", False),
        ("b\n", "a\nb\n", False),
        ("3.0\n", "310\n", False),
    ],
)
def test_output(expected: str, printed: str, same: bool) -> None:
    assert (differences(expected, printed) == "") is same
