#!/usr/bin/env python3
"""How well transformers tells honest answers of vLLM from others, on a real model.

Each provider is an engine of its own that answers all prompts, so many together, with proofs from
the passes that produce the tokens. The verifier recomputes the answers with transformers in
bfloat16, so many in one pass, the shorter ones padded. Needs the environment of `make vllm`. Ends
with 1 where an answer of weights in int4, of another model or to another prompt passes, or an
honest one is rejected by the published bounds.

    .venv-vllm/bin/python bench/vllm_experiment.py --prompts 200 --tokens 48 --json results.json
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from toploc_experiment import Provider, print_rows, row_of
from transformers import PreTrainedModel

from assay import toploc
from assay.arguments import add_number, parser_of
from assay.ending import ended
from assay.errors import InputError
from assay.models import (
    Engine,
    encode_prompts,
    load,
    made_prompts,
    quiet,
    resolve,
    with_rounded_weights,
)
from assay.stopping import obey
from assay.toploc import Produced, Profile, Shape, attacks
from assay.toploc.verifying import profile_of
from assay.vllm import require_installed

PROGRAM = "vllm_experiment.py"
SHAPE = Shape()
HONEST, OTHER_PROMPT = "honest", "another prompt"
INT4, OTHER_MODEL = "weights in int4, 128 to a scale", "another small model"
# What must be caught in every answer.
PROMISED = (INT4, OTHER_MODEL, OTHER_PROMPT)


def main() -> int:
    parser = parser_of(PROGRAM, "Honest and other providers with vLLM, in figures.", "")
    add = parser.add_argument
    add("--model", default="smollm2", help="folder, .gguf file or hub id (default: %(default)s)")
    add_number(add, "--prompts", 200, least=2)
    add_number(add, "--tokens", 48, "of each answer", least=32)
    add_number(add, "--batch", 32, "answers that run together", least=1)
    add_number(add, "--verify-batch", 8, "answers that the verifier runs in one pass", least=1)
    add_number(add, "--threads", 0, "of the verifier; 0: as many as torch takes")
    add("--profile", metavar="FILE", help="judge by these bounds too")
    add("--json", metavar="FILE", help="write the figures there, as they come")
    options = parser.parse_args()
    return ended(PROGRAM, lambda: Experiment(options).run())


class Experiment:
    def __init__(self, options: Any) -> None:
        require_installed()
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
        self._options = options
        self._profiles = [Profile.published()]
        if options.profile is not None:
            self._profiles.append(profile_of(options.profile))
        if options.json is not None:
            _write(options.json, "")
        if options.threads:
            torch.set_num_threads(options.threads)
        self._started = time.monotonic()
        self._model, self._tokenizer, source = load(options.model, Engine("bfloat16", "sdpa"))
        self._name = source.name
        self._prompts = encode_prompts(self._tokenizer, made_prompts(options.prompts), 256)
        self._rows: list[dict[str, Any]] = []
        self._seconds: dict[str, dict[str, float]] = {}

    def run(self) -> int:
        model = self._model
        answers = self._answers(HONEST, model)
        self._judge(HONEST, answers, honest=True)
        # Each answer with its proofs, claimed for the prompt before.
        pairs = zip(self._prompts, [*answers[1:], answers[0]], strict=True)
        moved = [Produced(prompt, other.output, other.proofs) for prompt, other in pairs]
        self._judge(OTHER_PROMPT, moved)
        self._other(INT4, lambda: with_rounded_weights(model, 4, 128))
        self._other(OTHER_MODEL, lambda: attacks.another_model(model))
        self._other("weights in int8, a scale per channel", lambda: with_rounded_weights(model, 8))
        self._judge("float32", self._answers("float32", model, "float32"))
        print_rows(self._report())
        return 0 if self._report()["as_promised"] else 1

    def _other(self, name: str, make: Callable[[], PreTrainedModel]) -> None:
        self._judge(name, self._answers(name, make()))

    def _answers(
        self, name: str, model: PreTrainedModel, dtype: str = "bfloat16"
    ) -> list[Produced]:
        """What vLLM makes of the prompts with this model."""
        from assay.vllm.producing import Producer

        with tempfile.TemporaryDirectory(prefix="assay-experiment-") as folder:
            with quiet(True):
                model.save_pretrained(folder)
                self._tokenizer.save_pretrained(folder)
            started = time.monotonic()
            producer = Producer(str(resolve(folder).location), Engine(dtype), SHAPE, 1, False)
            loaded = time.monotonic()
            found: list[Produced] = []
            tokens, batch = self._options.tokens, self._options.batch
            for start in range(0, len(self._prompts), batch):
                obey()
                together = self._prompts[start : start + batch]
                found += producer.produce(together, max_new_tokens=tokens, min_new_tokens=tokens)
            done = time.monotonic()
            producer.close()
        self._seconds[name] = {"start": loaded - started, "generate": done - loaded}
        return found

    def _judge(self, name: str, answers: list[Produced], honest: bool = False) -> None:
        provider = Provider(name, honest)
        started = time.monotonic()
        for start in range(0, len(answers), self._options.verify_batch):
            together = answers[start : start + self._options.verify_batch]
            pairs = [(one.prompt, one.output) for one in together]
            for one, own in zip(
                together, toploc.recompute_together(self._model, pairs), strict=True
            ):
                provider.comparisons.append(toploc.compare(own, one.proofs, rounded=True))
        taken = time.monotonic() - started
        self._seconds.setdefault(name, {})["validate"] = taken
        self._rows.append(row_of(provider, self._profiles))
        whole = time.monotonic() - self._started
        rejected = self._rows[-1]["rejected"]
        print(f"{whole:6.0f} s  {name}: {rejected}", file=sys.stderr, flush=True)
        if self._options.json is not None:
            _write(self._options.json, json.dumps(self._report(), indent=2) + "\n")

    def _report(self) -> dict[str, Any]:
        count = len(self._prompts)
        published = Profile.published().name
        return {
            "model": self._name,
            "prompts": count,
            "tokens": self._options.tokens,
            "batch": self._options.batch,
            "verify_batch": self._options.verify_batch,
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "seconds": self._seconds,
            "rows": self._rows,
            "as_promised": all(
                row["rejected"][published] == 0
                if row["honest"]
                else row["name"] not in PROMISED
                or all(rejected == count for rejected in row["rejected"].values())
                for row in self._rows
            ),
        }


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError("io", path, error.strerror or "could not be written") from error


if __name__ == "__main__":
    sys.exit(main())
