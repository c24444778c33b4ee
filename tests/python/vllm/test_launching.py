"""How a server of vLLM's is started, and what is told of one that ended: no engine is needed."""

import json
import os
import subprocess
from pathlib import Path

from assay.vllm import launching
from assay.vllm.processors import with_processors


def test_processors_are_found_without_sys(tmp_path: Path) -> None:
    before = {"PATH": os.environ["PATH"], "X": "1"}
    found = with_processors(before, tmp_path, tmp_path / "none")
    assert found == {"PATH": f"{tmp_path}:{os.environ['PATH']}", "X": "1"}
    asked = "lscpu --json --extended=CPU,CORE,NODE --online"  # as vLLM calls it
    told = subprocess.run(asked, shell=True, env=found, check=True, capture_output=True, text=True)
    cpus = json.loads(told.stdout)["cpus"]
    assert [one["cpu"] for one in cpus] == sorted(os.sched_getaffinity(0))
    assert all(one["core"] == one["cpu"] and one["node"] == 0 for one in cpus)


def test_the_system_is_asked_where_it_can_tell(tmp_path: Path) -> None:
    assert with_processors({"PATH": "/bin"}, tmp_path, tmp_path) == {"PATH": "/bin"}
    assert list(tmp_path.iterdir()) == []


def test_the_cause_is_told_and_not_that_there_is_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    of_engine = "(EngineCore pid=28516) ERROR 12-02 07:33:35 [core.py:1510] "
    cause = "subprocess.CalledProcessError: Command 'lscpu [-J]' returned non-zero exit status 1."
    last = "RuntimeError: Engine core initialization failed. See root cause above. Failed: {}"
    log.write_text(f"{of_engine}Traceback\n{of_engine}{cause}\nTraceback\n{last}\n")
    assert launching._last_words(log) == cause
    log.write_text(f"{last}\n")
    assert launching._last_words(log) == last
    log.write_text(f"{of_engine}{cause}\nassay.errors.InputError: k: 0 is not 1 to 4096\n{last}\n")
    assert launching._last_words(log) == "k: 0 is not 1 to 4096"
    log.write_text("")
    assert launching._last_words(log) == "it said nothing"
