"""Trees compared: the same data, one curve, one run; `assay bench trees` and `assay tree plot`.

The programs in examples/experiments are a few lines over this package.
"""

from .dimensions import Plan, Seeds, run_dimensions
from .lines import Lines, read_lines
from .measuring import Subject, data_of, fan_outs, setup_of
from .pictures import of_dimensions, of_scaling
from .scaling import run_scaling

__all__ = [
    "Lines",
    "Plan",
    "Seeds",
    "Subject",
    "data_of",
    "fan_outs",
    "of_dimensions",
    "of_scaling",
    "read_lines",
    "run_dimensions",
    "run_scaling",
    "setup_of",
]
