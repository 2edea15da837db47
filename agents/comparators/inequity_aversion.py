"""Inequity aversion: a reward that suffers from being ahead of others, or from being behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from empathy_loop.agents.comparators.traces import RewardTraces
from empathy_loop.agents.types import Experience, Outputs


class InequityAversion(RewardTraces):
    """Charges an agent for what others have lately earned less than it, or more.

    Source: Hughes et al. 2018, "Inequity aversion improves cooperation in intertemporal social
    dilemmas", arXiv 1803.08884, eq. 3 (the reward) and eq. 4 (the traces), after Fehr and Schmidt
    1999. Others' rewards are read, as in the paper. Guilt has the weight of the paper's beta, .05,
    and traces its decay, .975.

    Adapted: nothing in the equations. Our rewards are losses where needs grow and gains where they
    are relieved, and differences of traces are defined for both. Envy has the weight 0, and not the
    paper's alpha, 5: guilt is what brings a public good about there, without punishment, while envy
    works by fining others; and with alpha it varies 20 times as much as our rewards.
    `reward_weights` can bring it back. Where coordination is 1 all rewards are one, and both terms
    are 0: this arm is read in `self_interest_v0`.
    """

    reward_weights: ClassVar[Mapping[str, float]] = {"envy": 0.0, "guilt": -0.05}
    settings: ClassVar[tuple[str, ...]] = ("inequity_decay",)
    privilege: ClassVar[str] = "training"

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return envy and guilt; moves the traces on by a rollout.

        envy_i  = mean over others j of max(e_j - e_i, 0)
        guilt_i = mean over others j of max(e_i - e_j, 0)
        """
        traces = self.advance(experience, self.config.comparator.inequity_decay)
        own = self.table.focal(traces)
        ahead = traces[..., self.table.other_agents] - own.unsqueeze(-1)
        return {
            "envy": torch.relu(ahead).mean(-1),
            "guilt": torch.relu(-ahead).mean(-1),
        }
