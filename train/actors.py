"""Whatever can act in a world, behind one protocol: scripted, learned, or a user's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from empathy_loop.agents.arm import build_network, streams_of
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.empathy.module import believed_need
from empathy_loop.agents.objective import Network
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.agents.sampling import greedy_actions, sample_actions
from empathy_loop.agents.types import Inputs, Memory, Outputs
from empathy_loop.envs.observation import Observation, ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import SCRIPTED, ScriptedPolicy
from empathy_loop.envs.reading import close_matches, load_class
from empathy_loop.envs.world import World
from empathy_loop.train.checkpoint import CheckpointError, find_checkpoint
from empathy_loop.train.config import as_seen_by, hash_of
from empathy_loop.train.learned import layout_of, read_learned
from empathy_loop.train.user_agents import checked_answer, new_agent


class Decision(NamedTuple):
    """What an actor does in one step, and what it believes.

    Attributes:
        actions: integer [E, A], in [0, N).
        belief: float32 [E, A, O, K] or None. Believed need level of each other.
        p_crisis: float32 [E, A, O, K] or None. Believed probability that it is in crisis.
    """

    actions: NDArray[Any]
    belief: NDArray[np.float32] | None = None
    p_crisis: NDArray[np.float32] | None = None


class Actor(Protocol):
    """A policy for all agents of a batch of worlds."""

    @property
    def name(self) -> str:
        """Name of the arm."""

    def view(self, params: WorldParams) -> WorldParams:
        """Return the world as it must be shown to this actor; what happens in it is the same."""

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        """Forget everything; episodes of these worlds begin."""

    def act(self, world: World, greedy: bool) -> Decision:
        """Choose the actions of one step; randomness is the world's keyed noise."""


class _SeesAsIs:
    """An actor that takes any world as it is shown."""

    def view(self, params: WorldParams) -> WorldParams:
        """Return the world as it is."""
        return params


