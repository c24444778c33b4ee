"""`assay demo`: the whole story on a real model, in plain words with figures, and five attacks."""

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import (
    Challenge,
    Commitment,
    Error,
    Proofs,
    Srs,
    Tensor,
    Verdict,
    VerifierKey,
    commit,
    encode,
    verify,
)
from .arguments import add_number, parser_of
from .ending import ended
from .forgery import ProofFile
from .models import require_models
from .stopping import say
from .wording import bfloat16_of, count, duration, size

PROGRAM = "assay demo"

_EXAMPLE = """\
example:
  assay demo --prompt "Trust, but" --max-new-tokens 24
"""


class Verifying:
    """The verifier: its own SRS, and nothing of the provider but bytes."""

    def __init__(self, axes: Sequence[int]) -> None:
        # Seven random bytes that the provider does not see: the provider cannot know the secrets.
        self.srs = Srs.dev(axes, secrets.randbits(56))
        self.key = VerifierKey.from_bytes(self.srs.verifier_key.to_bytes())

    def check(
        self, commitment: bytes, proofs: bytes, challenge: Challenge, digest: str, captured: Any
    ) -> Verdict:
        """What `assay verify` does with the same files."""
        return verify(
            Commitment.from_bytes(commitment),
            Proofs.from_bytes(proofs),
            # A slice's values are committed to again, with a level of the SRS.
            self.srs if challenge.slices else self.key,
            challenge=challenge,
            digest=digest,
            expect={"encoding": "bits", "dtype": "bfloat16", "mode": "decode"},
            trusted=[self.key.digest],
            captured=captured,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 when everything happened as told, 2 when not."""
    options = _parser().parse_args(argv)
    return ended(PROGRAM, lambda: _tell(options))


def _tell(options: argparse.Namespace) -> int:
    require_models(options)
    from . import capture  # loads torch

    say("1. A provider runs a language model and keeps its hidden states\n")
    started = time.monotonic()
    held = capture(
        options.model,
        options.prompt,
        max_new_tokens=options.max_new_tokens,
        dtype="bfloat16",
        deterministic=True,
    )
    values = sum(state.numel() for state in held.hidden_states)
    raw = sum(state.nbytes for state in held.hidden_states)
    blocks = len(held.hidden_states) - 1
    say(f"   model     {held.model_name}, {blocks} blocks, bfloat16, on the CPU")
    say(f"   prompt    {held.prompt!r}")
    say(f"   answer    {held.generated_text!r}")
    say(
        f"   captured  {count(values)} numbers ({size(raw)}) while it made the tokens: "
        f"{len(held.hidden_states)} layers, {held.rows} tokens, "
        f"width {held.hidden_states[0].shape[2]}"
    )
    say(f"   time      {duration(time.monotonic() - started)}, loading included\n")

    say("2. It commits to all of them in 32 bytes\n")
    tensor = encode(held, "bits", "model")
    started = time.monotonic()
    verifier = Verifying(tensor.axes)
    making = time.monotonic() - started
    started = time.monotonic()
    commitment = commit(tensor, verifier.srs)
    committing = time.monotonic() - started
    say(f"   commitment  {commitment.hex}")
    say(f"   digest      {commitment.digest}  (covers what the numbers are, too)")
    say(
        f"   axes        {' x '.join(map(str, tensor.axes))}, "
        f"{count(tensor.padding)} zeros of padding"
    )
    say(
        f"   time        {duration(committing)}; "
        f"the public parameters (SRS) took {duration(making)}, once for a shape\n"
    )

    say(f"3. A verifier asks for {options.num_queries} numbers that it draws itself\n")
    sent = commitment.to_bytes()
    challenge = Challenge.draw(Commitment.from_bytes(sent), options.num_queries)
    started = time.monotonic()
    proofs = commitment.open(challenge)
    opening = time.monotonic() - started
    answer = proofs.to_bytes()
    started = time.monotonic()
    verdict = verifier.check(sent, answer, challenge, commitment.digest, None)
    checking = time.monotonic() - started
    if not verdict:
        raise Error(f"honest proofs were rejected at {verdict.step}: {verdict.reason}")
    say("   place                    bits      value      proof")
    for proof in proofs:
        say(
            f"   {proof.place!s:22} {proof.value:>6}  {bfloat16_of(proof.value):>9.4g}  "
            f"{32 * len(tensor.axes)} bytes  accepted"
        )
    say(
        f"\n   proofs    {size(len(answer))} for {len(proofs)} numbers; "
        f"made in {duration(opening)}, checked in {duration(checking)} "
        f"with {size(len(verifier.key.to_bytes()))} of public parameters"
    )
    for text in verdict.assumptions:
        say(f"   assumed   {text}")
    for note in verdict.notes:
        say(f"   note      {note}")

    say("\n4. Do they agree with what was captured?\n")
    verdict = verifier.check(sent, answer, challenge, commitment.digest, held)
    if not verdict:
        raise Error(f"the captured values disagree at {verdict.step}: {verdict.reason}")
    say(f"   all {len(proofs)} opened values equal the captured ones, bit for bit\n")

    _tell_of_a_layer(held, tensor, commitment, verifier)

    say("6. Five ways to cheat\n")
    forged = ProofFile(answer, len(tensor.axes))
    for name, attack in _attacks(held, tensor, commitment, verifier, challenge, forged):
        claimed, given = attack()
        verdict = verifier.check(claimed, given, challenge, commitment.digest, None)
        if verdict:
            raise Error(f"{name} was not caught")
        say(f"   {name:58} rejected at: {verdict.step}")

    say(
        """
What this shows: these values are the committed ones, at these layers, tokens and positions, and the
provider could not choose them after it had seen the questions. The verifier needed no model, no GPU
and no trust in the provider.

What it does not show: that the model computed these values, or that they produced the answer. A
commitment binds the provider to one set of numbers; whether they are right is for whoever
recomputes some of them. The parameters here were made by the verifier on the spot: they bind this
provider towards this verifier, and prove nothing to a third party."""
    )
    return 0


def _tell_of_a_layer(
    held: Any, tensor: Tensor, commitment: Commitment, verifier: Verifying
) -> None:
    say("5. A whole layer, which the verifier draws too\n")
    sent = commitment.to_bytes()
    challenge = Challenge.draw(Commitment.from_bytes(sent), 1, unit="layer")
    started = time.monotonic()
    proofs = commitment.open(challenge)
    opening = time.monotonic() - started
    answer = proofs.to_bytes()
    started = time.monotonic()
    verdict = verifier.check(sent, answer, challenge, commitment.digest, None)
    checking = time.monotonic() - started
    if not verdict:
        raise Error(f"an honest layer was rejected at {verdict.step}: {verdict.reason}")
    slices = proofs.slices()
    values = slices.values.nbytes
    name = tensor.layers[slices.positions[0]].name
    say(f"   layer     {name}: {count(slices.values.size)} numbers")
    say(
        f"   file      {size(len(answer))}, {count(len(answer) - values)} bytes more than the "
        f"numbers ({32 * len(slices.axes)} of them a point)"
    )
    say(f"   time      made in {duration(opening)}, checked in {duration(checking)}")
    if not verifier.check(sent, answer, challenge, commitment.digest, held):
        raise Error("the layer is not the captured one")
    say("   captured  all of them, bit for bit")
    # The last bit of the last number but one, in front of the length and the point.
    changed = bytearray(answer)
    changed[-(4 + 32 * len(slices.axes)) - 4] ^= 1
    verdict = verifier.check(sent, bytes(changed), challenge, commitment.digest, None)
    if verdict:
        raise Error("a changed number in a layer was not caught")
    say(f"   one bit of one number changed: rejected at {verdict.step}\n")


Attack = Callable[[], tuple[bytes, bytes]]


def _attacks(
    held: Any,
    tensor: Tensor,
    commitment: Commitment,
    verifier: Verifying,
    challenge: Challenge,
    honest: ProofFile,
) -> list[tuple[str, Attack]]:
    sent = commitment.to_bytes()
    asked = challenge.points[0]

    def another_value() -> tuple[bytes, bytes]:
        value = tensor[asked]
        return sent, honest.with_value(value + 1 if value < 0 else value - 1).data

    def one_further(axis: int) -> tuple[bytes, bytes]:
        # The proof of the value beside the one that was asked for, around the end of the axis.
        beside = list(asked)
        beside[axis] = (beside[axis] + 1) % tensor.axes[axis]
        other = ProofFile(commitment.open([tuple(beside)]).to_bytes(), len(tensor.axes))
        return sent, honest.with_opening(other.opening).data

    def flipped_activation() -> tuple[bytes, bytes]:
        # The provider changes the lowest bit of one number after it has committed, and opens that.
        import torch

        place = commitment.place(asked)
        states = {
            name: state.clone() for name, state in zip(held.names, held.hidden_states, strict=True)
        }
        changed = states[place.layer].view(torch.int16).view(-1)
        position = commitment.header.layers[0].shape[-1] * place.coordinates[-2]
        changed[position + place.coordinates[-1]] ^= 1
        other = encode(states, "bits", "model", capture_mode=held.mode)
        return sent, commitment.open(challenge, tensor=other).to_bytes()

    def another_srs() -> tuple[bytes, bytes]:
        # Everything made anew under parameters whose secrets the provider knows.
        own = commit(tensor, Srs.dev(tensor.axes, 1))
        proofs = ProofFile(own.open(challenge.points).to_bytes(), len(tensor.axes))
        return sent, proofs.with_commitment(bytes.fromhex(commitment.digest)).data

    return [
        ("another value at the same place", another_value),
        ("the proof of the position beside it", lambda: one_further(-1)),
        ("another layer's proof", lambda: one_further(0)),
        ("one bit of one activation flipped after committing", flipped_activation),
        ("proofs made under parameters that the provider knows", another_srs),
    ]


def _parser() -> argparse.ArgumentParser:
    about = "Capture, commit, open and verify a real model's hidden states, and catch five attacks."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    add = parser.add_argument
    add("--model", default="smollm2", help="folder, .gguf file or hub id (default: %(default)s)")
    add("--prompt", default="The capital of France is", help="text to continue")
    add_number(add, "--max-new-tokens", 24)
    add_number(add, "--num-queries", 10, least=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
