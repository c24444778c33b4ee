"""Run a model on a prompt and keep its hidden states."""

import gc
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..errors import CaptureError, InputError, LayoutError, ModelError, one_line
from ..models import (
    Engine,
    Observer,
    Settings,
    Tap,
    digests,
    encode_prompts,
    engine_of,
    evaluating,
    find_layout,
    generate,
    load,
    original_of,
    quiet,
    recompute,
    repeatable,
    require_decoder,
    require_positions,
    resolve,
    seeded,
    settings_for,
    taps_for,
)
from ..progress import OnProgress, Progress, ignore
from .following import Follower
from .recording import Recorder
from .result import Capture, Mode
from .statistics import LayerStats, layer_stats


def capture(
    model: str,
    prompt: str,
    *,
    max_new_tokens: int = 64,
    min_new_tokens: int = 0,
    chat: bool = False,
    do_sample: bool = False,
    temperature: float = 0.8,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 42,
    deterministic: bool = False,
    mode: Mode = "decode",
    trust_remote_code: bool = False,
    on_progress: OnProgress | None = None,
    follower: Follower | None = None,
    observers: Sequence[Observer] = (),
    verbose: bool = False,
) -> Capture:
    """Load a causal language model, continue `prompt` and keep the hidden states of every layer.

    Args:
        model: A folder, a .gguf file, a hub id, or "smollm2" for the packaged small model.
        prompt: Taken as it is, or with `chat` within the chat template of the tokenizer.
        max_new_tokens: At least 1; generation ends earlier at an end-of-text token.
        min_new_tokens: No end-of-text token is taken before there are so many.
        chat: Whether `prompt` is what a user says in a chat; needs a tokenizer.
        do_sample: Draw tokens instead of taking the most likely one.
        temperature: Above 0; used only with `do_sample`.
        device: "auto" (CUDA if there is one, else the CPU), "cuda", "cpu" or "mps".
        dtype: "auto" (as stored), "float16", "float32" or "bfloat16".
        seed: 0 to 2**63 - 1, for every random generator.
        deterministic: The same bits on every run on the same machine and versions; takes the most
            likely token whatever `do_sample` says.
        mode: "decode" keeps the values of the passes that made the tokens; "recompute" makes one
            more pass over the finished text and keeps its values.
        trust_remote_code: Run code that the model brings with it.
        on_progress: Called with each step.
        follower: Told of the rows as they become complete, in mode "decode" alone.
        observers: See the same passes as the capture (`assay.models.Observer`).
        verbose: Let the libraries underneath print their messages.

    Returns:
        The capture. Global settings and random states of torch are as they were before.

    Raises:
        CaptureError: Bad input, or one of its subclasses: `ModelError`, `LayoutError`,
            `NonFiniteError`.
    """
    wanted = _Wanted(
        max_new_tokens, min_new_tokens, chat, do_sample, temperature, seed, deterministic, mode
    )
    wanted.check(follower)
    report = on_progress or ignore
    source = resolve(model)
    # Set before loading: the first tensor that moves to a GPU starts CUDA with these settings.
    with repeatable(deterministic):
        report(Progress("load", 0, 1))
        loaded = load(
            source,
            Engine(dtype, "auto", device),
            trust_remote_code=trust_remote_code,
            verbose=verbose,
        )
        report(Progress("load", 1, 1))
        try:
            return _run(
                loaded.model,
                _encode(loaded.tokenizer, prompt, chat),
                loaded.tokenizer,
                wanted,
                prompt=prompt,
                model_name=source.hub_id,
                model_files=digests(source),
                report=report,
                follower=follower,
                observers=observers,
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
    chat: bool = False,
    do_sample: bool = False,
    temperature: float = 0.8,
    seed: int = 42,
    deterministic: bool = False,
    mode: Mode = "decode",
    model_name: str | None = None,
    on_progress: OnProgress | None = None,
    follower: Follower | None = None,
    observers: Sequence[Observer] = (),
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
    wanted = _Wanted(
        max_new_tokens, min_new_tokens, chat, do_sample, temperature, seed, deterministic, mode
    )
    wanted.check(follower)
    tokenizer = None if isinstance(inputs, Tensor) else inputs
    if isinstance(inputs, Tensor):
        if inputs.ndim != 2 or inputs.shape[0] != 1 or inputs.shape[1] < 1:
            reason = f"have shape {tuple(inputs.shape)}; give (1, n) with n >= 1"
            raise CaptureError("mismatch", "token ids", reason)
        if chat:
            raise CaptureError("mismatch", "chat", "token ids are taken as they are; give text")
        ids = inputs[0].tolist()
    else:
        ids = _encode(inputs, prompt, chat)
    model = original_of(model)
    with evaluating(model), repeatable(deterministic):
        return _run(
            model,
            ids,
            tokenizer,
            wanted,
            prompt=prompt,
            model_name=model_name or _own_name(model),
            model_files=(),
            report=on_progress or ignore,
            follower=follower,
            observers=observers,
            verbose=verbose,
        )


class _Wanted(NamedTuple):
    """How tokens are produced and rows taken."""

    max_new_tokens: int
    min_new_tokens: int
    chat: bool
    do_sample: bool
    temperature: float
    seed: int
    deterministic: bool
    mode: Mode

    def check(self, follower: Follower | None) -> None:
        """Check what a caller gave.

        Raises:
            CaptureError: It cannot be used.
        """

        def wrong(place: str, reason: str) -> CaptureError:
            return CaptureError("out_of_range", place, reason)

        most = self.max_new_tokens
        if most < 1:
            raise wrong("max-new-tokens", f"is {most}; give at least 1")
        if not 0 <= self.min_new_tokens <= most:
            reason = f"is {self.min_new_tokens}; give 0 to {most}, which is max-new-tokens"
            raise wrong("min-new-tokens", reason)
        if not 0 < self.temperature < float("inf"):
            raise wrong("temperature", f"is {self.temperature}; give a number above 0")
        if not 0 <= self.seed < 2**63:
            raise wrong("seed", f"is {self.seed}; give 0 to 2**63 - 1")
        if self.mode not in ("decode", "recompute"):
            raise wrong(f"mode {self.mode}", "unknown; use decode or recompute")
        if self.mode != "decode" and follower is not None:
            raise wrong(f"mode {self.mode}", "cannot be followed while it runs; use decode")

    def settings(self, model: PreTrainedModel) -> Settings:
        """What the tokens are chosen by."""
        return settings_for(
            model,
            self.max_new_tokens,
            self.do_sample and not self.deterministic,
            self.temperature,
            self.min_new_tokens,
        )


class _Taken(NamedTuple):
    """Tokens, prompt and continuation, and what was captured of them."""

    tokens: list[int]
    states: tuple[Tensor, ...]
    taps: tuple[Tap, ...]


def _run(
    model: PreTrainedModel,
    ids: list[int],
    tokenizer: PreTrainedTokenizerBase | None,
    wanted: _Wanted,
    *,
    prompt: str,
    model_name: str,
    model_files: tuple[tuple[str, str], ...],
    report: OnProgress,
    follower: Follower | None,
    observers: Sequence[Observer],
    verbose: bool,
) -> Capture:
    settings = wanted.settings(model)
    try:
        require_decoder(model.config, type(model).__name__)
        require_positions(model, len(ids) + wanted.max_new_tokens)
        with quiet(not verbose), seeded(wanted.seed, draws=bool(settings["do_sample"])):
            if wanted.mode == "decode":
                taken = _decode(model, ids, settings, observers, report, follower)
            else:
                taken = _recompute(model, ids, settings, observers, report)
        stats = _checked(taken, report)
    except InputError as error:
        kind = type(error) if isinstance(error, CaptureError) else CaptureError
        place = ": ".join(filter(None, (f"model {model_name}", error.place)))
        raise kind(error.code, place, error.reason) from error
    except Exception as error:
        reason = f"could not run ({one_line(error)})"
        raise ModelError("unsupported", f"model {model_name}", reason) from error
    text = ""
    if tokenizer is not None:
        decoded = tokenizer.decode(taken.tokens[len(ids) :], skip_special_tokens=True)
        text = decoded if isinstance(decoded, str) else "".join(decoded)
    return Capture(
        model_name=model_name,
        prompt=prompt,
        generated_text=text,
        token_sequence=torch.tensor([taken.tokens]),
        hidden_states=taken.states,
        taps=taken.taps,
        mode=wanted.mode,
        seed=wanted.seed,
        generation={**settings, **({"chat": True} if wanted.chat else {})},
        engine=engine_of(model, deterministic=wanted.deterministic).as_json(),
        model_files=model_files,
        layer_stats=stats,
    )


def _decode(
    model: PreTrainedModel,
    ids: list[int],
    settings: Settings,
    observers: Sequence[Observer],
    report: OnProgress,
    follower: Follower | None,
) -> _Taken:
    try:
        layout = find_layout(model, torch.tensor([ids[:2]]))
        # The last new token is never an input, hence one row fewer than tokens.
        recorder = Recorder(layout, len(ids) + int(settings["max_new_tokens"]) - 1, follower)
        seeing = [recorder, *observers]
        (made,) = generate(model, [ids], settings, observers=seeing, layout=layout, report=report)
        return _Taken(made.prompt + made.output, recorder.finish(), layout.taps)
    except LayoutError as error:
        reason = f"{error.reason}; use --mode recompute"
        raise LayoutError(error.code, error.place, reason) from error


def _recompute(
    model: PreTrainedModel,
    ids: list[int],
    settings: Settings,
    observers: Sequence[Observer],
    report: OnProgress,
) -> _Taken:
    (made,) = generate(model, [ids], settings, report=report)
    report(Progress("forward", 0, 1))
    states = list(recompute(model, *made, observers=observers, to_the_end=True, hidden_states=True))
    if len(states) < 2:
        raise LayoutError("unsupported", type(model).__name__, "returns no hidden states")
    for index, state in enumerate(states):
        states[index] = _owned(state)
    report(Progress("forward", 1, 1))
    try:
        taps = find_layout(model, torch.tensor([ids[:2]])).taps
    except LayoutError:
        taps = taps_for(len(states) - 1, "unknown")
    return _Taken(made.prompt + made.output, tuple(states), taps)


def _owned(state: Tensor) -> Tensor:
    state = state.detach().to("cpu").contiguous()
    # A view of something larger would drag all of it into a torch file.
    return state if state.untyped_storage().nbytes() == state.nbytes else state.clone()


def _checked(taken: _Taken, report: Callable[[Progress], None]) -> tuple[LayerStats, ...]:
    stats = []
    for tap, state in zip(taken.taps, taken.states, strict=True):
        stats.append(layer_stats(tap.name, state))
        report(Progress("check", len(stats), len(taken.taps)))
    return tuple(stats)


def _encode(tokenizer: PreTrainedTokenizerBase, prompt: str, chat: bool) -> list[int]:
    try:
        return encode_prompts(tokenizer, [prompt], chat=chat)[0]
    except InputError as error:
        raise CaptureError(error.code, error.place, error.reason) from error


def _own_name(model: PreTrainedModel) -> str:
    name = model.config.name_or_path or type(model).__name__
    return name if not name.startswith(("/", ".", "~")) else name.rstrip("/").rsplit("/", 1)[-1]
