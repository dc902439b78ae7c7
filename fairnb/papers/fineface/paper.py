"""FineFACE: what it is called, and the number of its first notebook."""

from fairnb.registry import Paper

PAPER = Paper(
    slug="fineface",
    title="FineFACE: Fair Facial Attribute Classification Leveraging Fine-grained Features",
    source="ICPR 2024, arXiv 2408.16881",
    notebooks=50,
)
