"""The image and array cache: right pixels, decoded once, nothing half-written, errors that name the file."""

import errno
import json
import multiprocessing
import os

import numpy as np
import pytest
import stranger
from PIL import Image

from fairnb import paths
from fairnb.data import cache
from fairnb.errors import BadData, DiskTrouble, FairnbError, MissingData


@pytest.fixture
def folder(sandbox):
    """Six small JPEGs (one of them grey) in ``sandbox/images``."""
    root = sandbox / "images"
    root.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        pixels = rng.integers(0, 256, (24, 18, 3), dtype=np.uint8)
        Image.fromarray(pixels[..., 0] if i == 5 else pixels).save(root / f"{i}.jpg")
    return root


FILES = [f"{i}.jpg" for i in range(6)]


def left_over(pattern="*"):
    return sorted(p.name for p in (paths.cache() / "images").glob(pattern) if not p.name.endswith(".lock"))


def test_pixels_are_pillows_and_order_is_kept(folder):
    got = cache.images(FILES[::-1], 16, name="toy", root=folder)
    assert isinstance(got, np.memmap) and not got.flags.writeable
    assert got.shape == (6, 3, 16, 16) and got.dtype == np.uint8
    with Image.open(folder / "0.jpg") as image:
        wanted = np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BILINEAR))
    assert np.array_equal(got[5], wanted.transpose(2, 0, 1))
    assert np.array_equal(got[0][0], got[0][1])  # the grey one became RGB


def test_a_frame_is_squeezed_cut_and_resized_and_has_an_entry_of_its_own(folder):
    whole = cache.images(FILES, 12, name="toy", root=folder)
    part = cache.images(FILES, 12, name="toy", root=folder, frame=cache.Frame(20, (3, 5, 17, 19)))
    with Image.open(folder / "2.jpg") as image:
        square = image.convert("RGB").resize((20, 20), Image.Resampling.BILINEAR)
    wanted = np.asarray(square.crop((3, 5, 17, 19)).resize((12, 12), Image.Resampling.BILINEAR))
    assert np.array_equal(part[2], wanted.transpose(2, 0, 1)) and not np.array_equal(part, whole)
    assert len(left_over("*.npy")) == 2


def test_same_as_torchvision_resize(folder):
    transforms = pytest.importorskip("torchvision.transforms")
    with Image.open(folder / "1.jpg") as image:
        wanted = np.asarray(transforms.Resize((16, 16))(image.convert("RGB"))).transpose(2, 0, 1)
    assert np.array_equal(cache.images(["1.jpg"], 16, name="toy", root=folder)[0], wanted)


def test_decoded_once_until_something_changes(folder, monkeypatch):
    cache.images(FILES, 16, name="toy", root=folder)
    calls = []
    decode = cache.decode
    monkeypatch.setattr(cache, "decode", lambda *a, **k: calls.append(a) or decode(*a, **k))
    cache.images(FILES, 16, name="toy", root=folder)
    assert calls == []
    cache.images(FILES, 8, name="toy", root=folder)
    cache.images(FILES[:3], 16, name="toy", root=folder)
    os.utime(folder / "0.jpg", (1, 1))
    cache.images(FILES, 16, name="toy", root=folder)
    assert len(calls) == 6 + 3 + 6
    sidecar = json.loads(next((paths.cache() / "images").glob("*.json")).read_text(encoding="utf-8"))
    assert {"name", "size", "source", "version", "pillow"} <= set(sidecar)


@pytest.mark.parametrize("content", [b"", b"<html>quota exceeded</html>", "truncated"])
def test_bad_file_is_named_and_nothing_is_left(folder, content):
    bad = folder / "3.jpg"
    bad.write_bytes(bad.read_bytes()[:300] if content == "truncated" else content)
    with pytest.raises(BadData, match=r"toy: .*3\.jpg is truncated or no image .*: get this file again"):
        cache.images(FILES, 16, name="toy", root=folder)
    assert left_over("*.npy*") == []


def test_missing_images_are_counted(folder):
    (folder / "2.jpg").unlink()
    (folder / "4.jpg").unlink()
    with pytest.raises(MissingData, match=r"2 of 6 images are missing under .*, the first is 2\.jpg"):
        cache.images(FILES, 16, name="toy", root=folder)


def test_nothing_to_load_is_an_error(folder):
    with pytest.raises(BadData, match="0 images"):
        cache.images([], 16, name="toy", root=folder)


