"""Pictures of any kind: as bright, as coloured and as upright as their maker saw them, or refused in one sentence."""

import io
import pickle
import struct
from functools import partial
from pathlib import Path

import layouts
import numpy as np
import pytest
import stranger
from PIL import Image

from fairnb.data import cache, celeba, cifar10, fairface, kinds, lfw, pictures, registry, utkface
from fairnb.errors import BadData, DiskTrouble, MissingData

SIZE = 16
# Smooth, darker to the left and redder to the top: every turn and every shift of brightness shows.
ACROSS, DOWN = np.meshgrid(np.linspace(10, 150, SIZE), np.linspace(20, 120, SIZE))
COLOURS = np.stack([140 - DOWN, ACROSS, np.full_like(ACROSS, 60)], 2).astype(np.uint8)
GREY = COLOURS[..., 1]
ORIENTATION = 0x0112


def picture(mode="RGB"):
    return Image.fromarray(COLOURS).convert(mode)


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def turned(value):
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return exif


def sixteen(form, values=GREY, **options):
    return saved(Image.fromarray(values.astype(np.uint16) * 257), form, **options)


def pgm(most):
    values = np.round(GREY / 255 * most).astype(">u2" if most > 255 else ">u1")
    return b"P5 %d %d %d\n" % (SIZE, SIZE, most) + values.tobytes()


def adobe_cmyk():
    """A CMYK JPEG with Adobe's marker, whose values are inverted, as Photoshop writes it."""
    return saved(picture("CMYK"), "JPEG", quality=95)


def mpo():
    """What a phone writes: the photograph, and a smaller picture after it."""
    return saved(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (4, 4), "white")], quality=95)


IN_COLOUR = {
    "JPEG": lambda: saved(picture(), "JPEG", quality=95),
    "progressive JPEG": lambda: saved(picture(), "JPEG", quality=95, progressive=True),
    "CMYK JPEG": adobe_cmyk,
    "MPO": mpo,
    "PNG": lambda: saved(picture(), "PNG"),
    "palette": lambda: saved(picture().quantize(256), "PNG"),
    "opaque RGBA": lambda: saved(picture("RGBA"), "PNG"),
    "opaque RGBA TIFF": lambda: saved(picture("RGBA"), "TIFF"),
    "CMYK TIFF": lambda: saved(picture("CMYK"), "TIFF"),
    "YCbCr TIFF": lambda: saved(picture("YCbCr"), "TIFF"),
    "LAB TIFF": lambda: saved(picture("LAB"), "TIFF"),
    "GIF": lambda: saved(picture().quantize(256), "GIF"),
    "WebP": lambda: saved(picture(), "WEBP", lossless=True),
    "BMP": lambda: saved(picture(), "BMP"),
}
IN_GREY = {
    "grey": lambda: saved(Image.fromarray(GREY), "PNG"),
    "grey JPEG": lambda: saved(Image.fromarray(GREY), "JPEG", quality=95),
    "grey and opaque": lambda: saved(Image.fromarray(GREY).convert("LA"), "PNG"),
    "16-bit PNG": lambda: sixteen("PNG"),
    "16-bit TIFF": lambda: sixteen("TIFF"),
    "16-bit TIFF, big-endian": lambda: saved(big_endian(), "TIFF"),
    "16-bit JPEG 2000": lambda: sixteen("JPEG2000"),
    "16-bit PGM": lambda: pgm(65535),
    "12-bit PGM": lambda: pgm(4095),
    "7-bit PGM": lambda: pgm(127),
}


def big_endian():
    return Image.frombytes("I;16B", (SIZE, SIZE), (GREY.astype(np.uint16) * 257).astype(">u2").tobytes())


def read(data):
    found = pictures.read(data, "toy: x.jpg")
    assert found.mode == "RGB"
    return np.asarray(found).astype(int)


@pytest.mark.parametrize("kind", IN_COLOUR)
def test_colours_are_the_makers(kind):
    assert abs(read(IN_COLOUR[kind]()) - COLOURS).mean() < 4


@pytest.mark.parametrize("kind", IN_GREY)
def test_grey_is_as_dark_as_it_was(kind):
    assert abs(read(IN_GREY[kind]()) - GREY[..., None]).max() <= 4


def test_black_and_white():
    wanted = np.asarray(picture("1")).astype(int) * 255
    assert set(wanted.ravel()) == {0, 255} and np.array_equal(read(saved(picture("1"), "PNG"))[..., 0], wanted)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_ordinary_files_keep_every_bit_of_what_pillow_gives(mode):
    for form in ("JPEG", "TIFF"):
        data = saved(picture(mode), form)
        with Image.open(io.BytesIO(data)) as image:
            assert np.array_equal(read(data), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_turned_photograph_stands_upright(form, value):
    undo = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, 1),
        7: lambda x: x.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda x: np.rot90(x, -1),
    }[value]
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(form, {})
    stored = Image.fromarray(np.ascontiguousarray(undo(COLOURS)))
    assert abs(read(saved(stored, form, exif=turned(value), **options)) - COLOURS).mean() < 4


