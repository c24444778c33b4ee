"""The native hooks of a prover: they record what hooks that are written in Python record."""

import copy
import pickle
import struct
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from assay import _core, audit, models
from assay.audit.recording import Prover, Recorded
from assay.errors import LayoutError
from audit_runs import make_model

PROMPTS = [[3, 17, 92, 5, 64, 8, 31, 77, 2], [9, 4, 11], [50]]
Row = tuple[int, int, int]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def generate(model: PreTrainedModel, **options: Any) -> Tensor:
    width = max(map(len, PROMPTS))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in PROMPTS])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in PROMPTS])
    given = {"do_sample": False, "max_new_tokens": 5, "pad_token_id": 0, **options}
    result: Tensor = model.generate(ids, attention_mask=mask, **given)
    return result


def rows_of(folder: Path) -> dict[Row, tuple[int, bytes]]:
    """By block, role and position: element type and bytes, as the format of a row has them."""
    found: dict[Row, tuple[int, bytes]] = {}
    data = (folder / "rows").read_bytes()
    while data:
        tag, block, role, dtype, zero, position, size = struct.unpack_from("<8sIBBHQQ", data)
        assert (tag, zero) == (b"auditrow", 0)
        assert (block, role, position) not in found
        found[block, role, position] = dtype, data[32 : 32 + size]
        data = data[32 + size :]
    return found


def is_hooked(module: nn.Module) -> bool:
    by_hook = any(hook is _core.module_hook for hook in module._forward_hooks.values())
    return by_hook or "forward" in vars(module)


def recorded_rows(
    model: PreTrainedModel, sink: Path, around: Callable[[], AbstractContextManager[object]]
) -> list[dict[Row, tuple[int, bytes]]]:
    with audit.streaming_audit(model, sink) as recorded, around():
        generate(model)
    assert (recorded.problems, recorded.drops) == ([], 0)
    assert len(recorded.runs) == len(PROMPTS)
    return [rows_of(run.folder) for run in recorded.runs]


MODES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "plain": nullcontext,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Without the native hooks."""
    return lambda: monkeypatch.delattr(Prover, "follow")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Taps that were told by Python."""
    taps: list[int] = []
    plain = Prover.rows

    def rows(self: Prover, tap: int, rows: models.Rows) -> None:
        taps.append(tap)
        plain(self, tap, rows)

    monkeypatch.setattr(Prover, "rows", rows)
    return taps


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma", "qwen2", "gpt_neox"])
def test_the_same_rows(
    tmp_path: Path, family: str, mode: str, told: list[int], slowly: Callable[[], None]
) -> None:
    dtype = torch.float32 if mode == "autocast" else torch.bfloat16
    model = make_model(family, dtype, tmp_path / "model")
    fast = recorded_rows(model, tmp_path / "fast", MODES[mode])
    by_python = len(told)
    slowly()
    assert recorded_rows(model, tmp_path / "slow", MODES[mode]) == fast
    # The embedding, in each of five passes, and of the prompt the rows that the head is given,
    # which are cut out of all; in the second recording everything.
    assert by_python <= 6
    assert len(told) - by_python == 5 * len({row[:2] for row in fast[0]})


def change_arguments(
    change: Callable[[Tensor], tuple[tuple[Any, ...], dict[str, Any]]], module: nn.Module
) -> Any:
    return module.register_forward_pre_hook(
        lambda _, args, kwargs: change(args[0]), with_kwargs=True
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda x: ((x.mT.contiguous().mT,), {}),
        lambda x: ((), {"input": x}),
        lambda x: ((x.as_subclass(OfOwn),), {}),
    ],
    ids=["not contiguous", "a keyword", "a subclass"],
)
def test_arguments_of_another_kind(
    tmp_path: Path, change: Any, told: list[int], slowly: Callable[[], None]
) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    handle = change_arguments(change, model.model.layers[1].mlp.down_proj)
    fast = recorded_rows(model, tmp_path / "fast", nullcontext)
    slowly()
    handle.remove()
    assert recorded_rows(model, tmp_path / "slow", nullcontext) == fast


def doubled(_: nn.Module, __: Any, output: Tensor) -> Tensor:
    return output * 2


def test_a_hook_that_others_set_is_heard_first(tmp_path: Path, slowly: Callable[[], None]) -> None:
    """Before the answer, or while it is under way: what the model goes on with is recorded."""
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    changed, late = model.model.layers[1].mlp.up_proj, model.model.layers[1].mlp.gate_proj
    changed.register_forward_hook(doubled)
    handles: list[Any] = []

    def hook_late(*_: object) -> None:
        if not handles:
            handles.append(late.register_forward_hook(doubled))

    model.model.layers[0].register_forward_hook(hook_late)
    fast = recorded_rows(model, tmp_path / "fast", nullcontext)
    assert not any(map(is_hooked, model.modules()))
    handles.pop().remove()
    slowly()
    assert recorded_rows(model, tmp_path / "slow", nullcontext) == fast
    assert len(late._forward_hooks) == 1, "that one alone"


def test_hooks_of_all_modules_are_heard_first(tmp_path: Path, slowly: Callable[[], None]) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    changed = model.model.layers[1].mlp.up_proj
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, _, output: output * 2 if module is changed else None
    )
    try:
        fast = recorded_rows(model, tmp_path / "fast", nullcontext)
        slowly()
        assert recorded_rows(model, tmp_path / "slow", nullcontext) == fast
    finally:
        handle.remove()


