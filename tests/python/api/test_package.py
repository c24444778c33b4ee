"""The package as a whole: its names, types and documentation, and what importing it needs."""

import doctest
import importlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from nanobind.stubgen import StubGen

import assay
from assay import _core

MODULES = [
    "assay.bn254",
    "assay.ceremonies",
    "assay.commitments",
    "assay.comparison",
    "assay.polynomials",
    "assay.residues",
    "assay.srs",
    "assay.tensors",
    "assay.toploc.building",
    "assay.verification",
    "assay.weights",
]


def test_the_stub_is_that_of_the_native_module() -> None:
    stub = StubGen(_core, quiet=True)
    stub.put(_core)
    written = (Path(assay.__file__).parent / "_core.pyi").read_text(encoding="utf-8")
    assert stub.get() == written, "renew with: python -m nanobind.stubgen -m assay._core"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    if name not in ("assay.verification",):
        assert result.attempted > 0


def test_import_needs_no_torch() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import assay\n"
        "t = assay.encode([[1, 2]], 'int', 'flat')\n"
        "assert assay.commit(t, assay.Srs.dev((1, 2), 1)).hex\n"
        "assert 'capture' in dir(assay)\n"
        "try: assay.capture\n"
        "except ImportError: print('as it should')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "as it should\n", done.stderr


def test_every_public_name_is_there_and_documented() -> None:
    for name in assay.__all__:
        value = getattr(assay, name)
        if callable(value):
            assert value.__doc__, name
            for attribute, member in vars(value).items() if isinstance(value, type) else ():
                public = not attribute.startswith("_")
                if public and callable(getattr(member, "__func__", member)):
                    assert getattr(value, attribute).__doc__, f"{name}.{attribute}"
    with pytest.raises(AttributeError):
        assay.nonsense  # noqa: B018


def test_threads_and_kernels() -> None:
    before = assay.thread_limit()
    assay.set_thread_limit(1)
    assert assay.thread_limit() == 1
    assay.set_thread_limit(before)
    active = _core.active_kernel()
    results = set()
    for kernel in _core.available_kernels():
        _core.force_kernel(kernel)
        results.add(assay.commit(assay.encode([5, -3], "int", "flat"), assay.Srs.dev((2,), 7)).hex)
    _core.force_kernel(active)
    assert len(results) == 1
    with pytest.raises(assay.InputError) as raised:
        _core.force_kernel("abacus")
    assert raised.value.code == "unsupported"


def test_several_threads_at_once() -> None:
    tensor = assay.encode([list(range(64))] * 4, "int", "flat")
    srs = assay.Srs.dev((4, 64), 1)
    expected = bytes(assay.commit(tensor, srs).open([(3, 63)]))
    seen = []

    def work() -> None:
        for _ in range(5):
            proofs = assay.commit(tensor, srs).open([(3, 63)])
            seen.append(bytes(proofs))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 20
