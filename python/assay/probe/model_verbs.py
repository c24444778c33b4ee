"""The verbs of `assay-probe` that run a model: extract, plan, causal, calibrate."""

import argparse
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, models
from ..errors import DecodeError, InputError
from ..models import Engine, Loaded, engine_from
from ..printing import printable, show, show_json
from ..writing import write_together
from . import calibrating, causal, plans
from .calibrating import Calibration, Setting
from .corpus import Corpus, read_corpus, samples_of
from .extracting import extract, extract_gain, extract_unembedding
from .positions import PositionRule
from .telling import telling
from .texts import encoded

_MOST_GAIN_BYTES = 1 << 22


def extract_rows(options: argparse.Namespace) -> int:
    """Keep rows of a text or a corpus, and the unembedding; gives the exit code."""
    corpus = _corpus_of(options)
    rule = PositionRule(options.positions)
    listed = None if options.layers == ["all"] else layers_of(options.layers)
    activations: Path = options.output_activations
    require_place(activations)
    loaded = _load(options)
    if options.random_weights is not None:
        if options.random_weights < 0:
            raise InputError("out_of_range", "--random-weights", "give a seed of at least 0")
        drawn = models.with_random_weights(loaded.model, options.random_weights)
        loaded = Loaded(drawn, loaded.tokenizer, loaded.source)
    if listed is None:
        listed = list(range(len(models.find_layout(loaded.model).blocks)))
    samples = samples_of(options.input) if corpus is None else corpus.samples
    with telling("assay probe extract", "texts", quiet=options.quiet) as tell:
        found = extract(
            loaded,
            encoded(loaded, samples),
            listed,
            activations,
            rule=rule,
            labelled=corpus is not None,
            batch=options.batch,
            on_count=tell,
        )
    _say(options, f"{found.count} rows of {len(listed)} layers: {found.activations}")
    if found.gone_on:
        _say(options, f"went on after {found.gone_on} texts of a run that was stopped")
    _say(options, f"where they came from: {found.rows}")
    what = "a stub of zeros, to be edited before training" if found.stub else "of the corpus"
    _say(options, f"labels, {what}: {found.labels}")
    if options.random_weights is None:
        require_place(options.output_unembedding)
        tokens, width = extract_unembedding(loaded, options.output_unembedding)
        _say(options, f"unembedding, {tokens} x {width}: {options.output_unembedding}")
    if options.output_gain is not None:
        require_place(options.output_gain)
        extract_gain(loaded, options.output_gain)
        _say(options, f"gain of the final norm: {options.output_gain}")
    return 0


def make_plan(options: argparse.Namespace) -> int:
    """Write a plan in the tokens of a model; gives the exit code."""
    require_place(options.output)
    loaded = models.load(options.model, trust_remote_code=options.trust_remote_code)
    text = plans.plan_text(options.wording, loaded, options.dimension)
    write_together({options.output: text.encode()})
    # As whoever measures reads it.
    plans.read_plan(options.output)
    return 0


def measure_causal(options: argparse.Namespace) -> int:
    """Measure what a plan asks for, and write the raw numbers; gives the exit code."""
    require_place(options.output)
    plan = plans.read_plan(options.plan)
    probes = _core.ProbeSet.read(str(options.probes))
    rows = layer_rows(options.activations, probes)
    gain = None if options.gain is None else read_gain(options.gain, probes.width)
    moves = causal.moves_of(
        direction_of(probes, plan.dimension),
        _core.probe_geometry(str(options.unembedding), probes.centred, gain),
        rows,
        plan,
    )
    loaded = _load(options)
    require_model(loaded, probes)
    measurer = causal.Measurer(loaded.model, probes.layer, plan, moves, batch=options.batch)
    with telling("assay probe causal", "prompts", quiet=options.quiet) as tell:
        raw = causal.measure(measurer, plan, on_count=tell)
    causal.write_results(
        options.output,
        raw,
        plan,
        probe_set_sha256=hashlib.sha256(options.probes.read_bytes()).hexdigest(),
        model_id=probes.model_id,
        layer=probes.layer,
    )
    verdict = _core.probe_causal_verdict(str(options.output), str(options.plan))
    outcome = verdict.outcome if verdict else f"{verdict.outcome} at {verdict.step}"
    _say(options, f"{options.output}: {outcome}, by `assay probe verify`'s own rules")
    return 0


def calibrate_model(options: argparse.Namespace) -> int:
    """Measure honest runs, write the profile, and report; gives the exit code."""
    require_place(options.output)
    count = options.n_prompts
    made = options.prompts is None
    texts = models.made_prompts(count) if made else models.read_prompts(options.prompts, count)
    probes = _core.ProbeSet.read(str(options.probes))
    rule = PositionRule(options.positions)
    loaded = _load(options)
    require_model(loaded, probes)
    prompts = models.encode_prompts(loaded.tokenizer, texts)
    with telling("assay probe calibrate", "runs", quiet=options.quiet) as tell:
        found = calibrating.calibrate(
            loaded.model,
            prompts,
            probes,
            name=options.name,
            model_name=loaded.source.name,
            rule=rule,
            providers=[
                Setting(Engine(dtype, attention, options.device), batch)
                for dtype in options.provider_dtypes or [options.dtype]
                for attention in options.attentions
                for batch in options.batch_sizes
            ],
            verifiers=[
                Setting(Engine(options.dtype, one, options.device), 1) for one in options.attentions
            ],
            margin=options.margin,
            on_count=tell,
        )
    found.profile.write(str(options.output))
    report = _report(found)
    if options.json:
        show_json(report)
    else:
        _print_plainly(report, options.output)
    return 0


