#!/usr/bin/env python3
"""Writes the samples of this folder: python3 vectors/probe/generate.py (numpy is needed)."""

import json
import random
import struct
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import formats
from formats import Single

HERE = Path(__file__).parent
SEED = bytes(range(40, 72))


def single(value: float) -> Single:
    return Single(np.float32(value))


def write(name: str, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    (HERE / name).write_bytes(data)
    return data


def readings() -> dict:
    """Rows and covectors that cancel, are tiny, or have outliers; readings by exact fractions."""
    draw = random.Random(7)
    width, cases = 6, []
    tiny, least = 2.0**-149, 5e-324
    for kind in ("plain", "cancel", "denormal", "outlier", "far", "tie"):
        for _ in range(20):
            row = [float(np.float32(draw.gauss(0, 1))) for _ in range(width)]
            vector = [draw.gauss(0, 1) for _ in range(width)]
            bias = draw.gauss(0, 1)
            if kind == "cancel":
                row[3:] = [-value for value in row[:3]]
                vector[3:] = [
                    value * (1 + draw.randrange(-1, 2) * 2.0**-52) for value in vector[:3]
                ]
                bias = 0.0
            if kind == "denormal":
                row = [draw.randrange(-9, 10) * tiny for _ in row]
                vector = [draw.randrange(-9, 10) * least for _ in vector]
                bias = draw.randrange(-3, 4) * least
            if kind == "outlier":
                row[draw.randrange(width)] = float(np.float32(1e4 * draw.gauss(0, 1)))
            if kind == "far":
                row = [float(np.float32(value * 2.0 ** draw.randrange(-140, 120))) for value in row]
                vector = [value * 2.0 ** draw.randrange(-1000, 880) for value in vector]
            if kind == "tie":
                row = [1.0, 2.0**-53, 2.0**-100 * draw.randrange(2), 0.0, 0.0, 0.0]
                vector, bias = [1.0] * width, float(draw.randrange(-2, 3))
            exact = sum(
                (Fraction(a) * Fraction(b) for a, b in zip(row, vector, strict=True)),
                Fraction(bias),
            )
            cases.append({"row": row, "vector": vector, "bias": bias, "reading": float(exact)})
    rows = [case["row"] for case in cases]
    mean = sum(
        (
            sum(
                (Fraction(a) * Fraction(b) for a, b in zip(r, cases[0]["vector"], strict=True)),
                Fraction(0),
            )
            for r in rows
        ),
        Fraction(0),
    ) / len(rows) + Fraction(cases[0]["bias"])
    columns = [float(np.float32(0) + 0) for _ in range(width)]
    for j in range(width):
        exact = sum((Fraction(r[j]) for r in rows), Fraction(0)) / len(rows)
        low = np.float32(float(exact))
        near = [np.nextafter(low, np.float32(-np.inf)), low, np.nextafter(low, np.float32(np.inf))]
        columns[j] = float(min(near, key=lambda v, e=exact: abs(Fraction(float(v)) - e)))
    hexed = [
        {
            "row": [struct.pack("<f", v).hex() for v in case["row"]],
            "vector": [struct.pack("<d", v).hex() for v in case["vector"]],
            "bias": struct.pack("<d", case["bias"]).hex(),
            "reading": struct.pack("<d", case["reading"]).hex(),
        }
        for case in cases
    ]
    return {
        "cases": hexed,
        "mean_reading": struct.pack("<d", float(mean)).hex(),
        "mean_row": [struct.pack("<f", v).hex() for v in columns],
    }


def attestation(full: bool) -> dict:
    a = {"schema_version": 1, "model_id": "tiny/model"}
    if full:
        a["model_hash"] = "11" * 32
    a |= {
        "precision": "Bfloat16" if full else "Fp32",
        "inner_product": {"CausalRegularised": {"epsilon": single(1e-6)}} if full else "Causal",
        "input_hash": "22" * 32,
        "timestamp": 1775000000,
        "corpus_version": "unversioned",
        "probe_version": "v0.1.0",
        "layer_readings": [[single(0.1), single(-2.5e-8), Single(-0.0)], [single(1e20)]]
        if full
        else [[single(1.5)]],
        "confidence": [single(0.5), single(0.75), single(1 / 3)] if full else [single(0.8)],
        "coverage_flags": [True, False, True] if full else [False],
        "divergence_flag": full,
    }
    if full:
        a |= {
            "parent_attestation_hash": "33" * 32,
            "geometry_hash": "44" * 32,
            "geometry_drift": single(0.01),
            "causal_scores": [
                {
                    "delta_plus": single(1.25),
                    "delta_minus": single(1.0),
                    "consistency": single(0.8),
                    "is_causal": True,
                }
            ],
            "intervention_delta": single(0.1),
            "causal_flag": True,
        }
    a["sequence_number"] = 7 if full else 0
    if full:
        a |= {
            "directional_drifts": [{"probe_name": "d\u00e9tail", "drift": single(0.5)}],
            "probe_commitment": formats.sha256(struct.pack("<Q", 0)).hex(),
            "density_reading": {
                "points": [{"log_density": single(-3.5), "dimension": single(12.0)}],
                "mean_dimension": single(12.0),
                "std_dimension": single(0.0),
                "mean_log_density": single(-3.5),
                "k": 8,
                "degenerate": 1,
            },
            "curvature_reading": {
                "points": [{"curvature": single(0.25), "triangles": 3}],
                "mean": single(0.25),
                "std": single(0.0),
                "correlation": single(-0.5),
                "k": 8,
                "degenerate": 0,
            },
            "domain_scope_declaration": {
                "primary": "finance",
                "patterns": [
                    {"pattern": "*.bank", "mode": "Advisory"},
                    {"pattern": "x", "mode": "Supervised"},
                ],
                "exclusions": ["health"],
            },
        }
    return a


def signed(a: dict, whole: bool = True) -> dict:
    return a | {"signature": formats.sign(SEED, formats.canonical(a, whole))[1].hex()}


def main() -> None:
    values = [[[0.5, -1.25, 3.0e-42, 1e4], [1, 2, 3, 4], [-0.0, 0.1, 0.2, 0.3]] for _ in range(2)]
    values[1][0][0] = 7.0
    rows = write("rows.gotact", formats.gotact("tiny/model", 2, [1, 3], [0, 2, 5], values))
    unembedding = write(
        "u.gotue",
        formats.gotue(
            [
                [1, 0, 0, 2],
                [0, 1, 0, -2],
                [3, 1, 0.5, 0],
                [0, 0, 1, 0],
                [2, 2, 2, 2],
                [1, -1, 1, -1],
            ]
        ),
    )
    write("phi.gotgeo", formats.gotgeo([[1.5, -0.0], [0.25, 3.0]]))
    probes = [
        {
            "dimension_name": name,
            "weights": [single(v) for v in weights],
            "bias": single(bias),
            "platt_scale": single(1),
            "platt_shift": single(0),
            "reliability_threshold": single(0.7),
        }
        for name, weights, bias in (
            ("honesty", [0.1, -1e-7, 123456.789, 1e14], 1e-5),
            ("t\u00f3ne", [0, 1, 2, 3e-39], -0.0),
        )
    ]
    original = {
        "probes": probes,
        "version": "v0.1.0",
        "corpus_version": "unversioned",
        "layer": 3,
        "geometry_hash": list(range(32)),
        "max_drift": single(0.05),
        "max_directional_drift": None,
    }
    probe_set = write("set.json", formats.pretty(original))
    write("plain.json", formats.pretty(signed(attestation(False))))
    write("full.json", formats.pretty(signed(attestation(True))))
    write("legacy.json", formats.pretty(signed(attestation(False), whole=False)))

    lists = [[5, 6, 7], [9, 2147483647]]
    head = {
        "format": "assay/probe/rows/v1",
        "model_id": "tiny/model",
        "tokenizer_sha256": "55" * 32,
    }
    head |= {
        "chat_template_sha256": None,
        "weights_root": "66" * 32,
        "rule": "0,1",
        "engine": "cpu \u2192 test",
    }
    texts = [
        {"group": "a", "label": 1, "tokens": lists[0], "positions": [0, 1]},
        {"group": 'b\u00e9"', "label": 0, "tokens": lists[1], "positions": [1]},
    ]
    origin = write("a.rows", "".join(map(formats.line, [head | {"texts": len(texts)}, *texts])))
    salt = bytes(range(32))
    write(
        "a.tokens",
        "".join(
            map(
                formats.line,
                [{"format": "assay/probe/tokens/v1", "salt": salt.hex(), "texts": 2}, *lists],
            )
        ),
    )
    public = formats.sign(SEED, b"")[0]
    fields = {
        "model_id": "tiny/model",
        "precision": 2,
        "weights_root": "66" * 32,
        "tokenizer": "55" * 32,
        "chat_template": None,
        "tokens": formats.token_digest(salt, lists).hex(),
        "activations": formats.sha256(rows).hex(),
        "unembedding": formats.sha256(unembedding).hex(),
        "centred": 1,
        "gain": "77" * 32,
        "jitter": 1e-9,
        "trace": 12.5,
        "frobenius": 7.25,
        "probe_set": formats.sha256(probe_set).hex(),
        "layer": 3,
        "position_rule": "0,1",
        "row_rule": "0,2",
        "rows": formats.sha256(origin).hex(),
        "probes": [
            {
                "name": "honesty",
                "reader": "88" * 32,
                "platt": [1.5, -0.25],
                "examples": [60, 20, 20],
                "figures": [0.9, 0.8, 0.95, 0.05, 0.1],
            }
        ],
        "corpus": "99" * 32,
        "split_seed": 1,
        "evaluation": None,
        "causal": "aa" * 32,
        "positions": [0, 5],
        "readings": [0.1, -3.5],
        "engine": "cpu",
        "nonce": "bb" * 32,
        "issued_at": 1775000000,
        "expires_at": 1775086400,
        "previous": None,
        "key_id": formats.sha256(public).hex(),
    }
    payload = formats.statement(fields)
    write("a.statement", formats.envelope(SEED, payload))
    write("key.raw", SEED)
    write("key.pub", public)
    known = {
        "fields": fields,
        "payload": payload.hex(),
        "token_digest": fields["tokens"],
        "plain": formats.canonical(attestation(False)).hex(),
        "full": formats.canonical(attestation(True)).hex(),
        "readings": readings(),
    }
    write("known.json", json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
