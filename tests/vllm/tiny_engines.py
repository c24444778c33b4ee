"""vLLM in this process, on small random models, and rows recorded independently of assay."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

import tiny_models
from assay import toploc

K, CHUNK = 16, 8
POSITIONS = 2048
VOCAB = tiny_models.VOCAB


def small_model(parent: Path, name: str = "small", seed: int = 1) -> Path:
    """A random llama, in bfloat16, of a width that vLLM's kernels take."""
    config = LlamaConfig(
        vocab_size=VOCAB,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
        hidden_size=128,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=POSITIONS,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, 0.2)
    model.save_pretrained(parent / name)
    tiny_models.tokenizer().save_pretrained(parent / name)
    return parent / name


def engine(model: Path, **options: Any) -> Any:
    """`vllm.LLM` in this process, with proofs unless `assay=None`."""
    from vllm import LLM

    asked = options.pop("assay", {"k": K, "chunk": CHUNK})
    settings = {
        "dtype": "bfloat16",
        "enforce_eager": True,
        "max_model_len": 256,
        "distributed_executor_backend": "uni",
        "additional_config": {} if asked is None else {"assay": asked},
        "seed": 0,
        **options,
    }
    return LLM(model=str(model), **settings)


def runner_of(llm: Any) -> Any:
    """What runs the model of an engine in this process."""
    executor = llm.llm_engine.engine_core.engine_core.model_executor
    return executor.driver_worker.worker.model_runner


class Recorder:
    """Keeps the rows that `compute_logits` is given, by request and position, the last of each.

    It reads the runner's own batch, and nothing that assay does.
    """

    def __init__(self, runner: Any) -> None:
        self.rows: dict[tuple[str, int], torch.Tensor] = {}
        self.batches: list[int] = []
        self.passes = 0
        self.drafted = 0
        self._runner = runner
        self._compute = runner.model.compute_logits
        self._prepare = runner._prepare_inputs
        self._drafts: dict[str, list[int]] = {}

    def __enter__(self) -> "Recorder":
        self._runner._prepare_inputs = self._note_drafts
        self._runner.model.compute_logits = self._record
        return self

    def __exit__(self, *_: object) -> None:
        del self._runner.model.compute_logits, self._runner._prepare_inputs

    def _note_drafts(self, scheduled: Any, *args: Any, **kwargs: Any) -> Any:
        self._drafts = dict(scheduled.scheduled_spec_decode_tokens)
        return self._prepare(scheduled, *args, **kwargs)

    def _record(self, states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        runner = self._runner
        names = list(runner.input_batch.req_ids)
        ends = runner.seq_lens[: len(names)].tolist()
        # Drafts that are refused are computed once more, at the same position.
        places = [
            (name, end - 1 - draft)
            for name, end in zip(names, ends, strict=True)
            for draft in reversed(range(1 + len(self._drafts.get(name, ()))))
        ]
        if len(states) == len(places):
            self.passes += 1
            self.batches.append(len(names))
            self.drafted += len(places) - len(names)
            for place, row in zip(places, states, strict=True):
                self.rows[place] = row.clone()
        return self._compute(states, *args, **kwargs)

    def of(self, name: str, prompt: int, tokens: int) -> torch.Tensor:
        """The rows that the tokens of an answer were chosen from."""
        return torch.stack([self.rows[name, prompt - 1 + i] for i in range(tokens)])


def noted(llm: Any) -> dict[tuple[str, int], str]:
    """The engine's own names of answers that are whole, by the outputs' ids and numbers."""
    from assay.vllm.fronts import notes_of

    notes = notes_of(llm.llm_engine.output_processor)
    assert notes is not None
    return {(one.asked_as, one.choice): one.name for one in notes._noted.values()}


def expected(rows: torch.Tensor) -> list[bytes]:
    """Proofs of these rows."""
    return toploc.build(rows, chunk=CHUNK, k=K)


def prompts(count: int, lengths: Sequence[int], seed: int = 0) -> list[dict[str, list[int]]]:
    """Token ids, of these lengths in turn."""
    draw = torch.Generator().manual_seed(seed)
    return [
        {
            "prompt_token_ids": torch.randint(
                VOCAB, (lengths[i % len(lengths)],), generator=draw
            ).tolist()
        }
        for i in range(count)
    ]


@contextmanager
def unfollowed(runner: Any) -> Iterator[None]:
    """The engine as it is without assay."""
    own = runner.execute_model, runner.sample_tokens
    del runner.execute_model, runner.sample_tokens
    try:
        yield
    finally:
        runner.execute_model, runner.sample_tokens = own