def test_a_turned_16_bit_picture_is_both():
    wide = np.rot90(GREY, 1)
    assert abs(read(sixteen("PNG", wide, exif=turned(6)))[..., 0] - GREY).max() <= 1


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\x7f"])
def test_exif_data_that_say_nothing_turn_nothing(exif):
    assert abs(read(saved(picture(), "JPEG", quality=95, exif=exif)) - COLOURS).mean() < 4


def see_through(image, alpha=0):
    image.putalpha(Image.fromarray(np.where(np.arange(SIZE * SIZE).reshape(SIZE, SIZE) < 9, alpha, 255).astype("u1")))
    return image


def white_is_zero():
    """A 16-bit TIFF that says that 0 is white, which Pillow ignores in 16 bits."""
    data = bytearray(sixteen("TIFF"))
    entry = data.index(struct.pack("<HHI", 262, 3, 1))
    data[entry + 8 : entry + 12] = struct.pack("<I", 0)
    return bytes(data)


ALPHA = r"^toy: x\.jpg has pixels that one can see through, .*: save it without alpha$"
RANGE = r"^toy: x\.jpg has grey values \(mode .*\) of a range that it does not tell: save it with 8 bits$"
NONE = r"^toy: x\.jpg is truncated or no image \(.*\): get this file again$"
MANY = r"^toy: x\.jpg holds 2 pictures: save the one that is meant as a file of its own$"
TWO = {"save_all": True, "append_images": [Image.new("RGB", (SIZE, SIZE), "white")]}
REFUSED = {
    "RGBA": (lambda: saved(see_through(picture("RGBA")), "PNG"), ALPHA),
    "half through": (lambda: saved(see_through(picture("RGBA"), 128), "PNG"), ALPHA),
    "RGBA WebP": (lambda: saved(see_through(picture("RGBA")), "WEBP", lossless=True), ALPHA),
    "LA": (lambda: saved(see_through(picture("L")), "PNG"), ALPHA),
    "palette": (lambda: saved(picture().quantize(16), "PNG", transparency=bytes(range(0, 160, 10))), ALPHA),
    "colour key": (lambda: saved(picture(), "PNG", transparency=tuple(COLOURS[3, 3].tolist())), ALPHA),
    "grey key": (lambda: saved(Image.fromarray(GREY), "PNG", transparency=int(GREY[3, 3])), ALPHA),
    "16-bit key": (lambda: sixteen("PNG", transparency=257 * int(GREY[3, 3])), ALPHA),
    "GIF key": (lambda: saved(picture().quantize(16), "GIF", transparency=3), ALPHA),
    "floats": (lambda: saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), RANGE),
    "32-bit": (lambda: saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), RANGE),
    "0 is white": (white_is_zero, RANGE),
    "animated GIF": (lambda: saved(picture(), "GIF", **TWO), MANY),
    "animated PNG": (lambda: saved(picture(), "PNG", **TWO), MANY),
    "animated WebP": (lambda: saved(picture(), "WEBP", **TWO), MANY),
    "pages": (lambda: saved(picture(), "TIFF", **TWO), MANY),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_need_a_guess_is_refused(kind):
    make, words = REFUSED[kind]
    with pytest.raises(BadData, match=words):
        read(make())


