"""A head that reads something about each other from an agent's own encoding."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PairHead(nn.Module):
    """Two hidden layers over the core's state and the embedding of one other; shared by all others.

    The weights live in an objective, so that an arm has no more of them at execution.

    Args:
        hidden_size: Units of the core and of an embedding, H.
        num_outputs: Units of the output.
        num_given: Units of what else is given of each other, if anything, G.
    """

    def __init__(self, hidden_size: int, num_outputs: int, num_given: int = 0) -> None:
        super().__init__()
        self.own = nn.Linear(hidden_size, hidden_size)
        self.other = nn.Linear(hidden_size, hidden_size, bias=False)
        self.given = nn.Linear(num_given, hidden_size, bias=False) if num_given else None
        self.middle = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, num_outputs)

    def forward(self, hidden: Tensor, others: Tensor, given: Tensor | None = None) -> Tensor:
        """Return one output for each other.

        Args:
            hidden: float32 [T, E, F, H]. State of the core.
            others: float32 [T, E, F, O, H]. Embedding of each other.
            given: float32 [T, E, F, O, G]. What is given of each other, if anything.

        Returns:
            float32 [T, E, F, O, num_outputs].
        """
        layer = self.own(hidden).unsqueeze(-2) + self.other(others)
        if self.given is not None:
            layer = layer + self.given(given)
        output: Tensor = self.out(torch.relu(self.middle(torch.relu(layer))))
        return output
