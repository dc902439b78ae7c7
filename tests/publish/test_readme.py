"""The front page is short, the generated pages are up to date, every link and picture of a page is there."""

import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from fairnb import paths
from fairnb.evidence import reported
from fairnb.evidence.verdicts import WITHOUT
from fairnb.publish import notebook_map, readme
from fairnb.publish.cli import commands

ROOT = paths.project()
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", *readme.pages())]
PAGES += sorted((ROOT / "docs").glob("*.md"))
LINK = re.compile(r"""!?\[[^]]*\]\(([^)\s]+)\)|(?:src|href)="([^"]+)\"""")
CARD = "claim,paper,verdict,rerun\nA1,aimfair,holds,undecided\nA2,aimfair,something new,undecided\n"


def links(page):
    """Targets of a page's links and pictures that lie in the checkout, code left out."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    found = [first or second for first, second in LINK.findall(text)]
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page):
    """Names that GitHub gives to the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_front_page_is_read_in_a_minute_and_a_half():
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 150 and len(text.encode()) <= 12_000
    assert "](results/README.md)" in text and "](notebooks/README.md)" in text
    assert all(f"](docs/{page.name})" in text for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    for target in links(page):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists() and file.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(file), target


def test_every_reference_figure_is_shown_and_every_figure_shown_is_there():
    pictures = {(page.parent / target).resolve() for page in PAGES for target in links(page) if target.endswith(".png")}
    here = set((ROOT / "results" / "reference").resolve().rglob("*.png"))
    named = {
        paths.reference(tier) / "figures" / f"{name}.png" for tier in readme.FIGURES for name in readme.shown(tier)
    }
    assert pictures == here <= {file.resolve() for file in named}
    listed = {paths.reference(tier) / "figures" / f"{name}.png" for tier, own in readme.FIGURES.items() for name in own}
    assert {file.resolve() for file in listed} <= here


@pytest.mark.slow
def test_the_generated_pages_are_up_to_date():
    for name, text in readme.pages().items():
        assert (ROOT / name).read_text() == text, f"{name}: run `.venv/bin/fairnb readme`"


def test_the_reference_command_drops_them(checkout, monkeypatch):
    monkeypatch.setenv("FAIRNB_RESULTS", str(checkout / "fresh"))
    monkeypatch.setitem(readme.FIGURES, "smoke", ("scorecard",))
    for name in ("tables/t.csv", "figures/scorecard.png", "figures/other.png"):
        file = paths.results("smoke") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    result = CliRunner().invoke(commands, ["reference", "--tier", "smoke"])
    assert result.exit_code == 0 and "3 files copied" in result.output  # with the measured times
    assert sorted(file.name for file in paths.reference("smoke").rglob("*.*")) == [
        "scorecard.png",
        "t.csv",
        "timings.csv",
    ]


def aimfair_claims():
    return (reported.claims()["paper"] == "aimfair").sum()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one notebook and a reference of tier smoke."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    (paths.reference("smoke") / "figures").mkdir(parents=True)
    (paths.reference("smoke") / "scorecard.csv").write_text(CARD)
    return tmp_path


def test_a_reference_keeps_the_figures_that_a_page_shows(checkout, monkeypatch):
    monkeypatch.setitem(readme.FIGURES, "smoke", ("scorecard",))
    for name in ("scorecard", "other"):
        (paths.reference("smoke") / "figures" / f"{name}.png").touch()
    assert readme.drop_unshown("smoke") == 1
    assert [file.stem for file in paths.reference("smoke").rglob("*.png")] == ["scorecard"]


def test_a_claim_that_no_card_names_is_not_run_and_new_words_are_told_as_they_are(checkout):
    lines = readme.results().splitlines()
    told = {line[4:].partition("**")[0]: line.replace("\u00a0", " ") for line in lines if line.startswith("| **")}
    assert "✔ holds" in told["A1"] and "something new" in told["A2"] and "– not run" in told["A3"]
    [row] = [line for line in lines if line.startswith("| [AIM-Fair]")]
    assert f"1 ✔ · {aimfair_claims() - 2} – · 1 something new" in row


def test_a_claim_without_all_of_its_rivals_is_not_counted_as_a_whole_one(checkout):
    rows = [("A1", "holds", ""), ("A2", "undecided", "few"), ("A8", "cannot be seen here", f"{WITHOUT} lff")]
    card = pd.DataFrame(rows, columns=["claim", "verdict", "reason"]).assign(paper="aimfair", rerun="undecided")
    card.to_csv(paths.reference("smoke") / "scorecard.csv", index=False)
    told = (
        f"Of {len(reported.claims())} claims 3 were rerun at least at one tier, 1 of them without all of their rivals."
    )
    assert told in readme.results()


def test_a_table_without_a_reference_is_no_error(checkout):
    (paths.reference("smoke") / "scorecard.csv").unlink()
    assert "No reference results yet" in readme.results()


def test_sources_and_equal_seeds_are_said_outside_the_table():
    frame = pd.DataFrame({"row": ["ERM", "GAN"], "source": ["rerun", "quoted"], "seeds": ["3", ""], "acc": ["1.0", ""]})
    told = readme._narrow("**T** (x).\n\n" + frame.assign(acc=["1.0 [0.5, 1.5]", ""]).to_markdown(index=False))
    assert told.startswith("**T** (x). 3 seeds.\n") and "GAN *(quoted)*" in told
    assert "source" not in told and "1.0\u00a0[0.5,\u00a01.5]" in told
    assert readme._narrow("") == ""


def test_two_tables_of_a_block_stay_two():
    one, two = (pd.DataFrame({"row": ["a"], name: ["1"]}).to_markdown(index=False) for name in ("acc", "gap"))
    parts = readme.ONE_TABLE.split(f"**T**.\n\n{one}\n\n**U**.\n\n{two}")
    assert [part[:6] for part in parts] == ["**T**.", "**U**."] and "gap" not in parts[0]


def test_a_short_question_is_told_with_the_sentence_before_it(monkeypatch):
    cells = [
        "# 10 · T",
        "## Question\n\nIs it so, in all of the cases that somebody looked at? Some text. It pays. Does it?",
    ]
    monkeypatch.setattr(notebook_map, "_markdown", lambda name: cells)
    assert notebook_map.asks("10_t").endswith("at? Some text. It pays. Does it?")
    cells[1] = "## Question\n\nAnd is this asked in at least ten words, so that it stands alone?"
    assert notebook_map.asks("10_t").startswith("Is this asked")
    cells[1] = "## Question\n\nNothing."
    assert notebook_map.asks("10_t") == ""


def test_every_notebook_is_on_the_map_once():
    names = re.findall(r"\(([\w]+)\.ipynb\)", (ROOT / "notebooks" / "README.md").read_text())
    assert names == [file.stem for file in sorted(Path(ROOT / "notebooks").glob("*.ipynb"))]


def test_what_a_former_rule_decided_is_undecided_and_told(checkout):
    card = paths.reference("smoke") / "scorecard.csv"
    card.write_text("claim,paper,verdict\nA1,aimfair,holds\nA2,aimfair,does not hold\n")
    text = readme.results()
    assert "made before the present rule and settings: at `smoke` of AIM-Fair.**" in text
    [row] = [line for line in text.splitlines() if line.startswith("| [AIM-Fair]")]
    assert f"2 ? · {aimfair_claims() - 2} –" in row
    card.write_text("claim,paper,verdict,rerun\nA1,aimfair,holds,holds\nA2,aimfair,holds,\nS1,asac,not run,\n")
    [row] = [line for line in readme.results().splitlines() if line.startswith("| [AIM-Fair]")]
    assert f"1 ✔ · 1 ? · {aimfair_claims() - 2} –" in row
