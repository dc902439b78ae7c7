"""FineFACE's attention for one image after the other, in plain loops: what the batched one must equal."""

import torch
from torch.nn import functional
from torchvision.transforms import functional as transforms


def activation_map(features, weights):
    """Sum over channels c of weights[c] features[c], ``(h, w)``."""
    return (weights[:, None, None] * features).sum(0)


def normalised(one):
    return (one - one.min()) / (one.max() - one.min() + 1e-6)


def enlarged(one, size, align_corners=True):
    return functional.interpolate(one[None, None], size, mode="bilinear", align_corners=align_corners)[0, 0]


def box(one, threshold=0.5, pad=0.1):
    """Top, left, bottom, right (exclusive), rounded towards zero as the released code's ``int`` does."""
    height, width = one.shape
    found = torch.nonzero(one >= threshold)
    if len(found) == 0:
        return [0, 0, height, width]
    first, last = found.amin(0).tolist(), found.amax(0).tolist()
    down, across = round(pad * height, 6), round(pad * width, 6)
    top, left = max(int(first[0] - down), 0), max(int(first[1] - across), 0)
    return [top, left, min(int(last[0] + down) + 1, height), min(int(last[1] + across) + 1, width)]


def crop(image, found, size, align_corners=True):
    """Cut out and resized as released; by torchvision where pixels are areas."""
    top, left, bottom, right = found
    if not align_corners:
        return transforms.resized_crop(image, top, left, bottom - top, right - left, [size, size], antialias=False)
    part = image[None, :, top:bottom, left:right]
    return functional.interpolate(part, (size, size), mode="bilinear", align_corners=True)[0]


def attention(features, weights, images, pad=0.1, threshold=0.5, align_corners=True):
    """Maps ``(B, N+1, H, W)``, boxes ``(B, N+1, 4)`` and crops ``(N+1, B, 3, W, W)``; features, weights: N tensors."""
    size, maps, boxes, crops = images.shape[2:], [], [], []
    for image, *pairs in zip(images, *features, *weights, strict=True):
        count = len(features)
        coarse = [activation_map(pairs[n], pairs[count + n]) for n in range(count)]
        own = [normalised(enlarged(one, tuple(size), align_corners)) for one in coarse]
        own.append(normalised(sum(own)))
        found = [box(one, threshold, pad) for one in own]
        maps.append(torch.stack(own))
        boxes.append(torch.tensor(found))
        crops.append(torch.stack([crop(image, one, size[1], align_corners) for one in found]))
    return torch.stack(maps), torch.stack(boxes), torch.stack(crops, 1)
