"""Ceremonies from Python."""

from pathlib import Path

import pytest

import assay
import ceremonies


def test_a_ceremony_from_start_to_a_verified_opening(tmp_path: Path) -> None:
    powers = assay.Powers.open(ceremonies.make(tmp_path, beacon=True))
    assert powers.check()
    transcript = powers.ceremony
    assert transcript.axes == ceremonies.AXES
    assert transcript.contributors == 3
    lines = transcript.contributions
    assert [one.name for one in lines] == [*ceremonies.NAMES, "beacon"]
    assert lines[-1].beacon == b"tomorrow"
    assert lines[-1].log_iterations == 10
    assert lines[0].beacon is None
    assert lines[-1].digest == transcript.digest
    assert transcript.check()

    made = assay.Srs.finalize(powers, (3, 5))
    assert made.powers
    assert made.srs is not None
    assert made.srs.verify()
    assert made.srs.verify(transcript)
    key = made.srs.verifier_key
    assert (key.trust, key.label, key.contributors) == ("ceremony", "ceremony(3)", 3)
    assert key.transcript == transcript.digest
    commitment = assay.commit(assay.encode([[1, 2, 3, 4, 5]] * 3, "int", "flat"), made.srs)
    assert len(commitment.hex) == 64


def test_a_transcript_is_a_value(tmp_path: Path) -> None:
    last = ceremonies.make(tmp_path)
    transcript = assay.Ceremony.open(last)
    again = assay.Ceremony.from_bytes(bytes(transcript))
    assert again == transcript
    assert hash(again) == hash(transcript)
    assert transcript != assay.Ceremony.open(tmp_path / "2.powers")
    transcript.write(tmp_path / "t")
    assert assay.Ceremony.open(tmp_path / "t") == transcript
    assert "contributors=3" in repr(transcript)
    assert "contributors=3" in repr(assay.Powers.open(last))


def test_each_contribution_is_another(tmp_path: Path) -> None:
    assay.Powers.start((2, 2), tmp_path / "0")
    powers = assay.Powers.open(tmp_path / "0")
    digests = set()
    for entropy in (b"", b"", b"dice"):
        made = powers.contribute("ada", tmp_path / "1", entropy=entropy)
        assert made.ceremony is not None
        digests.add(made.ceremony.digest)
    assert len(digests) == 3


def test_a_dev_srs_names_no_transcript() -> None:
    key = assay.Srs.dev((2, 2), 1).verifier_key
    assert (key.label, key.contributors, key.transcript) == ("dev", 0, None)


def test_what_cannot_be_used(tmp_path: Path) -> None:
    last = ceremonies.make(tmp_path, beacon=True)
    powers = assay.Powers.open(last)
    with pytest.raises(assay.InputError, match="beacon has ended"):
        powers.contribute("late", tmp_path / "x")
    for name in ("", " ", "\n", "é", "n" * 65):
        with pytest.raises(assay.InputError, match="a name is 1 to 64"):
            assay.Powers.open(tmp_path / "0.powers").contribute(name, tmp_path / "x")
    open_ended = assay.Powers.open(tmp_path / "3.powers")
    for value, log_iterations in ((b"", 10), (bytes(257), 10), (b"1", 9), (b"1", 25)):
        with pytest.raises(assay.InputError):
            open_ended.apply_beacon(value, tmp_path / "x", log_iterations=log_iterations)
    with pytest.raises(assay.InputError):
        assay.Srs.finalize(powers, (5, 5))
    with pytest.raises(assay.InputError):
        assay.Powers.start((0,), tmp_path / "x")
    with pytest.raises(assay.InputError):
        assay.Powers.open(tmp_path / "none")
    with pytest.raises(assay.DecodeError):
        assay.Ceremony.from_bytes(b"ASSAYCER")
    assert not (tmp_path / "x").exists()

    assay.Powers.start((2, 2), tmp_path / "empty")
    made = assay.Srs.finalize(assay.Powers.open(tmp_path / "empty"), (2, 2))
    assert made.powers.step == "contributors"
    assert made.srs is None


def test_powers_cut_at_any_byte(tmp_path: Path) -> None:
    data = ceremonies.make(tmp_path).read_bytes()
    cut = tmp_path / "cut"
    for size in [*range(0, 2000, 7), ceremonies.PAGE, len(data) - 1]:
        cut.write_bytes(data[:size])
        with pytest.raises(assay.DecodeError):
            assay.Powers.open(cut)
        with pytest.raises(assay.DecodeError):
            assay.Ceremony.open(cut)