def test_a_forward_of_its_own_stays(tmp_path: Path) -> None:
    """As accelerate puts one on a module, before the answer or while it is under way."""
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    before, late = model.model.layers[1].mlp.up_proj, model.model.layers[1].mlp.gate_proj
    alone = recorded_rows(model, tmp_path / "alone", nullcontext)
    plain = before.forward
    before.forward = own = lambda given: plain(given)
    wrapped: list[Callable[[Tensor], Tensor]] = []

    def wrap_late(*_: object) -> None:
        if not wrapped:
            inner = late.forward
            wrapped.append(lambda given: inner(given))
            late.forward = wrapped[0]

    model.model.layers[0].register_forward_hook(wrap_late)
    assert recorded_rows(model, tmp_path / "fast", nullcontext) == alone
    assert before.forward is own
    assert late.forward is wrapped[0]
    del late.forward, before.forward
    assert not any(map(is_hooked, model.modules()))


class OfOwn(Tensor):
    pass


class Writes(nn.Linear):
    """Leaves nothing of what it was given."""

    def forward(self, given: Tensor) -> Tensor:
        result = super().forward(given)
        given.zero_()
        return result


def test_a_layer_that_writes_into_its_input(tmp_path: Path, slowly: Callable[[], None]) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    model.model.layers[1].mlp.down_proj.__class__ = Writes
    fast = recorded_rows(model, tmp_path / "fast", torch.inference_mode)
    assert any(fast[0][1, 13, 8][1]), "zeros"  # down_input of block 1, of the prompt's last token
    slowly()
    assert recorded_rows(model, tmp_path / "slow", torch.inference_mode) == fast


def test_a_layer_that_is_called_twice_is_refused(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    mlp = model.model.layers[0].mlp
    plain = mlp.forward
    mlp.forward = lambda given: plain(plain(given))
    with (
        pytest.raises(LayoutError, match="called more than once in a pass"),
        audit.streaming_audit(model, tmp_path / "log"),
    ):
        generate(model)
    assert not is_hooked(mlp.gate_proj)


def test_only_the_thread_that_is_followed_is_recorded(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    plain = generate(model)
    alone = recorded_rows(model, tmp_path / "alone", nullcontext)
    others: list[Tensor] = []
    thread = threading.Thread(target=lambda: others.append(generate(model)))

    class Between(models.Keeper):
        """Lets the other thread run a whole answer between two rows."""

        def rows(self, tap: int, rows: models.Rows) -> None:
            super().rows(tap, rows)
            if thread.ident is None:
                thread.start()
                thread.join()

    sink = tmp_path / "log"
    with (
        audit.streaming_audit(model, sink) as recorded,
        models.observe(model, Between(models.residual(1))),
    ):
        generate(model)
    assert torch.equal(others[0], plain)
    assert [rows_of(run.folder) for run in recorded.runs] == alone


def test_a_pass_that_somebody_else_makes_in_between(tmp_path: Path) -> None:
    """What looks for a layout runs the model on the same thread, and tells nobody."""
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    alone = recorded_rows(model, tmp_path / "alone", nullcontext)

    class Looks(models.Keeper):
        def rows(self, tap: int, rows: models.Rows) -> None:
            super().rows(tap, rows)
            models.find_layout(model)

    with (
        audit.streaming_audit(model, tmp_path / "log") as recorded,
        models.observe(model, Looks(models.HEAD_INPUT)),
    ):
        generate(model)
    assert [rows_of(run.folder) for run in recorded.runs] == alone


def test_nothing_stays_behind(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    recorded: Recorded
    with audit.streaming_audit(model, tmp_path / "log") as recorded:
        generate(model)
        assert not any(map(is_hooked, model.modules()))
        assert _core.swap_hooks(None) is None
    assert recorded.drops == 0


def test_copies_of_modules_that_are_recorded(tmp_path: Path) -> None:
    model = make_model("llama", torch.bfloat16, tmp_path / "model")
    copies: list[nn.Module] = []

    class Copies(models.Keeper):
        def rows(self, tap: int, rows: models.Rows) -> None:
            super().rows(tap, rows)
            if not copies:
                copies.append(copy.deepcopy(model.model))

    with (
        audit.streaming_audit(model, tmp_path / "log") as recorded,
        models.observe(model, Copies(models.HEAD_INPUT)),
    ):
        generate(model)
    assert (recorded.problems, recorded.drops) == ([], 0)
    ids = torch.tensor(PROMPTS[:1])
    with torch.no_grad():
        assert is_hooked(copies[0].get_submodule("layers.0.mlp.up_proj"))
        assert torch.equal(copies[0](ids).last_hidden_state, model.model(ids).last_hidden_state)
    unpickled = pickle.loads(pickle.dumps(copies[0].get_submodule("layers.0.mlp.up_proj")))
    assert unpickled.forward.__func__ is nn.Linear.forward
    assert unpickled.forward.__self__ is unpickled
    hook = _core.module_hook
    assert pickle.loads(pickle.dumps(hook)) is copy.copy(hook) is hook