class ScriptedActor(_SeesAsIs):
    """A scripted policy of the world core.

    Args:
        name: One of SCRIPTED.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        """Make the policy anew."""
        self._policy = ScriptedPolicy(self.name, params, num_worlds)
        first, distance = np.arange(params.num_agents)[:, None], np.arange(1, params.num_agents)
        self._others = (first + distance) % params.num_agents

    def act(self, world: World, greedy: bool) -> Decision:
        """Choose by rule; there is nothing to be greedy about.

        Only the filter's belief is one in probabilities, and is returned.
        """
        actions = self._policy.act(world)
        if self.name != "filter":
            return Decision(actions)
        minds, others = self._policy.minds, self._others
        first = np.arange(len(others))[:, None]
        return Decision(
            actions,
            minds.belief[:, first, others].astype(np.float32),
            minds.p_crisis[:, first, others].astype(np.float32),
        )


class LearnedActor:
    """A trained network.

    Args:
        config: The arm.
        params: The world it was trained in, as it was shown it.
        weights: State of its network.

    Attributes:
        is_person: Whether it was trained in a person's seat, and reads its own trust; one that was
            not is shown a world without, whatever others in it read.
        trained_in: The world it was trained in, as it was shown it.
    """

    def __init__(
        self, config: AgentConfig, params: WorldParams, weights: dict[str, torch.Tensor]
    ) -> None:
        self.name, self._config = config.name, config
        self.is_person = params.show_trust
        self._trains_belief = config.trains_belief
        self.trained_in = params
        self._network: Network = build_network(config, params, seed=0)
        self._network.load_state_dict(weights)

    def view(self, params: WorldParams) -> WorldParams:
        """Return the world with others' needs or a person's own trust shown, if the arm reads them.

        What a faceless arm does not see its network hides itself, so that its partners see faces.
        """
        if self.is_person:
            params = replace(params, show_trust=True)
        return as_seen_by(self._config, params) if self._config.view == "needs" else params

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        """Clear the memory.

        Raises:
            ValueError: the world has another layout than the one it was trained in, with the
                fingerprints of both.
        """
        for name in ("num_agents", "num_kinds", "show_needs"):
            then, now = getattr(self.trained_in, name), getattr(params, name)
            if then != now:
                own, there = hash_of(layout_of(self.trained_in)), hash_of(layout_of(params))
                raise ValueError(
                    f"agent {self.name!r} was trained with {name}={then} and cannot act with "
                    f"{name}={now} (layout of observations {own}, here {there}); "
                    "train it there"
                )
        self._columns = None
        if params.show_trust and not self.is_person:
            layouts = ObservationLayout.of(params), ObservationLayout.of(self.trained_in)
            self._columns = layouts[0].columns_of(layouts[1])
        self._table = streams_of(self._config, params)
        self._memory: Memory = self._network.first_memory(num_worlds, self._table)

    @torch.inference_mode()
    def act(self, world: World, greedy: bool) -> Decision:
        """Sample from the policy, or take its most probable actions."""
        observation = world.observation
        if self._columns is not None:
            features, exterior = self._columns
            observation = observation._replace(
                features=observation.features[..., features],
                exterior=observation.exterior[..., exterior],
            )
        inputs = Inputs(*(torch.from_numpy(part)[None] for part in observation))
        outputs = self._run(inputs, world)
        self._memory = outputs.memory
        logits = outputs.logits[0]
        if greedy:
            actions = greedy_actions(logits)
        else:
            actions = sample_actions(logits, torch.from_numpy(world.noise()))
        if not self._trains_belief:
            return Decision(actions.numpy())
        # Read from the streams before they are handed to their viewers, who then agree exactly.
        level, p_crisis = believed_need(outputs.belief)[0], torch.sigmoid(outputs.belief.crisis)[0]
        others = self._table.others
        return Decision(actions.numpy(), level[:, others].numpy(), p_crisis[:, others].numpy())

    def _run(self, inputs: Inputs, world: World) -> Outputs:
        """Return what the network makes of one step; a lesion takes its place here."""
        outputs: Outputs = self._network(inputs, self._memory, self._table)
        return outputs

    @property
    def states(self) -> NDArray[np.float32] | None:
        """Return what the network remembers about each other after the last act, for probing.

        Returns:
            float32 [E, A, O, H]: the state of the belief encoder on the stream that shows the
            other, then that of the agent's own core. None of a network without memory.
        """
        streams = self._memory.streams[:, self._table.others]
        core = self._memory.core.unsqueeze(2).expand(*streams.shape[:3], -1)
        states: NDArray[np.float32] = torch.cat([streams, core], dim=-1).numpy()
        return states if states.size else None


class UserActor(_SeesAsIs):
    """An object of a user's class; each row is one agent of some world, in no order.

    Args:
        name: `package.module:Class`; the class is made without arguments, once per batch.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._class = load_class(name)

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        """Make a new object, and shuffle the rows for it; ValueError if it cannot be made.

        In order, the rows of a world's agents would stand together, each with its own needs: a
        class could read there what no agent can see of another.
        """
        self._agent = new_agent(self._class, self.name)
        self._state: Any = None
        self._order = np.random.default_rng(num_worlds).permutation(num_worlds * params.num_agents)

    def act(self, world: World, greedy: bool) -> Decision:
        """Ask the object, with copies of what is observed.

        Raises:
            ValueError: it did not return one action for each row, and a state.
        """
        shape = world.observation.features.shape[:2]
        seen = world.observation
        rows = Observation(
            seen.features.reshape(-1, seen.features.shape[-1])[self._order],
            seen.exterior.reshape(-1, seen.exterior.shape[-1])[self._order],
            seen.action_mask.reshape(-1, seen.action_mask.shape[-1])[self._order],
        )
        answer = self._agent.act(rows, self._state)
        actions, self._state = checked_answer(answer, self.name, *rows.action_mask.shape)
        in_order = np.empty_like(actions)
        in_order[self._order] = actions
        return Decision(in_order.reshape(shape))


def load_actor(folder_or_name: str | Path) -> Actor:
    """Return what acts under a name.

    Args:
        folder_or_name: Folder of a run with a checkpoint, the name of a scripted agent, or
            `package.module:Class`.

    Returns:
        Actor.

    Raises:
        ValueError: there is no such agent, or it must be trained first.
        CheckpointError: the checkpoint of the run cannot be read, or is of another version.
    """
    name, folder = str(folder_or_name), Path(folder_or_name)
    # First, so that no folder can take the place of an anchor; a run is still reached as ./random.
    if name in SCRIPTED and folder_or_name == name:
        return ScriptedActor(name)
    if find_checkpoint(folder) is not None:
        return LearnedActor(*read_learned(folder))
    if folder.is_dir():
        raise CheckpointError(f"{folder} holds no checkpoint; train the run to its first one")
    if ":" in name:
        return UserActor(name)
    if name in list_agents():
        kind = load_agent(name).kind
        raise ValueError(f"agent {name!r} is {kind}: give the folder of a run that trained it")
    raise ValueError(
        f"{name!r} is neither the folder of a run nor a scripted agent; "
        f"{close_matches(name, SCRIPTED)}"
    )
