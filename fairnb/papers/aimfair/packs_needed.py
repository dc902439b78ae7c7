"""Which packs of generated images the tables of tier ``paper`` draw from, how many images of each, and their price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairnb import paths, tasks
from fairnb.data import subsets
from fairnb.errors import MissingData, UnknownName
from fairnb.papers.aimfair import tables
from fairnb.synthesis import packs
from fairnb.synthesis.generate import Job
from fairnb.synthesis.packs import Pack
from fairnb.synthesis.pipelines import RELEASED_SIDE, Sampling
from fairnb.tasks.recipes import MAJORITY, VARIANTS, Files, biased_cells

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

TIER = "paper"
NO_BIASED_SET = ("synthetic_only",)  # Table 5's method, which draws S2 alone
# Assumed, not measured by us: what an A100 draws with Stable Diffusion 2.1 in bfloat16 at 512 pixels, 50 steps and
# guidance; and a WebP file of quality 90, in bytes a pixel.
IMAGES_PER_HOUR = 4000
BYTES_PER_PIXEL = 0.4
LOOKED_AT = 1000  # images of a pack that figures show and compare


@dataclass(frozen=True)
class Needed:
    """A pack that tasks of tier ``paper`` read.

    Attributes:
        file: where they look for it; its stem names the prompt set. size: pixels a side of what the networks see.
        per_group: images of each group, so that none of the sets drawn from it repeats one.
    """

    file: Path
    size: int
    per_group: int


def folder() -> Path:
    """Where tasks look for packs, ``FAIRNB_DATA/packs``."""
    return paths.data() / "packs"


def needed(notebook: str = "") -> dict[str, Needed]:
    """The packs by name that a notebook needs, or all of the paper's.

    How many images a pack needs is the same whichever notebook asks: the largest cell of S1 or S2 in any table.

    Raises:
        UnknownName: no such notebook, or one that reads no packs.
    """
    if notebook and notebook not in tables.GRIDS:
        raise UnknownName("notebook with generated images", notebook, tables.GRIDS)
    found: dict[str, Needed] = {}
    asked = set[str]()
    for book, grid in tables.GRIDS.items():
        for task, per_group in _largest_cells(grid(TIER)).items():
            file = pack_of(task, TIER)
            if file is not None and file.parent == folder():
                most = max(per_group, found[file.stem].per_group if file.stem in found else 0)
                found[file.stem] = Needed(file, tasks.settings_of(task, TIER)["size"], most)
                asked |= {file.stem} if notebook in ("", book) else set()
    return {name: pack for name, pack in found.items() if name in asked}


def training_images(task: str) -> int:
    """Real training images of a task of tier ``paper``: N_R, of which Table 2 takes a part."""
    real = {"CelebA": subsets.CELEBA_CELLS, "UTKFace": subsets.UTKFACE_CELLS}[data_set(task)]
    share = next((one.share for one in VARIANTS if one.share < 1 and task.endswith(one.suffix)), 1.0)
    return sum(subsets.scaled(real, share).values())


def data_set(task: str) -> str:
    """``CelebA`` or ``UTKFace``."""
    return tasks.recipe(task).setting.split(";")[0]


def _largest_cells(grid: Sequence[Run]) -> dict[str, int]:
    found: dict[str, int] = {}
    for run in grid:
        found[run.task] = max(found.get(run.task, 0), _largest_cell(run))
    return found


def _largest_cell(run: Run) -> int:
    """Images in the largest group of the sets that a run draws: of S2, which grows with Table 7's ratio, and of S1."""
    n = training_images(run.task)
    balanced = round(n * run.hparams.get("balanced_ratio", 1.0) / 4)
    if run.method in NO_BIASED_SET:
        return balanced
    return max(balanced, *biased_cells(n, run.hparams.get("bias_share", MAJORITY)).values())


def pack_of(task: str, tier: str) -> Path | None:
    """The pack file that a task reads at a tier, whether it is there or not; None where it reads none."""
    made = tasks.recipe(task).fingerprint
    with packs.watch() as asked, suppress(MissingData):
        (made.other if isinstance(made, Files) else made)(tasks.settings_of(task, tier))
    return asked[0] if asked else None


def to_look_at(task_names: Sequence[str], tier: str) -> dict[str, Pack]:
    """The packs of those tasks that have the first one's setting, by name; of drawn ones ``LOOKED_AT`` images.

    Raises:
        MissingData, BadData: a pack is not there, or damaged.
    """
    found = {}
    for task in task_names:
        file = pack_of(task, tier)
        if file is not None and tasks.recipe(task).setting == tasks.recipe(task_names[0]).setting:
            own = {"size": tasks.settings_of(task, tier)["size"], "most": LOOKED_AT} if file.parent == folder() else {}
            found[file.stem] = packs.read(file, cached=True, **own)
    return found


def told(jobs: Sequence[Job], wanted: Mapping[str, Needed]) -> list[str]:
    """What ``jobs`` would draw, a line each, and in the last one what that costs (an estimate)."""
    left = {job.out.stem: 0 if job.out.is_file() else len(job.items) - len(job.finished()) for job in jobs}
    lines = [f"{job.out.stem}: {_state(job, left[job.out.stem], wanted.get(job.out.stem))}" for job in jobs]
    images = sum(left.values())
    if not images:
        return [*lines, "nothing is left to draw"]
    to_do = [job for job in jobs if left[job.out.stem]]
    return [
        *lines,
        f"{images:,} images are to be drawn: about {hours(images, jobs[0].sampling):.1f} hours of an A100 with Stable "
        f"Diffusion 2.1 ({IMAGES_PER_HOUR:,} an hour at {RELEASED_SIDE} pixels and {Sampling.steps} steps: assumed, "
        f"not measured), {stored(to_do) / 1e9:.1f} GB of packs in {folder()}, and {decoded(to_do) / 1e9:.1f} GB in "
        f"{paths.cache()} once they are read",
    ]


def hours(images: int, sampling: Sampling) -> float:
    """Hours of an A100 with Stable Diffusion 2.1 by ``IMAGES_PER_HOUR``: an estimate, as pixels and steps go."""
    passes = 2 if sampling.guidance > 1 else 1
    larger = ((sampling.resolution or RELEASED_SIDE) / RELEASED_SIDE) ** 2
    return images / IMAGES_PER_HOUR * larger * sampling.steps / Sampling.steps * passes / 2


def stored(jobs: Iterable[Job]) -> int:
    """Bytes of the jobs' packs: an estimate."""
    return round(BYTES_PER_PIXEL * sum(map(_pixels, jobs)))


def decoded(jobs: Iterable[Job]) -> int:
    """Bytes of the jobs' images in the cache, three a pixel."""
    return 3 * sum(map(_pixels, jobs))


def _pixels(job: Job) -> int:
    return len(job.items) * (job.sampling.size or job.sampling.resolution or RELEASED_SIDE) ** 2


def _state(job: Job, left: int, wanted: Needed | None) -> str:
    if job.out.is_file():
        least = min(packs.header(job.out)["counts"].values())
        few = f"; the tables draw {wanted.per_group:,}" if wanted and least < wanted.per_group else ""
        return f"there, {least:,} images a group{few}"
    done = f" ({len(job.items) - left:,} are there)" if left < len(job.items) else ""
    groups = len(job.prompts.groups)
    return f"{groups} groups of {len(job.items) // groups:,} images{done}, {job.sampling.size or 'all'} pixels"
