"""Text of strangers reaches people as printable UTF-8 alone, by every door."""

import ast
import json
import os
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import assay
from assay import InputError, _core
from assay.ending import ended
from assay.printing import printable, show, show_json
from assay_program import FAILED, PROGRAM, environment

# What each does to a terminal that prints it as it is. Names in headers have no ASCII control
# characters.
NAMES = {
    "turned": ("layer_0\u202e]9 ,0[\u2066", "layer_0\\u202e]9 ,0[\\u2066"),
    "cleared": ("a\u009b2J\u009b1;1Haccepted", "a\\u009b2J\\u009b1;1Haccepted"),
    "unseen": ("a\u200b\ufeff\u2028\u200f\u061cb", "a\\u200b\\ufeff\\u2028\\u200f\\u061cb"),
    "tags": ("a\U000e0041\ufe0f", "a\\U000e0041\\ufe0f"),
    "seen": ("Schicht \u00e9\u4e2d\U0001f600", "Schicht \u00e9\u4e2d\U0001f600"),
}
IGNORABLE = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
IGNORABLE |= {*range(0x180B, 0x1810), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10)}
IGNORABLE |= {*range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)}
LATER = {0x180F, 0x0890, 0x0891, *range(0x13430, 0x13440)}  # newer than some Pythons


def hides(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") or ord(character) in IGNORABLE
    )


def shown(data: bytes) -> str:
    """Text that a program wrote, after a look at every character of it."""
    text = data.decode("utf-8")
    assert not [c for c in text if hides(c) and c != "\n"], text
    return text


def test_every_character_as_unicode_has_it() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    kept = _core.printable("".join(every).encode())
    hidden = {c for c in every if hides(c)}
    assert not hidden & set(kept)
    plain = [c for c in every if c not in hidden and ord(c) not in LATER]
    assert _core.printable("".join(plain).encode()) == "".join(plain)


@pytest.fixture(params=NAMES)
def named(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, str]:
    """A folder with the files of a tensor of that name, its name, and how that is shown."""
    name, seen = NAMES[request.param]
    tensor = assay.encode({name: np.arange(4, dtype=np.int32).reshape(2, 2)}, "int", "flat")
    srs = assay.Srs.dev(tensor.axes, seed=1)
    commitment = assay.commit(tensor, srs)
    commitment.write(tmp_path / "c")
    commitment.open([(0, 1)]).write(tmp_path / "p")
    (tmp_path / "s.vk").write_bytes(srs.verifier_key.to_bytes())
    return tmp_path, name, seen


def out_of(where: Path, *words: str | bytes) -> tuple[int, bytes]:
    program = subprocess.run(
        [PROGRAM, *words],
        cwd=where,
        env=environment(),
        check=False,
        capture_output=True,
        timeout=240,
    )
    return program.returncode, program.stdout + program.stderr


VERIFY = ("verify", "--commitment", "c", "--proofs", "p", "--srs", "s.vk")


def test_names_in_files_of_a_prover(named: tuple[Path, str, str]) -> None:
    where, name, seen = named
    for words in (VERIFY, ("locate", "--commitment", "c", "--index", "1"),
                  (*VERIFY, "--expect", "layer=other")):  # fmt: skip
        _, data = out_of(where, *words)
        assert seen in shown(data), words
        _, data = out_of(where, *words, "--json")
        assert json.dumps(name)[1:-1] in json.dumps(json.loads(shown(data)))


def test_names_as_python_shows_them(named: tuple[Path, str, str]) -> None:
    where, name, seen = named
    commitment = assay.Commitment.read(where / "c")
    assert str(commitment.place((0, 1))) == f"'{seen}'[0, 1]"  # as the command quotes it
    assert commitment.place((0, 1)).layer == name
    proofs = assay.Proofs.read(where / "p")
    verdict = assay.verify(
        commitment, proofs, assay.VerifierKey.open(where / "s.vk"), expect={"layers": ["other"]}
    )
    assert verdict.step == "expectation"
    assert seen in verdict.lines[0]
    shown("".join(verdict.lines).encode())
    shown(repr(verdict).encode())


@pytest.mark.parametrize("name", [b"no\xff\x9b2J.npy", b"no\xe2\x80\xae.npy", b"no\n\x1b[2J.npy"])
def test_names_of_files(name: bytes, tmp_path: Path) -> None:
    code, data = out_of(tmp_path, "commit", "--tensor", name, "--plan")
    assert code == FAILED
    assert "\\" in shown(data)
    if b"\xff" in name:  # which Python itself would not print
        return
    with pytest.raises(InputError) as refusal:
        assay.Commitment.read(os.fsdecode(name))
    assert "\\" in shown(str(refusal.value).encode())


def test_names_of_files_that_were_written(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4))
    for name in (b"o\xffut\x9b.srs", "o\u202eut.srs".encode()):
        code, data = out_of(tmp_path, "srs", "dev", "--axes", "4", "--seed", "1", "--out", name)
        assert code == 0
        assert "\\" in shown(data)
        words = ("srs", "dev", "--axes", "4", "--seed", "1", "--json", "--out")
        _, data = out_of(tmp_path, *words, name)
        json.loads(shown(data))


def test_words_of_the_package(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def fail() -> int:
        raise InputError("io", "a\u202e\udcff.json", "first\nsecond\x9b")

    assert ended("assay x", fail) == FAILED
    assert (
        shown(capfdbinary.readouterr().err)
        == "assay x: a\\u202e\\xff.json: first\\nsecond\\u009b\n"
    )
    show("a\u009b\n  b\u202e")
    assert shown(capfdbinary.readouterr().out) == "a\\u009b\n  b\\u202e\n"
    show_json({"a\u202e": ["\u009b\x1b\n\U000e0041", "\u00e9"]})
    text = shown(capfdbinary.readouterr().out)
    assert json.loads(text) == {"a\u202e": ["\u009b\x1b\n\U000e0041", "\u00e9"]}
    assert "\u00e9" in text
    assert printable("\ud800") == "\\xed\\xa0\\x80"


def test_nothing_of_the_package_prints_otherwise() -> None:
    package = Path(assay.__file__).parent
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") == "print" or ast.unparse(node.func) == "json.dump")
    }
    # What begins with the program's name, in colour, is made printable behind that.
    assert found == {"printing.py", "ending.py"}
