"""Names that the files of a capture bear."""

from pathlib import Path

import pytest

from assay.models import resolve


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("owner/name", "deep/down/name", "models--owner--name/snapshots/0123"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text("{}")
    return tmp_path


def test_a_folder_called_as_a_hub_id_keeps_its_owner(folders: Path) -> None:
    source = resolve("owner/name")
    assert (source.hub_id, source.name, source.local) == ("owner/name", "name", True)
    assert resolve("owner/name/").hub_id == "owner/name"


def test_the_cache_of_the_hub_says_whose_a_model_is(folders: Path) -> None:
    assert resolve(str(folders / "models--owner--name/snapshots/0123")).hub_id == "owner/name"


def test_any_other_path_is_no_owner(folders: Path) -> None:
    for path in ("./owner/name", str(folders / "owner/name"), "deep/down/name"):
        assert resolve(path).hub_id == "name"


def test_a_hub_id_is_itself() -> None:
    assert resolve("nobody/nothing").hub_id == resolve("nobody/nothing").name == "nobody/nothing"
