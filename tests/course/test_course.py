"""The course: exercises grade as they should, editions hide what they must, bad input is a sentence."""

import json
import shutil
import subprocess
import sys

import nbformat
import pytest
from click.testing import CliRunner

from fairnb import paths
from fairnb.errors import BadData, FairnbError, UnknownName
from fairnb.publish.cli import commands
from fairnb.publish.course import checking, classroom, dials, drawings, editions, graded, lessons, pages

pytestmark = pytest.mark.slow
LESSONS = lessons.names()
FIRST = "1_measuring"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The first lesson's editions, of seed 7."""
    place = tmp_path_factory.mktemp("built")
    editions.write(FIRST, 7, place)
    return place


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """A checkout with the first lesson alone; ``lesson(name, change)`` rewrites one of its files."""
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    shutil.copytree(paths.project() / "course" / FIRST, tmp_path / "course" / FIRST)
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))

    def rewrite(name, change):
        file = tmp_path / "course" / FIRST / name
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")

    return rewrite


def cells(place, edition):
    return nbformat.read(place / edition / FIRST / lessons.BOOK, as_version=4).cells


@pytest.mark.parametrize("name", LESSONS)
def test_solutions_pass_blanks_fail_and_wrong_answers_hear_why(name):
    found = checking.check(name, seed=1)
    assert found.faults == [] and found.exercises >= 3


@pytest.mark.parametrize("name", LESSONS)
class TestLesson:
    def test_exercises_have_points_and_one_is_judged_by_a_person(self, name):
        book = lessons.read(name)
        found = lessons.exercises(book)
        by_hand = [exercise for exercise in found if not exercise.tests]
        assert len(by_hand) == 1 and 3 <= len(found) <= 5 and all(exercise.points > 0 for exercise in found)
        assert "rubric" in book.cells[by_hand[0].answer].source.lower()

    def test_notebook_is_committed_without_outputs_and_with_guesses_open(self, name):
        code = [cell for cell in lessons.read(name).cells if cell.cell_type == "code"]
        assert not any(cell.outputs or cell.execution_count for cell in code)
        assert sum("classroom.compare(" in cell.source for cell in code) >= 2

    def test_plan_has_what_a_teacher_needs(self, name):
        text = lessons.text(name, lessons.PLAN)
        for heading in ("Aims", "50 minutes", "80 minutes", "What usually goes wrong", "Care"):
            assert f"\n## {heading}\n" in text
        for minutes in (50, 80):
            assert f"–{minutes} |" in text, f"the plan of {minutes} minutes ends elsewhere"

    def test_slides_are_few(self, name):
        assert 5 <= lessons.text(name, lessons.SLIDES).count("\n---\n") < pages.MOST_SLIDES

    def test_quiz_has_one_right_answer_and_a_word_to_each(self, name):
        for question in json.loads(lessons.text(name, lessons.QUIZ)):
            answers = question["answers"]
            assert sum(answer.get("correct", False) for answer in answers) == 1
            assert all(answer["feedback"] for answer in answers)
            assert "$" not in json.dumps(question), "a formula would be shown as it is typed"


def test_students_get_neither_solutions_nor_hidden_tests(built):
    given = "\n".join(cell.source for cell in cells(built, "student"))
    kept = "\n".join(cell.source for cell in cells(built, "instructor"))
    for words in ("BEGIN SOLUTION", "HIDDEN TESTS", "Rubric", "expected_rates"):
        assert words not in given and words in kept
    assert given.count(checking.BLANK) == 4 and "YOUR ANSWER HERE" in given


def test_the_seed_is_the_instructor_s_and_draws_other_numbers(built):
    for edition in ("student", "instructor", "nbgrader/source", "nbgrader/release"):
        assert any(cell.source.startswith("seed = 7 ") for cell in cells(built, edition))
    tables = []
    for seed in (7, 8):
        space = {"display": print}
        book = lessons.read(FIRST, seed=seed)
        for cell in [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("locked")][:2]:
            exec(cell.source, space)
        tables.append(space["table"])
    assert not tables[0].equals(tables[1])


def test_slides_and_plans_need_no_network(built):
    for file in (built / "student" / FIRST / "slides.html", built / "instructor" / FIRST / "lesson.html"):
        text = file.read_text(encoding="utf-8")
        assert "http" not in text.replace("http-equiv", "") and "$body" not in text
    assert "data:image/png;base64," in (built / "student" / FIRST / "slides.html").read_text(encoding="utf-8")


