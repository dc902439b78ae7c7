"""`make site`: the pages' sources are written to ``build/site-sources``, and Sphinx makes ``build/site`` of them."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from fairnb import __version__, paths, registry
from fairnb.data.files import plain_errors
from fairnb.errors import FairnbError
from fairnb.evidence import reported
from fairnb.publish import books
from fairnb.publish.site import claims, executed, front, guides
from fairnb.publish.site.pages import Pages
from fairnb.tasks import tiers

STATIC = ("site.css", "filter.js")
COLOURS = re.compile(r"\x1b\[[\d;]*m")
SHOWN = 5  # warnings in the sentence that says that a site is not whole
CONFIGURATION: dict[str, Any] = {
    "project": "fairnb",
    "author": "the fairnb authors",
    "release": __version__,
    "extensions": ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.githubpages"],
    "exclude_patterns": [".made"],
    "language": "en",
    "nb_execution_mode": "off",
    "nb_ipywidgets_js": {},  # it would be fetched from elsewhere
    "nb_number_source_lines": False,
    "myst_enable_extensions": ["colon_fence"],
    "myst_heading_anchors": 4,
    "autodoc_typehints": "signature",
    "autodoc_typehints_format": "fully-qualified",
    "maximum_signature_line_length": 80,
    "add_module_names": False,
    "html_theme": "sphinx_book_theme",
    "html_title": "fairnb",
    "html_static_path": [str(paths.assets() / "site")],
    "html_css_files": [STATIC[0]],
    "html_js_files": [STATIC[1]],
    "html_context": {"default_mode": "auto"},
    "html_copy_source": False,
    "html_use_index": False,
    "html_domain_indices": False,
    "html_show_sphinx": False,
    "html_show_copyright": False,
    "html_last_updated_fmt": None,
    "html_theme_options": {
        "home_page_in_toc": True,
        **{place: [] for place in ("navbar_start", "navbar_center", "navbar_end", "navbar_persistent")},
        "use_download_button": False,
        "use_fullscreen_button": False,
        "show_toc_level": 2,
        "show_navbar_depth": 1,
    },
}


def planned() -> dict[str, str]:
    """What has a page (see ``Pages.where``) -> its source, of the whole site."""
    found = {"README.md": "index.md", "audit": "audit.md", "api": "api.md", "results/README.md": "results.md"}
    found["notebooks/README.md"] = "notebooks/index.md"
    found |= {f"claim {claim}": f"claims/{claim}.md" for claim in reported.claims()["id"]}
    found |= {f"paper {slug}": f"papers/{slug}.md" for slug in registry.rooms()}
    found |= {f"notebooks/{name}.ipynb": f"notebooks/{name}.ipynb" for name in books.names()}
    return found | {name: f"guides/{_place(name)}" for name in guides.found()}


def _place(name: str) -> str:
    return (
        name.removeprefix("docs/").replace("/README.md", ".md").replace("/lesson.md", ".md").replace("/", "_").lower()
    )


def build(tier: str, only: Collection[str] = (), out: Path | None = None) -> str:
    """Build the site; returns a sentence on it.

    Args:
        tier: whose executed notebooks are shown. only: keys of ``planned`` (and the front page); all if empty.
        out: folder of the site, by default ``build/site``; its sources are written beside it.

    Raises:
        FairnbError: a notebook tells of this machine, a link leads nowhere, or Sphinx is not there.
    """
    tiers.get(tier)
    if not paths.has_checkout():
        raise FairnbError(
            "a site is made of a checkout's notebooks, guides and ledger: `git clone` one, and work in it"
        )
    out = out or paths.site()
    sources = out.with_name(f"{out.name}-sources")
    where = {what: page for what, page in planned().items() if not only or what in {*only, "README.md"}}
    with plain_errors(out):
        shutil.rmtree(sources, ignore_errors=True)
        write(Pages(sources, tier, where))
        made = _sphinx(sources, CONFIGURATION | ({"suppress_warnings": ["toc.not_included"]} if only else {}))
        shutil.rmtree(out, ignore_errors=True)
        made.replace(out)
    files = [file for file in out.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    return f"{len(where)} pages, {size:.0f} MB: open {out / 'index.html'}"


def write(pages: Pages) -> None:
    """Write the sources of all pages. Raises FairnbError: a notebook tells of this machine."""
    chosen = [claim for claim in reported.claims()["id"] if f"claim {claim}" in pages.where]
    found = claims.standings(chosen)
    executed.write(pages)
    claims.write(pages, found)
    front.write(pages, found)
    guides.write(pages)


def _sphinx(sources: Path, configuration: dict[str, Any]) -> Path:
    """Make pages of the sources; returns their folder, within these: an old site stays until the new one is whole."""
    try:
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace, patch_docutils
    except ImportError:
        raise FairnbError("Sphinx is not installed: `make env`, or pip install 'fairnb[docs]'") from None
    said, made = io.StringIO(), sources / ".made"
    out, trees = made / "html", made / "doctrees"
    with patch_docutils(None), docutils_namespace():  # what Sphinx registers must not outlive it
        app = Sphinx(sources, None, out, trees, "html", confoverrides=configuration, status=None, warning=said)
        app.connect("autodoc-process-docstring", lambda *event: guides.as_rst(event[-1]))
        app.connect("autodoc-skip-member", lambda *event: True if guides.is_foreign(event[2]) else None)
        app.build()
    told = COLOURS.sub("", said.getvalue()).replace(f"{sources}/", "")
    if warned := [line for line in told.splitlines() if "WARNING" in line or "ERROR" in line]:
        raise FairnbError(f"the site has {len(warned)} faults, and is not whole: {'; '.join(warned[:SHOWN])}")
    (out / ".buildinfo").unlink()  # what Sphinx would like to remember is another at each build
    return out
