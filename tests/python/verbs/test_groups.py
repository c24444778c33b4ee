"""Groups of which some verbs are the native command's, and others a Python program's."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.audit import cli as audit
from assay.layers import cli as layers
from assay.probe import cli as probe
from assay.toploc import cli as toploc
from assay_program import done, refused

GROUPS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "audit": audit._parser,
    "layers": layers._parser,
    "probe": probe._parser,
    "toploc": toploc._parser,
}


@pytest.mark.parametrize("group", GROUPS)
def test_an_unknown_verb_leads_to_the_help_that_names_all(group: str, tmp_path: Path) -> None:
    for line in (f"{group} xyz", f"{group} score2 --model m"):
        verb = line.split()[1]
        said = refused(tmp_path, line)
        assert said == f"assay {group}: it has no verb {verb} (see assay {group} --help)"


@pytest.mark.parametrize("group", GROUPS)
def test_a_groups_help_names_the_verbs_of_both(group: str, tmp_path: Path) -> None:
    said = done(tmp_path, f"{group} --help")
    (verbs,) = (a for a in GROUPS[group]()._actions if isinstance(a.choices, dict))
    names = [choice.dest for choice in verbs._choices_actions]  # type: ignore[attr-defined]
    assert names
    for name in names:
        assert name in re.split(r"[\s,()]+", said), name
