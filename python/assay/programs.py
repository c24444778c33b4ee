"""The package's programs, as far as they must be there before their modules are loaded.

Loading takes seconds. Ctrl-C meanwhile ends a program as it does later: with one line, and with the
exit code of what could not be done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from .errors import FAILED
from .printing import show


@dataclass(frozen=True)
class Program:
    """A program of the command line.

    Attributes:
        module: Within the package; its `main` gives the exit code.
        name: As people type it.
    """

    module: str
    name: str

    def load(self) -> Callable[[], int]:
        """The program's `main`."""
        main: Callable[[], int] = import_module(f"assay.{self.module}").main
        return main

    def __call__(self) -> int:
        """Run it; gives the exit code."""
        try:
            main = self.load()
        except KeyboardInterrupt:
            show(f"{self.name}: stopped before it was done", error=True)
            return FAILED
        return main()


audit = Program("audit.cli", "assay audit")
bench_audit = Program("bench_audit", "assay bench audit")
bench_overhead = Program("bench_overhead", "assay bench overhead")
bench_trees = Program("experiments.bench", "assay bench trees")
bench_vllm = Program("bench_vllm", "assay bench vllm")
capture = Program("hidden_states.cli", "assay capture")
ceremony_demo = Program("ceremony_demo", "assay ceremony-demo")
compare = Program("comparing", "assay compare")
demo = Program("demo", "assay demo")
layers = Program("layers.cli", "assay layers")
probe = Program("probe.cli", "assay probe")
run = Program("run", "assay run")
show_file = Program("showing", "assay show")
toploc = Program("toploc.cli", "assay toploc")
tree_plot = Program("experiments.plot", "assay tree plot")
trees_demo = Program("experiments.demo", "assay trees-demo")
two_party = Program("two_party", "assay two-party")
