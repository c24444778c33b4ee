"""`make vllm-demo`: a server of a real model whose answers are checked, and one that cheats."""

import argparse
import asyncio
import importlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..arguments import add_number, parser_of
from ..ending import ended
from ..errors import Error
from ..models import Engine, load, made_prompts, quiet, with_rounded_weights
from ..stopping import say
from ..toploc import Profile, recompute, verify
from ..wording import duration
from .answers import Answer, read_answers
from .launching import Server, serving
from .middleware import HEADER, INCLUDE

PROGRAM = "assay vllm demo"
_FEWEST = 32
_BOUNDS = Profile.published()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns its exit code."""
    parser = parser_of(PROGRAM, "A server whose answers are checked, and one that cheats.", "")
    parser.add_argument("--model", default="smollm2", help="folder, .gguf file or hub id")
    add_number(parser.add_argument, "--questions", 16, least=1)
    add_number(parser.add_argument, "--max-tokens", 48, least=_FEWEST)
    options = parser.parse_args(argv)
    return ended(PROGRAM, lambda: tell(options))


def tell(options: argparse.Namespace) -> int:
    """Tell the story; gives the exit code."""
    started = time.monotonic()
    model, tokenizer, source = load(options.model, Engine("bfloat16", "sdpa", "cpu"))
    questions = made_prompts(options.questions)
    say(f"1. vLLM serves {source.name} in bfloat16, with proofs of every answer\n")
    honest = _asked(model, tokenizer, questions, options.max_tokens)
    passed = _judged(model, honest)
    say("\n2. The same server, but its weights are rounded to 4 bits, 128 to a scale\n")
    cheating = _asked(with_rounded_weights(model, 4, 128), tokenizer, questions, options.max_tokens)
    cheated = _judged(model, cheating)
    say(
        f"\n{passed} of {len(questions)} answers of the model itself are accepted, "
        f"{len(questions) - cheated} of {len(questions)} of the rounded one rejected; "
        f"{duration(time.monotonic() - started)} in all"
    )
    if passed != len(questions) or cheated != 0:
        raise Error("that is not as it should be")
    return 0


def _asked(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, questions: list[str], tokens: int
) -> list[Answer]:
    """The answers of a server of this model to all of the questions at once."""
    with tempfile.TemporaryDirectory(prefix="assay-vllm-") as folder, quiet(True):
        path = str(Path(folder) / "model")
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
        started = time.monotonic()
        options = ["--dtype", "bfloat16", "--enforce-eager", "--max-model-len", "1024"]
        with serving(path, {}, [*options, "--served-model-name", "demo"]) as server:
            say(f"   served after {duration(time.monotonic() - started)}")
            started = time.monotonic()
            answers = asyncio.run(_ask(server, questions, tokens))
            say(
                f"   {len(questions)} questions at once through the openai client, answered in "
                f"{duration(time.monotonic() - started)}"
            )
        return answers


async def _ask(server: Server, questions: list[str], tokens: int) -> list[Answer]:
    client = importlib.import_module("openai").AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key="none", timeout=600
    )

    async def one(question: str) -> Any:
        return await client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": question}],
            max_tokens=tokens,
            temperature=0,
            extra_body={"min_tokens": _FEWEST},
            extra_headers={HEADER.decode(): INCLUDE.decode()},
        )

    responses = await asyncio.gather(*map(one, questions))
    return [read_answers(response.model_extra["assay"])[0] for response in responses]


def _judged(model: PreTrainedModel, answers: list[Answer]) -> int:
    """How many a verifier accepts who runs the model itself, with transformers."""
    accepted = 0
    started = time.monotonic()
    for index, answer in enumerate(answers):
        if answer.signature is None:
            say(f"   {index:3}  no proofs: {answer.reason}")
            continue
        signature = answer.signature
        own = recompute(model, signature.prompt_token_ids, signature.output_token_ids)
        verdict = verify(own, signature.proofs, _BOUNDS, rounded=True)
        accepted += bool(verdict)
        said = verdict.outcome if verdict else f"{verdict.outcome} at {verdict.step}"
        say(f"   {index:3}  {len(signature.output_token_ids)} tokens: {said}")
    say(f"   checked by transformers in {duration(time.monotonic() - started)}")
    return accepted


if __name__ == "__main__":
    sys.exit(main())
