"""Readings of a model's state: rows of its residual stream, and what moving them does.

`extract` keeps rows and `extract_unembedding` the matrix that probes are trained with; `calibrate`
measures how far honest rows are apart; `Measurer` moves residuals along directions. Training,
statements and verdicts are those of `assay probe`. Names that need torch are loaded on first use.
"""

from typing import TYPE_CHECKING

from ..lazily import on_first_use
from .corpus import Corpus, Sample, parse_corpus, read_corpus
from .got_files import ActivationsFile
from .positions import PositionRule

if TYPE_CHECKING:
    from .calibrating import Calibration, Profile, Setting, calibrate
    from .causal import Direction, Measured, Measurer, Moves, measure, moves_of, write_results
    from .directions import random_directions
    from .extracting import Extraction, extract, extract_gain, extract_unembedding
    from .plans import Plan, plan_text, read_plan
    from .reading import read_rows
    from .texts import Identity, Text, encoded, identity_of

__all__ = [
    "ActivationsFile",
    "Calibration",
    "Corpus",
    "Direction",
    "Extraction",
    "Identity",
    "Measured",
    "Measurer",
    "Moves",
    "Plan",
    "PositionRule",
    "Profile",
    "Sample",
    "Setting",
    "Text",
    "calibrate",
    "encoded",
    "extract",
    "extract_gain",
    "extract_unembedding",
    "identity_of",
    "measure",
    "moves_of",
    "parse_corpus",
    "plan_text",
    "random_directions",
    "read_corpus",
    "read_plan",
    "read_rows",
    "write_results",
]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        ".calibrating": "Calibration Profile Setting calibrate",
        ".causal": "Direction Measured Measurer Moves measure moves_of write_results",
        ".directions": "random_directions",
        ".extracting": "Extraction extract extract_gain extract_unembedding",
        ".plans": "Plan plan_text read_plan",
        ".reading": "read_rows",
        ".texts": "Identity Text encoded identity_of",
    },
    __all__,
)
