"""AIM-Fair: what it is called, and the number of its first notebook."""

from fairnb.registry import Paper

PAPER = Paper(
    slug="aimfair",
    title="AIM-Fair: Advancing Algorithmic Fairness via Selectively Fine-Tuning Biased Models with "
    "Contextual Synthetic Data",
    source="CVPR 2025, arXiv 2503.05665",
    notebooks=10,
)
