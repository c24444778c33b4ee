"""Pictures: PNG by matplotlib, or Vega-Lite descriptions of the same, by the file's ending.

A picture is described by the classes here and drawn by nothing but `draw`. Matplotlib is loaded
where a PNG is wanted, through its objects alone: no state of a program that plots too is touched.
"""

import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from .errors import InputError
from .writing import write_together

_DESCRIPTIONS = (".vl.json", ".json")
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"

# Okabe and Ito's colours, which people with any colour vision can tell apart; black is for axes.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#999999")
_NOTHING = "#EEEEEE"
_INFINITE = "#D55E00"
_DPI = 120


@dataclass(frozen=True)
class Axis:
    """An axis of a panel.

    Attributes:
        title: What is on it, with its unit.
        log: Whether its scale is logarithmic; then all values are above 0.
        limits: Its ends; by default those of the values, with a margin.
    """

    title: str
    log: bool = False
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Series:
    """Values that are drawn alike.

    Attributes:
        label: For the legend; empty: not in it.
        mark: "line" through the points in their order, "points", "bars" of width 1 from 0,
            "dashes": a line as one that was fitted or stands for a bound.
        x: As many as `y`, at least one.
        y: Their values.
        low: With `high`, an interval around each of `y`, drawn as a band or as bars of error.
        high: Its upper end.
        names: What each point is called, for readers of the description; none, or one each.
    """

    label: str
    mark: Literal["line", "points", "bars", "dashes"]
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Chart:
    """A panel of series over common axes."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]


@dataclass(frozen=True)
class Boxes:
    """A panel of boxplots: median, quartiles, whiskers to 1.5 times their distance, outliers.

    Attributes:
        title: Above it.
        x: The title of the axis of groups.
        y: The axis of values.
        groups: Values by the name of their group, drawn in this order.
    """

    title: str
    x: str
    y: Axis
    groups: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Strip:
    """A panel of rows of cells, coloured by what is in them.

    Attributes:
        title: Above it.
        x: The title of the axis along the cells, which are counted from 0.
        rows: By name, what each cell of the row belongs to; None: nothing.
        kinds: What cells can belong to, in the order of the colours.
    """

    title: str
    x: str
    rows: Mapping[str, Sequence[str | None]]
    kinds: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """A panel of rows of cells, shaded by their values on a logarithmic scale.

    Attributes:
        title: Above it.
        x: The title of the axis along the cells.
        rows: By name, the values of its cells: 0 is drawn as nothing, infinity in a colour of its
            own.
        legend: What the values are.
        first: What the first cell is called on the axis.
        step: How much of the axis a cell takes.
    """

    title: str
    x: str
    rows: Mapping[str, Sequence[float]]
    legend: str
    first: int = 0
    step: int = 1


Panel = Chart | Boxes | Strip | Grid


@dataclass(frozen=True)
class Picture:
    """Panels under one title, in `columns` columns, row after row."""

    title: str
    panels: Sequence[Panel]
    columns: int = field(default=1)


def require_drawable(path: Path) -> None:
    """Whether `draw` could make this file; asked before the work that a picture is made of.

    Raises:
        InputError: Another ending, no matplotlib ("unsupported"), no such folder ("io").
    """
    name = path.name.lower()
    if not name.endswith((".png", *_DESCRIPTIONS)):
        reason = "of an ending that is not drawn; use .png, or .vl.json for Vega-Lite"
        raise InputError("unsupported", str(path), reason)
    try:
        is_there = path.parent.is_dir()
    except OSError as error:
        reason = f"its folder cannot be found ({error.strerror})"
        raise InputError("io", str(path), reason) from error
    if not is_there:
        raise InputError("io", str(path), "its folder does not exist; make it first")
    if name.endswith(".png") and find_spec("matplotlib") is None:
        reason = (
            "needs matplotlib, which is not installed; run: pip install 'assay[plots]', or choose "
            "a name that ends in .vl.json"
        )
        raise InputError("unsupported", str(path), reason)


def draw(picture: Picture, path: Path, *, dpi: int = _DPI) -> None:
    """Write a picture: .png, or a Vega-Lite description (.vl.json, .json).

    The file appears whole or not at all. `dpi` is of a PNG: dots an inch, of which it has 10 or 6
    for each column.

    Raises:
        InputError: As `require_drawable`; a value that is NaN or infinite, or not above 0 on a
            logarithmic axis ("out_of_range"); a series of no or unequal length ("mismatch").
        SaveError: The file could not be written.
    """
    require_drawable(path)
    for panel in picture.panels:
        _check(panel, str(path))
    png = path.name.lower().endswith(".png")
    write_together({path: _png(picture, dpi) if png else _description(picture)})


def _check(panel: Panel, place: str) -> None:
    if isinstance(panel, Strip):
        lengths = {len(cells) for cells in panel.rows.values()}
        if len(lengths) != 1 or 0 in lengths:
            raise InputError("mismatch", place, f"{panel.title}: rows of no or unequal length")
        return
    if isinstance(panel, Grid):
        if not panel.rows or not any(panel.rows.values()):
            raise InputError("mismatch", place, f"{panel.title}: nothing to draw")
        for name, values in panel.rows.items():
            if any(not value >= 0 for value in values):
                reason = "a value that is not a number of at least 0"
                raise InputError("out_of_range", f"{place}: {name}", reason)
        return
    if isinstance(panel, Boxes):
        for name, values in panel.groups.items():
            _check_values(values, panel.y, f"{place}: {name}")
        return
    if not panel.series:
        raise InputError("mismatch", place, f"{panel.title}: nothing to draw")
    for one in panel.series:
        here = f"{place}: {one.label or panel.title}"
        listed = (one.y, one.low, one.high, one.names)
        if any(values and len(values) != len(one.x) for values in listed) or not one.y:
            raise InputError("mismatch", here, "a series of no or unequal length")
        _check_values(one.x, panel.x, here)
        for values in listed[:3]:
            if values:
                _check_values(values, panel.y, here)


def _check_values(values: Sequence[float], axis: Axis, place: str) -> None:
    if not values:
        raise InputError("mismatch", place, "no values")
    for index, value in enumerate(values):
        if not math.isfinite(value) or (axis.log and value <= 0):
            wanted = "a finite number above 0" if axis.log else "a finite number"
            reason = f"value {index} is {value}; {wanted} is needed on the axis {axis.title!r}"
            raise InputError("out_of_range", place, reason)


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


# PNG.


def _png(picture: Picture, dpi: int) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(picture.columns, len(picture.panels))
    rows = -(-len(picture.panels) // columns)
    heights = [
        max(_height(panel) for panel in picture.panels[row * columns : (row + 1) * columns])
        for row in range(rows)
    ]
    figure = Figure(figsize=(10 if columns == 1 else 6 * columns, sum(heights) + 0.5))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    figure.suptitle(picture.title)
    grid = figure.add_gridspec(rows, columns, height_ratios=heights)
    for index, panel in enumerate(picture.panels):
        _draw_panel(figure.add_subplot(grid[index // columns, index % columns]), panel)
    held = io.BytesIO()
    # Without the name of the program that wrote it, equal pictures are equal files.
    figure.savefig(held, format="png", dpi=dpi, metadata={"Software": None})
    return held.getvalue()


def _height(panel: Panel) -> float:
    if isinstance(panel, Grid):
        return 1.1 + 0.22 * len(panel.rows)
    return 1.1 + 0.45 * len(panel.rows) if isinstance(panel, Strip) else 4.0


def _draw_panel(axes: Any, panel: Panel) -> None:
    axes.set_title(panel.title, fontsize="medium")
    if isinstance(panel, Strip):
        _draw_strip(axes, panel)
        return
    if isinstance(panel, Grid):
        _draw_grid(axes, panel)
        return
    _set_axis(axes, "y", panel.y)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    if isinstance(panel, Boxes):
        # What is drawn is read from the values alone; names may be long.
        names = list(panel.groups)
        shapes = axes.boxplot(list(panel.groups.values()), patch_artist=True, widths=0.6)
        for index, box in enumerate(shapes["boxes"]):
            box.set_facecolor(_colour(index))
        for median in shapes["medians"]:
            median.set_color("black")
        slanted = max(map(len, names)) * len(names) > 80
        how = {"rotation": 30, "ha": "right"} if slanted else {}
        axes.set_xticks(range(1, len(names) + 1), names, **how)
        axes.set_xlabel(panel.x)
        return
    _set_axis(axes, "x", panel.x)
    for index, one in enumerate(panel.series):
        _draw_series(axes, one, _colour(index))
    if not panel.x.log:
        # More numbers of six digits would run into each other.
        axes.locator_params(axis="x", nbins=5)
    if any(one.label for one in panel.series):
        # Among points of several kinds, or many lines, there is no empty corner.
        points = sum(one.mark == "points" for one in panel.series)
        crowded = points > 2 or len(panel.series) > 4
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if crowded else {}
        axes.legend(fontsize="small", **beside)


def _set_axis(axes: Any, which: str, axis: Axis) -> None:
    settings: dict[str, Any] = {f"{which}label": axis.title}
    if axis.log:
        settings[f"{which}scale"] = "log"
    if axis.limits:
        settings[f"{which}lim"] = axis.limits
    axes.set(**settings)


def _draw_series(axes: Any, one: Series, colour: str) -> None:
    label = one.label or None
    if one.mark == "bars":
        axes.bar(one.x, one.y, width=1.0, color=colour, label=label)
    elif one.mark == "points":
        axes.scatter(one.x, one.y, s=16, color=colour, alpha=0.75, linewidths=0, label=label)
    elif one.mark == "dashes":
        axes.plot(one.x, one.y, color="black", linestyle="--", linewidth=1.5, label=label)
    else:
        axes.plot(one.x, one.y, color=colour, marker="o", markersize=4, label=label)
    if one.low and one.mark == "line":
        axes.fill_between(one.x, one.low, one.high, color=colour, alpha=0.2, linewidth=0)
    elif one.low:
        axes.vlines(one.x, one.low, one.high, color="black", linewidth=1)


def _count_columns(axes: Any, label: str) -> None:
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(label)


def _draw_strip(axes: Any, panel: Strip) -> None:
    from matplotlib.patches import Patch

    colours = {kind: _colour(index) for index, kind in enumerate(panel.kinds)}
    for row, cells in enumerate(panel.rows.values()):
        shades = [_NOTHING if cell is None else colours[cell] for cell in cells]
        axes.bar(range(len(cells)), 0.8, 1.0, row - 0.4, color=shades, linewidth=0)
    axes.set_yticks(range(len(panel.rows)), list(panel.rows))
    axes.set_ylim(len(panel.rows) - 0.5, -0.5)
    axes.set_xlim(-0.5, len(next(iter(panel.rows.values()))) - 0.5)
    _count_columns(axes, panel.x)
    # Of more kinds than colours a legend would tell nothing.
    if len(panel.kinds) <= len(_COLOURS):
        patches = [Patch(color=colours[kind], label=kind) for kind in panel.kinds]
        axes.legend(handles=patches, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_grid(axes: Any, panel: Grid) -> None:
    import numpy as np
    from matplotlib.colors import LogNorm

    columns = max(map(len, panel.rows.values()))
    values = np.zeros((len(panel.rows), columns))
    for row, listed in enumerate(panel.rows.values()):
        values[row, : len(listed)] = listed
    end = panel.first + columns * panel.step
    extent = (panel.first - 0.5, end - 0.5, len(panel.rows) - 0.5, -0.5)
    axes.set_facecolor(_NOTHING)
    shown = {"extent": extent, "aspect": "auto", "interpolation": "nearest"}
    found = values[(values > 0) & np.isfinite(values)]
    if found.size:
        norm = LogNorm(found.min(), max(found.max(), found.min() * 1.01))
        masked = np.ma.masked_where((values <= 0) | ~np.isfinite(values), values)
        image = axes.imshow(masked, cmap="viridis", norm=norm, **shown)
        axes.figure.colorbar(image, ax=axes, label=panel.legend)
    if np.isinf(values).any():
        colour = np.zeros((*values.shape, 4))
        colour[np.isinf(values)] = [*(int(_INFINITE[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0]
        axes.imshow(colour, **shown)
    axes.set_yticks(range(len(panel.rows)), list(panel.rows), fontsize="small")
    _count_columns(axes, panel.x)


# Vega-Lite.


def _description(picture: Picture) -> bytes:
    columns = min(picture.columns, len(picture.panels))
    described = {
        "$schema": _SCHEMA,
        "title": picture.title,
        "columns": columns,
        "concat": [_panel(panel, 760 if columns == 1 else 420) for panel in picture.panels],
        "resolve": {"scale": {"color": "independent"}},
    }
    text = json.dumps(described, allow_nan=False, ensure_ascii=False, indent=1)
    return (text + "\n").encode()


def _panel(panel: Panel, width: int) -> dict[str, Any]:
    described: dict[str, Any] = {"title": panel.title, "width": width, "height": 300}
    if isinstance(panel, Strip):
        return described | _strip(panel)
    if isinstance(panel, Grid):
        return described | _grid(panel)
    if isinstance(panel, Boxes):
        rows = [{"group": name, "y": v} for name, values in panel.groups.items() for v in values]
        names = list(panel.groups)
        group = {"field": "group", "type": "nominal", "title": panel.x, "sort": names}
        scale = {"domain": names, "range": [_colour(index) for index in range(len(names))]}
        return described | {
            "data": {"values": rows},
            "mark": {"type": "boxplot", "extent": 1.5},
            "encoding": {
                "x": group,
                "y": _encoded("y", panel.y),
                "color": {"field": "group", "type": "nominal", "scale": scale, "legend": None},
            },
        }
    labels = [one.label for one in panel.series if one.label]
    shades = [_shade(index, one) for index, one in enumerate(panel.series) if one.label]
    scale = {"domain": labels, "range": shades}
    layers: list[dict[str, Any]] = []
    for index, one in enumerate(panel.series):
        layers.extend(_layers(one, panel, scale, _shade(index, one)))
    return described | {"layer": layers}


def _shade(index: int, one: Series) -> str:
    return "black" if one.mark == "dashes" else _colour(index)


def _layers(
    one: Series, panel: Chart, scale: Mapping[str, Any], shade: str
) -> Iterator[dict[str, Any]]:
    marks: dict[str, dict[str, Any]] = {
        "line": {"type": "line", "point": True},
        "dashes": {"type": "line", "strokeDash": [6, 4]},
        "points": {"type": "point", "filled": True, "opacity": 0.75},
        "bars": {"type": "bar", "binSpacing": 0},
    }
    values = {"data": {"values": list(_rows(one))}}
    along = {"x": _encoded("x", panel.x)}
    if one.mark == "bars":
        # From end to end: a bar at a place alone is five pixels wide, whatever the scale.
        along = {"x": {**_encoded("from", panel.x), "bin": "binned"}, "x2": {"field": "to"}}
    colour: dict[str, Any] = {"value": shade}
    if one.label:
        colour = {"datum": one.label, "type": "nominal", "scale": scale, "title": None}
    upright = {"y": _encoded("y", panel.y), "color": colour}
    if one.low:
        band = {"type": "area", "opacity": 0.2} if one.mark == "line" else {"type": "rule"}
        ends = {"y": _encoded("low", panel.y), "y2": {"field": "high"}, "color": {"value": shade}}
        yield {**values, "mark": band, "encoding": along | ends}
    tips = [{"field": name} for name in ("name", "x", "y")] if one.names else []
    # Lines go through the points in their order, not in that of x.
    order = {"order": {"field": "at"}} if one.mark in ("line", "dashes") else {}
    told = {"tooltip": tips} if tips else {}
    yield {**values, "mark": marks[one.mark], "encoding": along | upright | order | told}


def _rows(one: Series) -> Iterator[dict[str, Any]]:
    for at, (x, y) in enumerate(zip(one.x, one.y, strict=True)):
        row: dict[str, Any] = {"at": at, "x": x, "y": y}
        if one.mark == "bars":
            row |= {"from": x - 0.5, "to": x + 0.5}
        if one.low:
            row |= {"low": one.low[at], "high": one.high[at]}
        if one.names:
            row["name"] = one.names[at]
        yield row


def _encoded(name: str, axis: Axis) -> dict[str, Any]:
    scale: dict[str, Any] = {"type": "log" if axis.log else "linear", "zero": False}
    if axis.log:
        del scale["zero"]
    if axis.limits:
        scale["domain"] = list(axis.limits)
    return {"field": name, "type": "quantitative", "title": axis.title, "scale": scale}


def _strip(panel: Strip) -> dict[str, Any]:
    runs = [
        {"row": name, "from": first - 0.5, "to": last + 0.5, "kind": kind}
        for name, cells in panel.rows.items()
        for first, last, kind in _runs(cells)
    ]
    scale = {"domain": list(panel.kinds), "range": [_colour(i) for i in range(len(panel.kinds))]}
    ends = (-0.5, len(next(iter(panel.rows.values()))) - 0.5)
    # A row is there also where all of its cells are empty.
    rows = {"domain": list(panel.rows), "paddingInner": 0.2}
    place = {
        "x": _encoded("from", Axis(panel.x, limits=ends)),
        "x2": {"field": "to"},
        "y": {"field": "row", "type": "nominal", "title": None, "scale": rows},
    }
    empty = [{"row": name, "from": ends[0], "to": ends[1]} for name in panel.rows]
    colour: dict[str, Any] = {"field": "kind", "type": "nominal", "title": None, "scale": scale}
    # Of more kinds than colours a legend would tell nothing.
    if len(panel.kinds) > len(_COLOURS):
        colour["legend"] = None
    return {
        "height": 40 * len(panel.rows),
        "layer": [
            {
                "data": {"values": empty},
                "mark": "rect",
                "encoding": {**place, "color": {"value": _NOTHING}},
            },
            {"data": {"values": runs}, "mark": "rect", "encoding": {**place, "color": colour}},
        ],
    }


def _grid(panel: Grid) -> dict[str, Any]:
    cells: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for name, values in panel.rows.items():
        for index, value in enumerate(values):
            if value > 0:
                x = panel.first + index * panel.step
                row = {"row": name, "x": x, "from": x - 0.5, "to": x - 0.5 + panel.step}
                infinite = math.isinf(value)
                cells[infinite].append(row if infinite else {**row, "value": value})
    columns = max(map(len, panel.rows.values()))
    domain = [panel.first - 0.5, panel.first - 0.5 + columns * panel.step]
    across = {
        "x": {
            "field": "from",
            "type": "quantitative",
            "title": panel.x,
            "scale": {"domain": domain, "nice": False},
        },
        "x2": {"field": "to"},
        "y": {
            "field": "row",
            "type": "nominal",
            "title": None,
            "sort": list(panel.rows),
            "scale": {"domain": list(panel.rows)},
        },
    }
    shade = {
        "field": "value",
        "type": "quantitative",
        "title": panel.legend,
        "scale": {"type": "log", "scheme": "viridis"},
    }
    told = [{"field": name} for name in ("row", "x", "value")]
    return {
        "height": 18 * len(panel.rows),
        "view": {"fill": _NOTHING},
        "layer": [
            {
                "data": {"values": cells[False]},
                "mark": "rect",
                "encoding": across | {"color": shade, "tooltip": told},
            },
            {
                "data": {"values": cells[True]},
                "mark": {"type": "rect", "color": _INFINITE},
                "encoding": across,
            },
        ],
    }


def _runs(cells: Iterable[str | None]) -> Iterator[tuple[int, int, str]]:
    """First cell, last cell and kind of cells that follow each other and are of one kind."""
    for kind, listed in itertools.groupby(enumerate(cells), key=lambda one: one[1]):
        if kind is not None:
            places = [place for place, _ in listed]
            yield places[0], places[-1], kind
