"""What `assay toploc verify` and `calibrate` do with a model, and what they report."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .. import _core
from ..errors import InputError
from ..models import Engine, encode_prompts, load, made_prompts, read_prompts, resolve
from ..progress import Bar, Progress
from .calibrating import Calibration, Provider, calibrate
from .chunks import Shape
from .recomputing import recompute
from .signatures import Signature
from .verifying import Statistics, examine, profile_of
from .vllm_file import read_vllm_states

_MOST_PROMPT_TOKENS = 1024


def verify_tokens(options: argparse.Namespace, engine: Engine) -> dict[str, Any]:
    """Judge a signature by states that are computed here, or that the verifier's engine wrote."""
    agreed = Shape(options.decode_batching_size, options.topk, False, options.merge_short_tails)
    signature = Signature.read(options.tokens)
    tokens = len(signature.prompt) + len(signature.output)
    if options.max_tokens is not None and tokens > options.max_tokens:
        raise InputError("too_large", options.tokens, f"{tokens} tokens, more than --max-tokens")
    if options.proofs is not None:
        signature = _with_file(signature, options.proofs)
    if not signature.proofs:
        raise InputError("mismatch", options.tokens, "no proofs in it; give --proofs")
    profile = profile_of(options.profile)
    about = {
        "model": options.model,
        "dtype": engine.dtype,
        "attention": engine.attention,
        "tokens": len(signature.output),
        "proofs": len(signature.proofs),
        "profile": profile.name,
    }
    if signature.shape != agreed:
        # Nobody but the verifier chooses how much is checked.
        reason = f"proofs of {signature.shape}, {agreed} was asked for"
        return {
            **about, "verdict": "rejected", "step": "parameters", "reason": reason,
            "figures": {}, "notes": [], "chunks": [],
        }  # fmt: skip
    model, *_ = load(options.model, engine, trust_remote_code=options.trust_remote_code)
    if options.hidden_states is None:
        own = recompute(model, signature.prompt, signature.output)
        ran = engine
    else:
        states, fed = read_vllm_states(options.hidden_states, model)
        wanted = signature.prompt + signature.output[:-1]
        if fed[: len(wanted)] != wanted:
            raise InputError("mismatch", options.hidden_states, "states of other tokens")
        own = states[len(signature.prompt) - 1 : len(wanted)]
        # Its kernels are none of those that models run with here.
        ran = Engine(str(states.dtype).removeprefix("torch."), "vLLM")
    verdict, comparisons = examine(
        own, signature.proofs, profile, agreed, rounded=True, engine=ran,
        model=resolve(options.model).name,
    )  # fmt: skip
    return {
        **about,
        "verdict": verdict.outcome,
        "step": verdict.step,
        "reason": verdict.reason,
        "figures": dict(verdict.figures),
        "notes": list(verdict.notes),
        "chunks": [
            {
                "exponent_mismatches": one.exponent_mismatches,
                "sign_mismatches": one.sign_mismatches,
                "mantissa_mean": one.mantissa_mean,
                "mantissa_median": one.mantissa_median,
            }
            for one in comparisons
        ],
    }


def _with_file(signature: Signature, path: str) -> Signature:
    file = _core.ToplocProofFile.read(path)
    if file.lower_index_first or file.prefill_rows > 0 or file.merge_tail_below not in (0, 8):
        raise InputError(
            "unsupported", path, "proofs by the rule lower-index, of a prefill, or with a tail of "
            "another length than 8; recompute the states and use assay.toploc.verify",
        )  # fmt: skip
    shape = Shape(file.decode_batching_size, file.topk, False, file.merge_tail_below == 8)
    return signature.with_proofs(list(file.proofs), shape)


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
