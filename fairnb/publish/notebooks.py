"""The strict papermill runner: a process per notebook, unknown parameters are errors, outputs are whole or absent.

``python -m fairnb.publish.notebooks NAME TIER`` executes one notebook; ``driver`` starts one such process per notebook.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairnb import paths
from fairnb.data import files, machine, progress, settings
from fairnb.errors import BrokenRecord, FairnbError, UnknownName
from fairnb.evidence import clone, layout, owners, provenance, records, report
from fairnb.publish import alone, books, stopping
from fairnb.publish.books import names
from fairnb.tasks import tiers

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 4  # reasons why a notebook runs again; ten data sets may have come at once
END_SECONDS = 5.0  # for a notebook whose driver has gone to put its kernel away


def overview(tier: str) -> pd.DataFrame:
    """One row per notebook: name, title (its first heading), number of runs behind it, seconds in the reference run.

    One that cannot be read has the reason for a title.
    """
    import pandas as pd

    past = past_seconds(tier)
    rows = [
        {
            "notebook": name,
            "title": _title(name),
            "runs": len(layout.grid_of(name, tier)),
            "seconds": f"{past[name]:.0f}" if name in past else "",
        }
        for name in names()
    ]
    return pd.DataFrame(rows)


def _title(name: str) -> str:
    try:
        first = books.read(name).cells[0].source
    except FairnbError as error:
        return str(error)
    return (first.splitlines() or [name])[0].lstrip("# ").split("·", 1)[-1].strip()


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
    for file in sorted((paths.runs() / tier).glob("*-seed*-*.json")):
        try:
            body = records.body_of(file)
        except BrokenRecord:
            continue  # it will be computed again
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
        "attributes": os.environ.get(settings.ATTRIBUTES, "").strip(),
        "lock file": hashlib.sha256(lock.read_bytes()).hexdigest()[:16] if lock.exists() else "none",
    } | layout.data_of(name, tier)


def receipt_file(name: str, tier: str) -> Path:
    """Where the receipt of an executed notebook lies: its inputs, outputs with hashes, and seconds."""
    return paths.executed(tier) / f"{name}.json"


def receipt(name: str, tier: str) -> dict[str, Any] | None:
    """The receipt of the last complete execution, or None. DiskTrouble: it cannot be read just now."""
    file = receipt_file(name, tier)
    try:
        with files.plain_errors(file):
            found = json.loads(file.read_bytes()) if file.exists() else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"inputs", "outputs", "seconds"} <= found.keys() else None


def why(name: str, tier: str) -> str:
    """Why a notebook has to run: ``new``, ``notebook changed``, ``output x missing``, ...; empty if up to date.

    What cannot be read is a reason, too: the notebook that needs it says why, and no other one is kept from running.
    """
    last = receipt(name, tier)
    if last is None or not (paths.executed(tier) / f"{name}.ipynb").exists():
        return "new"
    try:
        now = inputs(name, tier)
    except (FairnbError, OSError, ValueError):
        return "its inputs cannot be read"
    changed = [reason for reason, value in now.items() if last["inputs"].get(reason) != value]
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        return ", ".join(changed[:SHOWN]) + more + " changed"
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
        BadData: a file that is no notebook, or none that can be run.
        FairnbError: a cell raised, a cell ran too long, the kernel was killed or did not start, the disk refuses, or
            the notebook is being executed already; the sentence names the cell, the file or the process.
    """
    name = books.select(name)[0]
    tier = tiers.get(parameters.get("tier", paths.DEFAULT_TIER)).name
    books.runnable(name)
    _check_parameters(paths.notebooks() / f"{name}.ipynb", parameters)
    folder = paths.executed(tier)
    with files.plain_errors(folder), alone.alone(folder / f".{name}", f"notebook {name}"):
        _execute(name, tier, parameters, folder)


def _execute(name: str, tier: str, parameters: dict[str, Any], folder: Path) -> None:
    from fairnb.publish import kernels

    partial, manifest, failed = folder / f".{name}.ipynb", owners.list_of(name, folder), folder / f"{name}.failed.ipynb"
    started, before = time.perf_counter(), inputs(name, tier)
    manifest.write_text("", "utf-8")
    os.environ |= {report.MANIFEST: str(manifest), progress.HEADLESS: "1"}
    try:
        if problem := kernels.run(paths.notebooks() / f"{name}.ipynb", partial, parameters):
            if partial.exists():
                partial.replace(failed)  # with its red cell
            raise FairnbError(f"notebook {name} failed: {problem} (see {failed})")
        partial.replace(folder / f"{name}.ipynb")
        outputs = {entry["file"]: entry for entry in map(json.loads, manifest.read_text("utf-8").splitlines())}
    finally:
        os.environ.pop(report.MANIFEST)
        for left in (partial, manifest):
            left.unlink(missing_ok=True)
    failed.unlink(missing_ok=True)
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


def main() -> int:
    """Execute the notebook named on the command line; the exit code is 1 and stderr one sentence when it fails."""
    name, tier = sys.argv[1:3]
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # seconds, for a format that we never meet
    warnings.filterwarnings("ignore", category=FutureWarning)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        with stopping.by_exception():
            settings.check()
            clone.require_clone()
            execute(name, {"tier": tier})
    except FairnbError as error:
        sentence = str(error)
    except KeyboardInterrupt as error:
        print(stopping.of(error), file=sys.stderr)
        return stopping.of(error).exit_code
    except OSError as error:
        sentence = str(files.sentence_of(error, paths.executed(tier)))
    except Exception as error:  # not foreseen: whoever mends it needs all of it, the driver shows the last line
        traceback.print_exc()
        sentence = f"{type(error).__name__}: {' '.join(str(error).split())}"
    else:
        return 0
    print(sentence if name in sentence else f"notebook {name} failed: {sentence}", file=sys.stderr)
    return 1


def _end_with(parent: int) -> None:
    """Tell this process to end as soon as ``parent``, which started it, is gone, even killed."""
    while machine.is_parent(parent):
        time.sleep(1.0)
    machine.end()
    time.sleep(END_SECONDS)
    os._exit(1)  # it hangs: the kernel sees that we are gone


if __name__ == "__main__":
    raise SystemExit(main())
