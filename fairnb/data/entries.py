"""What a row of the registry is: a data set's files and images, in which form a folder has them, how to get them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PICTURE = r"(?i:\.(jpe?g|png))"  # the endings of ``kinds.is_picture``


@dataclass(frozen=True)
class File:
    """A file of a data set: its path below the data root, SHA-256 (or empty) and size in bytes (or 0).

    ``variant`` is the path of the same content in another form, which is read where there is no ``path``.
    """

    path: str
    sha256: str = ""
    size: int = 0
    variant: str = ""

    def below(self, root: Path) -> Path:
        """The file that is read; it need not be there."""
        other = root / (self.variant or self.path)
        return other if other.is_file() and not (root / self.path).is_file() else root / self.path


@dataclass(frozen=True)
class Images:
    """A folder of images below the data root: how many the owner published; ``inner`` where in folders of folders.

    ``pattern`` is the regular expression of their names (paths below the folder): what has another name is not read.
    ``nested`` is a folder in it that holds them in its place where it is there.
    """

    folder: str
    count: int
    pattern: str
    inner: bool = False
    nested: str = ""

    def below(self, root: Path) -> Path:
        """The folder that is read; it need not be there."""
        inside = root / self.folder / self.nested
        return inside if self.nested and inside.is_dir() else root / self.folder


@dataclass(frozen=True)
class Download:
    """Something that may be fetched without a form.

    Attributes:
        urls: sources of the same bytes, tried in this order (``http``, ``https`` or ``file``).
        kind: ``text``, ``zip`` or ``gzip`` (a compressed tar), which the content must be.
        target: for ``text``, the path below the data root.
        members: for ``zip``, file name in the archive (or in a zip within it) -> path below the data root.
        folder: for ``gzip``, the top folder in the archive, which goes into the data root.
        sha256, size: of the download itself, where known.
    """

    urls: tuple[str, ...]
    kind: str
    target: str = ""
    members: tuple[tuple[str, str], ...] = ()
    folder: str = ""
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True)
class DataSet:
    """One row of the registry.

    Attributes:
        name: as in its reader and its tasks, ``short``: as people say it, ``title``: as its owner does.
        rows: what is expected, in words. usable: rows that the reader makes of the owner's files.
        files, images: all that the reader reads, and so all that a fingerprint is of.
        copies: lines of the files that are equal to an earlier one (people in the same words).
        steps: what a person has to do.
    """

    name: str
    short: str
    title: str
    page: str
    licence: str
    citation: str
    rows: str
    usable: int
    files: tuple[File, ...]
    images: Images | None = None
    downloads: tuple[Download, ...] = ()
    steps: tuple[str, ...] = ()
    copies: int = 0

    @property
    def folder(self) -> str:
        """The set's folder below the data root."""
        first = self.files[0].path if self.files else f"{self.images.folder}/" if self.images else ""
        return first.rpartition("/")[0]

    def paths(self, root: Path) -> list[Path]:
        """The files that are read of a data root; they need not be there."""
        return [file.below(root) for file in self.files]
