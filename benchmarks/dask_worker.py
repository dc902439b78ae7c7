"""Training inside a Dask worker, with fairnb's worker environment against Dask's own: images per CPU second, one run.

Usage: ``python benchmarks/dask_worker.py``; about a minute (more when the toy faces must be drawn first).
"""

import os
import time

import dask

from fairnb.evidence import engine


def train(_: int) -> float:
    """Images per CPU second of three epochs on 1,500 toy faces (after one epoch to warm up)."""
    import numpy as np

    from fairnb import tasks
    from fairnb.training.loop import fit

    engine.use_one_thread()
    task = tasks.problem("toy_faces/smiling_male", "quick").task
    model, split = task.backbone(0), task.train.take(np.arange(1500))
    fit(model, split, epochs=1, lr=0.01, batch_size=64, seed=0)
    start = time.process_time()
    fit(model, split, epochs=3, lr=0.01, batch_size=64, seed=0)
    return 4500 / (time.process_time() - start)


def speed(environment: dict[str, str] | None) -> float:
    """``train`` in a fresh worker; ``None`` means Dask's own environment."""
    from distributed import Client, LocalCluster

    for name in engine.WORKER_ENVIRONMENT:  # Dask leaves them in this process, where the next worker inherits them
        os.environ.pop(name, None)
    setting = {"distributed.nanny.pre-spawn-environ": environment} if environment else {}
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}
    with dask.config.set(setting), LocalCluster(**options) as cluster, Client(cluster) as client:
        return client.submit(train, 0).result(timeout=300)


def main() -> None:
    """Alternate the two, twice each, and print the ratio."""
    ours, theirs = zip(*((speed(engine.WORKER_ENVIRONMENT), speed(None)) for _ in range(2)), strict=True)
    print(
        f"fairnb's workers {max(ours):.0f} images per CPU second, Dask's own {max(theirs):.0f}: "
        f"ratio {max(ours) / max(theirs):.2f}"
    )


if __name__ == "__main__":
    main()
