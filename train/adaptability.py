"""How well a group adapts to a shift: pure functions of the welfare of evaluated episodes.

The scale is n(w) = (sum y - sum R) / (sum O - sum R) over a window w: y is the unshaped welfare of
an arm, R that of the random arm, O that of the oracle arm, in the same worlds under the same
shift. It is a ratio of sums and not a mean of ratios, so that single steps near 0 / 0 do no harm.

Every world has its own shift step. Episodes are therefore aligned on s = t - shift step and summed
over worlds first. Worlds differ in how many steps they have before and after the shift; a sum over
a window takes every step of every world once, which is the mean over the worlds still there at
each s, weighted by their number. y, R and O are summed over the same steps of the same worlds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from empathy_loop.train.statistics import Floats, lower_tail_mean

MIN_GAP = 0.05
"""Share of the gap between oracle and random, per step before the shift, below which a window is
not scored; also the least level of a twin of which a share can be taken."""
RETAINED_STEPS = 16
"""Steps after the shift over which what was retained is measured."""
SMOOTHING = 8
"""Steps of the windows of a curve, and of recovery times."""
STAY = 8
"""Windows in a row that have to reach a level before it counts as reached."""
MIN_WORLDS = 0.5
"""Share of the worlds that must still be there at a step of a curve."""
RECOVERY_SHARES = (0.5, 0.9)
"""Shares of the twin's level whose recovery times are measured."""
WORST_SHARE = 0.25
"""Share of the shift families that count as the worst."""


class Aligned(NamedTuple):
    """The welfare of a cell by steps since the shift, s = -T .. T-1 at the indices 0 .. 2T-1.

    Attributes:
        total: float64 [2T], at most 0. Sum over the worlds that have this step.
        worlds: int64 [2T]. How many have it; 0 at both ends.
    """

    total: Floats
    worlds: NDArray[np.int64]


class Terms(NamedTuple):
    """What a ratio of sums is made of, by steps since the shift as in Aligned.

    Attributes:
        above: float64 [2T]. Welfare of the arm minus that of random, sum over worlds.
        gap: float64 [2T]. Welfare of the oracle minus that of random, sum over the same worlds.
        worlds: int64 [2T]. Their number.
    """

    above: Floats
    gap: Floats
    worlds: NDArray[np.int64]

    @property
    def shift(self) -> int:
        """Index of the step of the shift, s = 0."""
        return len(self.worlds) // 2


class Recovery(NamedTuple):
    """When a level was reached again.

    Attributes:
        step: First step since the shift from which on it was reached, at least 0; None if
            it was not within `watched` steps (censored).
        watched: Steps since the shift for which that can be told, at least 1.
    """

    step: int | None
    watched: int


class Adaptation(NamedTuple):
    """What a shift did to an arm with one seed; None where a number cannot be told.

    Attributes:
        before: n over everything before the shift (P).
        aurc: n from the shift to the end.
        deficit: n of the twin minus aurc, over the same steps.
        retained: aurc of the first RETAINED_STEPS steps as a share of the twin's there.
        recovery: Recovery to each of RECOVERY_SHARES of the twin's level.
    """

    before: float | None
    aurc: float | None
    deficit: float | None
    retained: float | None
    recovery: tuple[Recovery | None, ...]


def align(welfare: Floats, shift_step: NDArray[np.int32]) -> Aligned:
    """Return welfare by steps since the shift, summed over worlds.

    Args:
        welfare: float64 [T, E]. Unshaped welfare of each step.
        shift_step: int32 [E], in [0, T). Step of the shift, or where it would have been.

    Raises:
        ValueError: a shift step lies outside of the episode.
    """
    horizon = len(welfare)
    if not ((shift_step >= 0) & (shift_step < horizon)).all():
        raise ValueError(f"shift_step must be in [0, {horizon}), got {shift_step.tolist()}")
    index = np.arange(horizon)[:, None] - shift_step + horizon
    total = np.bincount(index.ravel(), weights=welfare.ravel(), minlength=2 * horizon)
    worlds = np.bincount(index.ravel(), minlength=2 * horizon)
    return Aligned(np.asarray(total, np.float64), np.asarray(worlds, np.int64))


def compare_to_anchors(arm: Aligned, floor: Aligned, ceiling: Aligned) -> Terms:
    """Return what n is made of.

    Where the anchors were played in other worlds than the arm, their mean over worlds at each
    s stands in for each world of the arm; in the same worlds this changes nothing.

    Args:
        arm: The arm, y.
        floor: The random arm, R, under the same shift.
        ceiling: The oracle arm, O, under the same shift.
    """
    random, oracle = (_brought_to(arm.worlds, anchor) for anchor in (floor, ceiling))
    is_known = (arm.worlds > 0) & (floor.worlds > 0) & (ceiling.worlds > 0)
    return Terms(
        above=np.where(is_known, arm.total - random, 0.0),
        gap=np.where(is_known, oracle - random, 0.0),
        worlds=np.where(is_known, arm.worlds, 0),
    )


def level(terms: Terms, first: int, stop: int) -> float | None:
    """Return n over the steps first <= s < stop since the shift.

    Args:
        terms: Of an arm in a cell.
        first: From -T on; may be negative, before the shift.
        stop: At most T.

    Returns:
        n, or None if oracle and random differ there, per step of a world, by less than MIN_GAP
        of what they differ by before the shift, or not at all there.
    """
    window = np.s_[terms.shift + first : terms.shift + stop]
    value = float(_ratios(terms, *(part[window].sum(keepdims=True) for part in terms))[0])
    return None if np.isnan(value) else value


