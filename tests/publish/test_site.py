"""The site: five pages are built and looked at; nothing tells of a machine; links lead to pages; claims say it all."""

import asyncio
import base64
import shutil

import nbformat
import pandas as pd
import pytest

from fairnb import paths
from fairnb.errors import BadData, FairnbError
from fairnb.evidence import reported
from fairnb.publish import online, reference_cards
from fairnb.publish.site import browser, build, check, claims, executed, guides, pages

FOLDERS = {"/srv/lab/fairnb": "fairnb", "/srv/lab/fairnb/results": "results", "/somewhere/anna": "~"}
NOTEBOOK = "notebooks/01_fairness_metrics.ipynb"
FIVE = ("claim L4", NOTEBOOK, "audit", "docs/verdicts.md")


def made(folder, *where, tier="smoke"):
    """Pages of which the site has ``where``."""
    return pages.Pages(folder, tier, {what: page for what, page in build.planned().items() if what in where})


@pytest.fixture(scope="module")
def executed_notebook(tmp_path_factory):
    """A results folder with notebook 01 as if it had been executed: a picture, a table, a path in an output."""
    root = tmp_path_factory.mktemp("results")
    book = nbformat.read(paths.project() / NOTEBOOK, 4)
    cell = next(one for one in book.cells if "save_figure" in one.source)
    png = (paths.reference("quick") / "figures/aimfair_fig1.png").read_bytes()
    data = {"image/png": base64.b64encode(png).decode(), "text/plain": "<Figure>"}
    cell.outputs = [
        nbformat.v4.new_output("display_data", data),
        nbformat.v4.new_output("stream", text=f"see {root}/smoke/tables and {paths.project()}/docs\n"),
        nbformat.v4.new_output("display_data", {"text/html": f"<table><tr>{'<td>wide</td>' * 60}</tr></table>"}),
    ]
    place = root / "smoke" / "executed"
    place.mkdir(parents=True)
    nbformat.write(book, place / "01_fairness_metrics.ipynb")
    return root


@pytest.fixture(scope="module")
def site(tmp_path_factory, executed_notebook):
    """A site of five pages."""
    out = tmp_path_factory.mktemp("built") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRNB_RESULTS", str(executed_notebook))
        build.build("smoke", FIVE, out)
    return out


@pytest.mark.slow
def test_a_site_of_five_pages_is_whole(site):
    assert {page.relative_to(site).as_posix() for page in check.pages(site)} == {
        *("index.html", "audit.html", "claims/L4.html", "notebooks/01_fairness_metrics.html", "guides/verdicts.html"),
        "search.html",
    }
    assert check.check(site) == []
    text = (site / "notebooks/01_fairness_metrics.html").read_text()
    assert "see results/smoke/tables and fairnb/docs" in text and "alt=" in text
    assert "(it has no receipt)" in text


@pytest.mark.slow
def test_a_site_of_five_pages_is_seen_in_a_browser(site):
    if not browser.chromium():
        pytest.skip("there is no Chromium on this machine")
    said, faults = browser.check(site)
    assert faults == [] and said.startswith("6 pages opened")


@pytest.mark.slow
def test_the_filter_leaves_the_rows_with_all_words(site):
    if not browser.chromium():
        pytest.skip("there is no Chromium on this machine")
    script = """(() => { const box = document.querySelector("label.filter input"); box.value = "FGSM asac";
        box.dispatchEvent(new Event("input"));
        return [...document.querySelectorAll(".filter-findings tbody tr")].filter((row) => row.getClientRects().length)
            .map((row) => row.textContent); })()"""

    async def typed(address, port):
        tab = await browser._tab(port)
        await tab.ask("Page.enable")
        await tab.go(f"{address}/audit.html")
        return await tab.value(script)

    with browser._served(site) as address, browser._started() as port:
        shown = asyncio.run(typed(address, port))
    assert shown and all("FGSM" in text and "asac" in text for text in shown)
    assert len(shown) < len(pd.read_csv(paths.reference("quick") / "tables/audit.csv"))


