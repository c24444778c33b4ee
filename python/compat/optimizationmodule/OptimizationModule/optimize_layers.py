"""`python -m OptimizationModule.optimize_layers`: a selection from a scores file.

The work is that of `assay layers select`; this takes the flags of the original.
"""

import argparse
import sys

from assay import InputError, layers


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit code is 0, or 1 where it could not run, as the original's."""
    parser = argparse.ArgumentParser(
        prog="python -m OptimizationModule.optimize_layers",
        description="Select layers for several verifiers within their budgets",
    )
    parser.add_argument("--scores", "--scores_file", required=True, help="scores of the layers")
    parser.add_argument(
        "--budgets", type=float, nargs="+", required=True, help="parameters for each verifier"
    )
    parser.add_argument("--output", help="write the result here")
    parser.add_argument("--pretty", action="store_true", help="a line for each value")
    flags = parser.parse_args(arguments)
    try:
        scores = layers.LayerScores.read(flags.scores)
        found = layers.select(scores.values, scores.costs, flags.budgets)
        if flags.output:
            layers.select_to(flags.output, flags.scores, flags.budgets, pretty=flags.pretty)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"Optimal total benefit: {found.value:.6f}")
    for k, (start, end) in enumerate(found.assignments):
        if start == -1:
            print(f"  Verifier {k + 1}: Empty (budget: {flags.budgets[k]:.0f})")
        else:
            cost = sum(scores.costs[start : end + 1])
            print(f"  Verifier {k + 1}: Layers {start}-{end} (cost: {cost}/{flags.budgets[k]:.0f})")
            print(f"    {scores.names[start]} ... {scores.names[end]}")
    if flags.output:
        print(f"Saved to {flags.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
