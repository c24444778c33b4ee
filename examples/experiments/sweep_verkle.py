#!/usr/bin/env python3
"""Measure Verkle trees by size, seed and width."""

import sys

from assay.experiments.sweeps import run_verkle

if __name__ == "__main__":
    sys.exit(run_verkle())
