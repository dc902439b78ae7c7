"""Artefacts carry their tier and are the same byte for byte."""

import matplotlib
import pandas as pd
import pytest

from fairnb import paths
from fairnb.errors import UnknownName
from fairnb.evidence import report, verify
from fairnb.publish import notebooks

matplotlib.use("Agg")
FRAME = pd.DataFrame({"row": ["ERM", "AIM_Fair & co"], "acc": [88.123456789, None], "seeds": [3, 5]})


def test_a_table_has_three_copies_that_name_the_tier(sandbox):
    shown = report.save_table(FRAME, "aimfair_table3", tier="smoke", caption="Percent")
    folder = paths.tables("smoke")
    assert (folder / "aimfair_table3.csv").read_text() == (
        "tier,row,acc,seeds\nsmoke,ERM,88.123457,3\nsmoke,AIM_Fair & co,,5\n"
    )
    assert "Percent (tier: smoke)" in (folder / "aimfair_table3.md").read_text()
    tex = (folder / "aimfair_table3.tex").read_text()
    assert r"AIM\_Fair \& co" in tex and "tier: smoke" in tex
    assert list(shown["acc"]) == ["88.12", "–"]


def test_the_default_tier_writes_to_results_itself_and_others_do_not_overwrite_it(sandbox):
    report.save_table(FRAME, "x", tier="quick", caption="c")
    report.save_table(FRAME.head(1), "x", tier="open", caption="c")
    assert len(pd.read_csv(sandbox / "results" / "tables" / "x.csv")) == 2
    assert len(pd.read_csv(sandbox / "results" / "open" / "tables" / "x.csv")) == 1


def test_figures_are_the_same_bytes_twice(sandbox):
    import matplotlib.pyplot as plt

    def draw():
        fig, ax = plt.subplots()
        ax.plot([0, 1])
        report.save_figure(fig, "f", tier="smoke")
        plt.close(fig)
        return [(paths.figures("smoke") / f"f.{suffix}").read_bytes() for suffix in ("png", "pdf")]

    assert draw() == draw()


def test_an_unknown_tier_writes_nothing(sandbox):
    with pytest.raises(UnknownName):
        report.save_table(FRAME, "x", tier="quack", caption="c")
    assert not (sandbox / "results").exists()


@pytest.mark.slow
def test_photographs_of_people_lie_where_no_reference_takes_them(sandbox, monkeypatch):
    """Licences, and the people shown: a reference is published with the code."""
    import matplotlib.pyplot as plt

    fig, _ = plt.subplots()
    for name, task in {"dots": "", "toy": "toy_faces/smiling_male", "faces": "utkface/female_race"}.items():
        report.save_figure(fig, name, tier="smoke", images_of=task)
    made = {str(file.relative_to(paths.figures("smoke"))) for file in paths.figures("smoke").rglob("*.png")}
    assert made == {"dots.png", "toy.png", "people/faces.png"}
    (paths.results("smoke") / "tables").mkdir()
    monkeypatch.setattr(paths, "reference", lambda tier: sandbox / "reference")
    verify.accept("smoke", notebooks.timings("smoke"))
    assert {file.name for file in (sandbox / "reference").rglob("*.png")} == {"dots.png", "toy.png"}
    _, differences = verify.compare("smoke")
    assert not [found for found in differences if "faces" in str(found)]


def test_a_shown_table_keeps_an_interval_together_and_wraps_words():
    frame = pd.DataFrame({"row": ["two words"], "acc": ["84.9 [81.1, -88.6]"], "gap": [1.234]})
    html = report.show(frame, digits=1).to_html()
    assert "84.9\u00a0[81.1,\u00a0-88.6]" in html and "two words" in html and ">1.2<" in html
    assert "white-space: normal" in html and 'class="row_heading' not in html
