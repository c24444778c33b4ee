"""Files of results: what a killed run leaves, two runs at a time, and what is no such file."""

from pathlib import Path

import pytest

from assay import DecodeError, InputError
from assay.experiments import Lines, read_lines


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "new/results.jsonl"
    with Lines(path) as lines:
        assert lines.found == []
        lines.add({"size": 1})
        lines.add({"size": 2, "name": "é"})
    with Lines(path) as lines:
        assert lines.found == [{"size": 1}, {"size": 2, "name": "é"}]
        assert lines.counted(lambda line: line["size"]) == {1: 1, 2: 1}
        lines.add({"size": 1})
    assert len(read_lines(path)) == 3
    with Lines(path, clear=True) as lines:
        assert lines.found == []
    assert path.read_bytes() == b""


@pytest.mark.parametrize("left", [b"{", b'{"size": 2}', b'{"size"', b"\xff"])
def test_what_a_killed_run_left_of_a_line_is_cut_off(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"size": 1}\n' + left)
    assert read_lines(path) == [{"size": 1}]
    with Lines(path) as lines:
        assert lines.found == [{"size": 1}]
        lines.add({"size": 3})
    assert path.read_bytes() == b'{"size": 1}\n{"size": 3}\n'


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with Lines(path) as lines:
        lines.add({"size": 1})
        with pytest.raises(InputError, match="another run"):
            Lines(path, clear=True)
    assert len(read_lines(path)) == 1
    with Lines(path):
        pass


@pytest.mark.parametrize("text", [b"[]\n", b"nonsense\n", b'{"a": 1, "a": 2}\n', b'"\xff"\n'])
def test_other_files_are_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"size": 1}\n' + text)
    with pytest.raises(DecodeError, match="line 2"):
        read_lines(path)
    with pytest.raises(DecodeError, match="line 2"):
        Lines(path)
    assert path.read_bytes().endswith(text)  # it is somebody else's, and stays
    with pytest.raises(InputError, match="could not be read"):
        read_lines(tmp_path / "absent")
