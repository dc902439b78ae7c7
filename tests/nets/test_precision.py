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


def _gradients(layer: torch.nn.Conv2d, x: torch.Tensor) -> list[torch.Tensor]:
    out = layer(x)
    spoilt = [torch.full((layer.weight.numel() * times,), torch.nan, dtype=x.dtype) for times in (1, 1, 2, 2, 4) * 3]
    del spoilt  # what new memory then looks like
    out.backward(torch.ones_like(out))
    return [out.detach().float(), layer.weight.grad.float().clone()]


@pytest.mark.numerics
@pytest.mark.parametrize("kernel, stride, padding", [(3, 2, 1), (7, 2, 3), (3, 3, 1), (7, 4, 3), (1, 2, 0)])
@pytest.mark.parametrize("height, width", [(1, 1), (3, 1), (1, 2), (4, 4)])
def test_a_strided_convolution_on_a_narrow_map_has_its_gradient(kernel, stride, padding, height, width):
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(16, 32, kernel, stride, padding)
    image = torch.randn(16, 16, height, width)
    wanted = _gradients(layer, image)
    mended = precision.mend_strides(precision.mend_strides(torch.nn.Sequential(layer.bfloat16())))
    assert len(layer._forward_pre_hooks) == (stride > 1), "once is enough"
    layer.weight.grad = None
    found = _gradients(mended[0], image.bfloat16())
    for own, other in zip(found, wanted, strict=True):
        assert own.shape == other.shape
        assert torch.allclose(own, other, atol=0.05 * float(other.abs().max()))
