"""``fairnb site`` and ``fairnb site-check``: the pages that can be read without running anything."""

from __future__ import annotations

import sys

import click

from fairnb import paths


@click.command()
@click.option("--tier", default=paths.DEFAULT_TIER, show_default=True, help="whose executed notebooks are shown")
def site(tier: str) -> None:
    """Build the web pages of all claims, papers, notebooks and guides in build/site/."""
    from fairnb.publish.site import build

    click.echo(build.build(tier))


@click.command()
def site_check() -> None:
    """Check build/site/: links, pictures and their words, and every page in a browser where there is Chromium."""
    from fairnb.publish.site import browser, check

    found = check.check(paths.site())
    said, seen = browser.check(paths.site())
    for sentence in (*found, *seen):
        click.echo(sentence)
    click.echo(said)
    click.echo(f"{len(found) + len(seen)} faults")
    if found or seen:
        sys.exit(1)


COMMANDS = (site, site_check)
