"""`assay srs` for the scheme kzg: from a seed, from a .ptau file, and what is refused."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import assay
from assay import kzg
from assay_program import refused, report, run

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "vectors/kzg"


def test_dev(tmp_path: Path) -> None:
    made = report(tmp_path, "srs dev --scheme kzg --log-size 5 --seed 7 --out a.srs")
    srs = kzg.Srs.open(tmp_path / "a.srs")
    assert srs.verifier_key == kzg.Srs.dev(5, 7).verifier_key
    assert kzg.VerifierKey.open(tmp_path / "a.vk") == srs.verifier_key
    assert made["srs_digest"] == srs.verifier_key.digest
    assert made["srs_bytes"] == (tmp_path / "a.srs").stat().st_size
    assert made["vk_bytes"] == (tmp_path / "a.vk").stat().st_size
    assert (made["scheme"], made["num_values"], made["trust"]) == ("kzg", 32, "dev")
    assert made["warnings"]


def test_import_and_verify(tmp_path: Path) -> None:
    made = report(tmp_path, "srs import --log-size 8 --out a.srs", VECTORS / "8.ptau")
    assert made["trust"] == "ptau"
    assert "no published file" in made["warnings"][0]
    found = report(tmp_path, "srs verify --srs a.srs --vk b.vk")
    assert found["verdict"] == "accepted"
    assert found["srs_digest"] == made["srs_digest"]
    assert (tmp_path / "b.vk").read_bytes() == (tmp_path / "a.vk").read_bytes()
    srs = kzg.Srs.import_ptau(VECTORS / "8.ptau", 8, tmp_path / "c.srs")
    assert srs.verifier_key.digest == made["srs_digest"]
    assert (tmp_path / "c.srs").read_bytes() == (tmp_path / "a.srs").read_bytes()


def test_changed_points_are_found(tmp_path: Path) -> None:
    report(tmp_path, "srs dev --scheme kzg --log-size 5 --seed 7 --out a.srs")
    data = bytearray((tmp_path / "a.srs").read_bytes())
    data[-64:], data[-128:-64] = data[-128:-64], data[-64:]
    (tmp_path / "a.srs").write_bytes(data)
    done = run(tmp_path, "srs verify --srs a.srs --json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["step"] == "basis digests"
    assert kzg.Srs.open(tmp_path / "a.srs").verify().step == "basis digests"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("srs dev --scheme kzg --axes 2,2 --seed 7 --out a.srs", "--log-size"),
        ("srs dev --scheme kzg --seed 7 --out a.srs", "--log-size"),
        ("srs dev --scheme kzg --log-size 0 --seed 7 --out a.srs", "2^1 to 2^28"),
        ("srs dev --scheme kzg --log-size 25 --seed 7 --out a.srs", "24"),
        ("srs dev --scheme kzg --log-size 4 --seed 7 --out a.vk", "end it in .srs"),
        ("srs dev --scheme tensor --log-size 4 --seed 7 --out a.srs", "--axes"),
        ("srs dev --seed 7 --out a.srs", "--axes"),
        ("srs dev --scheme other --log-size 4 --seed 7 --out a.srs", "none of tensor, kzg"),
        ("srs import none.ptau --log-size 4 --out a.srs", "none.ptau"),
    ],
)
def test_refuses(tmp_path: Path, line: str, word: str) -> None:
    assert word in refused(tmp_path, line)
    assert not list(tmp_path.iterdir())


def test_import_refuses_what_the_file_is_not(tmp_path: Path) -> None:
    def refusal(data: bytes) -> str:
        (tmp_path / "a.ptau").write_bytes(data)
        message = refused(tmp_path, "srs import a.ptau --log-size 4 --out a.srs")
        assert [path.name for path in tmp_path.iterdir()] == ["a.ptau"]
        return message

    good = (VECTORS / "4.ptau").read_bytes()
    line = "srs import --log-size 5 --out a.srs"
    assert "2^4 values at most" in refused(tmp_path, line, VECTORS / "4.ptau")
    for size in (0, 11, 12, 100, 5000, len(good) - 1):
        refusal(good[:size])
    refusal(good + b"\0")
    for place in range(12, len(good), 997):
        changed = bytearray(good)
        changed[place] ^= 0x40
        (tmp_path / "a.ptau").write_bytes(changed)
        done = run(tmp_path, "srs import a.ptau --log-size 4 --out a.srs")
        # Of the sections that are not used, sizes alone are looked at.
        assert done.returncode in (0, 2), place
        for name in ("a.srs", "a.vk"):
            assert (tmp_path / name).exists() == (done.returncode == 0)
            (tmp_path / name).unlink(missing_ok=True)


@pytest.mark.soak
@pytest.mark.parametrize("power", [12, 16])
def test_imports_what_snarkjs_makes_now(tmp_path: Path, power: int) -> None:
    subprocess.run(
        [ROOT / "tools/ptau-files", str(power)], check=True, env=os.environ, timeout=7200
    )
    made = ROOT / f"build/ptau/{power}.ptau"
    srs = kzg.Srs.import_ptau(made, power, tmp_path / "a.srs")
    assert srs.verify()
    powers = ROOT / f"build/ptau/{power}.powers.ptau"
    computed = kzg.Srs.import_ptau(powers, power, tmp_path / "b.srs")
    assert computed.verifier_key == srs.verifier_key
    values = list(range(1000))
    value, proof = srs.open_index(values, 999)
    statement = kzg.Statement(srs.commit(values), kzg.node(power, 999), value, proof)
    assert srs.verifier_key.check(statement)
    with pytest.raises(assay.DecodeError):
        kzg.Srs.import_ptau(made, power + 1, tmp_path / "c.srs")
