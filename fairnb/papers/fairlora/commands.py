"""``fairnb party``: certificates, and a party's service, for an exchange between machines (docs/two_parties.md)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from fairnb.errors import FairnbError


class _Sentences(click.Group):
    """A group whose commands print a FairnbError as one sentence."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except FairnbError as error:
            click.echo(f"fairnb: {error}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            click.echo("fairnb: stopped; finished steps are kept, the same command goes on from here", err=True)
            os._exit(130)  # a step at work is not waited for: it is done again


@click.group(cls=_Sentences)
def party() -> None:
    """An exchange of adapters between two machines, see docs/two_parties.md."""


@party.command()
@click.option("--role", required=True, help="developer, auditor or driver")
@click.option("--into", required=True, type=click.Path(path_type=Path), help="a new folder, for its owner alone")
def certificate(role: str, into: Path) -> None:
    """Make a key and its certificate; the certificate is to be given to those whom you deal with."""
    from fairnb.papers.fairlora.protocol import certificates

    click.echo(f"give the others {certificates.create(role, into)}; the key beside it stays here")


@party.command()
@click.argument("file", type=click.Path(path_type=Path))
def serve(file: Path) -> None:
    """Answer the driver for one exchange, as FILE (TOML) says, until it is stopped."""
    from fairnb.papers.fairlora.protocol import serving, terms

    own = terms.party(file)
    serving.serve(own, lambda address: click.echo(f"the {own.own.role} answers at {address}"))


@party.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def verify(file: Path, folder: Path) -> None:
    """Check the signatures under all that crossed in FOLDER, an exchange of the driver with FILE (TOML)."""
    from fairnb.papers.fairlora.protocol import signatures, terms

    own = terms.driver(file)
    for line in signatures.verified(folder, own.terms.exchange, own.certificates):
        click.echo(f"step {line.step}: {line.sender} to {line.receiver}, {line.size} bytes, {line.sha256}")


COMMANDS = {"party": party}

if __name__ == "__main__":
    party()
