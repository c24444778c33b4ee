"""Proofs from vLLM, the engine that people serve with (docs/vllm.md).

vLLM itself is imported only by what runs inside of it. `proofs` gives those of a `vllm.LLM`,
`read_answers` reads what a server says.
"""

from ..lazily import on_first_use
from .answers import Answer, read_answers
from .settings import Settings, settings_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .known import require_installed
    from .middleware import Proofs
    from .offline import proofs
    from .opening import kept_tensor

__all__ = [
    "Answer",
    "Proofs",
    "Settings",
    "kept_tensor",
    "proofs",
    "read_answers",
    "require_installed",
    "settings_from",
]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        ".known": "require_installed",
        ".middleware": "Proofs",
        ".offline": "proofs",
        ".opening": "kept_tensor",
    },
    __all__,
)
