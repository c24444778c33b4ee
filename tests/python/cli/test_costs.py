"""What a hostile file may cost each verb that loads no model.

A file of n bytes is refused or answered within 2 s and ten times what an honest one of its size
takes, in 64 MB and 4 n of memory; `verify` has 64 MB and twice the files. Makers of hostile files
of every kind try it: what is wrong at the first byte, at the last, what asks for more than it is.
"""

import io
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import assay
from assay_program import done, report
from hostile_files import MB, check, cost_of, hostile_bytes

pytestmark = pytest.mark.soak

GENERATOR = (1).to_bytes(32, "little")  # of G1, compressed
INFINITY = bytes(31) + b"\x40"


# ---- Files that are wrong in themselves


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an honest file of every kind."""
    where = tmp_path_factory.mktemp("made")
    values = np.random.default_rng(1).integers(-99, 99, (4, 4, 4))
    np.save(where / "cube.npy", values)
    layers = {f"layer_{i}": np.ones((1, 2, 12), np.float32) for i in range(2)}
    save_file(layers, where / "x.safetensors")
    import torch

    torch.save({"hidden_states": [torch.ones(1, 2, 12)] * 2}, where / "x.pt")
    patterns = np.random.default_rng(2).standard_normal((64, 96)).astype(np.float32)
    np.save(where / "states.npy", (patterns.view(np.uint32) >> 16).astype(np.uint16))
    assay.toploc.Profile.published().save(str(where / "mine.profile"))
    for line in (
        "toploc build --states states.npy --out t.proofs",
        "srs dev --axes 4,4,4 --seed 7 --out s.srs",
        "commit --tensor cube.npy --srs s.srs --out c.commitment",
        "challenge --commitment c.commitment --num-queries 3 --out c.challenge",
        "prove --tensor cube.npy --srs s.srs --commitment c.commitment --challenge c.challenge "
        "--out c.proofs --kept c.kept",
        "convert --input x.safetensors --output-dir converted",
        "reshape --input-dir converted --output-dir cubed",
        "interpolate --input-dir cubed --output-dir poly --coeffs texts",
        "commit --poly-dir poly --output-dir out --srs-seed 1",
        "prove --poly-dir poly --output-dir out",
    ):
        done(where, line)
    (where / "poly" / "coefficients.json").write_bytes((where / "texts").read_bytes())
    return where


VERIFY = "verify --commitment c.commitment --proofs c.proofs --srs s.vk"
PROVE = "prove --tensor cube.npy --srs s.srs --commitment c.commitment --out p"
PLAN = "commit --tensor {} --plan"
CONVERT = "convert --input {} --output-dir p"
TRUST = "trust add {} --label x"
LINES = {
    "s.srs": ["srs verify --srs {}", TRUST, "commit --tensor cube.npy --srs {} --out c",
              "verify --commitment c.commitment --proofs c.proofs --srs {}"],
    "s.vk": ["verify --commitment c.commitment --proofs c.proofs --srs {}", TRUST],
    "c.commitment": ["verify --commitment {} --proofs c.proofs --srs s.vk --tensor cube.npy",
                     "challenge --commitment {} --out p", "locate --commitment {} --index 0",
                     "prove --tensor cube.npy --srs s.srs --commitment {} --out p --at 0,0,0"],
    "c.proofs": ["verify --commitment c.commitment --proofs {} --srs s.vk"],
    "c.challenge": [VERIFY + " --challenge {}", PROVE + " --challenge {}"],
    "c.kept": [PROVE + " --at 0,0,0 --kept {}"],
    "cube.npy": [PLAN, VERIFY + " --tensor {}", "interpolate --npy {} --output-dir p"],
    "x.safetensors": [PLAN, CONVERT, VERIFY + " --tensor {}"],
    "x.pt": [PLAN, CONVERT, VERIFY + " --tensor {}"],
    "out/proofs.json": ["verify --proofs {} --srs out/dev.vk"],
    "converted/conversion_metadata.json": ["reshape --input-dir {}/.. --output-dir p"],
    "cubed/hypercube_metadata.json": ["interpolate --input-dir {}/.. --output-dir p",
                                      VERIFY + " --tensor {}/.."],
    "poly/coefficients.json": ["commit --poly-dir {}/.. --output-dir p"],
    "names": [VERIFY + " --expect layers=@{}"],
    "states.npy": [
        "toploc build --states {} --out p",
        "toploc verify --states {} --proofs t.proofs",
    ],
    "t.proofs": ["toploc verify --states states.npy --proofs {}"],
    "mine.profile": ["toploc verify --states states.npy --proofs t.proofs --profile {}"],
    "trusted": [VERIFY],
}  # fmt: skip


def place(made: Path, name: str, data: bytes, folder: Path) -> tuple[str, dict[str, str]]:
    """Where the verb finds the file: by itself, or as the one bad file of a directory."""
    if name == "trusted":
        (folder / "trusted").write_bytes(data)
        return "", {"ASSAY_TRUST_FILE": str(folder / "trusted")}
    if "/" not in name or name == "out/proofs.json":
        bad = folder / Path(name).name
        bad.write_bytes(data)
        return str(bad), {}
    whole = made / Path(name).parent
    for file in whole.iterdir():
        # The text of coefficients is read where there is no other.
        if file.name != "coefficients.safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / Path(name).name).write_bytes(data)
    return str(folder / "inside"), {}


def honest_bytes(made: Path, name: str) -> bytes:
    return (made / name).read_bytes() if (made / name).exists() else b"a\n"


@pytest.mark.parametrize("name", LINES)
def test_files_that_are_wrong_in_themselves(made: Path, name: str, tmp_path: Path) -> None:
    size = 6 * MB
    (tmp_path / "inside").mkdir()
    for number, line in enumerate(LINES[name]):
        for what, data in hostile_bytes(honest_bytes(made, name), size).items():
            path, changes = place(made, name, data, tmp_path)
            used = line.replace("--out p", f"--out {tmp_path}/p").replace(
                "dir p", f"dir {tmp_path}/d{number}"
            )
            print(name, line, what)
            memory = 2 if line.startswith("verify") else 4
            check(cost_of(made, used.format(path), **changes), len(data), 0, memory)


# A hole costs nothing to send. What is wrong at the first byte must not be read to the last.
@pytest.mark.parametrize("name", [name for name in LINES if "/" not in name])
def test_holes(made: Path, name: str, tmp_path: Path) -> None:
    for head in (b"", honest_bytes(made, name)[:8]):
        path, changes = place(made, name, head, tmp_path)
        os.truncate(path or changes["ASSAY_TRUST_FILE"], 2 << 30)
        for line in LINES[name]:
            used = line.replace("--out p", f"--out {tmp_path}/p").replace(
                "dir p", f"dir {tmp_path}/d"
            )
            cost = cost_of(made, used.format(path), **changes)
            assert cost.code == 2, (line, cost)
            assert cost.seconds <= 2, (line, cost)
            assert cost.peak <= 64 * MB, (line, cost)


# ---- Files that ask for more than they are


def header_of(
    kind: int, axes: list[int], layers: list[tuple[str, list[int]]], srs: bytes, seed: int = 0
) -> bytes:
    count = sum(int(np.prod(shape, dtype=object)) for _, shape in layers)
    data = struct.pack("<IBBI", 2, 0, kind, len(axes)) + struct.pack(f"<{len(axes)}I", *axes)
    data += struct.pack("<QQQ", count, seed, 0) + struct.pack("<BIB", 0, 0, 6) + b"\0\1" + srs
    data += struct.pack("<I", len(layers))
    for name, shape in layers:
        data += struct.pack("<I", len(name)) + name.encode() + struct.pack("<I", 0)
        data += struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return data


def write_commitment(path: Path, header: bytes, value: bytes = INFINITY) -> str:
    path.write_bytes(b"ASSAYCOM" + struct.pack("<II", 2, len(header)) + header + value)
    return assay.Commitment.read(path).digest


def write_proofs(path: Path, digest: str, axes: int, records: bytes, count: int) -> None:
    head = b"ASSAYPRF" + struct.pack("<I", 2) + bytes.fromhex(digest)
    path.write_bytes(head + struct.pack("<II", axes, count) + records)


def entry(point: list[int], value: int, evidence: list[bytes]) -> bytes:
    data = b"\0" + struct.pack(f"<{len(point)}I", *point) + (value % assay.R).to_bytes(32, "little")
    return data + struct.pack("<I", 32 * len(evidence)) + b"".join(evidence)


def off_grid(point: list[int], value: int, evidence: list[bytes]) -> bytes:
    data = b"\1" + b"".join(z.to_bytes(32, "little") for z in point)
    return (
        data
        + (value % assay.R).to_bytes(32, "little")
        + struct.pack("<I", 32 * len(evidence))
        + b"".join(evidence)
    )


@pytest.mark.parametrize("nodes", [4096, 65536])
def test_a_cube_that_is_a_header_alone(nodes: int, tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", np.arange(16, dtype=np.int32).reshape(4, 4))
    done(tmp_path, "srs dev --axes 4,4 --seed 1 --out own.srs")
    key = assay.VerifierKey.open(tmp_path / "own.vk")
    header = header_of(1, [nodes, nodes], [("array", [4, 4])], bytes.fromhex(key.digest))
    digest = write_commitment(tmp_path / "c", header)
    write_proofs(tmp_path / "p", digest, 2, entry([0, 0], 0, [INFINITY] * 2), 1)
    line = "verify --commitment c --proofs p --srs own.vk --tensor own.npy"
    cost = cost_of(tmp_path, line)
    assert cost.code == 1
    check(cost, 0, 0)
    check(
        cost_of(tmp_path, "prove --tensor own.npy --srs own.srs --commitment c --at 0,0 --out q"),
        0,
        0,
    )
    check(cost_of(tmp_path, "challenge --commitment c --num-queries 16 --out q"), 0, 0)


def flat_file(folder: Path, nodes: int, count: int, bad: list[int]) -> int:
    """Openings of p(x) = x off the grid, where every proof point is the generator."""
    records = []
    for i in range(count):
        z = nodes + 1000 + i
        records.append(off_grid([z], z + (i in bad), [GENERATOR]))
    write_proofs(
        folder / "p", assay.Commitment.read(folder / "c").digest, 1, b"".join(records), count
    )
    return (folder / "p").stat().st_size


def test_false_proofs_among_many(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4096, dtype=np.int32))
    done(tmp_path, "srs dev --axes 4096 --seed 1 --out s.srs")
    done(tmp_path, "commit --tensor x.npy --srs s.srs --out c")
    line = "verify --commitment c --proofs p --srs s.vk --json"
    count = 50_000
    size = flat_file(tmp_path, 4096, count, [])
    honest = cost_of(tmp_path, line)
    assert honest.code == 0
    every = list(range(0, count, count // 64))
    for bad in ([count - 1], [0], [0, count - 1], every, list(range(count))):
        flat_file(tmp_path, 4096, count, bad)
        cost = cost_of(tmp_path, line)
        print(len(bad), cost, honest)
        assert cost.code == 1
        check(cost, size, honest.seconds, memory=2)


def test_points_off_the_grid_beside_captured_values(tmp_path: Path) -> None:
    nodes, count = 1024, 2000
    rows = np.repeat(np.arange(nodes, dtype=np.int32)[:, None], nodes, 1)
    np.save(tmp_path / "x.npy", rows)
    np.save(tmp_path / "other.npy", rows + 1)
    done(tmp_path, f"srs dev --axes {nodes},{nodes} --seed 1 --out s.srs")
    done(tmp_path, "commit --tensor x.npy --srs s.srs --out c")
    digest = assay.Commitment.read(tmp_path / "c").digest
    points = [[5000 + i, 7000 + i] for i in range(count)]
    records = b"".join(off_grid(z, z[0], [GENERATOR, INFINITY]) for z in points)
    write_proofs(tmp_path / "p", digest, 2, records, count)
    entries = b"".join(
        entry([i % nodes, i // nodes], i % nodes, [GENERATOR, INFINITY]) for i in range(count)
    )
    write_proofs(tmp_path / "q", digest, 2, entries, count)
    line = "verify --commitment c --srs s.vk --tensor {} --proofs {}"
    honest = cost_of(tmp_path, line.format("x.npy", "q"))
    assert honest.code == 0
    size = sum((tmp_path / name).stat().st_size for name in ("x.npy", "p", "c"))
    for own, code in (("x.npy", 3), ("other.npy", 1)):
        cost = cost_of(tmp_path, line.format(own, "p"))
        print(own, cost, honest)
        assert cost.code == code
        check(cost, size, honest.seconds, memory=2)


def test_a_header_of_very_many_layers(tmp_path: Path) -> None:
    count = 65536
    done(tmp_path, "srs dev --axes 256,256 --seed 1 --out s.srs")
    np.save(tmp_path / "own.npy", np.zeros((256, 256), np.int32))
    key = assay.VerifierKey.open(tmp_path / "s.vk")
    layers = [(f"{i:05}" + "x" * 30, [1]) for i in range(count)]
    header = header_of(0, [256, 256], layers, bytes.fromhex(key.digest))
    digest = write_commitment(tmp_path / "c", header)
    points = 20_000
    records = b"".join(entry([i // 256, i % 256], 0, [INFINITY] * 2) for i in range(points))
    write_proofs(tmp_path / "p", digest, 2, records, points)
    size = sum((tmp_path / name).stat().st_size for name in "cp")
    for more in ("", " --tensor own.npy"):
        cost = cost_of(tmp_path, f"verify --commitment c --proofs p --srs s.vk{more}")
        assert cost.code == 0
        check(cost, size, 0)


def test_zip_files_that_unfold(made: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}." + bytes(64 * MB))
        for i in range(50):
            archive.writestr(f"x/data/{i}", bytes(16 * MB))
    for line in LINES["x.pt"]:
        cost = cost_of(
            made, line.format(tmp_path / "bomb.pt").replace("dir p", f"dir {tmp_path}/d")
        )
        assert cost.code == 2
        check(cost, (tmp_path / "bomb.pt").stat().st_size, 0)


def shape_bomb(shape: str) -> bytes:
    text = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    "shape",
    [
        "(4294967296,)",
        "(1099511627776,)",
        "(0,)",
        "(1,) * 9",
        "(65536, 65536)",
        "(" + "1," * 30 + ")",
    ],
)
def test_shapes_that_are_not_there(made: Path, tmp_path: Path, shape: str) -> None:
    (tmp_path / "x.npy").write_bytes(shape_bomb(shape))
    for line in LINES["cube.npy"]:
        cost = cost_of(made, line.format(tmp_path / "x.npy").replace("dir p", f"dir {tmp_path}/d"))
        assert cost.code in (1, 2)
        check(cost, 0, 0)


def proofs_json(count: int, value: str) -> bytes:
    one = {"point": [5000, 1, 1], "evaluation": 0, "proof_hex": [INFINITY.hex()] * 3}
    text = json.dumps(
        {
            "commitment_hex": INFINITY.hex(),
            "num_variables": 3,
            "degree_bound": 4,
            "proofs": [one] * count,
        }
    )
    return text.replace('"evaluation": 0', f'"evaluation": {value}').encode()


def test_texts_of_proofs(made: Path, tmp_path: Path) -> None:
    for count, value in (
        (20_000, "0"),
        (1, "9" * 5_000_000),
        (1, "-" + "0" * 5_000_000),
        (70_000, "0"),
    ):
        data = proofs_json(count, value)
        (tmp_path / "p.json").write_bytes(data)
        check(cost_of(made, f"verify --proofs {tmp_path}/p.json --srs out/dev.vk"), len(data), 0.5)


def test_kept_quotients_that_are_none(made: Path, tmp_path: Path) -> None:
    honest = (made / "c.kept").read_bytes()
    stream = io.BytesIO()
    stream.write(honest[: 13 + 32] + struct.pack("<I", 65536))
    for i in range(65536):
        stream.write(struct.pack("<II", 1, i % 4) + GENERATOR)
    (tmp_path / "k").write_bytes(stream.getvalue())
    check(cost_of(made, f"{PROVE} --at 0,0,0 --kept {tmp_path}/k"), len(stream.getvalue()), 0)
    made_line = report(made, "commit --tensor cube.npy --plan")
    assert made_line["axes"] == [4, 4, 4]
