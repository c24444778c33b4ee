"""`assay audit run` and `assay audit enroll --model`: what needs a loaded model."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from .. import _core, models
from ..arguments import bytes_of_hex
from ..errors import FAILED, InputError
from ..models import Engine, Loaded
from ..printing import printable, show, show_json
from ..progress import Bar, Progress
from ..stopping import obey
from ..wording import count, duration
from ..writing import write_together
from .auditing import streaming_audit
from .calibrating import calibrate
from .recording import Recorded, Run

_NONCE = 32


def run(options: argparse.Namespace) -> int:
    """Answer prompts, and keep what the layers computed; gives the exit code."""
    nonce = _nonce_of(options.nonce)
    if (options.prompt is None) == (options.prompts is None):
        raise InputError("malformed", "--prompt", "give it, or --prompts with a file of them")
    sampling = "greedy"
    if options.min_new_tokens > 0:
        # The token is then not always the one with the largest logit.
        sampling = f"greedy, no end within {options.min_new_tokens} tokens"
    texts = options.prompt or models.read_prompts(options.prompts, sys.maxsize)
    with Bar.on_stderr("assay audit run", quiet=options.quiet) as bar:
        loaded = _load(options)
        ids = models.encode_prompts(loaded.tokenizer, texts, chat=options.chat)
        settings = models.settings_for(
            loaded.model, options.max_new_tokens, min_new_tokens=options.min_new_tokens
        )
        with (
            models.quiet(True),
            streaming_audit(
                loaded.model,
                options.output,
                signing_key=options.key,
                nonce=nonce,
                sampling=sampling,
                all_prompt_rows=options.prompt_rows == "all",
                layers=options.layers,
            ) as recorded,
        ):
            models.generate(loaded.model, ids, settings, report=bar)
    requests = [_write_request(one, nonce, sampling) for one in recorded.runs]
    _report(options, loaded, recorded, requests)
    whole = len(recorded.runs) == len(ids) and not recorded.problems
    return 0 if whole else FAILED


def _nonce_of(text: str | None) -> bytes:
    nonce = bytes(_NONCE) if text is None else bytes_of_hex(text, _NONCE)
    if not nonce:
        raise InputError("malformed", "--nonce", f"not {2 * _NONCE} hexadecimal digits")
    return nonce


def _load(options: argparse.Namespace) -> Loaded:
    engine = Engine(options.dtype, options.attn, options.device)
    return models.load(options.model, engine, trust_remote_code=options.trust_remote_code)


def _write_request(one: Run, nonce: bytes, sampling: str) -> Path:
    """What was asked and answered, as the verifier keeps it; beside the folder of the run."""
    path = one.folder.with_name(f"{one.folder.name}.request")
    text = _core.audit_request_text(nonce, one.prompt, one.output, sampling)
    write_together({path: text.encode()})
    return path


def _report(
    options: argparse.Namespace, loaded: Loaded, recorded: Recorded, requests: list[Path]
) -> None:
    answers = [str(loaded.tokenizer.decode(one.output)) for one in recorded.runs]
    if options.json:
        show_json(
            {
                "runs": [
                    {
                        "folder": str(one.folder),
                        "request": str(request),
                        "head_digest": one.head,
                        "prompt_tokens": len(one.prompt),
                        "output_tokens": len(one.output),
                        "answer": answer,
                    }
                    for one, request, answer in zip(recorded.runs, requests, answers, strict=True)
                ],
                "rows": recorded.rows,
                "drops": recorded.drops,
                "longest_lag_s": recorded.longest_lag_s,
                "hashing_s": recorded.hashing_s,
                "most_memory": recorded.most_memory,
                "problems": recorded.problems,
            }
        )
        return
    for one, request, answer in zip(recorded.runs, requests, answers, strict=True):
        show(f"{printable(answer)}")
        show(f"  run      {one.folder}")
        show(f"  request  {request}")
        show(f"  head     {one.head}")
    show(
        f"{count(recorded.rows)} rows kept, {count(recorded.drops)} dropped; each step was "
        f"committed to within {duration(recorded.longest_lag_s)}"
    )
    for problem in recorded.problems:
        show(f"assay audit run: {printable(problem)}", error=True)


def calibrate_model(options: argparse.Namespace) -> int:
    """Measure honest runs, write the profile, and report; gives the exit code."""
    _require_new_place(options.out)
    count_ = options.n_prompts
    texts = (
        models.made_prompts(count_)
        if options.prompts is None
        else models.read_prompts(options.prompts, count_)
    )
    with Bar.on_stderr("assay audit calibrate", quiet=options.quiet) as bar:
        loaded = _load(options)
        found = calibrate(
            loaded.model,
            models.encode_prompts(loaded.tokenizer, texts),
            name=options.name,
            model_name=loaded.source.name,
            max_new_tokens=options.max_new_tokens,
            batch=options.batch,
            margin=options.margin,
            on_count=lambda done, total: bar(Progress("measure", done, total)),
        )
    write_together({options.out: found.profile.to_json().encode()})
    profile = found.profile
    if options.json:
        show_json(
            {
                "learned": found.learned,
                "held_out": found.held_out,
                "alarms": found.alarms,
                "tokens": found.tokens,
                "profile": json.loads(profile.to_json()),
            }
        )
        return 0
    show(f"{profile.dtype}, {profile.kernel}, on {profile.device}: {count(found.tokens)} tokens")
    show(f"  variance of rounding    {profile.variance_factor:.4g} times the formula's")
    show(f"  rounded otherwise       {profile.differing_share:.3%} of the outputs of a layer")
    show(f"  error of attention      {profile.attention_error:.3%} of a head")
    show(
        f"{found.alarms} of {found.held_out} held out prompts rejected; with 95 % confidence, at "
        f"most {profile.false_alarm_bound:.3g} of honest ones are"
    )
    show(f"written to {printable(str(options.out))}")
    return 0


def _require_new_place(out: Path) -> None:
    """Find out before anything is measured, not after, that the profile cannot be written."""
    if not out.parent.is_dir():
        raise InputError("io", str(out.parent), "no such folder; make it, or choose another --out")
    if out.is_dir() or not os.access(out.parent, os.W_OK | os.X_OK):
        raise InputError("io", str(out), "cannot be written; choose another --out")


def enroll(options: argparse.Namespace) -> int:
    """Make the keys of a model that is no folder of safetensors; becomes the native command."""
    with tempfile.TemporaryDirectory(prefix="assay-audit-") as temporary:
        folder = Path(options.folder or temporary)
        loaded = _load(options)
        with models.quiet(True):
            loaded.model.save_pretrained(folder)
        obey()
        dtype = str(loaded.model.dtype).removeprefix("torch.")
        program = Path(sys.executable).with_name("assay")
        flags = ["--weights", folder, "--dtype", dtype, "--out", options.out]
        for name in ("vectors", "epochs"):
            if getattr(options, name) is not None:
                flags += [f"--{name}", getattr(options, name)]
        if options.json:
            flags.append("--json")
        arguments = [str(program), "audit", "enroll", *map(str, flags)]
        status = os.waitstatus_to_exitcode(
            os.waitpid(os.posix_spawn(program, arguments, os.environ), 0)[1]
        )
        return status if status >= 0 else FAILED
