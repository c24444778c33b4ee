"""The program `assay-probe`: what `assay probe` does where it runs models, and its pictures."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arguments import add_number, integer, margin, parser_of, positive_integers, words_of
from ..ending import ended
from ..models import ATTENTION, DEVICES, DTYPES, add_engine_flags, require_models

PROGRAM = "assay probe"

_EXAMPLE = """\
examples:
  assay probe extract --model smollm2 --input "The cat sat on the mat" --layers 12 18 24
  assay probe extract --model smollm2 --corpus tense --positions last --layers 20
  assay probe plan --model smollm2 --dimension past --output plan.json
  assay probe causal --model smollm2 --probes probes.json --activations activations.gotact \\
    --unembedding unembedding.gotue --plan plan.json --output causal.json
  assay probe calibrate --model smollm2 --probes probes.json --output smollm2.profile
  assay probe plot --evaluation evaluation.json --probes probes.json --output probe.png
  assay probe demo

`assay probe train`, `evaluate`, `attest`, `inspect`, `checkpoint`, `drift`, and `verify` without
--model, run no model and need no Python. Exit codes: 0 accepted or done, 1 rejected, 2 bad input
or could not run, 3 inconclusive.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(argv)
    stopped = "stopped before it was done"
    if options.verb == "extract":
        stopped += "; the same command goes on with it"
    return ended(f"{PROGRAM} {options.verb}", lambda: _run(options), stopped=stopped)


def _run(options: argparse.Namespace) -> int:
    # Loading torch takes seconds that --help, typing errors and missing models need not wait. A
    # verifier rejects what fails without the model, whether or not it has the model.
    if options.verb != "verify":
        require_models(options)
    if options.verb == "plot":
        from . import drawing

        return drawing.plot(options)
    if options.verb == "demo":
        from . import demo

        return demo.tell(options)
    if options.verb == "verify":
        from . import verifying

        return verifying.verify(options)
    from . import model_verbs

    verbs = {
        "extract": model_verbs.extract_rows,
        "plan": model_verbs.make_plan,
        "causal": model_verbs.measure_causal,
        "calibrate": model_verbs.calibrate_model,
    }
    return verbs[options.verb](options)


def _parser() -> argparse.ArgumentParser:
    about = "Readings of a model's state: rows of its residual stream, and what moving them does."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add_verb in (
        _add_extract, _add_plan, _add_causal, _add_calibrate, _add_verify, _add_plot, _add_demo,
    ):  # fmt: skip
        add_verb(verbs)
    return parser


def _verb(verbs: Any, name: str, summary: str) -> Any:
    parser = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    return parser.add_argument


def _add_extract(verbs: Any) -> None:
    add = _verb(verbs, "extract", "keep rows of the residual stream, and the unembedding")
    _add_model(add)
    add("--input", metavar="TEXT", help="to run through the model")
    add(
        "--corpus",
        metavar="FILE",
        help="instead: a .jsonl of text, group and label, or tense, which the package carries",
    )
    add(
        "--layers",
        nargs="+",
        required=True,
        metavar="N",
        help="blocks from 0, whose output is kept, or all",
    )
    add(
        "--positions",
        default="all",
        metavar="RULE",
        help="which rows of a text: all, last, mean, or positions from 0 as 2,5 (default: all)",
    )
    for name, default in (("activations", "activations.gotact"), ("unembedding", None)):
        add(
            f"--output-{name}",
            type=Path,
            default=Path(default or "unembedding.gotue"),
            metavar="FILE",
            help="default: %(default)s",
        )
    add(
        "--output-gain",
        type=Path,
        metavar="FILE",
        help="the final norm's gain, .npy, to be folded in",
    )
    add(
        "--random-weights",
        type=integer,
        metavar="SEED",
        help="of the same model with weights drawn anew: rows alone, for a baseline",
    )
    add_number(add, "--batch", 1, "texts that run together", least=1)
    _add_engine(add)
    _add_quiet(add)


def _add_plan(verbs: Any) -> None:
    add = _verb(verbs, "plan", "fix what a causal check is to measure, in a model's tokens")
    _add_model(add)
    add("--dimension", required=True, metavar="NAME", help="of the set of probes")
    add(
        "--wording",
        default="tense",
        metavar="FILE",
        help="the plan in words, or tense, which the package carries (default: %(default)s)",
    )
    add("--output", required=True, type=Path, metavar="FILE", help="the plan")
    add("--trust-remote-code", action="store_true", help="run code that the model brings with it")


def _add_causal(verbs: Any) -> None:
    add = _verb(verbs, "causal", "measure what moving along a direction does to the next token")
    _add_model(add)
    add("--plan", required=True, type=Path, metavar="FILE", help="of assay probe plan")
    _add_probes(add)
    add(
        "--activations",
        required=True,
        type=Path,
        metavar="FILE",
        help="the rows that the probes were trained on; random directions have their covariance",
    )
    add("--unembedding", required=True, type=Path, metavar="FILE", help="as in training")
    add("--gain", type=Path, metavar="FILE", help="as in training")
    add("--output", required=True, type=Path, metavar="FILE", help="the raw numbers")
    add_number(add, "--batch", 64, "moved rows that run together", least=1)
    _add_engine(add)
    _add_quiet(add)


