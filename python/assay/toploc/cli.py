"""The command `assay toploc` where it runs models: verify, calibrate, generate, validate, demo."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arguments import at_least
from ..ending import ended
from ..models import ATTENTION, DEVICES, DTYPES, Engine
from .chunks import SHORTEST_TAIL

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
    return ended(f"{PROGRAM} {options.verb}", lambda: options.run(options))


def _verify(options: argparse.Namespace) -> int:
    # Loading torch takes seconds that --help and typing errors need not wait.
    from .model_checks import verify_tokens

    report = verify_tokens(options, _engine(options))
    if options.json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        print(*report.lines(), sep="\n")
    return report.found.verdict.exit_code


def _calibrate(options: argparse.Namespace) -> int:
    from .model_checks import calibrate_model

    report = calibrate_model(options, _engine(options))
    if options.json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return 0
    print(f"{'provider':34} {'verifier':18} exponents  mean  median  signs  dispersion")
    for run in report["runs"]:
        worst = run["worst"]
        print(
            f"{run['provider']:34} {run['verifier']:18} {worst['exponent_mismatches']:9.2f} "
            f"{worst['mantissa_mean']:5.2f} {worst['mantissa_median']:7.2f} "
            f"{worst['sign_mismatches']:6.2f} {worst['dispersion']:11.3f}"
        )
    print(
        f"\n{report['alarms']} of {report['held_out']} prompts that the bounds had not seen were "
        f"rejected: with 95 % confidence fewer than {100 * report['false_alarm_bound']:.1f} % of "
        f"honest answers to such prompts, run in one of these ways, will be\n{options.out}"
    )
    return 0


def _generate(options: argparse.Namespace) -> int:
    from .experiment import generate

    return generate(options)


def _validate(options: argparse.Namespace) -> int:
    from .experiment import validate

    return validate(options)


def _demo(options: argparse.Namespace) -> int:
    from .demo import tell

    return tell(options, _engine(options))


def _engine(options: argparse.Namespace) -> Engine:
    return Engine(options.dtype, options.attn, options.device)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Proofs of a model's final hidden states: make, recompute and judge them.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_verify(verbs)
    _add_calibrate(verbs)
    _add_generate(verbs)
    _add_validate(verbs)
    _add_demo(verbs)
    return parser


def _add_verify(verbs: Any) -> None:
    add = _verb(verbs, "verify", _verify, "recompute the states of an answer and judge its proofs")
    _add_model(add)
    add("--tokens", required=True, metavar="FILE", help="ids of prompt and answer: a signature")
    add("--proofs", metavar="FILE", help="a file of assay toploc build; default: those in --tokens")
    add(
        "--hidden-states",
        metavar="FILE",
        help="states that vLLM's connector wrote while the verifier ran the model, instead of a "
        "pass here; --model then gives the final norm",
    )
    add(
        "--layer",
        type=int,
        metavar="N",
        help="which layer of --hidden-states is the model's last (default: the file's last)",
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
    add(
        "--prefill-rows",
        type=int,
        default=0,
        metavar="N",
        help="tokens of the prompt that have a proof of their own (default: the answer's alone)",
    )
    add(
        "--merge-tail-below",
        type=int,
        default=0,
        metavar="N",
        help="fewer tokens at the end belong to the proof before (default: %(default)s)",
    )
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
    add = _verb(verbs, "calibrate", _calibrate, "measure honest runs and write a profile")
    _add_model(add)
    add("--out", required=True, type=Path, metavar="FILE", help="the profile")
    add("--prompts", metavar="FILE", help="texts like those to be judged; default: made ones")
    add("--n-prompts", type=at_least(1), default=16, metavar="N", help="default: %(default)s")
    add("--max-new-tokens", type=at_least(1), default=64, metavar="N", help="default: %(default)s")
    add("--batch-sizes", type=_numbers, default=[1, 4], metavar="A,B", help="default: 1,4")
    add(
        "--attentions",
        type=_words(ATTENTION),
        default=["sdpa", "eager"],
        metavar="A,B",
        help="kernels of providers and verifiers (default: sdpa,eager)",
    )
    add(
        "--provider-dtypes",
        type=_words(DTYPES),
        metavar="A,B",
        help="dtypes that count as honest (default: --dtype alone)",
    )
    add("--margin", type=_margin, default=1.5, metavar="X", help="over the worst (default: 1.5)")
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
    add = _verb(verbs, "generate", _generate, "answer prompts and keep a signature of each")
    add("--model_name", required=True, metavar="MODEL", help="folder, .gguf file, hub id, smollm2")
    add("--n_samples", type=at_least(1), default=4, metavar="N", help="default: %(default)s")
    _add_experiment(add, dataset_required=True)


def _add_validate(verbs: Any) -> None:
    add = _verb(verbs, "validate", _validate, "recompute and judge the signatures of generate")
    add("--decode_model_name", required=True, metavar="MODEL", help="that made the signatures")
    add("--validate_model_name", required=True, metavar="MODEL", help="that they are judged by")
    add(
        "--n_samples",
        type=at_least(1),
        metavar="N",
        help="signatures that must be there, numbered from 0; a missing one has failed (default: "
        "up to the highest number in --save_dir, so that gaps fail and a missing end does not)",
    )
    _add_experiment(add, dataset_required=False)
    _add_profile(add)


def _add_experiment(add: Any, dataset_required: bool) -> None:
    add("--tp", type=int, default=1, metavar="N", help="processes of the model; 1 alone works here")
    add("--save_dir", default="signatures", metavar="DIR", help="default: %(default)s")
    add(
        "--max_decode_tokens",
        type=at_least(1),
        default=512,
        metavar="N",
        help="most tokens of an answer; validate fails a longer one (default: %(default)s)",
    )
    add(
        "--dataset_name",
        required=dataset_required,
        metavar="FILE",
        help="prompts, one in each line, or .jsonl with the field prompt; validate has them in the "
        "signatures",
    )
    _add_engine(add)


def _add_demo(verbs: Any) -> None:
    add = _verb(verbs, "demo", _demo, "the story on a real model, and what providers may try")
    add("--model", default="smollm2", help="folder, .gguf file or hub id (default: %(default)s)")
    add("--prompt", default="The history of numbers begins with", help="text to continue")
    add("--max-new-tokens", type=at_least(1), default=64, metavar="N", help="default: %(default)s")
    _add_profile(add)
    _add_engine(add)


def _verb(verbs: Any, name: str, run: Any, summary: str) -> Any:
    verb = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    verb.set_defaults(run=run)
    return verb.add_argument


def _add_model(add: Any) -> None:
    add("--model", required=True, help="folder, .gguf file, hub id, or smollm2")
    _add_engine(add)


def _add_engine(add: Any) -> None:
    add("--dtype", choices=DTYPES, default="bfloat16", help="default: %(default)s")
    add("--attn", choices=tuple(ATTENTION), default="sdpa", help="default: %(default)s")
    add("--device", choices=DEVICES, default="auto")
    add("--trust-remote-code", action="store_true", help="run code that the model brings with it")


def _add_profile(add: Any) -> None:
    add(
        "--profile",
        default="published",
        metavar="FILE",
        help="bounds that calibrate wrote (default: those of the paper, with signs and dispersion)",
    )


def _add_shape(add: Any) -> None:
    add("--decode-batching-size", type=int, default=32, metavar="N", help="tokens of one proof")
    add("--topk", type=int, default=128, metavar="K", help="values of one proof")


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError("write numbers as in 1,4") from error
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("give numbers of at least 1")
    return numbers


def _margin(text: str) -> float:
    margin = float(text)
    if not 1 <= margin < math.inf:
        raise argparse.ArgumentTypeError("give a number of at least 1")
    return margin


def _words(known: Any) -> Any:
    def read(text: str) -> list[str]:
        words = text.split(",")
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word}: unknown; use {', '.join(known)}")
        return words

    return read


if __name__ == "__main__":
    sys.exit(main())