def test_nbgrader_gives_the_solution_all_points_and_the_blank_none():
    assert graded.scores(FIRST, seed=2) == {"solution": 1.0, "blank": 0.0}


def changed(old, new):
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        (lessons.BOOK, lambda text: "[]", "is no notebook"),
        (lessons.BOOK, changed('"parameters"', '"other"'), "has 0 cells tagged 'parameters'"),
        (lessons.BOOK, changed("seed = 0", "sead = 0"), "sets no seed"),
        (lessons.BOOK, changed("rates_test", "rate_test"), "exercise rates has no test behind it"),
        (lessons.BOOK, changed("### BEGIN HIDDEN", "### begin"), "has no hidden test"),
        (lessons.BOOK, changed("### BEGIN SOLUTION", "###"), "has no solution between"),
        (lessons.BOOK, changed('"definitions"', '"rates"'), "grade_id 'rates' is there twice"),
        (lessons.WRONG, changed("rates:", "rate:"), "did you mean 'rates'"),
        (lessons.WRONG, lambda text: text + "  - says: more\n", "cannot be read"),
        (lessons.WRONG, changed("not by those called positive", "something else"), "should hear 'something else'"),
        (lessons.WRONG, lambda text: text.partition("noise_floor:")[0], "0 wrong answers to noise_floor: write 3"),
        (lessons.BOOK, changed("np.quantile(means, 0.025)", "np.quantile(means, 0.25)"), "solution of interval fails"),
    ],
)
def test_what_is_wrong_with_a_lesson_is_a_sentence(lesson, name, change, sentence):
    lesson(name, change)
    found = checking.check(FIRST)
    assert any(sentence in fault for fault in found.faults), found.faults


def test_a_missing_file_or_picture_is_named(lesson, tmp_path):
    lesson(lessons.SLIDES, lambda text: text + "\n\n![no](no.png)\n")
    with pytest.raises(BadData, match=r"shows no\.png, which is not there"):
        pages.slides(FIRST)
    lesson(lessons.SLIDES, lambda text: "\n---\n".join(["# a"] * 21))
    with pytest.raises(BadData, match="21 slides: keep to 20"):
        pages.slides(FIRST)
    (tmp_path / "course" / FIRST / lessons.PLAN).unlink()
    with pytest.raises(BadData, match=r"has no lesson\.md"):
        pages.plan(FIRST)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["course", "--only", "1_mesuring"], "unknown lesson '1_mesuring': did you mean '1_measuring'"),
        (["course", "--seed", "-1"], "SEED=-1 cannot be drawn from"),
        (["course-check", "--only", "99"], "unknown lesson '99'"),
    ],
)
def test_bad_input_is_a_sentence(words, sentence, tmp_path):
    into = ["--into", str(tmp_path)] if words[0] == "course" else []
    result = CliRunner().invoke(commands, [*words, *into])
    assert result.exit_code == 2 and sentence in result.stderr


