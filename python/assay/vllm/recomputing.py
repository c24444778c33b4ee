"""vLLM as the engine of `assay toploc validate`: it is fed prompt and answer as one prompt."""

import gc
import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..models import Engine, encode_prompts, require_vocabulary, resolve, stored_ends
from .producing import asked, engine_for
from .prompt_rows import EXTENSION


class Recomputer:
    """As `assay.toploc.engines.Recomputer`.

    Args:
        model: A folder, or a hub id.
        engine: Dtype, attention and device that are asked for.
        processes: That the model is spread over.
        trust_remote_code: Run code that the model brings with it.

    Raises:
        InputError: vLLM cannot do that ("unsupported").
    """

    def __init__(self, model: str, engine: Engine, processes: int, trust_remote_code: bool) -> None:
        # Rows of a prefix that another text has too would not be computed, and of a pass whose
        # tokens come later it would not be known whose its rows are.
        self._llm = engine_for(
            model, engine, processes, trust_remote_code, enable_prefix_caching=False,
            async_scheduling=False, worker_extension_cls=EXTENSION,
        )  # fmt: skip
        source = resolve(model)
        self.name = source.name
        self.ends = stored_ends(source, trust_remote_code=trust_remote_code)
        self.engine = Engine(engine.dtype, "vllm", engine.device)

    def encode(self, texts: Sequence[str], most: int, chat: bool) -> list[list[int]]:
        """As `assay.toploc.engines.Recomputer`."""
        return encode_prompts(self._llm.get_tokenizer(), list(texts), most, chat=chat)

    def require(self, prompt: Sequence[int], output: Sequence[int]) -> None:
        """As `assay.toploc.engines.Recomputer`."""
        config = self._llm.llm_engine.model_config
        most, count = int(config.max_model_len), len(prompt) + len(output)
        if not prompt or not output:
            raise InputError("out_of_range", "tokens", "no tokens; at least one is needed")
        if count > most:
            reason = f"{count} of prompt and answer together; the engine takes {most}"
            raise InputError("too_large", "tokens", reason)
        require_vocabulary([*prompt, *output], int(config.get_vocab_size()))

    def states(self, answers: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Iterator[Tensor]:
        """As `assay.toploc.engines.Recomputer`.

        Raises:
            InputError: As `asked`, or rows could not be followed ("unsupported").
        """
        # The last token is not fed: its row is that of a token behind it.
        texts = [[*prompt, *output][:-1] for prompt, output in answers]
        one_token = importlib.import_module("vllm").SamplingParams(
            temperature=0, max_tokens=1, detokenize=False
        )

        def rows(index: int, _: Any) -> Tensor:
            return self._rows(texts[index], len(answers[index][0]) - 1)

        yield from asked(self._llm, texts, one_token, rows)

    def _rows(self, text: list[int], first: int) -> Tensor:
        taken = self._llm.collective_rpc("assay_rows_of", args=(text, first))
        given: dict[str, Any] | None = next((one for one in taken if one is not None), None)
        if given is None or "reason" in given:
            reason = "no worker has rows" if given is None else given["reason"]
            raise InputError("unsupported", "vLLM", reason)
        dtype: torch.dtype = getattr(torch, given["dtype"])
        values = torch.frombuffer(bytearray(given["rows"]), dtype=dtype)
        return values.view(-1, int(given["width"]))

    def close(self) -> None:
        """Let the model go, and the engine's processes end."""
        del self._llm
        gc.collect()
