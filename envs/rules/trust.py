"""People's trust in AI and willingness toward it: what moves them, and what follows from them.

In the form of Rescorla and Wagner 1972: a gain closes a share of the distance to 1, a loss takes
a share of what is there. docs/rules.md states each rule; `empathy_loop.envs.people` calls them.
"""

from __future__ import annotations

import math

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import REFUSE, ROUND, THANKS, draw
from empathy_loop.envs.rules.helping import in_reach
from empathy_loop.envs.rules.sight import is_visible
from empathy_loop.envs.state import (
    ACT_OFFER,
    DISTRESS,
    HELP_BASE,
    NOTHING,
    OFFER,
    REFUSED,
    REFUSES,
    THANK,
    WILLING,
)


@hot
def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + math.exp(-x))


@hot
def acceptance(person, trust):
    """Return the probability that a person takes the help of an AI that it trusts so far."""
    return sigmoid(person.acceptance_slope * (trust - person.acceptance_barrier))


@hot
def weight_of_ai(person, trust, willingness, cooperates):
    """Return the weight of an AI's need in a person's eyes, in [0, 1]."""
    if person.rounds:
        owed = 1.0 if cooperates else 0.0
    else:
        owed = sigmoid(person.help_slope * (trust - person.help_midpoint))
    return willingness * (1.0 - person.exploitation) * owed


@hot
def weight_of_person(person, willingness):
    """Return the weight of another person's need, in [0, 1], with what spills over from AI."""
    change = willingness - person.willingness_start
    return min(1.0, max(0.0, person.willingness_people + person.spillover * change))


@hot
def look_ahead(rules, world, table, h, e, answers, refusals, step_key):
    """Write which AI could relieve the distress of person h now, and whose help it would refuse.

    Writes: rows [e, h] of answers.chance and of refusals.

    Args:
        rules: Rules.
        world: record. One world of a batch, before the step.
        table: record [A]. The people.
        h: int64. The person.
        e: int64. Row of the world.
        answers: Answers. `accepts` is read.
        refusals: uint8 [E, A, A]. Codes of `act_agents`.
        step_key: uint64. Key of the step.
    """
    for i in range(world.carried.shape[0]):
        refusals[e, h, i] = WILLING
        answers.chance[e, h, i] = 0
        if not table[i].is_person:
            if not draw(step_key, h, REFUSE, i) < answers.accepts[e, h, i]:
                refusals[e, h, i] = REFUSES
            kind = world.carried[i]
            near = is_visible(rules, world, i, h) and in_reach(rules, world, i, h)
            asks = world.cue[h] >= DISTRESS and kind != NOTHING
            if near and asks and world.need[h, kind] > 0.0:
                answers.chance[e, h, i] = 1


@hot
def note_help(world, table, h, e, minds, chance, refusals, events):
    """Write what each AI did for person h in the step, and what it left undone.

    Writes: rows [e, h] of ignored, offered (taken back by a help), answered; relieved, hurt and
    ignored of the events.

    Args:
        world: record. One world of a batch, after the step.
        table: record [A]. The people.
        h: int64. The person.
        e: int64. Row of the world.
        minds: PeopleState.
        chance: uint8 [E, A, A]. What `look_ahead` wrote.
        refusals: uint8 [E, A, A]. What the step made of them.
        events: Events.
    """
    in_crisis = False
    for k in range(world.need.shape[1]):
        in_crisis = in_crisis or world.need[h, k] > 0.0
    for i in range(world.carried.shape[0]):
        gave, is_ai = world.helped[i, h] == 1, not table[i].is_person
        misattuned = world.misattuned_given[i] > 0
        events.relieved[e, h, i] = is_ai and gave and not misattuned
        events.hurt[e, h, i] = is_ai and gave and misattuned
        if gave or refusals[e, h, i] == REFUSED or not in_crisis:
            minds.ignored[e, h, i] = 0
        elif chance[e, h, i] == 1:
            minds.ignored[e, h, i] += 1
        events.ignored[e, h, i] = minds.ignored[e, h, i] >= table[h].ignored_after
        if events.ignored[e, h, i] == 1:
            minds.ignored[e, h, i] = 0
        if events.relieved[e, h, i] == 1:
            minds.answered[e, h, i] = 1
            minds.offered[e, h, i] = 0


