"""Run a model on a prompt and keep its hidden states."""

import gc
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .determinism import repeatable, seeded
from .errors import CaptureError, LayoutError, ModelError, one_line
from .fingerprint import fingerprint
from .following import Follower
from .generating import Settings, generate, settings_for
from .layout import find_layout
from .loading import load, positions_of
from .progress import OnProgress, Progress
from .quiet import quiet
from .recording import Recorder
from .result import Capture, Mode
from .sources import digests, resolve
from .statistics import LayerStats, layer_stats
from .taps import Tap, taps_for


def capture(
    model: str,
    prompt: str,
    *,
    max_new_tokens: int = 64,
    min_new_tokens: int = 0,
    do_sample: bool = False,
    temperature: float = 0.8,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 42,
    deterministic: bool = False,
    mode: Mode = "decode",
    on_progress: OnProgress | None = None,
    follower: Follower | None = None,
    verbose: bool = False,
) -> Capture:
    """Load a causal language model, continue `prompt` and keep the hidden states of every layer.

    Args:
        model: A folder, a .gguf file, a hub id, or "smollm2" for the packaged small model.
        prompt: Taken as it is; no chat template is applied.
        max_new_tokens: At least 1; generation ends earlier at an end-of-text token.
        min_new_tokens: No end-of-text token is taken before there are so many.
        do_sample: Draw tokens instead of taking the most likely one.
        temperature: Above 0; used only with `do_sample`.
        device: "auto" (CUDA if there is one, else the CPU), "cuda", "cpu" or "mps".
        dtype: "auto" (as stored), "float16", "float32" or "bfloat16".
        seed: 0 to 2**63 - 1, for every random generator.
        deterministic: The same bits on every run on the same machine and versions; takes the most
            likely token whatever `do_sample` says.
        mode: "decode" keeps the values of the passes that made the tokens; "recompute" makes one
            more pass over the finished text and keeps its values.
        on_progress: Called with each step.
        follower: Told of the rows as they become complete, in mode "decode" alone.
        verbose: Let the libraries underneath print their messages.

    Returns:
        The capture. Global settings and random states of torch are as they were before.

    Raises:
        CaptureError: Bad input, or one of its subclasses: `ModelError`, `LayoutError`,
            `NonFiniteError`.
    """
    _check_options(max_new_tokens, min_new_tokens, temperature, seed, mode, follower)
    report = on_progress or _ignore
    source = resolve(model)
    # Set before loading: the first tensor that moves to a GPU starts CUDA with these settings.
    with repeatable(deterministic):
        report(Progress("load", 0, 1))
        loaded = load(source, device=device, dtype=dtype, verbose=verbose)
        report(Progress("load", 1, 1))
        try:
            return _run(
                loaded.model,
                _encode(loaded.tokenizer, prompt),
                loaded.tokenizer,
                prompt=prompt,
                model_name=source.name,
                model_files=digests(source),
                generation=settings_for(
                    loaded.model,
                    max_new_tokens,
                    do_sample and not deterministic,
                    temperature,
                    min_new_tokens,
                ),
                seed=seed,
                deterministic=deterministic,
                mode=mode,
                report=report,
                follower=follower,
                verbose=verbose,
            )
        finally:
            on_gpu = loaded.model.device.type == "cuda"
            del loaded
            gc.collect()
            if on_gpu:
                torch.cuda.empty_cache()


def capture_model(
    model: PreTrainedModel,
    inputs: PreTrainedTokenizerBase | Tensor,
    prompt: str = "",
    *,
    max_new_tokens: int = 64,
    min_new_tokens: int = 0,
    do_sample: bool = False,
    temperature: float = 0.8,
    seed: int = 42,
    deterministic: bool = False,
    mode: Mode = "decode",
    model_name: str | None = None,
    on_progress: OnProgress | None = None,
    follower: Follower | None = None,
    verbose: bool = False,
) -> Capture:
    """As `capture`, with a model that the caller has loaded and placed.

    Args:
        model: Put into evaluation mode while it runs.
        inputs: A tokenizer, which `prompt` is encoded with, or token ids of shape (1, n), n >= 1;
            with ids, `prompt` is only recorded and the generated text is "".
        prompt: See `inputs`.
        model_name: For the files; by default the model's own name or path, its last part if it is a
            path on this machine.

    The other arguments, the result and the errors are those of `capture`.
    """
    _check_options(max_new_tokens, min_new_tokens, temperature, seed, mode, follower)
    tokenizer = None if isinstance(inputs, Tensor) else inputs
    ids = inputs if isinstance(inputs, Tensor) else _encode(inputs, prompt)
    if ids.ndim != 2 or ids.shape[0] != 1 or ids.shape[1] < 1:
        raise CaptureError(f"token ids have shape {tuple(ids.shape)}; give (1, n) with n >= 1")
    training = model.training
    model.train(False)
    try:
        with repeatable(deterministic):
            return _run(
                model,
                ids.long(),
                tokenizer,
                prompt=prompt,
                model_name=model_name or _own_name(model),
                model_files=(),
                generation=settings_for(
                    model,
                    max_new_tokens,
                    do_sample and not deterministic,
                    temperature,
                    min_new_tokens,
                ),
                seed=seed,
                deterministic=deterministic,
                mode=mode,
                report=on_progress or _ignore,
                follower=follower,
                verbose=verbose,
            )
    finally:
        model.train(training)


