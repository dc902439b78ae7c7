"""Unknown names are one sentence each, with the nearest known name."""

import pytest
from click.testing import CliRunner

from fairnb.errors import FairnbError, UnknownName
from fairnb.evidence import runs
from fairnb.publish.cli import commands
from fairnb.tasks import tiers


def test_unknown_tier_names_the_nearest():
    with pytest.raises(UnknownName, match="unknown tier 'quik': did you mean 'quick'"):
        tiers.get("quik")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tier": "huge"}, "unknown tier 'huge'"),
        (
            {"task": "toy_faces/smiling_mail"},
            "unknown task 'toy_faces/smiling_mail': did you mean 'toy_faces/smiling_male'",
        ),
        ({"method": "selectiv"}, "unknown method 'selectiv': did you mean 'selective'"),
        ({"hparams": {"epoch": 5}}, "unknown hyper-parameter of method selective: 'epoch': did you mean 'epochs'"),
    ],
)
def test_a_run_with_an_unknown_name_cannot_be_made(change, sentence):
    good = {"task": "toy_faces/smiling_male", "method": "selective", "seed": 0, "tier": "smoke", "hparams": {}}
    runs.Run(**good)
    with pytest.raises(UnknownName, match=sentence):
        runs.Run(**(good | change))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["reproduce", "--tier", "quik"], "unknown tier 'quik'"),
        (["reproduce", "--only", "10_aimfare"], "unknown notebook '10_aimfare': did you mean '10_aimfair'"),
        (["reproduce", "--jobs", "two"], "JOBS='two' is no number"),
        (["reproduce", "--jobs", "0"], "JOBS=0"),
        (["verify", "--tier", "smoke"], "no reference results for tier 'smoke'"),
    ],
)
def test_the_command_line_says_one_sentence_and_exits_with_2(sandbox, arguments, sentence):
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", (0, 1, 2)), ("0,5,7", (0, 5, 7)), ("7", (0, 1, 2, 3, 4, 5, 6)), ("4,4", (4,))]
)
def test_seeds_can_be_a_number_or_a_list(monkeypatch, text, seeds):
    monkeypatch.setenv("FAIRNB_SEEDS", text)
    assert tiers.get("quick").seeds == seeds


@pytest.mark.parametrize("text", ["many", "0", "-1", "1,x"])
def test_unreadable_seeds_are_a_sentence(monkeypatch, text):
    monkeypatch.setenv("FAIRNB_SEEDS", text)
    with pytest.raises(FairnbError, match="SEEDS="):
        tiers.get("quick")


def test_paper_seeds_keep_the_papers_spacing(monkeypatch):
    monkeypatch.setenv("FAIRNB_SEEDS", "2")
    assert tiers.get("paper").seeds == (100, 200)
