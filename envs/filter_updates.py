"""What the Bayesian filter does in a step; `empathy_loop.envs.filter` states the formulas.

Everywhere: `inferred` is a Filter, of which entry [e, v, j] is written, what viewer v of world e
has inferred about agent j; s is a style, k and o are kinds, b dominance, a the age of a crisis.
"""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.rules.sight import shows_signals
from empathy_loop.envs.state import ANNOYED, DISTRESS, RELIEF

JUMP = 0.005
"""Probability per step, in the eyes of the filter, that an agent's style is drawn anew."""
UNFORESEEN = 1e-3
"""Added to the probability of whatever is seen."""


@hot
def jump(inferred, e, v, j):
    """Let agent j have become a stranger with a small probability; its needs stay.

    Writes: weight, age.
    """
    weight, age, mean = inferred.weight, inferred.age, inferred.mean
    num_styles, num_kinds, num_ages = age.shape[3], age.shape[4], age.shape[6]
    for k in range(num_kinds):
        for a in range(num_ages):
            here = 0.0
            for s in range(num_styles):
                here += weight[e, v, j, s] * (age[e, v, j, s, k, 0, a] + age[e, v, j, s, k, 1, a])
            for b in range(2):
                mean[k, b, a] = here * inferred.p_dominant[b]
    for s in range(num_styles):
        same, new = (1.0 - JUMP) * weight[e, v, j, s], JUMP / num_styles
        weight[e, v, j, s] = same + new
        same, new = same / (same + new), new / (same + new)
        for k in range(num_kinds):
            for b in range(2):
                for a in range(num_ages):
                    before = age[e, v, j, s, k, b, a]
                    age[e, v, j, s, k, b, a] = same * before + new * mean[k, b, a]


@hot
def take_gift(rules, inferred, e, v, j, kind, cue):
    """Weigh styles by how agent j took a gift, after which that need is over if it is not severe.

    Writes: weight, age.
    """
    age = inferred.age
    if_none, if_ends, if_stays = _p_reactions(rules, cue)
    if_none, if_ends = if_none + UNFORESEEN, if_ends + UNFORESEEN
    for s in range(age.shape[3]):
        likelihood = 0.0
        for b in range(2):
            over = if_none * age[e, v, j, s, kind, b, 0]
            for a in range(1, age.shape[6]):
                over += if_ends * age[e, v, j, s, kind, b, a]
                age[e, v, j, s, kind, b, a] *= if_stays
                likelihood += age[e, v, j, s, kind, b, a]
            age[e, v, j, s, kind, b, 0] = over
            likelihood += over
        inferred.weight[e, v, j, s] *= likelihood
        for b in range(2):
            for a in range(age.shape[6]):
                age[e, v, j, s, kind, b, a] /= likelihood


@hot
def _p_reactions(rules, cue):
    """Return the probability of a cue after a gift without a crisis; with one, and it ends; or not.

    Those of the two outcomes of a crisis include the probability of the outcome.
    """
    p_stays = rules.severe_share if rules.severe else 0.0
    p_ends, p_quiet = 1.0 - p_stays, 1.0 - rules.p_show_reaction
    if not rules.show_cues:
        return 1.0, p_ends, p_stays
    if cue == RELIEF:
        return 0.0, rules.p_show_reaction * p_ends, 0.0
    if cue == ANNOYED:
        return rules.p_show_reaction, 0.0, 0.0
    if cue >= DISTRESS and rules.severe:
        return 0.0, 0.0, rules.expressivity * p_stays
    # A relief that is masked looks like a neutral face.
    p_calm = p_quiet if shows_signals(rules) else 1.0
    return p_quiet, p_calm * p_ends, (1.0 - rules.expressivity) * p_stays


@hot
def grow(inferred, e, v, j):
    """Let the crises that agent j may have grow by a step, and new ones begin.

    Writes: age.
    """
    age, advance = inferred.age, inferred.advance[0]
    last = age.shape[6] - 1
    for s in range(age.shape[3]):
        for k in range(age.shape[4]):
            for b in range(2):
                for a in range(last, 1, -1):
                    leaving = advance * age[e, v, j, s, k, b, a] if a < last else 0.0
                    coming = advance * age[e, v, j, s, k, b, a - 1]
                    age[e, v, j, s, k, b, a] += coming - leaving
                beginning = inferred.hazard[b] * age[e, v, j, s, k, b, 0]
                age[e, v, j, s, k, b, 0] -= beginning
                leaving = advance * age[e, v, j, s, k, b, 1] if last > 1 else 0.0
                age[e, v, j, s, k, b, 1] += beginning - leaving


