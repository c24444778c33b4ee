"""Which layers of a model matter, and which each verifier checks within its budget."""

from ..lazily import on_first_use
from .selecting import Draws, LayerScores, Order, Selection, check, draw, select, select_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .damage_file import read_damage

__all__ = [
    "Draws",
    "LayerScores",
    "Order",
    "Selection",
    "check",
    "draw",
    "read_damage",
    "select",
    "select_to",
]

__getattr__, __dir__ = on_first_use(__name__, {".damage_file": "read_damage"}, __all__)
