"""Pictures as PNG and as Vega-Lite."""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from assay import InputError, plotting
from assay.plotting import Axis, Boxes, Chart, Picture, Series, Strip, draw, require_drawable

LINE = Series("found", "line", [1.0, 2.0, 4.0], [0.5, 0.25, 0.75], [0.4, 0.2, 0.7], [0.6, 0.3, 0.8])
FIT = Series("fit", "dashes", [1.0, 4.0], [0.5, 0.5])
CHART = Chart("Found", Axis("verifiers"), Axis("share", limits=(0.0, 1.0)), [LINE, FIT])
BOXES = Boxes("Spread", "method", Axis("share"), {"random": [1.0, 2.0, 9.0], "best": [3.0, 4.0]})
STRIP = Strip("", "layer", {"free": [None, "v0", "v0", "v1"]}, ["v0", "v1"])
PICTURE = Picture("All kinds", [CHART, BOXES, STRIP], columns=2)


def one(chart: Chart | Boxes | Strip) -> Picture:
    return Picture("", [chart])


def pixels(path: Path) -> tuple[int, int, bytes]:
    """Width, height and the rows of an RGBA picture, without the filter bytes undone."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    parts, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            parts += data[at + 8 : at + 8 + length]
        at += 12 + length
    return width, height, zlib.decompress(parts)


def test_a_png_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    draw(PICTURE, tmp_path / "a.png")
    draw(PICTURE, tmp_path / "b.PNG")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.PNG").read_bytes()
    width, height, rows = pixels(tmp_path / "a.png")
    assert width == 1440
    assert len(rows) == height * (1 + 4 * width)
    assert len(set(rows)) > 50  # not an empty sheet
    draw(PICTURE, tmp_path / "half.png", dpi=60)
    assert pixels(tmp_path / "half.png")[0] == 720
    draw(one(Chart("Found", CHART.x, CHART.y, [FIT])), tmp_path / "c.png")
    assert pixels(tmp_path / "c.png")[2] != rows


def test_no_state_of_pyplot_is_touched(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "import matplotlib\n"
        "matplotlib.use('svg')\n"
        "import matplotlib.pyplot as plt\n"
        "own, settings = plt.figure(), dict(matplotlib.rcParams)\n"
        "from assay.plotting import *\n"
        "picture = Picture('', [Boxes('', 'x', Axis('y'), {'a': [1.0, 2.0]})])\n"
        "draw(picture, pathlib.Path(sys.argv[1]))\n"
        "assert plt.get_fignums() == [1] and plt.gcf() is own\n"
        "assert dict(matplotlib.rcParams) == settings\n"
        "assert matplotlib.get_backend() == 'svg'"
    )
    path = tmp_path / "picture.png"
    subprocess.run([sys.executable, "-c", program, path], check=True)
    assert path.is_file()


def described(picture: Picture, folder: Path) -> dict[str, Any]:
    draw(picture, folder / "picture.vl.json")
    fields: dict[str, Any] = json.loads((folder / "picture.vl.json").read_text())
    return fields


def test_a_description_holds_all_values(tmp_path: Path) -> None:
    fields = described(PICTURE, tmp_path)
    assert fields["$schema"].endswith("/vega-lite/v5.json")
    chart, boxes, strip = fields["concat"]
    band, line, fit = chart["layer"]
    rows = line["data"]["values"]
    assert [(row["x"], row["y"], row["low"], row["high"]) for row in rows] == [
        (1.0, 0.5, 0.4, 0.6),
        (2.0, 0.25, 0.2, 0.3),
        (4.0, 0.75, 0.7, 0.8),
    ]
    assert band["mark"]["type"] == "area"
    assert line["encoding"]["y"]["scale"]["domain"] == [0.0, 1.0]
    assert fit["mark"]["strokeDash"]
    assert [(row["group"], row["y"]) for row in boxes["data"]["values"]] == [
        *(("random", 1.0), ("random", 2.0), ("random", 9.0)),
        *(("best", 3.0), ("best", 4.0)),
    ]
    assert boxes["mark"] == {"type": "boxplot", "extent": 1.5}
    assert boxes["encoding"]["x"]["sort"] == ["random", "best"]
    ground, runs = strip["layer"]
    assert ground["data"]["values"] == [{"row": "free", "from": -0.5, "to": 3.5}]
    assert runs["data"]["values"] == [
        {"row": "free", "from": 0.5, "to": 2.5, "kind": "v0"},
        {"row": "free", "from": 2.5, "to": 3.5, "kind": "v1"},
    ]
    assert "legend" not in runs["encoding"]["color"]


def test_bars_touch_and_begin_at_nothing(tmp_path: Path) -> None:
    bars = Series("", "bars", [0, 1, 2], [5.0, 6.0, 7.0])
    (layer,) = described(one(Chart("", Axis("x"), Axis("y"), [bars])), tmp_path)["concat"][0][
        "layer"
    ]
    assert [(row["from"], row["to"]) for row in layer["data"]["values"]] == [
        *((-0.5, 0.5), (0.5, 1.5), (1.5, 2.5)),
    ]
    assert layer["encoding"]["x"]["bin"] == "binned"
    assert layer["encoding"]["x2"] == {"field": "to"}
    assert layer["mark"] == {"type": "bar", "binSpacing": 0}


def test_a_strip_shows_empty_rows_and_no_legend_of_colours_that_repeat(tmp_path: Path) -> None:
    kinds = [f"v{i}" for i in range(9)]
    strip = Strip("", "layer", {"none": [None] * 9, "free": kinds}, kinds)
    ground, runs = described(one(strip), tmp_path)["concat"][0]["layer"]
    assert [row["row"] for row in ground["data"]["values"]] == ["none", "free"]
    assert runs["encoding"]["y"]["scale"]["domain"] == ["none", "free"]
    assert runs["encoding"]["color"]["legend"] is None


def test_a_logarithmic_axis_is_one(tmp_path: Path) -> None:
    chart = Chart("", Axis("x", log=True), Axis("y"), [Series("", "points", [0.1, 10], [1, 2])])
    layer = described(one(chart), tmp_path)["concat"][0]["layer"][0]
    assert layer["encoding"]["x"]["scale"]["type"] == "log"
    assert layer["encoding"]["y"]["scale"]["type"] == "linear"
    assert layer["mark"]["type"] == "point"


@pytest.mark.parametrize("name", ["picture.pdf", "picture", "picture.png.txt"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"use \.png, or \.vl\.json") as caught:
        require_drawable(tmp_path / name)
    assert caught.value.code == "unsupported"


def test_a_missing_folder_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder does not exist"):
        require_drawable(tmp_path / "no" / "picture.png")


def test_without_matplotlib_a_description_can_still_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plotting, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'assay\[plots\]'") as caught:
        draw(PICTURE, tmp_path / "picture.png")
    assert caught.value.code == "unsupported"
    assert "\n" not in str(caught.value)
    draw(PICTURE, tmp_path / "picture.json")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.json"]


def chart_of(x: list[float], y: list[float], **more: Any) -> Chart:
    return Chart("t", Axis("x"), Axis("y", log=True), [Series("s", "points", x, y, **more)])


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        (chart_of([1, 2], [1, float("nan")]), "value 1 is nan"),
        (chart_of([float("inf")], [1]), "value 0 is inf"),
        (chart_of([1, 2], [1, 0.0]), "above 0"),
        (chart_of([1, 2], [1]), "unequal length"),
        (chart_of([], []), "no or unequal length"),
        (chart_of([1], [1], low=[-1.0], high=[1.0]), "above 0"),
        (chart_of([1], [1], names=["a", "b"]), "unequal length"),
        (Chart("t", Axis("x"), Axis("y"), []), "nothing to draw"),
        (Boxes("t", "x", Axis("y"), {"a": []}), "no values"),
        (Strip("t", "x", {"a": [None], "b": []}, []), "unequal length"),
        (Strip("t", "x", {}, []), "unequal length"),
    ],
)
def test_what_cannot_be_drawn_is_named(panel: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "kept.png"
    path.write_bytes(b"before")
    with pytest.raises(InputError, match=said) as caught:
        draw(one(panel), path)
    assert caught.value.place.startswith(str(path))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
