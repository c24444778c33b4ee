"""The experiment of the paper: one command generates and keeps signatures, another validates them.

Flags and the lines that are printed are those of the published experiment, PASSED or FAILED with
three figures. Here the verdict is over all of a sample, and has more reasons to fail: signs,
dispersion, and single chunks.
"""

import argparse
import os
import re
import sys
from pathlib import Path

from transformers import PreTrainedModel

from .._core import Verdict
from ..errors import DecodeError, InputError
from ..models import Engine, encode_prompts, load, read_prompts, require_positions, resolve
from .chunks import Shape
from .producing import MOST_PROMPT_TOKENS, produce
from .recomputing import recompute
from .verifying import (
    Profile,
    Signature,
    check_file,
    examine_file,
    profile_of,
    statistics,
    unmeasured,
)


def generate(options: argparse.Namespace, engine: Engine) -> int:
    """Generate, and write one signature for each prompt; gives the exit code."""
    _require_one_process(options.tp)
    prompts = read_prompts(options.dataset_name, options.n_samples)
    folder = _made_folder(options.save_dir)
    model, tokenizer, source = load(
        options.model_name, engine, trust_remote_code=options.trust_remote_code
    )
    shape = Shape()
    written = 0
    encoded = encode_prompts(tokenizer, prompts, MOST_PROMPT_TOKENS)
    for ids in encoded:
        require_positions(model, len(ids) + options.max_decode_tokens)
    for index, (text, ids) in enumerate(zip(prompts, encoded, strict=True)):
        (made,) = produce(model, [ids], max_new_tokens=options.max_decode_tokens, shape=shape)
        signature = Signature(
            model=source.name, dtype=options.dtype, attention=options.attn, prompt=text,
            prompt_token_ids=made.prompt, output_token_ids=made.output, parameters=shape,
            proofs=made.proofs,
        )  # fmt: skip
        path = _signature_path(folder, source.name, index)
        signature.write(str(path))
        written += sum(map(len, made.proofs))
        print(f"{path}: {len(made.output)} tokens, {len(made.proofs)} proofs", flush=True)
    print(f"{len(prompts)} signatures, {written} bytes of proofs, in {folder}")
    return 0


def validate(options: argparse.Namespace, engine: Engine) -> int:
    """Recompute and judge the signatures; 0 when all pass, 1 when one fails, 3 when undecided.

    What a provider did not hand over, or made so that it cannot be judged, has failed: who drops or
    spoils a sample shall not do better than who lets it be judged.
    """
    _require_one_process(options.tp)
    folder = Path(options.save_dir)
    if not folder.is_dir():
        raise InputError("io", str(folder), "no such folder; give --save_dir of the signatures")
    name = resolve(options.decode_model_name).name
    count = options.n_samples or _numbered(folder, name)
    profile = profile_of(options.profile)
    model, _, source = load(
        options.validate_model_name, engine, trust_remote_code=options.trust_remote_code
    )
    verdicts = []
    for index in range(count):
        path = _signature_path(folder, name, index)
        verdict, line = _judge_file(model, path, options.max_decode_tokens, profile)
        verdicts.append(verdict)
        print(line, flush=True)
    passed = sum(map(bool, verdicts))
    print(f"{passed} of {len(verdicts)} samples passed", file=sys.stderr)
    # The same for all samples, and no part of the published lines.
    if note := unmeasured(profile, source.name, engine):
        print(f"note: {note}", file=sys.stderr)
    return max(verdicts, key=lambda verdict: _WORSE.index(verdict.outcome)).exit_code


# What becomes of all, by the worst of them.
_WORSE = ("accepted", "inconclusive", "rejected")


def _judge_file(
    model: PreTrainedModel, path: Path, most_tokens: int, profile: Profile
) -> tuple[Verdict, str]:
    if not path.is_file():
        return Verdict.rejected("missing", str(path)), f"VERIFICATION FAILED: missing {path}"
    try:
        signature = Signature.read(str(path))
        for tokens, name, most in (
            (signature.prompt_token_ids, "prompt", MOST_PROMPT_TOKENS),
            (signature.output_token_ids, "answer", most_tokens),
        ):
            if len(tokens) > most:
                raise InputError("too_large", str(path), f"{name} of {len(tokens)} tokens; at most "
                                 f"{most} are recomputed")  # fmt: skip
        return _judge(model, signature, profile)
    except InputError as error:
        if error.code == "unsupported" and not isinstance(error, DecodeError):
            raise  # the verifier's own model
        place = "" if error.place.startswith(str(path)) else f"{path}: "
        verdict = Verdict.rejected("signature", f"{place}{error}")
        return verdict, f"VERIFICATION FAILED: signature: {verdict.reason}"


def _judge(model: PreTrainedModel, signature: Signature, profile: Profile) -> tuple[Verdict, str]:
    """The verdict on one sample, and the line of the published experiment.

    Its words are kept as they were, though intersections are good when they are many.
    """
    agreed = Shape()
    before = check_file(signature, agreed, len(signature.output_token_ids))
    if not before:
        return before, f"VERIFICATION FAILED: {before.step}: {before.reason}"
    own = recompute(model, signature.prompt_token_ids, signature.output_token_ids)
    verdict, comparisons = examine_file(own, signature, profile, agreed, rounded=True)
    if verdict.outcome == "inconclusive":
        return verdict, f"VERIFICATION INCONCLUSIVE: {verdict.step}: {verdict.reason}"
    found = statistics(comparisons)
    least = 128 - profile.exponent_mismatches
    word, than, joint = ("PASSED", "below", "and") if verdict else ("FAILED", "above", "or")
    line = (
        f"VERIFICATION {word}: Mantissa error mean: {found.mantissa_mean:f} {than} "
        f"{profile.mantissa_mean:g} {joint} median: {found.mantissa_median:f} {than} "
        f"{profile.mantissa_median:g} {joint} exp intersections: "
        f"{128 - found.exponent_mismatches:.0f} {than} {least:g}"
    )
    return verdict, line if verdict else f"{line}\n  {verdict.lines[0]}"


def _signature_path(folder: Path, model_name: str, index: int) -> Path:
    return folder / f"{_stem(model_name)}_{index:04}.json"


def _stem(model_name: str) -> str:
    return model_name.replace("/", "_")


def _numbered(folder: Path, model_name: str) -> int:
    """One more than the highest number of a signature: at most a million.

    Raises:
        InputError: There is no signature of this model ("io").
    """
    form = re.compile(re.escape(_stem(model_name)) + r"_(\d{4}|[1-9]\d{4,5})\.json", re.ASCII)
    found = [form.fullmatch(path.name) for path in folder.iterdir()]
    numbers = [int(one[1]) for one in found if one]
    if not numbers:
        first = _signature_path(folder, model_name, 0)
        raise InputError("io", str(first), "no such signature; make it with assay toploc generate")
    return max(numbers) + 1


def _made_folder(name: str) -> Path:
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InputError("io", name, "is not a folder; choose another --save_dir") from error
    except OSError as error:
        reason = error.strerror or "could not be made"
        raise InputError("io", name, f"{reason}; choose another --save_dir") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError("io", name, "is not writable; choose another --save_dir")
    return folder


def _require_one_process(tp: int) -> None:
    if tp != 1:
        raise InputError(
            "unsupported", f"--tp {tp}", "needs an engine that spreads a model over processes, as "
            "vLLM does; use --tp 1, or verify with --hidden-states what such an engine wrote",
        )  # fmt: skip
