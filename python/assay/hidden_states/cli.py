"""The command `assay capture`."""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import CaptureError, one_line
from .flags import add_capture_flags, capture_arguments
from .progress import Bar

if TYPE_CHECKING:
    from .result import Capture, SavedFiles

PROGRAM = "assay capture"
FAILED = 2

_EXAMPLE = """\
example:
  assay capture --models smollm2 --prompt "The capital of France is" \\
      --max-new-tokens 8 --deterministic --output-dir ./output

Files per model: <model>_activations.safetensors and <model>_stats.json. The report goes to
standard output as JSON, everything else to standard error. Exit code 0: done, 2: could not be done.
Set HF_TOKEN for models on the hub that need it.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CaptureError(f"{message}; see --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (by default the process arguments); returns its exit code."""
    verbose = False
    try:
        try:
            arguments = _parser().parse_args(argv)
        except SystemExit as done:
            return int(done.code or 0)
        verbose = arguments.verbose
        report = _capture_all(arguments)
        json.dump(report, sys.stdout, indent=2, ensure_ascii=False)
        print(flush=True)
        return 0
    except KeyboardInterrupt:
        _fail("stopped before it was done; no half-written file is left")
    except CaptureError as error:
        _fail(str(error))
        if verbose:
            traceback.print_exc()
    except BrokenPipeError:
        # Nobody reads standard output any more; keep the interpreter from flushing it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail("the report could not be written to standard output")
    except Exception as error:
        hint = "" if verbose else "; --verbose shows where"
        _fail(f"unexpected {type(error).__name__}: {one_line(error)}{hint}")
        if verbose:
            traceback.print_exc()
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Continue a prompt with one or more causal language models and keep the hidden "
        "states of every layer.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--models",
        nargs="+",
        required=True,
        metavar="MODEL",
        help="folder, .gguf file, hub id, or smollm2 (the packaged small model); several are run "
        "one after another",
    )
    add("--prompt", required=True, help="text to continue, taken as it is (no chat template)")
    add_capture_flags(parser)
    add(
        "--output-dir",
        type=Path,
        default=Path("./output"),
        metavar="DIR",
        help="where the files go (default: ./output)",
    )
    add(
        "--format",
        choices=("safetensors", "pt"),
        default="safetensors",
        help="of the activations file (default: %(default)s)",
    )
    add("--quiet", action="store_true", help="no progress and no messages but errors")
    add(
        "--verbose",
        action="store_true",
        help="show the messages of transformers, and where an error came from",
    )
    return parser


def _capture_all(arguments: argparse.Namespace) -> dict[str, Any]:
    _check_output(arguments.output_dir)
    # Here, not at the top: loading torch takes seconds that --help and typing errors need not wait.
    from .capturing import capture
    from .result import planned_files
    from .sources import resolve

    planned: dict[Path, str] = {}
    for model in arguments.models:
        files = planned_files(arguments.output_dir, resolve(model).name, arguments.format)
        if files.activations in planned:
            raise CaptureError(
                f"models {planned[files.activations]} and {model} would both be written to "
                f"{files.activations}; run them with different --output-dir"
            )
        planned[files.activations] = model
    if arguments.deterministic and arguments.do_sample:
        _say(arguments, "--deterministic takes the most likely token; --do-sample has no effect")
    entries = []
    for model in arguments.models:
        bar = Bar(sys.stderr, model, enabled=sys.stderr.isatty() and not arguments.quiet)
        try:
            result = capture(
                model,
                arguments.prompt,
                **capture_arguments(arguments),
                on_progress=bar,
                verbose=arguments.verbose,
            )
        finally:
            bar.close()
        files = result.save(arguments.output_dir, arguments.format)
        entries.append(_entry(result, files))
        _say(
            arguments,
            f"{model}: {result.rows} rows of {len(result.taps)} tensors written to "
            f"{files.activations}",
        )
        # Before the next model is loaded, so that two captures are never held at once.
        del result
    return {"models": entries}


def _entry(result: "Capture", files: "SavedFiles") -> dict[str, Any]:
    return {
        **result.stats(),
        "capture_mode": result.mode,
        "rows": result.rows,
        "tokens": result.tokens,
        "files": {"activations": str(files.activations), "stats": str(files.stats)},
    }


def _check_output(directory: Path) -> None:
    """Find out before the models run, not after, that nothing could be written."""
    existing = directory.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise CaptureError(f"{existing}: is not a folder; choose another --output-dir")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise CaptureError(f"{existing}: is not writable; choose another --output-dir")


def _say(arguments: argparse.Namespace, message: str) -> None:
    if not arguments.quiet:
        print(f"{PROGRAM}: {message}", file=sys.stderr)


def _fail(message: str) -> None:
    label = "error:"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = f"\x1b[1;31m{label}\x1b[0m"
    print(f"{PROGRAM}: {label} {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