@pytest.mark.slow
def test_two_builds_of_the_same_inputs_are_the_same(site, executed_notebook, monkeypatch):
    monkeypatch.setenv("FAIRNB_RESULTS", str(executed_notebook))
    again = site.parent / "other" / "site"
    again.parent.mkdir()
    build.build("smoke", FIVE, again)
    names = [sorted(file.relative_to(one) for file in one.rglob("*") if file.is_file()) for one in (site, again)]
    assert names[0] == names[1]
    assert [name for name in names[0] if (site / name).read_bytes() != (again / name).read_bytes()] == []


@pytest.mark.slow
def test_what_is_wrong_with_a_site_is_found(site, tmp_path):
    broken = tmp_path / "site"
    shutil.copytree(site, broken)
    (broken / "people").mkdir()
    (broken / "people" / "faces.png").write_bytes(b"")
    wrong = (
        '<a href="gone.html">a</a><a href="audit.html#gone">a</a><a href="https://arxiv.org">a</a><img src="x.png">'
        f'<script src="https://elsewhere.org/x.js"></script><a href="../../outside">a</a><p>{paths.project()}</p>'
    )
    (broken / "index.html").write_text(f"<html><body>{wrong}</body></html>")
    found = [fault for fault in check.check(broken) if fault.startswith(("index.html", "people"))]
    for words in ("leads nowhere: gone.html", "no part of the page: audit.html#gone", "without words (x.png)"):
        assert sum(words in fault for fault in found) == 1, words
    assert sum("from elsewhere: https://elsewhere.org" in fault for fault in found) == 1
    assert not any("arxiv" in fault for fault in found)
    assert sum("tells of this machine" in fault for fault in found) == 1
    assert "people/faces.png: it may be a photograph" in found


def test_a_folder_without_a_site_is_told(tmp_path):
    with pytest.raises(BadData, match="make site"):
        check.check(tmp_path)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/srv/lab/fairnb/results/tables/a.csv", "results/tables/a.csv"),
        ("file:///srv/lab/fairnb/docs", "fairnb/docs"),
        ("in '/somewhere/anna/x.py'", "in '~/x.py'"),
        ("/home/bert/data and /tmp/ipykernel_12/3.py:4", "(a folder) and (a folder):4"),
        ("anna@box2 says", "(somebody)@(somebody) says"),
        ("annabel has box21", "annabel has box21"),
    ],
)
def test_scrub(text, clean):
    assert executed.scrub(text, FOLDERS, ["anna", "box2"]) == clean
    assert executed.traces(clean, FOLDERS, ["anna", "box2"]) == []


def test_what_scrub_cannot_mend_is_not_published():
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# It is /srv/lab/fairnb2/x")])
    with pytest.raises(FairnbError, match=r"notebook 99_x tells of this machine \('/srv/lab/fairnb'\)"):
        executed.published(book, "99_x", FOLDERS, [])


