"""`assay probe verify --model`: the levels of a statement, with rows that were computed here."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from .. import _core, models
from ..errors import InputError
from ..models import Engine, Loaded
from ..printing import printable, show, show_json
from . import causal, plans
from .calibrating import as_set
from .model_verbs import direction_of, layer_rows, read_gain
from .pictures import read_results
from .recomputing import own_rows, source_of
from .remeasuring import Remeasured, remeasure
from .telling import OnCount, telling, uncounted
from .texts import root_of

_REJECTED = 1  # the exit code of such a verdict
_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


@dataclass(frozen=True)
class Evidence:
    """What a verifier holds a statement against; the files are named as `assay probe verify` does.

    Attributes:
        attestation: The statement.
        pubkey: Of whoever is to have signed.
        activations: The rows that were read.
        tokens: Ids of the tokens, and the salt of their digest.
        probes: The set of probes.
        unembedding: The .gotue.
        gain: Of the final norm.
        rows: Where the rows came from.
        previous: The statement before.
        nonce: That the verifier asked with, 64 hexadecimal digits.
        evaluation: The figures that are bound.
        corpus_activations: What the probes were trained on.
        labels: Its labels.
        corpus_rows: Where its rows came from; by default beside it, if it is there.
        causal: Causal results.
        plan: Theirs.
        profile: What honest rows may differ by; None: nothing.
        remeasure: The share of the causal results that is measured again; None: none.
        tolerance: In nats, between those and the results.
        require: The last level that must be accepted.
    """

    attestation: Path
    pubkey: Path
    activations: Path
    tokens: Path
    probes: Path | None = None
    unembedding: Path | None = None
    gain: Path | None = None
    rows: Path | None = None
    previous: Path | None = None
    nonce: str | None = None
    evaluation: Path | None = None
    corpus_activations: Path | None = None
    labels: Path | None = None
    corpus_rows: Path | None = None
    causal: Path | None = None
    plan: Path | None = None
    profile: Path | None = None
    remeasure: float | None = None
    tolerance: float = 0.01
    require: str = "L3"


def verify(options: argparse.Namespace) -> int:
    """Run the model, ask the room for its verdict, print it; gives the exit code."""
    for name in ("activations", "tokens"):
        if getattr(options, name) is None:
            raise InputError("malformed", f"--{name}", "is needed with --model")
    fields = Evidence.__dataclass_fields__
    evidence = Evidence(**{name: getattr(options, name) for name in fields})
    _require_together(evidence)
    # What fails without a model is told before one is loaded.
    early = _asked(evidence, require=min(evidence.require, "L3"))
    if early.exit_code == _REJECTED:
        return _told(early, options)
    statement = _core.ProbeStatement.read(str(evidence.attestation))
    held = held_dtype(statement.precision)
    engine = Engine(options.dtype or held, options.attn, options.device)
    # As the weights were held where they were hashed; the run may be in another dtype.
    loaded = models.load(
        options.model,
        Engine(held, options.attn, options.device),
        trust_remote_code=options.trust_remote_code,
    )
    with telling("assay probe verify", "prompts", quiet=options.quiet) as tell:
        verdict = judge(evidence, loaded, engine, on_count=tell)
    return _told(verdict, options)


def _told(verdict: _core.Verdict, options: argparse.Namespace) -> int:
    if options.json:
        show_json(json.loads(verdict.to_json()))
    else:
        for line in verdict.lines:
            show(printable(line))
    return verdict.exit_code


def judge(
    evidence: Evidence, loaded: Loaded, engine: Engine, *, on_count: OnCount = uncounted
) -> _core.Verdict:
    """The room's verdict on a statement, with rows that this model computes.

    Args:
        evidence: What there is to hold it against.
        loaded: The verifier's own model, in the precision that the statement names.
        engine: What it is run with.
        on_count: Told how many prompts of causal results are measured again.

    Raises:
        InputError: Files that cannot be read or do not fit each other; a model without the layer.
    """
    statement = _core.ProbeStatement.read(str(evidence.attestation))
    running = as_set(loaded.model, engine)
    _, texts = _core.probe_read_tokens(str(evidence.tokens))
    numbers = _core.probe_read_activations(str(evidence.activations))[3]
    rows = own_rows(running, statement.layer, source_of(statement, texts, numbers), statement.rows)
    again = _measured_again(evidence, running, on_count)
    profile = evidence.profile
    return _asked(
        evidence,
        require=evidence.require,
        unembedding=_text(evidence.unembedding),
        gain=_text(evidence.gain),
        causal=_text(evidence.causal),
        plan=_text(evidence.plan),
        weights_root=root_of(loaded.model),
        own_rows=rows,
        profile=None if profile is None else _core.ProbeProfile.read(str(profile)),
        conditions=(loaded.source.name, engine.dtype, engine.attention),
        corpus=_corpus(evidence),
        remeasured=None if again is None else (again.numbers, again.difference, evidence.tolerance),
    )


def _asked(evidence: Evidence, *, require: str, **more: Any) -> _core.Verdict:
    """The room's verdict, from the files that take it little time and what else there is."""
    return _core.probe_verify(
        str(evidence.attestation),
        str(evidence.pubkey),
        activations=str(evidence.activations),
        probes=_text(evidence.probes),
        tokens=str(evidence.tokens),
        rows=_text(evidence.rows),
        previous=_text(evidence.previous),
        evaluation=_text(evidence.evaluation),
        nonce=evidence.nonce,
        require=require,
        **more,
    )


