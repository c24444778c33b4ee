"""What vLLM loads in each of its processes: nothing happens until a configuration asks for it."""

from typing import Any

from . import known, seams
from .committing import plan_for
from .settings import Settings, asked_for
from .storing import require_writable, store_of

EXTENSION = "assay.vllm.worker.Extension"

_installed = False


def register() -> None:
    """Look at every configuration that this process makes; vLLM calls this, maybe often."""
    global _installed
    if not _installed:
        seams.on_configuration(_configured)
        _installed = True


def _configured(config: Any) -> None:
    settings = asked_for(seams.settings_of(config))
    if settings is None:
        return
    known.check()
    known.require_supported(config)
    store_of(settings)
    if settings.audit:
        known.require_auditable(config)
        require_writable(settings.audit)
    model = config.model_config
    plan_for(settings, model.get_total_num_hidden_layers(), model.get_hidden_size(), model.dtype)
    seams.keep_settings(config, settings.as_json())
    seams.extend_workers(config, EXTENSION)
    _follow_fronts(settings)


_following = False


def _follow_fronts(settings: Settings) -> None:
    from . import fronts

    global _following
    if not _following:
        seams.on_finished(fronts.finished)
        seams.on_failed(fronts.failed)
        seams.on_server_engine(fronts.serve)
        _following = True
