"""The program `assay-layers`: what `assay layers` does with models in Python, and the benchmark."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..arguments import Parser, add_number, parser_of
from ..ending import ended
from ..models import add_engine_flags, require_models

PROGRAM = "assay layers"

_EXAMPLE = """\
examples:
  assay layers score --model smollm2 --output smollm2_scores.json
  assay layers norms --model smollm2 --output weight_norms/smollm2_norms.json
  assay layers benchmark --model smollm2 --scores-file smollm2_scores.json
  assay layers damage --model smollm2 --layers all --scores smollm2_scores.json --output damage.json
  assay layers demo

`assay layers score --weights` and `assay layers select` run no model and need no Python.
Flags are taken with dashes and with underscores. Exit codes: 0 done, 2 bad input or could not run.
"""

Verb = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(argv)
    stopped = "stopped before it was done; what was finished is kept"
    return ended(f"{PROGRAM} {options.verb}", lambda: _run(options), stopped=stopped)


def _run(options: argparse.Namespace) -> int:
    # Loading torch takes seconds that --help, typing errors, missing models and verbs without a
    # model need not wait. The models of `run-all` are the names of scores.
    if options.does != "run-all":
        require_models(options)
    verb: Verb
    match options.does:
        case "plot" | "plot-results":
            from . import drawing

            verb = drawing.plot if options.does == "plot" else drawing.plot_results
        case "score" | "norms" | "damage":
            from . import model_verbs

            with_models: dict[str, Verb] = {
                "score": model_verbs.score,
                "norms": model_verbs.norms,
                "damage": model_verbs.damage,
            }
            verb = with_models[options.does]
        case "check":
            from . import checking

            verb = checking.check
        case "demo":
            from . import demo

            verb = demo.tell
        case _:
            from . import benchmark

            verbs: dict[str, Verb] = {
                "cases": benchmark.cases,
                "compare": benchmark.compare_methods,
                "scalability": benchmark.scalability,
                "benchmark": benchmark.benchmark,
                "run-all": benchmark.run_all,
            }
            verb = verbs[options.does]
    return verb(options)


def _parser() -> argparse.ArgumentParser:
    about = "Which layers of a model are worth checking: scores, selections, and what they find."
    parser = parser_of(PROGRAM, about, _EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add_verb in (
        _add_score,
        _add_plot,
        _add_norms,
        _add_cases,
        _add_compare,
        _add_plot_results,
        _add_scalability,
        _add_damage,
        _add_benchmark,
        _add_run_all,
        _add_check,
        _add_demo,
    ):
        add_verb(verbs)
    return parser


def _verb(verbs: Any, name: str, summary: str, *aliases: str) -> Any:
    parser: Parser = verbs.add_parser(
        name, help=summary, description=summary, allow_abbrev=False, aliases=aliases
    )
    parser.set_defaults(does=name)
    return parser.add_argument


def _add_score(verbs: Any) -> None:
    about = "score the layers of models by the spectra of their weights"
    add = _verb(verbs, "score", about, "extract")
    many = "folder, .gguf file, hub id, or smollm2; several with --scores-dir"
    add("--model", required=True, nargs="+", help=many)
    _add_engine(add)
    add("--output", type=Path, metavar="FILE", help="the scores")
    add("--scores-dir", type=Path, metavar="DIR", help="instead: for <model>_scores.json of each")
    metrics = (
        "alpha, alpha_mid (alpha_hill), alpha_peak, alphahat (alpha_weighted), entropy, norm, "
        "log_norm, spectral_norm, log_spectral_norm, stable_rank, log_alpha_norm, mp_softrank or "
        "random_distance (default: %(default)s)"
    )
    add("--metric", "--ww-metric", default="alpha_peak", metavar="NAME", help=metrics)
    add(
        *("--mapping", "--mapping-type"),
        choices=("block_wise", "layer_wise"),
        default="block_wise",
        help="the mean of each block, or each layer's own (default: %(default)s)",
    )
    part = "of all parameters, that pruning would take (default: 0.7)"
    add("--sparsity", "--sparsity-ratio", type=float, default=0.7, metavar="S", help=part)
    apart = "how far ratios lie apart, 0 to below 1 (default: 0.3)"
    add("--epsilon", type=float, default=0.3, metavar="E", help=apart)
    add("--peak-lower", choices=("compat", "exact"), default="compat", help="default: compat")
    add("--eigen", choices=("auto", "gram", "svd"), default="auto", help="default: auto")
    add("--clip", choices=("fill", "seed"), default="fill", help="of ratios over 1 (default: fill)")
    add_number(add, "--seed", 0, "of the shuffle of random_distance", least=0)
    add("--spectra", type=Path, metavar="FILE", help="default: beside the scores")
    cached = (
        "take the metrics from <model>/<metric>.npy there, which binds them to no weights; where "
        "there is none, keep them there"
    )
    add("--metric-cache", "--ww-metric-cache", type=Path, metavar="DIR", help=cached)
    add("--force", action="store_true", help="compute metrics that --metric-cache has")
    add("--pretty", action="store_true", help="indent the JSON")
    _add_quiet(add)


def _add_model(add: Any, *, required: bool = True) -> None:
    add("--model", required=required, help="folder, .gguf file, hub id, or smollm2")
    _add_engine(add)


def _add_engine(add: Any) -> None:
    add("--cache-dir", type=Path, metavar="DIR", help="where files of models of a hub are kept")
    add_engine_flags(add)


def _add_order(add: Any) -> None:
    add(
        "--order",
        choices=("free", "fixed", "greedy"),
        default="free",
        help="which verifier may stand left of which (default: any)",
    )


def _add_quiet(add: Any) -> None:
    add("--quiet", action="store_true", help="no messages but errors")


def _add_plot(verbs: Any) -> None:
    about = "draw scores: along the depth, and as boxplots by its quarters"
    add = _verb(verbs, "plot", about, "visualize")
    add(
        "--mode",
        choices=("data_dir", "json", "json_single"),
        default="json_single",
        help="metrics in <model>/<metric>.npy, several files of scores, or one (default: one)",
    )
    add("--json-file", nargs="+", type=Path, metavar="FILE", help="scores")
    add("--data-dir", type=Path, metavar="DIR", help="folder of <model>/<metric>.npy")
    add("--metric", default="alpha_peak", help="of --data-dir (default: %(default)s)")
    add("--no-normalize", action="store_true", help="do not bring values of --data-dir to 0..1")
    add("--use-raw-metrics", action="store_true", help="draw the metric, not the significance")
    _add_picture(add)


def _add_picture(add: Any) -> None:
    add("--output", required=True, type=Path, metavar="FILE", help=".png, or .vl.json (Vega-Lite)")


def _add_norms(verbs: Any) -> None:
    about = "L1, L2 and largest magnitude of each linear layer's weights"
    add = _verb(verbs, "norms", about)
    _add_model(add)
    add("--scores-file", type=Path, metavar="FILE", help="scores that the layers must agree with")
    add("--output", required=True, type=Path, metavar="FILE", help="<model>_norms.json")
    add("--force", action="store_true", help="measure again what --output holds")
    _add_quiet(add)


def _add_cases(verbs: Any) -> None:
    about = "make budgets of verifiers at random, in five families"
    add = _verb(verbs, "cases", about)
    _add_numbers_of_cases(add)
    add_number(add, "--seed", 42, "of the draws", least=0)
    add("--output-dir", type=Path, default=Path("cases"), metavar="DIR", help="default: cases")


def _add_numbers_of_cases(add: Any) -> None:
    add_number(add, "--num-cases", 100, "cases", least=1)
    add_number(add, "--num-verifiers", 3, "verifiers of each", least=1)


def _add_compare(verbs: Any) -> None:
    about = "fill the budgets by each method, and say how much of the significance it finds"
    add = _verb(verbs, "compare", about)
    add("--scores", required=True, type=Path, metavar="FILE", help="of the model")
    add("--norms", type=Path, metavar="FILE", help="of the same model (default: no such methods)")
    add("--cases-dir", type=Path, default=Path("cases"), metavar="DIR", help="default: cases")
    add("--output-dir", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    add("--model-name", metavar="NAME", help="in names of files (default: that of the scores)")
    _add_order(add)
    _add_quiet(add)


def _add_plot_results(verbs: Any) -> None:
    about = "draw what compare or scalability found: boxplots or lines by method"
    add = _verb(verbs, "plot-results", about)
    add("--results", required=True, nargs="+", type=Path, metavar="FILE", help="one for each model")
    _add_picture(add)


def _add_scalability(verbs: Any) -> None:
    about = "1, 6, .., 96 verifiers, each with one hundredth of the parameters"
    add = _verb(verbs, "scalability", about)
    add("--scores", type=Path, metavar="FILE", help="of one model")
    add("--norms", type=Path, metavar="FILE", help="of the same model")
    add("--scores-dir", type=Path, metavar="DIR", help="instead: a *_scores.json of each model")
    add("--norms-dir", type=Path, metavar="DIR", help="their <model>_norms.json")
    add("--cases", type=Path, metavar="FILE", help="numbers of verifiers: scalability_cases.json")
    add(
        "--output-dir",
        type=Path,
        default=Path("scalability/results"),
        metavar="DIR",
        help="default: %(default)s",
    )
    _add_order(add)
    _add_quiet(add)


def _add_damage(verbs: Any) -> None:
    about = "measure what each changed layer does to the model's answers"
    add = _verb(verbs, "damage", about)
    _add_model(add)
    layers = "all, or layers alone and in groups, as in 0,5-8 or (0-4),(5-9) (default: all)"
    add("--layers", default="all", metavar="WHICH", help=layers)
    add("--change", choices=("round", "noise", "prune"), default="round", help="default: round")
    add_number(add, "--bits", 4, "of rounded weights", least=2)
    add_number(add, "--group", 128, "rounded weights that share a scale", least=1)
    add("--strength", type=float, default=0.1, metavar="X", help="of the noise (default: 0.1)")
    add("--share", type=float, default=0.5, metavar="X", help="of pruned weights (default: 0.5)")
    add_number(add, "--seed", 0, "of the noise", least=0)
    add("--prompts", metavar="FILE", help="texts that the model answers; default: made ones")
    add_number(add, "--tokens", 256, "in all", least=2)
    add_number(add, "--length", 32, "tokens of a prompt and its answer", least=2)
    add("--output", required=True, type=Path, metavar="FILE", help="goes on where it was stopped")
    add("--scores", type=Path, metavar="FILE", help="then compare the damage with these scores")
    add("--norms", type=Path, metavar="FILE", help="and with these norms")
    add("--plot", type=Path, metavar="FILE", help="draw damage against scores")
    add_number(add, "--num-cases", 100, "cases of budgets for --scores", least=1)
    _add_quiet(add)


def _add_benchmark_flags(add: Any) -> None:
    _add_numbers_of_cases(add)
    add("--skip-norms", action="store_true", help="take those that are there")
    add("--skip-cases", action="store_true", help="take those that are there")
    _add_order(add)
    _add_quiet(add)


def _add_benchmark(verbs: Any) -> None:
    about = "norms, cases, compare, scalability and their pictures, for one model"
    add = _verb(verbs, "benchmark", about)
    _add_model(add)
    add("--scores-file", required=True, type=Path, metavar="FILE", help="of the model")
    add("--output-dir", type=Path, default=Path(), metavar="DIR", help="default: here")
    _add_benchmark_flags(add)


def _add_run_all(verbs: Any) -> None:
    about = "benchmark for several models, and one picture of all"
    add = _verb(verbs, "run-all", about)
    _add_model(add, required=False)
    models = "scores and the model they are of, as in smollm2_scores.json=smollm2"
    add("--models", required=True, nargs="+", metavar="FILE=MODEL", help=models)
    add("--skip-individual", action="store_true", help="only the picture of all")
    add("--output-dir", type=Path, default=Path(), metavar="DIR", help="default: here")
    combined = "default: results/combined_comparison.png"
    add("--output", type=Path, metavar="FILE", help=combined)
    _add_benchmark_flags(add)


def _add_check(verbs: Any) -> None:
    about = "a quick check that selection, cases, comparison and files work here"
    _verb(verbs, "check", about)


def _add_demo(verbs: Any) -> None:
    about = "the story on a real model: scores, pictures, selections, damage"
    add = _verb(verbs, "demo", about)
    _add_model(add, required=False)
    add(
        "--output-dir",
        type=Path,
        default=Path("layers-demo"),
        metavar="DIR",
        help="default: %(default)s",
    )
    add_number(add, "--layers", 10, "whose damage is measured", least=1)


if __name__ == "__main__":
    sys.exit(main())
