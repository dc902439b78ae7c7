"""The painter's order, in chunks that stay in the processor's cache."""

from __future__ import annotations

import numpy as np
import torch

from fairnb.data.toys.faces import camera, extras, eyes, head, mouth, scene
from fairnb.data.toys.faces.attributes import REGIONS
from fairnb.data.toys.faces.canvas import Canvas, Latents, pick
from fairnb.data.toys.faces.hair import Hair

CHUNK = 32


@torch.inference_mode()
def render(
    p: Latents, *, size: int, style: str, seed: int, masks: bool, faces: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Pictures uint8 ``(m, 3, size, size)``, and visible regions bool ``(m, 4, size, size)`` when ``masks``.

    Args:
        p: latents of ``latents.to_tensors``. faces: which of them to render (indices; default all). A face looks the
            same, to the byte, whatever it is rendered with.
    """
    chosen = np.arange(len(p["tx"])) if faces is None else np.asarray(faces)
    images = np.empty((len(chosen), 3, size, size), np.uint8)
    regions = np.empty((len(chosen), len(REGIONS), size, size), bool) if masks else None
    for start in range(0, len(chosen), CHUNK):
        part = chosen[start : start + CHUNK]
        rows = part if len(part) > 1 else part.repeat(2)  # a batch of one may take other code paths in torch
        some = pick(p, torch.from_numpy(rows))
        canvas = paint(some, size, masks)
        images[start : start + CHUNK] = camera.develop(canvas.colour, some, style, seed, rows.tolist())[
            : len(part)
        ].numpy()
        if regions is not None:
            regions[start : start + CHUNK] = (canvas.regions > 0.5)[: len(part)].numpy()
    return images, regions


def paint(p: Latents, size: int, masks: bool) -> Canvas:
    """Paint the faces of ``p`` back to front, before the camera."""
    canvas = Canvas.blank(p, size, masks)
    scene.wall(canvas)
    hair = Hair(canvas)
    hair.behind()
    with canvas.window(1.0, 9.0, 0.62) as lower:
        scene.body(lower)
    hair.beside_neck()
    head.ears(canvas)
    head.skin(canvas)
    _features(canvas)
    hair.in_front()
    extras.glasses(canvas)
    extras.hats(canvas)
    extras.in_front(canvas)
    return canvas


def _features(canvas: Canvas) -> None:
    """Everything on the face, each in its own small window."""
    p = canvas.p
    with canvas.window(0.17, 0.60, 0.66) as middle:
        head.beard(middle)
        head.cheeks(middle)
        head.wrinkles(middle)
    with canvas.window(p["eye_y"] - 0.03, 0.44, 0.24) as around_eyes:
        eyes.eyes(around_eyes)
        eyes.brows(around_eyes)
    with canvas.window(0.07, 0.22, 0.28) as around_nose:
        mouth.nose(around_nose)
    with canvas.window(p["mouth_y"] + 0.06, 0.36, 0.26) as around_mouth:
        mouth.mouth(around_mouth)
