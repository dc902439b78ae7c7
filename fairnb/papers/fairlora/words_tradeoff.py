"""What notebook 41 says about strengths, forms of the adapter and both readings of FPR parity, made from its runs.

``frames`` has what ``runs.run`` returns for ``methods``, ``strength`` and ``choices``, as far as the tier has them;
metrics are fractions, sentences have percent and points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import say
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.fairlora import tables
from fairnb.papers.fairlora.tables import ADV, ENT, ERM, METHODS, ORTH, STRENGTH, STRENGTHS
from fairnb.papers.fairlora.words_strategies import NAMES, said_of, than

BELOW = 0.025  # share of intervals without any effect that lie below zero
ONE_ANSWER = 90.0  # percent of a group from which on it gets one answer
AT = " at λ = "  # for ``STRENGTH`` in a sentence
PRODUCT = f"{ORTH[0]} (product)"
TURNS = (
    "Turn by turn training is another training than Erm's, also where the auditor does little, so a weak auditor may "
    "move a gap either way."
)


def improving(found: pd.DataFrame) -> list[str]:
    """Whether each row of ``tables.against_erm`` improves on Erm: ``yes``, nothing, or ``one seed``."""
    known = found["fpr_gap_low"].notna()
    yes = (found["fpr_gap_high"] < 0) & (found["acc_high"] >= 0)
    return ["one seed" if not k else "yes" if y else "" for k, y in zip(known, yes, strict=True)]


def counted(found: pd.DataFrame) -> str:
    """How many settings improve on Erm, and how many would by chance; ``found``: from ``tables.against_erm``."""
    if "one seed" in improving(found):
        better = found.loc[(found["fpr_gap"] < 0) & (found["acc"] >= 0), "row"]
        return (
            f"{say.ONE_SEED} In these numbers {len(better)} of {len(found)} settings have a lower FPR gap at an "
            f"accuracy that is no lower: {_listed(better)}. Without any effect luck would put some settings there."
        )
    better = found.loc[[word == "yes" for word in improving(found)], "row"]
    return (
        f"Of {len(found)} settings these improve on Erm: {_listed(better)}. Without any effect about "
        f"{BELOW * len(found):.1f} would have an FPR gap that falls for sure."
    )


def _listed(labels: Iterable[str]) -> str:
    return say.listed(label.replace(STRENGTH, AT) for label in labels)


def why(frames: Mapping[str, pd.DataFrame], found: pd.DataFrame | None) -> list[str]:
    """What λ, both measures and the form do, for ``say.prose``.

    Args:
        found: from ``tables.against_erm`` of the strengths; None where the tier has no sweep.
    """
    points = ["* This tier has no sweep over strengths, only the strategies at their default strengths (notebook 40)."]
    if found is not None:
        frame = frames["strength"]
        parts = (_strong, _weak, _orthogonal)
        points = [f"* **Does any setting improve on Erm?** {counted(found)}"]
        points += [said for task in _names(frame) for part in parts if (said := part(frame, task))]
    points.append(_two_readings(swept(frames)))
    return [*points, *(_forms(frames["choices"], task) for task in _names(frames.get("choices")))]


def swept(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The runs of ``methods`` and ``strength``, each once."""
    found = pd.concat([frames[name] for name in ("methods", "strength") if name in frames], ignore_index=True)
    return found.drop_duplicates(["task", "method", "hparams", "seed"])


def _names(frame: pd.DataFrame | None) -> list[str]:
    return [] if frame is None else [str(task) for task in frame["task"].unique()]


def _there(frame: pd.DataFrame, labels: Sequence[str]) -> list[str]:
    """Those of the labels that a tier runs."""
    known = set(frame["label"])
    return [label for label in labels if label in known]


def _label(row: str, strength: float) -> str:
    return f"{row}{STRENGTH}{strength:g}"


def _mean(frame: pd.DataFrame, row: str, metric: str, task: str) -> float:
    return float(per_seed(frame, row, metric, task, "label").mean())


def _against(frame: pd.DataFrame, row: str, task: str, metrics: Sequence[str] = ("acc", "fpr_gap")) -> str:
    found = [f"{NAMES[metric]} {said_of(than(frame, row, ERM[0], metric, task))}" for metric in metrics]
    return f"{row.replace(STRENGTH, AT)}: {', '.join(found)}"


def _strong(frame: pd.DataFrame, task: str) -> str:
    """Adv and Ent at their largest strength, and whether they still decide; nothing where they are not swept."""
    said, given_up = [], []
    for row, method, _ in (ADV, ENT):
        label = _label(row, max(STRENGTHS[method]))
        if not _there(frame, [label]):
            return ""
        least, most = _yes(frame, label, task)
        given_up += [row] if least >= ONE_ANSWER or most <= 100 - ONE_ANSWER else []
        found = _against(frame, label, task, ("acc", "fpr_gap", "ddp"))
        said.append(f"{found}; it says yes to {least:.0f} and {most:.0f} % of the two groups.")
    least, most = _yes(frame, ERM[0], task)
    follows = (
        f"By {say.listed(given_up)} nearly everybody is given one answer, in both groups: that is how a gap closes "
        "when nothing is decided any more."
        if given_up
        else "Both still tell people apart."
    )
    return (
        f"* **The strongest auditor**, against Erm, which says yes to {least:.0f} and {most:.0f} % of the two groups. "
        f"{' '.join(said)} {follows}"
    )


def _yes(frame: pd.DataFrame, row: str, task: str) -> list[float]:
    """How often a group gets a yes, percent: the smaller and the larger share."""
    return [_mean(frame, row, metric, task) for metric in ("ppr_min", "ppr_max")]


