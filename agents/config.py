"""The settings of an agent. Arms differ by these values, and by nothing else.

The defaults are those of the baseline, `ippo_gru`. Each hyper-parameter has one place and one
default here; a TOML file under configs/agents says only what an arm has different.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

from empathy_loop.envs.params import Range, check_ranges

KINDS = ("learned", "scripted", "user")
PRIVILEGES = ("none", "training", "always")
NETWORKS = ("entity", "flat")
CRITICS = ("own", "central")
VIEWS = ("plain", "needs", "faceless")
BELIEF_OBJECTIVES = ("introspective", "supervised")
"""Objectives from which a belief about others' needs is learned."""
PPO_WEIGHTS = {"policy": 1.0, "value": 0.5, "entropy": 0.01}
"""Weight of each loss term of PPO; those of an objective stand in its class."""
MEASURED_BESIDE = {"approx_kl", "clip_fraction", "gradient_norm", "explained_variance"}
"""What is logged beside the loss terms; no term may have one of these names."""

Share = Annotated[float, Range(0, 1)]
Count = Annotated[int, Range(1, math.inf)]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The network and its sizes, the same for all arms but those without memory.

    Raises:
        ValueError: a field is out of its range, or the kind is unknown.
    """

    kind: str = "entity"
    """The graph: entity (recurrent, over others) or flat (two layers on the plain features)."""
    hidden_size: Count = 64
    """Units of the core and of the embeddings, or of each layer of a flat network, at least 1."""
    belief_size: Count = 32
    """Units of the belief encoder, at least 1; a flat network has none."""
    shared: bool = True
    """Whether all agents act with the same weights; otherwise each seat has weights of its own."""
    critic: str = "own"
    """What the value reads: own (what the agent sees) or central (all that agents show)."""

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_choice("kind", self.kind, NETWORKS)
        _check_choice("critic", self.critic, CRITICS)
        if self.critic == "central" and not self.shared:
            raise ValueError(
                "critic = 'central' reads all agents of a world at once, which separate networks "
                "do not; set shared to true or critic to 'own'"
            )


@dataclass(frozen=True, slots=True)
class PPOConfig:
    """How an agent learns from its own experience.

    Raises:
        ValueError: a field is out of its range, or there are more minibatches than worlds.
    """

    discount: Share = 0.97
    """Weight of the next step's return, 0 to 1; should equal the world's matching discount."""
    gae_lambda: Share = 0.95
    """Decay of the traces of generalised advantage estimation, 0 to 1."""
    clip: Annotated[float, Range(0, math.inf, low_open=True)] = 0.2
    """Largest change of a probability ratio that the policy loss rewards, above 0."""
    epochs: Count = 4
    """Passes over a rollout within one update, at least 1."""
    minibatches: Count = 4
    """Parts of a rollout on which one gradient step is taken, at least 1; split over worlds."""
    learning_rate: Annotated[float, Range(0, math.inf, low_open=True)] = 1.5e-3
    """Step size of Adam at the start, above 0."""
    halving_steps: Annotated[float, Range(0, math.inf)] = 1e6
    """Agent steps n after which the step size is half, at 2 n a third, and so on; 0 for never."""
    max_grad_norm: Annotated[float, Range(0, math.inf, low_open=True)] = 0.5
    """Norm to which a larger gradient is scaled down, above 0."""
    rollout_steps: Count = 32
    """Steps of one rollout, at least 1; must divide the horizon."""
    num_worlds: Count = 32
    """Worlds stepped together, at least as many as minibatches."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.num_worlds < self.minibatches:
            raise ValueError(
                "num_worlds must be at least minibatches, which split them, "
                f"got {self.num_worlds} worlds and {self.minibatches} minibatches"
            )


