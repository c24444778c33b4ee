#!/usr/bin/env python3
"""Build one Verkle tree, prove a leaf, check it, and keep the metrics."""

import sys

from assay.experiments.demonstrations import run_metrics

if __name__ == "__main__":
    sys.exit(run_metrics())