def _weak(frame: pd.DataFrame, task: str) -> str:
    """The FPR gap of Adv and Ent at all other strengths; nothing where they are not swept."""
    labels = [_label(row, own) for row, method, _ in (ADV, ENT) for own in sorted(STRENGTHS[method])[:-1]]
    labels = _there(frame, labels)
    if not labels:
        return ""
    found = [f"{_listed([label])}: {than(frame, label, ERM[0], 'fpr_gap', task).amount}" for label in labels]
    return f"* **Weaker auditors.** The change of the FPR gap: {'; '.join(found)}. {TURNS}"


def _orthogonal(frame: pd.DataFrame, task: str) -> str:
    """The change from Erm of Orth's forms at the middle and the largest strength, as far as they are swept."""
    _, middle, largest = sorted(STRENGTHS[ORTH[1]])
    labels = _there(frame, [_label(row, own) for row in (ORTH[0], PRODUCT) for own in (middle, largest)])
    said = [_against(frame, label, task) for label in labels]
    return f"* **Orth**, against Erm. {'; '.join(said)}. An overlap that falls says only that the penalty is obeyed."


def _two_readings(frame: pd.DataFrame) -> str:
    """How many rows become fairer by the difference and less fair by the ratio, or the other way, and how surely."""
    found = tables.fpr_changes(frame)
    rows = found[found["the two"] == "disagree"].to_dict("records")
    sure = [row for row in rows if _both_clear(frame, row["row"], row["task"])]
    text = f"Difference and ratio disagree, in the mean over seeds, in {len(rows)} of {len(found)} rows"
    if rows:
        lower = sum(_rates_fall(frame, row) for row in rows)
        text += f", of which {lower} have a lower FPR than Erm in both groups; both changes are clear in {len(sure)}"
    follows = (
        "So the follow-up's finding can be had here"
        if sure
        else "So the follow-up's finding is not shown here, though possible"
    )
    return (
        f"* **Two readings.** {text}. {follows}: where both rates shrink and the smaller one shrinks more, the "
        "difference falls and the ratio with it."
    )


def _both_clear(frame: pd.DataFrame, row: str, task: str) -> bool:
    words = [than(frame, row, ERM[0], metric, task).word for metric in ("fpr_gap", "fpr_ratio")]
    return say.UNCLEAR not in words


def _rates_fall(frame: pd.DataFrame, line: Mapping[str, float]) -> bool:
    """Whether a row of ``tables.fpr_changes`` has in both groups a lower FPR than Erm."""
    task = str(line["task"])
    theirs = [100 - _mean(frame, ERM[0], f"y0s{s}", task) for s in (0, 1)]
    return all(line[f"FPR s={s}"] < theirs[s] for s in (0, 1))


def _forms(frame: pd.DataFrame, task: str) -> str:
    """Whether the form of the adapter moves accuracy and gap more than the fair loss does."""
    erm, orth = ({label.partition(", ")[2]: label for label in _of(frame, row)} for row in (ERM[0], ORTH[0]))
    said = []
    for metric in ("acc", "fpr_gap"):
        values = [_mean(frame, label, metric, task) for label in erm.values()]
        pairs = {form: than(frame, orth[form], erm[form], metric, task) for form in erm if form in orth}
        most = max(pairs, key=lambda form: abs(pairs[form].mean))
        word = "more" if np.ptp(values) > abs(pairs[most].mean) else "less"
        said.append(
            f"Erm's {NAMES[metric]} spans {np.ptp(values):.1f} points over {len(values)} forms, and Orth is at most "
            f"{abs(pairs[most].mean):.1f} points from Erm of one form ({most}), so in these means the form moves it "
            f"{word} than the fair loss"
        )
    one = f" {say.ONE_SEED}" if frame["seed"].nunique() == 1 else ""
    return f"* **Form or method?** {'; '.join(said)}.{one}"


def _of(frame: pd.DataFrame, row: str) -> list[str]:
    return [str(label) for label in frame["label"].unique() if str(label).startswith(f"{row}, ")]


def decisions(task: str, tier: str) -> str:
    """What was found about the paper, and what is ours, as a Markdown table; ``task`` is one of the tier's."""
    own = tasks.settings_of(task, tier)
    tried = {len(values) for values in STRENGTHS.values()}
    lines = [
        ("what", "found (abstract, summaries, the authors' follow-up)", "ours"),
        ("strategies", say.listed(row[0] for row in METHODS if row != ENT) + "; Ent in the follow-up",
         "formulas and schedules"),
        ("network", "ViT-Base, pretrained on ImageNet, frozen", "that at `paper`; smaller ones at the other tiers"),
        ("data", "CelebA and UTK-Face; developer's and auditor's are separate", "split 50/50; toy faces at `quick`"),
        ("form of the adapter", "low rank; no numbers",
         f"rank {own['lora_rank']}, α = {own['lora_alpha']:g}, q and v of all blocks; varied above"),
        ("optimiser", "–", "AdamW, as many developer steps in every method (Adv, Ent: one round more for the head); a "
         "new optimiser at each turn"),
        ("λ", "–", f"{say.listed(map(str, sorted(tried)))} values each; for Adv and Ent it scales the auditor's rate, "
         "as Adam ignores the scale of a loss"),
        ("Orth's penalty", '"orthogonality loss"', "factors (main) and product"),
        ("the auditor's head", "stays with the auditor", "refitted at each turn by logistic regression"),
        ("selection", "–", "none on validation data; last step"),
        ("FPR parity", "named; a ratio gets worse in the follow-up",
         "difference (main) and smaller over larger rate"),
    ]  # fmt: skip
    return say.table(lines)
