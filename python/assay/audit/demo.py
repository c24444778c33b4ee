"""`assay audit demo`: two processes that share files alone; an honest provider, and five cheats."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import parties
from ..errors import FAILED
from ..printing import printable
from ..progress import Bar, Progress
from ..stopping import say
from ..wording import count, duration, size
from .cheats import BEHAVIOURS
from .demo_sides import SIDES

_REJECTED = 1

_AFTER = """
What this shows: rows that the model did not compute are told from those that it did, by whoever
keeps a key of some megabytes, since the provider had to commit to its rows before it knew which of
them would be looked at.

What it does not show: tokens that were not drawn, and attention in blocks that were not drawn. The
last cheat is found by those of its tokens alone that are not the right model's; the rest of its
answer is what the right model would have said. docs/audit.md has all of it."""


def play(options: argparse.Namespace) -> int:
    """Play one side to its end."""
    act = SIDES[options.role]
    parties.play(options.role, Path(options.root), lambda party: act(party, options))
    return 0


def tell(options: argparse.Namespace) -> int:
    """Tell the story; gives 0 if the honest answer alone was accepted, the others at their step."""
    program = Path(sys.executable).with_name("assay-audit")
    line = [
        str(program), "demo", "--model", options.model, "--prompt", options.prompt,
        "--max-new-tokens", str(options.max_new_tokens), "--risk", str(options.risk),
    ]  # fmt: skip
    with (
        Bar.on_stderr("assay audit demo", quiet=False) as bar,
        parties.started("assay-audit-demo-", tuple(SIDES), line) as sides,
    ):
        story = _Story(sides.root / "exchange", options, bar)
        bar(Progress("load", 0, 1))
        while sides.running():
            story.go_on()
        if sides.reports() is None:
            return FAILED
        story.go_on()
    return story.end()


class _Story:
    """Tells what has happened so far, as the files of the two sides say."""

    def __init__(self, exchange: Path, options: argparse.Namespace, bar: Bar) -> None:
        self._exchange = exchange
        self._options = options
        self._bar = bar
        self._told = 0
        self._wrong: list[str] = []
        self._parts: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
            ("enrolled", self._tell_enrolment),
            ("honest.verdict", self._tell_honest),
            *((f"{one.name}.verdict", self._tell_cheat) for one in BEHAVIOURS[1:]),
        ]

    def go_on(self) -> None:
        """Tell each part whose file is there."""
        while self._told < len(self._parts):
            name, telling = self._parts[self._told]
            path = self._exchange / name
            if not path.exists():
                return
            self._bar.close()
            telling(json.loads(path.read_text(encoding="utf-8")))
            self._told += 1
            self._bar(Progress("check", self._told, len(self._parts)))

    def end(self) -> int:
        """Tell what it shows; gives the exit code."""
        say(_AFTER)
        for line in self._wrong:
            say(f"\nNOT AS EXPECTED: {line}")
        return _REJECTED if self._wrong else 0

    def _tell_enrolment(self, found: dict[str, Any]) -> None:
        say("1. A verifier makes a secret key of the model, once\n")
        say(f"   model     {printable(self._options.model)}, {size(found['weights'])} of weights")
        say(
            f"   key       {size(found['key'])}, 8 secret vectors for each of {found['layers']} "
            f"layers, made in {duration(found['seconds'])}; the weights are not needed again\n"
        )

    def _tell_honest(self, found: dict[str, Any]) -> None:
        answer, drawn, by_key = found["answer"], found["drawn"], found["by_key"]
        tokens = len(answer["output_token_ids"])
        say("2. A provider answers, and commits to every row that its layers saw\n")
        say(f"   prompt    {printable(repr(self._options.prompt))}")
        say(f"   answer    {printable(repr(answer['text']))}")
        say(
            f"   rows      {count(answer['rows'])} of them, {size(answer['row_bytes'])}, stay with "
            f"the provider; {duration(answer['seconds'])} for {tokens} tokens"
        )
        say(
            f"   head      {size(found['bytes']['head'])}, signed: all that is sent with the "
            f"answer; each step was committed to within {duration(answer['longest_lag_s'])}\n"
        )
        say("3. The verifier draws tokens, now that it has the head; the provider opens them\n")
        say(
            f"   drawn     {drawn['tokens']} of {drawn['tokens_of_run']} tokens, and "
            f"{drawn['attention']} blocks whose attention is looked at: a cheat in a tenth of the "
            f"tokens is missed with probability {drawn['miss_bound']:.2g}"
        )
        say(
            f"   challenge {size(found['bytes']['challenge'])}; openings "
            f"{size(found['bytes']['openings'])}"
        )
        for title, verdict in (("the key", by_key), ("all weights", found["by_weights"])):
            took = duration(verdict["timing"]["check_time_s"])
            say(f"   verdict   {self._outcome(verdict)} by {title}, in {took}")
        for name in ("products opened", "multiply-adds opened", "attention opened"):
            say(f"   {name:22} {_figure(by_key, name)}")
        if {by_key["verdict"], found["by_weights"]["verdict"]} != {"accepted"}:
            self._wrong.append("the honest answer was not accepted")
        say("\n4. Five providers who do something else, asked the same, and checked by the key\n")
        say(f"   {'the provider':58} verdict")

    def _tell_cheat(self, found: dict[str, Any]) -> None:
        behaviour = BEHAVIOURS[self._told - 1]
        verdict = found["by_key"]
        say(f"   {behaviour.title:58} {self._outcome(verdict)}")
        say(f"   {'':58}   {printable(verdict['reason'] or '')}")
        if (verdict["verdict"], verdict["step"]) != ("rejected", behaviour.step):
            self._wrong.append(
                f"{behaviour.name}: {self._outcome(verdict)}; it is to be rejected at "
                f"{behaviour.step}"
            )

    @staticmethod
    def _outcome(verdict: dict[str, Any]) -> str:
        if verdict["verdict"] == "rejected":
            return f"rejected at: {verdict['step']}"
        return str(verdict["verdict"])


def _figure(verdict: dict[str, Any], name: str) -> str:
    value = verdict["figures"][name]["value"]
    return count(value) if isinstance(value, int) else f"{value:.3g}"