@hot
def see_calm(rules, inferred, e, v, j):
    """Weigh styles and ages by a neutral face.

    Writes: weight, age.
    """
    age = inferred.age
    x = (1.0 - rules.p_false_distress) * rules.expressivity
    calm = 1.0 - rules.p_false_distress + UNFORESEEN
    first = _first_visible_age(rules, inferred)
    for s in range(age.shape[3]):
        _sum_ages(inferred, e, v, j, s)
        nobody = 1.0
        for k in range(age.shape[4]):
            nobody *= inferred.upto[k, first - 1]
        likelihood = calm - x * (1.0 - nobody)
        inferred.weight[e, v, j, s] *= likelihood
        for k in range(age.shape[4]):
            others = 1.0
            for o in range(age.shape[4]):
                if o != k:
                    others *= inferred.upto[o, first - 1]
            for a in range(age.shape[6]):
                given = calm - x * (1.0 - others) if a < first else calm - x
                for b in range(2):
                    age[e, v, j, s, k, b, a] *= given / likelihood


@hot
def see_symbol(rules, inferred, e, v, j, symbol):
    """Weigh styles and ages by a distress symbol.

    Writes: weight, age.
    """
    age = inferred.age
    x = (1.0 - rules.p_false_distress) * rules.expressivity
    chance = rules.p_false_distress / age.shape[4] + UNFORESEEN
    first = _first_visible_age(rules, inferred)
    for s in range(age.shape[3]):
        worst = inferred.kind_of[s, symbol]
        _sum_ages(inferred, e, v, j, s)
        p_worst = 0.0
        for a in range(first, age.shape[6]):
            p_worst += _p_of_age(inferred, worst, a) * _p_beats_all(inferred, worst, worst, a)
        likelihood = chance + x * p_worst
        inferred.weight[e, v, j, s] *= likelihood
        for k in range(age.shape[4]):
            for a in range(age.shape[6]):
                inferred.factor[a] = 0.0
            if k == worst:
                for a in range(first, age.shape[6]):
                    inferred.factor[a] = _p_beats_all(inferred, worst, worst, a)
            else:
                _beaten_by(inferred, worst, k, first)
            for a in range(age.shape[6]):
                for b in range(2):
                    age[e, v, j, s, k, b, a] *= (chance + x * inferred.factor[a]) / likelihood


@hot
def normalise(inferred, e, v, j):
    """Scale the weights of the styles to a sum of 1.

    Writes: weight.
    """
    total = 0.0
    for s in range(inferred.weight.shape[3]):
        total += inferred.weight[e, v, j, s]
    for s in range(inferred.weight.shape[3]):
        inferred.weight[e, v, j, s] /= total


@hot
def _first_visible_age(rules, inferred):
    """Return the first age at which a need is large enough to show; the number of ages if none."""
    first = 1
    while first < inferred.level.shape[0] and inferred.level[first] <= rules.distress_threshold:
        first += 1
    return first


@hot
def _sum_ages(inferred, e, v, j, s):
    """Write into `upto` the probability, given style s, that a kind's age is at most so much."""
    for k in range(inferred.age.shape[4]):
        total = 0.0
        for a in range(inferred.age.shape[6]):
            total += inferred.age[e, v, j, s, k, 0, a] + inferred.age[e, v, j, s, k, 1, a]
            inferred.upto[k, a] = total


@hot
def _p_of_age(inferred, k, a):
    """Return the probability that kind k has an age, 1 at least."""
    return inferred.upto[k, a] - inferred.upto[k, a - 1]


@hot
def _p_beats_all(inferred, worst, left_out, a):
    """Return the probability that no kind but one left out needs more than `worst` of an age."""
    p = 1.0
    for o in range(inferred.upto.shape[0]):
        if o != worst and o != left_out:
            p *= inferred.upto[o, a if worst < o else a - 1]
    return p


@hot
def _beaten_by(inferred, worst, k, first):
    """Write into `factor` the probability, for each age of kind k, that `worst` is the worst."""
    p, next_age = 0.0, inferred.level.shape[0] - 1
    for a in range(inferred.level.shape[0] - 1, -1, -1):
        while next_age >= first and (next_age > a or (next_age == a and worst < k)):
            p += _p_of_age(inferred, worst, next_age) * _p_beats_all(inferred, worst, k, next_age)
            next_age -= 1
        inferred.factor[a] = p
