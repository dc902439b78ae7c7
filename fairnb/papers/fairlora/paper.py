"""FairLoRA: what it is called, and the number of its first notebook."""

from fairnb.registry import Paper

PAPER = Paper(
    slug="fairlora",
    title="Fairness-Aware Low-Rank Adaptation Under Demographic Privacy Constraints",
    source="arXiv 2503.05684",
    notebooks=40,
)
