"""Coupling: a reward for the relief of others, as far as it is inferred, or as it truly is.

Affective empathy in the sense of Yoshida and Man (arXiv 2412.12103, and with a decoder learned from
oneself 2506.12894). Their reward, as it stands in their code (ugo-nama-kun/tiny_empathy), is

    scale * (D_i + w D_j before a step - the same after it)

with D the squared deviation of a need, j the one partner, and w = .5 in their runs. Of the papers
only the abstracts were read, so that the number of this equation there was not checked.

Adapted: the others are summed over, as there are more than one; the weight of the term is w, 1
unless an arm says otherwise, by which each other counts as much as oneself; and in `Coupling` the
partner's drive is the one that is believed, since agents of this world do not see it. The terms
enter the reward before advantages are estimated; scores never see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Belief, Experience, Outputs
from empathy_loop.envs.params import WorldParams


class Coupling(Objective):
    """Rewards an agent for the INFERRED fall of others' drives; reads no hidden state.

    Raises:
        ValueError: no belief about needs is trained, so that nothing would be inferred.
    """

    reward_weights: ClassVar[Mapping[str, float]] = {"coupling": 1.0}

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        if not config.trains_belief:
            raise ValueError(
                f"agent {config.name!r} is to be rewarded for relief that it infers, but nothing "
                "trains it to infer needs; add 'introspective' to its objectives"
            )

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return coupling: scale * sum over others j of (B_t[i,j] - B_{t+1}[i,j]).

        B is the believed drive, and scale the world's `drive_scale`, by which the own drive is
        rewarded: with weight 1, each other counts as much as oneself.
        """
        drive = believed_drive(outputs.belief)
        fall = (drive[:-1] - drive[1:])[:, :, self.table.others]
        return {"coupling": self.params.drive_scale * fall.sum(-1)}


class TrueCoupling(Objective):
    """Rewards an agent for the TRUE fall of others' drives; for training with privilege only."""

    reward_weights: ClassVar[Mapping[str, float]] = {"true_coupling": 1.0}
    privilege: ClassVar[str] = "training"

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return true_coupling: scale * sum over others j of (D_t[j] - D_{t+1}[j])."""
        fall = experience.need.square().sum(-1) - experience.drive
        theirs = fall[..., self.table.other_agents]
        return {"true_coupling": self.params.drive_scale * theirs.sum(-1)}


def believed_drive(belief: Belief) -> Tensor:
    """Return the expected drive: sum over kinds of p(crisis) * level^2.

    The level is taken for certain, which leaves its variance out.

    Args:
        belief: Belief with leading axes [...].

    Returns:
        float32 [...], in [0, K].
    """
    return (torch.sigmoid(belief.crisis) * belief.level.square()).sum(-1)
