"""``fairnb compare``: your own data on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import click

REPORT, TABLE, MODEL = "report.html", "table.csv", "model"


@click.command()
@click.argument("source")
@click.option("--target", default="target", show_default=True, help="column of the target, of two values")
@click.option("--protected", default="protected", show_default=True, help="column, or several: sex,race")
@click.option("--file", default="file", show_default=True, help="column of image files; without it, rows of features")
@click.option("--images", default=None, help="folder that the files lie in (default: that of SOURCE)")
@click.option("--split", default="split", show_default=True, help="column of train, val or test, if there is one")
@click.option("--person", default=None, help="column of whose sample it is: a person stays in one part")
@click.option("--positive", default=None, help="the target's value that is class 1 (default: the larger one)")
@click.option("--without", default="", help="groups to leave out, separated by semicolons")
@click.option("--methods", default="", help="methods, e.g. jtt,asac (default: all that fit)")
@click.option("--gaps", default="eo_max,ddp", show_default=True, help="metrics that are gaps; the first one decides")
@click.option("--network", default=None, help="a name, package.module:function, or a checkpoint's folder")
@click.option("--budget", default=10.0, show_default=True, help="minutes")
@click.option("--jobs", default=None, type=int, help="worker processes (default: one per core)")
@click.option("--out", default="fairnb-compare", show_default=True, help="folder for report, table, model and runs")
@click.option("--dry", is_flag=True, help="say what is in the data, and train nothing")
def compare(source, target, protected, without, methods, gaps, network, budget, jobs, out, dry, **reading) -> None:
    """Compare methods on your own images or table: SOURCE is a CSV or parquet file, or a folder CLASS/GROUP/image."""
    from fairnb import yours
    from fairnb.data.files import write_atomic

    place = Path(out).expanduser().resolve()
    write_atomic(place / ".written", "")  # before an hour of work, not after it
    found = yours.read(
        source, target=target, protected=_listed(protected, ","), without=_listed(without, ";"), **reading
    )
    click.echo(f"{found}\n")
    if dry:
        return
    for variable, folder in (("FAIRNB_RESULTS", place), ("FAIRNB_CACHE", place / "cache")):
        os.environ.setdefault(variable, str(folder))
    wanted = _listed(methods, ",") or None
    options = {"methods": wanted, "gaps": _listed(gaps, ","), "network": network}
    result = yours.compare(found, budget=budget, jobs=jobs, **options)
    write_atomic(place / TABLE, result.table().to_csv(index=False))
    click.echo(f"{result}\n\n{result.report(place / REPORT)}")
    click.echo(str(result.save(place / MODEL)))


def _listed(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark) if part.strip()]


COMMANDS = (compare,)
