"""What a model's matrix products were: entries sampled while it runs, and sent to be checked.

Names that need torch are loaded on first use.
"""

from typing import TYPE_CHECKING

from ..lazily import on_first_use

if TYPE_CHECKING:
    from .auditing import streaming_audit
    from .counting import Products, count_products
    from .listening import Listener
    from .notebook import new, robust_server
    from .packets import HOST, PORT, prepare_packet, send_packet
    from .recording import Recorded, Run
    from .session import Sampling

__all__ = [
    "HOST",
    "PORT",
    "Listener",
    "Products",
    "Recorded",
    "Run",
    "Sampling",
    "count_products",
    "new",
    "prepare_packet",
    "robust_server",
    "send_packet",
    "streaming_audit",
]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        ".auditing": "streaming_audit",
        ".counting": "Products count_products",
        ".listening": "Listener",
        ".notebook": "new robust_server",
        ".packets": "HOST PORT prepare_packet send_packet",
        ".recording": "Recorded Run",
        ".session": "Sampling",
    },
    __all__,
)
