#!/usr/bin/env python3
"""Writes the test files of this directory with numpy, torch, safetensors and exact arithmetic.

usage: make_vectors.py [DIRECTORY]        (made with numpy 2.4, torch 2.13, safetensors 0.8)
"""

import io
import json
import pickle
import random
import struct
import sys
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
INTEGERS = [
    5,
    -3,
    2**200,
    300,
    0,
    -(2**63),
    2**63,
    255,
    65536,
    -(2**31),
    -1,
    (R - 1) // 2,
    -((R - 1) // 2),
]


def object_array(values: list[int], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)


def npy_object_header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|O", "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def numpy1_pickle(array: np.ndarray, protocol: int) -> bytes:
    """The pickle with the module path that numpy 1 wrote."""
    data = pickle.dumps(array, protocol=protocol)
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    assert data.count(new) == 1
    if protocol < 4:  # GLOBAL: the name ends with a newline
        return data.replace(new, old)
    frame = struct.unpack("<Q", data[3:11])[0]
    data = data[:3] + struct.pack("<Q", frame - 1) + data[11:]
    return data.replace(b"\x8c" + bytes([len(new)]) + new, b"\x8c" + bytes([len(old)]) + old)


def write_npy(out: Path) -> None:
    grid = np.arange(6, dtype=np.float32).reshape(2, 3) / 4
    np.save(out / "f32.npy", grid)
    np.save(out / "fortran.npy", np.asfortranarray(grid))
    np.save(out / "big_endian.npy", grid.astype(">f4"))
    np.save(out / "structured.npy", np.zeros(2, dtype=[("a", "<i4")]))
    np.save(out / "scalar.npy", np.float64(2.5))
    for version in (2, 3):
        with (out / f"i64_v{version}.npy").open("wb") as file:
            np.lib.format.write_array(file, np.array([[1, -2], [3, 2**62]]), version=(version, 0))
    large = object_array(INTEGERS, (13,))
    np.save(out / "object_numpy2.npy", large, allow_pickle=True)
    small = object_array([1, -2, 3, 40000, 2**40, -(2**40)], (2, 3))
    np.save(out / "object_small.npy", small, allow_pickle=True)
    for protocol in (3, 4):
        body = npy_object_header((13,)) + numpy1_pickle(large, protocol)
        (out / f"object_numpy1_protocol{protocol}.npy").write_bytes(body)
    np.save(out / "object_float.npy", np.array([1, 2.5], dtype=object), allow_pickle=True)

    class Evil:
        def __reduce__(self):
            import os

            return os.system, ("true",)

    evil = np.empty(1, dtype=object)
    evil[0] = Evil()
    np.save(out / "object_evil.npy", evil, allow_pickle=True)


def seed_layers() -> tuple[torch.Tensor, ...]:
    """Three layers of 20 values: 1 x 10 x 2, as a tiny model gives them."""
    values = [Fraction(37 * i - 1000, 8192) for i in range(60)]
    values[0] = Fraction(float(np.float32(0.04248)))
    flat = torch.tensor([float(v) for v in values], dtype=torch.float32)
    return tuple(flat[20 * i : 20 * i + 20].reshape(1, 10, 2).clone() for i in range(3))


def write_pt(out: Path) -> None:
    layers = seed_layers()
    activations = {
        "model_name": "sshleifer/tiny-gpt2",
        "prompt": "Hello world",
        "generated_text": " stairs \u2603",
        "token_sequence": torch.tensor([[15496, 995, 16046]]),
        "hidden_states": layers,
    }
    torch.save(activations, out / "tiny_activations.pt")
    activations["hidden_states"] = tuple(layer.to(torch.bfloat16) for layer in layers)
    torch.save(activations, out / "bf16_activations.pt")

    base = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4)
    tied = torch.tensor([1.5, -2.5], dtype=torch.float16)
    torch.save(
        {
            "permuted": base.permute(2, 0, 1),
            "sliced": base[:, 1:, ::2],
            "expanded": tied[:1].expand(3, 2),
            "tied": tied,
            "again": tied,
            "empty": torch.zeros(0, 4),
            "scalar": torch.tensor(7, dtype=torch.int32),
            "nested": {
                "list": [torch.tensor([True, False]), torch.tensor([-1], dtype=torch.int8)],
                3: torch.tensor([9]),
            },
            "count": 2**70,
            "negative": -5,
            "ratio": 0.25,
            "flag": True,
            "nothing": None,
            "size": torch.Size([1, 2]),
        },
        out / "shapes.pt",
    )
    torch.save(torch.nn.Linear(2, 1).state_dict(), out / "state_dict.pt")
    torch.save(torch.tensor([1, 2], dtype=torch.int16), out / "lone.pt")
    torch.save({"u": torch.tensor([1], dtype=torch.uint16)}, out / "uint16.pt")
    torch.save({"p": torch.nn.Parameter(torch.zeros(1))}, out / "parameter.pt")


def write_safetensors(out: Path) -> None:
    safetensors.torch.save_file(
        {
            "a": torch.tensor([[1.0, -2.0], [0.5, 3.25]]),
            "b": torch.tensor([1, 2, 3], dtype=torch.int8),
            "c": torch.tensor([0.5], dtype=torch.bfloat16),
        },
        out / "small.safetensors",
        metadata={"model_name": "m", "prompt": "p"},
    )
    safetensors.torch.save_file(
        {"f8": torch.zeros(2, dtype=torch.float8_e4m3fn)}, out / "f8.safetensors"
    )


