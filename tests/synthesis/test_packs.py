"""Packs: the same bytes twice, labels as asked, and one sentence for every kind of damage."""

import io
import json
import tarfile
import time
import tracemalloc

import numpy as np
import pytest

from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.synthesis import packs
from fairnb.synthesis.pack_files import canonical, sha256

N, SIDE = 12, 16


def rows(n=N, side=SIDE):
    fixed = {"prompt_set": "made up", "scheduler": "none", "steps": 1, "guidance": 3.0, "model": "none"}
    fixed |= {"model_hash": "12e4", "width": side, "height": side}
    return [
        {"file": f"{i:06d}.png", "Smiling": i % 2, "Male": i // 2 % 2, "prompt": f"face, {i}", "seed": i, **fixed}
        for i in range(n)
    ]


def pictures(n=N, side=SIDE):
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "few.tar"
    packs.write(path, [packs.encode(p, None)[1] for p in pictures()], rows(), attributes=["Smiling", "Male"])
    return path


def members(path):
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}


def rewrite(path, files):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def resealed(files):
    """The files with all hashes of header and manifest made right again, as a careless editor's tool might."""
    header = json.loads(files["pack.json"])
    header.pop("sha256")
    lines = files["manifest.csv"].decode().splitlines()
    for i, line in enumerate(lines[1:], 1):
        name, _, rest = line.split(",", 2)
        lines[i] = f"{name},{sha256(files[name])},{rest}" if name in files else line
    files["manifest.csv"] = ("\n".join(lines) + "\n").encode()
    header |= {"manifest_sha256": sha256(files["manifest.csv"]), "images": len(lines) - 1}
    header["sha256"] = sha256(canonical(header))
    return files | {"pack.json": json.dumps(header, indent=1).encode()}


def test_what_was_written_is_read(pack):
    found = packs.read(pack)
    assert np.array_equal(found.images, pictures().transpose(0, 3, 1, 2)) and len(found) == N
    assert found.manifest.prompt[3] == "face, 3" and found.manifest.model_hash[0] == "12e4"
    assert found.header["counts"] == {f"Smiling={s}, Male={m}": 3 for m in (0, 1) for s in (0, 1)}
    assert packs.verify(pack) == found.header


