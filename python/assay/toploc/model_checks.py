"""What `assay toploc verify` and `calibrate` do with a model, and what they report."""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..models import Engine, encode_prompts, load, made_prompts, read_prompts
from ..printing import printable, show, show_json
from ..progress import Bar, Progress
from .calibrating import Calibration, Provider, calibrate, rate_bound
from .chunks import Parameters, Shape
from .engine_states import read_states
from .engines import TRANSFORMERS, OtherEngine
from .last_tokens import check_last_token, not_asked, with_last
from .producing import MOST_PROMPT_TOKENS
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


def verify_answer(options: argparse.Namespace, engine: Engine) -> int:
    """Judge a signature, and say so with what the verdict is about; gives the exit code."""
    (verdict, comparisons), about = _examined(options, engine)
    if options.json:
        chunks = [json.loads(one.to_json()) for one in comparisons]
        report = {**json.loads(verdict.to_json()), **about, "chunks": chunks}
        show_json(report)
    else:
        show(
            f"{about['tokens']} tokens of {about['model']}, {about['proofs']} proofs, bounds "
            f"{about['profile']!r}"
        )
        show("\n".join(verdict.lines))
    return verdict.exit_code


def _examined(options: argparse.Namespace, engine: Engine) -> tuple[Examination, dict[str, Any]]:
    """By states that are computed here, or that the verifier's engine wrote."""
    # Where no rule for ties is demanded, either will do.
    any_ties = options.ties is None
    asked = Parameters(
        topk=options.topk,
        decode_batching_size=options.decode_batching_size,
        prefill_rows=options.prefill_rows,
        merge_tail_below=options.merge_tail_below,
        lower_index_first=options.ties == "lower-index",
    )
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
        "profile": profile.title,
    }
    first, rows = asked.rows_of_answer(
        len(signature.prompt_token_ids), len(signature.output_token_ids)
    )
    before = check_file(file, asked, rows, any_ties=any_ties)
    if not before:
        # No model need run to say so.
        return Examination(before, []), about
    model, _, source = load(options.model, engine, trust_remote_code=options.trust_remote_code)
    if options.hidden_states is None:
        if options.layer is not None:
            raise InputError("mismatch", "layer", "is one of --hidden-states; give that file")
        own, ran = recompute(model, fed[: first + 1], fed[first + 1 :]), engine
    else:
        layer = -1 if options.layer is None else options.layer
        prompt, output = signature.prompt_token_ids, signature.output_token_ids
        states, name = read_states(options.hidden_states, model, prompt, output, layer)
        own = states[first:]
        # Its kernels are none of those that models run with here.
        ran = Engine(str(own.dtype).removeprefix("torch."), name)
    found = examine_file(
        own[:rows], file, profile, asked, any_ties=any_ties, rounded=True, engine=ran,
        model=source.name,
    )  # fmt: skip
    last = (
        check_last_token(model, own[:rows], signature.prompt_token_ids, signature.output_token_ids)
        if options.greedy
        else not_asked("how tokens were taken is not known; give --greedy if the likeliest were")
    )
    return Examination(with_last(found.verdict, last), found.comparisons), about


def calibrate_model(options: argparse.Namespace, engine: Engine) -> int:
    """Measure honest runs, write the profile, and report; gives the exit code."""
    _require_place(options.out)
    if options.min_new_tokens > options.max_new_tokens:
        reason = f"is {options.min_new_tokens}, more than --max-new-tokens {options.max_new_tokens}"
        raise InputError("out_of_range", "--min-new-tokens", reason)
    sides = options.provider_engine, options.verifier_engine
    if TRANSFORMERS not in sides:
        reason = f"and --verifier-engine {sides[1]}: one of them has to be {TRANSFORMERS}"
        raise InputError("unsupported", f"--provider-engine {sides[0]}", reason)
    shape = Shape(options.decode_batching_size, options.topk, False, options.merge_short_tails)
    count = options.n_prompts
    texts = made_prompts(count) if options.prompts is None else read_prompts(options.prompts, count)
    model, tokenizer, source = load(
        options.model, engine, trust_remote_code=options.trust_remote_code
    )
    bar = Bar.on_stderr("assay toploc calibrate", quiet=options.quiet)

    def tell(done: int, total: int) -> None:
        bar(Progress("measure", done, total))
        if not (options.quiet or sys.stderr.isatty()):
            show(f"assay toploc calibrate: {done} of {total} runs", error=True)

    prompts = encode_prompts(tokenizer, texts, MOST_PROMPT_TOKENS, chat=options.chat)
    with bar, ExitStack() as engines:
        answered = recomputed = None
        kernels = verifying = options.attentions
        other = next((name for name in sides if name != TRANSFORMERS), None)
        if other is not None:
            engine_of_one_side = engines.enter_context(
                OtherEngine(other, options, (model, tokenizer), shape)
            )
            if options.provider_engine == other:
                answered, kernels = partial(engine_of_one_side.answers, prompts=prompts), [other]
            else:
                recomputed, verifying = engine_of_one_side.states, [other]
        found = calibrate(
            model,
            prompts,
            name=options.name,
            model_name=source.name,
            providers=[
                Provider(Engine(dtype, attention, options.device), batch)
                for dtype in options.provider_dtypes or [options.dtype]
                for attention in kernels
                for batch in options.batch_sizes
            ],
            verifiers=[Engine(options.dtype, one, options.device) for one in verifying],
            max_new_tokens=options.max_new_tokens,
            min_new_tokens=options.min_new_tokens,
            shape=shape,
            margin=options.margin,
            on_count=tell,
            answered=answered,
            recomputed=recomputed,
        )
    found.profile.save(str(options.out))
    report = _report(found)
    if options.json:
        show_json(report)
    else:
        _print_plainly(report, options.out)
    return 0


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
                "fingerprint_distance": max(run.distances, default=None),
                "alarms": run.alarms,
                "false_alarm_bound": rate_bound(run.alarms, found.held_out),
            }
            for run in found.runs
        ],
    }


def _print_plainly(report: dict[str, Any], path: Path) -> None:
    heads = "exponents  mean  median  signs  dispersion  rejected"
    show(f"{'provider':34} {'verifier':18} {heads}")
    for run in report["runs"]:
        worst = run["worst"]
        show(
            f"{run['provider']:34} {run['verifier']:18} {worst['exponent_mismatches']:9.2f} "
            f"{worst['mantissa_mean']:5.2f} {worst['mantissa_median']:7.2f} "
            f"{worst['sign_mismatches']:6.2f} {worst['dispersion']:11.3f} {run['alarms']:9}"
        )
    show(
        f"\n{report['alarms']} of {report['held_out']} prompts that the bounds had not seen were "
        f"rejected: with 95 % confidence fewer than {100 * report['false_alarm_bound']:.1f} % of "
        f"honest answers to such prompts, run in one of these ways, will be\n{printable(str(path))}"
    )


def _worst(listed: list[Statistics]) -> dict[str, float]:
    names = ("exponent_mismatches", "mantissa_mean", "mantissa_median", "sign_mismatches")
    worst = {name: max(float(getattr(one, name)) for one in listed) for name in names}
    return {**worst, "dispersion": min(one.dispersion for one in listed)}
