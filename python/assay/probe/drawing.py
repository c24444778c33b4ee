"""The verb of `assay-probe` that draws."""

import argparse

from .. import _core
from ..errors import DecodeError, Error
from ..plotting import draw, require_drawable
from . import pictures


def plot(options: argparse.Namespace) -> int:
    """Draw what the files have; gives the exit code."""
    require_drawable(options.output)
    evaluations = pictures.read_evaluations(options.evaluation)
    results = None if options.causal is None else pictures.read_results(options.causal)
    probes = None if options.probes is None else _core.ProbeSet.read(str(options.probes))
    try:
        picture = pictures.picture_of(evaluations, results, probes, options.dimension)
    except Error:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        named = ", ".join(map(str, [*options.evaluation, *filter(None, [options.causal])]))
        reason = "a field is missing or of another kind than the format has"
        raise DecodeError("malformed", named, reason) from error
    draw(picture, options.output)
    return 0