def smoothed_levels(terms: Terms) -> Floats:
    """Return n over windows of SMOOTHING steps that do not cross the shift.

    At s >= 0 it is the window from s on; at s < 0 the window up to s. So the curve breaks at the
    shift, as what happens does, and the level at s = 0 holds nothing from before it.

    Args:
        terms: Of an arm in a cell.

    Returns:
        float64 [2T], by steps since the shift as in Aligned. NaN where the window leaves the
        episode, where fewer than MIN_WORLDS of the worlds are there throughout, and where
        `level` would be None.
    """
    levels = np.full(len(terms.worlds), np.nan)
    if terms.shift < SMOOTHING:
        return levels
    ratios = _ratios(terms, *(sliding_window_view(part, SMOOTHING).sum(-1) for part in terms))
    fewest = sliding_window_view(terms.worlds, SMOOTHING).min(-1)
    ratios[fewest < MIN_WORLDS * terms.worlds.max()] = np.nan
    levels[terms.shift : len(ratios)] = ratios[terms.shift :]
    levels[SMOOTHING - 1 : terms.shift] = ratios[: terms.shift - SMOOTHING + 1]
    return levels


def adaptation(shifted: Terms, twin: Terms) -> Adaptation:
    """Return what a shift did to an arm.

    Args:
        shifted: Its cell with the shift.
        twin: Its cell without, where the anchors had no shift either.
    """
    end = shifted.shift
    aurc, undisturbed = level(shifted, 0, end), level(twin, 0, end)
    early, early_twin = level(shifted, 0, RETAINED_STEPS), level(twin, 0, RETAINED_STEPS)
    retained = None
    if early is not None and early_twin is not None and early_twin >= MIN_GAP:
        retained = early / early_twin
    return Adaptation(
        before=level(shifted, -end, 0),
        aurc=aurc,
        deficit=None if aurc is None or undisturbed is None else undisturbed - aurc,
        retained=retained,
        recovery=tuple(recovery_time(shifted, twin, share) for share in RECOVERY_SHARES),
    )


def recovery_time(shifted: Terms, twin: Terms, share: float) -> Recovery | None:
    """Return when an arm is back at a share of what it would be without the shift.

    That is the first s >= 0 from which on the level over SMOOTHING steps, at s and at the next
    STAY - 1 steps, is at least the share times the twin's level over the same steps. A window
    that cannot be scored counts as not reached. 0 means that the level never fell below.

    Args:
        shifted: The cell with the shift.
        twin: The cell without.
        share: Share of the twin's level, in (0, 1].

    Returns:
        Recovery; None if the twin's level after the shift is below MIN_GAP, so that there is
        nothing to recover, or if there are too few steps after the shift to tell.
    """
    undisturbed = level(twin, 0, twin.shift)
    at_least_half = shifted.worlds[shifted.shift :] >= MIN_WORLDS * shifted.worlds.max()
    followed = int(np.cumprod(at_least_half).sum())
    watched = followed - (SMOOTHING - 1) - (STAY - 1)
    if undisturbed is None or undisturbed < MIN_GAP or watched < 1:
        return None
    with_shift, without = (smoothed_levels(terms)[terms.shift :] for terms in (shifted, twin))
    # Beyond what is watched, levels are NaN, which reaches nothing.
    is_reached = with_shift >= share * without
    stays = sliding_window_view(is_reached, STAY).all(-1)
    return Recovery(int(stays.argmax()) if stays.any() else None, watched)


def worst_family(rows: Floats, families: Sequence[str]) -> Floats:
    """Return the mean AURC of the worst WORST_SHARE of shift families.

    Args:
        rows: float64 [..., runs, tasks]. AURC.
        families: The family of each task.

    Returns:
        float64 [...]. The families' means over runs and tasks, as `lower_tail_mean` takes them.
    """
    names = np.array(families)
    means = [rows[..., names == name].mean((-2, -1)) for name in dict.fromkeys(families)]
    return lower_tail_mean(np.stack(means, axis=-1), WORST_SHARE)


def gini(values: Floats) -> Floats:
    """Return how unequally something is spread: sum over i, j of |x_i - x_j| / (2 n^2 mean x).

    Args:
        values: float64 [..., n], at least 0.

    Returns:
        float64 [...], in [0, 1 - 1/n]. 0: all have the same, or nobody has anything.
    """
    number = values.shape[-1]
    differences = np.abs(values[..., :, None] - values[..., None, :]).sum((-2, -1))
    total = values.sum(-1)
    return np.asarray(differences / np.where(total > 0.0, 2.0 * number * total, 1.0))


def _brought_to(worlds: NDArray[np.int64], anchor: Aligned) -> Floats:
    """Return what an anchor's sum over so many worlds would be; its own where they are as many."""
    weight = np.where(worlds == anchor.worlds, 1.0, worlds / np.maximum(anchor.worlds, 1))
    return np.asarray(anchor.total * weight)


def _ratios(terms: Terms, above: Floats, gap: Floats, worlds: Floats) -> Floats:
    """Return n of windows from their sums [W]; NaN where the gap per step is too small."""
    before = np.s_[: terms.shift]
    usual = terms.gap[before].sum() / max(1, terms.worlds[before].sum())
    is_scored = (worlds > 0) & (usual > 0.0) & (gap >= MIN_GAP * usual * worlds) & (gap > 0.0)
    return np.where(is_scored, above / np.where(is_scored, gap, 1.0), np.nan)
