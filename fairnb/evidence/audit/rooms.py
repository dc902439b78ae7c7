"""The audits of the papers: what each room says of its own printed numbers."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from fairnb import registry


@cache
def doors() -> dict[str, ModuleType]:
    """The rooms' modules ``audit`` by slug, sorted.

    Each has ``checks(as_read)`` and ``EXPLANATIONS``, and where there is something to say: ``REPEATED`` with its
    ``ASSUMED`` (see ``repeats``), ``texts(as_read)`` (see ``text``), ``definitions()`` and ``definition_findings``.
    """
    rooms = sorted(registry.rooms().items())
    return {slug: room.door("audit") for slug, room in rooms if room.offers("audit")}
