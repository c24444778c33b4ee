"""vLLM in this process, on small random models, and rows recorded independently of assay."""

import json
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
from safetensors.torch import load
from transformers import AutoModelForCausalLM, LlamaConfig

import assay
import tiny_models
from assay import Srs, toploc
from assay import vllm as proving

K, CHUNK = 16, 8
LAYERS, WIDTH = 2, 128
POSITIONS = 2048
VOCAB = tiny_models.VOCAB

# For answers as short as those of the tests. Over 1,600 fingerprints of 40 tokens the furthest
# honest row was at 0.14 of its length; test_parallel.py has another model rejected.
BOUNDS = toploc.Profile.from_json(
    json.dumps(
        {
            **json.loads(toploc.Profile.published().to_json()),
            "minimum_points": 5,
            "fingerprint_distance": 0.25,
        }
    )
)


def small_model(parent: Path, name: str = "small", seed: int = 1) -> Path:
    """A random llama, in bfloat16, of a width that vLLM's kernels take."""
    config = LlamaConfig(
        vocab_size=VOCAB,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
        hidden_size=WIDTH,
        intermediate_size=128,
        num_hidden_layers=LAYERS,
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


def with_layers(parent: Path, tokens: int, **more: Any) -> dict[str, Any]:
    """Settings for commitments to rows of all layers of `small_model`, with a file of their SRS."""
    path = parent / "layers.srs"
    zeros = {f"layer_{i}": torch.zeros(1, tokens, WIDTH) for i in range(LAYERS)}
    Srs.dev(assay.encode(zeros).axes, seed=5).write(path)
    return {"k": K, "chunk": CHUNK, "layers": "all", "srs": str(path), **more}


class Recorder:
    """Keeps the rows that `compute_logits` is given, by request and position, the last of each.

    With `blocks` also what hooks of torch see of the blocks. It reads the runner's own batch, and
    nothing that assay does.
    """

    def __init__(self, runner: Any, *, blocks: bool = False) -> None:
        self.rows: dict[tuple[str, int], torch.Tensor] = {}
        self.residuals: dict[tuple[str, int], torch.Tensor] = {}
        self.batches: list[int] = []
        self.passes = 0
        self.drafted = 0
        self._runner = runner
        self._compute = runner.model.compute_logits
        self._prepare = runner._prepare_inputs
        self._drafts: dict[str, list[int]] = {}
        self._index: Any = None
        self._handed: list[torch.Tensor] = []
        self._blocks = list(runner.model.model.layers[:-1]) if blocks else []
        self._hooks: list[Any] = []

    def __enter__(self) -> "Recorder":
        self._runner._prepare_inputs = self._note_drafts
        self._runner.model.compute_logits = self._record
        self._hooks = [one.register_forward_hook(self._note_block) for one in self._blocks]
        return self

    def __exit__(self, *_: object) -> None:
        del self._runner.model.compute_logits, self._runner._prepare_inputs
        for hook in self._hooks:
            hook.remove()

    def _note_drafts(self, scheduled: Any, *args: Any, **kwargs: Any) -> Any:
        self._drafts = dict(scheduled.scheduled_spec_decode_tokens)
        prepared = self._prepare(scheduled, *args, **kwargs)
        self._index = prepared[0]
        self._handed.clear()
        return prepared

    def _note_block(self, _: Any, __: Any, output: Any) -> None:
        hidden, residual = output
        self._handed.append(hidden + residual)

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
            if self._blocks:
                handed = torch.stack([one[self._index] for one in self._handed], 1)
                self.residuals.update(zip(places, handed, strict=True))
        return self._compute(states, *args, **kwargs)

    def of(self, name: str, prompt: int, tokens: int) -> torch.Tensor:
        """The rows that the tokens of an answer were chosen from."""
        return torch.stack([self.rows[name, prompt - 1 + i] for i in range(tokens)])

    def layers_of(self, name: str, prompt: int, tokens: int) -> dict[str, torch.Tensor]:
        """The same of each layer, by its name in a capture."""
        places = [(name, prompt - 1 + i) for i in range(tokens)]
        residuals = torch.stack([self.residuals[place] for place in places])
        every = [*residuals.unbind(1), self.of(name, prompt, tokens)]
        return {f"layer_{i}": rows[None] for i, rows in enumerate(every)}


def noted(llm: Any) -> dict[tuple[str, int], str]:
    """The engine's own names of answers that are whole, by the outputs' ids and numbers."""
    from assay.vllm.fronts import notes_of

    notes = notes_of(llm.llm_engine.output_processor)
    assert notes is not None
    return {(one.asked_as, one.choice): one.name for one in notes._noted.values()}


def expected(rows: torch.Tensor) -> list[bytes]:
    """Proofs of these rows."""
    return toploc.build(rows, chunk=CHUNK, k=K)


def check_layers(answer: Any, expected_rows: dict[str, torch.Tensor], srs: Srs | None) -> None:
    """The rows that were kept are these; with an SRS, so are those that were committed to."""
    assert answer.without == {}
    kept = load(answer.rows)
    assert kept.keys() == expected_rows.keys()
    for name, rows in expected_rows.items():
        assert torch.equal(kept[name], rows), name
    if srs is not None:
        tensor = proving.kept_tensor(answer.rows, answer.commitment)
        assert answer.commitment == assay.commit(tensor, srs)


def captured(verifier: Any, signature: Any) -> dict[str, torch.Tensor]:
    """What transformers' own hooks see of these tokens, of the passes that chose the answer's."""
    ids = signature.prompt_token_ids + signature.output_token_ids
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        module.register_forward_hook(
            lambda _, __, output, name=name: seen.update(
                {name: output[0] if isinstance(output, tuple) else output}
            )
        )
        for name, module in (
            ("layer_0", verifier.model.layers[0]),
            (f"layer_{LAYERS - 1}", verifier.model.norm),
        )
    ]
    with torch.inference_mode():
        verifier(input_ids=torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    first, count = len(signature.prompt_token_ids) - 1, len(signature.output_token_ids)
    return {
        name: rows.reshape(1, -1, WIDTH)[:, first : first + count] for name, rows in seen.items()
    }


def check_fingerprint(answer: Any, rows: torch.Tensor) -> None:
    """The fingerprint of an answer is that of these rows, by the answer's own seed."""
    own = toploc.fingerprint.project(rows, answer.fingerprint_seed)
    assert answer.fingerprint == own.to_bytes()


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
