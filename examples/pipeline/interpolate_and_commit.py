#!/usr/bin/env python3
"""Interpolate a tensor into a file of coefficients, commit to these and check openings.

usage: interpolate_and_commit.py TENSOR.npy --coeffs-json FILE [--skip-interp] [--random-checks N]
"""

import json
import subprocess
from pathlib import Path

from no_saving_time_version import check, parser

if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--coeffs-json", type=Path, required=True, metavar="FILE")
    flags.add_argument("--skip-interp", action="store_true", help="the file is there: take it")
    arguments = flags.parse_args()
    if not arguments.skip_interp:
        line = ["assay", "interpolate", arguments.npy_path, "--coeffs", arguments.coeffs_json]
        subprocess.run(line, check=True)
    polynomial = json.loads(arguments.coeffs_json.read_text())
    coefficients = [int(text) for text in polynomial["coefficients"]]
    print(f"Loaded {len(coefficients)} coefficients of {len(polynomial['dims'])} variables")
    valid = check(coefficients, polynomial["dims"], arguments.random_checks)
    raise SystemExit(0 if valid else 1)