def exact(value: Fraction, scale: int) -> int:
    """round-half-even(value * 10^scale): round of a Fraction, checked against decimal.Decimal."""
    result = round(value * 10**scale)
    with localcontext() as context:
        context.prec = 2500
        as_decimal = (Decimal(value.numerator) / Decimal(value.denominator)).scaleb(scale)
        assert int(as_decimal.to_integral_value(rounding=ROUND_HALF_EVEN)) == result
    return result


def value_of(dtype: str, bits: int) -> Fraction:
    if dtype == "bf16":
        return Fraction(struct.unpack("<f", struct.pack("<I", bits << 16))[0])
    code, integer = {"f16": ("<e", "<H"), "f32": ("<f", "<I"), "f64": ("<d", "<Q")}[dtype]
    return Fraction(struct.unpack(code, struct.pack(integer, bits))[0])


def write_decimals(out: Path) -> None:
    rng = random.Random(20260101)
    sizes = {"f16": 16, "bf16": 16, "f32": 32, "f64": 64}
    infinity = {"f16": 0x7C00, "bf16": 0x7F80, "f32": 0x7F800000, "f64": 0x7FF0000000000000}
    cases = []

    def add(dtype: str, bits: int, scale: int) -> None:
        mask = (1 << (sizes[dtype] - 1)) - 1
        if bits & mask >= infinity[dtype]:
            return
        integer = exact(value_of(dtype, bits), scale)
        fits = abs(integer) <= (R - 1) // 2
        cases.append([dtype, f"{bits:x}", scale, str(integer) if fits else None])

    for dtype, size in sizes.items():
        sign = 1 << (size - 1)
        edges = [0, sign, 1, sign | 1, infinity[dtype] - 1, sign | (infinity[dtype] - 1)]
        for scale in (0, 1, 8, 16, 19, 32, 44, 45, 50, 51, 55, 56, 100, 200):
            for bits in edges:
                add(dtype, bits, scale)
        for _ in range(60):
            add(dtype, rng.getrandbits(size), rng.choice([0, 3, 8, 16, 24, 32, 40, 60, 120, 200]))
        for _ in range(60):  # of the size that hidden states have
            x = rng.uniform(-8, 8) * 10 ** rng.randint(-6, 3)
            code, integer = {16: ("<e", "<H"), 32: ("<f", "<I"), 64: ("<d", "<Q")}[size]
            bits = (
                struct.unpack(integer, struct.pack(code, x))[0]
                if dtype != "bf16"
                else (struct.unpack("<I", struct.pack("<f", x))[0] >> 16)
            )
            add(dtype, bits, rng.choice([0, 4, 8, 12, 16, 32]))
    for tie in (0.5, 1.5, 2.5, -0.5, -1.5, 0.125, 0.375, 1.0625):
        for scale in (0, 1, 2, 3):
            add("f32", struct.unpack("<I", struct.pack("<f", tie))[0], scale)
    add("f32", struct.unpack("<I", struct.pack("<f", 0.04248))[0], 16)
    assert cases[-1][3] == "424799993634224"
    (out / "decimal.json").write_text(
        "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n"
    )


def write_seed_directories(out: Path) -> None:
    """Directories of convert and reshape for tiny_activations.pt at scale factor 16, 50 %."""
    conversion = out / "seed_int_activations"
    conversion.mkdir(exist_ok=True)
    scale, layers, flat = 8, [], []
    for index, tensor in enumerate(seed_layers()):
        name = "embedding" if index == 0 else f"layer_{index - 1}"
        values = [exact(Fraction(float(x)), scale) for x in tensor.flatten()]
        flat += values
        np.save(conversion / f"{name}.npy", object_array(values, (1, 10, 2)), allow_pickle=True)
        layers.append(
            {
                "layer": name,
                "original_shape": [1, 10, 2],
                "num_elements": 20,
                "original_dtype": "torch.float32",
                "npy_file": f"{name}.npy",
                "sample_original": float(tensor.flatten()[0]),
                "sample_converted": values[0],
            }
        )
    metadata = {
        "model_name": "sshleifer/tiny-gpt2",
        "prompt": "Hello world",
        "generated_text": " stairs \u2603",
        "conversion": {
            "scale_factor": 16,
            "quantize_pct": 50.0,
            "truncated_digits": 8,
            "effective_scale": scale,
            "formula": "integer = round(float_value * 10^effective_scale)",
            "reverse": "float_approx = integer / 10^effective_scale",
        },
        "layers": layers,
    }
    (conversion / "conversion_metadata.json").write_text(json.dumps(metadata, indent=2))
    cube = out / "seed_int_activations_hypercube"
    cube.mkdir(exist_ok=True)
    padding = [flat[i] for i in np.random.default_rng(42).integers(0, 60, 4)]
    np.save(cube / "hypercube.npy", object_array(flat + padding, (4, 4, 4)), allow_pickle=True)
    layer_map = [
        {
            "layer": layer["layer"],
            "original_shape": [1, 10, 2],
            "num_elements": 20,
            "flat_offset": 20 * i,
            "flat_end": 20 * i + 20,
        }
        for i, layer in enumerate(layers)
    ]
    document = {
        "hypercube": {"dimensions": [4, 4, 4], "total_real_elements": 60},
        "layer_map": layer_map,
        "conversion_metadata": metadata,
    }
    (cube / "hypercube_metadata.json").write_text(json.dumps(document, indent=2))


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    torch.manual_seed(1)
    write_npy(out)
    write_pt(out)
    write_safetensors(out)
    write_decimals(out)
    write_seed_directories(out)


if __name__ == "__main__":
    main()