def test_a_split_has_the_labels_that_were_asked_for(pack):
    split = packs.read(pack).split("Smiling", "Male")
    assert split.target.tolist() == [i % 2 for i in range(N)]
    assert split.protected.tolist() == [i // 2 % 2 for i in range(N)]
    assert split.ids[7] == "few/000007" and (split.target_name, split.protected_name) == ("Smiling", "Male")
    with pytest.raises(UnknownName, match="unknown attribute of pack few 'Yung'.*Male, Smiling"):
        packs.read(pack).split("Smiling", "Yung")
    with pytest.raises(BadData, match="name two attributes"):
        packs.read(pack).split("Male", "Male")


def test_the_same_content_gives_the_same_bytes(pack, tmp_path):
    again = tmp_path / "again.tar"
    packs.write(again, [packs.encode(p, None)[1] for p in pictures()], rows(), attributes=["Smiling", "Male"])
    assert again.read_bytes() == pack.read_bytes()


def test_any_flipped_bit_is_found(pack):
    whole = pack.read_bytes()
    rng = np.random.default_rng(1)
    for position in [0, 100, 600, len(whole) - 1, *rng.integers(0, len(whole), 60)]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        pack.write_bytes(bytes(damaged))
        with pytest.raises(BadData, match="few.tar .*: it is damaged, copy or make it again"):
            packs.read(pack)


def test_a_truncated_pack_is_found(pack):
    whole = pack.read_bytes()
    for length in (0, 300, 5000, len(whole) // 2, len(whole) - 10240, len(whole) - 1):
        pack.write_bytes(whole[:length])
        with pytest.raises(BadData, match="it is damaged"):
            packs.read(pack)


def test_missing_rows_are_found(pack):
    files = members(pack)
    files["manifest.csv"] = b"".join(files["manifest.csv"].splitlines(keepends=True)[:-2])
    rewrite(pack, files)
    with pytest.raises(BadData, match="has 10 of 12 rows in its manifest.csv"):
        packs.read(pack)


def test_rows_whose_images_were_left_in_are_found_even_when_resealed(pack):
    files = members(pack)
    files["manifest.csv"] = b"".join(files["manifest.csv"].splitlines(keepends=True)[:-2])
    rewrite(pack, resealed(files))
    with pytest.raises(BadData, match="holds 2 files that its manifest does not list, the first is 000010.png"):
        packs.read(pack)


def test_a_missing_image_is_found(pack):
    files = members(pack)
    del files["000004.png"]
    rewrite(pack, files)
    with pytest.raises(BadData, match="lacks 1 of 12 images, the first is 000004.png"):
        packs.read(pack)


def test_an_extra_image_is_found(pack):
    rewrite(pack, members(pack) | {"zzz.png": b"what"})
    with pytest.raises(BadData, match="holds 1 files that its manifest does not list, the first is zzz.png"):
        packs.read(pack)


def test_changed_labels_are_found(pack):
    files = members(pack)
    files["manifest.csv"] = files["manifest.csv"].replace(b",1,0,", b",0,0,", 1)
    rewrite(pack, files)
    with pytest.raises(BadData, match="has a changed manifest.csv"):
        packs.read(pack)


def test_an_image_of_another_size_is_found(pack):
    files = members(pack)
    files["000003.png"] = packs.encode(pictures(1, 8)[0], None)[1]
    rewrite(pack, resealed(files))
    with pytest.raises(BadData, match="000003.png is 8x8 and should be 16x16"):
        packs.read(pack)


def test_an_image_that_is_none_is_found(pack):
    rewrite(pack, resealed(members(pack) | {"000003.png": b"not a picture"}))
    with pytest.raises(BadData, match="cannot be decoded, 000003.png"):
        packs.read(pack)


@pytest.mark.parametrize("cached", [False, True])
def test_images_of_another_size_are_resized_when_they_are_read(pack, tmp_path, monkeypatch, caplog, cached):
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cache"))
    assert np.array_equal(packs.read(pack, size=16, cached=cached).images, packs.read(pack, cached=cached).images)
    small = packs.read(pack, size=8, cached=cached).images
    assert np.array_equal(small, [np.moveaxis(packs.resized(p, 8), 2, 0) for p in pictures()]) and not caplog.text
    assert packs.read(pack, size=24, cached=cached).images.shape == (N, 3, 24, 24)
    assert "few.tar: its images of 16 pixels are enlarged to 24" in caplog.text


@pytest.mark.parametrize("cached", [False, True])
def test_a_few_images_may_be_looked_at(pack, tmp_path, monkeypatch, cached):
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cache"))
    whole, few = packs.read(pack, cached=cached), packs.read(pack, cached=cached, most=5)
    rows = [int(file[:6]) for file in few.manifest["file"]]
    assert rows == [0, 3, 6, 8, 11] and np.array_equal(few.images, whole.images[rows])
    assert few.split("Smiling", "Male").target.tolist() == [i % 2 for i in rows]
    assert len(packs.read(pack, cached=cached, most=N)) == N
    pack.write_bytes(pack.read_bytes()[:-1])
    with pytest.raises(BadData, match="it is damaged"):
        packs.read(pack, cached=cached, most=5)


def test_resizing_is_lanczos_s():
    """Its weights are below zero beside an edge, those of the bilinear filter never."""
    edge = np.where(np.arange(32)[:, None, None] < 14, 40, 200).astype(np.uint8) * np.ones((1, 32, 3), np.uint8)
    small = packs.resized(edge, 8)
    assert small.shape == (8, 8, 3) and small.min() < 40 and small.max() > 200


def test_a_pack_is_verified_without_holding_its_images(tmp_path):
    side, count = 128, 120
    packs.write(tmp_path / "many.tar", [packs.encode(p, None)[1] for p in pictures(1, side)] * count,
                rows(count, side), attributes=["Male"])  # fmt: skip
    packs.verify(tmp_path / "many.tar")  # what is imported or kept at the first call does not count
    tracemalloc.start()
    packs.verify(tmp_path / "many.tar")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < count * 3 * side**2 / 4, "a few images at a time, not the pack"


def test_another_format_asks_for_another_fairnb(pack):
    files = members(pack)
    header = json.loads(files["pack.json"]) | {"format": 2}
    header.pop("sha256")
    header["sha256"] = sha256(canonical(header))
    rewrite(pack, files | {"pack.json": json.dumps(header, indent=1).encode()})
    with pytest.raises(BadData, match="has format 2, this fairnb reads format 1"):
        packs.read(pack)


def test_a_pack_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"no pack .*nothing.tar: make it with synthesis.generate"):
        packs.read(tmp_path / "nothing.tar")


def test_writing_needs_a_row_with_everything_for_each_image(tmp_path):
    images = [packs.encode(p, None)[1] for p in pictures()]
    with pytest.raises(BadData, match="12 images and 11 rows"):
        packs.write(tmp_path / "x.tar", images, rows()[1:], attributes=["Male"])
    with pytest.raises(BadData, match="the rows have no 'Young'"):
        packs.write(tmp_path / "x.tar", images, rows(), attributes=["Young"])
    assert not (tmp_path / "x.tar").exists()


def test_a_pack_can_be_decoded_once_and_mapped(pack, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cache"))
    first, second = packs.read(pack, cached=True), packs.read(pack, cached=True)
    assert isinstance(second.images, np.memmap) and np.array_equal(first.images, packs.read(pack).images)


def test_webp_is_small_and_near(tmp_path):
    smooth = np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None] * np.ones((1, 64, 3), np.uint8)
    suffix, data = packs.encode(smooth, 90)
    assert suffix == ".webp" and len(data) < 1000
    assert abs(packs.decode(data).transpose(1, 2, 0).astype(int) - smooth).max() <= 6


@pytest.mark.slow
def test_four_thousand_images_are_read_fast(tmp_path):
    images = [packs.encode(p, 90)[1] for p in pictures(20, 64)] * 200
    packs.write(tmp_path / "many.tar", images, rows(4000, 64), attributes=["Smiling", "Male"])
    start = time.process_time()
    assert packs.read(tmp_path / "many.tar").images.shape == (4000, 3, 64, 64)
    assert time.process_time() - start < 10  # about 1.5 s; ten times slower machines may pass


def write_with(path, attributes=("Smiling", "Male"), **changed):
    images = [packs.encode(p, None)[1] for p in pictures()]
    packs.write(path, images, [row | changed for row in rows()], attributes=list(attributes))


@pytest.mark.parametrize("label", [0.5, 1.0, "1", "yes", None, True, -1])
def test_labels_that_are_no_class_are_not_written(tmp_path, label):
    with pytest.raises(BadData, match="'Male' holds .*: labels are whole numbers from 0"):
        write_with(tmp_path / "few.tar", Male=label)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["seed", "prompt", "file", "Smiling"])
def test_an_attribute_has_a_name_of_its_own(tmp_path, name):
    with pytest.raises(BadData, match=f"'{name}' is the name of a column of each pack"):
        write_with(tmp_path / "few.tar", ("Smiling", name))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (',1,0,"face', ',1.5,0,"face', "'Smiling' is not always a whole number"),
        (',1,0,"face', ',,0,"face', "'Smiling' is not always a whole number"),
        (',1,0,"face', ',yes,0,"face', "'Smiling' is not always a whole number"),
        ('"face, 1"', "face, 1", "has no readable manifest.csv"),
        (",Male", ",Smiling", "or a column twice"),
        (",Male", ",Mail", "without the column 'Male'"),
        (",width", ",wide", "without the column 'width'"),
        ('"face, 1"', '"face, 1', "has no readable manifest.csv"),
    ],
)
def test_manifests_that_others_made_are_refused(pack, old, new, message):
    files = members(pack)
    text = files["manifest.csv"].decode()
    assert old in text
    files["manifest.csv"] = text.replace(old, new, 1).encode()
    rewrite(pack, resealed(files))
    with pytest.raises(BadData, match=f"few.tar .*{message}.*: it is damaged, copy or make it again"):
        packs.read(pack)
