"""The experiment of the paper: one command generates and keeps signatures, another validates them.

Flags and the lines that are printed are those of the published experiment, PASSED or FAILED with
three figures. Here the verdict is over all of a sample, and has more reasons to fail: signs,
dispersion, and single chunks.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import Any

from torch import Tensor

from .. import _core
from .._core import Verdict
from ..errors import DecodeError, InputError
from ..models import (
    Engine,
    encode_prompts,
    load,
    read_prompts,
    require_positions,
    require_vocabulary,
    resolve,
)
from ..printing import printable, show
from .chunks import Shape
from .engines import (
    TRANSFORMERS,
    VLLM,
    Producer,
    Recomputer,
    chosen_engine,
    producer,
    recomputer,
)
from .last_tokens import Chooser, worse
from .producing import MOST_PROMPT_TOKENS, produce
from .recomputing import recompute
from .verifying import (
    Profile,
    Prompt,
    Signature,
    check_answer,
    check_file,
    examine_file,
    profile_of,
    statistics,
    unmeasured,
)
from .watching import Produced

_SAMPLES = 4


def generate(options: argparse.Namespace, engine: Engine) -> int:
    """Generate, and write one signature for each prompt; gives the exit code."""
    least = _least_tokens(options)
    prompts = read_prompts(options.dataset_name, options.n_samples or _SAMPLES)
    folder = _made_folder(options.save_dir)
    shape = Shape()
    ready: Producer
    if chosen_engine(options) == TRANSFORMERS:
        _require_one_process(options.tp)
        ready = _Transformers(options, engine, shape)
    else:
        ready = producer(options, engine, shape)
    with closing(ready):
        encoded = ready.encode(prompts, MOST_PROMPT_TOKENS, options.chat)
        answers = ready.produce(
            encoded, max_new_tokens=options.max_decode_tokens, min_new_tokens=least
        )
        written = 0
        for index, (text, made) in enumerate(zip(prompts, answers, strict=True)):
            signature = Signature(
                model=ready.name, dtype=ready.dtype, attention=ready.attention, prompt=text,
                prompt_token_ids=made.prompt, output_token_ids=made.output, parameters=shape,
                proofs=made.proofs,
            )  # fmt: skip
            path = signature_path(folder, options.model_name, index)
            signature.write(str(path))
            written += sum(map(len, made.proofs))
            show(
                f"{printable(str(path))}: {len(made.output)} tokens, {len(made.proofs)} proofs",
                flush=True,
            )
    show(f"{len(prompts)} signatures, {written} bytes of proofs, in {printable(str(folder))}")
    return 0


class _Transformers:
    """The engine of `produce`, as others are offered; one prompt at a time."""

    def __init__(self, options: argparse.Namespace, engine: Engine, shape: Shape) -> None:
        self._shape = shape
        self._model, self._tokenizer, source = load(
            options.model_name, engine, trust_remote_code=options.trust_remote_code
        )
        self.name, self.dtype, self.attention = source.name, engine.dtype, engine.attention

    def encode(self, texts: Sequence[str], most: int, chat: bool) -> list[list[int]]:
        return encode_prompts(self._tokenizer, list(texts), most, chat=chat)

    def produce(
        self, prompts: Sequence[Sequence[int]], *, max_new_tokens: int, min_new_tokens: int
    ) -> Iterator[Produced]:
        for prompt in prompts:
            require_positions(self._model, len(prompt) + max_new_tokens)
        for prompt in prompts:
            yield from produce(
                self._model, [prompt], max_new_tokens=max_new_tokens,
                min_new_tokens=min_new_tokens, shape=self._shape,
            )  # fmt: skip

    def close(self) -> None:
        del self._model


def validate(options: argparse.Namespace, engine: Engine) -> int:
    """Recompute and judge the signatures; 0 when all pass, 1 when one fails, 3 when undecided.

    What a provider did not hand over, or made so that it cannot be judged, has failed: who drops or
    spoils a sample shall not do better than who lets it be judged.
    """
    if options.engine != VLLM:
        _require_one_process(options.tp)
    least = _least_tokens(options)
    texts = read_prompts(options.dataset_name, options.n_samples or _SAMPLES)
    if len(texts) < (options.n_samples or 0):
        reason = f"{len(texts)} prompts, fewer than --n_samples {options.n_samples}"
        raise InputError("mismatch", options.dataset_name, reason)
    folder = Path(options.save_dir)
    if not folder.is_dir():
        raise InputError("io", str(folder), "no such folder; give --save_dir of the signatures")
    profile = profile_of(options.profile)
    ready: Recomputer
    if options.engine == VLLM:
        chooser = _stored_chooser(options, engine)
        ready = recomputer(options, engine)
    else:
        ready = own = _Recomputing(options, engine)
        chooser = own.chooser
    with closing(ready):
        encoded = ready.encode(texts, MOST_PROMPT_TOKENS, options.chat)
        prompts = [Prompt(text, ids) for text, ids in zip(texts, encoded, strict=True)]
        _core.toploc_check_prompts(prompts)
        samples = [
            _opened(
                signature_path(folder, options.decode_model_name, index), prompt,
                (least, options.max_decode_tokens), ready,
            )
            for index, prompt in enumerate(prompts)
        ]  # fmt: skip
        verdicts = []
        for verdict, line in _judged(samples, ready, profile, chooser, least):
            verdicts.append(verdict)
            show(line, flush=True)
    passed = sum(map(bool, verdicts))
    show(f"{passed} of {len(verdicts)} samples passed", error=True)
    # The same for all samples, and no part of the published lines.
    show(f"bounds {profile.title!r}", error=True)
    if note := unmeasured(profile, ready.name, ready.engine):
        show(f"note: {printable(note)}", error=True)
    if chooser.others:
        show(f"note: last tokens were not judged: {printable(chooser.not_judged)}", error=True)
    return reduce(worse, verdicts).exit_code


def _stored_chooser(options: argparse.Namespace, engine: Engine) -> Chooser:
    """What takes the tokens of the model that another engine is to run.

    That engine keeps its head to itself. The model is read on the CPU, and but for the head let go.
    """
    model, *_ = load(
        options.validate_model_name,
        Engine(engine.dtype, device="cpu"),
        trust_remote_code=options.trust_remote_code,
    )
    return Chooser.of(model)


class _Recomputing:
    """transformers as what recomputes."""

    def __init__(self, options: argparse.Namespace, engine: Engine) -> None:
        self._model, self._tokenizer, source = load(
            options.validate_model_name, engine, trust_remote_code=options.trust_remote_code
        )
        self.name, self.engine, self.chooser = source.name, engine, Chooser.of(self._model)
        self.ends = list(self.chooser.ends)
        embedding: Any = self._model.get_input_embeddings()
        self._vocabulary = int(embedding.weight.shape[0])

    def encode(self, texts: Sequence[str], most: int, chat: bool) -> list[list[int]]:
        return encode_prompts(self._tokenizer, list(texts), most, chat=chat)

    def require(self, prompt: Sequence[int], output: Sequence[int]) -> None:
        require_positions(self._model, len(prompt) + len(output))
        require_vocabulary([*prompt, *output], self._vocabulary)

    def states(self, answers: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Iterator[Tensor]:
        for prompt, output in answers:
            yield recompute(self._model, prompt, output)

    def close(self) -> None:
        del self._model


# A signature whose states are to be recomputed; or the verdict that needs none, and its line.
_Sample = Signature | tuple[Verdict, str]


def _opened(path: Path, prompt: Prompt, lengths: tuple[int, int], ready: Recomputer) -> _Sample:
    """What can be said of a sample before a model is run."""
    if not path.is_file():
        return Verdict.rejected(
            "missing", str(path)
        ), f"VERIFICATION FAILED: missing {printable(str(path))}"
    try:
        signature = Signature.read(str(path))
        before = check_answer(signature, prompt, *lengths, ready.ends)
        if before:
            before = check_file(signature, Shape(), len(signature.output_token_ids))
        if not before:
            return before, f"VERIFICATION FAILED: {before.step}: {printable(before.reason)}"
        ready.require(signature.prompt_token_ids, signature.output_token_ids)
        return signature
    except InputError as error:
        if error.code == "unsupported" and not isinstance(error, DecodeError):
            raise  # the verifier's own model
        place = "" if error.place.startswith(str(path)) else f"{path}: "
        verdict = Verdict.rejected("signature", f"{place}{error}")
        return verdict, f"VERIFICATION FAILED: signature: {printable(verdict.reason)}"


def _judged(
    samples: Sequence[_Sample], ready: Recomputer, profile: Profile, chooser: Chooser, least: int
) -> Iterator[tuple[Verdict, str]]:
    """The verdict on each sample, and the line of the published experiment."""
    whole = [one for one in samples if isinstance(one, Signature)]
    states = ready.states([(one.prompt_token_ids, one.output_token_ids) for one in whole])
    for one in samples:
        if isinstance(one, Signature):
            yield _judge(next(states), one, profile, chooser, least)
        else:
            yield one


def _judge(
    own: Tensor, signature: Signature, profile: Profile, chooser: Chooser, least: int
) -> tuple[Verdict, str]:
    """The verdict by states, and on the last token, which they say nothing of; and its line.

    Its words are kept as they were, though intersections are good when they are many.
    """
    by_states, comparisons = examine_file(own, signature, profile, Shape(), rounded=True)
    prompt, output = signature.prompt_token_ids, signature.output_token_ids
    verdict = worse(by_states, chooser.check(own, prompt, output, least))
    if verdict.outcome == "rejected" and verdict is not by_states:
        return verdict, f"VERIFICATION FAILED: {verdict.step}: {printable(verdict.reason)}"
    if verdict.outcome == "inconclusive":
        return verdict, f"VERIFICATION INCONCLUSIVE: {verdict.step}: {printable(verdict.reason)}"
    found = statistics(comparisons)
    bound = 128 - profile.exponent_mismatches
    word, than, joint = ("PASSED", "below", "and") if verdict else ("FAILED", "above", "or")
    line = (
        f"VERIFICATION {word}: Mantissa error mean: {found.mantissa_mean:f} {than} "
        f"{profile.mantissa_mean:g} {joint} median: {found.mantissa_median:f} {than} "
        f"{profile.mantissa_median:g} {joint} exp intersections: "
        f"{128 - found.exponent_mismatches:.0f} {than} {bound:g}"
    )
    return verdict, line if verdict else f"{line}\n  {verdict.lines[0]}"


def signature_path(folder: Path, model_name: str, index: int) -> Path:
    """Where the signature of a sample lies."""
    stem = resolve(model_name).name.replace("/", "_")
    return folder / f"{stem}_{index:04}.json"


def _least_tokens(options: argparse.Namespace) -> int:
    """The fewest tokens of an answer.

    Raises:
        InputError: More than the most ("out_of_range").
    """
    most: int = options.max_decode_tokens
    least: int | None = options.min_decode_tokens
    if least is not None and least > most:
        reason = f"is {least}, more than --max_decode_tokens {most}"
        raise InputError("out_of_range", "--min_decode_tokens", reason)
    return _core.toploc_fewest_tokens(Shape(), most) if least is None else least


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
            "unsupported", f"--tp {tp}", "needs an engine that spreads a model over processes; "
            "generate with --engine vllm, or verify with --hidden-states what such an engine wrote",
        )  # fmt: skip