def test_a_picture_is_not_text():
    letters = "anna/home/anna/+anna+=="
    outputs = [
        nbformat.v4.new_output("display_data", {"image/png": letters}),
        nbformat.v4.new_output("display_data", {"text/html": f'<img src="data:image/png;base64,{letters}">anna'}),
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    found = nbformat.reads(executed.published(book, "x", FOLDERS, ["anna"]), 4).cells[0].outputs
    assert found[0].data["image/png"] == letters
    assert found[1].data["text/html"] == f'<img src="data:image/png;base64,{letters}">(somebody)'


def test_photographs_are_left_out_at_tiers_of_real_data():
    assert executed._shown("display(toy_faces.contact_sheet(x))", "quick")
    assert not executed._shown("display(toy_faces.contact_sheet(problem.test.x))", "open")
    assert not executed._shown('report.save_figure(fig, "fineface_fig3", tier=tier, images_of=name)', "paper")
    assert executed._shown('report.save_figure(figures.beside(table3), "aimfair_fig1", tier=tier)', "open")
    output = nbformat.v4.new_output("display_data", {"image/png": "abc"})
    assert "image/png" not in executed._output(output, shown=False).data


def test_a_widget_is_told_and_text_for_terminals_is_left_out():
    dial = nbformat.v4.new_output("display_data", {executed.WIDGET: {"model_id": "1"}, "text/plain": "Box()"})
    assert executed._output(dial, shown=True).data == {"text/markdown": executed.DIAL}
    table = nbformat.v4.new_output("execute_result", {"text/html": "<table></table>", "text/plain": "a b"})
    assert executed._output(table, shown=True).data == {"text/html": "<table></table>"}


def test_links_lead_to_pages_to_files_or_nowhere(tmp_path):
    own = made(tmp_path, "docs/data.md", NOTEBOOK)
    text = (
        "[`01`](../notebooks/01_fairness_metrics.ipynb) · [`b`](data.md#x) · [lock](../requirements.lock)\n"
        "`[c](data.md)`\n"
        "```\n[code](data.md)\n```\n[web](https://a.org) [here](#x) [paper](verdicts.md)\n"
        "![s](../results/reference/quick/figures/scorecard.png)"
    )
    assert own.relinked(text, "docs/other.md") == (
        "[`01`](/notebooks/01_fairness_metrics.ipynb) · [`b`](/guides/data.md#x) · lock (`requirements.lock`)\n"
        "`[c](data.md)`\n"
        "```\n[code](data.md)\n```\n[web](https://a.org) [here](#x) paper (`docs/verdicts.md`)\n"
        "![s](/files/results/reference/quick/figures/scorecard.png)"
    )
    assert (tmp_path / "files/results/reference/quick/figures/scorecard.png").is_file()


def test_links_into_the_repository_where_its_address_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(online, "repository", lambda: "https://example.org/fairnb")
    assert made(tmp_path).relinked("[lock](../requirements.lock)", "docs/x.md") == (
        "[lock](https://example.org/fairnb/blob/main/requirements.lock)"
    )


def test_the_course_and_the_docs_are_guides(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "project", lambda: tmp_path)
    for name in ("docs/a.md", "course/README.md", "course/1_measuring/lesson.md", "course/1_measuring/slides.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# x\n", "utf-8")
    found = guides.found()
    assert found == ["docs/a.md", "course/README.md", "course/1_measuring/lesson.md"]
    assert [build._place(name) for name in found] == ["a.md", "course.md", "course_1_measuring.md"]


def test_every_claim_and_notebook_has_a_page():
    where = build.planned()
    assert {f"claim {claim}" for claim in reported.claims()["id"]} < set(where)
    assert len(set(where.values())) == len(where)
    assert {"README.md", "results/README.md", "CONTRIBUTING.md", "docs/your_data.md", NOTEBOOK} < set(where)


def test_a_claim_s_page_says_what_came_out_and_how_to_run_it(tmp_path, monkeypatch):
    every = [one for one in reported.claims()["id"] if one.startswith("L")]
    own = made(tmp_path, *(f"claim {one}" for one in every))
    row = claims._of_reference("quick")
    claims.write(own, {one: [row[one]] for one in every})
    for one in every:
        text = (tmp_path / f"claims/{one}.md").read_text()
        assert "**Our reconstruction.**" in text and "our reconstruction" in text.splitlines()[0], one
        assert row[one].outcome in text and f"make decide ONLY={one}\n" in text
        assert f"make reproduce ONLY={claims.notebook_of()[one]}\n" in text
        assert f"results/replies/{one}.md" in text


def test_an_author_s_reply_is_quoted_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "A7.md").write_text("# No\n\nSee [why](../../docs/data.md) <script>x</script>\n", "utf-8")
    monkeypatch.setattr(paths, "replies", lambda: tmp_path)
    found = claims._reply(made(tmp_path, "docs/data.md"), "A7")
    assert found == "> **No**\n>\n> See [why](/guides/data.md) \\<script>x\\</script>"


def test_former_verdicts_and_tiers_that_ran_nothing():
    found = claims._of_reference("open")
    former = reference_cards.card("open").query("former")["claim"]
    assert len(former) == 0 or all(found[claim].why == claims.FORMER for claim in former)
    assert claims._of_reference("paper") == {}


def test_docstrings_become_lists():
    lines = [
        "A *b*_ of x_.",
        "",
        "Args:",
        "    a, b: one |c|",
        "        and more.",
        "    d: ``e_*``",
        "",
        "Returns:",
        "    It.",
    ]
    guides.as_rst(lines)
    assert [line for line in lines if line] == [
        r"A \*b\*\_ of x\_.", "**Args**", r"* a, b: one \|c\|", "  and more.", "* d: ``e_*``", "**Returns**", "* It.",
    ]  # fmt: skip
