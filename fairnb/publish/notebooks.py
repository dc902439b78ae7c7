"""The strict papermill runner: a process per notebook, unknown parameters are errors, outputs are whole or absent.

``python -m fairnb.publish.notebooks NAME TIER`` executes one notebook; ``driver`` starts one such process per notebook.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairnb import paths
from fairnb.data import progress
from fairnb.errors import FairnbError, UnknownName
from fairnb.evidence import provenance, report
from fairnb.tasks import tiers

if TYPE_CHECKING:
    import pandas as pd


def names() -> list[str]:
    """Names of all notebooks (``NN_topic``), in order."""
    return sorted(file.stem for file in paths.notebooks().glob("[0-9][0-9]_*.ipynb"))


def select(only: str = "") -> list[str]:
    """The notebooks named in ``only`` (comma-separated names or number prefixes), or all of them.

    Raises:
        UnknownName: a name that fits no notebook.
    """
    known = names()
    chosen: list[str] = []
    for part in filter(None, (p.strip().removesuffix(".ipynb") for p in only.split(","))):
        fitting = [name for name in known if name == part or name.split("_")[0] == part]
        if not fitting:
            raise UnknownName("notebook", part, known)
        chosen += fitting
    return sorted(set(chosen)) or known


def overview(tier: str) -> pd.DataFrame:
    """One row per notebook: name, title (its first heading), number of runs behind it, seconds in the reference run."""
    import nbformat
    import pandas as pd

    from fairnb.evidence import layout

    past = past_seconds(tier)
    rows = []
    for name in names():
        first = nbformat.read(paths.notebooks() / f"{name}.ipynb", as_version=4).cells[0].source
        title = first.splitlines()[0].lstrip("# ").split("·", 1)[-1].strip()
        rows.append(
            {
                "notebook": name,
                "title": title,
                "runs": len(layout.grid_of(name, tier)),
                "seconds": f"{past[name]:.0f}" if name in past else "",
            }
        )
    return pd.DataFrame(rows)


def past_seconds(tier: str) -> dict[str, float]:
    """Seconds in the committed reference runs, by method and by notebook; empty where there is no reference."""
    import pandas as pd

    file = paths.reference(tier) / "timings.csv"
    return pd.read_csv(file).set_index("what")["seconds"].to_dict() if file.exists() else {}


def timings(tier: str) -> pd.DataFrame:
    """Measured seconds: mean per method from the run records, and per notebook without its runs from the receipts."""
    import numpy as np
    import pandas as pd

    rows: dict[str, list[float]] = {}
    for file in sorted((paths.runs() / tier).glob("*.json")):
        body = json.loads(file.read_text())
        rows.setdefault(body["run"]["method"], []).append(body["provenance"]["seconds"])
    table = [
        {"what": what, "seconds": round(float(np.mean(values)), 1), "runs": len(values)}
        for what, values in sorted(rows.items())
    ]
    for name in names():
        last = receipt(name, tier)
        if last:
            table.append({"what": name, "seconds": last["seconds"], "runs": 0})
    return pd.DataFrame(table, columns=["what", "seconds", "runs"])


def inputs(name: str, tier: str) -> dict[str, str]:
    """What an executed notebook depends on, by reason: a changed entry is why it runs again."""
    source = (paths.notebooks() / f"{name}.ipynb").read_bytes()
    seeds = ",".join(map(str, tiers.get(tier).seeds))
    lock = paths.project() / "requirements.lock"
    return {
        "notebook": hashlib.sha256(source).hexdigest()[:16],
        "code": provenance.code_hash(),
        "seeds": seeds,
        "preset": os.environ.get(tiers.PRESET, "").strip(),
        "data folder": str(paths.data()) if paths.data().is_dir() else "none",
        "lock file": hashlib.sha256(lock.read_bytes()).hexdigest()[:16] if lock.exists() else "none",
    }


def receipt_file(name: str, tier: str) -> Path:
    """Where the receipt of an executed notebook lies: its inputs, outputs with hashes, and seconds."""
    return paths.executed(tier) / f"{name}.json"


def receipt(name: str, tier: str) -> dict[str, Any] | None:
    """The receipt of the last complete execution, or None."""
    try:
        return json.loads(receipt_file(name, tier).read_text())
    except (OSError, ValueError):
        return None


def why(name: str, tier: str) -> str:
    """Why a notebook has to run: ``new``, ``notebook changed``, ``output x missing``, ...; empty if up to date."""
    last = receipt(name, tier)
    if last is None or not (paths.executed(tier) / f"{name}.ipynb").exists():
        return "new"
    changed = [reason for reason, value in inputs(name, tier).items() if last["inputs"].get(reason) != value]
    if changed:
        return ", ".join(changed) + " changed"
    for output in last["outputs"]:
        file = paths.results_root() / output["file"]
        if not file.exists():
            return f"output {file.name} missing"
        if hashlib.sha256(file.read_bytes()).hexdigest() != output["sha256"]:
            return f"output {file.name} altered"
    return ""


def execute(name: str, parameters: dict[str, Any]) -> None:
    """Run one notebook through papermill into ``executed/`` and write its receipt.

    Args:
        parameters: ``tier`` and any other name that the notebook's parameters cell sets.

    Raises:
        UnknownName: the notebook, the tier, or a parameter that its parameters cell does not set.
        FairnbError: a cell raised, a cell ran too long, or the kernel was killed; the sentence names the cell.
    """
    source = paths.notebooks() / f"{select(name)[0]}.ipynb"
    tier = tiers.get(parameters.get("tier", paths.DEFAULT_TIER)).name
    _check_parameters(source, parameters)
    folder = paths.executed(tier)
    folder.mkdir(parents=True, exist_ok=True)
    partial, manifest = folder / f".{name}.ipynb", folder / f".{name}.outputs"
    manifest.write_text("")
    os.environ[report.MANIFEST] = str(manifest)
    os.environ[progress.HEADLESS] = "1"
    started, before = time.perf_counter(), inputs(name, tier)
    _papermill(source, partial, parameters, folder / f"{name}.failed.ipynb")
    partial.replace(folder / f"{name}.ipynb")
    (folder / f"{name}.failed.ipynb").unlink(missing_ok=True)
    outputs = {entry["file"]: entry for entry in map(json.loads, manifest.read_text().splitlines())}
    manifest.unlink()
    os.environ.pop(report.MANIFEST)
    content = {
        "inputs": before,
        "parameters": parameters,
        "seconds": round(time.perf_counter() - started, 1),
        "commit": provenance.commit(),
        "outputs": sorted(outputs.values(), key=lambda entry: entry["file"]),
    }
    report.save_json(content, receipt_file(name, tier))


def _check_parameters(source: Path, parameters: dict[str, Any]) -> None:
    from papermill import inspect_notebook

    known = inspect_notebook(str(source))
    for parameter in parameters:
        if parameter not in known:
            raise UnknownName(f"parameter of notebook {source.stem}", parameter, known)


def _papermill(source: Path, target: Path, parameters: dict[str, Any], failed: Path) -> None:
    """Execute; on failure keep the notebook with its red cell as ``failed`` and say in one sentence what happened."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    ipython = paths.cache() / "ipython"  # else IPython makes one in the user's home
    ipython.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("IPYTHONDIR", str(ipython))
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        papermill.execute_notebook(
            str(source),
            str(target),
            parameters=parameters,
            kernel_name="python3",
            progress_bar=False,
            cwd=str(paths.notebooks()),
        )
    except papermill.PapermillExecutionError as error:
        problem = f"cell {error.exec_count} raised {error.ename}: {' '.join(str(error.evalue).split())}"
    except DeadKernelError:
        problem = (
            "its kernel was killed (most likely out of memory): close other programs, or use fewer workers "
            "(JOBS=1); finished runs are kept"
        )
    except RuntimeError as error:  # what a kernel that does not even start ends in
        problem = f"its kernel did not start ({' '.join(str(error).split())}): run it again; finished runs are kept"
    except CellTimeoutError as error:
        problem = f"a cell ran too long: {str(error).splitlines()[0]}"
    else:
        return
    if target.exists():
        target.replace(failed)
    raise FairnbError(f"notebook {source.stem} failed: {problem} (see {failed})") from None


def main() -> int:
    """Execute the notebook named on the command line; the exit code is 1 and stderr one sentence when it fails."""
    name, tier = sys.argv[1:3]
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        execute(name, {"tier": tier})
    except FairnbError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
