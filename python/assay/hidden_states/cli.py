"""The command `assay capture`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..arguments import Parser, parser_of
from ..ending import ended
from ..errors import CaptureError
from ..models import require_models, resolve
from ..printing import printable, show, show_json
from ..progress import Bar
from .flags import add_capture_flags, capture_arguments

PROGRAM = "assay capture"

_EXAMPLE = """\
example:
  assay capture --models smollm2 --prompt "The capital of France is" \\
      --max-new-tokens 8 --deterministic --output-dir ./output

Files per model: <model>_activations.safetensors and <model>_stats.json. The report goes to
standard output as JSON, everything else to standard error. Exit code 0: done, 2: could not be done.
Set HF_TOKEN for models on the hub that need it.
"""


class _Parser(Parser):
    def error(self, message: str) -> NoReturn:
        raise CaptureError("out_of_range", "", f"{message}; see --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (by default the process arguments); returns its exit code."""
    given = sys.argv[1:] if argv is None else argv
    label = "error"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = f"\x1b[1;31m{label}\x1b[0m"
    return ended(
        f"{PROGRAM}: {label}",
        lambda: _act(given),
        stopped="stopped before it was done; no half-written file is left",
        trace="--verbose" in given,
    )


def _act(argv: Sequence[str]) -> int:
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as done:
        return int(done.code or 0)
    show_json(_capture_all(arguments))
    return 0


def _parser() -> argparse.ArgumentParser:
    about = (
        "Continue a prompt with one or more causal language models and keep the hidden states of "
        "every layer."
    )
    parser = parser_of(PROGRAM, about, _EXAMPLE, _Parser)
    add = parser.add_argument
    add(
        "--models",
        nargs="+",
        required=True,
        metavar="MODEL",
        help="folder, .gguf file, hub id, or smollm2 (the packaged small model); several are run "
        "one after another",
    )
    add("--prompt", required=True, help="text to continue, taken as it is, or see --chat")
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
    require_models(arguments)
    # Here, not at the top: loading torch takes seconds that --help and typing errors need not wait.
    from .capturing import capture
    from .result import planned_files

    planned: dict[Path, str] = {}
    for model in arguments.models:
        files = planned_files(arguments.output_dir, resolve(model).hub_id, arguments.format)
        if files.activations in planned:
            place = f"models {planned[files.activations]} and {model}"
            reason = f"would both be written to {files.activations}; use different --output-dir"
            raise CaptureError("mismatch", place, reason)
        planned[files.activations] = model
    if arguments.deterministic and arguments.do_sample:
        _say(arguments, "--deterministic takes the most likely token; --do-sample has no effect")
    entries = []
    for model in arguments.models:
        with Bar.on_stderr(model, quiet=arguments.quiet) as bar:
            result = capture(
                model,
                arguments.prompt,
                **capture_arguments(arguments),
                on_progress=bar,
                verbose=arguments.verbose,
            )
        files = result.save(arguments.output_dir, arguments.format)
        entries.append(
            {
                **result.stats(),
                "capture_mode": result.mode,
                "rows": result.rows,
                "tokens": result.tokens,
                "files": {"activations": str(files.activations), "stats": str(files.stats)},
            }
        )
        _say(
            arguments,
            f"{model}: {result.rows} rows of {len(result.taps)} tensors written to "
            f"{files.activations}",
        )
        # Before the next model is loaded, so that two captures are never held at once.
        del result
    return {"models": entries}


def _check_output(directory: Path) -> None:
    """Find out before the models run, not after, that nothing could be written."""
    existing = directory.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise CaptureError("io", str(existing), "is not a folder; choose another --output-dir")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise CaptureError("io", str(existing), "is not writable; choose another --output-dir")


def _say(arguments: argparse.Namespace, message: str) -> None:
    if not arguments.quiet:
        show(f"{PROGRAM}: {printable(message)}", error=True)


if __name__ == "__main__":
    sys.exit(main())
