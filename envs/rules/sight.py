"""Who is seen, and how much of its looks: the view radius and the view switches of a world.

Everything that stands for an agent's eyes reads others' cues, acts and thanks through here. The
switches change nothing but views: the world goes on as it would.
"""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
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
    if _shows_signals(rules):
        return cue
    is_positive = cue in (RELIEF, GRATITUDE, KINDNESS)
    return cue if rules.show_cues and not is_positive else NEUTRAL


@hot
def shown_act(rules, world, j):
    """Return agent j's social act as the others see it; NO_ACT for a hidden signal."""
    act = world.social_act[j]
    return act if _shows_signals(rules) or act == ACT_HELP else NO_ACT


@hot
def shown_thanks(rules, world, j, i):
    """Return 1 if agent i sees that agent j thanked it, else 0."""
    return world.thanked[j, i] if _shows_signals(rules) else 0


@hot
def _shows_signals(rules):
    """Return whether thanks and offers are seen: they would tell of the cues that they show."""
    return rules.show_cues and rules.show_positive_cues
