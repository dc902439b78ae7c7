"""Prompts, text-to-image generation and packs of generated images, for AIM-Fair's synthetic data."""

import warnings

# transformers and diffusers import it, and in a notebook without widgets it would warn there.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tqdm.auto  # noqa: F401
