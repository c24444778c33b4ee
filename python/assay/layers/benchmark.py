"""The benchmark's verbs: budgets, methods side by side, more verifiers, one model or several."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from ..plotting import draw, require_drawable
from ..printing import show
from ..progress import Bar
from . import comparing, pictures
from . import scalability as scaling
from .cases import Case, make_cases, read_cases, write_cases
from .comparing import CaseResult, compare
from .norms import ModelNorms, read_norms
from .scores import Scores, read_scores


def _tell(options: argparse.Namespace, words: str) -> None:
    if not options.quiet:
        show(words, error=True)


def cases(options: argparse.Namespace) -> int:
    """Make budgets and write them."""
    made = make_cases(options.num_cases, options.num_verifiers, options.seed)
    write_cases(made, options.output_dir)
    show(f"{options.output_dir}: {len(made)} cases of {options.num_verifiers} verifiers")
    return 0


def compare_methods(options: argparse.Namespace) -> int:
    """Fill the budgets of each case by each method, and write what they find."""
    scores = read_scores(options.scores)
    norms = None if options.norms is None else _norms_of(scores, options.norms)
    name = options.model_name or scores.short_name
    _compared(options, read_cases(options.cases_dir), scores, norms, name, options.output_dir)
    return 0


def _norms_of(scores: Scores, path: Path) -> ModelNorms:
    """Norms of the model that the scores are of."""
    norms = read_norms(path)
    norms.require_of(scores.names, str(path))
    return norms


def _compared(
    options: argparse.Namespace,
    listed: list[Case],
    scores: Scores,
    norms: ModelNorms | None,
    name: str,
    folder: Path,
) -> tuple[Path, list[CaseResult]]:
    with Bar.on_stderr(f"compare {name}", quiet=options.quiet) as bar:
        results = compare(listed, scores, norms, order=options.order, report=bar)
    path = comparing.write_results(results, name, options.order, folder)
    show(f"{path}: {len(results)} cases; share of the significance, mean and deviation")
    for method, figures in comparing.summary(results).items():
        show(f"  {method:18} {figures['mean']:7.4f}  {figures['std']:.4f}")
    return path, results


def scalability(options: argparse.Namespace) -> int:
    """Select for more and more verifiers, and write and draw what they find."""
    counts, fraction = list(scaling.COUNTS), scaling.FRACTION
    if options.cases is not None:
        counts, fraction = scaling.read_cases(options.cases)
    models = _models_of(options)
    folder = _made(options.output_dir)
    require_drawable(folder / scaling.PICTURE_FILE)
    if options.cases is None:
        scaling.write_cases(folder / scaling.CASES_FILE)
    drawn = {}
    for name, (scores, norms) in models.items():
        with Bar.on_stderr(f"scalability {name}", quiet=options.quiet) as bar:
            steps = scaling.scale(
                scores, norms, counts=counts, fraction=fraction, order=options.order, report=bar
            )
        path = scaling.write_steps(steps, name, options.order, folder)
        found = ", ".join(f"{s.num_verifiers}: {s.alphaprun_ratio['alphaprun']:.4f}" for s in steps)
        show(f"{path}: share of the significance by verifiers\n  {found}")
        drawn[name] = steps
    draw(pictures.of_scalability(drawn), folder / scaling.PICTURE_FILE)
    return 0


def _models_of(options: argparse.Namespace) -> Mapping[str, tuple[Scores, ModelNorms | None]]:
    """Scores and norms by the name of their model."""
    if (options.scores is None) == (options.scores_dir is None):
        raise InputError("malformed", "--scores", "give this or --scores-dir")
    if options.scores is not None:
        scores = read_scores(options.scores)
        norms = None if options.norms is None else _norms_of(scores, options.norms)
        return {scores.short_name: (scores, norms)}
    paths = sorted(options.scores_dir.glob("*_scores.json"))
    if not paths:
        raise InputError("io", str(options.scores_dir), "holds no *_scores.json")
    found: dict[str, tuple[Scores, ModelNorms | None]] = {}
    for path in paths:
        scores, norms = read_scores(path), None
        if scores.short_name in found:
            raise InputError("malformed", str(path), f"the second file of {scores.short_name}")
        if options.norms_dir is not None:
            norms = _norms_of(scores, options.norms_dir / f"{scores.short_name}_norms.json")
        found[scores.short_name] = scores, norms
    return found


def benchmark(options: argparse.Namespace) -> int:
    """All of it for one model; norms and cases that are there can be kept."""
    require_drawable(_made(options.output_dir / "results") / "x.png")
    _benchmarked(options, options.scores_file, options.model)
    return 0


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _benchmarked(
    options: argparse.Namespace, scores_file: Path, model: str, picture: bool = True
) -> tuple[str, list[CaseResult]]:
    scores = read_scores(scores_file)
    name = scores.short_name
    root = options.output_dir
    norms_file = _made(root / "weight_norms") / f"{name}_norms.json"
    if not (options.skip_norms and norms_file.exists()):
        if options.skip_norms:
            raise InputError("io", str(norms_file), "is not there; leave --skip-norms out")
        _measure_norms(options, model, scores_file, norms_file)
    norms = _norms_of(scores, norms_file)
    folder = root / "cases"
    if not options.skip_cases:
        write_cases(make_cases(options.num_cases, options.num_verifiers), folder)
    results = _made(root / "results")
    _, found = _compared(options, read_cases(folder), scores, norms, name, results)
    if picture:
        draw(pictures.of_comparison({name: found}), results / f"{name}_comparison.png")
        steps = scaling.scale(scores, norms, order=options.order)
        scaled = _made(root / "scalability" / "results")
        scaling.write_cases(scaled / scaling.CASES_FILE)
        scaling.write_steps(steps, name, options.order, scaled)
        draw(pictures.of_scalability({name: steps}), scaled / scaling.PICTURE_FILE)
    return name, found


def _measure_norms(
    options: argparse.Namespace, model: str, scores_file: Path, norms_file: Path
) -> None:
    # Loads torch, which takes seconds.
    from . import model_verbs

    asked = {"model": model, "scores_file": scores_file, "output": norms_file, "force": False}
    model_verbs.norms(argparse.Namespace(**{**vars(options), **asked}))


def run_all(options: argparse.Namespace) -> int:
    """The benchmark of several models, and one picture of what compare found for all."""
    pairs = [one.rpartition("=") for one in options.models]
    wrong = next((one for one, pair in zip(options.models, pairs, strict=True) if not pair[0]), "")
    if wrong:
        raise InputError("malformed", "--models", f"{wrong}: write SCORES=MODEL")
    output = options.output or _made(options.output_dir / "results") / "combined_comparison.png"
    require_drawable(output)
    found: dict[str, list[CaseResult]] = {}
    for scores_file, _, model in pairs:
        name, results = _benchmarked(
            options, Path(scores_file), model, picture=not options.skip_individual
        )
        if name in found:
            raise InputError("malformed", "--models", f"{name} is there twice")
        found[name] = results
        # The next models are held against the same budgets.
        options.skip_cases = True
    draw(pictures.of_comparison(found), output)
    show(f"{output}: {len(found)} models")
    return 0
