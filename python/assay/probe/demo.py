"""`assay probe demo`: a probe of a real model, its readings signed and checked, and five cheats."""

import argparse
import hashlib
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .. import _core, models
from ..errors import Error
from ..models import Engine, Loaded
from ..printing import printable
from ..stopping import obey, say
from ..wording import count, duration, size
from . import calibrating, causal, plans
from .calibrating import Setting
from .cheats import CHEATS, LAST, SENTENCE, Served
from .corpus import read_corpus, samples_of
from .extracting import extract, extract_unembedding
from .model_verbs import direction_of, layer_rows, layers_of
from .telling import telling
from .texts import encoded
from .verifying import Evidence, judge

_REJECTED = 1
_TITLE = "assay probe demo"

_AFTER = """
What this shows: with these weights, these tokens, this probe and this rule of positions, the
readings were these; the verifier computed the rows itself. On sentences whose verbs the probe never
saw it tells past from present as well as the figures above say, and no better.

What it does not show: that the model is honest, or that it believes anything. A reading is a number
that was measured on a corpus of short sentences; docs/probe.md and docs/probe-runs.md have the
rest."""


def tell(options: argparse.Namespace) -> int:
    """Tell the story; gives 0 if the honest statement alone was accepted."""
    with _folder(options.output) as where:
        return _Story(options, where).tell()


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="assay-probe-demo-") as folder:
        yield Path(folder)