def noise():
    """Noise, so that half of a file is half of the picture."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "JPEG2000", "GIF"])
def test_half_a_file_is_no_picture(form):
    data = saved(noise(), form)
    with pytest.raises(BadData, match=NONE):
        read(data[: len(data) // 2])


@pytest.mark.parametrize("form", ["JPEG", "PNG"])  # in the others nothing tells zeros from pixels
def test_nor_is_one_whose_other_half_never_arrived(form):
    data = saved(noise(), form)
    with pytest.raises(BadData, match=NONE):
        read(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def test_zeros_after_a_whole_jpeg_do_no_harm():
    data = saved(picture(), "JPEG", quality=95)
    assert np.array_equal(read(data + bytes(100)), read(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>quota exceeded</html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot identify"),
        (bytes(5000), "cannot identify"),
        (b"P5 16 16 255\nx", "truncated|not enough|unpack"),
        (b"RIFF\x04\0\0\0WEBP", "."),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "."),
    ],
)
def test_what_is_no_picture_says_what_it_is(data, words):
    with pytest.raises(BadData, match=rf"^toy: x\.jpg is truncated or no image \(.*({words}).*\): get") as error:
        read(data)
    assert "\n" not in str(error.value)


def test_too_many_pixels_ask_for_fewer(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SIZE)
    with pytest.raises(BadData, match=r"^toy: x\.jpg is too large \(.*\): save it with fewer pixels$"):
        read(saved(picture(), "PNG"))


class TestFiles:
    """``cache.decode``: what the disk, and not the picture, can do wrong."""

    def test_a_wrong_ending_and_one_pixel_are_fine(self, tmp_path):
        Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "x.jpg", "PNG")
        found = cache.decode(tmp_path / "x.jpg", size=4, name="toy")
        assert found.shape == (3, 4, 4) and found[:, 2, 2].tolist() == [1, 2, 3]

    def test_a_turned_picture_is_turned_before_it_becomes_square(self, tmp_path):
        wide = Image.fromarray(np.rot90(COLOURS[:, : SIZE // 2], 1).copy())
        wide.save(tmp_path / "x.png", exif=turned(6))
        upright = Image.fromarray(COLOURS[:, : SIZE // 2].copy()).resize((8, 8), Image.Resampling.BILINEAR)
        found = cache.decode(tmp_path / "x.png", size=8, name="toy")
        assert np.array_equal(found, np.asarray(upright).transpose(2, 0, 1))

    def test_a_folder_and_a_link_to_itself_are_no_bad_downloads(self, tmp_path):
        (tmp_path / "folder.jpg").mkdir()
        (tmp_path / "loop.jpg").symlink_to("loop.jpg")
        for name in ("folder", "loop"):
            with pytest.raises(DiskTrouble, match=rf"{name}\.jpg cannot be used \(.*\): ") as error:
                cache.decode(tmp_path / f"{name}.jpg", size=4, name="toy")
            assert "get this file" not in str(error.value)

    def test_a_file_that_one_may_not_read_is_no_bad_download(self):
        with stranger.open_folder() as folder:
            picture().save(folder / "x.png")
            (folder / "x.png").chmod(0)
            said = stranger.asks(partial(cache.decode, size=4, name="toy"), folder / "x.png")
        assert said.startswith("DiskTrouble: ") and "x.png cannot be used (Permission denied)" in said, said


class Evil:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_pickled_images_of_cifar_10_are_not_opened_before_their_hashes_are_right(tmp_path):
    from torchvision.datasets import CIFAR10

    folder = tmp_path / cifar10.FOLDER
    folder.mkdir()
    for name, _ in [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], "")]:
        (folder / name).write_bytes(pickle.dumps(Evil(tmp_path / "it ran")))
    for train in (True, False):
        with pytest.raises(BadData, match=r"cifar-10-batches-py is incomplete or damaged"):
            cifar10.read(train, tmp_path)
    assert not (tmp_path / "it ran").exists()


class TestNames:
    """Endings in any case; what an operating system hides is no image."""

    def test_which_names_are_images(self):
        good = ("1.jpg", "1.JPG", "1.Jpeg", "a.b.PNG", "1_0_0_2.jpg.chip.JPG")
        assert all(map(kinds.is_picture, good))
        assert not any(map(kinds.is_picture, ("._1.jpg", ".DS_Store", "Thumbs.db", "1.jpg.txt", "jpg", "1.jpg.part")))

    def test_readers_and_counts_of_a_folder_agree(self, tmp_path):
        folder = tmp_path / "UTKFace"
        folder.mkdir()
        names = [
            "1_0_0_1.jpg",
            "2_1_1_2.JPG",
            "3_0_2_3.jpg.chip.jpg",
            "4_1_3_4.JPEG",
            "5_0_4_5.Jpg.chip.Jpg",
            "6_1_0_6.PNG",
        ]
        for name in [*names, "._1_0_0_1.jpg", ".DS_Store", "notes.txt"]:
            (folder / name).write_bytes(b"x")
        (folder / "7_0_0_7.jpg.parts").mkdir()
        found = utkface.read(tmp_path)
        assert found.files.tolist() == sorted(names) and found.table.Age.tolist() == [1, 2, 3, 4, 5, 6]
        assert registry.count_images(folder) == len(names)

    def test_a_loop_and_a_folder_are_no_images(self, tmp_path):
        (tmp_path / "1.jpg").mkdir()
        (tmp_path / "2.jpg").symlink_to("2.jpg")
        picture().save(tmp_path / "3.JPG")
        assert registry.count_images(tmp_path) == 2, "the loop has an image's name, and says so when it is opened"

    @pytest.mark.parametrize("reader", [celeba, lfw, fairface])
    def test_a_listed_image_is_found_by_another_case(self, reader, tmp_path):
        getattr(layouts, reader.NAME)(tmp_path)
        listed = reader.read(tmp_path)
        for file in listed.files:
            (listed.root / file).parent.mkdir(parents=True, exist_ok=True)
            (listed.root / file).unlink(missing_ok=True)
            (listed.root / file).with_suffix(".JPG").write_bytes(b"x")
        found = reader.read(tmp_path)
        assert found.ids.tolist() == listed.ids.tolist() and not (found.root / listed.files[0]).exists()
        assert all((found.root / file).is_file() for file in found.files)

    def test_an_absent_one_keeps_its_name(self, tmp_path):
        assert kinds.as_stored(tmp_path, ["a/1.jpg", "2.jpg"]) == ["a/1.jpg", "2.jpg"]
        with pytest.raises(MissingData, match=r"the first is a/1\.jpg"):
            cache.images(["a/1.jpg"], 4, name="toy", root=tmp_path)
