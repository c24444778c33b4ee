#!/usr/bin/env python3
"""Measure all three trees on the same data: Merkle, Verkle and Terkle."""

import sys

from assay.experiments.sweeps import run_all

if __name__ == "__main__":
    sys.exit(run_all())