def direction_of(probes: _core.ProbeSet, dimension: str) -> causal.Direction:
    """The probe of this name.

    Raises:
        InputError: There is none ("mismatch").
    """
    names = list(probes.dimensions)
    if dimension not in names:
        reason = f"is of {dimension}; the probes are {', '.join(names)}"
        raise InputError("mismatch", "plan", reason)
    at = names.index(dimension)
    return causal.Direction(probes.covectors[at], probes.vectors[at], probes.reading_sd[at])


def layer_rows(activations: Path, probes: _core.ProbeSet) -> NDArray[np.float32]:
    """The rows of the probes' layer in a .gotact of their model.

    Raises:
        InputError: It is of another model, precision or width, or has not the layer ("mismatch").
    """
    model_id, precision, layers, _, values = _core.probe_read_activations(str(activations))
    place = str(activations)
    if (model_id, precision) != (probes.model_id, probes.precision):
        reason = f"of {model_id} in {precision}; the probes are of {probes.model_id} in "
        raise InputError("mismatch", place, reason + probes.precision)
    if probes.layer not in layers:
        reason = f"has layers {', '.join(map(str, layers))}; the probes read layer {probes.layer}"
        raise InputError("mismatch", place, reason)
    rows: NDArray[np.float32] = values[list(layers).index(probes.layer)]
    if rows.shape[1] != probes.width:
        raise InputError("mismatch", place, f"rows of {rows.shape[1]}, probes of {probes.width}")
    return rows


def read_gain(path: Path, width: int) -> NDArray[np.float32]:
    """The gain of a final norm, as `extract` writes it.

    Raises:
        InputError: It could not be read ("io").
        DecodeError: Of another length, or with NaN or an infinity.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_GAIN_BYTES)
        gain = np.load(io.BytesIO(content), allow_pickle=False)
    except OSError as error:
        raise InputError("io", str(path), error.strerror or "could not be read") from error
    except (ValueError, EOFError) as error:
        raise DecodeError("malformed", str(path), "no .npy as extract writes it") from error
    if gain.shape != (width,) or gain.dtype != np.float32:
        reason = f"{gain.dtype} of shape {gain.shape}; wanted {width} values of float32"
        raise DecodeError("mismatch", str(path), reason)
    if not np.isfinite(gain).all():
        raise DecodeError("out_of_range", str(path), "NaN or an infinity")
    return np.asarray(gain)


def require_model(loaded: Loaded, probes: _core.ProbeSet) -> None:
    """Whether probes are of this model, as far as their names say.

    Raises:
        InputError: They are of another ("mismatch").
    """
    if loaded.source.name != probes.model_id:
        reason = f"is {loaded.source.name}; the probes are of {probes.model_id}"
        raise InputError("mismatch", "model", reason)


def layers_of(words: list[str]) -> list[int]:
    """Indices of blocks as they were given.

    Raises:
        InputError: What is no index ("malformed").
    """
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) < 6):
            reason = "no index of a block; give numbers from 0, or all"
            raise InputError("malformed", f"--layers {word}", reason)
    return list(map(int, words))


def require_place(path: Path) -> None:
    """Find out before anything is run, not after, that a file cannot be written.

    Raises:
        InputError: It is a folder, or its folder is not there ("io").
    """
    if path.is_dir():
        raise InputError("io", str(path), "is a folder; give a file")
    if not path.parent.is_dir():
        raise InputError("io", str(path.parent), "no such folder; make it, or choose another place")


def _corpus_of(options: argparse.Namespace) -> Corpus | None:
    if (options.input is None) == (options.corpus is None):
        raise InputError("malformed", "", "give --input or --corpus, one of them")
    return None if options.corpus is None else read_corpus(options.corpus)


def _load(options: argparse.Namespace) -> Loaded:
    return models.load(
        options.model, engine_from(options), trust_remote_code=options.trust_remote_code
    )


def _say(options: argparse.Namespace, words: str) -> None:
    if not options.quiet:
        show(f"assay probe {options.verb}: {printable(words)}", error=True)


def _report(found: Calibration) -> dict[str, Any]:
    profile = found.profile
    return {
        "learned": found.learned,
        "held_out": found.held_out,
        "alarms": found.alarms,
        "false_alarm_bound": profile.false_alarm_bound,
        "row_error": profile.row_error,
        "reading_error": profile.reading_error,
        "runs": [
            {
                "provider": str(pair.provider),
                "verifier": str(pair.verifier),
                "row_error": max(pair.row_errors),
                "reading_error": max(pair.reading_errors),
            }
            for pair in found.pairs
        ],
    }


def _print_plainly(report: dict[str, Any], path: Path) -> None:
    show(f"{'provider':28} {'verifier':28} row error  reading error (sd)")
    for run in report["runs"]:
        show(
            f"{run['provider']:28} {run['verifier']:28} {run['row_error']:9.2e} "
            f"{run['reading_error']:19.2e}"
        )
    show(
        f"\nbounds: {report['row_error']:.2e} of rows, {report['reading_error']:.2e} of readings. "
        f"{report['alarms']} of {report['held_out']} texts that the bounds had not seen were "
        f"outside: with 95 % confidence fewer than {100 * report['false_alarm_bound']:.1f} % of "
        f"honest ones, run in one of these ways, will be\n{printable(str(path))}"
    )
