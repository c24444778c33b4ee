"""What callers give: integers, and the flags of commands."""

import argparse
import operator
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from .errors import FAILED, InputError
from .printing import printable, show


class Parser(argparse.ArgumentParser):
    """A parser of command lines that takes no empty value, and dashes and underscores alike.

    An empty value comes of a shell variable that is not set, and programs would take it for a flag
    that was left out: a check would be dropped without a word.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it, but for empty values and for --cache_dir as --cache-dir."""
        given = [self._as_declared(text) for text in (sys.argv[1:] if args is None else args)]
        for before, text in zip(["", *given], given, strict=False):
            name, equals, value = text.partition("=")
            if not text or (name.startswith("--") and equals and not value):
                flag = before if not text else name
                self.error(f"{flag or 'argument'}: an empty value: give one, or leave the flag out")
        return super().parse_known_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        """Say it in one line, as `assay` does."""
        show(f"{self.prog}: {printable(message)} (see {self.prog} --help)", error=True)
        raise SystemExit(FAILED)

    def _as_declared(self, text: str) -> str:
        name, equals, value = text.partition("=")
        if not name.startswith("--") or name in self._option_string_actions:
            return text
        words = name[2:]
        for other in (words.replace("_", "-"), words.replace("-", "_")):
            if f"--{other}" in self._option_string_actions:
                return f"--{other}{equals}{value}"
        return text


def unsigned(value: int, place: str, bits: int = 64) -> int:
    """`value` as an integer from 0 to 2**bits - 1.

    Raises:
        InputError: It is outside ("out_of_range").
        TypeError: It is no integer.
    """
    integer = operator.index(value)
    if not 0 <= integer < 1 << bits:
        raise InputError("out_of_range", place, f"{integer} is not between 0 and 2**{bits} - 1")
    return integer


def integer(text: str) -> int:
    """The type of a flag whose value is an integer, in decimal as the command `assay` takes it.

    Python's own int takes underscores, spaces, leading zeros and the digits of every script too.
    """
    if not re.fullmatch(r"0|-?[1-9][0-9]*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no integer in decimal")
    return int(text)


def at_least(smallest: int) -> Callable[[str], int]:
    """The type of a flag whose value is an integer of at least `smallest`."""

    def number(text: str) -> int:
        value = integer(text)
        if value < smallest:
            raise argparse.ArgumentTypeError(f"give at least {smallest}")
        return value

    return number


def add_number(
    add: Callable[..., object],
    flag: str,
    default: int,
    meaning: str = "",
    *,
    least: int | None = None,
) -> None:
    """Add a flag with an integer by `add_argument`; the help ends with the default.

    Args:
        add: Of a parser.
        flag: With its dashes.
        default: Where it is not given.
        meaning: The help before the default.
        least: The least that is taken; by default whoever uses it checks.
    """
    ending = "(default: %(default)s)" if meaning else "default: %(default)s"
    kind = integer if least is None else at_least(least)
    add(flag, type=kind, default=default, metavar="N", help=f"{meaning} {ending}".strip())


def parser_of(
    program: str,
    description: str,
    epilog: str,
    kind: type[Parser] = Parser,
) -> argparse.ArgumentParser:
    """The parser of a command, to which flags are written out; the epilog is printed as it is."""
    return kind(
        prog=program,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def sizes(axes: Iterable[int]) -> list[int]:
    """Sizes of axes as integers that the native code takes; it checks the rest."""
    return [unsigned(size, f"axes, axis {axis}") for axis, size in enumerate(axes)]
