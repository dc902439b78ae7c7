"""The model card of a saved model, as Hugging Face has them (Mitchell et al. 2019)."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING

from fairnb import __version__
from fairnb.metrics import CONVENTIONS
from fairnb.yours.page import LIMITS
from fairnb.yours.scores import shown

if TYPE_CHECKING:
    from fairnb.yours.result import Result

USE = "To study how far a method reduces gaps between groups on these data, not for decisions about people."


def text(result: Result, label: str) -> str:
    """The card in Markdown, with the front matter that a model hub reads."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # of bars for notebooks, which nobody sees here
        from huggingface_hub import ModelCard, ModelCardData
    found, tidy = result.found, result.tidy()
    own = tidy[tidy["row"] == label]
    numbers = [f"| {line.metric} | {shown(line)} | {CONVENTIONS[line.metric].formula} |" for line in own.itertuples()]
    kind = "image-classification" if found.images else "tabular-classification"
    data = hashlib.sha256("\n".join(sorted(found.content)).encode()).hexdigest()
    what = '["a.jpg", "b.jpg"]' if found.images else "rows"
    head = ModelCardData(library_name="fairnb", pipeline_tag=kind, tags=["fairness"]).to_yaml()
    parts = [
        f"---\n{head}\n---",
        f"# {found.names[0]}, trained by {label}",
        f"Predicts {found.classes[1]} against {found.classes[0]}. Trained and measured by fairnb {__version__}.",
        f'## How to use\n\n```python\nimport fairnb\n\nmodel = fairnb.load("this/folder")\nmodel.predict({what})\n```',
        f"## Intended use\n\n{USE}",
        "## Limits\n\n" + "\n".join(f"* {limit}" for limit in LIMITS),
        f"## Groups\n\n{found.counts().reset_index().to_markdown(index=False)}",
        f"## Metrics\n\nTest samples, percent, mean over {result.plan.seeds} seeds with 95 % intervals over seeds and "
        "samples; this is one seed's model.\n\n| metric | value | what it is |\n| --- | --- | --- |\n"
        + "\n".join(numbers),
        f"## Data\n\n{len(found)} samples; hash of their contents (sha256): `{data}`.",
    ]
    return str(ModelCard("\n\n".join(parts) + "\n"))
