#!/usr/bin/env python3
"""Measure Merkle trees by size, seed and arity."""

import sys

from assay.experiments.sweeps import run_merkle

if __name__ == "__main__":
    sys.exit(run_merkle())
