"""Every method at a smaller tier smoke with the largest seeds that `make decide` may draw; prints what came of each.

A process of its own: the tier is made smaller in it.
"""

import sys
import warnings
from dataclasses import replace

import smaller

from fairnb.errors import FairnbError
from fairnb.evidence import engine, planned, runs
from fairnb.training import methods

LARGEST = 2**31 - 1


def main() -> None:
    """One row of each method; where seeds are computed as one, two of them."""
    smaller.apply()
    engine.use_one_thread()
    warnings.simplefilter("ignore")
    for run in {run.method: run for run in reversed(planned.planned("smoke"))}.values():
        seeds = [LARGEST, LARGEST - 1] if methods.get(run.method).together else [LARGEST]
        groups = runs.together(replace(run, seed=seed) for seed in seeds)
        try:
            found = [record.run["seed"] for group in groups for record in runs.ensure_together(group)]
        except (FairnbError, ValueError, RuntimeError, OverflowError) as error:
            found = [f"{type(error).__name__}: {error}"]
        print(run.method, "ok" if found == seeds else found, flush=True)


if __name__ == "__main__":
    sys.exit(main())
