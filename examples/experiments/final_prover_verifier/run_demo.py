#!/usr/bin/env python3
"""A Merkle tree's prover and verifier, who share files alone."""

import sys

from assay.experiments.demonstrations import run_artifacts

if __name__ == "__main__":
    sys.exit(run_artifacts())
