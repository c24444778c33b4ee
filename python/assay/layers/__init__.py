"""Which layers of a model matter, and which each verifier checks within its budget."""

from .selecting import Draws, LayerScores, Order, Selection, check, draw, select, select_to

__all__ = [
    "Draws",
    "LayerScores",
    "Order",
    "Selection",
    "check",
    "draw",
    "select",
    "select_to",
]
