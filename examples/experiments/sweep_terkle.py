#!/usr/bin/env python3
"""Measure Terkle trees whose fan-out is split over 2, 3 and 6 axes."""

import sys

from assay.experiments.sweeps import run_terkle

if __name__ == "__main__":
    sys.exit(run_terkle())
