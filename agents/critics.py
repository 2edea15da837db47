"""What the value reads: an agent's own state alone, or also all that agents show each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from empathy_loop.agents.streams import other_blocks
from empathy_loop.agents.types import Inputs
from empathy_loop.envs.observation import ObservationLayout


class OwnCritic(nn.Module):
    """Reads the value from the core's state.

    Args:
        hidden_size: Units of the core, H.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, hidden: Tensor, inputs: Inputs) -> Tensor:
        """Return values.

        Args:
            hidden: float32 [T, E, F, H]. State of the core.
            inputs: Inputs, of which nothing is read.

        Returns:
            float32 [T, E, F].
        """
        values: Tensor = self.out(hidden).squeeze(-1)
        return values


class CentralCritic(nn.Module):
    """Reads the value from the core's state and from the shared state of the whole world.

    Source: MAPPO (Yu et al. 2022, arXiv 2103.01955), whose value reads what is shared by all agents
    in place of one's own observation, as it stands in the authors' code (marlbenchmark/on-policy,
    r_actor_critic.py). At execution nothing of it is needed.

    Adapted:
    - The shared state is what all agents show, PettingZoo's `state()`, in which nobody's needs
      stand: MAPPO may be given any state, and this one gives no privilege. Each agent reads it in
      its own order of the others, beside the core's state.
    - The recurrent part is the policy's, as in all arms; there the value has one of its own.
    - Returns are not normalised, nor is the loss of the value clipped or a Huber loss, as in no arm
      here; there they are by default.

    Args:
        hidden_size: Units of the core, H.
        layout: Where things stand in the features.
    """

    columns: Tensor

    def __init__(self, hidden_size: int, layout: ObservationLayout) -> None:
        super().__init__()
        self.layout = layout
        num_agents = layout.num_others + 1
        ties = [layout.other_block[name].start for name in ("helped_me", "thanked_me")]
        self.register_buffer("columns", torch.tensor(ties), persistent=False)
        size = num_agents * (2 + layout.other_size + len(ties) * layout.num_others)
        self.shared = nn.Linear(size, hidden_size, bias=False)
        self.own = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, hidden: Tensor, inputs: Inputs) -> Tensor:
        """Return values.

        Args:
            hidden: float32 [T, E, F, H]. State of the core.
            inputs: Inputs of all agents of a world.

        Returns:
            float32 [T, E, F].
        """
        shared_state = self.shared_state(inputs)[:, :, : hidden.shape[2]]
        layer = torch.relu(self.own(hidden) + self.shared(shared_state))
        values: Tensor = self.out(layer).squeeze(-1)
        return values

    def shared_state(self, inputs: Inputs) -> Tensor:
        """Return what all agents show, from each agent's place: it first, then the others in order.

        Of each: position [2], exterior view [X], which others it saw help [O] and thank [O] it.
        Stations are left out, as the core has read where they are.

        Args:
            inputs: Inputs of all agents of a world.

        Returns:
            float32 [T, E, A, A * (2 + X + 2 O)], in [-1, 1].
        """
        position = inputs.features[..., self.layout.self_block["position"]]
        ties = other_blocks(inputs.features, self.layout)[..., self.columns].flatten(-2)
        shown = torch.cat([position, inputs.exterior, ties], dim=-1)
        agents = torch.arange(shown.shape[2], device=shown.device)
        order = (agents[:, None] + agents) % len(agents)
        return shown[:, :, order].flatten(-2)
