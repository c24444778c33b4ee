"""The verbs of `assay-layers` that load a model."""

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..models import (
    Loaded,
    digests,
    encode_prompts,
    engine_from,
    linear_layers,
    load,
    made_prompts,
    read_prompts,
)
from ..plotting import draw, require_drawable
from ..printing import show
from ..progress import Bar, Progress
from ..weights import Folder
from ..writing import write_together
from . import damage_file, foretelling, pictures
from .damage import Bench, Change, answers, measure_all
from .damage_file import Keeper, Subject, digest_of
from .layer_groups import groups_of
from .metric_files import find_metrics, write_metrics
from .norms import measure, read_norms
from .scores import Scores, read_scores
from .scoring import Settings, score_metrics, score_model

_INDEX = "model.safetensors.index.json"


def loaded(options: argparse.Namespace) -> Loaded:
    """The model that the flags name.

    Raises:
        DecodeError: A folder whose shards are not those of its index, each tensor once; the loader
            would take one of two without a word.
    """
    if (Path(options.model) / _INDEX).is_file():
        Folder(options.model)
    with Bar.on_stderr("model", quiet=getattr(options, "quiet", False)) as bar:
        bar(Progress("load", 0, 1))
        return load(
            options.model,
            engine_from(options),
            trust_remote_code=options.trust_remote_code,
            cache_dir=options.cache_dir,
        )


def tell(options: argparse.Namespace, words: str) -> None:
    """A line on standard error, unless --quiet."""
    if not options.quiet:
        show(words, error=True)


def score(options: argparse.Namespace) -> int:
    """Score the layers of models and write their scores."""
    if (options.output is None) == (options.scores_dir is None):
        raise InputError("malformed", "--output", "give this, or --scores-dir")
    if options.output is not None and len(options.model) > 1:
        raise InputError("malformed", "--output", "is one file; of several models use --scores-dir")
    if options.spectra is not None and len(options.model) > 1:
        raise InputError("malformed", "--spectra", "is of one model")
    if options.output is not None:
        require_folder(options.output)
    settings = Settings(
        options.metric,
        options.mapping,
        options.sparsity,
        options.epsilon,
        options.peak_lower,
        options.eigen,
        options.clip,
        options.seed,
    )
    for name in options.model:
        model = loaded(argparse.Namespace(**{**vars(options), "model": name}))
        out = options.output
        if out is None:
            options.scores_dir.mkdir(parents=True, exist_ok=True)
            out = options.scores_dir / f"{model.source.name.rpartition('/')[2]}_scores.json"
        _score_one(model, out, settings, options)
    return 0


def _score_one(model: Loaded, out: Path, settings: Settings, options: argparse.Namespace) -> None:
    cache = options.metric_cache
    known = None
    if cache is not None and not options.force:
        known = find_metrics(cache, model.source.name, options.metric)
    if known is not None:
        found = score_metrics(model, known, out, settings, pretty=options.pretty)
        taken = f"metrics of {known}, bound to no weights (--force)"
    else:
        found = score_model(model, out, settings, spectra=options.spectra, pretty=options.pretty)
        taken = f"{found.taken_over} of {found.matrices} spectra were taken over"
        for note in found.notes:
            tell(options, f"note: {note}")
    show(f"{out}: {found.layers} layers of {model.source.name} by {options.metric}; {taken}")
    if cache is not None and known is None:
        scores = read_scores(out)
        path = write_metrics(cache, scores, pictures.raw_metrics(scores))
        show(f"{path}: {found.layers} metrics, bound to no weights")


def norms(options: argparse.Namespace) -> int:
    """Measure norms and write them; what is there stays."""
    if options.output.exists() and not options.force:
        kept = read_norms(options.output)
        if options.scores_file is not None:
            kept.require_of(read_scores(options.scores_file).names, str(options.output))
        tell(options, f"{options.output} is there and stays: {len(kept.layers)} layers (--force)")
        return 0
    scores = None if options.scores_file is None else read_scores(options.scores_file)
    require_folder(options.output)
    model = loaded(options)
    with Bar.on_stderr("norms", quiet=options.quiet) as bar:
        found = measure(model.source.name, linear_layers(model.model), bar)
    if scores is not None:
        found.require_of(scores.names, str(options.scores_file))
    found.write(options.output)
    tell(options, f"{options.output}: norms of {len(found.layers)} layers")
    return 0


