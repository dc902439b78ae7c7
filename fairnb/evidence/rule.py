"""The one rule that turns conditions into an outcome: holds, reversed, no such difference, or why none of them.

Every condition has a repeated interval (``ladder``), and everything follows from it. At a rung a condition is known by
its tightest bounds so far: all rungs cover together, so all of them may be used. The first decision counts, and whoever
stops there is right as often as whoever goes on; only *no such difference* may later be sharpened into *reversed*.

A claim is "in at least ``need`` of N groups (tasks) all conditions hold", judged at level ``ALPHA``. A group holds
where every lower bound of its conditions, at ``ALPHA / (N - need + 1)``, is above 0. It is refuted where an upper bound
of one of its K conditions, at ``ALPHA / (need K)``, is below 0 or below the margin. Why: where the claim is false, at
most ``need - 1`` groups are true, so at least one of ``N - need + 1`` false ones must hold wrongly (Markov's bound on
how many do); where it is true, one of ``need`` true ones must be refuted wrongly. Where all groups are needed, that is
``ALPHA`` for holding and ``ALPHA / K`` with the K conditions of the whole claim for refuting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fairnb.errors import BadData
from fairnb.evidence import ladder
from fairnb.evidence.ladder import ALPHA, LADDER, REFUTE_FROM, Condition, Interval, Known, interval, rung

HOLDS, REVERSED, NO_DIFFERENCE = "holds", "reversed", "no such difference"
UNSEEN, UNDECIDED, NOT_RUN = "cannot be seen here", "undecided", "not run"
DECIDED = (HOLDS, REVERSED, NO_DIFFERENCE)
NUMBERED_FROM = 6  # seeds; with fewer the spread is too uncertain to say how many would be needed
UNUSUAL = 5  # times smaller than the spread that is typical of the family
MOST = 100_000  # seeds; nobody runs more, and the number would be noise

__all__ = ["ALPHA", "LADDER", "REFUTE_FROM", "Condition", "Interval", "interval", "rung"]

Groups = list[list[Known]]


@dataclass(frozen=True)
class Outcome:
    """What the rule says of a claim.

    Attributes:
        state: one of the six outcomes. reason: why, in words; empty where the claim holds.
        by: the condition that decided it. Holds: the lowest lower bound among the ``need`` groups that hold most
            clearly. Reversed: the lowest upper bound. No such difference: the upper bound that lies furthest below its
            margin. Undecided: the one that needs most seeds. Cannot be seen: the one whose margin needs most.
        seeds: the rung at which it was decided; else the last full rung that all conditions have (all seeds below 3).
        needed: seeds (a rung) at which it would be decided if means and spreads stay as they are. None if beyond the
            ladder, and where it is decided. Below 3 seeds nothing is known, and it is the second rung.
        smaller: it holds, and an upper bound (at the level of refutations) lies below the printed difference; not
            asked of what is exact.
        flags: sentences on what a reader should look at.
    """

    state: str
    reason: str
    by: Condition | None
    seeds: int
    needed: int | None
    smaller: bool
    flags: tuple[str, ...]


def decide(groups: Sequence[Sequence[Condition]], need: int | None = None, typical: float | None = None) -> Outcome:
    """What the seeds so far say of "in at least ``need`` of the groups all conditions hold".

    *Reversed* is said where so many groups come out below 0 that these alone refute the claim: one, where all groups
    are needed. *No such difference* is said where that many are refuted, but not all of them by a sign. A group without
    conditions can neither hold nor be refuted. A condition that is known to be above 0 refutes nothing, however small
    it is. Refutations start at ``REFUTE_FROM`` seeds.

    Args:
        groups: the conditions of each group. need: how many groups must hold, by default all.
        typical: spread over seeds, in points, that is usual in the claim's family; much smaller ones are flagged.

    Raises:
        BadData: no groups, a ``need`` that they cannot meet, or values that are not finite.
    """
    need = len(groups) if need is None else need
    if not 1 <= need <= len(groups):
        raise BadData(f"a claim must hold in 1 to {len(groups)} of its {len(groups)} groups; got {need}")
    if not any([len(ladder.checked(one)) for group in groups for one in group]):
        return Outcome(NOT_RUN, "no seed was run", None, 0, None, False, ())
    state, at, known = _run_through(groups, need)
    flags = tuple(flag for one in _flat(known) for flag in _unusual(one, typical))
    if state == UNDECIDED:
        return _open(known, need, flags)
    by, clearest = _by(known, state, need), _flat(_clearest(known, need))
    flags += tuple(flag for one in (clearest if state == HOLDS else [by]) for flag in _earlier(one, state))
    smaller = state == HOLDS and any(one.high < one.condition.printed and not one.condition.exact for one in clearest)
    return Outcome(state, _refutation(by, state), by.condition, at or by.n, None, smaller, flags)


def _start(groups: Sequence[Sequence[Condition]], need: int) -> Groups:
    """Nothing known yet, and the levels at which each condition will be judged."""
    sizes = [sum(not one.exact for one in group) for group in groups]
    hold = len(groups) - need + 1
    shares = [sum(sizes) if need == len(groups) else need * size for size in sizes]
    return [[Known(one, hold, max(share, 1)) for one in group] for group, share in zip(groups, shares, strict=True)]


def _run_through(groups: Sequence[Sequence[Condition]], need: int) -> tuple[str, int, Groups]:
    """The state, the rung at which it was reached (0: by what is exact), and what is known at the last rung."""
    known, state, at = _start(groups, need), UNDECIDED, 0
    for step in (0, *LADDER):
        known = [[one.at(step) for one in group] for group in known]
        new = _state(known, need)
        if (state == UNDECIDED and new != UNDECIDED) or (state, new) == (NO_DIFFERENCE, REVERSED):
            state, at = new, step
    return state, at, known


def _state(known: Groups, need: int) -> str:
    enough = len(known) - need + 1
    if sum(bool(group) and all(one.holds for one in group) for group in known) >= need:
        return HOLDS
    if sum(any(one.reversed for one in group) for group in known) >= enough:
        return REVERSED
    return NO_DIFFERENCE if sum(any(one.refuted for one in group) for group in known) >= enough else UNDECIDED


def _flat(known: Groups) -> list[Known]:
    return [one for group in known for one in group]


def _clearest(known: Groups, need: int) -> Groups:
    """The ``need`` groups with the highest lower bounds."""
    return sorted((group for group in known if group), key=lambda group: min(one.low for one in group))[-need:]


def _by(known: Groups, state: str, need: int) -> Known:
    if state == HOLDS:
        return min(_flat(_clearest(known, need)), key=lambda one: one.low)
    if state == REVERSED:
        return min(_flat(known), key=lambda one: one.high)
    refuting = [one for one in _flat(known) if one.refuted] or [one for one in _flat(known) if one.small]
    return min(refuting, key=lambda one: one.high - one.condition.margin)


def _refutation(by: Known, state: str) -> str:
    if state == HOLDS:
        return ""
    said = f"{by.condition.text}: {_shown(by.condition)}"
    if by.condition.exact:
        return f"{said}, where nothing is trained"
    what = "0" if state == REVERSED else f"the margin of {by.condition.margin:.3g} points"
    return f"{said}; at the level of refutations at most {by.high:+z.1f}, which is below {what}"


def _open(known: Groups, need: int, flags: tuple[str, ...]) -> Outcome:
    """Undecided, or cannot be seen here: how many seeds are needed."""
    own = [one for one in _flat(known) if not (one.condition.exact and one.condition.values)]
    seeds = min((one.rung or one.n for one in own), default=0)
    if few := [one for one in own if not one.rung]:
        known_by = "1 seed says" if seeds == 1 else f"{seeds} seeds say"
        reason = f"about {LADDER[1]} seeds are needed: {known_by} nothing of the spread of {few[0].condition.text}"
        return Outcome(UNDECIDED, reason, few[0].condition, seeds, LADDER[1], False, flags)
    for step in (step for step in LADDER if step > seeds):
        then = [[one.at(step, projected=True) for one in group] for group in known]
        if _state(then, need) != UNDECIDED:
            by = max(_blocking(known), key=_at_mean)
            reason = f"about {step} seeds are needed: {by.condition.text}: {_shown(by.condition)}"
            return Outcome(UNDECIDED, reason, by.condition, seeds, step, False, flags)
    return _beyond(known, seeds, flags)


def _beyond(known: Groups, seeds: int, flags: tuple[str, ...]) -> Outcome:
    """No rung decides it if all stays as it is: can it be seen here at all?"""
    then = [[one.at(LADDER[-1], projected=True) for one in group] for group in known]
    blocking = _blocking(then)
    if not blocking:
        reason = f"nothing can be measured in {sum(not group for group in known)} of {len(known)} groups"
        return Outcome(UNSEEN, f"{reason}, and the others do not decide", None, seeds, None, False, flags)
    if still := [one for one in blocking if math.isnan(ladder.spread(one.condition))]:
        reason = f"it never varies, and the error of its test samples is not known: {still[0].condition.text}"
        return Outcome(UNDECIDED, reason, still[0].condition, seeds, None, False, flags)
    unresolved = [one for one in blocking if _at_margin(one) > LADDER[-1]]
    if unresolved and seeds >= NUMBERED_FROM:
        by = max(unresolved, key=_at_margin)
        return Outcome(UNSEEN, _number(by), by.condition, seeds, None, False, flags)
    by = max(blocking, key=_at_mean)
    reason = (
        f"more than {LADDER[-1]} seeds are needed if it stays as it is: {by.condition.text}: {_shown(by.condition)}"
    )
    return Outcome(UNDECIDED, reason, by.condition, seeds, None, False, flags)


def _blocking(known: Groups) -> list[Known]:
    """The conditions that keep a group open."""
    open_groups = [group for group in known if not any(one.refuted for one in group)]
    return [one for one in _flat(open_groups) if not one.holds]


def _at_mean(one: Known) -> float:
    """Seeds at which the condition would hold or be refuted if its mean stays as it is."""
    mean, margin = ladder.reach(one.condition, 1, one.rung).mean, one.condition.margin
    return min(one.seeds_for(mean, one.hold), max(one.seeds_for(margin - mean, one.refute), REFUTE_FROM))


def _at_margin(one: Known) -> float:
    """Seeds at which the interval reaches no further than the margin (or, where that is 0, than the mean)."""
    mean = ladder.reach(one.condition, 1, one.rung).mean
    return one.seeds_for(one.condition.margin or abs(mean), one.refute)


def _number(by: Known) -> str:
    """Why a condition cannot be seen, with its number."""
    text, margin, number = by.condition.text, by.condition.margin, _at_margin(by)
    what = f"a difference of {margin:.3g} points in" if margin else "a difference as small as here of"
    said = f"{text}: {_shown(by.condition)}"
    if number > MOST:
        why = "; the test set is too small" if by.condition.test_variance else ""
        return f"more than {MOST} seeds would be needed for {what} {said}{why}"
    digits = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return f"about {math.ceil(number / digits) * digits} seeds would be needed for {what} {said}"


def _shown(condition: Condition) -> str:
    return f"{interval(condition)} over {interval(condition).seeds} seeds"


def _unusual(one: Known, typical: float | None) -> list[str]:
    condition, n = one.condition, one.rung
    if condition.exact or not n:
        return []
    varied = ladder.spread(condition)
    if math.isnan(varied) or varied == condition.floor:
        return [f"{condition.text} never varies over {n} seeds"]
    if typical is not None and varied < typical / UNUSUAL:
        return [f"{condition.text} varies unusually little: {varied:.2g} points, where {typical:.2g} are usual"]
    return []


def _earlier(one: Known, state: str) -> list[str]:
    """Whether only an earlier rung decides."""
    condition, n = one.condition, one.rung
    low, high = ladder.reach(condition, one.hold, n).low, ladder.reach(condition, one.refute, n).high
    agrees = {HOLDS: low > 0, REVERSED: high < 0, NO_DIFFERENCE: high < condition.margin}[state]
    return (
        [] if agrees or condition.exact else [f"{condition.text}: decided earlier, and {n} seeds alone leave it open"]
    )
