"""The sentences of ASAC's notebooks from hand-made runs: whichever way the numbers lie, the words follow them."""

import numpy as np
import pandas as pd
import pytest

from fairnb import tasks
from fairnb.evidence import say
from fairnb.evidence import tables as shared
from fairnb.papers.asac import choices, words, words_choices, words_inside, words_lfw, words_open, words_tables
from fairnb.papers.asac.tables import (
    CONTROL,
    CURRICULA,
    DIRECTIONS,
    FROM_TRAINED,
    GENERATOR,
    PAIRS,
    SETS,
    STEPS,
    TRAINED,
)
from fairnb.papers.asac.words import ASAC, BASE

SMILE, NOSE, HAIR = (f"toy_faces/{name}_male_natural" for name in ("smiling", "big_nose", "wavy_hair"))
DEEP = f"{SMILE}_resnet50"
LFW = [f"toy_lfw/{name}_male" for name in ("smiling", "bags_under_eyes", "wavy_hair")]
PHOTOS = "utkface/over35_female"
OPEN_TASK = "celeba_open/smiling_male_natural"
NOISE = np.array([-0.002, 0.001, 0.002, -0.001])  # the same for all rows: paired differences are exact
VERDICTS = ["holds", "reversed", "no such difference", "undecided", "cannot be seen here", "not run"]
# Accuracy and DEO as in print, as fractions.
PRINTED = {
    BASE: (0.84, 0.088), TRAINED[0]: (0.91, 0.07), CONTROL[0]: (0.88, 0.07), STEPS[0]: (0.90, 0.06),
    ASAC: (0.919, 0.050), GENERATOR[0]: (0.82, 0.08),
}  # fmt: skip

ON_LFW = {row: PRINTED[row] for row in (BASE, STEPS[0], ASAC)}
CHOICES = {
    BASE: (0.84, 0.09), STEPS[0]: (0.90, 0.06), CURRICULA[0][0]: (0.912, 0.055), CURRICULA[1][0]: (0.918, 0.050),
    CURRICULA[2][0]: (0.921, 0.058), PAIRS[0][0]: (0.918, 0.050), PAIRS[1][0]: (0.914, 0.055),
    PAIRS[2][0]: (0.914, 0.057), SETS[0][0]: (0.91, 0.06), "α = 0.5": (0.918, 0.050),
    ASAC: (0.918, 0.050), DIRECTIONS[0][0]: (0.91, 0.06), DIRECTIONS[1][0]: (0.92, 0.05),
}  # fmt: skip
FURTHER = {row[0]: (0.8, 0.2) for row in FROM_TRAINED}


def frame(told, names, seeds=4, wild="", quiet=""):
    """Runs of ``told`` (row -> accuracy and DEO); the row ``wild`` varies, and on ``quiet`` nobody says yes."""
    lines = []
    for task in names:
        for label, (acc, deo) in told.items():
            for seed in range(seeds):
                extra = NOISE[seed] + 0.2 * (-1) ** seed * (label == wild)
                yes = 0.01 if task == quiet else 0.7
                own = {"acc": acc + extra, "eo_sum": deo + extra, "eo_avg": deo / 2 + extra, "tpr_gap": deo / 2 + extra}
                own |= {"tpr": yes, "y1s0": yes, "y1s1": yes, "notes": {"magnitude_by_step": [0.003, 0.004, 0.004]}}
                lines.append({"task": task, "label": label, "method": "asac", "seed": seed} | own)
    return pd.DataFrame(lines)


def swapped(told, one=BASE, other=ASAC):
    return told | {one: told[other], other: told[one]}


def table(said="undecided", claims=range(1, 14)):
    return pd.DataFrame({"claim": [f"S{i}" for i in claims], "verdict": said})


def text(parts):
    joined = "\n".join(parts)
    assert "nan" not in joined
    return joined


def main(told=None, verdict="undecided", tier="quick", **how):
    """Notebook 30's text; Table 3 has the first and one deeper network."""
    told = told or PRINTED
    runs = {"T1": frame(told, [SMILE, NOSE, HAIR], **how), "T3": frame(told, [SMILE, DEEP], **how)}
    return text(words_tables.why(runs, table(verdict), tier))


