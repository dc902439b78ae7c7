"""``fairnb generate`` and ``fairnb released-prompts``: packs of generated images, from prompts to what tasks read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fairnb.papers.aimfair.packs_needed import Needed
    from fairnb.synthesis.jobs import Job
    from fairnb.synthesis.pipelines import Sampling


@click.command()
@click.option(
    "--prompts", default="", help="a shipped prompt set or a YAML or CSV file; with --notebook or --all a folder of "
    "such files, each of which takes the place of the shipped set of its name"
)  # fmt: skip
@click.option("--notebook", default="", help="draw all packs that a notebook needs at tier paper, e.g. 10_aimfair")
@click.option("--all", "everything", is_flag=True, help="draw all packs that tier paper needs")
@click.option("--dry", is_flag=True, help="say what would be drawn and what it costs, and stop")
@click.option("--out", default="", help="the pack to write  [default: FAIRNB_DATA/packs/SET.tar]")
@click.option("--model", default="", help="'tiny', a diffusers folder or a hub id  [default: FAIRNB_T2I, then SD 2.1]")
@click.option("--per-group", type=int, help="images per group  [default: as many as tier paper's tables draw]")
@click.option("--size", type=int, help="side in pixels of the stored images  [default: that of tier paper]")
@click.option("--resolution", type=int, help="side in pixels of what is drawn  [default: the model's, at most 512]")
@click.option("--scheduler", default="DDIMScheduler", show_default=True, help="a class of diffusers; '': the model's")
@click.option("--steps", type=int, default=50, show_default=True)
@click.option("--guidance", type=float, default=9.0, show_default=True)
@click.option("--batch-size", type=int, default=16, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def generate(
    prompts: str, notebook: str, everything: bool, dry: bool, out: str, model: str, per_group: int | None, seed: int,
    **sampling: Any,
) -> None:  # fmt: skip
    """Draw packs of labelled images from prompts, as AIM-Fair's released script does; goes on where it was stopped."""
    from fairnb.data import files
    from fairnb.papers.aimfair import packs_needed
    from fairnb.synthesis.generate import generate as draw
    from fairnb.synthesis.generate import load_pipeline
    from fairnb.synthesis.pipelines import Sampling

    asked = Sampling(**sampling | {"scheduler": sampling["scheduler"] or None})
    several = bool(notebook or everything)
    wanted = packs_needed.needed("" if everything else notebook)
    sources = _sources(prompts, out, wanted, several)
    jobs = [_job(source, file, wanted.get(file.stem), per_group, asked, seed) for source, file in sources]
    for line in packs_needed.told(jobs, wanted):
        click.echo(line)
    missing = [job for job in jobs if not (several and job.out.is_file())]
    if dry or not missing:
        return
    files.require_space(missing[0].out, packs_needed.stored(missing))
    pipeline = model or None if missing[0].out.is_file() else load_pipeline(model or None, scheduler=asked.scheduler)
    for job in missing:
        drawn = draw(job.prompts, job.out, per_group=job.per_group, model=pipeline, sampling=job.sampling, seed=seed)
        click.echo(f"{drawn} is complete")


def _sources(prompts: str, out: str, wanted: dict[str, Needed], several: bool) -> list[tuple[str, Path]]:
    """Of each pack the prompt set, a name or a file, and where it is written."""
    from fairnb.errors import BadData
    from fairnb.papers.aimfair import packs_needed

    if not several:
        if not prompts:
            raise BadData("nothing says what to draw: give --prompts, --notebook or --all")
        return [(prompts, Path(out or packs_needed.folder() / f"{Path(prompts).stem}.tar"))]
    if out:
        raise BadData(f"--out {out} is one file: give it with --prompts SET alone, packs of tables have their places")
    if prompts and not Path(prompts).is_dir():
        raise BadData(f"--prompts {prompts} is no folder: with --notebook or --all give a folder of prompt sets")
    files = sorted(Path(prompts).iterdir()) if prompts else []
    own = {file.stem: str(file) for file in files if file.suffix in (".yaml", ".yml", ".csv")}
    return [(own.get(name, name), pack.file) for name, pack in wanted.items()]


def _job(source: str, out: Path, needed: Needed | None, per_group: int | None, asked: Sampling, seed: int) -> Job:
    from fairnb.errors import BadData
    from fairnb.synthesis import prompts as sets
    from fairnb.synthesis.jobs import Job

    count = per_group if per_group is not None or needed is None else needed.per_group
    if count is None:
        raise BadData(f"no table of tier paper reads {out.name}, so nothing says how many images: give --per-group")
    size = asked.size or (needed.size if needed else None)
    return Job(sets.read(source), out, per_group=count, seed=seed, sampling=replace(asked, size=size))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--into", required=True, type=click.Path(path_type=Path), help="folder for the prompt sets, as YAML")
def released_prompts(folder: Path, into: Path) -> None:
    """Read the prompts in FOLDER, AIM-Fair's released repository, for `fairnb generate --prompts`."""
    from fairnb.papers.aimfair import released_prompts as released
    from fairnb.synthesis import prompts as sets

    for made in released.read(folder):
        sets.write(made, into / f"{made.name}.yaml")
        click.echo(f"{into / made.name}.yaml: {len(made)} prompts")


COMMANDS = {"generate": generate, "released-prompts": released_prompts}
