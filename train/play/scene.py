"""What the page is sent of one moment, as plain data: the truth to watch, or one agent's sight.

Both have the same keys, so that one page draws both:

t          int. Steps taken so far.
stations   [[row, column], ...] of each kind, in cells.
agents     one entry for each: `at` [row, column] or null if out of sight, `carried` and
           `received` (a kind, or -1), `cue` and `act` (codes of `envs.state`), `need` [K] in
           [0, 1] or null where it is hidden, and `belief`, agent to [K] in [0, 1], or null.
gifts      [[giver, receiver, kind or -1, whether it was misattuned, or null if hidden], ...]
thanks     [[who thanked, whom], ...]
shift      Name of the shift that has come, or null.
welfare    Unshaped welfare so far, or null while it is hidden.
mask       [bool, ...] of the actions that can be done now, or null for who only watches.
trust      person to AI to trust in [0, 1], all by number; null without people, and while hidden.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.frame import frame_of
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.people import People
from empathy_loop.envs.state import ACT_HELP, HELP_BASE, NEUTRAL, NO_ACT, NOTHING, THANK
from empathy_loop.train.episode import Episode

Scene = dict[str, Any]


def true_scene(episode: Episode, belief: NDArray[np.float32] | None = None) -> Scene:
    """Return everything there is to see now, hidden state included.

    Args:
        episode: The episode.
        belief: float32 [A, O, K], NaN where there is none; None for what the episode's own
            policies believe.
    """
    frame, state = frame_of(episode.world, 0), episode.world.state
    belief = episode.belief if belief is None else belief
    by_agent = {
        "at": frame.position.tolist(),
        "carried": frame.carried.tolist(),
        "cue": frame.cue.tolist(),
        "act": state.social_act[0].tolist(),
        "received": state.received[0].tolist(),
        "need": _rounded(frame.need),
        "belief": _beliefs(belief),
    }
    agents = [dict(zip(by_agent, one, strict=True)) for one in zip(*by_agent.values(), strict=True)]
    return {
        "t": frame.step,
        "stations": frame.station.tolist(),
        "agents": agents,
        "gifts": [list(gift) for gift in frame.gifts],
        "thanks": [list(pair) for pair in frame.thanks],
        "shift": frame.shift,
        "welfare": round(episode.welfare, 3),
        "mask": None,
        "trust": _trust(episode.people),
    }


def seat_scene(
    layout: ObservationLayout,
    grid_size: int,
    i: int,
    t: int,
    features: NDArray[np.float32],
    action_mask: NDArray[np.bool_],
) -> Scene:
    """Return what one agent sees, from its observation and nothing else.

    Args:
        layout: Where everything stands in the features.
        grid_size: Side of the board, in cells.
        i: Number of the agent.
        t: Steps taken so far, which who takes part has counted.
        features: float32 [D], in [-1, 1]. What it observes.
        action_mask: bool [N]. What it can do.
    """
    num_agents, width = layout.num_others + 1, grid_size - 1
    own = {name: features[part] for name, part in layout.self_block.items()}
    place = np.rint((own["position"] + 1) / 2 * width).astype(int)
    did = _code(own["last_action"])
    received = _code(own["received"])
    agents: list[Any] = [None] * num_agents
    agents[i] = _looks(own, place) | {"act": _own_act(did), "need": _rounded(own["need"])}
    gifts, thanks = [], []
    for d in range(1, num_agents):
        j = (i + d) % num_agents
        start = layout.self_size + (d - 1) * layout.other_size
        block = features[start : start + layout.other_size]
        seen = {name: block[part] for name, part in layout.other_block.items()}
        at = place + np.rint(seen["offset"] * width).astype(int) if seen["visible"][0] else None
        shown = _rounded(seen["need"]) if "need" in seen else None
        agents[j] = _looks(seen, at) | {"act": _code(seen["social_act"]) + 1, "need": shown}
        if seen["helped_me"][0]:
            gifts.append([j, i, received, None])
        if seen["thanked_me"][0]:
            thanks.append([j, i])
        if did == HELP_BASE + d and _code(seen["received"]) != NOTHING:
            gifts.append([i, j, _code(seen["received"]), None])
    stations = np.rint(own["station"].reshape(-1, 2) * width).astype(int) + place
    return {
        "t": t,
        "stations": stations.tolist(),
        "agents": agents,
        "gifts": gifts,
        "thanks": thanks,
        "shift": None,
        "welfare": None,
        "mask": action_mask.tolist(),
        "trust": None,
    }


def seat_scene_of(episode: Episode, i: int) -> Scene:
    """Return what agent i of an episode sees now."""
    seen, world = episode.world.observation, episode.world
    return seat_scene(
        world.layout,
        episode.params.grid_size,
        i,
        episode.step_number,
        seen.features[0, i],
        seen.action_mask[0, i],
    )


def _looks(part: dict[str, NDArray[np.float32]], at: NDArray[np.int_] | None) -> dict[str, Any]:
    """Return what the blocks of oneself and of another have in common."""
    return {
        "at": None if at is None else at.tolist(),
        "carried": _code(part["carried"]),
        "cue": _code(part["cue"]) + 1 + NEUTRAL,
        "received": _code(part["received"]),
        "belief": None,
    }


def _own_act(action: int) -> int:
    """Return the code of the social act that an own action was, whether it came about or not."""
    if action > HELP_BASE:
        return ACT_HELP
    return action - THANK + 1 if action in (THANK, HELP_BASE) else NO_ACT


def _code(one_hot: NDArray[np.float32]) -> int:
    """Return the index of the 1, or -1 if all are 0."""
    return int(one_hot.argmax()) if one_hot.any() else NOTHING


def _beliefs(belief: NDArray[np.float32]) -> list[dict[str, list[float]] | None]:
    """Return of each agent, other agent to the levels that it believes in, from [A, O, K]."""
    num_agents = len(belief)
    return [
        None
        if np.isnan(belief[i]).any()
        else {str((i + d + 1) % num_agents): row for d, row in enumerate(rows)}
        for i, rows in enumerate(_rounded(belief))
    ]


def _trust(people: People | None) -> dict[str, dict[str, float]] | None:
    """Return person to AI to trust now, or None without people."""
    if people is None:
        return None
    trust = _rounded(people.state.trust[0])
    persons, others = np.flatnonzero(people.is_person), np.flatnonzero(~people.is_person)
    return {str(h): {str(i): trust[h][i] for i in others} for h in persons}


def _rounded(levels: NDArray[Any]) -> Any:
    """Return levels as lists of numbers with three decimals, nested as the axes are."""
    return np.round(levels.astype(np.float64), 3).tolist()
