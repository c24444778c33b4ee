"""The pictures of this package, described; `assay.plotting` draws them."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import DecodeError, InputError
from ..plotting import Axis, Chart, Picture, Series, draw
from .lines import Line

Value = Callable[[Line], object]

_LEAVES = Axis("leaves in the tree", log=True)


def of_dimensions(lines: Sequence[Line], place: str, base_size: int = 64) -> Picture:
    """Building, proving and checking by size, with means and standard deviations over the seeds.

    Args:
        lines: As `run_dimensions` writes them, and the first programs did.
        place: Where they are from, for errors.
        base_size: The fan-out that the title speaks of.

    Raises:
        InputError: There is nothing to draw ("mismatch").
        DecodeError: A line has not the fields ("malformed").
    """
    panels = {
        "Building the tree": (_named("build_time_seconds", "time_taken_to_build_tree"), "seconds"),
        "Proving one leaf": (
            _named("proof_time_seconds", "time_taken_to_generate_proof"),
            "seconds",
        ),
        "Checking the proof of one leaf": (
            _named("verify_time_seconds", "time_taken_to_verify_proof"),
            "seconds",
        ),
        "Size of the proof of one leaf": (_named("proof_size"), "bytes"),
    }
    seeds = {line.get("seed") for line in lines}
    data = sorted({str(line.get("data", "data not stated")) for line in lines})
    title = (
        f"Three trees with {base_size} children a node; mean and standard deviation over "
        f"{len(seeds)} seed{'s' if len(seeds) != 1 else ''} ({', '.join(data)})"
    )
    return _picture(title, lines, panels, _label, _named("data_size", "size"), place)


def of_scaling(lines: Sequence[Line], place: str) -> Picture:
    """Each tree by size: building, proving, checking, updating, proof bytes, memory.

    Raises:
        InputError: There is nothing to draw ("mismatch").
        DecodeError: A line has not the fields ("malformed").
    """
    panels = {
        "Building the tree": (_named("build_seconds"), "seconds"),
        "Changing one leaf": (_named("update_seconds"), "seconds"),
        "Proving one leaf": (_named("prove_seconds"), "seconds"),
        "Checking the proof of one leaf": (_named("verify_seconds"), "seconds"),
        "Size of the proof of one leaf": (_named("proof_size"), "bytes"),
        "Memory of the tree": (_named("tree_size"), "bytes"),
    }
    title = "How three trees grow; one run, the same uniform u64 for all"
    return _picture(title, lines, panels, _named("tree"), _named("size"), place)


def draw_both(picture: Picture, path: Path, dpi: int = 120) -> list[Path]:
    """Draw a picture as PNG, and its Vega-Lite description beside it; gives both paths.

    Raises:
        InputError: The path does not end in .png, or as `assay.plotting.draw`.
        SaveError: A file could not be written.
    """
    if path.suffix.lower() != ".png":
        raise InputError("unsupported", str(path), "give a name that ends in .png")
    described = path.with_suffix(".vl.json")
    draw(picture, path, dpi=dpi)
    draw(picture, described)
    return [path, described]


def _picture(
    title: str,
    lines: Sequence[Line],
    panels: Mapping[str, tuple[Value, str]],
    label: Value,
    size: Value,
    place: str,
) -> Picture:
    if not lines:
        raise InputError("mismatch", place, "no results to draw")
    charts = []
    for name, (value, unit) in panels.items():
        found: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
        for number, line in enumerate(lines, 1):
            here = f"{place}: line {number}"
            read = value(line)
            # Lines of the first programs have fewer fields.
            if read is not None:
                at = _number(size(line), here, "the size")
                found[str(label(line))][at].append(_number(read, here, name))
        if found:
            series = [_series(one, by_size) for one, by_size in found.items()]
            charts.append(Chart(name, _LEAVES, Axis(unit, log=True), series))
    if not charts:
        raise InputError("mismatch", place, "no line has a field to draw")
    return Picture(title, charts, columns=2)


def _series(label: str, by_size: Mapping[float, Sequence[float]]) -> Series:
    sizes = sorted(by_size)
    means = [statistics.fmean(by_size[size]) for size in sizes]
    spreads = [statistics.pstdev(by_size[size]) for size in sizes]
    # The axis is logarithmic: a band ends at the least value where it would reach to 0.
    low = [
        max(mean - spread, min(by_size[size]))
        for size, mean, spread in zip(sizes, means, spreads, strict=True)
    ]
    high = [mean + spread for mean, spread in zip(means, spreads, strict=True)]
    return Series(label, "line", sizes, means, low, high)


def _label(line: Line) -> str:
    if "config_name" in line:
        return f"Terkle {line['config_name']}"
    what = "width" if "width" in line else "arity"
    return f"{line.get('implementation')}, {what} {line.get(what)}"


def _named(*names: str) -> Value:
    return lambda line: next((line[name] for name in names if name in line), None)


def _number(value: object, place: str, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DecodeError("malformed", place, f"{what} is no number")
    return float(value)
