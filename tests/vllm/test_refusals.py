"""What cannot be followed stops the engine at its start, by name; so does a changed vLLM."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm.engine.arg_utils import EngineArgs

import tiny_engines
from assay import InputError
from assay.vllm import known, plugin, seams, worker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_engines.small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def made(folder: Path) -> Any:
    """A configuration that is good, with proofs."""
    plugin.register()
    asked = {"assay": {"k": 16}}
    return EngineArgs(
        str(folder), max_model_len=64, enforce_eager=True, additional_config=asked
    ).create_engine_config()


def test_what_is_installed_is_what_is_known() -> None:
    assert known.installed().startswith(known.KNOWN)
    known.check()


@pytest.mark.parametrize("version", ["0.31.2", "0.33.0", "0.320", "1.0", ""])
def test_another_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(known, "installed", lambda: version)
    with pytest.raises(InputError, match=f"known to be right with 0.32; .*{version or 'none'}"):
        known.check()


@pytest.mark.parametrize("place", list(known._FUNCTIONS))
def test_a_function_that_is_renamed(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    module, _, path = place.partition(":")
    kind, _, name = path.partition(".")
    owner = getattr(importlib.import_module(module), kind)
    function = getattr(owner, name)
    monkeypatch.delattr(owner, name)
    monkeypatch.setattr(owner, f"{name}_2", function, raising=False)
    with pytest.raises(InputError, match=f"in 0.32.0 there is no {path}"):
        known.check()


@pytest.mark.parametrize("place", list(known._FUNCTIONS))
def test_a_function_with_other_parameters(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    module, _, path = place.partition(":")
    kind, _, name = path.partition(".")
    owner = getattr(importlib.import_module(module), kind)
    monkeypatch.setattr(owner, name, lambda self, other: None)
    with pytest.raises(InputError, match=rf"{path} has the parameters \(self other\)"):
        known.check()


@pytest.mark.parametrize("place", [*known._FIELDS, *known._SET])
def test_a_class_without_what_is_read(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    module, _, kind = place.partition(":")

    class Other:
        def __init__(self) -> None:
            self.nothing = 0

    monkeypatch.setattr(importlib.import_module(module), kind, Other)
    with pytest.raises(InputError, match=f"{kind} has no|there is no {kind}"):
        known.check()


def test_fields_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = importlib.import_module("vllm.v1.worker.gpu_model_runner")
    fields = list(runner.ExecuteModelState._fields)
    other = SimpleNamespace(_fields=(*fields[1:], fields[0]))
    monkeypatch.setattr(runner, "ExecuteModelState", other)
    with pytest.raises(InputError, match="ExecuteModelState has the fields"):
        known.check()


def test_a_changed_vllm_does_not_start(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    plugin.register()
    runner = importlib.import_module("vllm.v1.worker.gpu_model_runner").GPUModelRunner
    monkeypatch.setattr(runner, "sample", runner.sample_tokens, raising=False)
    monkeypatch.delattr(runner, "sample_tokens")
    with pytest.raises(InputError, match=r"there is no GPUModelRunner\.sample_tokens"):
        EngineArgs(
            str(folder), max_model_len=64, additional_config={"assay": {}}
        ).create_engine_config()
    # Without proofs it is nobody's business.
    EngineArgs(str(folder), max_model_len=64).create_engine_config()


def test_nothing_is_asked_of_an_engine_without_proofs(folder: Path) -> None:
    plugin.register()
    config = EngineArgs(str(folder), max_model_len=64).create_engine_config()
    assert config.parallel_config.worker_extension_cls == ""
    assert seams.settings_of(config) is None


def test_settings_are_read_at_the_start(folder: Path, tmp_path: Path) -> None:
    plugin.register()
    file = tmp_path / "file"
    file.write_text("")
    for asked, reason in (
        ({"kk": 3}, "no key 'kk'"),
        ({"folder": str(file)}, "proofs cannot be written there"),
        (7, "is not an object"),
    ):
        with pytest.raises(InputError, match=reason):
            EngineArgs(
                str(folder), max_model_len=64, additional_config={"assay": asked}
            ).create_engine_config()


def test_a_file_that_the_environment_names(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin.register()
    file = tmp_path / "settings.json"
    file.write_text('{"k": 24}')
    monkeypatch.setenv("ASSAY_VLLM", str(file))
    config = EngineArgs(str(folder), max_model_len=64).create_engine_config()
    settings: Any = seams.settings_of(config)
    assert settings["k"] == 24
    assert config.parallel_config.worker_extension_cls == plugin.EXTENSION


def changed(path: str, value: object) -> Callable[[Any, pytest.MonkeyPatch], None]:
    def change(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        *parents, name = path.split(".")
        for parent in parents:
            config = getattr(config, parent)
        if isinstance(getattr(type(config), name, None), property):
            monkeypatch.setattr(type(config), name, property(lambda _: value))
        else:
            monkeypatch.setattr(config, name, value)

    return change


SPECULATING = SimpleNamespace(method="eagle")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model_config.runner_type", "pooling", "pooling model"),
        ("model_config.is_encoder_decoder", True, "encoder and a decoder"),
        ("use_v2_model_runner", True, "VLLM_USE_V2_MODEL_RUNNER=0"),
        ("model_config.enable_trace_replay", True, "trace replay, which model runner V2 alone has"),
        ("parallel_config.data_parallel_size", 2, "data parallel"),
        ("parallel_config._api_process_count", 2, "--api-server-count 1"),
        ("parallel_config.pipeline_parallel_size", 2, "pipeline parallel"),
        ("parallel_config.prefill_context_parallel_size", 2, "context parallel prefill"),
        ("parallel_config.decode_context_parallel_size", 2, "context parallel decoding"),
        ("parallel_config.use_ubatching", True, "ubatching"),
        ("parallel_config.distributed_executor_backend", "ray", "executor"),
        ("parallel_config.distributed_executor_backend", "external_launcher", "executor"),
        ("kv_transfer_config", object(), "KV connector"),
        ("ec_transfer_config", object(), "encoder cache"),
        ("cache_config.kv_sharing_fast_prefill", True, "fast-prefill"),
        ("speculative_config", SPECULATING, "speculative decoding by eagle; use ngram"),
    ],
)
def test_combinations_that_are_refused_by_name(
    made: Any, monkeypatch: pytest.MonkeyPatch, path: str, value: object, words: str
) -> None:
    known.require_supported(made)
    changed(path, value)(made, monkeypatch)
    with pytest.raises(InputError, match=words) as caught:
        known.require_supported(made)
    assert caught.value.code == "unsupported"


def test_speculation_with_asynchronous_scheduling(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "speculative_config", SimpleNamespace(method="ngram"))
    known.require_supported(made)
    monkeypatch.setattr(made.scheduler_config, "async_scheduling", True)
    with pytest.raises(InputError, match="--no-async-scheduling"):
        known.require_supported(made)


def test_names_that_may_be_had_twice(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_DISABLE_REQUEST_ID_RANDOMIZATION", "1")
    with pytest.raises(InputError, match="unset it"):
        known.require_supported(made)


def test_workers_that_are_extended_already(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made.parallel_config, "worker_extension_cls", "their.Extension")
    with pytest.raises(InputError, match=r"their\.Extension; leave it out"):
        seams.extend_workers(made, plugin.EXTENSION)


def test_a_setting_that_is_gone(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = known._Combination("cache_config.no_such_setting", (None,), "")
    monkeypatch.setattr(known, "_COMBINATIONS", (gone,))
    with pytest.raises(InputError, match=r"has no cache_config\.no_such_setting"):
        known.require_supported(made)


class Scores(torch.nn.Module):
    """As LogitsProcessor, of the class that `known` looks for."""

    def forward(self, lm_head: Any, hidden_states: torch.Tensor) -> torch.Tensor:
        return hidden_states @ lm_head


class Model(torch.nn.Module):
    def __init__(self, processors: int, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.processors = torch.nn.ModuleList(Scores() for _ in range(processors))
        self._change = change

    def compute_logits(self, states: torch.Tensor) -> torch.Tensor:
        return self.processors[0](torch.eye(8), self._change(states))


@pytest.mark.parametrize(
    ("processors", "change", "reason"),
    [
        (1, lambda states: states, ""),
        (2, lambda states: states, "2 modules make its scores"),
        (1, lambda states: states / 2, "not the row that it hands on"),
        (1, lambda states: states[:, [1, 0, *range(2, 8)]], "not the row that it hands on"),
    ],
)
def test_a_head_that_is_not_known(
    made: Any, monkeypatch: pytest.MonkeyPatch, processors: int, change: Any, reason: str
) -> None:
    processor = "vllm.model_executor.layers.logits_processor"
    monkeypatch.setattr(importlib.import_module(processor), "LogitsProcessor", Scores)
    settings = SimpleNamespace(get_hidden_size=lambda: 8, dtype=torch.float32)
    model = Model(processors, change)
    one = SimpleNamespace(
        get_model=lambda: model,
        device="cpu",
        vllm_config=SimpleNamespace(model_config=settings),
    )
    if not reason:
        seams.require_known_head(one)
        return
    with pytest.raises(InputError, match=reason):
        seams.require_known_head(one)


def test_a_worker_without_settings_is_left_alone() -> None:
    plain = SimpleNamespace(vllm_config=SimpleNamespace(additional_config={}))
    worker._loaded(plain)
    assert not hasattr(plain, "model_runner")