def _add_calibrate(verbs: Any) -> None:
    add = _verb(verbs, "calibrate", "measure honest rows and readings, and write a profile")
    _add_model(add)
    _add_probes(add)
    add("--output", required=True, type=Path, metavar="FILE", help="the profile")
    add("--prompts", metavar="FILE", help="texts like those to be judged; default: made ones")
    add_number(add, "--n-prompts", 32, "half of them to learn from, half to judge", least=4)
    add("--positions", default="all", metavar="RULE", help="as in extract (default: all)")
    add("--batch-sizes", type=positive_integers, default=[1, 4], metavar="A,B", help="default: 1,4")
    add(
        "--attentions",
        type=words_of(ATTENTION),
        default=["sdpa", "eager"],
        metavar="A,B",
        help="kernels of providers and verifiers (default: sdpa,eager)",
    )
    add(
        "--provider-dtypes",
        type=words_of(DTYPES),
        metavar="A,B",
        help="dtypes that count as honest (default: --dtype alone)",
    )
    add("--margin", type=margin, default=4.0, metavar="X", help="over the worst (default: 4)")
    add("--name", default="calibrated", help="of the profile (default: %(default)s)")
    _add_engine(add)
    add("--json", action="store_true", help="the report as JSON")
    _add_quiet(add)


def _add_verify(verbs: Any) -> None:
    about = "check a statement, with rows that the verifier's own model computes"
    add = _verb(verbs, "verify", about)
    _add_model(add)
    for flag, required, meaning in (
        ("attestation", True, "the statement"),
        ("pubkey", True, "the public key of the expected signer"),
        ("activations", False, "the rows that were read"),
        ("tokens", False, "ids of the tokens, and the salt of their digest"),
        ("probes", False, "the set of probes"),
        ("unembedding", False, "the .gotue"),
        ("gain", False, "of the final norm, where it was folded in"),
        ("rows", False, "where the rows came from"),
        ("previous", False, "the statement before"),
        ("evaluation", False, "of assay probe evaluate"),
        ("corpus-activations", False, "what the probes were trained on"),
        ("labels", False, "its labels"),
        ("corpus-rows", False, "where its rows came from (default: STEM.rows)"),
        ("causal", False, "the raw numbers of assay probe causal"),
        ("plan", False, "fixed before them"),
        ("profile", False, "of calibrate; without one only equal bits count"),
    ):
        add(f"--{flag}", required=required, type=Path, metavar="FILE", help=meaning)
    add("--nonce", metavar="HEX", help="that the verifier asked with")
    add("--require", default="L3", choices=[f"L{n}" for n in range(6)], help="default: L3")
    add(
        "--remeasure",
        type=_share,
        metavar="SHARE",
        help="measure so much of the causal results again, 0.05 say",
    )
    add(
        "--tolerance",
        type=_tolerance,
        default=0.01,
        metavar="NATS",
        help="between those and the results (default: %(default)s)",
    )
    add("--dtype", choices=DTYPES, help="of the verifier's run (default: as the statement says)")
    add("--attn", choices=tuple(ATTENTION), default="sdpa", help="default: %(default)s")
    add("--device", choices=DEVICES, default="auto", help="default: %(default)s")
    add("--trust-remote-code", action="store_true", help="run code that the model brings with it")
    add("--json", action="store_true", help="the verdict as JSON")
    _add_quiet(add)


def _add_plot(verbs: Any) -> None:
    add = _verb(verbs, "plot", "draw ROC, reliability, AUROC by layer, dose-response")
    add(
        "--evaluation",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="of assay probe evaluate; several, of different layers: AUROC by layer",
    )
    add("--probes", type=Path, metavar="FILE", help="the set of probes, for reliability")
    add("--causal", type=Path, metavar="FILE", help="of assay probe causal: dose-response")
    add("--dimension", metavar="NAME", help="the probe that is drawn (default: the first)")
    add(
        "--output",
        required=True,
        type=Path,
        metavar="FILE",
        help=".png, or .vl.json for a Vega-Lite description",
    )


def _add_demo(verbs: Any) -> None:
    add = _verb(verbs, "demo", "train, check and attest a probe of a real model; try five cheats")
    add("--model", default="smollm2", help="folder, .gguf file, hub id (default: %(default)s)")
    add("--layers", nargs="+", metavar="N", help="of the sweep (default: five through the depth)")
    add("--output", type=Path, metavar="DIR", help="keep its files there (default: nowhere)")


def _add_model(add: Any) -> None:
    add("--model", required=True, help="folder, .gguf file, hub id, or smollm2")


def _add_probes(add: Any) -> None:
    add("--probes", required=True, type=Path, metavar="FILE", help="the set of probes")


def _add_engine(add: Any) -> None:
    add_engine_flags(add, dtype="float32")


def _add_quiet(add: Any) -> None:
    add("--quiet", action="store_true", help="no progress and no messages but errors")


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError("give a number above 0, at most 1")
    return share


def _tolerance(text: str) -> float:
    tolerance = float(text)
    if not 0 <= tolerance < math.inf:
        raise argparse.ArgumentTypeError("give a number of at least 0")
    return tolerance


if __name__ == "__main__":
    sys.exit(main())
