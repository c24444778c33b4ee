#!/usr/bin/env python3
"""How well TOPLOC tells honest answers from others, on a real model.

The honest provider decodes in bfloat16, in batches, and makes its proofs from those very passes.
The verifier recomputes each answer alone in one pass. Other providers choose their own tokens, in
float32 for speed, and make their proofs from one pass over them in their own dtype: without the
noise of decoding they are a little harder to tell from honest ones than they would be.

Bounds "calibrated" come from every other prompt by the rules of `assay toploc calibrate`; the rates
of both kinds of bounds are over all prompts, the bound on false alarms over the other half alone.

    .venv/bin/python bench/toploc_experiment.py --prompts 200 --json results.json
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from assay import toploc
from assay.models import (
    Engine,
    encode_prompts,
    load,
    made_prompts,
    set_attention,
    with_rounded_weights,
)
from assay.toploc import attacks, calibrating
from assay.toploc.chunks import Shape
from assay.toploc.producing import produce
from assay.toploc.verifying import Comparison, Profile
from assay.toploc.watching import Produced

SHAPE = Shape()
FIGURES = (
    "exponent_mismatches",
    "mantissa_mean",
    "mantissa_median",
    "sign_mismatches",
    "dispersion",
    "worst_chunk_exponent_mismatches",
    "worst_chunk_dispersion",
)
FORGED = "no model: one value for all"
OTHER_PROMPT = "another prompt"
KNOWN_PLACES = "no model: usual values at usual places"
# Answers that are strung together to a long one, of which a part is another provider's.
STRUNG = 16
# What must be caught in every answer.
PROMISED = {"another small model", "int4, 128 to a scale", OTHER_PROMPT, FORGED}


@dataclass
class Provider:
    name: str
    honest: bool = False
    comparisons: list[list[Comparison]] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)


def main() -> int:
    options = _options()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    model, tokenizer, _ = load(options.model, Engine())
    prompts = encode_prompts(tokenizer, made_prompts(options.prompts), 256)
    experiment = Experiment(model, prompts, options)
    experiment.run()
    _print_table(experiment.report())
    return 0 if experiment.report()["as_promised"] else 1


class Experiment:
    def __init__(
        self, model: PreTrainedModel, prompts: list[list[int]], options: argparse.Namespace
    ) -> None:
        self._model = model
        self._prompts = prompts
        self._options = options
        self._seed = toploc.fingerprint.new_seed()
        self._providers: list[Provider] = []
        self._seconds: dict[str, float] = {}
        self._started = time.monotonic()

    def run(self) -> None:
        model = self._model
        started = time.monotonic()
        answers = self._answers(model, self._options.batch)
        self._seconds["generate"] = time.monotonic() - started
        started = time.monotonic()
        own = [toploc.recompute(model, answer.prompt, answer.output) for answer in answers]
        self._judge("honest", answers, own, honest=True)
        self._seconds["validate"] = time.monotonic() - started
        self._forge(answers, own)
        # Each answer and its states, claimed for the prompt before.
        moved = [*answers[1:], answers[0]]
        self._judge(OTHER_PROMPT, moved, self._recomputed(moved))
        set_attention(model, "eager")
        self._judge("honest, verified with eager", answers, self._recomputed(answers), honest=True)
        set_attention(model, "sdpa")
        self._other("int4, 128 to a scale", lambda: with_rounded_weights(model, 4, 128))
        self._other("int8, a scale per channel", lambda: with_rounded_weights(model, 8))
        self._other("float32", lambda: attacks.in_dtype(model, torch.float32))
        self._other("another small model", lambda: attacks.another_model(model))
        blocks = model.config.get_text_config().num_hidden_layers
        self._other(
            f"{blocks - 3} of its {blocks} blocks",
            lambda: attacks.with_fewer_blocks(model, blocks - 3),
        )

    def _answers(self, model: PreTrainedModel, batch: int) -> list[Produced]:
        return produce(
            model,
            self._prompts,
            max_new_tokens=self._options.tokens,
            min_new_tokens=self._options.tokens,
            batch=batch,
            shape=SHAPE,
            keep_states=True,
        )

    def _recomputed(self, answers: Sequence[Produced]) -> list[torch.Tensor]:
        pairs = zip(self._prompts, answers, strict=True)
        return [toploc.recompute(self._model, prompt, answer.output) for prompt, answer in pairs]

    def _other(self, name: str, make: Callable[[], PreTrainedModel]) -> None:
        provider = make()
        generator = attacks.in_dtype(provider, torch.float32)
        chosen = self._answers(generator, 4 * self._options.batch)
        del generator
        answers = []
        for one in chosen:
            states = toploc.recompute(provider, one.prompt, one.output)
            proofs = toploc.build(states, rounded=True)
            answers.append(Produced(one.prompt, one.output, proofs, states))
        del provider
        self._judge(name, answers, self._recomputed(answers))

    def _judge(
        self,
        name: str,
        answers: Sequence[Produced],
        own: Sequence[torch.Tensor],
        honest: bool = False,
    ) -> None:
        provider = Provider(name, honest)
        for answer, mine in zip(answers, own, strict=True):
            provider.comparisons.append(toploc.compare(mine, answer.proofs))
            theirs = toploc.fingerprint.project(answer.kept_states.float(), self._seed)
            provider.distances.append(
                theirs.distance(toploc.fingerprint.project(mine.float(), self._seed))
            )
        self._add(provider)

    def _forge(self, answers: Sequence[Produced], own: Sequence[torch.Tensor]) -> None:
        """Proofs by somebody who has seen the states of five answers, and of no other."""
        seen = [answer.kept_states for answer in answers[:5]]
        value = attacks.typical_value(seen, SHAPE)
        count = len(answers[0].proofs)
        for name, proofs in (
            (FORGED, attacks.constant_proofs(count, value, SHAPE)),
            (KNOWN_PLACES, attacks.known_place_proofs(count, seen, SHAPE)),
        ):
            compared = [toploc.compare(mine, proofs) for mine in own]
            self._add(Provider(name, comparisons=compared))

    def _add(self, provider: Provider) -> None:
        self._providers.append(provider)
        seconds = time.monotonic() - self._started
        print(f"{seconds:6.0f} s  {provider.name}", file=sys.stderr, flush=True)
        if self._options.json is not None:
            text = json.dumps(self.report(), indent=2) + "\n"
            Path(self._options.json).write_text(text, encoding="utf-8")

    def report(self) -> dict[str, Any]:
        honest = [provider for provider in self._providers if provider.honest]
        runs = [
            calibrating.Run(
                calibrating.Provider(Engine(), 1), Engine(), one.comparisons, one.distances
            )
            for one in honest
        ]
        learned = range(0, len(self._prompts), 2)
        judged = range(1, len(self._prompts), 2)
        calibrated = Profile(
            name="calibrated",
            topk=SHAPE.k,
            decode_batching_size=SHAPE.chunk,
            minimum_points=SHAPE.k,
            **calibrating.bounds_of(runs, learned, 1.5),
        )
        alarms = sum(
            any(not toploc.decide(one.comparisons[i], calibrated) for one in honest) for i in judged
        )
        profiles = (Profile.published(), calibrated)
        rows = [row_of(provider, profiles) for provider in self._providers]
        expected = {
            row["name"]: 0 if row["honest"] else len(self._prompts)
            for row in rows
            if row["honest"] or row["name"] in PROMISED
        }
        return {
            "model": self._options.model,
            "prompts": len(self._prompts),
            "tokens": self._options.tokens,
            "batch": self._options.batch,
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "seconds": self._seconds | {"all": time.monotonic() - self._started},
            "rows": rows,
            "calibrated": json.loads(calibrated.to_json()),
            "mixed": {
                profile.name: _accepted_when_mixed(self._providers, profile) for profile in profiles
            },
            "held_out": len(judged),
            "alarms": alarms,
            "false_alarm_bound": calibrating.rate_bound(alarms, len(judged)),
            "as_promised": all(
                row["rejected"][bounds] == expected[row["name"]]
                for row in rows
                for bounds in ("published", "calibrated")
                if row["name"] in expected and not (row["honest"] and bounds == "calibrated")
            ),
        }


def row_of(provider: Provider, profiles: Sequence[Profile]) -> dict[str, Any]:
    """The figures of a provider's answers, and how many of them each profile rejects."""
    figures = [toploc.statistics(one) for one in provider.comparisons]
    return {
        "name": provider.name,
        "honest": provider.honest,
        **{name: _spread([getattr(one, name) for one in figures]) for name in FIGURES},
        "rejected": {
            profile.name: sum(
                toploc.decide(one, profile).outcome == "rejected" for one in provider.comparisons
            )
            for profile in profiles
        },
        "within_38_10_8": sum(
            one.exponent_mismatches <= 38 and one.mantissa_mean <= 10 and one.mantissa_median <= 8
            for one in figures
        ),
        "fingerprint_distance": _spread(provider.distances) if provider.distances else None,
    }