def held_dtype(precision: str) -> str:
    """The dtype of a precision as files name it.

    Raises:
        InputError: "int8", whose rows cannot be recomputed ("unsupported").
    """
    if precision not in _DTYPES:
        reason = "rows of such a model cannot be recomputed here"
        raise InputError("unsupported", f"precision {precision}", reason)
    return _DTYPES[precision]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _corpus(evidence: Evidence) -> tuple[str, str, str | None] | None:
    if evidence.corpus_activations is None:
        return None
    beside = evidence.corpus_activations.with_suffix(".rows")
    rows = evidence.corpus_rows or (beside if beside.is_file() else None)
    listed = str(evidence.corpus_activations), str(evidence.labels)
    return (*listed, None if rows is None else str(rows))


def _require_together(evidence: Evidence) -> None:
    if (evidence.corpus_activations is None) != (evidence.labels is None):
        reason = "give --corpus-activations and --labels together"
        raise InputError("malformed", "corpus", reason)
    if evidence.remeasure is not None:
        for name in ("causal", "plan", "probes", "unembedding", "corpus_activations"):
            if getattr(evidence, name) is None:
                reason = f"needs --{name.replace('_', '-')} too"
                raise InputError("malformed", "--remeasure", reason)


def _measured_again(
    evidence: Evidence, running: PreTrainedModel, on_count: OnCount
) -> Remeasured | None:
    if evidence.remeasure is None:
        return None
    files = (evidence.probes, evidence.plan, evidence.corpus_activations, evidence.causal)
    probes_file, plan_file, corpus_file, causal_file = map(_there, files)
    probes = _core.ProbeSet.read(str(probes_file))
    plan = plans.read_plan(plan_file)
    gain: NDArray[np.float32] | None = None
    if evidence.gain is not None:
        gain = read_gain(evidence.gain, probes.width)
    moves = causal.moves_of(
        direction_of(probes, plan.dimension),
        _core.probe_geometry(str(evidence.unembedding), probes.centred, gain),
        layer_rows(corpus_file, probes),
        plan,
    )
    measurer = causal.Measurer(running, probes.layer, plan, moves)
    results = read_results(causal_file)
    return remeasure(measurer, plan, results, evidence.remeasure, on_count=on_count)


def _there(path: Path | None) -> Path:
    if path is None:
        raise InputError("malformed", "--remeasure", "needs probes, plan, corpus and results too")
    return path
