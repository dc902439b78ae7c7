"""Where a number comes from: the code's hash knows every file of every room."""

from fairnb import paths, registry
from fairnb.evidence import provenance


def test_every_room_is_part_of_the_code():
    folders = provenance._code_folders()
    assert folders[0] == paths.assets().parent and (folders[0] / "registry.py").is_file()
    for room in registry.rooms().values():
        assert {room.folder, *room.folder.parents} & set(folders), f"{room.package} is hashed"


def test_any_changed_file_is_other_code(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_code_folders", lambda: [tmp_path])
    (tmp_path / "room" / "__pycache__").mkdir(parents=True)
    seen = []
    for name, text in (("a.py", "1"), ("room/b.csv", "1"), ("room/b.csv", "2"), ("room/__pycache__/c.pyc", "1")):
        (tmp_path / name).write_text(text)
        provenance.code_hash.cache_clear()
        seen.append(provenance.code_hash())
    provenance.code_hash.cache_clear()
    assert len(set(seen)) == 3 and seen[2] == seen[3], "what Python compiles is no code"


def test_what_lies_beside_our_files_is_no_code(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_code_folders", lambda: [tmp_path])
    (tmp_path / "a.py").write_text("1")
    provenance.code_hash.cache_clear()
    before = provenance.code_hash()
    for name in (".DS_Store", ".a.py.swp", "a.py~", "a.py.orig", "Thumbs.db", ".ipynb_checkpoints/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    provenance.code_hash.cache_clear()
    assert provenance.code_hash() == before
    provenance.code_hash.cache_clear()
