"""A learner of your own: one named loss term on top of the built-in ones, and no trainer code.

Run it from this folder: empathy-loop train --agent my_learner:MyLearner --steps 200_000
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from empathy_loop.agents.objective import Objective
from empathy_loop.agents.streams import other_blocks
from empathy_loop.agents.types import Batch, Outputs


class MyLearner(Objective):
    """Foretells where each other will stand next, from what the policy carries about it.

    Every arm is made of objectives like this one. Three hooks can be overridden: `loss_terms`, as
    here; `reward_terms`, added to the reward before advantages are estimated; and `build_network`.
    Weights that only training needs live in the objective, and are saved with the run.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"next_offset": 0.5}
    # Trained together with the belief; leave it empty for PPO and this term alone.
    alongside: ClassVar[tuple[str, ...]] = ("introspective",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.head = nn.Linear(self.config.network.hidden_size, 2)

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return the mean squared error of the next offsets, in boards, of others in sight."""
        following = other_blocks(batch.inputs.features[1:], self.layout)
        offset = following[..., self.layout.other_block["offset"]]
        visible = following[..., self.layout.other_block["visible"]]
        error = visible * (self.head(outputs.others) - offset).square()
        return {"next_offset": error.sum() / torch.clamp(visible.sum(), min=1.0)}
