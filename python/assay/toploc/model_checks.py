"""What `assay toploc verify` and `calibrate` do with a model, and what they report."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ..errors import InputError
from ..models import Engine, encode_prompts, load, made_prompts, read_prompts, resolve
from ..progress import Bar, Progress
from .calibrating import Calibration, Provider, calibrate
from .chunks import Parameters, Shape
from .recomputing import recompute
from .verifying import (
    Examination,
    ProofFile,
    Signature,
    Statistics,
    check_file,
    examine_file,
    profile_of,
)
from .vllm_file import read_vllm_states

_MOST_PROMPT_TOKENS = 1024


class Report(NamedTuple):
    """A verdict on an answer, and what it is about.

    Attributes:
        found: The verdict, with what it rests on.
        about: Model, dtype, attention, tokens, proofs and profile, by these names.
    """

    found: Examination
    about: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The object of the verdict, and around it what it is about, chunk by chunk."""
        verdict, comparisons = self.found
        chunks = [json.loads(one.to_json()) for one in comparisons]
        return {**json.loads(verdict.to_json()), **self.about, "chunks": chunks}

    def lines(self) -> list[str]:
        """The lines that people read."""
        about = (
            f"{self.about['tokens']} tokens of {self.about['model']}, "
            f"{self.about['proofs']} proofs, bounds {self.about['profile']!r}"
        )
        return [about, *self.found.verdict.lines]


def verify_tokens(options: argparse.Namespace, engine: Engine) -> Report:
    """Judge a signature by states that are computed here, or that the verifier's engine wrote."""
    asked, any_ties = _asked(options)
    signature = Signature.read(options.tokens)
    fed = [*signature.prompt_token_ids, *signature.output_token_ids]
    if options.max_tokens is not None and len(fed) > options.max_tokens:
        raise InputError("too_large", options.tokens, f"{len(fed)} tokens, more than --max-tokens")
    file = signature if options.proofs is None else ProofFile.read(options.proofs)
    if not file.proofs:
        raise InputError("mismatch", options.tokens, "no proofs in it; give --proofs")
    profile = profile_of(options.profile)
    about = {
        "model": options.model,
        "dtype": engine.dtype,
        "attention": engine.attention,
        "tokens": len(signature.output_token_ids),
        "proofs": len(file.proofs),
        "profile": profile.name,
    }
    first, rows = asked.rows_of_answer(
        len(signature.prompt_token_ids), len(signature.output_token_ids)
    )
    before = check_file(file, asked, rows, any_ties=any_ties)
    if not before:
        # No model need run to say so.
        return Report(Examination(before, []), about)
    own, ran = _own_states(options, engine, fed, first)
    found = examine_file(
        own[:rows], file, profile, asked, any_ties=any_ties, rounded=True, engine=ran,
        model=resolve(options.model).name,
    )  # fmt: skip
    return Report(found, about)


def _asked(options: argparse.Namespace) -> tuple[Parameters, bool]:
    """What proofs must have been made under, and whether either rule for ties will do."""
    parameters = Parameters(
        topk=options.topk,
        decode_batching_size=options.decode_batching_size,
        prefill_rows=options.prefill_rows,
        merge_tail_below=options.merge_tail_below,
        lower_index_first=options.ties == "lower-index",
    )
    return parameters, options.ties is None


def _own_states(
    options: argparse.Namespace, engine: Engine, tokens: list[int], first: int
) -> tuple[Tensor, Engine]:
    """The states after the token of number `first` and those behind it, and what made them."""
    model, *_ = load(options.model, engine, trust_remote_code=options.trust_remote_code)
    if options.hidden_states is None:
        if options.layer is not None:
            raise InputError("mismatch", "layer", "is one of --hidden-states; give that file")
        return recompute(model, tokens[: first + 1], tokens[first + 1 :]), engine
    states, fed = read_vllm_states(
        options.hidden_states, model, -1 if options.layer is None else options.layer
    )
    wanted = tokens[:-1]
    if fed[: len(wanted)] != wanted:
        raise InputError("mismatch", options.hidden_states, "states of other tokens")
    # Its kernels are none of those that models run with here.
    return states[first:], Engine(str(states.dtype).removeprefix("torch."), "vLLM")


def calibrate_model(options: argparse.Namespace, engine: Engine) -> dict[str, Any]:
    """Measure honest runs, write the profile, and report."""
    _require_place(options.out)
    shape = Shape(options.decode_batching_size, options.topk, False, options.merge_short_tails)
    count = options.n_prompts
    texts = made_prompts(count) if options.prompts is None else read_prompts(options.prompts, count)
    model, tokenizer, _ = load(options.model, engine, trust_remote_code=options.trust_remote_code)

    bar = Bar.on_stderr("assay toploc calibrate", quiet=options.quiet)

    def tell(done: int, total: int) -> None:
        bar(Progress("measure", done, total))
        if not (options.quiet or sys.stderr.isatty()):
            print(f"assay toploc calibrate: {done} of {total} runs", file=sys.stderr)

    with bar:
        found = calibrate(
            model,
            encode_prompts(tokenizer, texts, _MOST_PROMPT_TOKENS),
            name=options.name,
            model_name=resolve(options.model).name,
            providers=[
                Provider(Engine(dtype, attention, options.device), batch)
                for dtype in options.provider_dtypes or [options.dtype]
                for attention in options.attentions
                for batch in options.batch_sizes
            ],
            verifiers=[Engine(options.dtype, one, options.device) for one in options.attentions],
            max_new_tokens=options.max_new_tokens,
            shape=shape,
            margin=options.margin,
            on_count=tell,
        )
    found.profile.save(str(options.out))
    return _report(found)


def _require_place(out: Path) -> None:
    """Find out before anything is measured, not after, that the profile cannot be written."""
    if out.is_dir():
        raise InputError("io", str(out), "is a folder; give a file for the profile")
    if not out.parent.is_dir():
        raise InputError("io", str(out.parent), "no such folder; make it, or choose another --out")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InputError("io", str(out.parent), "is not writable; choose another --out")


def _report(found: Calibration) -> dict[str, Any]:
    return {
        "learned": found.learned,
        "held_out": found.held_out,
        "alarms": found.alarms,
        "false_alarm_bound": found.profile.false_alarm_bound,
        "profile": found.profile.to_json(),
        "runs": [
            {
                "provider": str(run.provider),
                "verifier": str(run.verifier),
                "worst": _worst(run.statistics),
                "fingerprint_distance": max(run.distances),
            }
            for run in found.runs
        ],
    }


def _worst(listed: list[Statistics]) -> dict[str, float]:
    names = ("exponent_mismatches", "mantissa_mean", "mantissa_median", "sign_mismatches")
    worst = {name: max(float(getattr(one, name)) for one in listed) for name in names}
    return {**worst, "dispersion": min(one.dispersion for one in listed)}
