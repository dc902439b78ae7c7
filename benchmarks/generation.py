"""Images per second of the tiny text-to-image pipeline: drawn in batches against one at a time, in one run.

    OMP_NUM_THREADS=1 python benchmarks/generation.py [--seconds 15] [--rounds 2]

Each round draws for about ``--seconds`` with every setting in turn, at least one batch; the medians of the rounds
are compared. The prompts are those of a shipped set. On CUDA everything is bfloat16, so the last two settings agree.
"""

from __future__ import annotations

import itertools
import statistics
import time

import click
import torch

from fairnb.synthesis import prompts
from fairnb.synthesis.generate import Sampling, load_pipeline
from fairnb.synthesis.pipelines import TextToImage

SETTINGS = {
    "1": Sampling(12, 3.0, batch_size=1),
    "16": Sampling(12, 3.0, batch_size=16),
    "50": Sampling(12, 3.0, batch_size=50),
    "50 bf16": Sampling(12, 3.0, batch_size=50, bfloat16=True),
}


def rate(model: TextToImage, texts: list[str], sampling: Sampling, seconds: float) -> float:
    """Images per second of whole batches, drawn until ``seconds`` have passed."""
    said, size = itertools.cycle(texts), sampling.batch_size
    start, drawn = time.perf_counter(), 0
    while drawn == 0 or time.perf_counter() - start < seconds:
        model.draw(list(itertools.islice(said, size)), range(drawn, drawn + size), sampling)
        drawn += size
    return drawn / (time.perf_counter() - start)


def largest_difference(model: TextToImage, texts: list[str], count: int = 4) -> int:
    """By how much of 255 a pixel drawn in a batch differs, at most, from the same image drawn alone (float32)."""
    alone, together = SETTINGS["1"], SETTINGS["16"]
    batch = model.draw(texts[:count], range(count), together).astype(int)
    return max(
        int(abs(model.draw([text], [seed], alone)[0] - batch[seed]).max()) for seed, text in enumerate(texts[:count])
    )


@click.command(help=__doc__)
@click.option("--seconds", default=15.0, show_default=True, help="for each setting in each round")
@click.option("--rounds", default=2, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--prompts", "source", default="toy_50_poses", show_default=True, help="prompt set, a name or a file")
def main(seconds: float, rounds: int, threads: int, source: str) -> None:
    torch.set_num_threads(threads)
    model = load_pipeline("tiny")
    texts = [text for _, text in prompts.read(source)]
    difference = largest_difference(model, texts)  # warms up, too
    rates: dict[str, list[float]] = {name: [] for name in SETTINGS}
    for _ in range(rounds):
        for name, sampling in SETTINGS.items():
            rates[name].append(rate(model, texts, sampling, seconds))
    alone = statistics.median(rates["1"])
    pipe, sampling = model.pipe, SETTINGS["1"]
    print(
        f"tiny pipeline, {sampling.steps} steps of {model.scheduler}, guidance {sampling.guidance:g}, "
        f"{pipe.device.type}, {pipe.dtype}, {threads} thread(s); one alone or in a batch differ by {difference} of 255"
    )
    for name, found in rates.items():
        speed = statistics.median(found)
        print(f"batch {name:>7}: {speed:6.2f} images/s, ratio to one at a time {speed / alone:.2f}")


if __name__ == "__main__":
    main()