def _accepted_when_mixed(providers: Sequence[Provider], profile: Profile) -> list[float]:
    """How often a long answer passes with 0, 1, .. of its STRUNG parts from another prompt."""
    found = {one.name: one.comparisons for one in providers}
    if OTHER_PROMPT not in found:
        return []
    count = len(found[OTHER_PROMPT])
    strung = [[(start + i) % count for i in range(STRUNG)] for start in range(count)]
    shares = []
    for foreign in range(STRUNG + 1):
        names = [OTHER_PROMPT] * foreign + ["honest"] * (STRUNG - foreign)
        mixed = [
            [one for name, i in zip(names, indices, strict=True) for one in found[name][i]]
            for indices in strung
        ]
        shares.append(sum(bool(toploc.decide(one, profile)) for one in mixed) / count)
    return shares


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def _print_table(report: dict[str, Any]) -> None:
    print_rows(report)
    for name, shares in report["mixed"].items():
        most = max((i for i, share in enumerate(shares) if share >= 0.5), default=0)
        print(
            f"\n{name}: of {STRUNG} answers strung together, {most} may be another prompt's, and "
            "half of such answers still pass"
        )
    seconds = report["seconds"]
    print(
        f"\ncalibrated on every other prompt; of the {report['held_out']} others, "
        f"{report['alarms']} honest ones were rejected: with 95 % confidence fewer than "
        f"{100 * report['false_alarm_bound']:.1f} % would be"
    )
    print(
        f"the honest answers took {seconds['generate']:.0f} s to generate, {report['batch']} at a "
        f"time, and {seconds['validate']:.0f} s to validate, one at a time"
    )


