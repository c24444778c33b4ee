"""The two sides of `assay audit demo`, each a process of its own: a provider and a verifier."""

import argparse
import json
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import torch

from .. import _core, models, weights
from ..errors import Error
from ..models import Engine, Loaded, encode_prompts
from ..parties import Party
from .cheats import BEHAVIOURS, Behaviour, Serving

# One ends with the first cheat that a product tells; the others are in reserve.
_EPOCHS = 3


def _loaded(options: argparse.Namespace) -> Loaded:
    return models.load(options.model, Engine("bfloat16", "sdpa", "cpu"))


def provider(party: Party, options: argparse.Namespace) -> None:
    """Answer each request in another way, commit to the rows, and open what is asked for."""
    # The verifier works meanwhile, and threads that wait for each other would wait for it too.
    torch.set_num_threads(1)
    loaded = _loaded(options)
    root = weights.manifest(loaded.model).root
    signing_key = party.own / "provider.key"
    party.run("keygen", "keygen", "--out", signing_key)
    party.send(signing_key.with_name("provider.key.pub"))
    honest_bytes = 0
    for behaviour in BEHAVIOURS:
        asked = json.loads(party.receive(f"{behaviour.name}.ask").read_text(encoding="utf-8"))
        serving = Serving(
            loaded.model,
            root,
            asked["prompt_token_ids"],
            asked["tokens"],
            bytes.fromhex(asked["nonce"]),
            party.own / behaviour.name,
            signing_key,
            honest_bytes,
        )
        honest_bytes = max(honest_bytes, _answer(party, behaviour, serving, loaded))


def _answer(party: Party, behaviour: Behaviour, serving: Serving, loaded: Loaded) -> int:
    """Answer a request and the challenge that follows; gives the bytes of the rows kept for it."""
    name = behaviour.name
    started = time.monotonic()
    recorded = behaviour.answer(serving)
    seconds = time.monotonic() - started
    if not recorded.runs:
        raise Error(f"provider: {name}: {' '.join(recorded.problems) or 'no run was recorded'}")
    (run,) = recorded.runs
    kept = (run.folder / "rows").stat().st_size
    said = {
        "output_token_ids": run.output,
        "text": str(loaded.tokenizer.decode(run.output)),
        "seconds": seconds,
        "rows": recorded.rows,
        "row_bytes": kept,
        "longest_lag_s": recorded.longest_lag_s,
    }
    party.send(shutil.copyfile(run.folder / "head", party.own / f"{name}.head"))
    _send_json(party, f"{name}.answer", said)
    challenge = party.receive(f"{name}.challenge")
    openings = party.own / f"{name}.openings"
    party.run(
        f"open {name}", "audit", "open", "--run", run.folder, "--challenge", challenge,
        "--out", openings, "--json",
    )  # fmt: skip
    party.send(openings)
    openings.unlink()
    shutil.rmtree(serving.sink)
    return kept


def verifier(party: Party, options: argparse.Namespace) -> None:
    """Make a key of the model once; then ask, draw, and check each answer."""
    loaded = _loaded(options)
    (prompt,) = encode_prompts(loaded.tokenizer, [options.prompt])
    model = party.own / "model"
    with models.quiet(True):
        loaded.model.save_pretrained(model)
    del loaded
    manifest = party.own / "manifest"
    party.run(
        "manifest", "manifest", "make", "--weights", model, "--out", manifest, "--json"
    )  # fmt: skip
    enrolled = party.run(
        "enroll", "audit", "enroll", "--weights", model, "--manifest", manifest,
        "--epochs", _EPOCHS, "--out", party.own / "key", "--json",
    )  # fmt: skip
    sizes = {
        "weights": sum(path.stat().st_size for path in model.glob("*.safetensors")),
        "key": enrolled["keys"][0]["bytes"],
    }
    timing = enrolled["timing"]["enroll_time_s"]
    _send_json(party, "enrolled", {**sizes, "seconds": timing, "layers": enrolled["layers"]})
    checking = _Checking(party, options, prompt, model, manifest)
    party.receive("provider.key.pub")
    for behaviour in BEHAVIOURS:
        _send_json(party, f"{behaviour.name}.verdict", checking.verdict_on(behaviour))


class _Checking:
    """The verifier, once it has its key."""

    def __init__(
        self,
        party: Party,
        options: argparse.Namespace,
        prompt: list[int],
        model: Path,
        manifest: Path,
    ) -> None:
        self._party = party
        self._options = options
        self._prompt = prompt
        self._by_weights = "--weights", model, "--manifest", manifest
        self._epoch = 0

    def verdict_on(self, behaviour: Behaviour) -> dict[str, Any]:
        """Ask, draw, and check: the verdict by the key, and on the honest answer by weights too."""
        party, name = self._party, behaviour.name
        nonce = secrets.token_bytes(32)
        asked = {
            "prompt_token_ids": self._prompt,
            "tokens": self._options.max_new_tokens,
            "nonce": nonce.hex(),
        }
        _send_json(party, f"{name}.ask", asked)
        head = party.receive(f"{name}.head")
        answer = json.loads(party.receive(f"{name}.answer").read_text(encoding="utf-8"))
        request = party.own / f"{name}.request"
        text = _core.audit_request_text(nonce, self._prompt, answer["output_token_ids"], "greedy")
        request.write_text(text, encoding="utf-8")
        given = "--head", head, "--provider", party.own / "provider.key.pub"
        challenge = party.own / f"{name}.challenge"
        drawn = party.run(
            f"challenge {name}", "audit", "challenge", *given, "--risk", self._options.risk,
            "--record", party.own / "drawn", "--out", challenge, "--json",
        )  # fmt: skip
        party.send(challenge)
        openings = party.receive(f"{name}.openings")
        about = *given, "--request", request, "--challenge", challenge, "--openings", openings
        by_key = self._check(name, *about, "--record", party.own / "drawn", *self._key())
        by_weights = None if behaviour.step else self._check(name, *about, *self._by_weights)
        found = {
            "answer": answer,
            "drawn": drawn,
            "bytes": {
                path.name.removeprefix(f"{name}."): path.stat().st_size
                for path in (head, challenge, openings)
            },
            "by_key": by_key,
            "by_weights": by_weights,
        }
        openings.unlink()
        (party.exchange / openings.name).unlink()
        return found

    def _key(self) -> tuple[object, ...]:
        key = self._party.own / f"key.{self._epoch}"
        if key.with_name(f"{key.name}.ended").exists():
            # A rejection told the other side something about it.
            self._epoch += 1
            if self._epoch == _EPOCHS:
                raise Error("verifier: no key is left whose epoch has not ended")
            key = self._party.own / f"key.{self._epoch}"
        return "--key", key

    def _check(self, name: str, *arguments: object) -> dict[str, Any]:
        return self._party.run(
            f"check {name}", "audit", "check", *arguments, "--json", accepted=(0, 1, 3)
        )


def _send_json(party: Party, name: str, content: dict[str, Any]) -> None:
    path = party.own / f"{name}.out"
    path.write_text(json.dumps(content), encoding="utf-8")
    party.send(path.rename(party.own / name))


SIDES = {"provider": provider, "verifier": verifier}
