"""ASAC: what it is called, and the number of its first notebook."""

from fairnb.registry import Paper

PAPER = Paper(
    slug="asac",
    title="Utilizing Adversarial Examples for Bias Mitigation and Accuracy Enhancement",
    source="arXiv 2404.11819",
    notebooks=30,
)