def print_rows(report: dict[str, Any]) -> None:
    """The rows of a report as a table in Markdown."""
    print(
        f"{report['model']}, {report['prompts']} prompts, {report['tokens']} tokens each; median "
        "(least to most) over the answers\n"
    )
    names = list(report["rows"][0]["rejected"])
    heads = ["provider", "exponents", "mantissa mean", "median", "signs", "dispersion",
             "fingerprint distance", "within 38/10/8",
             *(f"rejected, {name}" for name in names)]  # fmt: skip
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in report["rows"]:
        cells = [row["name"]]
        for name in (*FIGURES[:5], "fingerprint_distance"):
            found = row[name]
            cells.append(
                f"{found['median']:.3g} ({found['least']:.3g} to {found['most']:.3g})"
                if found is not None
                else ""
            )
        cells += [str(row["within_38_10_8"]), *map(str, row["rejected"].values())]
        print(f"| {' | '.join(cells)} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Honest and other providers, in figures.")
    add = parser.add_argument
    add("--model", default="smollm2")
    add("--prompts", type=int, default=200, metavar="N")
    add("--tokens", type=int, default=64, metavar="N", help="of each answer")
    add("--batch", type=int, default=8, metavar="N", help="honest answers that run together")
    add("--threads", type=int, metavar="N", help="of torch; 1 is best on a busy machine")
    add("--json", metavar="FILE", help="write the figures there too, while they come")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
