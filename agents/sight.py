"""What an arm's view leaves of an observation, wherever it acts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from empathy_loop.agents.types import Inputs
from empathy_loop.envs.observation import ObservationLayout

NUM_SIGNALS = 2
"""Social acts that are faces by another name, thank and offer; they come before help."""


class Sight(nn.Module):
    """Hides faces from an arm whose view is `faceless`, and nothing from any other.

    It hides what a world with `show_cues` off hides: cues, thanks and offers. A faceless arm is
    trained in such a world, and meets others later: beside partners that do see faces.

    Args:
        view: View of the arm.
        layout: Where things stand in an observation.
    """

    features: Tensor
    exterior: Tensor

    def __init__(self, view: str, layout: ObservationLayout) -> None:
        super().__init__()
        self.hides = view == "faceless"
        exterior = torch.ones(layout.other_size)
        exterior[layout.other_block["cue"]] = 0.0
        exterior[layout.other_block["thanked_me"]] = 0.0
        signals = layout.other_block["social_act"].start
        exterior[signals : signals + NUM_SIGNALS] = 0.0
        own = torch.ones(layout.self_size)
        own[layout.self_block["cue"]] = 0.0
        features = torch.cat([own, exterior.repeat(layout.num_others)])
        self.register_buffer("features", features, persistent=False)
        self.register_buffer("exterior", exterior, persistent=False)

    def forward(self, inputs: Inputs) -> Inputs:
        """Return the inputs with zeros in place of what is hidden.

        Args:
            inputs: Inputs with any leading axes.
        """
        if not self.hides:
            return inputs
        return inputs._replace(
            features=inputs.features * self.features, exterior=inputs.exterior * self.exterior
        )
