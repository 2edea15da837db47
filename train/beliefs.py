"""What an arm knows of others' needs: its belief, a probe of its memory, and the filter beside it.

All three are asked in every step of the same episodes, which the arm plays: in worlds that it has
to itself, and alone among partners that training may or may not have met.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.empathy.metrics import (
    Detections,
    belief_quality,
    detections,
    kind_accuracy,
    need_accuracy,
    others_in_crisis,
    reliability,
)
from empathy_loop.agents.empathy.probes import Probe, fit_probe, probed_crisis
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.populations import (
    FOCAL,
    LEARNED_PERSON,
    check_seats,
    count_focal,
    seats_learned_person,
)
from empathy_loop.envs.world import World
from empathy_loop.train.actors import Actor, Decision, LearnedActor, ScriptedActor
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.statistics import restricted_mean

DETECTION_LIMIT = 16
"""Steps to which times of detection are restricted: in so many, a new need grows to the full 1."""
PARTNERS: dict[str, str] = {
    "self_play": "the arm in all seats",
    "train": "the arm in one seat, partners of the population `train` in the others",
    "heldout": "the arm in one seat, partners of the population `heldout` in the others",
}
"""Whom a belief is about, by name. Only the arm's own seats are asked what they believe."""
SOURCES: dict[str, str] = {
    "belief": "the belief of the arm",
    "probe": "a linear probe of its recurrent state, fitted in other worlds of its self-play",
    "filter": "the Bayesian filter, shown the same episodes",
}
"""Who says how probable each crisis is, by name."""
QUALITIES: dict[str, str] = {
    "crisis_loss": "negative log-likelihood of others' crises, in nats",
    "auroc": "area under the ROC curve of who needs what; 0.5 is chance",
    "calibration_error": "expected calibration error of crisis probabilities, 0 to 1",
    "kind_accuracy": "share of others in need of whom the most probable kind is a true need",
    "need_accuracy": "balanced accuracy of whether an other needs anything; 0.5 is chance",
    "detection_steps": "steps until a crisis is believed; Kaplan-Meier mean within "
    f"{DETECTION_LIMIT} steps",
}
"""What is scored, by name."""
PROBE_SEED_OFFSET = 1_000
"""Added to the seed of evaluation for the worlds to which the probe is fitted."""
PROBE_EPISODES = 100
"""Worlds to which the probe is fitted."""
PROBE_ROWS = 20_000
"""About how many states it is fitted to; steps are left out for it, as neighbours differ little."""


def sources_of(agent: AgentConfig) -> list[str]:
    """Return the SOURCES that a report on an arm has."""
    has = {"belief": agent.trains_belief, "probe": agent.network.kind != "flat", "filter": True}
    return [source for source in SOURCES if has[source]]


def belief_report(
    actor: Actor,
    params: WorldParams,
    episodes: int,
    seed: int,
    greedy: bool = False,
    seats: Sequence[str] = (),
) -> dict[str, dict[str, dict[str, Any]]]:
    """Score what an arm knows of others' needs, against the truth and beside the filter.

    Everything is keyed by the seed: the same call gives the same report.

    Args:
        actor: The arm. Without a trained belief, or without a recurrent state, it has fewer
            sources; the filter's numbers still say what could be known in its episodes.
        params: The rules. The seats are those of PARTNERS.
        episodes: Worlds with each kind of partners, at least 1.
        seed: Seed of these worlds, at least 0.
        greedy: Whether the arm takes its most probable actions instead of sampling.
        seats: A seat for each agent where the arm plays as it was trained; none for all focal.

    Returns:
        Plain data: name in PARTNERS -> name in SOURCES -> name in QUALITIES -> number, None where
        nothing could be scored; and `reliability` -> mean_p, share_true and num_entries, lists
        with one entry for each bin, None in an empty one.

    Raises:
        ValueError: a number is out of its range, or the actor does not fit the world.
    """
    probe = _fitted_probe(actor, params, seed, greedy, _seats("self_play", params, seats))
    report: dict[str, dict[str, dict[str, Any]]] = {}
    for partners in PARTNERS:
        chosen = _seats(partners, params, seats)
        asked = _Asked(actor, probe, count_focal(chosen))
        log = run_episodes(asked, params, episodes, seed, greedy, chosen)
        report[partners] = {
            source: score_crises(np.stack([seen[source] for seen in asked.seen]), log.need)
            for source in asked.seen[0]
        }
    return report


def score_crises(p_crisis: NDArray[np.float32], need: NDArray[np.float32]) -> dict[str, Any]:
    """Return the scores of one source, as `belief_report` has them.

    Args:
        p_crisis: float32 [T, E, V, O, K], in [0, 1]. Probability that other o of viewer i,
            agent (i + 1 + o) % A, has a crisis; of whole episodes, for the first V agents.
        need: float32 [T, E, A, K], in [0, 1]. True needs beside them.
    """
    truth = others_in_crisis(need)[:, :, : p_crisis.shape[2]]
    scores = {
        **belief_quality(p_crisis, need),
        "kind_accuracy": kind_accuracy(p_crisis, truth),
        "need_accuracy": need_accuracy(p_crisis, truth),
        "detection_steps": detection_steps(detections(p_crisis, truth)),
    }
    bins = reliability(p_crisis.ravel(), truth.ravel())
    return {
        **{name: _known(value) for name, value in scores.items()},
        "reliability": {
            "mean_p": [_known(value) for value in bins.mean_p],
            "share_true": [_known(value) for value in bins.share_true],
            "num_entries": bins.num_entries.tolist(),
        },
    }


