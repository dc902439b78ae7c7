"""How fast toy faces are made: two processes of one thread each, against one process of two threads.

Run ``python benchmarks/toy_faces.py [size]``; prints images per second (wall and per second of CPU time).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time

from fairnb.evidence import engine

N = 2048


def _render(threads: int, size: int, seed: int, start: multiprocessing.synchronize.Barrier) -> tuple[float, float]:
    """Wall and CPU seconds for ``N`` faces, all processes starting at once."""
    import torch

    from fairnb.data.toys import faces as toy_faces

    torch.set_num_threads(threads)
    toy_faces.sample(64, seed=seed, size=size)
    start.wait()
    wall, cpu = time.perf_counter(), time.process_time()
    toy_faces.sample(N, seed=seed, size=size)
    return time.perf_counter() - wall, time.process_time() - cpu


def rate(processes: int, threads: int, size: int) -> tuple[float, float]:
    """Images per second of wall time (all processes together) and per second of CPU time."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(processes) as pool:
        start = manager.Barrier(processes)
        times = pool.starmap(_render, [(threads, size, seed, start) for seed in range(processes)], chunksize=1)
    return processes * N / max(wall for wall, _ in times), processes * N / sum(cpu for _, cpu in times)


def main() -> None:
    """Print both rates and their ratio, in the environment that fairnb gives its workers."""
    os.environ |= engine.WORKER_ENVIRONMENT  # read by the C library when a process starts, so the children have it
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    two, two_cpu = rate(2, 1, size)
    one, one_cpu = rate(1, 2, size)
    print(f"{size} px, 2 processes x 1 thread:  {two:6.0f} images/s ({two_cpu:.0f} per CPU second)")
    print(f"{size} px, 1 process  x 2 threads: {one:6.0f} images/s ({one_cpu:.0f} per CPU second)")
    print(f"one 2-thread process makes {one / two:.2f} times as many as two 1-thread processes")


if __name__ == "__main__":
    main()
