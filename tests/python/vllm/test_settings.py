"""What vLLM is asked to prove: read strictly, from a configuration or from a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from assay import InputError
from assay.vllm import Settings, settings_from
from assay.vllm.settings import ENVIRONMENT, asked_for


def test_what_is_given_is_what_is_asked() -> None:
    given = {
        "k": 64, "chunk": 16, "merge_short_tails": True, "folder": "signatures",
        "fingerprint": True, "layers": "1/8", "srs": "layers.srs",
    }  # fmt: skip
    settings = settings_from(given)
    assert settings == Settings(16, 64, True, "signatures", "", True, "1/8", "layers.srs")
    assert (settings.shape.chunk, settings.shape.k) == (16, 64)
    assert settings_from({}) == Settings()
    assert settings_from(settings.as_json()) == settings
    assert json.loads(json.dumps(settings.as_json())) == settings.as_json()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "is not an object"),
        ([], "is not an object"),
        ("on", "is not an object"),
        ({"K": 64}, "no key 'K'; there are chunk, k"),
        ({"k\n": 64}, r"no key 'k\\\\n'"),
        ({"k": "64"}, 'k is "64"; give a value like 0'),
        ({"k": True}, "k is true"),
        ({"merge_short_tails": 1}, "merge_short_tails is 1; give a value like False"),
        ({"k": 0}, "0"),
        ({"k": 5000}, "5000"),
        ({"chunk": 0}, "0"),
        ({"chunk": -1}, "chunk|decode|-1"),
        ({"folder": "a", "database": "b"}, "are both given; give one"),
        ({"fingerprint": 1}, "fingerprint is 1; give a value like False"),
        ({"fingerprints": True}, "no key 'fingerprints'; there are .* fingerprint, layers, srs"),
        ({"layers": 3, "srs": "s"}, "layers is 3"),
        ({"layers": "all"}, "layers is given without srs; give both"),
        ({"srs": "s"}, "srs is given without layers; give both"),
        ({"layers": "all,0", "srs": "s"}, "layers: "),
    ],
)
def test_settings_that_cannot_be(given: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        settings_from(given)
    assert "\n" not in str(caught.value)


def test_nothing_is_done_until_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert asked_for(None) is None
    assert asked_for({}) == Settings()
    file = tmp_path / "settings.json"
    monkeypatch.setenv(ENVIRONMENT, str(file))
    with pytest.raises(InputError, match=f"No such file or directory; {ENVIRONMENT} names it"):
        asked_for(None)
    for text, reason in (("{", "not JSON"), ('{"k": 1, "k": 2}', "twice"), ("3", "not an object")):
        file.write_text(text)
        with pytest.raises(InputError, match=reason) as caught:
            asked_for(None)
        assert str(file) in str(caught.value)
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match="UTF-8"):
        asked_for(None)
    file.write_text('{"chunk": 8}')
    assert asked_for(None) == Settings(chunk=8)
    with pytest.raises(InputError, match="give one"):
        asked_for({})
