"""`assay toploc demo`: an honest answer on a real model, and what else providers may try."""

import argparse
import time
from collections.abc import Iterator

import torch
from transformers import PreTrainedModel

from ..errors import Error
from ..models import Engine, encode_prompts, load, with_rounded_weights
from ..stopping import say
from ..wording import duration, size
from . import attacks
from .chunks import Shape
from .producing import MOST_PROMPT_TOKENS, produce
from .recomputing import recompute
from .verifying import Examination, examine, profile_of, statistics
from .watching import Produced

_OTHER_PROMPT = "A recipe for soup, as my grandmother wrote it down:"


def tell(options: argparse.Namespace, engine: Engine) -> int:
    """Tell the story; gives the exit code."""
    shape = Shape()
    profile = profile_of(options.profile)
    model, tokenizer, _ = load(options.model, engine, trust_remote_code=options.trust_remote_code)
    (prompt, other) = encode_prompts(tokenizer, [options.prompt, _OTHER_PROMPT], MOST_PROMPT_TOKENS)

    say("1. A provider answers, and keeps a proof of every 32 tokens\n")
    started = time.monotonic()
    honest = _answer(model, prompt, options.max_new_tokens, shape, keep_states=True)
    generating = time.monotonic() - started
    raw = honest.kept_states.nbytes
    sent = sum(map(len, honest.proofs))
    say(f"   model     {options.model}, {engine}")
    say(f"   prompt    {options.prompt!r}")
    say(f"   answer    {tokenizer.decode(honest.output)!r}")
    say(
        f"   proofs    {len(honest.proofs)} of {shape.proof_size} bytes for {len(honest.output)} "
        f"tokens; their states would be {size(raw)}, {raw / sent:.0f} times as much"
    )
    say(f"   time      {duration(generating)} to generate\n")

    say("2. A verifier runs the model once over the finished text, and compares\n")
    started = time.monotonic()
    own = recompute(model, honest.prompt, honest.output)
    found = examine(own, honest.proofs, profile, shape, rounded=True)
    checking = time.monotonic() - started
    if not found.verdict:
        raise Error(f"the honest answer: {found.verdict.step}: {found.verdict.reason}")
    for name, figure in found.verdict.figures.items():
        say(f"   {name:28} {figure}")
    say(
        f"\n   accepted by the bounds {profile.title!r}, in {duration(checking)}, "
        f"{generating / checking:.0f} times faster than the answer was generated\n"
    )

    say("3. What else a provider may do\n")
    say(f"   {'':46} exponents  mean  median  signs  verdict")
    _row("nothing: the honest answer", found)
    for name, made, must_fail in _claims(model, prompt, other, options.max_new_tokens, shape):
        states = recompute(model, prompt, made.output)
        found = examine(states, made.proofs, profile, shape, rounded=True)
        _row(name, found)
        if must_fail and found.verdict.outcome != "rejected":
            raise Error(f"{name} was not caught")

    say(
        """
   exponents and signs: how many of 128 values differ; mean and median: of the differences of the
   mantissas, of 128, where exponents agree.

What this shows: the proofs are consistent with the states of this model, for this prompt and these
tokens, as far as the bounds can tell. Whether small changes are told from other hardware depends on
the model: `assay toploc calibrate` measures honest runs and makes bounds of its own.

What it does not show: that this model chose the tokens. Whoever generates with another model and
runs this one once over the result has honest states to prove."""
    )
    return 0


def _answer(
    model: PreTrainedModel, prompt: list[int], tokens: int, shape: Shape, keep_states: bool = False
) -> Produced:
    (made,) = produce(
        model, [prompt], max_new_tokens=tokens, min_new_tokens=tokens, shape=shape,
        keep_states=keep_states,
    )  # fmt: skip
    return made


def _claims(
    model: PreTrainedModel, prompt: list[int], other: list[int], tokens: int, shape: Shape
) -> Iterator[tuple[str, Produced, bool]]:
    """Every cheat: what it is called, what is handed over, and whether it must be caught.

    They are made one after another, so that one copy of the model is held at a time.
    """

    def by(ran: PreTrainedModel) -> Produced:
        return _answer(ran, prompt, tokens, shape)

    blocks = model.config.get_text_config().num_hidden_layers
    fewer = max(1, 2 * blocks // 3)
    elsewhere = _answer(model, other, tokens, shape, keep_states=True)
    yield "another small model", by(attacks.another_model(model)), True
    smaller = by(attacks.with_fewer_blocks(model, fewer))
    yield f"a smaller one: {fewer} of its {blocks} blocks", smaller, True
    in_4_bits = by(with_rounded_weights(model, 4, 128))
    yield "weights of 4 bits, 128 to a scale", in_4_bits, True
    in_8_bits = by(with_rounded_weights(model, 8))
    yield "weights of 8 bits, a scale for each channel", in_8_bits, False
    yield "another prompt", elsewhere, True
    if model.dtype == torch.bfloat16:
        in_float32 = by(attacks.in_dtype(model, torch.float32))
        yield "float32 instead of bfloat16", in_float32, False
    value = attacks.typical_value([elsewhere.kept_states], shape)
    honest = by(model)
    forged = attacks.constant_proofs(len(honest.proofs), value, shape)
    yield "no model: one value for all", Produced(prompt, honest.output, forged), True


def _row(name: str, found: Examination) -> None:
    verdict = found.verdict
    step = f"rejected at: {verdict.step}" if verdict.outcome == "rejected" else verdict.outcome
    if not found.comparisons:
        print(f"   {name:46} {'':31} {step}")
        return
    seen = statistics(found.comparisons)
    print(
        f"   {name:46} {seen.exponent_mismatches:9.1f} {seen.mantissa_mean:5.1f} "
        f"{seen.mantissa_median:7.1f} {seen.sign_mismatches:6.1f}  {step}",
        flush=True,
    )
