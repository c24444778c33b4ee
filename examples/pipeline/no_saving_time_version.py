#!/usr/bin/env python3
"""Interpolate a tensor, commit to its polynomial and check openings, with no file in between.

usage: no_saving_time_version.py TENSOR.npy [--random-checks N]
"""

import argparse
import random
from collections.abc import Sequence

import numpy as np
import tensorcommitments

import assay


def check(coefficients: Sequence[int], shape: Sequence[int], random_checks: int) -> bool:
    """Commit, and open at the origin, at the point of ones and at random points of the grid."""
    if len(set(shape)) != 1:
        raise SystemExit(f"shape {tuple(shape)}: the axes of the tensor must have one size")
    wrapper = tensorcommitments.TensorCommitmentWrapper(len(shape), shape[0])
    commitment = wrapper.commit(coefficients)
    print(f"Commitment: {commitment}")
    draw = random.Random(0)
    points = [[0] * len(shape)] + ([[1] * len(shape)] if shape[0] > 1 else [])
    points += [[draw.randrange(size) for size in shape] for _ in range(random_checks)]
    all_valid = True
    for point in points:
        value = wrapper.evaluate_polynomial(coefficients, point)
        proof = wrapper.prove(coefficients, point, value)
        valid = wrapper.verify(commitment, point, value, proof)
        print(f"  point {point}: eval={value} proof={'ok' if valid else 'FAIL'}")
        all_valid = all_valid and valid
    return all_valid


def parser(about: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawTextHelpFormatter)
    made.add_argument("npy_path", metavar="TENSOR.npy", help="integers, of axes of one size")
    made.add_argument("--random-checks", type=int, default=2, metavar="N", help="points beside two")
    return made


if __name__ == "__main__":
    arguments = parser(__doc__).parse_args()
    values = np.load(arguments.npy_path)
    valid = check(assay.interpolate(values), values.shape, arguments.random_checks)
    raise SystemExit(0 if valid else 1)
