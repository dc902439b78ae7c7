"""Run records on disk: a JSON file (metrics, provenance) and an npz file (predictions) per run, never half-written."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fairnb import paths
from fairnb.data.files import is_there, plain_errors, write_atomic
from fairnb.errors import BrokenRecord, FairnbError

log = logging.getLogger(__name__)
_warn_once = cache(log.warning)
FORMAT = 1
REMEDY = "delete it (or leave it: the next `make reproduce` moves it aside and computes this run again)"


@dataclass(frozen=True)
class Record:
    """What is kept of a finished run.

    Attributes:
        key: the run's key, see ``runs.Run.key``.
        run: the run's own fields (task, method, hparams, seed, tier) and the method's version.
        cells: ``{"correct": (T, G), "total": (T, G)}`` counts on test, rows are targets, columns protected values.
        metrics: every convention of ``fairnb.metrics`` as fractions; undefined ones are None.
        notes: what the method chose on validation (learning rate, selected tensors, ...).
        provenance: seconds, peak memory, versions, commit, device, data hash.
        predictions: ``ids, target, protected, score``, with score the probability of class 1 ``(N,)`` or ``(N, C)``.
    """

    key: str
    run: dict[str, Any]
    cells: dict[str, list]
    metrics: dict[str, float | None]
    notes: dict[str, Any]
    provenance: dict[str, Any]
    predictions: dict[str, np.ndarray] = field(repr=False)


def file_of(run: dict[str, Any], key: str) -> Path:
    """The JSON file of a run: ``runs/<tier>/<method>-seed<seed>-<key>.json``."""
    return paths.runs() / run["tier"] / f"{run['method']}-seed{run['seed']}-{key}.json"


def write(record: Record) -> Path:
    """Write both files atomically; the JSON comes last, so a record exists only when it is whole.

    Raises:
        DiskTrouble: the disk is full, or may not be written (nothing half-written is left behind).
    """
    file = file_of(record.run, record.key)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **record.predictions)
    body = {name: value for name, value in asdict(record).items() if name != "predictions"}
    body |= {"format": FORMAT, "predictions_sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    body["checksum"] = _checksum(body)
    write_atomic(file.with_suffix(".npz"), buffer.getvalue())
    write_atomic(file, (json.dumps(body, indent=1, sort_keys=True) + "\n").encode())
    return file


def read(file: Path) -> Record:
    """Read a record back and check it.

    Raises:
        BrokenRecord: truncated, altered, or its predictions are missing; the sentence says which and what to do.
        DiskTrouble: it cannot be read just now; nothing is known of its content.
        FairnbError: a newer fairnb has written it.
    """
    body = body_of(file)
    predictions = file.with_suffix(".npz")
    with plain_errors(predictions):
        try:
            data = predictions.read_bytes()
        except FileNotFoundError:
            raise BrokenRecord(f"record {file} has lost its predictions ({predictions.name}): {REMEDY}") from None
    if hashlib.sha256(data).hexdigest() != body.pop("predictions_sha256"):
        raise BrokenRecord(f"predictions {predictions.name} do not belong to record {file}: {REMEDY}")
    with np.load(io.BytesIO(data)) as arrays:
        return Record(**body, predictions={name: arrays[name] for name in arrays.files})


def body_of(file: Path) -> dict[str, Any]:
    """The checked JSON part of a record: the fields of ``Record``, with a hash in place of the predictions.

    Raises:
        see ``read``.
    """
    with plain_errors(file):
        text = file.read_bytes()
    try:
        body = json.loads(text)
        checksum, form = body.pop("checksum"), body.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BrokenRecord(f"record {file} cannot be read ({type(error).__name__}: {error}): {REMEDY}") from None
    if isinstance(form, int) and form > FORMAT:
        raise FairnbError(
            f"record {file} has format {form}, and this fairnb knows formats up to {FORMAT}: update it, or name "
            "another folder with FAIRNB_RESULTS"
        )
    if form != FORMAT or checksum != _checksum(body | {"format": form}):
        raise BrokenRecord(f"record {file} was altered or cut (its checksum does not fit): {REMEDY}")
    return body


def find(run: dict[str, Any], key: str) -> Record | None:
    """The record of a run, or None. A broken one counts as none, with a warning; it is left where it is.

    Raises:
        DiskTrouble: whether there is one cannot be known just now. FairnbError: a newer fairnb has written it.
    """
    file = file_of(run, key)
    try:
        return read(file) if is_there(file) else None
    except BrokenRecord as error:
        _warn_once(str(error))
        return None


def set_aside(run: dict[str, Any], key: str) -> None:
    """Move a run's broken record aside (``.broken``): for whoever holds the run's lock and computes it anew."""
    file = file_of(run, key)
    with plain_errors(file):
        for part in (file, file.with_suffix(".npz")) if file.exists() else ():
            if part.exists():
                part.replace(part.with_name(part.name + ".broken"))


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def row_of(record: Record, label: str = "") -> dict[str, Any]:
    """A record as one row of a tidy frame; ``label`` is how tables name it (default: the method)."""
    correct, total = (np.array(record.cells[name], float) for name in ("correct", "total"))
    with np.errstate(invalid="ignore"):
        accuracy = np.where(total > 0, correct / total, np.nan)
    grid = list(np.ndindex(*accuracy.shape))
    cells = {f"y{t}s{p}": accuracy[t, p] for t, p in grid} | {f"n_y{t}s{p}": total[t, p] for t, p in grid}
    own = {name: record.run[name] for name in ("task", "method", "seed", "tier")}
    values = {name: np.nan if value is None else value for name, value in record.metrics.items()}
    hparams = {"hparams": json.dumps(record.run["hparams"], sort_keys=True)}
    where = {"processor": record.provenance.get("processor", "")}
    return {"label": label or record.run["method"]} | own | hparams | values | cells | {"notes": record.notes} | where


def empty_row(run: dict[str, Any], why: str) -> dict[str, Any]:
    """The row of a run that has no numbers: every metric and cell is NaN, and the notes say why.

    Args:
        run: its fields, with ``label``.
    """
    own = {name: run[name] for name in ("task", "method", "seed", "tier")}
    hparams = {"hparams": json.dumps(run["hparams"], sort_keys=True)}
    return {"label": run["label"] or run["method"]} | own | hparams | {"notes": {"diverged": why}, "processor": ""}
