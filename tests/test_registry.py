"""Rooms are found by their folders, in the order of their notebooks, and named in errors."""

import pytest

from fairnb import registry
from fairnb.errors import BadData, UnknownName


def test_the_five_papers_in_the_order_of_their_notebooks():
    rooms = registry.rooms()
    assert list(rooms)[:5] == ["aimfair", "reactivate", "asac", "fairlora", "fineface"]
    numbers = [room.paper.notebooks for room in rooms.values()]
    assert numbers == sorted(numbers) and numbers[:5] == [10, 20, 30, 40, 50]
    assert all(room.paper.title and room.paper.source for room in rooms.values())


def test_an_unknown_paper_is_a_sentence_with_the_nearest():
    with pytest.raises(UnknownName, match="unknown paper 'fineace': did you mean 'fineface'"):
        registry.room("fineace")


def test_doors_are_files_or_folders_of_that_name():
    room = registry.room("aimfair")
    assert room.doors("tasks") == ["tasks_celeba", "tasks_toy", "tasks_utkface"] and not room.offers("tasks")
    assert registry.room("fineface").offers("figures"), "a folder is a door too"
    with pytest.raises(BadData, match="paper fairlora has no audit in .*: add one"):
        registry.room("fairlora").door("audit")


def test_two_rooms_with_one_slug_are_refused(monkeypatch):
    package = registry.room("asac").package
    monkeypatch.setattr(registry, "_packages", lambda: [package, package])
    with pytest.raises(BadData, match="two papers are called 'asac'"):
        registry.rooms.__wrapped__()


@pytest.mark.parametrize(
    ("package", "sentence"),
    [
        ("no_such_distribution", "the paper in no_such_distribution cannot be opened .*: mend it, or uninstall it"),
        ("fairnb.papers.asac.figures", "cannot be opened"),
    ],
)
def test_a_room_that_is_none_is_a_sentence(package, sentence, monkeypatch):
    monkeypatch.setattr(registry, "_packages", lambda: [package])
    with pytest.raises(BadData, match=sentence):
        registry.rooms.__wrapped__()


def test_an_entry_of_two_rooms_is_refused(monkeypatch):
    twin = registry.room("asac")
    monkeypatch.setattr(registry, "rooms", lambda: {"one": twin, "two": twin})
    with pytest.raises(BadData, match="GRIDS of fairnb.papers.asac.tables has '30_asac', which another room has too"):
        registry.collected("tables", "GRIDS")
