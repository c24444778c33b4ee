"""`assay audit listen` as a process of this one, for programs that show both sides."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from ..errors import Error

_LISTENING = "[server] listening on "


class Listener:
    """A listener on this machine, stopped at the end of a `with` block.

    Args:
        weights: Files with what it checks against.
        port: 0: one that is free.
        say: Is told each line that it prints, on another thread.

    Attributes:
        port: Where it listens.
        code: What it ended with, once it has.
    """

    def __init__(
        self,
        weights: Sequence[Path] = (),
        *,
        port: int = 0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        program = Path(sys.executable).with_name("assay")
        flags = [flag for path in weights for flag in ("--weights", str(path))]
        command = [str(program), "audit", "listen", "--quiet", "--port", str(port), *flags]
        try:
            # Ctrl-C in the terminal is for whoever started it, who then stops it.
            self._process = subprocess.Popen(  # noqa: S603 - the command of this package
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            raise Error(f"{program}: cannot run it: {error}") from error
        self.port = 0
        self.code: int | None = None
        self._say = say
        self._ready = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in self._process.stdout:
            if line.startswith(_LISTENING):
                self.port = int(line.rsplit(" ", 1)[1])
                self._ready.set()
            self._say(line.rstrip("\n"))
        self._ready.set()

    def __enter__(self) -> "Listener":
        self._ready.wait()
        if not self.port:
            _, said = self._process.communicate()
            raise Error(said.strip() or "the listener ended at once")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """Ask it to end, and wait until it has said its verdict; gives its code."""
        if self.code is None:
            # Whatever a shell starts in the background ignores SIGINT, and so do its children.
            self._process.send_signal(signal.SIGTERM)
            self.code = self._process.wait()
            self._reading.join()
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
        return self.code
