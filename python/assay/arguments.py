"""What callers give: integers, and the flags of commands."""

import argparse
import math
import operator
import re
import sys
from collections.abc import Callable, Iterable
from os import PathLike, fspath
from typing import Any, NoReturn, TypeVar

from .errors import FAILED, ArgumentError, InputError
from .printing import error_line, show

Item = TypeVar("Item")


class _Once(argparse.Action):
    """A flag with a value. argparse lets the last of two win, and the first is lost in silence.

    A flag that takes several values takes those of its second use too.
    """

    def __call__(
        self,
        parser: Any,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Keep the values; `parser` is a Parser."""
        if option_string is not None and self.dest in parser.given:
            if self.nargs != "+":
                parser.error(f"{option_string}: given twice; give it once")
            values = [*getattr(namespace, self.dest), *values]
        parser.given.add(self.dest)
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """A parser of command lines that takes no empty value, and dashes and underscores alike.

    An empty value comes of a shell variable that is not set, and programs would take it for a flag
    that was left out: a check would be dropped without a word. No value is given twice.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As argparse has it."""
        super().__init__(*args, **kwargs)
        self.given: set[str] = set()
        for name in (None, "store"):
            self.register("action", name, _Once)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it, but for empty values and for --cache_dir as --cache-dir."""
        given = [self._as_declared(text) for text in (sys.argv[1:] if args is None else args)]
        # Whoever asks for help gets it, also where a flag before it lacks its value; where there
        # are verbs, from the verb's own parser.
        if self._subparsers is None and not {"--help", "-h"}.isdisjoint(given):
            self.print_help()
            raise SystemExit(0)
        for before, text in zip(["", *given], given, strict=False):
            name, equals, value = text.partition("=")
            if not text or (name.startswith("--") and equals and not value):
                flag = before if not text else name
                self.error(f"{flag or 'argument'}: an empty value: give one, or leave the flag out")
        self.given.clear()
        return super().parse_known_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        """Say it in one line, as `assay` does."""
        show(error_line(f"{self.prog}: {message} (see {self.prog} --help)"), error=True)
        raise SystemExit(FAILED)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # Some verbs of a group are the native command's, whose help names all of them.
        if action.nargs == argparse.PARSER and value not in (action.choices or ()):
            self.error(f"it has no verb {value}")
        super()._check_value(action, value)

    def _as_declared(self, text: str) -> str:
        name, equals, value = text.partition("=")
        if not name.startswith("--") or name in self._option_string_actions:
            return text
        words = name[2:]
        for other in (words.replace("_", "-"), words.replace("-", "_")):
            if f"--{other}" in self._option_string_actions:
                return f"--{other}{equals}{value}"
        return text


def whole(value: Any, place: str) -> int:
    """`value` as an integer: of any type that is one, but no truth value.

    Raises:
        ArgumentError: It is none.
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise ArgumentError(place, f"{type(value).__name__}, an integer is expected here")


def real(value: Any, place: str) -> float:
    """`value` as a float: of any type that is a number, but no truth value and no text.

    Raises:
        ArgumentError: It is none.
    """
    try:
        if not isinstance(value, bool | str | bytes | bytearray):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise ArgumentError(place, f"{type(value).__name__}, a number is expected here")


def unsigned(value: int | None, place: str, bits: int = 64) -> int:
    """`value` as an integer from 0 to 2**bits - 1.

    Raises:
        InputError: It is outside ("out_of_range").
        ArgumentError: It is no integer.
    """
    integer = whole(value, place)
    if not 0 <= integer < 1 << bits:
        raise InputError("out_of_range", place, f"{integer} is not between 0 and 2**{bits} - 1")
    return integer


def integer(text: str) -> int:
    """The type of a flag whose value is an integer, in decimal as the command `assay` takes it.

    Python's own int takes underscores, spaces, leading zeros and the digits of every script too.
    """
    if not re.fullmatch(r"0|-?[1-9][0-9]*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer in decimal")
    return int(text)


def require(name: str, given: object, kind: Any) -> None:
    """Check that an argument is of a kind, a class or several with | between.

    Raises:
        ArgumentError: It is of another, as where two arguments were swapped.
    """
    if not isinstance(given, kind):
        kinds = getattr(kind, "__name__", str(kind))
        raise ArgumentError(name, f"{type(given).__name__}, {kinds} is expected here")


def listed(given: Iterable[Item], place: str) -> list[Item]:
    """What an iterable gives.

    Raises:
        ArgumentError: It is none, or a text, which would give its letters.
    """
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return list(given)
    raise ArgumentError(place, f"{type(given).__name__}, a list is expected here")


def unsigned_all(given: Iterable[int], place: str, bits: int = 64) -> list[int]:
    """Each of some integers, as `unsigned` takes it.

    Raises:
        ArgumentError: No list, or one is no integer.
        InputError: As `unsigned`.
    """
    return [unsigned(one, place, bits) for one in listed(given, place)]


def path_of(given: str | PathLike[str], place: str = "path") -> str:
    """The text of a path.

    Raises:
        ArgumentError: It is none.
    """
    if isinstance(given, str | PathLike):
        text = fspath(given)
        if isinstance(text, str):
            return text
    raise ArgumentError(place, f"{type(given).__name__}, a path is expected here")


def require_unmasked(array: Any, place: str) -> None:
    """Refuse a masked array of numpy: its mask would be lost.

    Raises:
        InputError: It is masked ("unsupported").
    """
    # Verbs that need no arrays start without numpy.
    from numpy.ma import MaskedArray

    if isinstance(array, MaskedArray):
        reason = "a masked array; fill what is masked, with .filled()"
        raise InputError("unsupported", place, reason)


def whole_bytes(data: Any, place: str = "data") -> bytes:
    """`data` as bytes: bytes, a bytearray, a memoryview, an array of uint8.

    Raises:
        ArgumentError: It is something else, such as a path or an int, of which Python makes zeros.
    """
    if isinstance(data, bytes):
        return data
    reason = f"{type(data).__name__}, bytes are expected here; `read` and `open` take a path"
    try:
        view = memoryview(data)
    except TypeError as error:
        raise ArgumentError(place, reason) from error
    if view.ndim == 0:  # numpy's numbers hand out their bytes
        raise ArgumentError(place, reason)
    return view.tobytes()


def bytes_of_hex(text: str, count: int) -> bytes:
    """So many bytes of hexadecimal digits and nothing else; none where the text is another."""
    try:
        # It passes over spaces.
        return bytes.fromhex(text) if len(text) == 2 * count else b""
    except ValueError:
        return b""


def digest_of(given: str | bytes, place: str) -> bytes:
    """The 32 bytes of a digest.

    Raises:
        ArgumentError: It is neither text nor bytes.
        InputError: Not 64 hexadecimal digits, not 32 bytes ("malformed").
    """
    require(place, given, str | bytes)
    data = bytes_of_hex(given, 32) if isinstance(given, str) else given
    if len(data) != 32:
        raise InputError("malformed", place, "give 64 hexadecimal digits or 32 bytes")
    return data


def digests_of(trusted: Iterable[str | bytes]) -> list[bytes]:
    """The digests of parameters that a verifier trusts.

    Raises:
        ArgumentError: No list of them, such as a path in a text.
        InputError: As `digest_of`.
    """
    if isinstance(trusted, str | bytes) or not isinstance(trusted, Iterable):
        raise ArgumentError("trusted", "give a list of digests, or a path as pathlib.Path")
    return [digest_of(one, "trusted") for one in trusted]


def at_least(smallest: int) -> Callable[[str], int]:
    """The type of a flag whose value is an integer of at least `smallest`."""

    def number(text: str) -> int:
        value = integer(text)
        if value < smallest:
            raise argparse.ArgumentTypeError(f"give at least {smallest}")
        return value

    return number


def positive_integers(text: str) -> list[int]:
    """Integers of at least 1, with commas between; for argparse."""
    numbers = [integer(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("give numbers of at least 1")
    return numbers


def margin(text: str) -> float:
    """A factor of at least 1 for bounds over what was measured; for argparse."""
    factor = float(text)
    if not 1 <= factor < math.inf:
        raise argparse.ArgumentTypeError("give a number of at least 1")
    return factor


def words_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A reader for argparse: some of these words, with commas between."""
    allowed = list(known)

    def read(text: str) -> list[str]:
        words = text.split(",")
        for word in words:
            if word not in allowed:
                raise argparse.ArgumentTypeError(f"{word}: unknown; use {', '.join(allowed)}")
        return words

    return read


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
    return [unsigned(size, f"axes, axis {axis}") for axis, size in enumerate(listed(axes, "axes"))]
