#!/usr/bin/env python3
"""Times TOPLOC proofs beside the published way of making and checking them, in one run.

The published method: `torch.topk` of the magnitudes of each chunk, then modulus, interpolation,
evaluation and comparison in C++ (`toploc_published.cc`, compiled here), as in the library toploc
0.1.6. Its overheads are left out where they are not part of the method: chunks are views here,
and its verification in Python, for lists, is not timed at all. `--library FOLDER` times a build of
the library itself too: its wheels are tied to older versions of torch.

The workload is the one that the library measures itself with: 1000 rows of 5120 bfloat16, the 128
largest of every 32 rows. The verifier's rows differ by 1 % of noise. All run on one processor, in
turn; times are medians of CPU time. Every one must give the same bytes and the same figures.

    .venv/bin/python bench/toploc_against_published.py --json times.json
"""

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from end_to_end import processor

from assay import toploc

ROWS, WIDTH = 1000, 5120
CHUNK, K = 32, 128

Figures = list[tuple[int, float, float]]
"""For each chunk: exponents that differ, mean and upper median of the mantissas' differences."""


@dataclass(frozen=True)
class Method:
    name: str
    build: Callable[[], list[bytes]]
    verify: Callable[[list[bytes]], Any]
    figures: Callable[[list[bytes]], Figures]


class Published:
    """The published method on torch tensors."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "published.so"
            source = Path(__file__).with_name("toploc_published.cc")
            compiler = os.environ.get("CXX", "c++")
            flags = ["-std=c++20", "-O3", "-shared", "-fPIC"]
            subprocess.run([compiler, *flags, str(source), "-o", str(library)], check=True)
            self._code = ctypes.CDLL(str(library))
        self._code.published_prove.restype = ctypes.c_bool

    def build(self, states: torch.Tensor) -> list[bytes]:
        proofs = []
        for indices, values in _largest(states):
            proof = ctypes.create_string_buffer(2 + 2 * K)
            if not self._code.published_prove(*_pointers(indices, values), K, proof):
                sys.exit("no modulus keeps the indices apart")
            proofs.append(proof.raw)
        return proofs

    def verify(self, states: torch.Tensor, proofs: list[bytes]) -> Figures:
        found = []
        for proof, (indices, values) in zip(proofs, _largest(states), strict=True):
            out = (ctypes.c_double * 3)()
            self._code.published_compare(proof, *_pointers(indices, values), K, out)
            found.append((int(out[0]), out[1], out[2]))
        return found


def _largest(states: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for start in range(0, ROWS, CHUNK):
        flat = states[start : start + CHUNK].view(-1)
        indices = flat.abs().topk(K).indices
        yield indices, flat[indices]


def _pointers(*tensors: torch.Tensor) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]


def published(states: torch.Tensor, own: torch.Tensor) -> Method:
    method = Published()

    def verify(proofs: list[bytes]) -> Figures:
        return method.verify(own, proofs)

    return Method("torch.topk, published method", lambda: method.build(states), verify, verify)


def assay(name: str, states: Any, own: Any) -> Method:
    def verify(proofs: list[bytes]) -> None:
        verdict = toploc.verify(own, proofs)
        if not verdict:
            sys.exit(f"{name}: {verdict.step}: {verdict.reason}")

    def figures(proofs: list[bytes]) -> Figures:
        return [
            (one.exponent_mismatches, one.mantissa_mean, one.mantissa_median_upper)
            for one in toploc.compare(own, proofs)
        ]

    return Method(name, lambda: toploc.build(states), verify, figures)


def library(folder: str, states: torch.Tensor, own: torch.Tensor) -> Method:
    sys.path.insert(0, folder)
    import toploc as original

    if not str(original.__file__).startswith(str(Path(folder).resolve())):
        sys.exit(f"--library {folder}: no package toploc is there, but in {original.__file__}")

    def verify(proofs: list[bytes]) -> Any:
        return original.verify_proofs_bytes(own, proofs, CHUNK, K, skip_prefill=True)

    return Method(
        "library toploc 0.1.6",
        lambda: original.build_proofs_bytes(states, CHUNK, K, skip_prefill=True),
        verify,
        lambda proofs: [
            (one.exp_mismatches, one.mant_err_mean, one.mant_err_median) for one in verify(proofs)
        ],
    )


def main() -> None:
    options = _options()
    # The library starts as many threads as there are processors for it; this leaves it one.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(42)
    wide = torch.randn(ROWS, WIDTH, generator=generator)
    states = wide.bfloat16()
    own = (wide * (1 + 0.01 * torch.randn(ROWS, WIDTH, generator=generator))).bfloat16()
    bits, own_bits = (one.view(torch.int16).numpy().view(np.uint16) for one in (states, own))
    methods = [
        published(states, own),
        assay("assay, bits in numpy", bits, own_bits),
        assay("assay, torch tensors", states, own),
    ]
    if options.library is not None:
        methods.append(library(options.library, states, own))
    report = measure(methods, options.repeat)
    _print(report)
    if options.json is not None:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure(methods: list[Method], repeat: int) -> dict[str, Any]:
    proofs = methods[0].build()
    figures = methods[0].figures(proofs)
    for method in methods[1:]:
        if method.build() != proofs:
            sys.exit(f"{method.name}: other bytes than {methods[0].name}")
        if not np.allclose(method.figures(proofs), figures, rtol=1e-12, atol=0):
            sys.exit(f"{method.name}: other figures than {methods[0].name}")
    build: list[list[float]] = [[] for _ in methods]
    verify: list[list[float]] = [[] for _ in methods]
    for turn in range(repeat):
        for place in range(len(methods)):
            index = (turn + place) % len(methods)
            method = methods[index]
            build[index].append(_seconds(method.build))
            verify[index].append(_seconds(lambda method=method: method.verify(proofs)))
    rows = [
        {"name": method.name, "build_s": statistics.median(b), "verify_s": statistics.median(v)}
        for method, b, v in zip(methods, build, verify, strict=True)
    ]
    for row in rows:
        row["build_times_faster"] = rows[0]["build_s"] / row["build_s"]
        row["verify_times_faster"] = rows[0]["verify_s"] / row["verify_s"]
    return {
        "processor": processor(),
        "torch": str(torch.__version__),
        "rows": ROWS,
        "width": WIDTH,
        "chunk": CHUNK,
        "k": K,
        "repeat": repeat,
        "proofs": len(proofs),
        "methods": rows,
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _print(report: dict[str, Any]) -> None:
    print(
        f"({report['rows']}, {report['width']}) bfloat16, {report['proofs']} proofs of the "
        f"{report['k']} largest; {report['processor']}, one thread, torch {report['torch']}; "
        f"medians of {report['repeat']}, in turn, CPU time\n"
    )
    print("| | build | verify | faster |\n|---|---|---|---|")
    for row in report["methods"]:
        print(
            f"| {row['name']} | {1e3 * row['build_s']:.1f} ms | {1e3 * row['verify_s']:.1f} ms | "
            f"{row['build_times_faster']:.1f} and {row['verify_times_faster']:.1f} times |"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="TOPLOC beside the published method, in times.")
    add = parser.add_argument
    add("--repeat", type=int, default=15, metavar="N")
    add("--library", metavar="FOLDER", help="time the package toploc there too")
    add("--json", metavar="FILE", help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