def _run(
    model: PreTrainedModel,
    ids: Tensor,
    tokenizer: PreTrainedTokenizerBase | None,
    *,
    prompt: str,
    model_name: str,
    model_files: tuple[tuple[str, str], ...],
    generation: Settings,
    seed: int,
    deterministic: bool,
    mode: Mode,
    report: OnProgress,
    follower: Follower | None,
    verbose: bool,
) -> Capture:
    prompt_tokens = ids.shape[1]
    _check_length(model, model_name, prompt_tokens, int(generation["max_new_tokens"]))
    ids = ids.to(model.device)
    try:
        with quiet(not verbose), seeded(seed):
            if mode == "decode":
                sequence, states, taps = _decode(model, ids, generation, report, follower)
            else:
                sequence, states, taps = _recompute(model, ids, generation, report)
        stats = _checked(taps, states, report)
    except CaptureError as error:
        raise type(error)(f"model {model_name}: {error}") from error
    except Exception as error:
        raise ModelError(f"model {model_name}: could not run ({one_line(error)})") from error
    text = ""
    if tokenizer is not None:
        decoded = tokenizer.decode(sequence[0, prompt_tokens:], skip_special_tokens=True)
        text = decoded if isinstance(decoded, str) else "".join(decoded)
    return Capture(
        model_name=model_name,
        prompt=prompt,
        generated_text=text,
        token_sequence=sequence,
        hidden_states=states,
        taps=taps,
        mode=mode,
        seed=seed,
        generation=generation,
        engine=fingerprint(model, deterministic=deterministic),
        model_files=model_files,
        layer_stats=stats,
    )


def _decode(
    model: PreTrainedModel,
    ids: Tensor,
    generation: Settings,
    report: OnProgress,
    follower: Follower | None,
) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tap, ...]]:
    layout = find_layout(model, ids)
    # The last new token is never an input, hence one row fewer than tokens.
    capacity = ids.shape[1] + int(generation["max_new_tokens"]) - 1
    recorder = Recorder(layout, capacity, None if follower is None else follower.rows)
    if follower is not None:
        follower.begin(layout.taps, recorder.buffers)
    with recorder.attached():
        sequence = generate(model, ids, generation, report)
    rows = sequence.shape[1] - 1
    if follower is not None:
        follower.end(rows)
    return sequence, recorder.finish(rows), layout.taps


def _recompute(
    model: PreTrainedModel, ids: Tensor, generation: Settings, report: OnProgress
) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tap, ...]]:
    sequence = generate(model, ids, generation, report)
    report(Progress("forward", 0, 1))
    options: dict[str, Any] = {}
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        # Scores over the vocabulary for every row can outweigh all hidden states together.
        options["logits_to_keep"] = 1
    with torch.no_grad():
        whole = sequence.to(model.device)
        output = model(
            input_ids=whole,
            attention_mask=torch.ones_like(whole),
            output_hidden_states=True,
            use_cache=False,
            return_dict=True,
            **options,
        )
    states = list(output.hidden_states or ())
    del output
    if len(states) < 2:
        raise LayoutError(f"{type(model).__name__}: returns no hidden states")
    for index, state in enumerate(states):
        states[index] = _owned(state)
    report(Progress("forward", 1, 1))
    try:
        taps = find_layout(model, ids).taps
    except LayoutError:
        taps = taps_for(len(states) - 1, "unknown")
    return sequence, tuple(states), taps


def _owned(state: Tensor) -> Tensor:
    state = state.detach().to("cpu").contiguous()
    # A view of something larger would drag all of it into a torch file.
    return state if state.untyped_storage().nbytes() == state.nbytes else state.clone()


def _checked(
    taps: tuple[Tap, ...], states: tuple[Tensor, ...], report: Callable[[Progress], None]
) -> tuple[LayerStats, ...]:
    stats = []
    for tap, state in zip(taps, states, strict=True):
        stats.append(layer_stats(tap.name, state))
        report(Progress("check", len(stats), len(taps)))
    return tuple(stats)


def _encode(tokenizer: PreTrainedTokenizerBase, prompt: str) -> Tensor:
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise CaptureError(f"prompt: not valid text at character {error.start}") from error
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    if not isinstance(ids, Tensor) or ids.shape[1] == 0:
        raise CaptureError("prompt: has no tokens; give at least one word")
    return ids.long()


def _check_options(
    max_new_tokens: int,
    min_new_tokens: int,
    temperature: float,
    seed: int,
    mode: str,
    follower: Follower | None,
) -> None:
    if max_new_tokens < 1:
        raise CaptureError(f"max-new-tokens is {max_new_tokens}; give at least 1")
    if not 0 <= min_new_tokens <= max_new_tokens:
        raise CaptureError(
            f"min-new-tokens is {min_new_tokens}; give 0 to {max_new_tokens}, which is "
            "max-new-tokens"
        )
    if not 0 < temperature < float("inf"):
        raise CaptureError(f"temperature is {temperature}; give a number above 0")
    if not 0 <= seed < 2**63:
        raise CaptureError(f"seed is {seed}; give 0 to 2**63 - 1")
    if mode not in ("decode", "recompute"):
        raise CaptureError(f"mode {mode}: unknown; use decode or recompute")
    if mode != "decode" and follower is not None:
        raise CaptureError(f"mode {mode}: cannot be followed while it runs; use decode")


def _check_length(
    model: PreTrainedModel, model_name: str, prompt_tokens: int, max_new_tokens: int
) -> None:
    limit = positions_of(model)
    if limit is not None and prompt_tokens + max_new_tokens > limit:
        raise CaptureError(
            f"model {model_name}: {prompt_tokens} prompt tokens and {max_new_tokens} new ones "
            f"exceed its {limit} positions; shorten the prompt or lower --max-new-tokens"
        )


def _own_name(model: PreTrainedModel) -> str:
    name = model.config.name_or_path or type(model).__name__
    return name if not name.startswith(("/", ".", "~")) else name.rstrip("/").rsplit("/", 1)[-1]


def _ignore(_: Progress) -> None:
    pass
