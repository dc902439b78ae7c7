"""ICDM 2022: what it is called, and the number of its first notebook."""

from fairnb.registry import Paper

PAPER = Paper(
    slug="reactivate",
    title="Toward Unified Data and Algorithm Fairness via Adversarial Data Augmentation and Adaptive Model Fine-tuning",
    source="ICDM 2022",
    notebooks=20,
)