class TestTables:
    def test_as_printed(self):
        said = main()
        assert (
            "On Smile ASAC (FGSM) against the linear probe: DEO lower by 3.8 points [3.8, 3.8] (-3.8 in print)" in said
        )
        assert "accuracy higher by 7.9 points" in said and "the probe lacks what training all layers gives" in said
        assert "in accuracy: lower by 2.0 points" in said and "No verdict can rest on it" not in said
        assert "“all layers, as many epochs” (+4.0 points, +7.9 in all)" in said and "resnet50: DEO lower" in said
        assert "have intervals without 0" in said and "and has an interval" not in said

    def test_turned_around(self):
        said = main(swapped(PRINTED) | {TRAINED[0]: (0.80, 0.2), GENERATOR[0]: (0.95, 0.1)})
        assert "DEO higher by 3.8 points" in said and "accuracy lower by 7.9 points" in said
        assert "there is nothing to gain here" in said and "in accuracy: higher by 3.1 points" in said

    def test_what_varies_too_much_is_not_clear(self):
        said = main(wild=ASAC)
        assert "DEO not clearly different: -3.8 points" in said
        assert "“attacked images”" not in said.partition(" without 0")[0].rpartition(" and ")[2]

    def test_one_seed_makes_no_comparison(self):
        said = main(seeds=1).partition("At tier `open`")[0]
        assert "higher by" not in said and "lower by" not in said and "no step has an interval without 0" in said
        assert "One seed has no interval." in said and "goes from" not in said

    def test_silent_and_guessing_networks_are_named(self):
        assert "found by Base (linear probe) and ASAC (FGSM): with the middle" in main(quiet=NOSE)
        assert "On Big Nose the probe says no to nearly every face" in main(quiet=NOSE)
        said = main(PRINTED | {BASE: (0.5, 0.1)})
        assert "of resnet50, right in 50.0 %" in said and "does little more than guess: with" in said
        assert words.GUESS in said and "epoch(s)" not in said
        assert "guess" not in main()

    @pytest.mark.parametrize("verdict", VERDICTS)
    def test_verdicts_and_reasons_follow_the_table(self, verdict):
        said = main(verdict=verdict)
        assert said.count(f": {verdict}.**") == 5
        kind = "holds" if verdict == "holds" else "refuted" if verdict in say.REFUTED else "open"
        for outcomes in words_tables.REASONS.values():
            assert all((reason in said) == (name == kind) for name, reason in outcomes.items() if reason)

    def test_a_tier_without_other_targets_and_backbones(self):
        told = {row: PRINTED[row] for row in (BASE, ASAC)}
        said = text(words_tables.why({"T1": frame(told, [PHOTOS])}, table(claims=[1]), "open"))
        assert "S2: not run, S3: not run" in said and "S5: not run" in said and "no control" in said

    def test_decisions_have_the_settings_own_numbers(self, monkeypatch):
        paper, own = words_tables.decisions(SMILE, "paper"), tasks.settings_of(SMILE, "paper")
        monkeypatch.setattr(
            tasks, "settings_of", lambda name, tier: own | {"finetune_lr": 1e-4, "size": 43, "crop": 32}
        )
        ours = words_tables.decisions(SMILE, "quick")
        assert "| Adam, 0.001 |\n" in paper and "| Adam, 0.0001: at the paper's, few epochs" in ours
        assert "the middle 32 of 43 pixels" in ours and "| 224 pixels" in paper
        assert {line.count("|") for line in (ours + "\n" + paper).splitlines()} == {4}


def test_who_says_no_to_everybody_is_named():
    runs = frame(PRINTED, [SMILE, NOSE], quiet=NOSE)
    assert "ASAC (FGSM) on Big Nose (1.0 %)" in words.useless(runs) and "on Smile" not in words.useless(runs)
    assert "every row finds more than 5 %" in words.useless(frame(PRINTED, [SMILE]))