def detection_steps(found: Detections, limit: int = DETECTION_LIMIT) -> float:
    """Return the mean of min(steps to detection, limit), censored crises counted as such.

    It is `restricted_mean`; where the crisis watched longest was censored before the limit, the
    share not detected is taken to stay from there on what it was (Gill 1980). That a crisis ends
    is taken to tell nothing of when it would have been detected.

    Args:
        found: Crises.
        limit: Steps, at least 1.

    Returns:
        In [0, limit], in steps; NaN without a crisis.
    """
    if not found.steps.size:
        return float("nan")
    steps = found.steps.astype(np.float64)
    is_open = ~found.is_detected & (found.steps == found.steps.max())
    steps[is_open] = np.maximum(steps[is_open], limit)
    return float(restricted_mean(steps, found.is_detected.astype(np.float64), limit))


def scalar_name(partners: str, source: str, quality: str) -> str:
    """Return the name under which one number of a report is logged."""
    return f"belief_{partners}/{source}_{quality}"


def scalars_of(report: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, float]:
    """Return the numbers of a report under their logged names, those that are known."""
    return {
        scalar_name(partners, source, quality): scores[quality]
        for partners, sources in report.items()
        for source, scores in sources.items()
        for quality in QUALITIES
        if scores[quality] is not None
    }


class _Watched:
    """An actor that something is noted of after its acts, which stay what they are.

    Args:
        actor: Acts.
        every: Acts from one look to the next, at least 1.

    Attributes:
        seen: What `look` returned after acts number `every`, 2 `every` and so on.
    """

    def __init__(self, actor: Actor, every: int = 1) -> None:
        self.name = actor.name
        self.actor = actor
        self.seen: list[Any] = []
        self._every, self._acts = every, 0

    def view(self, params: WorldParams) -> WorldParams:
        """Return the world as the actor sees it; so does whoever looks."""
        return self.actor.view(params)

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        """Begin as the actor does."""
        self.actor.begin(params, num_worlds)

    def act(self, world: World, greedy: bool) -> Decision:
        """Act as the actor does, and look."""
        decision = self.actor.act(world, greedy)
        self._acts += 1
        if self._acts % self._every == 0:
            self.seen.append(self.look(world, decision))
        return decision

    def look(self, world: World, decision: Decision) -> Any:
        """Return the recurrent states of the actor, float32 [E, A, O, H], or None."""
        return self.actor.states if isinstance(self.actor, LearnedActor) else None


class _Asked(_Watched):
    """An actor whose episodes all sources are asked about.

    Args:
        actor: Acts.
        probe: Reads its recurrent states, if there is one.
        num_focal: Agents 0..F-1 are asked.
    """

    def __init__(self, actor: Actor, probe: Probe | None, num_focal: int) -> None:
        super().__init__(actor)
        self._probe, self._num_focal = probe, num_focal
        self._filter = ScriptedActor("filter")

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        """Begin as the actor does, and the filter beside it."""
        super().begin(params, num_worlds)
        self._filter.begin(params, num_worlds)

    def look(self, world: World, decision: Decision) -> dict[str, NDArray[np.float32]]:
        """Return float32 [E, F, O, K] of each source: its crisis probabilities."""
        states, probe = super().look(world, decision), self._probe
        probed = None if probe is None else probed_crisis(probe, states)
        # The filter sees what the actor sees; what it would do is not done.
        filtered = self._filter.act(world, greedy=False).p_crisis
        found = {"belief": decision.p_crisis, "probe": probed, "filter": filtered}
        return {
            source: p_crisis[:, : self._num_focal]
            for source, p_crisis in found.items()
            if p_crisis is not None
        }


def _fitted_probe(
    actor: Actor, params: WorldParams, seed: int, greedy: bool, seats: tuple[str, ...]
) -> Probe | None:
    """Return a probe of the recurrent states of focal agents; None if the arm has none."""
    if not isinstance(actor, LearnedActor):
        return None
    num_focal = count_focal(seats)
    num_rows = params.horizon * PROBE_EPISODES * num_focal * params.num_others
    every = min(params.horizon, math.ceil(num_rows / PROBE_ROWS))
    watched = _Watched(actor, every)
    log = run_episodes(watched, params, PROBE_EPISODES, seed + PROBE_SEED_OFFSET, greedy, seats)
    if watched.seen[0] is None:
        return None
    states = np.stack(watched.seen)[:, :, :num_focal]
    in_crisis = others_in_crisis(log.need[every - 1 :: every])[:, :, :num_focal]
    return fit_probe(
        states.reshape(-1, states.shape[-1]), in_crisis.reshape(-1, in_crisis.shape[-1])
    )


def _seats(partners: str, params: WorldParams, own: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the seats of all agents for one of PARTNERS; its own, if any, for self-play.

    Who was trained in a person's seat sits in one beside others too.
    """
    if partners == "self_play":
        return check_seats(own, params.num_agents)
    seat = LEARNED_PERSON if seats_learned_person(own) else FOCAL
    return (seat, *(partners for _ in range(params.num_others)))


def _known(value: float) -> float | None:
    """Return a number, or None for NaN, which JSON does not have."""
    return None if np.isnan(value) else float(value)
