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
    agent_after,
)


@hot
def is_visible(rules, state, e, i, j):
    """Return whether agent i sees agent j, by the larger of row and column distance."""
    rows = abs(state.position[e, j, 0] - state.position[e, i, 0])
    columns = abs(state.position[e, j, 1] - state.position[e, i, 1])
    return max(rows, columns) <= rules.view_radius


@hot
def shown_cue(rules, state, e, j):
    """Return agent j's cue as everybody sees it, itself included; NEUTRAL where it is hidden."""
    cue = state.cue[e, j]
    if _shows_signals(rules):
        return cue
    is_positive = cue in (RELIEF, GRATITUDE, KINDNESS)
    return cue if rules.show_cues and not is_positive else NEUTRAL


@hot
def shown_act(rules, state, e, j):
    """Return agent j's social act as the others see it; NO_ACT for a hidden signal."""
    act = state.social_act[e, j]
    return act if _shows_signals(rules) or act == ACT_HELP else NO_ACT


@hot
def shown_thanks(rules, state, e, j, i):
    """Return 1 if agent i sees that agent j thanked it, else 0."""
    return state.thanked[e, j, i] if _shows_signals(rules) else 0


@hot
def _shows_signals(rules):
    """Return whether thanks and offers are seen: they would tell of the cues that they show."""
    return rules.show_cues and rules.show_positive_cues


@hot
def append_needs(rules, state, e, features, exterior):
    """Write needs at the end of every exterior view, and of the block of each other in view.

    Out of the way of the rest of a view: it is for upper bounds only, and would slow all others.

    Args:
        rules: Rules.
        state: State.
        e: int64. The world.
        features: float32 [E, A, D]. The need columns of row e are written.
        exterior: float32 [E, A, X]. The need columns of row e are written.
    """
    num_agents, num_kinds, width = state.carried.shape[1], state.need.shape[2], exterior.shape[2]
    self_size = features.shape[2] - (num_agents - 1) * width
    for i in range(num_agents):
        for k in range(num_kinds):
            exterior[e, i, width - num_kinds + k] = state.need[e, i, k]
        for d in range(1, num_agents):
            j, start = agent_after(i, d, num_agents), self_size + d * width - num_kinds
            if is_visible(rules, state, e, i, j):
                for k in range(num_kinds):
                    features[e, i, start + k] = state.need[e, j, k]