class TestLFW:
    def said(self, told=None, verdict="undecided", **how):
        return text(words_lfw.why(frame(told or ON_LFW, LFW, **how), table(verdict), "quick"))

    def test_as_printed_and_turned_around(self):
        said = self.said({BASE: (0.6, 0.1), STEPS[0]: (0.7, 0.09), ASAC: (0.9, 0.05)})
        assert "on Smile DEO lower by 5.0 points [5.0, 5.0] (-2.0 in print), accuracy higher by 30.0" in said
        assert "the attack shows in DEO" in said and "here, too, a base lacks" in said
        assert "the highest is +30.0 points" in said and "the smallest rise in print is +17.9." in said
        said = self.said(swapped(ON_LFW) | {STEPS[0]: ON_LFW[BASE]})
        assert "DEO higher by 3.8 points" in said and "does not lack what the printed one lacked" in said
        assert "do not tell an attack from unfreezing" in said

    def test_silence_one_seed_and_no_runs(self):
        assert "**Bags Under Eyes says nothing.**" in self.said(quiet=LFW[1])
        assert "says nothing" not in self.said() and "lower by" not in self.said(seeds=1)
        assert "S4: not run" in text(words_lfw.why(frame({}, []), table(claims=[]), "open"))

    def test_of_a_silent_control_nothing_follows(self):
        made = frame(ON_LFW, LFW)
        made.loc[(made["label"] == STEPS[0]) & (made["task"] == LFW[2]), "tpr"] = 0.0
        said = text(words_lfw.why(made, table(), "quick"))
        assert "On Wavy Hair the control finds under 5 % of the positives: nothing follows." in said
        assert "On Wavy Hair the control (as many" not in said and "On Smile the control (as many" in said

    @pytest.mark.parametrize("verdict", VERDICTS)
    def test_reasons_follow_the_table(self, verdict):
        said = self.said(verdict=verdict)
        assert f"S4: {verdict}.**" in said and sum(reason in said for reason in words_lfw.REASONS.values()) == 1

    def test_decisions_are_of_the_data_that_are_there(self):
        assert "wrong" in words_lfw.decisions(LFW[0], "quick") and "wrong" not in words_lfw.decisions(LFW[0], "paper")


class TestChoices:
    def said(self, told=None, verdict="undecided", **how):
        runs = frame(told or CHOICES, [SMILE], **how)
        return text(words_choices.why(dict.fromkeys(("T4", "T5", "T6", "D"), runs), table(verdict)))

    def test_as_printed_and_turned_around(self):
        said = self.said()
        assert "against a random order: DEO lower by 0.5 points [0.5, 0.5] (-0.5 in print)" in said
        assert "the order sorts *images*" in said and "are left to larger tiers" in said
        assert "clearly different: ε = {0.001, 0.03, 0.05} (higher by 1.0 points" in said
        assert "against random signs of the same size: DEO lower by 1.0 points [1.0, 1.0]" in said
        assert "“Head fitted anew each epoch”: DEO" in said and "“Attack on y, as in Eq. 2” are left to" in said
        said = self.said(swapped(CHOICES, CURRICULA[0][0], CURRICULA[1][0]))
        assert "against a random order: DEO higher by 0.5 points" in said

    def test_one_seed_and_no_runs(self):
        said = self.said(seeds=1)
        assert "lower by" not in said and say.ONE_SEED in said and "Seeds alone" not in said
        assert "S6: not run, S7: not run, S11: not run" in text(words_choices.why({}, table(claims=[])))

    def test_an_order_of_magnitudes_is_called_so(self):
        runs = frame(CHOICES, [SMILE]).assign(notes=[{"magnitude_by_step": [0.0, 0.001, 0.01]}] * 4 * len(CHOICES))
        assert "an order of magnitudes to a good part" in text(words_choices.why({"T4": runs}, table()))

    @pytest.mark.parametrize("verdict", VERDICTS)
    def test_reasons_follow_the_table(self, verdict):
        said = self.said(verdict=verdict)
        for outcomes in words_choices.REASONS.values():
            assert sum(reason in said for reason in outcomes.values()) == 1

    def test_what_is_printed_of_one_configuration_comes_from_the_file(self):
        spread = choices.spread({})
        assert "up to 0.8 points of DEO" in words_choices.printed_twice(spread)
        spread.loc[spread["percent"] == "eo_sum", "range of the same"] = 0.1
        assert "Each choice moves it farther." in words_choices.printed_twice(spread)

    def test_decisions_count_the_seeds(self):
        runs = frame(CHOICES, [SMILE], seeds=1)
        assert "| 1 seed; " in words_choices.decisions({"T4": runs}) and "none at" in words_choices.decisions({})


