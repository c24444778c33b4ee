"""Small mistakes, each in several variations, and the line that says what to do."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from assay_program import DONE, done, refused, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parameters, arrays, `ints` of convert, c and its proofs; do not change them."""
    where = tmp_path_factory.mktemp("made")
    np.save(where / "x.npy", np.arange(8, dtype=np.int64).reshape(2, 2, 2))
    np.save(where / "v.npy", np.arange(4, dtype=np.uint64))
    np.save(where / "g.npy", np.ones((2, 3), np.float32))
    done(where, "convert --input g.npy --scale-factor 4 --output-dir ints")
    done(where, "srs dev --axes 2,2,2 --seed 1 --out p.srs")
    done(where, "srs dev --scheme kzg --log-size 3 --seed 1 --out k.srs")
    done(where, "commit --tensor x.npy --srs p.srs --out c")
    done(where, "prove --tensor x.npy --srs p.srs --commitment c --at 1,0,1 --out proofs")
    return where


@pytest.mark.parametrize("given", ["-1", "-9223372036854775809", "18446744073709551616", "9" * 40])
@pytest.mark.parametrize(
    "line",
    [
        "challenge --commitment c --out ch --num-queries {}",
        "challenge --commitment c --out ch --num-queries={}",
        "prove --poly-dir p --num-queries {}",
        "srs dev --axes 2,2 --out s.srs --seed {}",
        "srs trim --srs p.srs --out t.srs --from-level {}",
    ],
)
def test_numbers_out_of_range_are_said_as_they_were_written(
    line: str, given: str, made: Path
) -> None:
    said = refused(made, line.format(given))
    assert f"{given} is not between 0 and 2^64 - 1" in said
    assert "--" in said


def test_negative_numbers_are_taken_where_there_are_such(made: Path) -> None:
    assert "decimal" in refused(made, "challenge --commitment c --out ch --num-queries -x")
    assert "0" in refused(made, "challenge --commitment c --out ch --num-queries 0")


@pytest.mark.parametrize(
    "line",
    [
        "srs verify p.vk",
        "srs verify --srs p.vk",
        "srs verify k.vk",
        "commit --tensor x.npy --srs p.vk --out o",
    ],
)
def test_a_verifiers_part_is_no_srs(line: str, made: Path) -> None:
    said = refused(made, line)
    assert ".vk" in said
    assert "give the .srs" in said


def test_an_srs_is_named_with_and_without_its_flag(made: Path) -> None:
    assert done(made, "srs verify p.srs") == done(made, "srs verify --srs p.srs")
    assert "required" in refused(made, "srs verify")


@pytest.mark.parametrize(
    "line",
    [
        "commit --tensor --help",
        "commit --tensor x.npy --srs --help --out",
        "commit -h",
        "srs verify --srs --help",
        "srs --help verify",
        "help commit",
    ],
)
def test_whoever_asks_for_help_gets_it(line: str, made: Path) -> None:
    assert "Usage: assay" in done(made, line)


@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "HOME"])
@pytest.mark.parametrize("value", ["relative", "./relative", ".", ""])
def test_relative_folders_of_the_environment_are_ignored(
    name: str, value: str, made: Path, tmp_path: Path
) -> None:
    home = {} if name == "HOME" else {"HOME": str(tmp_path / "home")}
    changes = {"ASSAY_TRUST_FILE": "", "XDG_CONFIG_HOME": "", **home, name: value}
    ended = run(tmp_path, "trust add", made / "p.vk", "--label", "x", **changes)
    if name == "HOME":
        assert "ASSAY_TRUST_FILE" in ended.stderr
        assert not list(tmp_path.iterdir())
    else:
        assert ended.returncode == DONE, ended.stderr
        assert (tmp_path / "home" / ".config" / "assay" / "srs-digests").is_file()


def test_without_a_home_all_but_the_list_works(made: Path, tmp_path: Path) -> None:
    gone = {"HOME": "", "XDG_CONFIG_HOME": "", "ASSAY_TRUST_FILE": ""}
    ended = run(made, "srs verify p.srs", **gone)
    assert ended.returncode == DONE
    challenged = tmp_path / "ch"
    challenge = "challenge --commitment c --num-queries 2 --out"
    assert run(made, challenge, challenged, **gone).returncode == DONE
    assert "HOME" in refused(made, "trust list", **gone)


@pytest.mark.parametrize("where", ["new/c.json", "new/a/b/c.json", "./new/../new/c.json"])
def test_coefficients_go_into_a_folder_that_is_not_yet_made(
    where: str, made: Path, tmp_path: Path
) -> None:
    done(tmp_path, "interpolate --npy", made / "x.npy", "--coeffs", where)
    assert (tmp_path / where).is_file()


