"""Start `vllm serve` as a process of its own, and stop it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import InputError
from ..printing import printable
from ..stopping import obey
from .known import require_installed
from .processors import with_processors

MIDDLEWARE = "assay.vllm.Proofs"
_PATIENCE_S = 900.0

# "(EngineCore pid=7) ERROR 12-02 07:36:00 [core.py:1510] " before each line of a process of vLLM's.
_OF_A_PROCESS = re.compile(r"^\([^)]*\) [A-Z]+ \S+ \S+ \[[^]]*\] *")

# The command `vllm serve` of the CPU's package asks for another package's version, and fails.
_SERVE = "vllm.entrypoints.openai.api_server"


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        url: Of the server, without a path.
        process: That one.
        log: What it printed.
    """

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def get(self, path: str) -> str:
        """The text at a path.

        Raises:
            InputError: There is none ("io").
        """
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as reply:  # noqa: S310 - our own server
                text: str = reply.read().decode()
        except (OSError, urllib.error.URLError) as error:
            raise InputError("io", f"{self.url}{path}", str(error)) from error
        return text


@contextmanager
def serving(
    model: str,
    settings: Mapping[str, object] | None = None,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Serve a model with proofs within the block.

    Args:
        model: A folder.
        settings: As in `assay.vllm.Settings`.
        options: More of `vllm serve`.
        environment: Variables that are set for it.

    Raises:
        InputError: vLLM is not installed beside this Python ("unsupported"), or it ended before it
            answered ("io"); its last words are in the reason.
    """
    require_installed()
    port = _free_port()
    asked = json.dumps({"assay": dict(settings or {})})
    command = [
        sys.executable, "-m", _SERVE, "--model", model, "--host", "127.0.0.1", "--port", str(port),
        "--additional-config", asked, "--middleware", MIDDLEWARE, *options,
    ]  # fmt: skip
    given = {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        **os.environ,
        **(environment or {}),
    }
    with tempfile.TemporaryDirectory(prefix="assay-vllm-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = _started(command, with_processors(given, Path(folder)), file)
            try:
                server = Server(f"http://127.0.0.1:{port}", process, log)
                _wait(server)
                yield server
            finally:
                _stop(process)


def _started(
    command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - the program beside our own
        command, env=environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def _wait(server: Server) -> None:
    started = time.monotonic()
    while time.monotonic() - started < _PATIENCE_S:
        obey()
        if server.process.poll() is not None:
            raise InputError("io", "vllm serve", f"ended: {_last_words(server.log)}")
        try:
            server.get("/health")
        except InputError:
            time.sleep(0.2)
        else:
            return
    raise InputError("io", "vllm serve", f"did not answer in {_PATIENCE_S:.0f} s")


def _last_words(log: Path) -> str:
    """What went wrong, of a log in which that stands amid traces of several processes."""
    lines = log.read_text("utf-8", "replace").splitlines()
    ours = [line.partition("assay.errors.")[2] for line in lines if "assay.errors." in line]
    if ours:
        return printable(ours[0].partition(": ")[2])[:500]
    errors = [line for line in lines if "Error: " in line and "WARNING" not in line]
    # The process that was asked says no more than that another one failed.
    causes = [line for line in errors if "See root cause above" not in line]
    said = (causes or errors or lines or ["it said nothing"])[-1]
    return printable(_OF_A_PROCESS.sub("", said))[:500]


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it and the engine that it started, which are a group of their own."""
    for kind, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