def looked(after=0.6, control=1.0, mouth=0.1, seeds=4, task=SMILE):
    """What was measured: slopes after ASAC and after the control are so many times the probe's, shares so much more."""
    lines = []
    for label, times, more in ((BASE, 1.0, 0.0), (STEPS[0], control, 0.0), (ASAC, after, mouth)):
        for seed in range(seeds):
            slope = 0.08 * times + NOISE[seed] / 10
            own = {"slope_same": slope, "slope_refit": slope, "slope_noise": 0.02, "spread": 0.25}
            own |= {"mouth_share": 0.06 + more, "chance": 0.015}
            lines.append({"label": label, "seed": seed, "task": task} | own)
    return pd.DataFrame(lines)


class TestInside:
    def said(self, measured, verdict="undecided"):
        [task] = measured["task"].unique()
        return text(words_inside.why(measured, frame(FURTHER, [task]), table(verdict), "quick", 0.015))

    def test_as_printed_and_turned_around(self):
        said = self.said(looked())
        assert "after ASAC this is lower by 12.8 points" in said and "after it this is higher by 10.0 points" in said
        assert "Chance is 1.5 %" in said and "From a trained network" in said
        assert all(f"* **{claim}: undecided.**" in said for claim in ("S8", "S12", "S13", "S9"))
        said = self.said(looked(after=1.5, control=0.8, mouth=-0.02))
        assert "after ASAC this is higher by 16.0 points" in said and "after it this is lower by 2.0 points" in said

    def test_one_seed_and_constant_networks(self):
        said = self.said(looked(seeds=1))
        assert "lower by" not in said and "(one seed)" in said
        assert "after it this is not defined" in self.said(looked(mouth=np.nan))

    def test_another_target_than_a_smile_is_not_judged(self):
        assert "S9 is not judged here" in self.said(looked(task=PHOTOS))

    @pytest.mark.parametrize("verdict", VERDICTS)
    def test_reasons_follow_the_table(self, verdict):
        said = self.said(looked(), verdict)
        for outcomes in words_inside.REASONS.values():
            assert sum(reason in said for reason in outcomes.values()) == 1

    def test_decisions_are_a_table(self):
        assert {line.count("|") for line in words_inside.decisions().splitlines()} == {4}


class TestOpen:
    def gains(self, first, last):
        steps = [("all layers", first), ("attacked images", last), ("all of it", first)]
        lines = [{"task": OPEN_TASK, "step": step, "acc": v, "acc_low": v - 1, "acc_high": v + 1} for step, v in steps]
        return pd.DataFrame(lines).assign(eo_sum=0.0, eo_sum_low=-1.0, eo_sum_high=1.0)

    @pytest.mark.parametrize(
        ("first", "last", "words_of_it"),
        [(5, 0, "is the unfreezing"), (5, 2, "beyond what the steps without"), (0, 0, "No step shows")],
    )
    def test_what_brings_the_gain_follows_the_committed_table(self, monkeypatch, first, last, words_of_it):
        monkeypatch.setattr(shared, "committed", lambda tier, name: self.gains(first, last).assign(network="n"))
        assert words_of_it in text(words_open.gains("quick")) and words_open.gains("open") == []

    def test_nothing_is_said_where_nothing_is_committed(self, monkeypatch):
        monkeypatch.setattr(shared, "committed", lambda tier, name: pd.DataFrame())
        assert words_open.gains("quick") == [] and words_open.slopes("quick") == []

    def test_slopes_are_those_of_the_committed_table(self, monkeypatch):
        found = looked(task=OPEN_TASK).assign(chance=0.1)
        monkeypatch.setattr(shared, "committed", lambda tier, name: found)
        said = text(words_open.slopes("quick"))
        assert "p(Smile)" in said and words_open.slopes("open") == []

    def test_a_table_of_tasks_that_the_tier_has_no_more_says_nothing(self, monkeypatch):
        monkeypatch.setattr(shared, "committed", lambda tier, name: looked(task=PHOTOS).assign(chance=0.1))
        assert words_open.slopes("quick") == [] and words_open.gains("quick") == []
