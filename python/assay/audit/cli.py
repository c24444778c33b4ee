"""The program `assay-audit`: what `assay audit` does in Python."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..arguments import Parser, add_number, at_least, parser_of
from ..ending import ended
from ..models import ATTENTION, DEVICES, DTYPES, require_models

PROGRAM = "assay audit"
_PROMPT = "The lighthouse keeper opened the letter and read"

_EXAMPLE = """\
examples:
  assay audit run --model smollm2 --prompt "The capital of France is" --output runs
  assay audit enroll --model smollm2 --out smollm2-key
  assay audit calibrate --model smollm2 --out smollm2.profile
  assay audit sample
  assay audit demo

`assay audit challenge`, `open`, `check`, `listen`, and `enroll --weights`, run no model and need no
Python. Exit codes: 0 done, 1 rejected, 2 bad input or could not run, 3 inconclusive.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(argv)
    return ended(f"{PROGRAM} {options.verb}", lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    # Loading torch takes seconds that --help, typing errors and missing models need not wait.
    require_models(options)
    if options.verb == "sample":
        from . import story

        return story.tell(options)
    if options.verb == "demo":
        from . import demo

        return demo.tell(options) if options.role is None else demo.play(options)
    from . import model_verbs

    verbs = {
        "run": model_verbs.run,
        "enroll": model_verbs.enroll,
        "calibrate": model_verbs.calibrate_model,
    }
    return verbs[options.verb](options)


def _parser() -> argparse.ArgumentParser:
    about = "What each layer of a model computed, while it runs."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add_verb in (_add_run, _add_enroll, _add_calibrate, _add_sample, _add_demo):
        add_verb(verbs)
    return parser


def _verb(verbs: Any, name: str, summary: str) -> Any:
    parser: Parser = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    return parser.add_argument


def _add_run(verbs: Any) -> None:
    about = "answer prompts, and commit to what each layer computed meanwhile"
    add = _verb(verbs, "run", about)
    _add_model(add)
    add("--prompt", action="append", metavar="TEXT", help="to continue; may be given several times")
    add("--prompts", metavar="FILE", help="instead: a prompt in each line, or .jsonl")
    add("--chat", action="store_true", help="prompts within the tokenizer's chat template")
    add_number(add, "--max-new-tokens", 32, "of each answer", least=1)
    add_number(add, "--min-new-tokens", 0, "of each answer", least=0)
    add("--output", required=True, type=Path, metavar="DIR", help="a folder for each run in it")
    add("--key", type=Path, metavar="FILE", help="of assay keygen (default: provider.key in DIR)")
    add("--nonce", metavar="HEX", help="the verifier's, 64 digits (default: zeros)")
    add(
        "--prompt-rows",
        choices=("some", "all"),
        default="some",
        help="of a prompt's tokens residual, k and v, or all wires (default: %(default)s)",
    )
    add(
        "--layers",
        default="all",
        metavar="BLOCKS",
        help="the blocks that are recorded, as the verifier expects: all, 1/8 (every eighth), or "
        "as 0,8,16-19 (default: %(default)s)",
    )
    _add_ending(add)


def _add_enroll(verbs: Any) -> None:
    about = "make secret keys of a model that is not a folder: a .gguf file, a hub's"
    add = _verb(verbs, "enroll", about)
    _add_model(add)
    add("--out", required=True, metavar="PREFIX", help="the keys: PREFIX.0, PREFIX.1, ..")
    add("--folder", type=Path, metavar="DIR", help="keep the model there, as check --weights wants")
    add("--vectors", type=at_least(1), metavar="K", help="for each layer")
    add("--epochs", type=at_least(1), metavar="N", help="keys")
    _add_ending(add)


def _add_calibrate(verbs: Any) -> None:
    about = "measure how honest runs of a model round here, and write a profile for check --profile"
    add = _verb(verbs, "calibrate", about)
    _add_model(add)
    add("--out", required=True, type=Path, metavar="FILE", help="the profile")
    add("--prompts", metavar="FILE", help="texts like those to be judged; default: made ones")
    add_number(add, "--n-prompts", 16, "half of them to learn from, half to judge", least=4)
    add_number(add, "--max-new-tokens", 32, "of each answer", least=1)
    add_number(add, "--batch", 4, "prompts that run together", least=1)
    add(
        "--margin",
        type=float,
        default=1.25,
        metavar="X",
        help="bounds over the largest that was seen (default: %(default)s)",
    )
    add("--name", default="calibrated", help="of the profile (default: %(default)s)")
    _add_ending(add)


def _add_model(add: Any) -> None:
    add("--model", required=True, help="folder, .gguf file, hub id, or smollm2")
    add("--dtype", choices=DTYPES, default="bfloat16", help="default: %(default)s")
    add("--attn", choices=tuple(ATTENTION), default="sdpa", help="default: %(default)s")
    add("--device", choices=DEVICES, default="auto")
    add("--trust-remote-code", action="store_true", help="run code that the model brings with it")


def _add_ending(add: Any) -> None:
    add("--json", action="store_true", help="the report as JSON")
    add("--quiet", action="store_true", help="no messages but errors")


def _add_sample(verbs: Any) -> None:
    about = "sample a product while it is made, send it, check it, and reject a false one"
    add = _verb(verbs, "sample", about)
    add_number(add, "--size", 4000, "rows and columns of the matrices", least=1)
    add(
        "--dtype",
        choices=("float64", "float32", "bfloat16", "float16"),
        default="float64",
        help="default: %(default)s",
    )
    add_number(add, "--seed", 42, "of the matrices", least=0)
    add_number(add, "--port", 11234, "of the listener; 0: one that is free", least=0)


def _add_demo(verbs: Any) -> None:
    about = "a provider and a verifier that share files alone: an honest answer, and five cheats"
    add = _verb(verbs, "demo", about)
    add("--model", default="smollm2", help="folder, .gguf file, hub id (default: %(default)s)")
    add("--prompt", default=_PROMPT, help="to continue (default: %(default)s)")
    add_number(add, "--max-new-tokens", 64, "of each answer", least=1)
    add(
        "--risk",
        type=float,
        default=0.01,
        metavar="P",
        help="with which a cheat in a tenth of the tokens may be missed (default: %(default)s)",
    )
    add("--role", choices=("provider", "verifier"), help=argparse.SUPPRESS)
    add("--root", help=argparse.SUPPRESS)
