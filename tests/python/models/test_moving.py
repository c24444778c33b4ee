"""The token after a prompt, with the residual of its last token moved."""

import pytest
import torch

import tiny_models
from assay import InputError
from assay.models import CachedPrompt, find_layout

PROMPT = [3, 1, 4, 1, 5, 9]
LAYOUTS = ("llama", "mistral", "qwen2", "gpt2", "gpt_neo", "gptj")


def by_a_hook(
    model: torch.nn.Module, ids: list[int], block: int, move: torch.Tensor
) -> torch.Tensor:
    """The same from a pass over the whole prompt, where a hook adds to one token's residual."""

    def add(_module: object, _args: object, output: object) -> object:
        state = output if isinstance(output, torch.Tensor) else output[0]  # type: ignore[index]
        state = state.clone()
        state[:, -1] += move
        return state if isinstance(output, torch.Tensor) else (state, *output[1:])  # type: ignore[index]

    handle = find_layout(model).blocks[block].register_forward_hook(add)  # type: ignore[arg-type]
    try:
        with torch.inference_mode():
            logits: torch.Tensor = model(input_ids=torch.tensor([ids])).logits[0, -1]
    finally:
        handle.remove()
    return logits


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("block", range(tiny_models.LAYERS))
def test_it_is_what_a_whole_pass_gives(layout: str, block: int) -> None:
    model = tiny_models.tiny(layout)
    moves = torch.randn(5, tiny_models.HIDDEN, generator=torch.Generator().manual_seed(2))
    prompt = CachedPrompt(model, PROMPT, block)
    moved = prompt.moved(moves)
    assert moved.shape == (5, tiny_models.VOCAB)
    for move, found in zip(moves, moved, strict=True):
        torch.testing.assert_close(found, by_a_hook(model, PROMPT, block, move))
    still = by_a_hook(model, PROMPT, block, torch.zeros(tiny_models.HIDDEN))
    torch.testing.assert_close(prompt.logits, still)
    # Moves change something, else the test would show nothing.
    assert (moved - prompt.logits).abs().amax(dim=1).min() > 1e-3


def test_the_residual_is_that_of_the_last_token() -> None:
    model = tiny_models.tiny()
    with torch.inference_mode():
        states = model(input_ids=torch.tensor([PROMPT]), output_hidden_states=True).hidden_states
    prompt = CachedPrompt(model, PROMPT, 1)
    torch.testing.assert_close(prompt.residual, states[2][0, -1])


def test_a_prompt_of_one_token() -> None:
    model = tiny_models.tiny()
    move = torch.ones(tiny_models.HIDDEN)
    (moved,) = CachedPrompt(model, [7], 1).moved(move[None])
    torch.testing.assert_close(moved, by_a_hook(model, [7], 1, move))


def test_the_model_is_as_it_was() -> None:
    model = tiny_models.tiny()
    CachedPrompt(model, PROMPT, 1)  # transformers notes on its modules that it has been run
    before = {name: dict(vars(module)) for name, module in model.named_modules()}
    prompt = CachedPrompt(model, PROMPT, 1)
    first = prompt.moved(torch.ones(2, tiny_models.HIDDEN))
    assert torch.equal(prompt.moved(torch.ones(2, tiny_models.HIDDEN)), first)
    for name, module in model.named_modules():
        assert "forward" not in vars(module)
        assert vars(module).keys() == before[name].keys()


@pytest.mark.parametrize(
    ("ids", "block", "reason"),
    [
        ([], 0, "no tokens"),
        ([1, 40], 0, "outside the vocabulary of 40"),
        ([1], 3, "layer: block 3; the model has blocks 0 to 2"),
        ([1], -1, "layer: block -1"),
        ([1] * 65, 0, "positions for 64"),
    ],
)
def test_what_is_refused(ids: list[int], block: int, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        CachedPrompt(tiny_models.tiny(), ids, block)


def test_a_model_that_does_not_use_what_its_blocks_hand_on() -> None:
    model = tiny_models.tiny()
    calls = 0

    def drift(_module: object, _args: object, output: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return output + calls

    layout = find_layout(model)
    model.model.norm.register_forward_hook(drift)
    with pytest.raises(InputError, match="other scores when blocks 0 to 1 hand on"):
        CachedPrompt(model, PROMPT, 1, layout)
