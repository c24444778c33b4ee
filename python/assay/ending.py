"""How the package's commands end when they could not do what was asked."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from .errors import FAILED, Error, one_line
from .printing import error_line, show
from .stopping import remembering


def ended(
    program: str,
    act: Callable[[], int],
    *,
    stopped: str = "stopped before it was done",
    trace: bool = False,
) -> int:
    """Do it; gives its exit code, or says in one line why there is none, and gives 2.

    Python's own code for an exception nobody caught is 1, which says of a verdict that it is no.

    Args:
        program: What the line begins with.
        act: Gives the exit code.
        stopped: What to say after Ctrl-C.
        trace: Say too where an error came from.
    """
    try:
        with remembering():
            code = act()
        # A reader that has gone away shows here, not when the interpreter ends.
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        reason = stopped
    except BrokenPipeError:
        # Nobody reads standard output any more; keep the interpreter from flushing it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        reason = str(error)
        if not isinstance(error, Error):
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            reason = f"unexpected {type(error).__name__} at {place}: {one_line(error)}"
        if trace:
            show(traceback.format_exc().rstrip("\n"), error=True)
    # The program's name may have colour.
    print(f"{program}: {error_line(reason, len(program) + 2)}", file=sys.stderr)
    return FAILED
