"""The conditions under which the cells of a comparison are played, beside self-play.

A condition is a team (who sits in which seat, and how it acts), a lesion (what is taken from an arm
when the shift comes), or continued training. It stands before the name of a cell:
"heldout/cue_remap 1".
"""

from __future__ import annotations

from collections.abc import Sequence

from empathy_loop.agents.config import AgentConfig
from empathy_loop.envs.populations import FOCAL, POPULATIONS
from empathy_loop.envs.reading import close_matches

SELF_PLAY, GREEDY, CROSS_PLAY, HELDOUT = "self_play", "greedy", "cross_play", "heldout"
TEAMS: dict[str, str] = {
    SELF_PLAY: "the arm in all seats, or in the focal ones of a scenario that seats others",
    GREEDY: "as self_play, but a learned arm takes its most probable action instead of drawing one",
    CROSS_PLAY: "the arm in all seats, each played by a run with another seed",
    "train": "the arm in the focal seats, partners of the population `train` in the others",
    HELDOUT: "the arm in the focal seats, partners of the population `heldout` in the others",
}
"""Who sits where and how it acts, by name of the team. Anchors sit where the arm does, beside the
same partners."""
TESTED_TEAMS = (SELF_PLAY, HELDOUT)
"""Teams in which contrasts are tested and which the headline carries; of others, intervals."""

MEMORY_CLEARED, SHUFFLED = "memory_cleared", "shuffled"
CLEAR_STEPS = 8
"""Steps between two times at which a memory is cleared."""
LESIONS: dict[str, str] = {
    MEMORY_CLEARED: f"all recurrent state set to zero at the shift and each {CLEAR_STEPS} steps "
    "after it",
    SHUFFLED: "from the shift on, the policy reads of each other what is believed of another",
}
"""What is taken from an arm when the shift comes, by name."""

CONTINUED = "continued"
"""The condition of runs that were trained on."""
SWEPT = "sweeps"
"""The condition of cells that belong to a point of a sweep."""


def beside(seed: int) -> str:
    """Return the condition of cross-play with one partner, the run with a seed."""
    return f"{CROSS_PLAY}_with_{seed}"


def conditions_of(teams: Sequence[str], lesions: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """Return every condition of a comparison, self-play first.

    Args:
        teams: Names in TEAMS.
        lesions: Names in LESIONS.
        seeds: Of its runs, each of which may be another's partner.
    """
    others = [team for team in teams if team != SELF_PLAY]
    return [SELF_PLAY, *others, *map(beside, seeds), *lesions, CONTINUED, SWEPT]


def check_known(label: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError for a name that is unknown or there twice.

    Args:
        label: What to call the names in the message.
        names: What was given.
        known: What is allowed.
    """
    for name in names:
        if name not in known:
            raise ValueError(
                f"{label} name {name!r}, which is unknown; {close_matches(str(name), known)}"
            )
    if len(set(names)) < len(names):
        raise ValueError(f"{label} must name none twice, got {tuple(names)!r}")


def check_conditions(teams: Sequence[str], lesions: Sequence[str]) -> None:
    """Raise ValueError for an unknown team or lesion, or where self-play is not among the teams."""
    check_known("teams", teams, list(TEAMS))
    check_known("lesions", lesions, list(LESIONS))
    if SELF_PLAY not in teams:
        raise ValueError(f"teams must have {SELF_PLAY!r} among them, got {tuple(teams)!r}")


def seats_of_teams(
    teams: Sequence[str], num_agents: int, focal_seats: int
) -> dict[str, tuple[str, ...]]:
    """Return a seat for each agent, as `SeatedWorld` takes them, of each team with partners.

    Args:
        teams: Names in TEAMS.
        num_agents: Number of agents A.
        focal_seats: How many of them the arm plays beside partners.

    Raises:
        ValueError: no seat is left for a partner.
    """
    with_partners = [team for team in teams if team in POPULATIONS]
    if with_partners and not 0 < focal_seats < num_agents:
        raise ValueError(
            f"focal_seats must leave a seat for a partner, 1 to {num_agents - 1} of {num_agents} "
            f"agents, got {focal_seats}; or leave out the teams {', '.join(with_partners)}"
        )
    return {
        team: (FOCAL,) * focal_seats + (team,) * (num_agents - focal_seats)
        for team in with_partners
    }


def lesions_of(agent: AgentConfig, lesions: Sequence[str], num_agents: int) -> list[str]:
    """Return those lesions for which an arm has something to lose.

    Args:
        agent: The arm.
        lesions: Names in LESIONS.
        num_agents: Number of agents A.

    Raises:
        ValueError: beliefs are to be shuffled where there is one other only.
    """
    learned = agent.kind == "learned"
    reads = learned and agent.empathy.belief_input and not agent.empathy.shuffled
    if SHUFFLED in lesions and reads and num_agents < 3:
        raise ValueError(
            f"the lesion {SHUFFLED!r} puts the belief about one other in the place of another's, "
            f"which takes num_agents of at least 3; got {num_agents}"
        )
    has = {MEMORY_CLEARED: learned and agent.network.kind != "flat", SHUFFLED: reads}
    return [lesion for lesion in lesions if has[lesion]]
