"""Draws the quick tier's packs with the tiny text-to-image pipeline and writes them to ``fairnb/assets/packs/``.

``python scripts/make_toy_pack.py --workers 2`` (one thread each) makes all four; killed, it goes on where it was.
10,000 images of 64 pixels, about 8 minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from fairnb.synthesis import prompts
from fairnb.synthesis.generate import Job, work
from fairnb.synthesis.packs import FOLDER
from fairnb.synthesis.pipelines import Sampling

SEED = 0
STEPS, GUIDANCE, BATCH = 12, 3.0, 50
QUALITY = 80  # keeps the four packs together below 20 MB
BFLOAT16 = True  # 1.7 times faster; a test redraws images within a tolerance that covers other machines
PER_GROUP = 500  # of the prompt set's own groups: 8 with age, 4 without
PACKS = ("toy_50_poses", "toy_plain", "toy_25", "toy_50")


def job(name: str) -> Job:
    """The run that makes the pack of the prompt set ``name``."""
    sampling = Sampling(STEPS, GUIDANCE, scheduler=None, quality=QUALITY, batch_size=BATCH, bfloat16=BFLOAT16)
    return Job(prompts.read(name), FOLDER / f"{name}.tar", per_group=PER_GROUP, seed=SEED, sampling=sampling)


def draw(name: str, worker: int, workers: int) -> None:
    """One worker's share, in this process, with one thread."""
    import torch

    torch.set_num_threads(1)
    work(job(name), "tiny", worker, workers)


def make(name: str, workers: int) -> None:
    """All workers, each a process, then the pack."""
    made, start = job(name), time.time()
    before = len(made.finished())
    command = [sys.executable, __file__, "--pack", name, "--workers", str(workers), "--worker"]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen([*command, str(worker)], env=alone) for worker in range(workers)]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit(f"{name}: a worker failed (exit codes {codes}): run it again to go on")
    seconds, images = time.time() - start, len(made.items) - before
    made.pack()
    size = made.out.stat().st_size / 1e6
    print(
        f"{made.out.name}: {images} images in {seconds:.0f} s, {images / seconds:.1f} img/s, {size:.1f} MB", flush=True
    )


def main() -> None:
    """Make the packs that are not there, or one worker's share of one."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--pack", choices=PACKS, action="append")
    options.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    asked = options.parse_args()
    for name in asked.pack or PACKS:
        if asked.worker is not None:
            draw(name, asked.worker, asked.workers)
        elif job(name).out.is_file():
            print(f"{name}.tar is there: delete it to make it again", flush=True)
        else:
            make(name, asked.workers)


if __name__ == "__main__":
    main()
