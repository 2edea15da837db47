"""The Bayesian filter: what can be inferred about others from what is seen of them, and no more.

It knows the rules, and sees of another agent its cue and the kind of each gift that it receives.
For every style s (each of the K! permutations, exactly) it keeps the style's weight w[s] and, for
every kind k, the distribution q[s, k, b, a] over whether the kind is dominant (b = 0, 1) and over
the age a of its crisis: 0 for none, else the level is level[a] = min(1, crisis_level +
need_growth * (a - 1)). A step of the filter, in the order of the rules:

    jump    w'[s] = (1 - JUMP) w[s] + JUMP / K!
            q'[s] = ((1 - JUMP) w[s] q[s] + JUMP / K! * r) / w'[s], with r the mean of q over
            styles, and b drawn anew
    gift    of kind k, if one was seen: w[s] *= P(reaction | s), where RELIEF has probability
            p_show_reaction * P(a > 0), ANNOYED p_show_reaction * P(a = 0), any other cue
            1 - p_show_reaction;  then a = 0, and P(b) by whether there was a crisis. A severe
            crisis stays with probability severe_share, and then shows RELIEF and ANNOYED never,
            a symbol with probability expressivity
    grow    a = 0 begins a crisis (a = 1) with the hazard of b, any other a grows by 1
    cue     where no gift was seen, with x = (1 - p_false_distress) * expressivity:
            P(symbol | s) = p_false_distress / K + x * P(kind of the symbol in s is the worst)
            P(neutral | s) = 1 - p_false_distress - x * P(some need exceeds distress_threshold)
            w[s] *= P(cue | s);  q[s, k, b, a] *= P(cue | s, a of kind k) / P(cue | s)

The sums over all other kinds are exact, ties by the lowest index as in the rules. So the filter
over styles is exact but for these approximations:

- Given a style, the kinds are kept as if independent (the joint posterior is replaced by the
  product of its margins after every cue), and each is dominant with prior 1/K.
- A neutral face is taken for one even where it may be masked thanks.
- Expressivity is that of the rules. What self-use relieves is not followed. Of several gifts to
  one agent in a step only the last can be seen; UNFORESEEN keeps such steps from ruling out the
  truth.
- The families of shifts are common knowledge and their time is not: JUMP holds in every step.
  It is the same whatever the shift, so that twins act alike.
- A need that takes more than MAX_AGES steps to grow is followed in larger, random steps.

In form this is the interacting multiple model filter (Blom and Bar-Shalom 1988, IEEE TAC 33:780)
with assumed-density updates (Boyen and Koller 1998, UAI). Time for an agent and a step grows as
K! * K^2 * ages: about 2 microseconds at K = 3 and half a millisecond at K = 6. Where the whole
board is seen all viewers see the same, and the filter is kept once for all of them.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.filter_updates import (
    grow,
    jump,
    normalise,
    see_calm,
    see_symbol,
    take_gift,
)
from empathy_loop.envs.kernel import hot
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.rules.sight import is_visible, telling_cue
from empathy_loop.envs.state import DISTRESS, NEUTRAL, NOTHING

MAX_AGES = 24
"""Largest number of growth steps of a crisis that are told apart."""


class Filter(NamedTuple):
    """What viewers have inferred about others, and the tables they infer with.

    V is 1 where every agent sees the whole board, and A otherwise; S = K! styles; L ages.

    Attributes:
        weight: float64 [E, V, A, S], sums to 1. Probability of each style of each agent.
        age: float64 [E, V, A, S, K, 2, L], sums to 1 over the last two. Probability that a kind
            is dominant or not, and of the age of its crisis, given the style.
        level: float64 [L], in [0, 1]. Need at each age.
        advance: float64 [1], in [0, 1]. Probability that a crisis grows by an age in a step.
        hazard: float64 [2]. Probability per step that a crisis begins, by dominance.
        p_dominant: float64 [2]. Prior probability of either dominance.
        prior: float64 [S]. Prior probability of each style.
        kind_of: int64 [S, K]. Kind that each symbol stands for.
        upto: float64 [K, L]. Room for probabilities that a kind's age is at most so much.
        factor: float64 [L]. Room for a likelihood.
        mean: float64 [K, 2, L]. Room for what a stranger inherits.
    """

    weight: NDArray[np.float64]
    age: NDArray[np.float64]
    level: NDArray[np.float64]
    advance: NDArray[np.float64]
    hazard: NDArray[np.float64]
    p_dominant: NDArray[np.float64]
    prior: NDArray[np.float64]
    kind_of: NDArray[np.int64]
    upto: NDArray[np.float64]
    factor: NDArray[np.float64]
    mean: NDArray[np.float64]


def empty_filter(params: WorldParams, num_worlds: int) -> Filter:
    """Return a filter for a batch of worlds; `begin_filter` gives it meaning.

    Args:
        params: The rules.
        num_worlds: Number of worlds E; 0 where the filter is not used.

    Returns:
        Filter: newly allocated. With K = 6 it takes 1.2 MB for each world, viewer and agent.
    """
    kinds, agents = params.num_kinds, params.num_agents
    viewers = 1 if params.sees_whole_board else agents
    styles = list(itertools.permutations(range(kinds)))
    level, advance = _ages(params)
    prior = np.full(len(styles), params.idiosyncratic_share / len(styles))
    prior[0] += 1.0 - params.idiosyncratic_share
    share = params.dominant_share
    hazard = [(1.0 - share) / max(1, kinds - 1), share if kinds > 1 else 1.0]
    return Filter(
        weight=np.zeros((num_worlds, viewers, agents, len(styles))),
        age=np.zeros((num_worlds, viewers, agents, len(styles), kinds, 2, len(level))),
        level=level,
        advance=np.array([advance]),
        hazard=params.total_hazard * np.array(hazard),
        p_dominant=np.array([1.0 - 1.0 / kinds, 1.0 / kinds]),
        prior=prior,
        kind_of=np.argsort(styles, axis=1),
        upto=np.zeros((kinds, len(level))),
        factor=np.zeros(len(level)),
        mean=np.zeros((kinds, 2, len(level))),
    )


def _ages(params: WorldParams) -> tuple[NDArray[np.float64], float]:
    """Return the need at each age, and the probability that a step brings the next age."""
    steps = 0
    if params.need_growth > 0.0:
        # The small term keeps 0.6 / 0.04 from rounding up to 16.
        steps = math.ceil(min((1.0 - params.crisis_level) / params.need_growth, 1e6) - 1e-9)
    width = max(1, math.ceil(steps / MAX_AGES))
    grown = params.need_growth * width * np.arange(math.ceil(steps / width) + 1)
    level = np.minimum(1.0, params.crisis_level + grown)
    return np.concatenate([[0.0], level]), 1.0 / width


@hot
def begin_filter(inferred, e):
    """Forget all about the agents of one world: no needs, styles as likely as the rules make them.

    Writes: weight, age.

    Args:
        inferred: Filter.
        e: int64. The world.
    """
    for v in range(inferred.weight.shape[1]):
        for j in range(inferred.weight.shape[2]):
            for s in range(inferred.weight.shape[3]):
                inferred.weight[e, v, j, s] = inferred.prior[s]
                for k in range(inferred.age.shape[4]):
                    for b in range(2):
                        for a in range(inferred.age.shape[6]):
                            inferred.age[e, v, j, s, k, b, a] = 0.0
                        inferred.age[e, v, j, s, k, b, 0] = inferred.p_dominant[b]


@hot
def filter_world(rules, world, e, inferred):
    """Bring the filter of one world up to date with one more look at everybody.

    Writes: weight, age. Call it once in every step but an episode's first.

    Args:
        rules: Rules.
        world: record. One world of a batch. Read of it, for agents in view: cue and received.
        e: int64. Row of the world.
        inferred: Filter.
    """
    num_viewers = inferred.weight.shape[1]
    for v in range(num_viewers):
        for j in range(inferred.weight.shape[2]):
            if num_viewers == 1 or v != j:
                visible = num_viewers == 1 or is_visible(rules, world, v, j)
                _follow(rules, world, e, v, j, visible, inferred)


@hot
def _follow(rules, world, e, v, j, visible, inferred):
    """Bring what viewer v has inferred about agent j up to date, in the order of the rules."""
    gift = world.received[j] if visible else NOTHING
    cue = telling_cue(rules, world, j)
    jump(inferred, e, v, j)
    if gift != NOTHING:
        take_gift(rules, inferred, e, v, j, gift, cue)
    grow(inferred, e, v, j)
    if visible and gift == NOTHING and rules.show_cues:
        if cue == NEUTRAL:
            see_calm(rules, inferred, e, v, j)
        elif cue >= DISTRESS:
            see_symbol(rules, inferred, e, v, j, cue - DISTRESS)
    normalise(inferred, e, v, j)


@hot
def p_crisis_of(inferred, e, v, j, kind):
    """Return the probability that agent j is in a crisis of a kind, in the eyes of viewer v."""
    total = 0.0
    for s in range(inferred.weight.shape[3]):
        none = inferred.age[e, v, j, s, kind, 0, 0] + inferred.age[e, v, j, s, kind, 1, 0]
        total += inferred.weight[e, v, j, s] * (1.0 - none)
    return min(1.0, max(0.0, total))


@hot
def expected_level_of(inferred, e, v, j, kind):
    """Return the need of a kind to expect of agent j, in the eyes of viewer v; in [0, 1]."""
    total = 0.0
    for s in range(inferred.weight.shape[3]):
        for a in range(1, inferred.level.shape[0]):
            here = inferred.age[e, v, j, s, kind, 0, a] + inferred.age[e, v, j, s, kind, 1, a]
            total += inferred.weight[e, v, j, s] * here * inferred.level[a]
    return min(1.0, total)
