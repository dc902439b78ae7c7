"""Slides and lesson plans as one HTML file each, with their pictures inside: they open without a network.

nbconvert's own slides do not: it ships no reveal.js, and its template loads it from a CDN, as its pages do MathJax; no
other installed package has a copy. So nbconvert only turns the Markdown into HTML, and a template of ours
(``assets/course``) makes it a deck: one section a slide, CSS scroll-snap, arrow keys.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from string import Template
from urllib.parse import unquote

from fairnb import paths
from fairnb.errors import BadData
from fairnb.publish.course import drawings, lessons

MOST_SLIDES = 20
IMAGE = re.compile(r'(<img [^>]*src=")([^":]+\.png|draw:\w+)(")')


def slides(lesson: str) -> str:
    """The deck of a lesson. Raises BadData for more than 20 slides or a picture that is missing."""
    parts = re.split(r"\n---+\n", lessons.text(lesson, lessons.SLIDES).strip())
    if len(parts) > MOST_SLIDES:
        raise BadData(f"{lesson}/{lessons.SLIDES} has {len(parts)} slides: keep to {MOST_SLIDES}")
    body = "\n".join(f'<section id="{i}"><div>{_html(lesson, part)}</div></section>' for i, part in enumerate(parts, 1))
    return _filled("slides.html", parts[0], body)


def plan(lesson: str) -> str:
    """The lesson plan as a page."""
    text = lessons.text(lesson, lessons.PLAN)
    return _filled("plan.html", text, _html(lesson, text))


def _html(lesson: str, text: str) -> str:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    def embedded(found: re.Match[str]) -> str:
        return f"{found[1]}data:image/png;base64,{base64.b64encode(_png(lesson, found[2])).decode()}{found[3]}"

    return IMAGE.sub(embedded, markdown2html_mistune(text))


def _png(lesson: str, source: str) -> bytes:
    """The bytes of a picture: a file, seen from the lesson's folder, or ``draw:NAME`` of ``drawings``."""
    if source.startswith("draw:"):
        return drawings.png(source.removeprefix("draw:"))
    file = (lessons.folder() / lesson / unquote(source)).resolve()
    if not file.is_file():
        raise BadData(f"lesson {lesson} shows {source}, which is not there: mend the link")
    return file.read_bytes()


def _filled(template: str, text: str, body: str) -> str:
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    title = heading[1] if heading else "fairnb"
    page = Path(paths.assets() / "course" / template).read_text(encoding="utf-8")
    return Template(page).substitute(title=title, body=body)
