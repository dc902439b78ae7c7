"""What docs/your_data.md shows: its three programs run on one table, and are as long as it says."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairnb.metrics import CONVENTIONS

TEXT = (Path(__file__).parents[2] / "docs" / "your_data.md").read_text(encoding="utf-8")
BESIDE = TEXT.partition("## Beside fairlearn and AIF360")[2]
PROGRAMS = dict(zip(("fairnb", "fairlearn", "AIF360"), re.findall(r"```python\n(.*?)```", BESIDE, re.S), strict=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of fairlearn, with pandas 3
@pytest.mark.parametrize("library", PROGRAMS)
def test_the_programs_run_on_one_table(library, sandbox, tmp_path, monkeypatch, capsys):
    pytest.importorskip("fairlearn")
    rng, n = np.random.default_rng(0), 600
    sex, skill = rng.choice(["f", "m"], n), rng.normal(0, 1, n)
    rich = skill + (sex == "m") + rng.normal(0, 0.5, n) > 0.5
    table = {"skill": skill, "town": rng.choice(["a", "b"], n), "sex": sex, "income": np.where(rich, "over", "below")}
    pd.DataFrame(table).to_csv(tmp_path / "people.csv", index=False)
    monkeypatch.chdir(tmp_path)
    program = PROGRAMS[library].replace("budget=2", "budget=0.01, methods=['equalised_odds'], jobs=1")
    exec(compile(program, f"docs/your_data.md, {library}", "exec"), {"__name__": "docs"})
    assert re.search(r"0\.\d\d|\d\d\.\d \[", capsys.readouterr().out)


def test_what_the_table_counts():
    metrics_row = next(line for line in BESIDE.splitlines() if line.startswith("| metrics"))
    assert f"| {len(CONVENTIONS)} by name" in metrics_row
    row = next(line for line in BESIDE.splitlines() if line.startswith("| lines above"))
    said = [int(cell) for cell in row.strip("|").split("|")[1:]]
    assert said == [sum(bool(line.strip()) for line in program.splitlines()) for program in PROGRAMS.values()]
