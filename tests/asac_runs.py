"""Runs of ASAC's rows that are made up, for tests of its gains and figures."""

import pandas as pd

from fairnb.papers.asac.tables import AEDA, CONTROL, FGSM, PROBE, STEPS

TASKS = ("toy_faces/smiling_male_natural", "toy_faces/big_nose_male_natural")
ACCURACY = {PROBE[0]: 0.80, CONTROL[0]: 0.86, STEPS[0]: 0.88, FGSM[0]: 0.87, AEDA[0]: 0.85}


def frame() -> pd.DataFrame:
    """Two tasks, three seeds; a seed adds the same to all rows' accuracy, so paired differences have no spread."""
    rows = [
        {"task": task, "label": label, "seed": seed, "acc": acc + 0.01 * seed, "eo_sum": 0.3 - acc / 4 + 0.02 * seed}
        | {"eo_avg": 0.1 + 0.01 * seed * (label == FGSM[0])}
        for task in TASKS
        for label, acc in ACCURACY.items()
        for seed in range(3)
    ]
    return pd.DataFrame(rows)
