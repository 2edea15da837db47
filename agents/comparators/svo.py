"""Social value orientation: a reward for earning in a given proportion to what others earn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from empathy_loop.agents.comparators.traces import RewardTraces
from empathy_loop.agents.types import Experience, Outputs


class SocialValueOrientation(RewardTraces):
    """Charges an agent for the angle between what is earned and what it wants to be earned.

    Source: McKee et al. 2020, "Social diversity and social preferences in mixed-motive
    reinforcement learning", arXiv 2002.02325: the reward angle
    theta(R) = arctan(mean of others' rewards / own reward), and the utility
    r_i - w |theta_SVO - theta(R)|, as SocialJax (arXiv 2503.14576) gives them. Their numbers in the
    paper were not checked, as it was not read. The weight of the term is -w. It is not the paper's,
    and was not tuned: with .2 the term varies about as much as the reward of this world.

    Adapted:
    - The angle is the arctan of a ratio there, which suits rewards that are not negative. Ours are
      gains and losses. The angle is therefore taken over the whole circle, atan2(others, own), as
      SocialJax does, and on the ring of outcomes from which social value orientation comes
      (Liebrand and McClintock 1988), and its distance the short way round. To lose together is
      then as far as can be from gaining together.
    - The angle is that of traces (`RewardTraces`), since the rewards of single steps are mostly
      those of needs that grow; `svo_decay` of 0 takes single steps.
    - Where nobody has earned or lost anything there is no angle, and the term is 0.
    - Angles are in radians, the setting in degrees.

    Where coordination is 1 own and others' rewards are one, and the angle says only their sign:
    this arm is read in `self_interest_v0`.
    """

    reward_weights: ClassVar[Mapping[str, float]] = {"svo_deviation": -0.2}
    settings: ClassVar[tuple[str, ...]] = ("svo_angle", "svo_decay")
    privilege: ClassVar[str] = "training"

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return svo_deviation, in radians, in [0, pi]; moves the traces on by a rollout."""
        traces = self.advance(experience, self.config.comparator.svo_decay)
        own, others = self.table.focal(traces), traces[..., self.table.other_agents].mean(-1)
        turn = torch.atan2(others, own) - math.radians(self.config.comparator.svo_angle)
        deviation = (torch.remainder(turn + math.pi, 2.0 * math.pi) - math.pi).abs()
        return {"svo_deviation": deviation * (torch.hypot(others, own) > 0.0)}
