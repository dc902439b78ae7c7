"""Write the fake records behind the golden tables: printed cell accuracies of AIM-Fair's T3 with made-up seed noise.

Usage: ``python tests/golden/make.py``. Nothing here was trained; the files only hold the table printer to its output.
"""

import os
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
CELLS = {  # y0s0, y0s1, y1s0, y1s1 in percent
    "erm": (89.0, 97.0, 95.0, 72.0),
    "synthetic_only": (88.0, 86.0, 85.0, 82.0),
    "data_supplementation": (90.0, 96.0, 94.5, 74.0),
    "data_repairing": (90.0, 95.0, 94.0, 75.0),
    "linear_probe": (90.0, 96.0, 94.0, 77.0),
    "full_fine_tuning": (90.0, 91.0, 88.0, 84.0),
    "random_mask": (90.0, 91.5, 88.5, 83.0),
    "selective": (90.5, 91.0, 88.0, 85.0),
}
TOTAL = np.array([[107, 93], [138, 62]])


def main() -> None:
    """Write one record per method and seed to ``records/``."""
    os.environ["FAIRNB_RESULTS"] = str(HERE)
    from fairnb import metrics
    from fairnb.evidence import records

    for method, cells in CELLS.items():
        for seed in range(3):
            rng = np.random.default_rng((seed, len(method)))
            share = np.array(cells).reshape(2, 2) / 100 + rng.normal(0, 0.01, (2, 2))
            correct = np.rint(TOTAL * share.clip(0, 1)).astype(int)
            report = metrics.from_cells(correct, TOTAL)
            target, protected, score = _samples(correct)
            run = {"task": "toy_faces/smiling_male", "method": method, "seed": seed, "tier": "smoke", "hparams": {},
                   "version": "golden", "task_version": "golden"}  # fmt: skip
            values = {k: None if not np.isfinite(v) else round(float(v), 10) for k, v in report.values.items()}
            records.write(records.Record(
                key=f"{method[:8]:_<8}{seed:08d}", run=run, metrics=values, notes={},
                cells={"correct": correct.tolist(), "total": TOTAL.tolist()},
                provenance={"seconds": 1.0, "code": "golden"},
                predictions={"ids": np.arange(len(target)).astype(str), "target": target, "protected": protected,
                             "score": score},
            ))  # fmt: skip


def _samples(correct: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = [(t, p, t if i < correct[t, p] else 1 - t) for t, p in np.ndindex(2, 2) for i in range(TOTAL[t, p])]
    target, protected, predicted = np.array(rows).T
    return target, protected, np.where(predicted > 0, 0.9, 0.1).astype(np.float32)


if __name__ == "__main__":
    main()