def test_full_disk_before_and_while_writing(folder, monkeypatch):
    monkeypatch.setattr(cache.disk, "free_bytes", lambda path: 10)
    with pytest.raises(FairnbError, match="disk is full"):
        cache.images(FILES, 16, name="toy", root=folder)
    monkeypatch.undo()
    monkeypatch.setenv("FAIRNB_CACHE", str(folder.parent / "cache"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "_decode_all", full)
    with pytest.raises(FairnbError, match="disk is full"):
        cache.images(FILES, 16, name="toy", root=folder)
    assert left_over("*.npy*") == []


def test_shortened_cache_file_is_made_again(folder):
    before = np.array(cache.images(FILES, 16, name="toy", root=folder))
    entry = next((paths.cache() / "images").glob("*.npy"))
    for kept in (0, 50, 1000):
        data = entry.read_bytes()
        entry.unlink()
        entry.write_bytes(data[:kept])
        assert np.array_equal(cache.images(FILES, 16, name="toy", root=folder), before)


def make_and_count(folder):
    def make():
        with open(folder / "made", "a", encoding="utf-8") as log:
            log.write("x")
        return {"x": np.arange(12).reshape(3, 4), "y": np.zeros(3, np.int64)}

    got = cache.cached_arrays("toy faces v1 seed=0", make)
    return got["x"].sum(), sorted(got)


def test_concurrent_processes_compute_once(sandbox):
    with multiprocessing.get_context("fork").Pool(3) as pool:
        results = pool.map(make_and_count, [sandbox] * 6, chunksize=1)
    assert results == [(66, ["x", "y"])] * 6
    assert (sandbox / "made").read_text(encoding="utf-8") == "x"


def load_and_count(folder):
    return int(cache.images(FILES, 16, name="toy", root=folder).sum())


def test_concurrent_processes_decode_once(folder, monkeypatch):
    decode_all = cache._decode_all

    def counting(*args):
        with open(folder / "decoded", "a", encoding="utf-8") as log:
            log.write("x")
        decode_all(*args)

    monkeypatch.setattr(cache, "_decode_all", counting)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        results = pool.map(load_and_count, [folder] * 6, chunksize=1)
    assert len(set(results)) == 1 and (folder / "decoded").read_text(encoding="utf-8") == "x"


def test_arrays_are_kept_by_key_and_failures_leave_nothing(sandbox):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError):
        cache.cached_arrays("k", fail)
    first = cache.cached_arrays("k", lambda: {"a": np.ones(2)})
    assert not first["a"].flags.writeable
    assert cache.cached_arrays("k", fail)["a"].tolist() == [1, 1]
    assert cache.cached_arrays("k/2", lambda: {"a": np.zeros(2)})["a"].tolist() == [0, 0]
    assert not list((paths.cache() / "arrays").glob(".*.tmp"))


def test_a_shortened_array_is_made_again(sandbox, monkeypatch):
    monkeypatch.setenv("FAIRNB_CACHE", str(sandbox / "own"))
    make = lambda: {"a": np.arange(100), "b": np.zeros(3)}  # noqa: E731
    cache.cached_arrays("k", make)
    [file] = (paths.cache() / "arrays").glob("*/a.npy")
    for kept in (200, 10, 0):
        os.truncate(file, kept)
        assert np.array_equal(cache.cached_arrays("k", make)["a"], np.arange(100))
    cache.cached_arrays("k", lambda: pytest.fail("made again"))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.ESTALE], ids=errno.errorcode.get)
def test_what_cannot_be_read_just_now_is_kept_and_not_made_again(folder, sandbox, monkeypatch, number):
    monkeypatch.setenv("FAIRNB_CACHE", str(sandbox / "own"))
    cache.images(FILES, 8, name="toy", root=folder)
    cache.cached_arrays("k", lambda: {"a": np.arange(3)})
    before = {file: file.stat().st_mtime_ns for file in paths.cache().rglob("*")}

    def refused(file, **_):
        raise OSError(number, os.strerror(number), str(file))

    monkeypatch.setattr(cache.np, "load", refused)
    for work in (lambda: cache.images(FILES, 8, name="toy", root=folder), lambda: cache.cached_arrays("k", dict)):
        with pytest.raises(DiskTrouble, match=rf"npy cannot be used .{os.strerror(number)}.: "):
            work()
    assert {file: file.stat().st_mtime_ns for file in paths.cache().rglob("*")} == before


def test_a_link_to_itself_among_images_is_a_sentence(folder):
    (folder / "2.jpg").unlink()
    (folder / "2.jpg").symlink_to("2.jpg")
    with pytest.raises(DiskTrouble, match=r"2.jpg cannot be used .Too many levels of symbolic links.: a link leads to"):
        cache.images(FILES, 8, name="toy", root=folder)


def test_a_cache_that_may_only_be_read_serves_what_it_has(monkeypatch):
    def serve(key):
        return cache.cached_arrays(key, lambda: {"a": np.arange(3)})["a"].tolist()

    with stranger.open_folder() as shared:
        monkeypatch.setenv("FAIRNB_CACHE", str(shared))
        assert serve("k") == stranger.asks(serve, "k") == [0, 1, 2]
        said = stranger.asks(serve, "other")
        assert said.startswith(f"DiskTrouble: {shared / 'arrays'}/other-")
        assert "Permission denied): ask root for the right to " in said and "FAIRNB_CACHE" in said


def test_images_in_a_folder_that_one_may_not_enter_are_not_missing(sandbox):
    with stranger.open_folder() as root:
        (root / "faces").mkdir(mode=0o700)
        said = stranger.asks(lambda: cache.images(["faces/1.jpg"], 8, name="toy", root=root))
        assert said.startswith(f"DiskTrouble: {root / 'faces' / '1.jpg'} cannot be used (Permission denied): ask root")
