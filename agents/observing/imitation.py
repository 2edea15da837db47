"""Observational reinforcement learning: acts of others, worth what they were seen to lead to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.empathy.module import believed_need
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.observing.acts import Acts, infer_acts
from empathy_loop.agents.observing.perspective import imagine
from empathy_loop.agents.observing.sighting import Sighting, sightings, streams_by_agent
from empathy_loop.agents.observing.watching import (
    Scene,
    fresh_memory,
    live_scene,
    recorded_scene,
    rows_in_turn,
)
from empathy_loop.agents.sight import Sight
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Belief, Inputs, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import NUM_PLAIN_ACTIONS, WorldParams

MOST_CERTAIN = 1.0 - 1e-5
"""Probability of an act from which on that of all others counts as no smaller."""


class Watched(NamedTuple):
    """What is made of a scene.

    Attributes:
        inputs: Inputs with leading axes [T, E, V, A]. What each agent is imagined to observe.
        acts: What each is taken to have done.
        worth: float32 [T, E, V, A], in [-1, 1]. How well it is taken to have gone.
    """

    inputs: Inputs
    acts: Acts
    worth: Tensor


class Observational(Objective):
    """Imitates what others did by what it was seen to lead to, from their place.

    For each other j that a learner i sees, i works out what j did (`acts`), imagines what j saw,
    with i's belief in the place of j's needs (`perspective`), and reads off the recipient's face
    how a help of j was taken: worth w = +1 for RELIEF, -1 for ANNOYED, else 0. The steps of j since
    its previous help led to it, and are credited with w decay^n, n steps before it. The loss is

        mean over what was told of  -w log pi(a_j | view of j)         where w > 0
                                    -|w| log(1 - pi(a_j | view of j))  where w < 0

    with pi the learner's policy in the place of j. It is the likelihood of a logistic regression
    of "it goes well": an act that went well in a share q of the same places is least lossy at
    pi = q, so that what annoys as often as it relieves is not imitated for long, as it would be
    with w pi(a) in the second line. The gradient in the logits is at most |w| in either.

    Source of the idea: Najar et al. 2020, "The actions of others act as a pseudo-reward to drive
    imitation in the context of social reinforcement learning" (PLOS Biology 18(12)), whose value
    shaping adds to the value of an action that a demonstrator took. Adapted: it is a policy that is
    shaped, in the place of one that was seen to act, and by what came of the act.

    Approximated: the imagined core remembers nothing from before a chunk, and what follows a chunk
    gives no credit within it. The belief is a constant in this loss, so that it stays an estimate.

    Raises:
        ValueError: nothing trains a belief, or agents do not share their weights.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"imitation": 1.0}
    settings: ClassVar[tuple[str, ...]] = ("observational_decay",)
    learns_from: ClassVar[str] = "others"

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        if not config.trains_belief:
            raise ValueError(
                f"agent {config.name!r} is to put itself in others' place by what it believes of "
                "their needs, but nothing trains it to; add 'introspective' to its objectives"
            )
        if not config.network.shared:
            raise ValueError(
                f"agent {config.name!r} acts in others' place with the weights that it acts with "
                "in its own, which takes network.shared = true, got false"
            )
        self.sight = Sight(config.view, self.layout)

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return imitation."""
        losses, counts = zip(*self._losses(batch, outputs), strict=True)
        return {"imitation": sum(losses) / sum(counts).clamp(min=1.0)}

    def _losses(self, batch: Batch, outputs: Outputs) -> list[tuple[Tensor, Tensor]]:
        """Return the summed loss and the number of acts of each scene."""
        found = [self._loss(live_scene(batch, self.table), outputs.belief)]
        if batch.recorded is not None:
            network = self.config.network
            scene = recorded_scene(batch.recorded, self.table, network.belief_size)
            with torch.no_grad():
                memory = fresh_memory(scene.streams, 1, network.hidden_size)
                belief = self.run(scene.present, memory, scene.table).belief
            found.append(self._loss(scene, belief))
        return found

    def _loss(self, scene: Scene, belief: Belief) -> tuple[Tensor, Tensor]:
        """Return the summed loss of a scene, with gradient, and how many acts it is of."""
        streams = streams_by_agent(scene.table.own, scene.table.others)
        need = believed_need(belief).detach()[:, :, streams]
        scene = scene._replace(inputs=self.sight(scene.inputs))
        decay = self.config.comparator.observational_decay
        inputs, acts, worth = watch(scene, need, decay, self.layout, self.params)
        turned = torch.arange(scene.first, scene.first + scene.num_shown, device=worth.device)
        turned = turned % worth.shape[-1]
        logits = self._in_their_place(scene, inputs, scene.streams[:, streams])
        logp = torch.log_softmax(logits, dim=-1)
        logp = logp.gather(-1, acts.actions[..., turned, None]).squeeze(-1)
        worth = worth[..., turned]
        itself = turned == torch.arange(worth.shape[2], device=worth.device)[:, None]
        counted = acts.told[..., turned] & scene.demonstrates[:, :, None, turned] & ~itself
        return (counted * shaped_loss(logp, worth)).sum(), counted.sum()

    def _in_their_place(self, scene: Scene, inputs: Inputs, streams: Tensor) -> Tensor:
        """Return the policy's logits for those who may demonstrate, float32 [T, E, V, shown, N].

        A viewer's imagined world is one row of a batch in which everybody is seen.
        """
        num_worlds, num_viewers = streams.shape[:2]
        inputs = rows_in_turn(Inputs(*(part.flatten(1, 2) for part in inputs)), scene.first)
        streams = streams.flatten(0, 1).roll(-scene.first, dims=1)
        memory = fresh_memory(streams, scene.num_shown, self.config.network.hidden_size)
        table = StreamTable.of(scene.num_shown, self.layout.num_others, shared=True)
        logits = self.run(inputs, memory, table.to(streams.device)).logits
        return logits.view(len(logits), num_worlds, num_viewers, *logits.shape[2:])


def watch(
    scene: Scene, need: Tensor, decay: float, layout: ObservationLayout, params: WorldParams
) -> Watched:
    """Return what viewers make of a scene; reads nothing but what they see of it.

    Args:
        scene: The scene; V agents watch.
        need: float32 [T, E, V, A, K], in [0, 1]. What each viewer believes of each one's needs.
        decay: Decay a step of credit, 0 to 1.
        layout: Where the quantities stand.
        params: The world.
    """
    seen = sightings(scene.inputs, layout, params, len(scene.table.own))
    acts = infer_acts(seen, layout, params)
    helps = acts.told & (acts.actions >= NUM_PLAIN_ACTIONS)
    worth = credited(outcomes(seen, acts, layout), helps, decay)
    return Watched(imagine(seen, acts, need, layout, params), acts, worth)


def shaped_loss(logp: Tensor, worth: Tensor) -> Tensor:
    """Return the loss of each act: -w log p where it went well, -|w| log(1 - p) where it did not.

    Args:
        logp: float32 [...], at most 0. Log-probability of the act.
        worth: float32 [...], in [-1, 1]. How well it went.

    Returns:
        float32 [...], at least 0. An act that is certain is as lossy as one that is nearly so.
    """
    instead = torch.log1p(-logp.exp().clamp(max=MOST_CERTAIN))
    return -torch.where(worth > 0.0, worth * logp, worth.abs() * instead)


def outcomes(seen: Sighting, acts: Acts, layout: ObservationLayout) -> Tensor:
    """Return how each agent's help was taken, by the face of its recipient afterwards.

    Args:
        seen: Sighting of T + 1 moments.
        acts: What is told of the T steps between them.
        layout: Where the quantities stand.

    Returns:
        float32 [T, E, V, A]: 1 for RELIEF, -1 for ANNOYED, else 0.
    """
    cue = seen.looks[1:, ..., layout.other_block["cue"]]
    answer = cue[..., 0] - cue[..., 1]
    return (acts.addressed * answer.unsqueeze(-2)).sum(-1)


def credited(outcome: Tensor, helps: Tensor, decay: float) -> Tensor:
    """Return what each step is worth by the help that it led to.

        w_t = outcome_t where t is a help, else decay * w_{t+1}; 0 after the last help

    Args:
        outcome: float32 [T, ...]. How the help of a step was taken.
        helps: bool [T, ...]. Whether a step is a help.
        decay: 0 to 1.

    Returns:
        float32 [T, ...].
    """
    worth = [torch.zeros_like(outcome[0])]
    for result, is_help in zip(outcome.flip(0), helps.flip(0), strict=True):
        worth.append(torch.where(is_help, result, decay * worth[-1]))
    return torch.stack(worth[:0:-1])
