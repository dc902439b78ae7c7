"""The rows of ICDM 2022's tables: the paper's, the method taken apart, its open choices, what was released."""

from __future__ import annotations

from typing import Any

from fairnb.evidence.layout import Row

RELEASED = {"as_released": True}
PROPOSED: tuple[Row, ...] = (
    ("Proposed", "reactivate", {}),
    ("Proposed-joint", "reactivate", {"variant": "joint"}),
)
ABLATED: tuple[Row, ...] = (
    ("Proposed-unif", "reactivate", {"variant": "unif"}),
    ("Proposed-ind", "reactivate", {"variant": "ind"}),
)
INTRA: tuple[Row, ...] = (
    ("RndPert", "random_perturbation", {}),
    ("LayerwiseOpt", "layerwise_optimisation", {}),
    ("Adv.Ft", "adversarial_fine_tuning", {}),
)
POST: tuple[Row, ...] = (
    ("ROC", "reject_option", {}),
    ("EqOdds", "equalised_odds", {}),
    ("CalibEqOdds", "calibrated_equalised_odds", {}),
)
ERM: Row = ("Baseline", "erm", {})
DEFAULT: Row = ("Baseline", "default_model", {})
CIFAR: tuple[Row, ...] = (
    ERM,
    ("Uni.Conf.", "uniform_confusion", {}),
    ("Adv.Debias", "domain_adversarial", {}),
    ("Dom.Disc.", "domain_discriminative", {}),
    ("Dom.Ind.", "domain_independent", {}),
    *INTRA,
    *ABLATED,
    *PROPOSED,
)
TABULAR: tuple[Row, ...] = (
    DEFAULT,
    *POST,
    ("Adv.Debias", "adversarial_mitigation", {}),
    *INTRA,
    *PROPOSED,
)


def _choice(text: str, **hparams: Any) -> Row:
    return (text, "reactivate", hparams)


# The method with a part taken out, the same fine-tuning with none of them, and rivals on the same people.
BARE = "plain tuning on the bootstrap"
CONTROLS: tuple[Row, ...] = (
    _choice("Proposed (default)"),
    _choice("no attack", attacked=False),
    _choice("no mask", masked="none"),
    _choice("random mask", masked="random"),
    _choice("D_i whatever the group", variant="ind"),
    _choice(BARE, attacked=False, masked="none", variant="unif"),
    ("RndPert on the bootstrap", "random_perturbation", {"balance": "bootstrap"}),
    ("Adv.Ft on the bootstrap", "adversarial_fine_tuning", {"balance": "bootstrap"}),
)
# What the paper leaves open: one choice changed at a time, beside the plain row.
CHOICES: dict[str, tuple[Row, ...]] = {
    "controls": CONTROLS,
    "attack direction": (_choice("apart (default)"), _choice("mix", direction="mix")),
    "attack norm": (_choice("l-inf (default)"), _choice("l2", norm="l2")),
    "τ": tuple(
        _choice(f"τ = {tau}" + " (default)" * (tau == 0.9), **({} if tau == 0.9 else {"tau": tau}))
        for tau in (0.8, 0.9, 0.95)
    ),
    "p_flip": tuple(
        _choice(f"p_flip = {p}" + " (default)" * (p == 0.5), **({} if p == 0.5 else {"p_flip": p}))
        for p in (0.0, 0.5, 1.0)
    ),
    "cells": (_choice("bootstrap (default)"), _choice("as they are", balance="none")),
    "restart": (_choice("zero (default)"), _choice("Kaiming", restart="kaiming")),
    "radius": (
        _choice("radius 0.1 (default)"),
        *(_choice(f"radius {radius}", radius=radius) for radius in (0.03, 0.3)),
    ),
    "λ": (_choice("λ = 20 (default)"), *(_choice(f"λ = {slope}", slope=float(slope)) for slope in (5, 80))),
    "ε_m": (_choice("ε_m = 1 (default)"), _choice("ε_m = 0", gap_weight=0.0)),
    "β": (_choice("β = 1 (default)"), *(_choice(f"β = {beta}", beta=beta) for beta in (0.3, 3.0))),
    "epochs": (_choice("as the tier has them (default)"), _choice("30 epochs", epochs=30)),
    "γ": (
        _choice("joint, γ = 0.05 (default)", variant="joint"),
        _choice("joint, γ = 0.01", variant="joint", gamma=0.01),
    ),
    "weights": (
        _choice("sampling (default)"),
        _choice("in the loss", weighting="loss"),
        _choice("none", weighting="none"),
    ),
}
# Savani et al.'s script on COMPAS, where AIF360 has 0 for the favourable label and is given the scores of 1.
AS_RELEASED, AT_BEST = "as released", "at the best threshold"
INVERTED: tuple[Row, ...] = (
    (f"ROC {AS_RELEASED}", "reject_option", {"favourable": 0}),
    (f"CalibEqOdds {AS_RELEASED}", "calibrated_equalised_odds", {"favourable": 0}),
)
# Post-processing at the baseline's threshold, which is ours; the released script decides at 0.5.
AT_BEST_ROWS: tuple[Row, ...] = (
    (f"EqOdds {AT_BEST}", "equalised_odds", {"threshold": None}),
    (f"CalibEqOdds {AT_BEST}", "calibrated_equalised_odds", {"threshold": None}),
)
# Baselines as Savani et al. released them, beside the correct ones: what do the bugs do to the numbers?
RELEASED_ROWS: tuple[Row, ...] = (
    ("LayerwiseOpt", "layerwise_optimisation", {}),
    ("LayerwiseOpt as released", "layerwise_optimisation", RELEASED),
    ("Adv.Ft", "adversarial_fine_tuning", {}),
    ("Adv.Ft as released", "adversarial_fine_tuning", RELEASED),
    ("Adv.Debias", "adversarial_mitigation", {}),
    ("Adv.Debias as released", "adversarial_mitigation", RELEASED),
)
