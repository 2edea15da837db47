"""The settings of an agent. Arms differ by these values, and by nothing else.

Each hyper-parameter has one place and one default here; a TOML file under configs/agents says
only what an arm has different.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, get_type_hints

from empathy_loop.envs.params import Range

KINDS = ("learned", "scripted", "user")
PRIVILEGES = ("none", "training", "always")
NETWORKS = ("entity", "flat")
TARGETS = ("none", "introspective", "supervised")
EMPATHY_TERMS = ("belief_crisis", "belief_level", "next_act", "next_cue")
"""Names of the loss terms of the belief; those of PPO are policy, value and entropy."""

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

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_choice("kind", self.kind, NETWORKS)


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
    """Step size of Adam, above 0."""
    max_grad_norm: Annotated[float, Range(0, math.inf, low_open=True)] = 0.5
    """Norm to which a larger gradient is scaled down, above 0."""
    rollout_steps: Count = 32
    """Steps of one rollout, at least 1; must divide the horizon."""
    num_worlds: Count = 64
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
    """The empathy-like mechanism: what the belief is trained on, and who reads it.

    Raises:
        ValueError: the target is unknown.
    """

    belief_input: bool = True
    """Whether the policy reads the decoded belief; otherwise it reads zeros in its place."""
    target: str = "introspective"
    """What trains the belief: none, introspective (own needs) or supervised (true ones)."""

    def __post_init__(self) -> None:
        _check_choice("target", self.target, TARGETS)


def default_loss_weights() -> dict[str, float]:
    """Return the weight of each loss term of the default arm."""
    return {
        "policy": 1.0,
        "value": 0.5,
        "entropy": 0.01,
        "belief_crisis": 1.0,
        "belief_level": 1.0,
        "next_act": 0.1,
        "next_cue": 0.1,
    }


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """One arm.

    Raises:
        ValueError: a weight is negative or unknown, belief terms are weighted without a target, or
            a flat network is to have a belief.
    """

    name: str
    """Name of the arm; of a user's agent, `package.module:Class`."""
    summary: str = ""
    """One line that says what the arm is."""
    kind: str = "learned"
    """Where its policy comes from: learned, scripted (in the world core) or user (a class)."""
    privilege: str = "none"
    """When it is given others' true needs: none, training, or always."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """Sizes of the network."""
    ppo: PPOConfig = field(default_factory=PPOConfig)
    """How it learns."""
    empathy: EmpathyConfig = field(default_factory=EmpathyConfig)
    """The empathy-like mechanism."""
    loss_weights: dict[str, float] = field(default_factory=default_loss_weights)
    """Weight of each loss term, at least 0."""

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind, KINDS)
        _check_choice("privilege", self.privilege, PRIVILEGES)
        if self.loss_weights.keys() != default_loss_weights().keys():
            raise ValueError(
                f"loss_weights must weigh exactly {', '.join(default_loss_weights())}; "
                f"got {', '.join(self.loss_weights)}"
            )
        for term, weight in self.loss_weights.items():
            if not (math.isfinite(weight) and weight >= 0.0):
                raise ValueError(f"loss_weights.{term} must be in [0, inf), got {weight!r}")
        trained = [term for term in EMPATHY_TERMS if self.loss_weights[term] > 0.0]
        if trained and self.empathy.target == "none":
            raise ValueError(
                f"agent {self.name!r} weighs {', '.join(trained)} but its empathy.target is "
                "'none'; set these weights to 0, or choose a target"
            )

        if self.network.kind == "flat" and (trained or self.empathy.belief_input):
            raise ValueError(
                f"agent {self.name!r} has a flat network, which has no belief; set "
                "empathy.belief_input to false and the weights of the belief to 0, or choose "
                "network.kind = 'entity'"
            )

    @property
    def trains_belief(self) -> bool:
        """Whether a loss trains the belief, so that its quality is worth measuring."""
        return self.kind == "learned" and self.loss_weights["belief_crisis"] > 0.0


def check_ranges(config: Any) -> None:
    """Raise ValueError for the first field of a dataclass that is outside its annotated Range."""
    hints = get_type_hints(type(config), include_extras=True)
    for entry in fields(config):
        for allowed in getattr(hints[entry.name], "__metadata__", ()):
            value = getattr(config, entry.name)
            if isinstance(value, bool) or not allowed.contains(value):
                raise ValueError(f"{entry.name} must be in {allowed}, got {value!r}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
