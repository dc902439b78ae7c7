"""Where the rows come from: a CSV or parquet file, a pandas frame, or a folder of folders of images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fairnb.data.files import plain_errors
from fairnb.errors import BadData, MissingData
from fairnb.yours.columns import PARTS

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".jp2", ".avif"}
FILE, TARGET, PROTECTED, SPLIT = "file", "target", "protected", "split"


def frame_of(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, Path]:
    """The rows, numbered from 1 as in the file (the header not counted), and the folder that its files lie in.

    Raises:
        MissingData: no such file. BadData: it cannot be read as a table, or is empty.
    """
    if isinstance(source, pd.DataFrame):
        return _numbered(source, "the frame"), Path.cwd()
    path = Path(source).expanduser()
    with plain_errors(path):
        if path.is_dir():
            return _numbered(folder(path), str(path)), path
        if not path.is_file():
            raise MissingData(f"{path} is not there: give a CSV or parquet file, or a folder of images")
    return _numbered(_table(path), str(path)), path.parent


def _table(path: Path) -> pd.DataFrame:
    with plain_errors(path):
        try:
            if path.suffix.lower() in (".parquet", ".pq"):
                return pd.read_parquet(path)
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            return pd.read_csv(path, sep=separator, low_memory=False, encoding="utf-8-sig")
        except ImportError:
            raise BadData(f"{path}: parquet needs pyarrow: `pip install pyarrow`, or save it as CSV") from None
        except (ValueError, UnicodeDecodeError) as error:  # pandas' own errors are ValueErrors
            reason = " ".join(str(error).split())[:200]
            raise BadData(f"{path} cannot be read as a table ({reason}): save it as CSV in UTF-8") from None


def _numbered(frame: pd.DataFrame, called: str) -> pd.DataFrame:
    if frame.empty:
        raise BadData(f"{called} has no rows: give a table with one row for each sample")
    if twice := [name for name, count in frame.columns.value_counts().items() if count > 1]:
        raise BadData(f"{called} has two columns called {twice[0]!r}: rename one of them")
    return frame.set_axis(range(1, len(frame) + 1))


def folder(path: Path) -> pd.DataFrame:
    """The images of ``path/TARGET/GROUP/...`` or ``path/SPLIT/TARGET/GROUP/...`` as rows: file, target, protected.

    As torchvision's ImageFolder, with a folder of the group below that of the class.

    Raises:
        BadData: no images, or folders that are not so deep.
    """
    found = sorted(file.relative_to(path) for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise BadData(f"{path} holds no image ({', '.join(sorted(SUFFIXES))}): name the folder above the classes")
    words = {word for part in PARTS.values() for word in part}
    parted = all(file.parts[0].lower() in words for file in found)
    names = [SPLIT, TARGET, PROTECTED] if parted else [TARGET, PROTECTED]
    if shallow := [file for file in found if len(file.parts) <= len(names)]:
        raise BadData(
            f"{path}: {shallow[0]} does not lie in a folder of its class and one of its group (CLASS/GROUP/image): "
            "arrange the images so, or give a CSV with the columns file, target and protected"
        )
    rows = [dict(zip(names, file.parts, strict=False)) | {FILE: file.as_posix()} for file in found]
    return pd.DataFrame(rows)
