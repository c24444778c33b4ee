"""What reading takes that a stranger sent: 64 MB and four times the file, whatever is in it."""

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assay import toploc
from assay.toploc import fingerprint
from assay.toploc.chunks import Parameters

ALLOWED = 64 << 20
MANY = 1 << 25  # bytes: as many as a signature may have

# In a process of its own: a peak cannot be told from that of earlier tests.
SCRIPT = """
import sys
from assay import Error, toploc
from assay.toploc.fingerprint import Fingerprint

def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))

kind, path = sys.argv[1:]
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = status("VmRSS")
try:
    if kind == "fingerprint":
        with open(path, "rb") as file:
            read = Fingerprint.from_bytes(file.read())
    else:
        read = getattr(toploc, kind).read(path)
    outcome = "read"
except Error as error:
    outcome = f"{error.code}: {error}"
print(status("VmHWM") - before)
print(outcome)
"""


def taken(kind: str, path: Path) -> str:
    """What came of reading, of which the memory is held against the file's size."""
    line = [sys.executable, "-c", SCRIPT, kind, str(path)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    extra, outcome = done.stdout.split("\n", 1)
    size = path.stat().st_size
    assert int(extra) <= ALLOWED + 4 * size, f"{int(extra):,} bytes for a file of {size:,}"
    assert len(outcome) < 400 + len(str(path))
    return outcome


def filled(before: str, piece: str, after: str = "") -> str:
    """The piece again and again, to as many bytes as a signature may have."""
    return before + piece * ((MANY - len(before) - len(after)) // len(piece)) + after


HEAD = '{"format":"assay/toploc/signature/v2",'
PROMPT = HEAD + '"model":"m","dtype":"","attention":"","prompt":"'
IDS = PROMPT + '","prompt_token_ids":['
PROOFS = (
    IDS + '1],"output_token_ids":[1],"topk":128,"decode_batching_size":32,"prefill_rows":0,'
    '"merge_tail_below":0,"ties":"libstdc++","proofs":['
)

# What comes of it; the texts are made when they are needed.
SIGNATURES: dict[str, tuple[Callable[[], str], str]] = {
    "one long text": (lambda: filled(PROMPT, "a", '"}'), "prompt_token_ids: this field is missing"),
    "escapes": (lambda: filled(PROMPT, "\\\\", '"}'), "prompt_token_ids: this field is missing"),
    "escapes of 6": (lambda: filled(PROMPT, "\\u00e9", '"}'), "this field is missing"),
    "a text without end": (lambda: filled(PROMPT, "a"), "a string is not ended"),
    "a text that is no UTF-8": (lambda: filled(PROMPT, "a", '\udcff"'), "not UTF-8"),
    "a text of control characters": (lambda: filled(PROMPT, "\x01"), "a control character"),
    "a long name": (lambda: filled(HEAD + '"', "a", '":1}'), "no field of this name"),
    "a long format": (lambda: filled('{"format":"', "a", '"}'), "format: 'aaaa"),
    "a long number": (lambda: filled(HEAD + '"topk":', "9", "}"), "more than 308 digits"),
    "a long fraction": (lambda: filled(HEAD + '"topk":1.', "9", "}"), "topk: an integer"),
    "line breaks": (lambda: filled("", "\n", "x"), "a value is expected"),
    "brackets": (lambda: filled(HEAD + '"x":[', "[],", "[]]}"), "x: no field of this name"),
    "brackets within": (lambda: filled(IDS, "[],", "[]]}"), "prompt_token_ids[0]: an integer"),
    "texts": (lambda: filled(HEAD + '"x":[', '"",', '""]}'), "x: no field of this name"),
    "objects": (lambda: filled(HEAD + '"x":[', '{"":1},', "1]}"), "x: no field of this name"),
    "one key again and again": (lambda: filled("{", '"a":[1],', '"b":1}'), "format: this field"),
    "one known key": (lambda: filled(HEAD, '"topk":1,', '"b":1}'), '"topk" stands twice'),
    "numbers": (lambda: filled(IDS, "1,", "1]}"), "prompt_token_ids: over 1048576 items"),
    "numbers of one field": (lambda: filled(HEAD + '"topk":[', "1,", "1]}"), "topk: an integer"),
    "empty proofs": (lambda: PROOFS + '"",' * (1 << 20) + '""]}\n', "proofs: over 1048576 items"),
    "as many proofs as may be": (lambda: PROOFS + '"",' * ((1 << 20) - 1) + '""]}\n', "read"),
    "long proofs": (lambda: filled(PROOFS, f'"{"A" * 10924}",', '""]}\n'), "read"),
    "a proof that is too long": (lambda: filled(PROOFS + '"', "A", '"]}\n'), "base64 of more than"),
    "a long prompt": (
        lambda: filled(PROMPT, "a", PROOFS[len(PROMPT) :] + "]}\n"), "read"
    ),
    "a long prompt, escaped": (
        lambda: filled(PROMPT, "\\n", PROOFS[len(PROMPT) :] + "]}\n"), "read"
    ),
    "a long prompt, escaped otherwise": (
        lambda: filled(PROMPT, "\\u0041", PROOFS[len(PROMPT) :] + "]}\n"), "laid out otherwise"
    ),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(("text", "said"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature(text: Callable[[], str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(text().encode(errors="surrogateescape"))
    assert said in taken("Signature", path)


FILE = """{
  "format": "assay/toploc/proofs/v1",
  "topk": 128,
  "decode_batching_size": 32,
  "prefill_rows": 0,
  "merge_tail_below": 0,
  "ties": "libstdc++",
  "rows": 32,
  "hidden": 128,
"""

FILES: dict[str, tuple[Callable[[], str], str]] = {
    "brackets": (lambda: filled(FILE + '"proofs": [', "[],", "[]]}"), "proofs[0]: a text in base"),
    "a long text": (lambda: filled('{"format": "', "a", '"}'), "format: 'aaaa"),
    "empty proofs": (lambda: filled(FILE + '"proofs": [', '"",', '""]}'), "proofs: over 1048576"),
    "one known key": (lambda: filled(FILE, '"rows":1,', '"b":1}'), '"rows" stands twice'),
    "more proofs than chunks": (
        lambda: FILE + '"proofs": [' + '"AAAA",' * (1 << 19) + '""]}', "524289 of them for 1 chunks"
    ),
    "one long proof": (lambda: filled(FILE + '"proofs": ["', "A", '"]}'), "base64 of more than"),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(("text", "said"), FILES.values(), ids=FILES)
def test_a_file_of_proofs(text: Callable[[], str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text(text())
    assert said in taken("ProofFile", path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_honest_files(tmp_path: Path) -> None:
    rows = 1 << 17
    proofs = [b"\xff\xd9" + bytes(8190)] * (rows // 32)
    file = toploc.ProofFile(parameters=Parameters(topk=4095), rows=rows, hidden=4096, proofs=proofs)
    file.write(str(tmp_path / "p"))
    assert (tmp_path / "p").stat().st_size > 40e6
    assert taken("ProofFile", tmp_path / "p") == "read\n"
    head = b"assay/toploc/fingerprint/v1" + bytes(32) + struct.pack("<III", 64, 1024, 1 << 13)
    (tmp_path / "f").write_bytes(head + bytes(4 * 1024 << 13))
    assert taken("fingerprint", tmp_path / "f") == "read\n"
    for rows in (0, (1 << 13) - 1, (1 << 13) + 1, (1 << 32) - 1):
        changed = head[:-4] + struct.pack("<I", rows)
        (tmp_path / "f").write_bytes(changed + bytes(4 * 1024 << 13))
        assert "rows" in (said := taken("fingerprint", tmp_path / "f")) or "malformed" in said
    assert fingerprint.DIMENSIONS <= 1024