def require_folder(path: Path) -> None:
    """Whether a file can be written there; asked before long work.

    Raises:
        InputError: Its folder does not exist ("io").
    """
    if not path.parent.is_dir():
        raise InputError("io", str(path), "its folder does not exist; make it first")


def damage(options: argparse.Namespace) -> int:
    """Measure the damage of changed layers, and hold scores against it."""
    require_folder(options.output)
    if options.plot is not None:
        require_drawable(options.plot)
    if options.scores is None and (options.plot or options.norms):
        raise InputError("malformed", "--scores", "are needed for --plot and --norms")
    scores = None if options.scores is None else read_scores(options.scores)
    norms_there = None if options.norms is None else read_norms(options.norms)
    if scores is not None and norms_there is not None:
        norms_there.require_of(scores.names, str(options.norms))
    measured = measure_damage(options, scores)
    if scores is None:
        return 0
    if len(measured.single()) < len(scores.values):
        tell(options, "not every layer was changed alone, so that scores are not compared")
        return 0
    values = damage_file.values_of(measured)
    found = foretelling.foretell(values, scores, norms_there, num_cases=options.num_cases)
    show("\n".join(foretelling.table(found)))
    path = options.output.with_name(f"{options.output.stem}_analysis.json")
    text = json.dumps(found.as_fields(), indent=2, allow_nan=False) + "\n"
    write_together({path: text.encode()})
    if options.plot is not None:
        listed = foretelling.scores_by_name(scores, norms_there)
        change = " ".join(str(value) for value in measured.subject.change.values())
        title = f"{scores.model_name}: damage ({change}) against scores"
        draw(pictures.of_damage(values, listed, scores.names, title), options.plot)
    return 0


def change_of(options: argparse.Namespace) -> Change:
    """The change that the flags name."""
    return Change(
        options.change,
        bits=options.bits,
        group=options.group,
        strength=options.strength,
        share=options.share,
        seed=options.seed,
    )


def measure_damage(options: argparse.Namespace, scores: Scores | None) -> damage_file.Measured:
    """Measure what of the groups is not in the file yet."""
    change = change_of(options)
    model = loaded(options)
    ids = answers(
        model.model,
        lambda count: encode_prompts(model.tokenizer, _prompts(options.prompts, count)),
        tokens=options.tokens,
        length=options.length,
    )
    bench = Bench(model.model, ids)
    if scores is not None and [layer.name for layer in bench.layers] != list(scores.names):
        reason = "are of layers with other names: of another model"
        raise InputError("mismatch", str(options.scores), reason)
    groups = groups_of(options.layers, len(bench.layers))
    subject = Subject(
        model_name=model.source.name,
        model_files=dict(digests(model.source)),
        engine=_engine(model.model),
        change=change.described(),
        sequences=ids.shape[0],
        length=ids.shape[1],
        tokens=digest_of(ids),
        layers=tuple(layer.name for layer in bench.layers),
        num_parameters=tuple(layer.weight.numel() for layer in bench.layers),
    )
    measured = damage_file.resume(options.output, subject)
    left = [group for group in groups if group not in measured.damage]
    if len(left) < len(groups):
        tell(
            options, f"{len(groups) - len(left)} of {len(groups)} taken over from {options.output}"
        )
    with (
        Bar.on_stderr("damage", quiet=options.quiet) as bar,
        Keeper(options.output, measured) as keeper,
    ):
        for group, found, _ in measure_all(bench, left, change, bar):
            keeper.add(group, found)
    tell(options, f"{options.output}: damage of {len(measured.damage)} changes")
    return measured


def _prompts(name: str | None, count: int) -> list[str]:
    if name is None:
        return made_prompts(count)
    prompts = read_prompts(name, count)
    if len(prompts) < count:
        reason = f"{len(prompts)} prompts, {count} are needed; give more, or fewer --tokens"
        raise InputError("out_of_range", name, reason)
    return prompts


def _engine(model: Any) -> str:
    """What changes values in their last bits, in words: a file goes on only with the same."""
    dtype = str(model.dtype).removeprefix("torch.")
    return f"{dtype}, {model.config._attn_implementation}, {model.device.type}"
