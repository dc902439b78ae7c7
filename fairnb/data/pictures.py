"""Pictures of any kind as upright 8-bit RGB: read right, or refused in one sentence."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from fairnb.data.kinds import impostor
from fairnb.errors import BadData

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")  # not EPS, which runs a program
BLANK = 16  # zeros at the end of a file that are no accident
TIFF_BITS, TIFF_MEANING = 258, 262  # tags: bits per sample, and whether 0 is black (1) or white (0)


class Refused(Exception):
    """A picture that is whole, but not one that can be read without a guess; its message says what to do."""


def read(data: bytes, called: str) -> Image.Image:
    """The picture in the bytes of a file, mode RGB, upright.

    Turned as its EXIF orientation says; the first picture of a phone's MPO file. 16-bit grey keeps its upper 8 bits,
    as Pillow does with 16-bit colour. CMYK is taken as Pillow takes it, and colour profiles are not applied.

    Args:
        data: of a JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, JPEG 2000 or AVIF file, whatever its name.
        called: the file's name in messages.

    Raises:
        BadData: no such file, a truncated one, one of several pictures (an animation, pages), with pixels that one can
            see through, with a range of values that the file does not tell, or of more pixels than Pillow takes.
    """
    try:
        if found := impostor(data[:512]):
            raise ValueError(found)
        if cut_off(data):
            raise ValueError("its end is zeros, as an interrupted copy leaves them")
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            return _rgb(picture)
    except Refused as refusal:
        raise BadData(f"{called} {refusal}") from None
    except Image.DecompressionBombError as error:
        raise BadData(f"{called} is too large ({error}): save it with fewer pixels") from error
    except Exception as error:  # Pillow's readers raise errors of any kind at damaged files
        reason = " ".join(str(error).split())
        raise BadData(f"{called} is truncated or no image ({reason}): get this file again") from error


def cut_off(data: bytes) -> bool:
    """Whether a JPEG ends in zeros instead of its end mark: Pillow shows grey there and does not complain."""
    held = data.rstrip(b"\0")
    return data.startswith(b"\xff\xd8") and len(data) - len(held) >= BLANK and not held.endswith(b"\xff\xd9")


def _rgb(picture: Image.Image) -> Image.Image:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        raise Refused(f"holds {frames} pictures: save the one that is meant as a file of its own")
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.has_transparency_data and _see_through(picture):
        raise Refused("has pixels that one can see through, and no word of what is behind: save it without alpha")
    if picture.mode == "F" or picture.mode.startswith("I"):
        return _eight_bits(picture).convert("RGB")
    return picture.convert("RGB")


def _see_through(picture: Image.Image) -> bool:
    """Whether any pixel is; of 16-bit grey Pillow cannot tell."""
    return picture.mode.startswith("I") or bool(np.asarray(picture.convert("RGBA"))[..., 3].min() < 255)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """The upper half of 16-bit grey, whose range is known; Pillow's own conversion makes all but black white."""
    tags = getattr(picture, "tag_v2", None)
    known = picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format in ("PNG", "PPM"))
    if not known or (tags is not None and (tags.get(TIFF_BITS), tags.get(TIFF_MEANING)) != ((16,), 1)):
        raise Refused(f"has grey values (mode {picture.mode}) of a range that it does not tell: save it with 8 bits")
    return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