def test_a_folder_that_cannot_be_made_is_named(made: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refused(tmp_path, "interpolate --npy", made / "x.npy", "--coeffs", "file/c.json")
    assert "file" in said


LONG = "x" * 3000


@pytest.mark.parametrize(
    "words",
    [
        ["commit", "--tensor", LONG, "--srs", "p.srs", "--out", "o"],
        ["commit", f"--{LONG}"],
        ["commit", "--tensor", "x.npy", LONG],
        [LONG],
        ["show", "/".join(["y" * 200] * 20)],
        ["srs", "dev", "--axes", "2," * 1500, "--seed", "1", "--out", "o"],
        ["challenge", "--commitment", "c", "--out", "o", "--num-queries", "9" * 3000],
        ["verify", "--commitment", "\u202e" * 1000, "--proofs", "p", "--vk", "p.vk"],
        ["run", "--quiet", "--tensor", LONG],
        ["run", "--prompt", "a", f"--{LONG}"],
        ["capture", "--models", LONG, "--prompt", "a"],
        ["toploc", "calibrate", "--model", LONG, "--out", "o"],
        ["probe", "extract", "--model", "a/" * 900, "--input", "x", "--layers", "1"],
    ],
    ids=lambda words: " ".join(word[:12] for word in words)[:40],
)
def test_an_error_line_is_one_that_is_read(words: list[str], made: Path) -> None:
    said = refused(made, "", *words)
    assert len(said) <= 300, len(said)
    assert not said.endswith("..")
    if any("x" * 1000 in word for word in words):
        assert " .. " in said


HOSTILE = {
    "bidi": "a\u202eb",
    "isolate": "a\u2066b\u2069",
    "C1": "a\u009b2Jb",
    "C1 next line": "a\u0085b",
    "escape": "a\x1b[2Jb",
    "carriage": "a\rb",
    "mark": "a\u200fb",
    "byte": "a\udcffb",  # a byte that is no UTF-8
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize(
    "words",
    [
        ["show"],
        ["show", "--json"],
        ["commit", "--srs", "p.srs", "--out", "o", "--tensor"],
        ["commit", "--plan", "--json", "--tensor"],
        ["srs", "verify"],
        ["challenge", "--commitment", "c", "--unit"],
        ["locate"],
        ["run", "--tensor"],
        ["capture", "--prompt", "a", "--models"],
        ["compare", "--plot"],
    ],
    ids=" ".join,
)
def test_nothing_that_moves_a_terminal_is_printed(words: list[str], kind: str, made: Path) -> None:
    name = HOSTILE[kind]
    ended = run(made, "", *words, name)
    assert ended.returncode != DONE
    for text in (ended.stdout, ended.stderr):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")], text


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "byte"])
def test_files_of_such_names_are_shown_with_escapes(kind: str, made: Path, tmp_path: Path) -> None:
    name = HOSTILE[kind]
    (tmp_path / name).write_bytes((made / "c").read_bytes())
    for words in (["show"], ["show", "--json"]):
        ended = run(tmp_path, "", *words, name)
        assert ended.returncode == DONE
        assert not [
            c for c in ended.stdout if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")
        ]


def test_the_first_argument_that_nothing_takes_is_named(made: Path) -> None:
    said = refused(made, "commit --tensor x.npy --srs p.srs --out o first second third")
    assert "first" in said
    assert "third" not in said
    assert "--frist" in refused(made, "challenge --frist --commitment c --out o --sceond")


@pytest.mark.parametrize("name", ["model.GGUF", "model.gguf", "model.Gguf"])
def test_a_gguf_model_is_no_tensor(name: str, made: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"GGUF\x03\0\0\0" + bytes(64))
    for line in ("commit --plan --tensor", "compare x"):
        said = refused(tmp_path, line, name)
        assert name in said or "x" in said
    assert "assay capture" in refused(tmp_path, "commit --plan --tensor", name)


@pytest.mark.parametrize("group", ["srs", "tree", "log", "trust", "manifest", "bench"])
def test_a_verb_that_a_group_has_not_is_named(group: str, made: Path) -> None:
    assert refused(made, f"{group} frob").startswith(f"assay {group}: it has no verb frob")


@pytest.mark.parametrize(
    "line",
    [
        "verify --commitment c --proofs p --vk p.vk --at-least 0",
        "commit-prove-verify --poly-dir p --num-queries 0",
    ],
)
def test_to_ask_for_nothing_is_refused_in_words(line: str, made: Path) -> None:
    assert "0 asks for nothing" in refused(made, line)


def test_no_tokens_are_no_comparison(made: Path) -> None:
    np.save(made / "f.npy", np.ones((2, 3), np.float32))
    said = refused(made, "compare f.npy f.npy --tokens 1:1")
    (made / "f.npy").unlink()
    assert "no tokens 1 to 1" in said


