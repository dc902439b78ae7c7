"""Adapters beside each other: which maps, in which order, and how parallel their changes are."""

import numpy as np
import pytest
import torch
from fairlora_runs import adapter

from fairnb.errors import BadData
from fairnb.papers.fairlora import compare, lora

FORM = lora.Adapter(rank=2, alpha=4.0)


def test_maps_are_in_the_order_of_the_blocks():
    short = [compare.short(name) for name in compare.maps({"auditor": adapter(1)})]
    assert short == ["block 0, q", "block 0, v", "block 1, q", "block 1, v", "block 10, q", "block 10, v"]


def test_pictures_are_factors_and_changes():
    own = {"auditor": adapter(1), "developer": adapter(2)}
    found = compare.pictures(own, FORM, most=2)
    assert list(found) == ["$A^T$\nblock 0, q", "B\nblock 0, q", "|ΔW|\nblock 0, q", "|ΔW|\nblock 10, v"]
    np.testing.assert_allclose(
        found["$A^T$\nblock 0, q"][0], own["auditor"]["vit.layers.0.attention.q_proj.lora_A.weight"].T
    )
    change = lora.change(own["developer"], FORM)["vit.layers.10.attention.v_proj"]
    np.testing.assert_allclose(found["|ΔW|\nblock 10, v"][1], change.abs())


def test_cosines_are_1_for_the_same_change_minus_1_for_its_opposite_and_0_for_none():
    own = adapter(1)
    opposite = {name: -value if "lora_B" in name else value for name, value in own.items()}
    fresh = {name: torch.zeros_like(value) if "lora_B" in name else value for name, value in own.items()}
    found = compare.cosines({"auditor": own, "same": own, "opposite": opposite, "fresh": fresh}, FORM)
    np.testing.assert_allclose(found["cosine"], [1] * 6 + [-1] * 6 + [0] * 6, rtol=1e-5)
    assert list(found["who"].unique()) == ["same", "opposite", "fresh"] and found["map"][5] == "block 10, v"


def test_adapters_beside_each_other_have_the_same_maps():
    for own in ({}, {"auditor": adapter(1), "developer": adapter(2, (0, 1))}):
        for call in (compare.pictures, compare.cosines):
            with pytest.raises(BadData, match="the same linear maps"):
                call(own, FORM)
    with pytest.raises(BadData, match="not among"):
        compare.cosines({"developer": adapter(1)}, FORM)
