"""What tests of rooms share: noise of made-up seeds, a verdict's outcome, and the committed search behind a setting."""

import zlib

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.evidence.verdicts import UNDECIDED, UNSEEN
from fairnb.tasks import tiers

OPEN = "open"  # what no seeds at hand decide


def noise_of(*names):
    """12 fractions next to 0, others for each row of a table: paired differences vary. In pairs of mean 0."""
    half = 1e-5 * np.random.default_rng(zlib.crc32(" ".join(names).encode())).normal(0, 1, 6)
    return np.column_stack([half, -half]).ravel()


def said(verdict):
    """The verdict; what no seeds at hand decide is ``OPEN``, with its reason."""
    assert verdict.verdict not in (UNDECIDED, UNSEEN) or verdict.reason
    return OPEN if verdict.verdict in (UNDECIDED, UNSEEN) else verdict.verdict


def was_searched(slug, settings, tier="quick"):
    """The values of a tier's ``settings`` were chosen inside of what was tried, by seeds that no table uses."""
    own = tiers.settings(tier, slug)
    searched = pd.read_csv(paths.CHECKOUT / "docs" / "searches" / f"{slug}_{tier}.csv", comment="#")
    for setting in settings:
        values = searched[searched["setting"] == setting]
        tried = sorted(values["value"].unique())
        assert own[setting] in tried[1:-1] and len(tried) >= 5, "not at the edge of what was tried"
        assert set(values.loc[values["chosen"], "value"]) == {own[setting]}
    assert not set(searched["seed"]) & set(tiers.get(tier).seeds)
