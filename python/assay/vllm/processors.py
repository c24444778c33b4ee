"""What vLLM for the CPU asks the system about its processors."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

_SYSTEM = Path("/sys/devices/system/cpu")


def with_processors(
    environment: Mapping[str, str], folder: Path, system: Path = _SYSTEM
) -> dict[str, str]:
    """The environment of an engine that can find its processors.

    vLLM calls the program `lscpu`, which fails where /sys is not mounted, as in a bare chroot. A
    program of that name in `folder` then answers in its place: each processor that this process may
    use is a core of its own, and there is one node of memory.

    Args:
        environment: The variables so far.
        folder: For the program. It must last as long as the engine.
        system: Where Linux describes its processors.
    """
    if system.is_dir():
        return dict(environment)
    cores = [{"cpu": i, "core": i, "node": 0} for i in sorted(os.sched_getaffinity(0))]
    program = folder / "lscpu"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'cpus': cores})}'\n")
    program.chmod(stat.S_IRWXU)
    return {**environment, "PATH": f"{folder}:{environment.get('PATH', os.defpath)}"}
