"""Mixed precision: asked for, and had where the device computes in it."""

import pytest
import torch

from fairnb.nets import precision

CPU = torch.device("cpu")


@pytest.mark.parametrize("has, asked", [(True, True), (True, False), (False, True), (False, False)])
def test_bfloat16_is_used_where_it_is_asked_for_and_the_device_has_it(monkeypatch, has, asked):
    monkeypatch.setattr(precision, "has_bfloat16", lambda kind: has)
    image, kernel = torch.rand(1, 3, 8, 8), torch.rand(2, 3, 3, 3)
    with precision.mixed(CPU, asked):
        found = torch.nn.functional.conv2d(image, kernel)
    assert found.dtype == (torch.bfloat16 if has and asked else torch.float32)


def test_a_cpu_has_bfloat16_where_torchs_fast_convolutions_have_it():
    image, kernel = (torch.rand(shape).bfloat16() for shape in ((16, 3, 8, 8), (2, 3, 3, 3)))
    with torch.profiler.profile(acc_events=True) as seen:
        torch.nn.functional.conv2d(image, kernel)
    fast = any("mkldnn_convolution" in event.name for event in seen.events())
    assert precision.has_bfloat16("cpu") == fast, "else a training would take many times as long"