@pytest.mark.parametrize(
    "line",
    [
        "srs dev --axes 2,2 --out s.srs --seed 1 --seed 2",
        "commit --tensor x.npy --srs p.srs --out o --out q",
        "challenge --commitment c --out ch --num-queries 1 --num-queries=1",
        "run --model m --prompt hi --prompt ho --capture-dir o",
        "probe extract --model m --model n --input text",
    ],
)
def test_a_flag_given_twice_is_named(line: str, made: Path) -> None:
    said = refused(made, line)
    words = line.split()
    twice = next(word for word in words if word.startswith("--") and line.count(f"{word}") == 2)
    assert f"{twice}: given twice; give it once" in said


def test_what_is_empty_is_called_so(made: Path) -> None:
    verify = "verify --commitment c --proofs proofs --srs p.vk --expect"
    assert "--expect: no file behind layers=@" in refused(made, f"{verify} layers=@")
    said = refused(made, "locate --commitment c --entry :3")
    assert "--entry: ':3' names no layer before the colon" in said


@pytest.mark.parametrize("given", ["0xzz", "0x", "0x" + "1" * 65, "abc", "", "01", "-0"])
def test_what_a_coordinate_looks_like(given: str, made: Path) -> None:
    line = "prove --tensor x.npy --srs p.srs --commitment c --out o --at-field"
    said = refused(made, line, f"1,{given},2")
    assert f"--at-field: '{given}' is no coordinate: write a residue below r" in said


@pytest.mark.parametrize("given", ["zz", "0" * 63, "00" * 33])
def test_what_a_digest_looks_like(given: str, made: Path) -> None:
    said = refused(made, f"verify --commitment c --proofs proofs --srs p.vk --digest {given}")
    assert f"'{given}' is no digest: it has 64 hexadecimal digits" in said


def test_no_parameters_are_not_trusted(made: Path) -> None:
    said = refused(made, f"trust add {'00' * 32} --label nothing")
    assert "64 zeros are the digest of no parameters" in said


def test_integers_are_not_compared_as_captures(made: Path) -> None:
    said = refused(made, "compare x.npy x.npy")
    assert "x.npy: holds int64 alone, and a capture is of floating-point values" in said


def test_a_name_that_no_reader_takes(tmp_path: Path) -> None:
    save_file({"n" * 10_000: np.ones(3, np.float32)}, tmp_path / "long.safetensors")
    said = refused(tmp_path, "convert --input long.safetensors --scale-factor 4")
    assert "long.safetensors: the name of a tensor has 10000 bytes, at most 255 are taken" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("challenge --commitment c --num-queries 99 --out o", "--num-queries: 99 is not in 1 to 8"),
        ("challenge --commitment c --num-queries 0 --out o", "--num-queries: 0 is not in 1 to 8"),
        (
            "prove --tensor x.npy --srs p.srs --commitment c --random 99 --out o",
            "--random: 99 is not in 1 to 8",
        ),
        ("locate --commitment c --at 9,9,9", "--at: coordinate 0 is 9, axis 0 has 2 nodes"),
        ("locate --commitment c --at 9,9", "--at: "),
        ("commit --tensor g.npy --blocks 0 --srs p.srs --out o", "--blocks: 0 is not in 1 to"),
        ("srs dev --scheme kzg --log-size 99 --seed 1 --out o", "--log-size: 2^99 values"),
        ("convert --input g.npy --quantize 101", "--quantize: must be a percentage from 0 to 100"),
        ("convert --input g.npy --scale-factor 999", "--scale-factor: must be 0 to 200"),
        ("convert --input g.npy --output-dir x.npy", "convert: x.npy: cannot create: Not a dir"),
        ("convert --input g.npy --scale-factor 99", "g.npy: array: value 0: its integer is over"),
        ("interpolate --input-dir x.npy", "x.npy: is a file, and the name of a directory"),
        ("interpolate --input-dir none", "none: there is no such directory"),
        ("reshape --input-dir x.npy", "x.npy: is a file, and the name of a directory"),
        ("reshape --input-dir ints --min-dim 1", "--min-dim: 1 is not 2 at least"),
        ("reshape --input-dir ints --num-dims 99", "--num-dims: must be 1 to 32"),
        ("reshape --input-dir ints --output-dir x.npy", "reshape: x.npy: cannot create"),
        ("commit --poly-dir x.npy", "x.npy: is a file, and the name of a directory"),
        ("tree build --values v.npy --arities 1 --out o", "--arities: 1 is below 2"),
        (
            "audit challenge --head h --provider p --record r --out o",
            "exactly one of --tokens and --risk is needed",
        ),
    ],
)
def test_the_place_is_the_one_that_people_gave(line: str, said: str, made: Path) -> None:
    assert said in refused(made, line)


def test_steps_without_their_head(tmp_path: Path) -> None:
    steps = Path(__file__).parents[3] / "vectors/audit/run/steps"
    (tmp_path / "steps").write_bytes(steps.read_bytes())
    said = refused(tmp_path, "show steps")
    assert said.endswith("steps: the head of its run does not lie beside it: show the run's folder")
