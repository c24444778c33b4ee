"""What a model's layers computed: committed to while it runs, opened, and checked.

`streaming_audit` records, or samples, on the provider's side; `enroll`, `challenge`, `open_run` and
`check` do with files what the verbs of `assay audit` do. Names that need torch are loaded on first
use.
"""

from typing import TYPE_CHECKING

from ..lazily import on_first_use
from .verifying import (
    Challenge,
    Head,
    Openings,
    Request,
    Tally,
    challenge,
    check,
    enroll,
    open_run,
    tally,
)

if TYPE_CHECKING:
    from .auditing import streaming_audit
    from .calibrating import Calibration, Profile, calibrate
    from .counting import Products, count_products
    from .listening import Listener
    from .notebook import new, robust_server
    from .packets import HOST, PORT, prepare_packet, send_packet
    from .recording import Recorded, Run
    from .session import Sampling

__all__ = [
    "HOST",
    "PORT",
    "Calibration",
    "Challenge",
    "Head",
    "Listener",
    "Openings",
    "Products",
    "Profile",
    "Recorded",
    "Request",
    "Run",
    "Sampling",
    "Tally",
    "calibrate",
    "challenge",
    "check",
    "count_products",
    "enroll",
    "new",
    "open_run",
    "prepare_packet",
    "robust_server",
    "send_packet",
    "streaming_audit",
    "tally",
]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        ".auditing": "streaming_audit",
        ".calibrating": "Calibration Profile calibrate",
        ".counting": "Products count_products",
        ".listening": "Listener",
        ".notebook": "new robust_server",
        ".packets": "HOST PORT prepare_packet send_packet",
        ".recording": "Recorded Run",
        ".session": "Sampling",
    },
    __all__,
)