@hot
def note_signals(rules, world, table, h, e, minds, events):
    """Write which AI thanked or failed to thank person h, offered help, or helped another person.

    Writes: rows [e, h] of thanks_due and offered; thanked, unthanked, offered and helped_person of
    the events. Arguments are those of `note_help`.
    """
    for i in range(world.carried.shape[0]):
        is_ai, due = not table[i].is_person, minds.thanks_due[e, h, i]
        events.thanked[e, h, i] = due > 0 and world.thanked[i, h] == 1
        events.unthanked[e, h, i] = due == 1 and world.thanked[i, h] == 0
        minds.thanks_due[e, h, i] = max(0, due - 1) if events.thanked[e, h, i] == 0 else 0
        if is_ai and world.helped[h, i] == 1 and world.misattuned_given[h] == 0:
            minds.thanks_due[e, h, i] = table[h].thanks_within
        sees = is_ai and is_visible(rules, world, h, i)
        offers = sees and world.social_act[i] == ACT_OFFER and minds.offered[e, h, i] == 0
        events.offered[e, h, i] = offers
        if offers:
            minds.offered[e, h, i] = 1
        events.helped_person[e, h, i] = 0
        for j in range(world.carried.shape[0]):
            if sees and j != h and table[j].is_person and _relieves(rules, world, h, i, j):
                events.helped_person[e, h, i] = 1


@hot
def note_kindness(rules, world, table, h, e, events):
    """Write how many helps of AI by other people person h watched. Writes: helped_ai of events."""
    events.helped_ai[e, h] = 0
    for g in range(world.carried.shape[0]):
        if g != h and table[g].is_person and is_visible(rules, world, h, g):
            for i in range(world.carried.shape[0]):
                if not table[i].is_person and _relieves(rules, world, h, g, i):
                    events.helped_ai[e, h] += 1


@hot
def _relieves(rules, world, h, i, j):
    """Return whether i gave j a help that was not misattuned, and h sees j."""
    gave = world.helped[i, j] == 1 and world.misattuned_given[i] == 0
    return gave and is_visible(rules, world, h, j)


@hot
def learn(table, h, e, minds, events):
    """Move the trust and the willingness of person h by what has happened, in this order.

    Writes: rows [e, h] of trust and willingness. Arguments are those of `note_help`.
    """
    person = table[h]
    for i in range(minds.trust.shape[1]):
        if not table[i].is_person:
            t = minds.trust[e, h, i]
            t += person.trust_drift * (person.trust_start - t)
            if events.relieved[e, h, i]:
                t += person.trust_gain * (1.0 - t)
            if events.hurt[e, h, i]:
                t -= person.trust_loss * t
            if events.ignored[e, h, i]:
                t -= person.trust_loss_ignored * t
            if events.thanked[e, h, i]:
                t += person.trust_gain_thanked * (1.0 - t)
            if events.unthanked[e, h, i]:
                t -= person.trust_loss_unthanked * t
            if events.helped_person[e, h, i]:
                t += person.trust_gain_observed * (1.0 - t)
            if events.offered[e, h, i]:
                t += person.trust_gain_offered * (1.0 - t)
            minds.trust[e, h, i] = t
    for _ in range(events.helped_ai[e, h]):
        w = minds.willingness[e, h]
        minds.willingness[e, h] = w + person.willingness_gain * (1.0 - w)


@hot
def end_round(world, table, h, e, minds, step_key):
    """Decide anew with whom person h cooperates, where a round of its own ends with this step.

    A round at whose end no shown distress of h is left unrelieved tells nothing of an AI that has
    not relieved h in it, and leaves all as it is. Writes: rows [e, h] of cooperates, answered and
    asked.

    Args:
        world: record. One world of a batch, after the step.
        table: record [A]. The people.
        h: int64. The person.
        e: int64. Row of the world.
        minds: PeopleState.
        step_key: uint64. Key of the coming step.
    """
    person = table[h]
    if world.relief[h] > 0.0:
        minds.asked[e, h] = 0
    elif world.cue[h] >= DISTRESS:
        minds.asked[e, h] = 1
    if world.step % person.round_steps != 0:
        return
    for i in range(world.carried.shape[0]):
        answered = minds.answered[e, h, i] == 1
        if not table[i].is_person and (answered or minds.asked[e, h] == 1):
            if minds.cooperates[e, h, i] == 1:
                p = person.p_cc if answered else person.p_cd
            else:
                p = person.p_dc if answered else person.p_dd
            minds.cooperates[e, h, i] = draw(step_key, h, ROUND, i) < p
        minds.answered[e, h, i] = 0
    minds.asked[e, h] = 0


@hot
def polite(rules, world, i, action, trust, step_key):
    """Return what a person does before what it has in mind: thank, offer, or nothing else.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        i: int64. The person.
        action: int64. What it would do.
        trust: float64. Its trust in whoever helped it last.
        step_key: uint64. Key of the step.

    Returns:
        int64. The action that it takes.
    """
    if world.relief[i] > 0.0 and draw(step_key, i, THANKS, 0) < trust:
        return THANK
    if rules.offers and action > HELP_BASE and world.last_action[i] != OFFER:
        return OFFER
    return action