@dataclass(frozen=True, slots=True)
class EmpathyConfig:
    """Who reads the belief; what it is trained on is an objective."""

    belief_input: bool = False
    """Whether the policy reads the decoded belief; otherwise it reads zeros in its place."""
    shuffled: bool = False
    """Lesion: whether the policy reads of each other the belief about the next; its memory of each
    stays where it is."""


@dataclass(frozen=True, slots=True)
class ComparatorConfig:
    """Constants of published methods, each used by the objective that its name begins with.

    What a method weighs terms by stands with the other weights: reward_weights, loss_weights.

    Raises:
        ValueError: a field is out of its range.
    """

    inequity_decay: Share = 0.975
    """Decay a step of the traces of reward that are compared, beside the discount, 0 to 1."""
    svo_angle: Annotated[float, Range(0, 90)] = 45.0
    """Social value orientation aimed at, in degrees: 0 selfish, 45 prosocial, 90 altruistic."""
    svo_decay: Share = 0.975
    """Decay a step of the traces whose angle is taken, beside the discount, 0 to 1."""
    observational_decay: Share = 0.9
    """Decay a step, backwards, of the credit that what led to a help has in its outcome, 0 to 1."""
    lase_view_share: Share = 0.1
    """Share of the imagined view in the loss of perspective taking, delta of Kong et al. 2024."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """One arm.

    Raises:
        ValueError: a weight is not a finite number, or settings do not fit together.
    """

    name: str
    """Name of the arm; of a user's agent, `package.module:Class`."""
    summary: str = ""
    """One line that says what the arm is."""
    kind: str = "learned"
    """Where its policy comes from: learned, scripted (in the world core) or user (a class)."""
    privilege: str = "none"
    """When it is given others' hidden state: none, training, or always."""
    view: str = "plain"
    """What the world shows it: plain, needs (also others' true needs) or faceless (no cues)."""
    objectives: tuple[str, ...] = ()
    """What it learns for besides PPO's own terms: names, or `package.module:Class`."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """Sizes of the network."""
    ppo: PPOConfig = field(default_factory=PPOConfig)
    """How it learns."""
    empathy: EmpathyConfig = field(default_factory=EmpathyConfig)
    """The empathy-like mechanism."""
    comparator: ComparatorConfig = field(default_factory=ComparatorConfig)
    """Constants of published methods."""
    loss_weights: dict[str, float] = field(default_factory=lambda: dict(PPO_WEIGHTS))
    """Weight of each loss term, at least 0."""
    reward_weights: dict[str, float] = field(default_factory=dict)
    """Weight of each reward term that an objective adds to the world's reward."""

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind, KINDS)
        _check_choice("privilege", self.privilege, PRIVILEGES)
        _check_choice("view", self.view, VIEWS)
        if self.view == "needs" and self.privilege != "always":
            raise ValueError(
                f"agent {self.name!r} is shown others' true needs, view = 'needs', but its "
                f"privilege is {self.privilege!r}; set privilege to 'always' so that it says so"
            )
        for term, weight in self.loss_weights.items():
            if not (math.isfinite(weight) and weight >= 0.0):
                raise ValueError(f"loss_weights.{term} must be in [0, inf), got {weight!r}")
        for term, weight in self.reward_weights.items():
            if not math.isfinite(weight):
                raise ValueError(f"reward_weights.{term} must be a finite number, got {weight!r}")
        if self.network.kind == "flat" and (
            self.objectives or self.empathy.belief_input or self.network.critic != "own"
        ):
            raise ValueError(
                f"agent {self.name!r} has a flat network, which has no belief, no objectives and "
                "a critic of its own; set objectives to [], empathy.belief_input to false and "
                "network.critic to 'own', or choose network.kind = 'entity'"
            )

    @property
    def trains_belief(self) -> bool:
        """Whether a loss trains a belief about needs, so that its quality is worth measuring."""
        trained = any(name in BELIEF_OBJECTIVES for name in self.objectives)
        return (
            self.kind == "learned" and trained and self.loss_weights.get("belief_crisis", 0.0) > 0.0
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
