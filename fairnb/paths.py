"""Where fairnb reads and writes. Every folder can be moved by an environment variable; none is created by reading."""

import os
from pathlib import Path

DEFAULT_TIER = "quick"


def _checkout() -> Path:
    """The folder above this package; where that is no checkout (an installed wheel), the one its user works in."""
    above = Path(__file__).resolve().parents[1]
    try:
        return above if (above / "pyproject.toml").is_file() else Path.cwd()
    except FileNotFoundError:  # a working directory that somebody has removed
        return above


CHECKOUT = _checkout()
FOLDERS = ("FAIRNB_HOME", "FAIRNB_RESULTS", "FAIRNB_CACHE", "FAIRNB_DATA", "FAIRNB_IMAGENET")  # each is told below


def settle() -> None:
    """Make every folder that a variable of ``FOLDERS`` names absolute, as it is seen from the working directory.

    A command does so once at its start: notebooks and workers run elsewhere, where a relative path would not do.
    """
    for name in filter(os.environ.get, FOLDERS):
        os.environ[name] = os.path.abspath(os.path.expanduser(os.environ[name]))


def named(variable: str, otherwise: Path) -> Path:
    """The folder that ``variable`` names, ``~`` and all, else ``otherwise``.

    A relative one lies in the checkout: a kernel of Jupyter works in ``notebooks/``, and nobody means a folder there.
    """
    given = os.environ.get(variable)
    if not given:
        return otherwise
    base = CHECKOUT if variable == "FAIRNB_HOME" else project()
    return Path(os.path.normpath(base / os.path.expanduser(given)))


def has_checkout() -> bool:
    """Whether there is a checkout, or ``FAIRNB_HOME`` names one; a wheel in a folder of its user's has none."""
    return bool(os.environ.get("FAIRNB_HOME")) or (CHECKOUT / "pyproject.toml").is_file()


def project() -> Path:
    """The checkout that holds ``notebooks/`` (``FAIRNB_HOME``, else ``CHECKOUT``)."""
    return named("FAIRNB_HOME", CHECKOUT)


def shown(place: Path) -> str:
    """``place`` for people, from the checkout on where it lies in there: what a notebook shows may be published."""
    return place.relative_to(project()).as_posix() if place.is_relative_to(project()) else str(place)


def assets() -> Path:
    """What ships with the package: weights, prompts, packs of generated images."""
    return Path(__file__).parent / "assets"


def notebooks() -> Path:
    """The folder of the numbered notebooks."""
    return project() / "notebooks"


def results_root() -> Path:
    """``results/`` (``FAIRNB_RESULTS``): what this machine has made; ``runs/`` is shared by all tiers."""
    return named("FAIRNB_RESULTS", project() / "results")


def results(tier: str = DEFAULT_TIER) -> Path:
    """Where a tier's tables, figures and executed notebooks go.

    The default tier writes to ``results/`` itself, any other one to ``results/<tier>/``: a run at tier ``open``
    must not overwrite the tables of tier ``quick``.
    """
    return results_root() if tier == DEFAULT_TIER else results_root() / tier


def tables(tier: str = DEFAULT_TIER) -> Path:
    """Tables (csv, md, tex) of a tier."""
    return results(tier) / "tables"


def figures(tier: str = DEFAULT_TIER) -> Path:
    """Figures (png, pdf) of a tier."""
    return results(tier) / "figures"


def executed(tier: str = DEFAULT_TIER) -> Path:
    """Executed notebooks of a tier and their receipts."""
    return results(tier) / "executed"


def runs() -> Path:
    """Run records, one per run key."""
    return results_root() / "runs"


def reference(tier: str = DEFAULT_TIER) -> Path:
    """The committed results that ``make verify`` compares with (always inside the checkout)."""
    return project() / "results" / "reference" / tier


def evidence() -> Path:
    """The ledger of finished runs, committed and never rewritten (always inside the checkout)."""
    return project() / "results" / "evidence"


def replies() -> Path:
    """What authors say to a verdict, a file ``<claim>.md`` each, committed (always inside the checkout)."""
    return project() / "results" / "replies"


def site() -> Path:
    """The web pages that ``make site`` writes; their sources are in ``site-sources`` beside them."""
    return project() / "build" / "site"


def results_page() -> Path:
    """The generated page that GitHub shows for ``results/`` (always inside the checkout)."""
    return project() / "results" / "README.md"


def is_committed(item: Path) -> bool:
    """Whether ``item`` in a results folder is something that git keeps, or lies in it: ``clean`` spares it.

    The folder may be that of another checkout, so the names alone are spared, too.
    """
    kept = [results_page(), reference().parent, evidence(), replies()]
    inside = any(item.resolve().is_relative_to(own.resolve()) for own in kept)
    return inside or item.name in {own.name for own in kept}


def cache() -> Path:
    """Things that can be made again: decoded images, rendered toy faces, biased models (``FAIRNB_CACHE``)."""
    return named("FAIRNB_CACHE", project() / ".cache")


def data() -> Path:
    """Root of the real data sets, each in its owner's layout (``FAIRNB_DATA``, else ``data/`` in the checkout)."""
    return named("FAIRNB_DATA", project() / "data")


def imagenet() -> Path:
    """Folder of the ImageNet weights, or ResNet-18's file itself (``FAIRNB_IMAGENET``, else in the real data's)."""
    return named("FAIRNB_IMAGENET", data() / "weights")
