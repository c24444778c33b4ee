"""vLLM as the engine of `assay toploc generate`."""

import gc
import importlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ..errors import InputError, one_line
from ..models import Engine, encode_prompts, resolve
from ..stopping import obey
from ..toploc import Produced, Shape
from .known import installed
from .offline import proofs

# The names that people say; the first is whatever vLLM takes by itself.
_BACKENDS = {"sdpa": None, "flash": "FLASH_ATTN", "flex": "FLEX_ATTENTION"}

_TOGETHER = 32
_NUMBERS = itertools.count()

Taken = TypeVar("Taken")


class Producer:
    """As `assay.toploc.engines.Producer`.

    Args:
        model: A folder, or a hub id.
        engine: Dtype, attention and device that are asked for.
        shape: What proofs cover.
        processes: That the model is spread over.
        trust_remote_code: Run code that the model brings with it.

    Raises:
        InputError: vLLM cannot do that ("unsupported").
    """

    def __init__(
        self, model: str, engine: Engine, shape: Shape, processes: int, trust_remote_code: bool
    ) -> None:
        settings = {
            "k": shape.k,
            "chunk": shape.chunk,
            "merge_short_tails": shape.merge_short_tails,
        }
        self._llm = engine_for(
            model, engine, processes, trust_remote_code, additional_config={"assay": settings}
        )
        (status,) = (one for one in self._llm.collective_rpc("assay_status") if one is not None)
        self.name = resolve(model).name
        self.dtype: str = status["dtype"]
        self.attention: str = status["attention"]

    def encode(self, texts: Sequence[str], most: int, chat: bool) -> list[list[int]]:
        """As `assay.toploc.engines.Producer`."""
        return encode_prompts(self._llm.get_tokenizer(), list(texts), most, chat=chat)

    def produce(
        self, prompts: Sequence[Sequence[int]], *, max_new_tokens: int, min_new_tokens: int
    ) -> Iterator[Produced]:
        """As `assay.toploc.engines.Producer`.

        Raises:
            InputError: Prompt and answer are longer than the engine takes ("too_large"), an
                answer has no proofs ("unsupported"), or as `asked`.
        """
        most = int(self._llm.llm_engine.model_config.max_model_len)
        longest = max(map(len, prompts)) + max_new_tokens
        if longest > most:
            reason = f"{longest} of prompt and answer together; the engine takes {most}"
            raise InputError("too_large", "tokens", reason)
        settings = importlib.import_module("vllm").SamplingParams(
            temperature=0, max_tokens=max_new_tokens, min_tokens=min_new_tokens
        )
        yield from asked(self._llm, prompts, settings, self._made)

    def _made(self, _: int, output: Any) -> Produced:
        ((answer,),) = proofs(self._llm, [output])
        if answer.signature is None:
            raise InputError("unsupported", "vLLM", f"an answer has no proofs: {answer.reason}")
        made = answer.signature
        return Produced(made.prompt_token_ids, made.output_token_ids, made.proofs)

    def close(self) -> None:
        """Let the model go, and the engine's processes end."""
        del self._llm
        gc.collect()


def engine_for(
    model: str, engine: Engine, processes: int, trust_remote_code: bool, **options: Any
) -> Any:
    """A `vllm.LLM` that runs a model as it is asked for.

    Raises:
        InputError: vLLM cannot do that ("unsupported").
    """
    source = resolve(model)
    if source.gguf_file is not None:
        reason = "a GGUF file; use --engine transformers, or a folder of save_pretrained"
        raise InputError("unsupported", model, reason)
    if engine.attention not in _BACKENDS:
        reason = f"vLLM has no such kernel; give {', '.join(_BACKENDS)}"
        raise InputError("unsupported", f"--attn {engine.attention}", reason)
    if engine.device != "auto" and (engine.device == "cpu") != installed_for_cpu():
        reason = f"this vLLM, {installed()}, is for another device; leave it out"
        raise InputError("unsupported", f"--device {engine.device}", reason)
    # Else the engine's messages stand among the lines of the experiment, or before its JSON.
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    backend = _BACKENDS[engine.attention]
    if backend is not None:
        options["attention_backend"] = backend
    try:
        return importlib.import_module("vllm").LLM(
            model=source.location,
            trust_remote_code=trust_remote_code,
            enforce_eager=True,
            dtype=engine.dtype,
            tensor_parallel_size=processes,
            **options,
        )
    except InputError:
        raise
    except Exception as error:
        raise InputError("unsupported", f"vLLM with {model}", one_line(error)) from error


def asked(
    llm: Any,
    prompts: Sequence[Sequence[int]],
    settings: Any,
    take: Callable[[int, Any], Taken],
) -> Iterator[Taken]:
    """Have prompts answered, and give what is taken of each answer, in their order.

    Workers hold no more than some megabytes of answers that nobody has asked for, so that so many
    at a time are under way, and each is taken when it is whole.

    Args:
        llm: A `vllm.LLM`.
        prompts: Token ids.
        settings: Its SamplingParams.
        take: Given the number of a prompt and vLLM's output.

    Raises:
        InputError: The engine ended ("io").
    """
    engine = llm.llm_engine
    waiting: dict[str, int] = {}
    found: dict[int, Taken] = {}
    begun = 0
    for index in range(len(prompts)):
        while index not in found:
            obey()
            try:
                while begun < len(prompts) and len(waiting) < _TOGETHER:
                    name = f"assay-{next(_NUMBERS)}"
                    engine.add_request(name, {"prompt_token_ids": list(prompts[begun])}, settings)
                    waiting[name] = begun
                    begun += 1
                outputs = engine.step()
            except Exception as error:
                raise InputError("io", "vLLM", f"its engine ended: {one_line(error)}") from error
            for output in outputs:
                if output.finished:
                    at = waiting.pop(output.request_id)
                    found[at] = take(at, output)
        yield found.pop(index)


def installed_for_cpu() -> bool:
    """Whether the vLLM that is installed runs on a CPU."""
    cpu: bool = importlib.import_module("vllm.platforms").current_platform.is_cpu()
    return cpu
