"""Runs the blocks of a page, in their order, in the folder that they share."""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

from page_blocks import ROOT, RUN, Block, blocks_of, differences
from page_folders import SMALLER, prepare

BIN = Path(sys.executable).parent


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ASSAY_")}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "ASSAY_TRUST_FILE": "trusted", "ASSAY_DOCS_ROOT": str(ROOT)}


def run_shell(block: Block, folder: Path, seconds: float) -> str:
    """What the block prints."""
    ended = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block.text], cwd=folder, env=environment(),
        check=False, capture_output=True, text=True, timeout=seconds,
    )  # fmt: skip
    assert ended.returncode == block.exit_code, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


def run_python(block: Block, name: str, names: dict[str, object]) -> str:
    printed = io.StringIO()
    code = compile("\n" * block.line + block.text, name, "exec")
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # an example may leave a file to Python
        exec(code, names)
    return printed.getvalue()


def run_page(page: Path, folder: Path, soak: bool, seconds: float) -> None:
    """Run the blocks of a page in its prepared folder, in their order.

    Without `soak`, blocks that are marked so are left out, and what is large is made smaller.

    Raises:
        AssertionError: One of them does not do what the page says; its place is noted.
    """
    text = page.read_text(encoding="utf-8")
    for large, small in SMALLER.items():
        text = text if soak else text.replace(large, small)
    blocks = blocks_of(text)
    runs = [b for b in blocks if b.language in RUN and not b.not_run and (soak or not b.soak)]
    if runs:
        prepare(folder, "".join(block.text for block in runs))
    names: dict[str, object] = {"__name__": "__main__"}
    printed: str | None = None
    for block in blocks:
        try:
            if block.language == "output" and printed is not None:
                assert not differences(block.text, printed), differences(block.text, printed)
            elif block.language in RUN:
                printed = None
                if block in runs and block.language == "sh":
                    printed = run_shell(block, folder, seconds)
                elif block in runs:
                    printed = run_python(block, page.name, names)
        except BaseException as error:
            error.add_note(f"the block at {page.name}:{block.line}")
            raise
