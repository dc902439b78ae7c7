"""Which settings a run reads: found out by watching it, because a list by hand would be wrong one day.

Evidence is pooled by what was done, and a tier has many numbers that most runs never look at. The ``Settings`` of a
task note every name that is asked for, also under another name and through ``|``; what is copied whole counts as read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_WATCHING: list[set[str]] = []


@contextmanager
def watch() -> Iterator[set[str]]:
    """The set of names that are read while this lasts, also where there is no such setting; watches may be nested."""
    names: set[str] = set()
    _WATCHING.append(names)
    try:
        yield names
    finally:
        _WATCHING[:] = [other for other in _WATCHING if other is not names]


def note(names: Iterable[str]) -> None:
    """Count ``names`` as read: for what was made earlier with them, and is taken from a file or from memory."""
    names = set(names)
    for watching in _WATCHING:
        watching |= names


class Settings(dict[str, Any]):
    """Settings that note what is read of them; to who uses them they are a dict."""

    def __init__(self, values: Mapping[str, Any], origins: Mapping[str, str | None] | None = None) -> None:
        """``origins``: name here -> name of the setting, None for a value that is none; a name not there is its own."""
        super().__init__(values)
        self.origins = dict(origins or {})

    def _note(self, *names: Any) -> None:
        found = [self.origins.get(name, name) for name in names]
        note(name for name in found if name is not None)

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As of a dict."""
        self._note(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._note(*super().keys())
        return super().__iter__()

    def keys(self) -> Any:
        """As of a dict; all count as read."""
        self._note(*super().keys())
        return super().keys()

    def items(self) -> Any:
        """As of a dict; all count as read."""
        self._note(*super().keys())
        return super().items()

    def values(self) -> Any:
        """As of a dict; all count as read."""
        self._note(*super().keys())
        return super().values()

    def copy(self) -> Settings:
        """As of a dict; nothing counts as read."""
        return Settings(plain(self), self.origins)

    def __or__(self, other: Mapping[str, Any]) -> Settings:  # type: ignore[override]
        """``other``'s values are no settings of the tier, so reading them is no news."""
        return Settings(plain(self) | plain(other), self.origins | _origins(other))

    def __ror__(self, other: Mapping[str, Any]) -> Settings:  # type: ignore[override]
        """``other``'s values stand where there is no such setting, which whoever reads them must know."""
        return Settings(plain(other) | plain(self), self.origins)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Settings:
        """``settings`` as they are, or ones that note what is read of them."""
        return settings if isinstance(settings, Settings) else cls(settings)

    def without(self, prefix: str) -> Settings:
        """The settings with ``prefix`` taken off the names that have it; of two of one name the later one stays."""
        values: dict[str, Any] = {}
        origins: dict[str, str | None] = {}
        for name, value in plain(self).items():
            values[name.removeprefix(prefix)] = value
            origins[name.removeprefix(prefix)] = self.origins.get(name, name)
        return Settings(values, origins)


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A plain copy of which nobody is told."""
    return dict(dict.items(settings)) if isinstance(settings, Settings) else dict(settings)


def _origins(other: Mapping[str, Any]) -> dict[str, str | None]:
    if isinstance(other, Settings):
        return {name: other.origins.get(name, name) for name in plain(other)}
    return dict.fromkeys(other)
