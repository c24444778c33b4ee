#!/usr/bin/env python3
"""Measure Verkle trees, with a file of metrics for each."""

import sys

from assay.experiments.demonstrations import run_simulations

if __name__ == "__main__":
    sys.exit(run_simulations())
