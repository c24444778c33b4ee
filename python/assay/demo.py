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
    capture,
    commit,
    encode,
    verify,
)
from .ending import ended
from .forgery import ProofFile
from .stopping import say
from .wording import bits_to_float, count, duration, size

PROGRAM = "assay demo"

_EXAMPLE = """\
example:
  assay demo --prompt "Trust, but" --max-new-tokens 24
"""


class DemoError(Error):
    """Something did not happen as the demonstration says it does."""


class Verifying:
    """The verifier: its own SRS, and nothing of the provider but bytes."""

    def __init__(self, axes: Sequence[int]) -> None:
        # Seven random bytes that the provider does not see: the provider cannot know the secrets.
        self.srs = Srs.dev(axes, secrets.randbits(56))
        self.key = VerifierKey.from_bytes(self.srs.verifier_key.to_bytes())

    def challenge(self, commitment: bytes, points: int) -> Challenge:
        """Points, drawn once the commitment is there."""
        return Challenge.draw(Commitment.from_bytes(commitment), points)

    def check(
        self, commitment: bytes, proofs: bytes, challenge: Challenge, digest: str, captured: Any
    ) -> Verdict:
        """What `assay verify` does with the same files."""
        return verify(
            Commitment.from_bytes(commitment),
            Proofs.from_bytes(proofs),
            self.key,
            challenge=challenge,
            digest=digest,
            trusted=[self.key.digest],
            captured=captured,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 when everything happened as told, 2 when not."""
    options = _parser().parse_args(argv)
    return ended(PROGRAM, lambda: _tell(options))


def _tell(options: argparse.Namespace) -> int:
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
    challenge = verifier.challenge(sent, options.num_queries)
    started = time.monotonic()
    proofs = commitment.open(challenge)
    opening = time.monotonic() - started
    answer = proofs.to_bytes()
    started = time.monotonic()
    verdict = verifier.check(sent, answer, challenge, commitment.digest, None)
    checking = time.monotonic() - started
    if not verdict:
        raise DemoError(f"honest proofs were rejected at {verdict.step}: {verdict.reason}")
    say("   place                    bits      value      proof")
    for proof in proofs:
        as_float = bits_to_float(proof.value, "bfloat16")
        say(
            f"   {proof.place!s:22} {proof.value:>6}  {as_float:>9.4g}  "
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
        raise DemoError(f"the captured values disagree at {verdict.step}: {verdict.reason}")
    say(f"   all {len(proofs)} opened values equal the captured ones, bit for bit\n")

    say("5. Five ways to cheat\n")
    forged = ProofFile(answer, len(tensor.axes))
    for name, attack in _attacks(held, tensor, commitment, verifier, challenge, forged):
        claimed, given = attack()
        verdict = verifier.check(claimed, given, challenge, commitment.digest, None)
        if verdict:
            raise DemoError(f"{name} was not caught")
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
        return sent, honest.with_value(0, value + 1 if value < 0 else value - 1).data

    def another_position() -> tuple[bytes, bytes]:
        # The proof of the value beside the one that was asked for.
        beside = _moved(asked, -1, tensor.axes)
        other = ProofFile(commitment.open([beside]).to_bytes(), len(tensor.axes))
        return sent, honest.with_opening(0, other.opening(0)).data

    def another_layer() -> tuple[bytes, bytes]:
        elsewhere = _moved(asked, 0, tensor.axes)
        other = ProofFile(commitment.open([elsewhere]).to_bytes(), len(tensor.axes))
        return sent, honest.with_opening(0, other.opening(0)).data

    def flipped_activation() -> tuple[bytes, bytes]:
        # The provider changes the lowest bit of one number after it has committed, and opens that.
        place = commitment.place(asked)
        states = {
            name: state.clone() for name, state in zip(held.names, held.hidden_states, strict=True)
        }
        changed = states[place.layer].view(dtype=_int16()).view(-1)
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
        ("the proof of the position beside it", another_position),
        ("another layer's proof", another_layer),
        ("one bit of one activation flipped after committing", flipped_activation),
        ("proofs made under parameters that the provider knows", another_srs),
    ]


def _moved(point: Sequence[int], axis: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The point one step further along an axis, around its end."""
    moved = list(point)
    moved[axis] = (moved[axis] + 1) % axes[axis]
    return tuple(moved)


def _int16() -> Any:
    import torch

    return torch.int16


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Capture, commit, open and verify a real model's hidden states, and catch five "
        "attacks.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model", default="smollm2", help="folder, .gguf file or hub id (default: %(default)s)")
    add("--prompt", default="The capital of France is", help="text to continue")
    add("--max-new-tokens", type=int, default=24, metavar="N", help="default: %(default)s")
    add("--num-queries", type=int, default=10, metavar="N", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
