#!/usr/bin/env python3
"""Draw what the sweeps measured."""

import sys

from assay.experiments.sweeps import run_plot

if __name__ == "__main__":
    sys.exit(run_plot())
