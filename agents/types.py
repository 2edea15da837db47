"""Records that flow between the parts of an agent.

Axes: T time, E world, A agent, F focal agent, O other agent, S stream, K need kind, D feature, X
exterior feature, N action, H hidden unit. A stream is the sequence of one exterior view; which
streams there are, `agents.streams` says. The F focal agents are those that the arm acts for and
learns from, the first of the A of a world; without partners they are all of them.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Inputs(NamedTuple):
    """What a network reads: a sequence of observations.

    Attributes:
        features: float32 [T, E, A, D], in [-1, 1]. Self block, then one block for each other.
        exterior: float32 [T, E, A, X], in [-1, 1]. The agent itself, as others see it.
        action_mask: bool [T, E, A, N]. Whether each action's condition holds.
    """

    features: Tensor
    exterior: Tensor
    action_mask: Tensor


class Memory(NamedTuple):
    """Recurrent state between two steps; zeros at the start of an episode.

    Attributes:
        streams: float32 [E, S, H]. State of the belief encoder on each stream.
        core: float32 [E, F, H]. State of the core.
    """

    streams: Tensor
    core: Tensor


class Belief(NamedTuple):
    """What the decoder reads from the encoder's state: the leading axes are those of the state.

    Attributes:
        crisis: float32 [..., K]. Logit of the probability that a need is in crisis.
        level: float32 [..., K], in (0, 1). Expected level of a need, given that it is in crisis.
        next_act: float32 [..., 4]. Logits of the next visible social act: none, thank, offer, help.
        next_cue: float32 [..., 5 + K]. Logits of the next visible cue, NEUTRAL first.
    """

    crisis: Tensor
    level: Tensor
    next_act: Tensor
    next_cue: Tensor


class Outputs(NamedTuple):
    """What a network returns for a sequence.

    Attributes:
        logits: float32 [T, E, F, N]. Action logits; hugely negative where an action is masked.
        values: float32 [T, E, F]. Estimated discounted return.
        belief: Belief with leading axes [T, E, S]. What is believed from each stream.
        memory: Memory. State after the last step.
        hidden: float32 [T, E, F, H]. State of the core, or the last layer of a flat policy.
        others: float32 [T, E, F, O, H]. Embedding of each other; of a flat network, of no units.
    """

    logits: Tensor
    values: Tensor
    belief: Belief
    memory: Memory
    hidden: Tensor
    others: Tensor


class Experience(NamedTuple):
    """What a rollout brought, before anything is made of it.

    Attributes:
        inputs: Inputs with T + 1 rows, as in Batch.
        memory: Memory. State before the first step.
        actions: int64 [T, E, A]. Actions taken, in [0, N).
        rewards: float32 [T, E, A]. The world's rewards.
        need: float32 [T, E, A, K], in [0, 1]. True needs before each step; privileged.
        drive: float32 [T, E, A], in [0, K]. True drives after each step; privileged.
        truncated: bool [T, E]. Whether the episode ended with the step; in the last row only.
    """

    inputs: Inputs
    memory: Memory
    actions: Tensor
    rewards: Tensor
    need: Tensor
    drive: Tensor
    truncated: Tensor


class Recorded(NamedTuple):
    """Chunks of recorded episodes, watched from the seat of one agent, the first in each.

    Attributes:
        inputs: Inputs with T + 1 rows, as in Batch; zeros after the end of an episode.
        actions: int64 [T, E, A]. What each agent asked for, in [0, N).
        demonstrates: bool [E, A]. Whose actions are to be learned from.
        valid: bool [T, E]. False after the end of an episode.
    """

    inputs: Inputs
    actions: Tensor
    demonstrates: Tensor
    valid: Tensor


class Batch(NamedTuple):
    """What one gradient step learns from: whole chunks of some worlds.

    Attributes:
        inputs: Inputs with T + 1 rows. The last row is the observation that follows the chunk;
            of an episode that ended there, its final one.
        memory: Memory. State before the first step, a constant.
        actions: int64 [T, E, A]. Actions taken, in [0, N).
        logp: float32 [T, E, F]. Log-probabilities of those of focal agents, when they were taken.
        adv: float32 [T, E, F]. Advantages, not normalised.
        returns: float32 [T, E, F]. Targets of the values.
        need: float32 [T, E, A, K], in [0, 1]. True needs, for privileged targets only.
        rewards: float32 [T, E, A]. The world's rewards, to which objectives have added nothing.
        recorded: Recorded, of other worlds, where a run is given demonstrations; else None.
    """

    inputs: Inputs
    memory: Memory
    actions: Tensor
    logp: Tensor
    adv: Tensor
    returns: Tensor
    need: Tensor
    rewards: Tensor
    recorded: Recorded | None = None
