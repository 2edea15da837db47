"""Who is seen, and how much of its looks: the view radius and the view switches of a world.

Everything that stands for an agent's eyes reads others' cues, acts and thanks through here. The
switches change nothing but views: the world goes on as it would.
"""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import SCRAMBLE, below, draw, fold
from empathy_loop.envs.state import (
    ACT_HELP,
    GRATITUDE,
    KINDNESS,
    NEUTRAL,
    NO_ACT,
    RELIEF,
)


@hot
def is_visible(rules, world, i, j):
    """Return whether agent i sees agent j, by the larger of row and column distance."""
    rows = abs(world.position[j, 0] - world.position[i, 0])
    columns = abs(world.position[j, 1] - world.position[i, 1])
    return max(rows, columns) <= rules.view_radius


@hot
def shown_cue(rules, world, j):
    """Return agent j's cue as everybody sees it, itself included; NEUTRAL where it is hidden."""
    cue = world.cue[j]
    if shows_signals(rules):
        return cue
    is_positive = cue in (RELIEF, GRATITUDE, KINDNESS)
    seen = cue if rules.show_cues and not is_positive else NEUTRAL
    if seen == NEUTRAL and rules.show_cues and rules.p_scrambled_cue > 0.0:
        return _random_cue(rules, world, j)
    return seen


@hot
def telling_cue(rules, world, j):
    """Return agent j's cue as whoever knows the view reads it: a random one tells nothing."""
    cue = shown_cue(rules, world, j)
    is_random = rules.p_scrambled_cue > 0.0 and cue in (RELIEF, GRATITUDE, KINDNESS)
    return NEUTRAL if is_random else cue


@hot
def shown_act(rules, world, j):
    """Return agent j's social act as the others see it; NO_ACT for a hidden signal."""
    act = world.social_act[j]
    return act if shows_signals(rules) or act == ACT_HELP else NO_ACT


@hot
def shown_thanks(rules, world, j, i):
    """Return 1 if agent i sees that agent j thanked it, else 0."""
    return world.thanked[j, i] if shows_signals(rules) else 0


@hot
def shows_signals(rules):
    """Return whether positive cues are seen as they are, and with them thanks and offers."""
    return rules.show_cues and rules.show_positive_cues and rules.p_scrambled_cue == 0.0


@hot
def _random_cue(rules, world, j):
    """Return what is seen of agent j where positive cues are scrambled and it looks neutral."""
    step_key = fold(world.key, world.step)
    if not draw(step_key, j, SCRAMBLE, 0) < rules.p_scrambled_cue:
        return NEUTRAL
    which = below(draw(step_key, j, SCRAMBLE, 1), 3)
    return RELIEF if which == 0 else GRATITUDE if which == 1 else KINDNESS
