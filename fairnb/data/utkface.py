"""UTKFace: aligned face crops named ``age_gender_race_date.jpg.chip.jpg`` (Zhang, Song, Qi, CVPR 2017).

The labels are the field's own codes, estimated and then checked by annotators: gender 0 male, 1 female; race 0 White,
1 Black, 2 Asian, 3 Indian, 4 Others. They describe labels in a data set, not people.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.kinds import is_picture
from fairnb.data.labels import Labels, require_files
from fairnb.data.sources import UTKFACE_NAME
from fairnb.data.versions import checked
from fairnb.errors import BadData

NAME = "utkface"
FOLDER = "UTKFace"
RACES = ("White", "Black", "Asian", "Indian", "Others")
PATTERN = re.compile(UTKFACE_NAME)
log = logging.getLogger(__name__)
_warn_once = cache(log.warning)


def read(root: Path | None = None) -> Labels:
    """The labels of all images in ``root/UTKFace``, sorted by file name (the owner gives no order).

    Columns: ``Female`` (gender code 1), ``White`` (race code 0), ``Race`` (0..4, see ``RACES``), ``Age`` (years).
    A name that does not follow the pattern (the owner's ages are 0 to 116) is left out and named in a logged warning,
    once a process: five of the published 23,708 names lack a field or have a stray character, and a guessed label
    would be worse than a missing one.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: no such folder. BadData: not one well-formed name.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, FOLDER)
    folder = root / FOLDER
    names = sorted(p.name for p in folder.iterdir() if is_picture(p.name))
    matches = {name: PATTERN.fullmatch(name) for name in names}
    malformed = [name for name, match in matches.items() if match is None]
    if len(malformed) == len(names):
        raise BadData(
            f"{NAME}: {folder} has no file named age_gender_race_date.jpg ({len(names)} other images): unpack the "
            "aligned and cropped faces straight into it"
        )
    if malformed:
        _warn_once(f"{NAME}: left out {len(malformed)} malformed file names of {folder}: {_shortened(malformed)}")
    kept = [m for m in matches.values() if m]
    files = np.array([m[0] for m in kept])
    age, gender, race = (np.array([int(m[field]) for m in kept]) for field in ("age", "gender", "race"))
    table = pd.DataFrame({"Female": gender, "White": (race == 0).astype(int), "Race": race, "Age": age})
    return checked(NAME, root, Labels(NAME, folder, files, files, table))


def _shortened(names: list[str], most: int = 10) -> str:
    return ", ".join(map(repr, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")
