"""Whether a model would have produced the last token of an answer, by the verifier's own scores.

No proof covers that token: it was never fed, so it has no row, and any id could stand there. The
verifier has the state before it, and so the scores that a greedy run takes it by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .._core import Verdict
from ..models import ends_of, head_of

MARGIN = 0.5
"""How far the last token's score may lie below the largest, in standard deviations of all scores.

States of honest engines differ by some hundredths, for the roundings of bfloat16, and scores by as
much of their deviation. The worst of 6,254 tokens of honest runs of SmolLM2, each by three
verifiers, lay 0.075 below; of small models with random weights, which tell tokens apart less well,
0.24 (docs/toploc.md). What a model adds to all scores, or multiplies them by, changes nothing."""

# What a generation may be told that changes which token is the likeliest, but for a penalty on
# repetition, and where it changes nothing.
_NEUTRAL = {
    "bad_words_ids": (None, []),
    "begin_suppress_tokens": (None, []),
    "encoder_no_repeat_ngram_size": (None, 0),
    "encoder_repetition_penalty": (None, 1.0),
    "exponential_decay_length_penalty": (None,),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "guidance_scale": (None, 1.0),
    "min_length": (None, 0),
    "no_repeat_ngram_size": (None, 0),
    "sequence_bias": (None, {}),
    "suppress_tokens": (None, []),
    "watermarking_config": (None,),
}


@dataclass(frozen=True)
class Chooser:
    """What of a model takes greedy tokens.

    Attributes:
        head: Makes scores of a state.
        ends: Ids that end a text, each by itself.
        penalty: On tokens that were there before, which transformers' `generate` takes from the
            model's settings and vLLM does not; 1 is none.
        others: Settings of the model that change its choice in ways that are not followed here.
    """

    head: nn.Module
    ends: Sequence[int]
    penalty: float
    others: Sequence[str]

    @classmethod
    def of(cls, model: PreTrainedModel) -> "Chooser":
        """That of a model.

        Raises:
            InputError: It has no language model head ("unsupported").
        """
        own = model.generation_config
        penalty = own.repetition_penalty
        return cls(
            head_of(model),
            ends_of(model),
            1.0 if penalty is None else float(penalty),
            [name for name, same in _NEUTRAL.items() if getattr(own, name, None) not in same],
        )

    @property
    def not_judged(self) -> str:
        """Why the last token is not judged where the model has `others`."""
        return f"the model's own settings have {', '.join(self.others)}"

    def check(
        self,
        states: Tensor,
        prompt: Sequence[int],
        output: Sequence[int],
        least: int | None = None,
    ) -> Verdict:
        """As `check_last_token`."""
        if self.others:
            return not_asked(self.not_judged)
        if len(states) == 0 or len(output) == 0:
            return _undecided("there are none")
        scores = self._scores(states[-1])
        if len(scores) == 0 or not bool(scores.isfinite().all()) or scores.max() == scores.min():
            return _undecided("they are none, not finite, or all alike")
        last = output[-1]
        if not 0 <= last < len(scores):
            return Verdict.rejected("token", f"the last, {last}, has no score of {len(scores)}")
        deviation = float(scores.double().std(correction=0))
        best, behind = self._compared(scores, prompt, output, least)
        if behind <= MARGIN * deviation:
            return Verdict.accepted().with_check("token", "recomputed")
        end = last in self.ends
        fault = "ends a text, and the model goes on" if end else "is not what the model takes"
        return Verdict.rejected(
            "answer length" if end else "token",
            f"the last token, {last}, {fault}: token {best} is likelier, by {behind:.3g} in score, "
            f"where at most {MARGIN * deviation:.3g} is rounding",
        )

    def _scores(self, state: Tensor) -> Tensor:
        """(vocabulary), float32, on the CPU."""
        weight = next(self.head.parameters())
        given = state[None].to(weight.device)
        if weight.is_floating_point():  # else the head converts by itself
            given = given.to(weight.dtype)
        with torch.no_grad():
            found: Tensor = self.head(given)
        return found[0].float().cpu()

    def _compared(
        self, scores: Tensor, prompt: Sequence[int], output: Sequence[int], least: int | None
    ) -> tuple[int, float]:
        """The likeliest token, and by how much the last is behind it.

        With the penalty or without, whichever is the better for the last: the provider's engine is
        not known.
        """
        last = output[-1]
        open_to = scores.clone()
        # Nobody says of a run without a least length that it was free to end.
        if last not in self.ends and (least is None or len(output) <= least):
            open_to[[end for end in self.ends if end < len(scores)]] = -torch.inf
        ways = [open_to]
        if self.penalty != 1:
            before = torch.tensor([one for one in {*prompt, *output[:-1]} if one < len(scores)])
            held, penalised = open_to[before], open_to.clone()
            penalised[before] = torch.where(held < 0, held * self.penalty, held / self.penalty)
            ways.append(penalised)
        found = [(int(one.argmax()), float(one.max() - one[last])) for one in ways]
        return min(found, key=lambda one: one[1])


def check_last_token(
    model: PreTrainedModel,
    states: Tensor,
    prompt: Sequence[int],
    output: Sequence[int],
    least: int | None = None,
) -> Verdict:
    """Whether a greedy run of `model` takes the last token of an answer, which no proof covers.

    Args:
        model: The verifier's.
        states: Its own, (rows, width), as `recompute` gives them; the last row is the one before
            the last token.
        prompt: Token ids.
        output: Token ids that the provider says were produced, one at least.
        least: Tokens before which the run was not to end; None: not known, and then a last token
            that ends no text is not held against those that do.

    Returns:
        Accepted, also within `MARGIN`, and with a note where the model's own settings change what
        is taken in ways that are not followed; rejected, with the step: "answer length" (an end
        of text, where the model goes on), "token" (another that it does not take, or that has no
        score); or inconclusive at "states", where the own scores are none, not finite, or all
        alike.

    Raises:
        InputError: The model has no head ("unsupported").
    """
    return Chooser.of(model).check(states, prompt, output, least)


def with_last(verdict: Verdict, last: Verdict) -> Verdict:
    """What a verdict by states becomes with that on the last token: the worse of the two.

    Where that is the first, it lists what the second one checked and what it did not.
    """
    if worse(verdict, last) is last:
        return last
    for step, grade in last.checks:
        verdict = verdict.with_check(step, grade)
    for note in last.notes:
        verdict = verdict.with_note(note)
    return verdict


def not_asked(reason: str) -> Verdict:
    """Accepted so far: the last token was not judged, for that reason."""
    note = f"the last token, which no proof covers, was not judged: {reason}"
    return Verdict.accepted().with_check("token", "missing").with_note(note)


def worse(one: Verdict, other: Verdict) -> Verdict:
    """The one that is farther from accepted; of two alike the first."""
    return max(one, other, key=lambda verdict: _WORSE.index(verdict.outcome))


_WORSE = ("accepted", "inconclusive", "rejected")


def _undecided(reason: str) -> Verdict:
    return Verdict.inconclusive("states", f"the verifier's own scores of a token: {reason}")
