"""The verbs of `assay-layers` that draw."""

import argparse

from ..errors import InputError
from ..plotting import draw, require_drawable
from . import comparing, pictures, scalability
from .comparing import CaseResult
from .metric_files import metrics_in
from .scalability import Step
from .scores import read_scores


def plot(options: argparse.Namespace) -> int:
    """Draw scores, or metrics that lie in .npy files."""
    require_drawable(options.output)
    if options.mode == "data_dir":
        if options.data_dir is None:
            raise InputError("malformed", "--data-dir", "is needed with --mode data_dir")
        values = metrics_in(options.data_dir, options.metric)
        what = options.metric
        if not options.no_normalize:
            values = {name: pictures.to_unit(listed) for name, listed in values.items()}
            what += ", from least to largest as 0 to 1"
        title = f"{options.metric} of {options.data_dir}, not bound to any weights"
        draw(pictures.of_values(values, title, what), options.output)
        return 0
    if not options.json_file:
        raise InputError("malformed", "--json-file", f"is needed with --mode {options.mode}")
    if options.mode == "json_single" and len(options.json_file) > 1:
        raise InputError("malformed", "--json-file", "of several files use --mode json")
    scores = [read_scores(path) for path in options.json_file]
    if len(scores) == 1:
        draw(pictures.of_scores(scores[0], raw=options.use_raw_metrics), options.output)
        return 0
    listed = {
        one.short_name: pictures.raw_metrics(one) if options.use_raw_metrics else one.values
        for one in scores
    }
    if len(listed) != len(scores):
        raise InputError("malformed", "--json-file", "two files are of models of one name")
    what = "metric" if options.use_raw_metrics else "significance"
    draw(pictures.of_values(listed, f"{len(scores)} models", what), options.output)
    return 0


def plot_results(options: argparse.Namespace) -> int:
    """Draw files of `compare`, or of `scalability`, all of one kind."""
    require_drawable(options.output)
    compared: dict[str, list[CaseResult]] = {}
    scaled: dict[str, list[Step]] = {}
    for path in options.results:
        if path.name.endswith("_scalability_results.json"):
            name, steps = scalability.read_steps(path)
            known = name in scaled
            scaled[name] = steps
        else:
            name, cases = comparing.read_results(path)
            known = name in compared
            compared[name] = cases
        if known:
            raise InputError("malformed", "--results", f"two files are of {name}")
    if compared and scaled:
        reason = "results of compare and of scalability; draw them one after the other"
        raise InputError("mismatch", "--results", reason)
    draw(
        pictures.of_comparison(compared) if compared else pictures.of_scalability(scaled),
        options.output,
    )
    return 0
