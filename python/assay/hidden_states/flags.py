"""The flags that every command with a capture in it has."""

import argparse
from typing import Any

from ..arguments import add_number
from ..models import add_engine_flags


def add_capture_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how a model is run."""
    add = parser.add_argument
    add_number(add, "--max-new-tokens", 64, "most tokens to generate")
    add_number(add, "--min-new-tokens", 0, "take no end-of-text token before so many")
    add(
        "--chat",
        action="store_true",
        help="the prompt is what a user says: take it within the tokenizer's chat template",
    )
    add("--do-sample", action="store_true", help="draw tokens instead of taking the most likely")
    add(
        "--temperature",
        type=float,
        default=0.8,
        metavar="T",
        help="for --do-sample (default: %(default)s)",
    )
    add_engine_flags(add, attention=False)
    add_number(add, "--seed", 42, "for every random generator of the model")
    add(
        "--deterministic",
        action="store_true",
        help="the same bits on every run; always takes the most likely token",
    )
    add(
        "--mode",
        choices=("decode", "recompute"),
        default="decode",
        help="decode: values of the passes that made the tokens; recompute: values of one more "
        "pass over the finished text (default: %(default)s)",
    )


def capture_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """What these flags say, as arguments of `capture`."""
    names = (
        "max_new_tokens min_new_tokens chat do_sample temperature device dtype seed deterministic "
        "mode trust_remote_code"
    )
    return {name: getattr(options, name) for name in names.split()}
