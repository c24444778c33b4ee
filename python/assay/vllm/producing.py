"""vLLM as the engine of `assay toploc generate`."""

import gc
import importlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import InputError, one_line
from ..models import Engine, encode_prompts, resolve
from ..toploc import Produced, Shape
from .known import installed
from .offline import proofs

# The names that people say; the first is whatever vLLM takes by itself.
_BACKENDS = {"sdpa": None, "flash": "FLASH_ATTN", "flex": "FLEX_ATTENTION"}


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
        # Without it the engine's messages stand among the lines of the experiment.
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        options: dict[str, Any] = {"dtype": engine.dtype, "tensor_parallel_size": processes}
        backend = _BACKENDS[engine.attention]
        if backend is not None:
            options["attention_backend"] = backend
        settings = {
            "k": shape.k,
            "chunk": shape.chunk,
            "merge_short_tails": shape.merge_short_tails,
        }
        self._vllm = importlib.import_module("vllm")
        try:
            self._llm = self._vllm.LLM(
                model=source.location,
                trust_remote_code=trust_remote_code,
                enforce_eager=True,
                additional_config={"assay": settings},
                **options,
            )
        except InputError:
            raise
        except Exception as error:
            raise InputError("unsupported", f"vLLM with {model}", one_line(error)) from error
        (status,) = (one for one in self._llm.collective_rpc("assay_status") if one is not None)
        self.name = source.name
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
            InputError: Prompt and answer are longer than the engine takes ("too_large"), or an
                answer has no proofs ("unsupported").
        """
        most = int(self._llm.llm_engine.model_config.max_model_len)
        longest = max(map(len, prompts)) + max_new_tokens
        if longest > most:
            reason = f"{longest} of prompt and answer together; the engine takes {most}"
            raise InputError("too_large", "tokens", reason)
        settings = self._vllm.SamplingParams(
            temperature=0, max_tokens=max_new_tokens, min_tokens=min_new_tokens
        )
        asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        outputs = self._llm.generate(asked, settings, use_tqdm=False)
        for (answer,) in proofs(self._llm, outputs):
            if answer.signature is None:
                raise InputError("unsupported", "vLLM", f"an answer has no proofs: {answer.reason}")
            made = answer.signature
            yield Produced(made.prompt_token_ids, made.output_token_ids, made.proofs)

    def close(self) -> None:
        """Let the model go, and the engine's processes end."""
        del self._llm
        gc.collect()


def installed_for_cpu() -> bool:
    """Whether the vLLM that is installed runs on a CPU."""
    cpu: bool = importlib.import_module("vllm.platforms").current_platform.is_cpu()
    return cpu
