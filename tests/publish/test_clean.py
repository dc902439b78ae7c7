"""`fairnb clean` removes what fairnb has written, by name: nothing of git's, nobody's data, nothing behind a link."""

import os
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import stranger
from click.testing import CliRunner

from fairnb import paths
from fairnb.data import cache, files
from fairnb.evidence import records, report
from fairnb.publish import alone, cleaning
from fairnb.publish.cli import commands

ROOT = paths.project()
KEY = "0123456789abcdef"
KEPT = ("README.md", "evidence/quick/a.jsonl.xz", "reference/quick/scorecard.csv", "replies/A7.md")
MADE = (
    f"runs/quick/erm-seed0-{KEY}.json",
    f"runs/quick/erm-seed0-{KEY}.npz.broken",
    "tables/aimfair_table3.csv",
    "figures/people/fineface_fig3.png",
    "executed/10_aimfair.ipynb",
    "executed/.10_aimfair.outputs",
    "executed/10_aimfair.failed.ipynb",
    "verdicts/10_aimfair.json",
    "open/tables/.audit.csv.0123456789ab.tmp",
    "scorecard.csv",
    f"runs/own/erm-seed0-{KEY}.json",
    f"runs/own/looks-{KEY}.json",
    "open/your_data/model/README.md",
    "tables/your_data.csv",
)
THEIRS = (
    "notes.txt",
    "thesis/ch1.tex",
    "tables/mine.csv",
    "figures/thesis.png",
    "runs/quick/old/erm.json",
    "runs/quick/notes.json",
    "executed/10_aimfair-Copy1.ipynb",
    "executed/.ipynb_checkpoints/10_aimfair-checkpoint.ipynb",
    "mine/tables/aimfair_table3.csv",
    "tables/scorecard.csv/inside.txt",
)
CACHED = (
    f"arrays/toy-train-{KEY}/x.npy",
    f"arrays/toy-train-{KEY}.lock",
    f"arrays/.toy-train-{KEY}.0123456789ab.tmp/x.npy",
    f"images/{KEY}{KEY}.npy",
    f"models/toy_tables-adult_sex_aod-{KEY}-seed3.safetensors",
    f"models/run-{KEY}.safetensors",
    f"own/{KEY[:12]}.npz",
    "your_data/quick/00001.png",
    f"locks/run-{KEY}.lock",
    f"parties/session-{KEY}/0001-auditor-learn.safetensors",
    f"parties/session-{KEY}/auditor/state.safetensors",
    "dask/dask-scratch-space/worker-ab_c/storage/x",
    "ipython/profile_default/history.sqlite",
)
THEIR_CACHE = (
    "other/f",
    "images/holiday.npy",
    f"arrays/toy-train-{KEY}/notes.txt",
    "models/stable-diffusion/model.safetensors",
    "ipython/profile_default/startup/mine.py",
    "test_data/UTKFace/a.jpg",
)


