"""What a run wants of its surroundings, and has put back: seeds, kernels, evaluation mode."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from .sharing import shared

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def seeded(seed: int, *, draws: bool = True) -> Iterator[None]:
    """Seed the generators of Python, numpy and torch; their states come back afterwards.

    Args:
        seed: For all of them.
        draws: Whether something is drawn in the block. All threads have the same generators, so
            that such a block waits until no other is under way; those that draw nothing run
            together.
    """
    with _TURNS.taken(alone=draws), _states_kept():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        yield


class _Turns:
    """Blocks that run alone, and others that run at the same time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0  # -1: one alone

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        more = -1 if alone else 1
        with self._changed:
            self._changed.wait_for(lambda: self._running >= 0 if more > 0 else self._running == 0)
            self._running += more
        try:
            yield
        finally:
            with self._changed:
                self._running -= more
                self._changed.notify_all()


_TURNS = _Turns()


@shared
@contextmanager
def _states_kept() -> Iterator[None]:
    python_state = random.getstate()
    numpy_state = np.random.get_state()
    torch_state = torch.get_rng_state()
    cuda_states = None
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        cuda_states = torch.cuda.get_rng_state_all()
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)
    torch.set_rng_state(torch_state)
    if cuda_states is not None:
        torch.cuda.set_rng_state_all(cuda_states)


@shared
@contextmanager
def repeatable(enabled: bool) -> Iterator[None]:
    """With `enabled`, let torch use only kernels that give the same bits on every run."""
    if not enabled:
        yield
        return
    workspace = os.environ.get(_CUBLAS)
    algorithms = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn
    cudnn_deterministic, cudnn_benchmark = cudnn.deterministic, cudnn.benchmark
    # cuBLAS reads this when CUDA starts, so it must be there before the first tensor moves.
    os.environ[_CUBLAS] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = cudnn_deterministic, cudnn_benchmark
        torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
        if workspace is None:
            del os.environ[_CUBLAS]
        else:
            os.environ[_CUBLAS] = workspace


@shared
@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Have the model in evaluation mode."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    yield
    for module in training:
        module.training = True
