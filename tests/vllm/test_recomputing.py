"""vLLM as the verifier: `assay toploc validate --engine vllm`, and whose the rows of a pass are."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import tiny_engines
from assay import InputError, models, toploc
from assay.models import Engine
from assay.toploc.cli import main
from assay.vllm.prompt_rows import PromptRows
from assay.vllm.recomputing import Recomputer

LENGTHS = ["--max_decode_tokens", "48", "--min_decode_tokens", "32", "--n_samples", "6"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("models")
    tiny_engines.small_model(parent)
    tiny_engines.small_model(parent, "other", seed=2)
    lines = [" ".join(f"w{(i * j) % 40}" for j in range(1, 6 + 30 * i)) for i in range(1, 7)]
    (parent / "prompts.txt").write_text("\n".join(lines))
    return parent


def run(folder: Path, verb: str, *more: object) -> int:
    given = [verb, *LENGTHS, "--dataset_name", folder / "prompts.txt", *more]
    return main([str(one) for one in given])


@pytest.mark.parametrize("provider", ["transformers", "vllm"])
def test_vllm_judges_answers(
    folder: Path, capsys: pytest.CaptureFixture[str], provider: str
) -> None:
    model, signatures = folder / "small", folder / f"by-{provider}"
    made = ["--model_name", model, "--save_dir", signatures]
    assert run(folder, "generate", "--engine", provider, *made) == 0
    capsys.readouterr()
    judged = ["--engine", "vllm", "--decode_model_name", model, "--save_dir", signatures]
    assert run(folder, "validate", *judged, "--validate_model_name", model) == 0
    out, err = capsys.readouterr()
    assert out.count("VERIFICATION PASSED: ") == 6
    assert err.splitlines()[-2:] == ["6 of 6 samples passed", "bounds 'published'"]
    assert run(folder, "validate", *judged, "--validate_model_name", folder / "other") == 1
    assert capsys.readouterr().out.count("VERIFICATION FAILED: Mantissa error mean") == 6


def test_states_are_those_of_one_pass(folder: Path) -> None:
    ready = Recomputer(str(folder / "small"), Engine("float32"), 1, False)
    model = models.load(str(folder / "small"), Engine("float32", "sdpa", "cpu")).model
    assert (ready.name, ready.ends) == ("small", [])
    drawn = [one["prompt_token_ids"] for one in tiny_engines.prompts(40, [1, 30, 200], seed=5)]
    # The same text may be asked for twice, and one text may begin as another.
    answers = [(one, [3] * (1 + i % 20)) for i, one in enumerate([*drawn, drawn[2]])]
    found = list(ready.states(answers))
    ready.close()
    for (prompt, output), rows in zip(answers, found, strict=True):
        own = toploc.recompute(model, prompt, output)
        assert rows.shape == own.shape
        assert torch.allclose(rows, own, rtol=1e-3, atol=1e-3)


def test_what_cannot_be_recomputed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ready = Recomputer(str(folder / "small"), Engine(), 1, False)
    for prompt, output, code in (
        ([1], [], "out_of_range"),
        ([1], [tiny_engines.VOCAB], "out_of_range"),
        ([1] * tiny_engines.POSITIONS, [1], "too_large"),
    ):
        with pytest.raises(InputError) as caught:
            ready.require(prompt, output)
        assert caught.value.code == code
    ready.require([1] * (tiny_engines.POSITIONS - 1), [1])
    ready.close()
    judged = ["--decode_model_name", "x", "--validate_model_name", "nowhere/../x", "--engine"]
    assert run(folder, "validate", *judged, "vllm", "--save_dir", folder) == 2
    (said,) = (
        line for line in capsys.readouterr().err.splitlines() if line.startswith("assay toploc")
    )
    assert "no such folder or .gguf file" in said


def scheduled(
    new: dict[str, list[int]], cached: dict[str, int], fed: dict[str, int], start: int = 0
) -> Any:
    """A scheduler's plan: texts of new requests, positions of others, tokens that are fed."""
    return SimpleNamespace(
        scheduled_new_reqs=[
            SimpleNamespace(req_id=name, prompt_token_ids=tokens, num_computed_tokens=start)
            for name, tokens in new.items()
        ],
        scheduled_cached_reqs=SimpleNamespace(
            req_ids=list(cached), num_computed_tokens=list(cached.values())
        ),
        num_scheduled_tokens=fed,
    )


def values(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32)[:, None].expand(-1, 2).contiguous()


def taken(rows: PromptRows, tokens: list[int], first: int = 0) -> list[float]:
    given = rows.take(tokens, first)
    found = torch.frombuffer(bytearray(given["rows"]), dtype=torch.float32)
    return found.view(-1, given["width"])[:, 0].tolist()


def test_texts_in_pieces() -> None:
    rows = PromptRows()
    one, other = [1, 2, 3, 4], [5, 6]
    plan = scheduled({"a": one, "b": other}, {}, {"b": 2, "a": 1})
    rows.add(plan, ["a", "b"], values(1, 5, 6, 99), values(1, 6))
    assert "not fed all" in rows.take(one, 0)["reason"]
    rows = PromptRows()
    rows.add(plan, ["a", "b"], values(1, 5, 6, 99), values(1, 6))
    # It is preempted, and begins anew.
    rows.add(scheduled({}, {"a": 0}, {"a": 2}), ["a"], values(11, 12), values(12))
    rows.add(scheduled({}, {"a": 2}, {"a": 2}), ["a"], values(13, 14), values(14))
    # A row behind the text is of a token that was made.
    rows.add(scheduled({}, {"a": 4}, {"a": 1}), ["a"], values(15), values(15))
    assert taken(rows, other) == [5, 6]
    assert taken(rows, one, 2) == [13, 14]
    assert "not fed all" in rows.take(one, 0)["reason"]


@pytest.mark.parametrize(
    ("plan", "names", "given", "sampled", "reason"),
    [
        (scheduled({"a": [1], "b": [2]}, {}, {"a": 1, "b": 1}), ["b", "a"], (1, 2), (2, 1),
         "in another order"),
        (scheduled({"a": [1, 2]}, {}, {"a": 2}), ["a"], (1,), (1,), "in another order"),
        (scheduled({"a": [1], "b": [2]}, {}, {"a": 1, "b": 1}), ["a"], (1, 2), (1,),
         "over 2 requests"),
        (scheduled({"a": [1, 2, 3]}, {}, {"a": 1}, start=2), ["a"], (1,), (1,),
         "the rows before position 2 were not seen"),
    ],
)  # fmt: skip
def test_passes_that_are_not_as_they_are_known(
    plan: Any, names: list[str], given: Any, sampled: Any, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        PromptRows().add(plan, names, values(*given), values(*sampled))
