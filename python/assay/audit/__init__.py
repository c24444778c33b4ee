"""What a model's layers computed: committed to while it runs, opened, and checked.

`streaming_audit` records, or samples, on the provider's side; `enroll`, `challenge`, `open_run` and
`check` do with files what the verbs of `assay audit` do. Names that need torch are loaded on first
use.
"""

from typing import TYPE_CHECKING

from ..lazily import on_first_use
from .choosing import choice_of
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
    from .recording import Prover, Recorded, Run, key_in, open_recorder
    from .session import Sampling
    from .wires import BlockLayer, wires_between

__all__ = [
    "HOST",
    "PORT",
    "BlockLayer",
    "Calibration",
    "Challenge",
    "Head",
    "Listener",
    "Openings",
    "Products",
    "Profile",
    "Prover",
    "Recorded",
    "Request",
    "Run",
    "Sampling",
    "Tally",
    "calibrate",
    "challenge",
    "check",
    "choice_of",
    "count_products",
    "enroll",
    "key_in",
    "new",
    "open_recorder",
    "open_run",
    "prepare_packet",
    "robust_server",
    "send_packet",
    "streaming_audit",
    "tally",
    "wires_between",
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
        ".recording": "Prover Recorded Run key_in open_recorder",
        ".session": "Sampling",
        ".wires": "BlockLayer wires_between",
    },
    __all__,
)
