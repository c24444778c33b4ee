"""The command `assay toploc` where it runs models: verify, calibrate, generate, validate, demo."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arguments import (
    add_number,
    at_least,
    integer,
    margin,
    parser_of,
    positive_integers,
    words_of,
)
from ..ending import ended
from ..models import ATTENTION, DTYPES, add_engine_flags, engine_from, require_models
from .chunks import SHORTEST_TAIL
from .engines import AUTO, NAMES, TRANSFORMERS, VLLM

PROGRAM = "assay toploc"

_EXAMPLE = """\
examples:
  assay toploc generate --model_name smollm2 --dataset_name prompts.txt --save_dir signatures
  assay toploc verify --model smollm2 --tokens signatures/smollm2_0000.json
  assay toploc calibrate --model smollm2 --out smollm2.profile
  assay toploc demo

`assay toploc build` and `assay toploc verify --states` work on files of states and run no model.
Exit codes: 0 accepted or done, 1 rejected, 2 bad input or could not run, 3 inconclusive.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(argv)
    return ended(f"{PROGRAM} {options.verb}", lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    # Loading torch takes seconds that --help, typing errors and missing models need not wait. A
    # verifier rejects what fails without the model, whether or not it has the model.
    if options.verb not in ("verify", "validate"):
        require_models(options)
    from . import demo, experiment, model_checks

    verbs = {
        "verify": model_checks.verify_answer,
        "calibrate": model_checks.calibrate_model,
        "generate": experiment.generate,
        "validate": experiment.validate,
        "demo": demo.tell,
    }
    return verbs[options.verb](options, engine_from(options))


def _parser() -> argparse.ArgumentParser:
    about = "Proofs of a model's final hidden states: make, recompute and judge them."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_verify(verbs)
    _add_calibrate(verbs)
    _add_generate(verbs)
    _add_validate(verbs)
    _add_demo(verbs)
    return parser


def _add_verify(verbs: Any) -> None:
    add = _verb(verbs, "verify", "recompute the states of an answer and judge its proofs")
    _add_model(add)
    add("--tokens", required=True, metavar="FILE", help="ids of prompt and answer: a signature")
    add("--proofs", metavar="FILE", help="a file of assay toploc build; default: those in --tokens")
    add(
        "--hidden-states",
        metavar="FILE",
        help="states that vLLM's connector or SGLang (.json) wrote while the verifier ran the "
        "model, instead of a pass here; --model then gives final norm and head",
    )
    add(
        "--layer",
        type=integer,
        metavar="N",
        help="which layer of --hidden-states is the model's last (default: the file's last)",
    )
    add(
        "--greedy",
        action="store_true",
        help="each token was to be the likeliest: so must be the last, which no proof covers",
    )
    add(
        "--max-tokens",
        type=at_least(1),
        metavar="N",
        help="of prompt and answer together; longer ones are not recomputed (default and most: the "
        "model's positions)",
    )
    _add_profile(add)
    _add_shape(add)
    prefill = "tokens of the prompt that have a proof of their own; 0: the answer's alone"
    add_number(add, "--prefill-rows", 0, prefill)
    tail = "fewer tokens at the end belong to the proof before"
    add_number(add, "--merge-tail-below", 0, tail)
    add(
        "--merge-short-tails",
        dest="merge_tail_below",
        action="store_const",
        const=SHORTEST_TAIL,
        help=f"the same as --merge-tail-below {SHORTEST_TAIL}",
    )
    add(
        "--ties",
        choices=("libstdc++", "lower-index"),
        help="demand proofs made by this rule for equal values (default: take either)",
    )
    add("--json", action="store_true", help="the report as JSON")


def _add_calibrate(verbs: Any) -> None:
    add = _verb(verbs, "calibrate", "measure honest runs and write a profile")
    _add_model(add)
    add("--out", required=True, type=Path, metavar="FILE", help="the profile")
    add("--prompts", metavar="FILE", help="texts like those to be judged; default: made ones")
    add_number(add, "--n-prompts", 16, least=1)
    _add_chat(add)
    add_number(add, "--max-new-tokens", 64, least=1)
    add_number(add, "--min-new-tokens", 0, "before which no answer ends", least=0)
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
    add(
        "--provider-engine",
        choices=(TRANSFORMERS, VLLM),
        default=TRANSFORMERS,
        help="what honest providers answer with; vllm takes the kernel that it chooses itself, and "
        "the profile has no bound on fingerprints (default: %(default)s)",
    )
    add(
        "--verifier-engine",
        choices=(TRANSFORMERS, VLLM),
        default=TRANSFORMERS,
        help="what verifiers recompute with; one side is transformers (default: %(default)s)",
    )
    add("--margin", type=margin, default=1.5, metavar="X", help="over the worst (default: 1.5)")
    add("--name", default="calibrated", help="of the profile (default: %(default)s)")
    _add_shape(add)
    add(
        "--merge-short-tails",
        action="store_true",
        help=f"no proof of fewer than {SHORTEST_TAIL} tokens at the end",
    )
    add("--json", action="store_true", help="the report as JSON")
    add("--quiet", action="store_true", help="no messages but errors")


def _add_generate(verbs: Any) -> None:
    add = _verb(verbs, "generate", "answer prompts and keep a signature of each")
    add("--model_name", required=True, metavar="MODEL", help="folder, .gguf file, hub id, smollm2")
    _add_experiment(add)


def _add_validate(verbs: Any) -> None:
    add = _verb(verbs, "validate", "recompute and judge the signatures of generate")
    add("--decode_model_name", required=True, metavar="MODEL", help="that made the signatures")
    add("--validate_model_name", required=True, metavar="MODEL", help="that they are judged by")
    _add_experiment(add)
    _add_profile(add)


def _add_experiment(add: Any) -> None:
    add(
        "--n_samples",
        type=at_least(1),
        metavar="N",
        help="the first prompts of the data set, each of which must have its signature in validate "
        "(default: 4)",
    )
    add(
        "--engine",
        choices=NAMES,
        default=AUTO,
        help="what runs the model; auto is transformers for validate, and for generate vllm where "
        "that is installed and the model is no GGUF file (default: %(default)s)",
    )
    add_number(add, "--tp", 1, "processes of the model; more than 1 with --engine vllm alone")
    add("--save_dir", default="signatures", metavar="DIR", help="default: %(default)s")
    most = (
        "most tokens of an answer; validate fails a longer one, and a shorter one that does not "
        "end with an end of text"
    )
    add_number(add, "--max_decode_tokens", 512, most, least=1)
    add(
        "--min_decode_tokens",
        type=at_least(1),
        metavar="N",
        help="fewest tokens of an answer, before which none ends; validate fails a shorter one "
        "(default: 32, or --max_decode_tokens where that is less)",
    )
    add(
        "--dataset_name",
        required=True,
        metavar="FILE",
        help="prompts, one in each line, or .jsonl with the field prompt; to validate, sample i "
        "must be of prompt i",
    )
    _add_chat(add)
    _add_engine(add)


def _add_demo(verbs: Any) -> None:
    add = _verb(verbs, "demo", "the story on a real model, and what providers may try")
    add("--model", default="smollm2", help="folder, .gguf file or hub id (default: %(default)s)")
    add("--prompt", default="The history of numbers begins with", help="text to continue")
    add_number(add, "--max-new-tokens", 64, least=32)
    _add_profile(add)
    _add_engine(add)


def _verb(verbs: Any, name: str, summary: str) -> Any:
    return verbs.add_parser(
        name, help=summary, description=summary, allow_abbrev=False
    ).add_argument


def _add_model(add: Any) -> None:
    add("--model", required=True, help="folder, .gguf file, hub id, or smollm2")
    _add_engine(add)


def _add_engine(add: Any) -> None:
    add_engine_flags(add, dtype="bfloat16")


def _add_chat(add: Any) -> None:
    text = "prompts are what users say: take each within the tokenizer's chat template"
    add("--chat", action="store_true", help=text)


def _add_profile(add: Any) -> None:
    add(
        "--profile",
        default="published",
        metavar="FILE",
        help="bounds that calibrate wrote (default: those of the paper, with signs and dispersion)",
    )


def _add_shape(add: Any) -> None:
    add_number(add, "--decode-batching-size", 32, "tokens of one proof")
    add_number(add, "--topk", 128, "values of one proof")


if __name__ == "__main__":
    sys.exit(main())