class _Story:
    def __init__(self, options: argparse.Namespace, where: Path) -> None:
        self._options = options
        self._where = where
        self._wrong: list[str] = []
        self._engine = Engine("float32", "sdpa", "cpu")

    def tell(self) -> int:
        started = time.monotonic()
        loaded = models.load(self._options.model, self._engine)
        self._keep_rows(loaded)
        layer = self._train()
        self._measure(loaded)
        self._calibrate(loaded)
        served = self._attest(loaded)
        self._cheats(loaded, served)
        say(_AFTER)
        say(f"\n   layer {layer}, {duration(time.monotonic() - started)} in all")
        for line in self._wrong:
            say(f"\nNOT AS EXPECTED: {line}")
        return _REJECTED if self._wrong else 0

    def _path(self, name: str) -> Path:
        return self._where / name

    def _native(self, *words: object) -> str:
        """Run `assay probe ..`; gives what it prints."""
        obey()
        program = Path(sys.executable).with_name("assay")
        done = subprocess.run(  # noqa: S603 - our own command
            [program, "probe", *map(str, words)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise Error("".join(said) or f"assay probe {words[0]} ended with {done.returncode}")
        return done.stdout

    def _keep_rows(self, loaded: Loaded) -> None:
        corpus = read_corpus("tense")
        texts = encoded(loaded, corpus.samples)
        blocks = len(models.find_layout(loaded.model).blocks)
        wanted = self._options.layers
        layers = layers_of(wanted) if wanted else [blocks * part // 6 for part in range(1, 6)]
        say("1. Rows of the residual stream, of sentences in pairs\n")
        say(f"   model     {printable(self._options.model)}, {blocks} blocks, {self._engine}")
        say(f"   corpus    {len(texts)} sentences, {len(texts) // 2} pairs: past or present")
        say(f"             {corpus.samples[0].text!r}, {corpus.samples[1].text!r}")
        drawn = Loaded(models.with_random_weights(loaded.model, 1), *loaded[1:])
        for name, one in (("corpus", loaded), ("random", drawn)):
            begun = time.monotonic()
            with telling(_TITLE, "texts", quiet=False) as tell:
                found = extract(
                    one, texts, layers, self._path(f"{name}.gotact"), rule=LAST, labelled=True,
                    on_count=tell,
                )  # fmt: skip
            what = "behind the last token" if one is loaded else "with random weights, to compare"
            say(
                f"   rows      {found.count} of {len(layers)} layers, {what}: "
                f"{duration(time.monotonic() - begun)}"
            )
        tokens, width = extract_unembedding(loaded, self._path("model.gotue"))
        kept = size(self._path("model.gotue").stat().st_size)
        say(f"   head      {count(tokens)} x {width}, {kept}\n")

    def _train(self) -> int:
        say("2. A probe: which layer, and how well it tells pairs that it was not trained on\n")
        begun = time.monotonic()
        said = self._native(
            "train", "--activations", self._path("corpus.gotact"),
            "--labels", self._path("corpus.labels"), "--unembedding", self._path("model.gotue"),
            "--random-activations", self._path("random.gotact"), "--layer", "all",
            "--dimension", "tense", "--output", self._path("probes.json"),
            "--evaluation", self._path("evaluation.json"),
        )  # fmt: skip
        for line in said.splitlines():
            say(f"   {line}")
        say(f"   trained in {duration(time.monotonic() - begun)}\n")
        return self._probes().layer

    def _measure(self, loaded: Loaded) -> None:
        say("3. What moving a residual along the probe's direction does to the next word\n")
        begun = time.monotonic()
        path = self._path("plan.json")
        path.write_text(plans.plan_text("tense", loaded, "tense"), encoding="utf-8")
        plan = plans.read_plan(path)
        probes = self._probes()
        moves = causal.moves_of(
            direction_of(probes, "tense"),
            _core.probe_geometry(str(self._path("model.gotue")), probes.centred, None),
            layer_rows(self._path("corpus.gotact"), probes),
            plan,
        )
        measurer = causal.Measurer(loaded.model, probes.layer, plan, moves)
        with telling(_TITLE, "prompts", quiet=False) as tell:
            raw = causal.measure(measurer, plan, on_count=tell)
        causal.write_results(
            self._path("causal.json"),
            raw,
            plan,
            probe_set_sha256=hashlib.sha256(self._path("probes.json").read_bytes()).hexdigest(),
            model_id=probes.model_id,
            layer=probes.layer,
        )
        dose = np.array(raw["dose"]).mean(axis=0)
        shown = ", ".join(
            f"{alpha:+g}: {one:+.3f}" for alpha, one in zip(plan.alphas, dose, strict=True)
        )
        say(
            f"   {len(plan.prompts)} prompts, {plan.random_directions} random directions of the "
            f"same length, fixed before: {duration(time.monotonic() - begun)}"
        )
        say(f"   log-odds of past against present verbs, by shift in sd: {shown}")
        verdict = _core.probe_causal_verdict(str(self._path("causal.json")), str(path))
        self._print_verdict("the direction", verdict)
        for name, figure in verdict.figures.items():
            say(f"   {name:28} {figure}")
        say("")

    def _calibrate(self, loaded: Loaded) -> None:
        say("4. The verifier measures how far honest rows are apart\n")
        begun = time.monotonic()
        prompts = models.encode_prompts(loaded.tokenizer, models.made_prompts(40))
        with telling(_TITLE, "runs", quiet=False) as tell:
            found = calibrating.calibrate(
                loaded.model,
                prompts,
                self._probes(),
                name="demo",
                model_name=loaded.source.name,
                rule=LAST,
                providers=[
                    Setting(Engine("float32", kernel, "cpu"), batch)
                    for kernel in ("sdpa", "eager")
                    for batch in (1, 4)
                ],
                verifiers=[Setting(self._engine, 1)],
                on_count=tell,
            )
        found.profile.write(str(self._path("demo.profile")))
        say(
            f"   bounds    {found.profile.row_error:.1e} of a row, "
            f"{found.profile.reading_error:.1e} sd of a reading; {found.alarms} of "
            f"{found.held_out} other prompts outside; {duration(time.monotonic() - begun)}\n"
        )

    def _attest(self, loaded: Loaded) -> Served:
        say("5. A provider signs what the probe reads in a served text; a verifier checks it\n")
        key = self._path("provider.key")
        for old in (key, key.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        said = json.loads(self._native("keygen", "--output", key, "--json"))
        served = Served(self._where, key, Path(said["public_key"]), secrets.token_hex(32))
        texts = encoded(loaded, samples_of(SENTENCE))
        extract(loaded, texts, [self._probes().layer], served.rows_of("served"), rule=LAST)
        self._sign(served, "served", served.nonce)
        begun = time.monotonic()
        verdict = judge(self._evidence(served, "served", "L5"), loaded, self._engine)
        say(f"   text      {SENTENCE!r}")
        statement = _core.ProbeStatement.read(str(served.statement_of("served")))
        say(f"   reading   {float(statement.readings[0][0]):+.4f}, above 0: past")
        for name, part in verdict.parts:
            self._print_verdict(name, part)
        self._print_verdict("to L5", verdict)
        say(f"   checked in {duration(time.monotonic() - begun)}\n")
        if not verdict:
            self._wrong.append("the honest statement was not accepted to L5")
        return served

    def _sign(self, served: Served, name: str, nonce: str, probes: Path | None = None) -> None:
        self._native(
            "attest", "--activations", served.rows_of(name),
            "--probes", probes or self._path("probes.json"), "--key", served.key,
            "--nonce", nonce, "--evaluation", self._path("evaluation.json"),
            "--causal", self._path("causal.json"), "--output", served.statement_of(name),
        )  # fmt: skip

    def _evidence(self, served: Served, name: str, require: str) -> Evidence:
        statement = served.statement_of(name)
        return Evidence(
            attestation=statement,
            pubkey=served.public_key,
            activations=served.rows_of(name),
            tokens=statement.with_name(statement.name + ".tokens"),
            probes=self._path("probes.json"),
            unembedding=self._path("model.gotue"),
            rows=served.rows_of(name).with_suffix(".rows"),
            nonce=served.nonce,
            evaluation=self._path("evaluation.json"),
            corpus_activations=self._path("corpus.gotact"),
            labels=self._path("corpus.labels"),
            causal=self._path("causal.json"),
            plan=self._path("plan.json"),
            profile=self._path("demo.profile"),
            remeasure=0.04 if require == "L5" else None,
            require=require,
        )

    def _cheats(self, loaded: Loaded, served: Served) -> None:
        say("6. Five providers who do something else\n")
        for one in CHEATS:
            one.make(one.name, loaded, served, self._probes())
            nonce = secrets.token_hex(32) if one.old_nonce else served.nonce
            self._sign(served, one.name, nonce, self._other_probes() if one.own_probes else None)
            verdict = judge(self._evidence(served, one.name, "L4"), loaded, self._engine)
            self._print_verdict(one.title, verdict)
            if verdict.outcome != "rejected" or verdict.step not in one.steps:
                self._wrong.append(f"{one.name}: it is to be rejected at {one.steps[0]}")

    def _other_probes(self) -> Path:
        """A set trained on other parts of the same corpus."""
        path = self._path("others.json")
        self._native(
            "train", "--activations", self._path("corpus.gotact"),
            "--labels", self._path("corpus.labels"), "--unembedding", self._path("model.gotue"),
            "--layer", self._probes().layer, "--dimension", "tense", "--seed", 2, "--no-baselines",
            "--output", path,
        )  # fmt: skip
        return path

    def _probes(self) -> _core.ProbeSet:
        return _core.ProbeSet.read(str(self._path("probes.json")))

    def _print_verdict(self, what: str, verdict: _core.Verdict) -> None:
        outcome = verdict.outcome if verdict else f"{verdict.outcome} at {verdict.step}"
        say(f"   {what:46} {outcome}")
        if verdict.reason:
            say(f"   {'':46}   {printable(verdict.reason)}")
