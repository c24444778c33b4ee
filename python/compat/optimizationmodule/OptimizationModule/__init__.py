"""Layer selection by the names of the original OptimizationModule, over the package assay.

New programs should use `assay.layers`.
"""

from .layer_selection_optimizer import LayerSelectionOptimizer
from .scores_loader import load_scores_from_json

__all__ = ["LayerSelectionOptimizer", "load_scores_from_json"]