def fill(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def there(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project of its own with results, whose ``FAIRNB_RESULTS`` is not set."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path / "project"))
    for name in paths.FOLDERS[1:]:
        monkeypatch.delenv(name, raising=False)
    fill(tmp_path / "project" / "results", KEPT + MADE)
    return tmp_path / "project"


def clean(*options):
    return CliRunner().invoke(commands, ["clean", *options])


def test_clean_leaves_what_git_keeps(home):
    result = clean()
    assert (result.exit_code, result.output) == (0, "")
    assert there(home / "results") == set(KEPT)
    assert sorted(item.name for item in (home / "results").iterdir()) == [
        "README.md",
        "evidence",
        "reference",
        "replies",
    ]


@pytest.mark.parametrize("place", ["elsewhere", "project/results/evidence", "project/results/reference"])
def test_clean_spares_it_wherever_results_are(home, monkeypatch, place):
    own = home.parent / place
    if place == "elsewhere":
        fill(own, MADE)
    monkeypatch.setenv("FAIRNB_RESULTS", str(own))
    assert clean().exit_code == 0
    assert there(home / "results") == set(KEPT + MADE)
    assert place != "elsewhere" or there(own) == set()


def test_what_fairnb_did_not_write_stays_and_is_named(home, monkeypatch):
    fill(home / "results", THEIRS)
    result = clean()
    assert result.exit_code == 0
    assert there(home / "results") == set(KEPT + THEIRS)
    assert result.output.startswith(f"left in {home / 'results'}: executed/")
    assert result.output.endswith(" and 7 more, which fairnb did not write\n"), "a folder of theirs counts once"


def test_the_cache_is_emptied_by_name_too(home):
    fill(home / ".cache", CACHED + THEIR_CACHE)
    assert clean().exit_code == 0
    assert there(home / ".cache") == set(CACHED + THEIR_CACHE), "only with --cache"
    result = clean("--cache")
    assert result.exit_code == 0 and f"left in {home / '.cache'}: arrays/" in result.output
    assert there(home / ".cache") == set(THEIR_CACHE)


@pytest.mark.parametrize("variable", ["FAIRNB_RESULTS", "FAIRNB_CACHE"])
@pytest.mark.parametrize("precious", ["checkout", "data", "data itself", "linked data", "weights", "home"])
def test_clean_refuses_a_folder_with_data_the_checkout_or_the_home_folder(home, monkeypatch, variable, precious):
    root = home if precious == "checkout" else home.parent / "scratch"
    fill(root, [*THEIRS, *MADE, *CACHED])
    monkeypatch.setenv(variable, str(root))
    if precious == "data":
        monkeypatch.setenv("FAIRNB_DATA", str(root / "data"))
    elif precious == "data itself":
        monkeypatch.setenv("FAIRNB_DATA", str(root))
    elif precious == "linked data":
        (home / "data").symlink_to(root / "thesis")
    elif precious == "weights":
        monkeypatch.setenv("FAIRNB_IMAGENET", str(root / "thesis" / "r18.pth"))
    elif precious == "home":
        monkeypatch.setenv("HOME", str(root / "me"))
    before = there(home.parent)
    result = clean("--cache")
    assert result.exit_code == 2 and f"{variable}={root} holds " in result.stderr
    assert "so nothing was removed: name a folder" in result.stderr
    assert there(home.parent) == before


@pytest.mark.parametrize("name", ["figures", "runs", "runs/quick", "open", "tables/aimfair_table4.csv"])
def test_a_link_is_left_and_so_is_what_it_points_to(home, name):
    fill(home, ["other/aimfair_fig1.png", f"other/erm-seed0-{KEY}.json", "other/tables/aimfair_table3.csv"])
    before = there(home / "other")
    link = home / "results" / name
    shutil.rmtree(link, ignore_errors=True)
    link.symlink_to(home / "other")
    result = clean()
    assert (result.exit_code, result.output.count(f"{name} (a link)")) == (0, 1)
    assert there(home / "other") == before and link.is_symlink()


def test_clean_waits_for_nobody_and_takes_nothing_from_a_run(home):
    with alone.alone(home / "results" / "executed" / ".reproduce", "`make reproduce`"):
        before = there(home / "results")
        result = clean()
        assert result.exit_code == 2 and f"by process {os.getpid()} on " in result.stderr
        assert there(home / "results") == before
    assert clean().exit_code == 0 and there(home / "results") == set(KEPT)


def test_a_colleague_without_rights_removes_nothing(monkeypatch):
    with stranger.open_folder() as folder:
        fill(folder, MADE)
        monkeypatch.setenv("FAIRNB_RESULTS", str(folder))
        said = stranger.asks(cleaning.clean)
        assert "cannot be used (Permission denied): ask root for the right to " in said
        assert there(folder) == set(MADE)


def test_a_notebook_of_ones_own_is_known_by_its_receipt(home):
    fill(home / "results", ["tables/mine.csv", "tables/theirs.csv", "notes.txt"])
    receipt = '{"outputs": [{"file": "tables/mine.csv"}, {"file": "../../a.txt"}]}'
    (home / "results" / "executed" / "81_mine.json").write_text(receipt)
    (home / "results" / "executed" / "82_mine.json").write_text("<<<<<<< no receipt")
    fill(home.parent, ["a.txt"])
    assert clean().exit_code == 0
    assert there(home / "results") == {*KEPT, "tables/theirs.csv", "notes.txt"} and (home.parent / "a.txt").exists()


def test_a_cache_inside_the_results_is_no_leftover(home, monkeypatch):
    monkeypatch.setenv("FAIRNB_CACHE", str(home / "results" / "cache"))
    fill(home / "results" / "cache", CACHED)
    assert clean().output == "" and there(home / "results" / "cache") == set(CACHED)


def test_every_writer_of_results_writes_a_known_name(sandbox, closed_figures):
    import matplotlib.pyplot as plt

    frame = pd.DataFrame({"a": [1.0]})
    for tier in ("quick", "smoke"):
        report.save_table(frame, "audit_checks", tier=tier, caption="c")
        report.save_figure(plt.figure(), "aimfair_fig1", tier=tier)
        report.save_figure(plt.figure(), "fineface_fig3", tier=tier, images_of="utkface/female_white")
        report.save_text("x", paths.results(tier) / "scorecard.csv")
    run = {"task": "t", "method": "lora_joint", "seed": 12, "tier": "paper"}
    records.write(records.Record(KEY, run, {}, {}, {}, {}, {"ids": np.array(["a"])}))
    records.set_aside(run, KEY)
    records.write(records.Record(KEY, run, {}, {}, {}, {}, {"ids": np.array(["a"])}))
    found = cleaning.look(paths.results_root(), cleaning.results())
    assert (len(found.files), found.left) == (20, [])
    found.remove()
    assert list(paths.results_root().iterdir()) == []


def test_every_writer_of_the_cache_writes_a_known_name(sandbox, monkeypatch):
    from PIL import Image

    from fairnb.evidence import runs
    from fairnb.tasks import pretrained

    monkeypatch.setenv("FAIRNB_CACHE", str(sandbox / "own"))
    Image.new("RGB", (4, 4)).save(sandbox / "a.png")
    cache.images(["a.png"], 4, name="toy", root=sandbox)
    cache.cached_arrays("judge/1, of: faces", lambda: {"x": np.zeros(3)})
    with files.lock(paths.cache() / "locks" / f"run-{KEY}.lock"):
        pass
    monkeypatch.setattr(pretrained, "_train", lambda split, settings, file, told: files.write_atomic(file, b"x"))
    split = type("Split", (), {"x": np.zeros(1), "target": np.zeros(1), "target_name": "Big Nose"})
    pretrained.own_weights(split, {})
    monkeypatch.setattr(runs.Run, "key", KEY)
    files.write_atomic(runs._weights_of(object.__new__(runs.Run)), b"x")
    found = cleaning.look(paths.cache(), cleaning.CACHE)
    assert (len(found.files), found.left) == (9, [])


def test_every_table_and_figure_of_the_notebooks_has_a_known_name(tmp_path):
    sources = "".join(file.read_text() for file in (ROOT / "notebooks").glob("*.ipynb"))
    calls = re.findall(r'save_(table|figure)\(.{0,400}?\\"(\w+)\\",[^"]{0,20}tier=', sources, re.S)
    kept = [file.relative_to(tier) for tier in paths.reference().parent.iterdir() for file in tier.rglob("*.*")]
    fill(tmp_path, [f"{kind}s/{name}.{'csv' if kind == 'table' else 'png'}" for kind, name in calls])
    fill(tmp_path, kept)
    found = cleaning.look(tmp_path, cleaning.results())
    assert found.left == [] and len(calls) > 40 and len(kept) > 100


def test_page_and_evidence_are_the_projects_wherever_results_are(home, monkeypatch):
    monkeypatch.setenv("FAIRNB_RESULTS", str(home.parent / "elsewhere"))
    assert paths.evidence() == home / "results" / "evidence"
    assert paths.results_page() == home / "results" / "README.md"


def test_git_keeps_them_and_ignores_the_rest(home):
    rules = paths.project().joinpath(".gitignore")
    shutil.copyfile(ROOT / ".gitignore", rules)
    git = shutil.which("git")
    if git is None or subprocess.run([git, "init", "-q", home], capture_output=True).returncode:
        pytest.skip("needs git, to ask it what it ignores")
    asked = [f"results/{name}" for name in KEPT + MADE]
    command = [git, "-C", str(home), "check-ignore", "--no-index", *asked]
    ignored = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.split()
    assert ignored == [f"results/{name}" for name in MADE]


@pytest.mark.parametrize("kind", ["made by venv", "a folder of theirs", "a link"])
def test_make_clean_removes_an_environment_and_nothing_else_of_that_name(tmp_path, kind):
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    fill(tmp_path / "other", ["pyvenv.cfg", "mine.txt"])
    own = tmp_path / ".venv"
    if kind == "a link":
        own.symlink_to(tmp_path / "other")
    else:
        fill(own, ["pyvenv.cfg" if kind == "made by venv" else "mine.txt"])
    done = subprocess.run(["make", "-s", "clean"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert there(tmp_path / "other") == {"pyvenv.cfg", "mine.txt"}
    assert own.exists() == (kind != "made by venv")
    assert ("left: .venv" in done.stdout) == own.exists()
