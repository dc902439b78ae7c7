"""Images from prompts: batched, resumable, the same whoever draws them, finished into a verified pack."""

from __future__ import annotations

from pathlib import Path

from filelock import Timeout

from fairnb.data import files, progress
from fairnb.errors import BadData
from fairnb.synthesis import packs
from fairnb.synthesis.jobs import Job
from fairnb.synthesis.pipelines import STABLE_DIFFUSION, Sampling, TextToImage, load_pipeline, model_name
from fairnb.synthesis.prompts import PromptSet

__all__ = ["STABLE_DIFFUSION", "Job", "Sampling", "generate", "load_pipeline", "work"]


def generate(
    prompts: PromptSet,
    out: str | Path,
    *,
    per_group: int | None = None,
    per_prompt: int | None = None,
    model: TextToImage | str | Path | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
) -> Path:
    """Draw images for each group and write them as the pack ``out``; a pack that is there already is verified and kept.

    Each image has its own seed, a function of ``seed`` and its place in the pack, so neither the batch size nor an
    interruption changes it (beyond rounding: at most 2 of 255 on a CPU in float32). A run that was killed goes on
    where it was; with the same batch size and machine the pack has the same bytes as without the interruption.

    Args:
        per_group, per_prompt: how many images; give one of them. model: as for ``load_pipeline``, or its result.

    Raises:
        MissingData: no such model. BadData: bad counts, or the folder of a run with other settings is in the way.
    """
    job = Job(prompts, Path(out), per_group, per_prompt, seed, sampling or Sampling())
    if job.out.is_file():
        _check_same(job, model)
        job.clear()  # left by a kill just after the pack was written
        return job.out
    work(job, model)
    return job.pack()


def work(job: Job, model: TextToImage | str | Path | None = None, worker: int = 0, workers: int = 1) -> int:
    """Draw what is missing of this worker's share of ``job`` (every ``workers``-th batch); returns images drawn.

    A batch of which anything is missing is drawn whole. After all workers are done, ``job.pack()`` finishes.

    Raises:
        BadData: this worker's share is being drawn by another process. See also ``generate``.
    """
    if not 0 <= worker < workers:
        raise BadData(f"generation got worker {worker} of {workers}: workers are counted from 0")
    if not isinstance(model, TextToImage):
        model = load_pipeline(model, scheduler=job.sampling.scheduler)
    if job.sampling.scheduler not in (None, model.scheduler):
        raise BadData(f"sampling asks for {job.sampling.scheduler}, the loaded model has {model.scheduler}: load it so")
    job.prepare(model)
    drawn = 0
    try:
        with files.lock(job.folder / f"worker-{worker}.lock", timeout=0):
            there = job.finished()
            missing = [b for b in job.batches(worker, workers) if any(item.index not in there for item in b)]
            total = sum(map(len, missing))
            with progress.bar(total=total, desc=f"generate {job.out.stem}", unit="img", disable=not total) as bar:
                for items in missing:
                    images = model.draw([i.prompt for i in items], [i.seed for i in items], job.sampling)
                    job.store(items, images, model, worker)
                    drawn += len(items)
                    bar.update(len(items))
    except Timeout as error:
        raise BadData(f"another process draws share {worker} of {job.folder}: wait for it, or stop it") from error
    return drawn


def _check_same(job: Job, model: TextToImage | str | Path | None) -> None:
    header = packs.verify(job.out)
    asked = {**job.about, "images": len(job.items)}
    asked |= (
        {"model": model.name, "model_hash": model.hash}
        if isinstance(model, TextToImage)
        else {"model": model_name(model)}
    )
    if changed := [key for key, value in asked.items() if header.get(key) != value]:
        raise BadData(
            f"pack {job.out} is there already and was made with another {changed[0]} ({header.get(changed[0])!r}, now "
            f"{asked[changed[0]]!r}): delete it or choose another out"
        )