def test_without_a_checkout_there_is_no_course(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    with pytest.raises(BadData, match="there is no folder"):
        lessons.names()


def test_the_command_says_what_it_found():
    words = [sys.executable, "-m", "fairnb", "course-check", "--only", "1", "--jobs", "1"]  # it has a fork server
    done = subprocess.run(words, cwd=paths.project(), capture_output=True, encoding="utf-8", timeout=280)
    assert done.returncode == 0 and "5 exercises" in done.stdout and "all as it should be" in done.stdout


def test_without_nbgrader_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nbgrader.apps.api", None)
    with pytest.raises(BadData, match=r"the course needs nbgrader: pip install 'fairnb\[course\]'"):
        editions.write(FIRST, 0, tmp_path)


def test_what_nbgrader_refuses_is_a_sentence():
    log = "Traceback (most recent call last):\n  File x\nnbgrader.api.MissingEntry\nValueError: no such cell\n"
    with pytest.raises(FairnbError, match="lesson x cannot be released: nbgrader says ValueError: no such cell"):
        editions.require({"success": False, "error": log, "log": ""}, "lesson x cannot be released")


@pytest.mark.parametrize(
    ("guess", "outcome", "words"),
    [
        (None, 0.25, classroom.GUESS_FIRST),
        (0.24, 0.25, "you said 0.24, it is 0.25. That is near."),
        (0.1, 0.25, "you said 0.1, it is 0.25. What did you expect"),
        ("much", 0.25, "is no number"),
        ("eo_max", "eo_max", "As you said."),
    ],
)
def test_a_guess_comes_before_its_outcome(capsys, guess, outcome, words):
    classroom.compare("a gap", guess, outcome, near=0.02)
    said = capsys.readouterr().out
    assert words in said and (guess is not None or "0.25" not in said)


def test_a_quiz_embeds_its_questions_or_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FAIRNB_HEADLESS", raising=False)
    file = paths.project() / "course" / FIRST / lessons.QUIZ
    shown = []
    monkeypatch.setattr("jupyterquiz.display_quiz", lambda questions, **_: shown.append(questions))
    classroom.quiz(str(file))
    assert shown == [json.loads(file.read_text(encoding="utf-8"))]
    monkeypatch.setitem(__import__("sys").modules, "jupyterquiz", None)
    classroom.quiz(str(file))
    assert classroom.NO_QUIZ in capsys.readouterr().out
    with pytest.raises(BadData, match="no quiz in 'nowhere.json'"):
        classroom.quiz("nowhere.json")


class TestDials:
    def test_headless_gives_the_same_grid_each_time(self, monkeypatch):
        monkeypatch.setenv("FAIRNB_HEADLESS", "1")
        first, again = (dials.show("simulated") for _ in range(2))
        assert len(first.axes) == 3 * len(dials.GRID)
        texts = [[text.get_text() for ax in fig.axes for text in ax.texts] for fig in (first, again)]
        assert texts[0] == texts[1] and len(texts[0]) == 4 * len(dials.GRID)

    def test_sliders_move_every_dial(self, monkeypatch):
        monkeypatch.delenv("FAIRNB_HEADLESS", raising=False)
        sliders = dials.show("simulated").children[0].children
        assert [slider.description for slider in sliders] == list(dials.STEPS)

    def test_without_widgets_there_is_the_grid_and_a_sentence(self, monkeypatch, capsys):
        monkeypatch.delenv("FAIRNB_HEADLESS", raising=False)
        monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
        assert len(dials.show("simulated").axes) == 3 * len(dials.GRID)
        assert dials.NO_WIDGETS in capsys.readouterr().out

    def test_each_dial_moves_what_it_should(self):
        def gap(**at):
            seen = dials.simulated(dials.Setting(**at))
            answer = seen.score > 0.5
            found = [answer[(seen.target == 1) & (seen.protected == g)].mean() for g in (0, 1)]
            return abs(found[0] - found[1])

        assert gap(bias=0.95) > gap(bias=0.5) + 0.3
        assert (dials.simulated(dials.Setting(members=40)).protected == 1).sum() == 40
        clean, noisy = (dials.simulated(dials.Setting(noise=noise)).target for noise in (0.0, 0.2))
        assert 0.1 < (clean != noisy).mean() < 0.3

    def test_an_unknown_kind_is_an_error(self):
        with pytest.raises(UnknownName, match="did you mean 'trained'"):
            dials.picture("traned")


def test_the_glossary_has_every_metric_and_every_method():
    from fairnb import metrics
    from fairnb.training import methods

    text = (paths.project() / "course" / "glossary.md").read_text(encoding="utf-8")
    ours = [name for name in methods.names() if methods.get(name).function.__module__.startswith("fairnb.")]
    assert [name for name in (*metrics.NAMES, *metrics.ALIASES, *ours) if f"`{name}`" not in text] == []


def test_the_executed_copy_is_of_this_lesson_and_went_through():
    done = nbformat.read(paths.project() / "course" / FIRST / "executed.ipynb", as_version=4)
    marked = [cell for cell in done.cells if "nbgrader" in cell.metadata]
    wanted = [cell for cell in lessons.read(FIRST, seed=2026).cells if "nbgrader" in cell.metadata]
    assert [cell.metadata.nbgrader.grade_id for cell in marked] == [cell.metadata.nbgrader.grade_id for cell in wanted]
    for cell, source in zip(marked, wanted, strict=True):
        if source.metadata.nbgrader.locked:
            assert cell.source.strip() == source.source.partition(lessons.HIDDEN)[0].strip()
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    assert all(cell.metadata["seconds"] < 60 for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)


def test_an_unknown_drawing_is_an_error():
    with pytest.raises(UnknownName, match="did you mean 'noise_floor'"):
        drawings.png("noise_flor")
