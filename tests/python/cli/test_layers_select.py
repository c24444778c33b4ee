"""`assay layers select`: selections, verdicts on them, draws."""

import json
from pathlib import Path

import pytest

from assay_program import FAILED, REJECTED, done, listing, refused, report
from layer_cases import CASES, write_scores


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores of case G, and the selection from them; do not change it."""
    where = tmp_path_factory.mktemp("made")
    values, costs, *_ = CASES["G"]
    write_scores(where / "g.json", [float(value) for value in values], costs)
    done(where, "layers select --scores g.json --budgets 5,6 --output best.json")
    return where


@pytest.mark.parametrize("name", CASES)
def test_published_cases(name: str, tmp_path: Path) -> None:
    values, costs, budgets, fixed, free = CASES[name]
    write_scores(tmp_path / "s.json", [float(value) for value in values], costs)
    flags = "layers select --scores s.json --budgets " + ",".join(map(str, budgets))
    found = report(tmp_path, flags)
    assert found["results"]["optimal_benefit"] == free
    assert found["assay"]["upper_bound"] == free
    assert found["assay"]["fixed_order_value"] == fixed
    in_order = report(tmp_path, flags + " --order fixed")
    assert in_order["results"]["optimal_benefit"] == fixed


def test_the_words_of_the_original(made: Path) -> None:
    ours = report(made, "layers select --scores g.json --budgets 5,6")
    line = "layers optimize --scores_file g.json --budgets 5.0 6.0 --time_limit 3"
    assert report(made, line) == ours
    assert json.loads((made / "best.json").read_text()) == ours
    assert "\n" not in (made / "best.json").read_text().rstrip("\n")
    done(made, "layers select --scores g.json --budgets 5 6 --pretty --output pretty.json")
    assert json.loads((made / "pretty.json").read_text()) == ours


def test_budgets_in_other_words(made: Path) -> None:
    # 40 % of 15 parameters are 6.
    assert report(made, "layers select --scores g.json --budgets 40%,0.005K")["input"][
        "budgets"
    ] == [6, 5]
    assert report(made, "layers select --scores g.json --budgets 1M,2G")["input"]["budgets"] == [
        10**6,
        2 * 10**9,
    ]


def test_it_says_who_can_foresee_it(made: Path) -> None:
    said = done(made, "layers select --scores g.json --budgets 5,6")
    assert "whoever knows the scores and the budgets knows this selection" in said
    assert "worth 43.000000 together" in said
    assert "at most 42.000000" in said


def test_verdicts(made: Path, tmp_path: Path) -> None:
    accepted = report(made, "layers select --scores g.json --check best.json --budgets 5,6")
    assert accepted["verdict"] == "accepted"
    best = json.loads((made / "best.json").read_text())
    over = json.loads(json.dumps(best))
    over["results"]["assignments"][1]["budget"] = over["input"]["budgets"][1] = 5
    overlap = json.loads(json.dumps(best))
    overlap["results"]["assignments"][0] |= {"start_layer": 3, "end_layer": 4}
    for changed, step in ((over, "budget"), (overlap, "overlap")):
        path = tmp_path / f"{step}.json"
        path.write_text(json.dumps(changed))
        found = report(made, "layers select --scores g.json --check", path, code=REJECTED)
        assert found["step"] == step


def test_draws(made: Path) -> None:
    found = report(
        made,
        "layers select --scores g.json --budgets 5,6 --draw 20 --simulated 100 --output d.json",
    )
    assert json.loads((made / "d.json").read_text()) == found
    assert len(found["draws"]) == 20
    assert len(found["chance"]) == 7
    assert found["simulated"] == 100
    assert len({json.dumps(one["assignments"]) for one in found["draws"]}) > 1
    assert all(one["cost"] <= 11 for one in found["draws"])
    said = done(made, "layers select --scores g.json --budgets 5,6 --draw 1 --simulated 100")
    assert "secret until the checks are done" in said


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--budgets 0", "--budgets"),
        ("--budgets -3", "--budgets"),
        ("--budgets nan", "--budgets"),
        ("--budgets 5,,6", "--budgets"),
        ("--budgets 5X", "--budgets"),
        ("", "--budgets"),
        ("--budgets 5 --order best", "--order"),
        ("--budgets 5 --time-limit -1", "--time-limit"),
        ("--budgets 5 --draw 9999999", "--draw: 9999999 is not in 1 to"),
        ("--check g.json", "g.json: input"),
        ("--check none.json", "none.json"),
    ],
)
def test_bad_input(made: Path, flags: str, reason: str) -> None:
    before = listing(made)
    assert reason in refused(made, "layers select --scores g.json " + flags)
    assert listing(made) == before


def test_bad_scores_are_named(tmp_path: Path) -> None:
    write_scores(tmp_path / "s.json", [1.0, -1.0], [1, 1])
    done(tmp_path, "layers select --scores s.json --budgets 5 --output r.json", code=FAILED)
    refusal = refused(tmp_path, "layers select --scores s.json --budgets 5")
    assert "s.json: layers[1].significance_score" in refusal
    assert not (tmp_path / "r.json").exists()
