"""A gated recurrent unit whose steps are compiled: torch's, and several times as fast.

On a CPU, torch builds a graph of some twenty small operations for every step of a sequence, and
most of the time goes into building it. Here a sequence is one operation with a gradient of its own;
the step is that of Cho et al. 2014 (arXiv 1406.1078) in torch's variant and layout of weights:

    r, z = sigmoid(W_r x + b_r + U_r h + c_r), sigmoid(W_z x + b_z + U_z h + c_z)
    n    = tanh(W_n x + b_n + r * (U_n h + c_n))
    h'   = n + z * (h - n)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from empathy_loop.agents.gru_kernels import scan_backward, scan_forward


class GRU(nn.GRU):
    """One layer of torch's GRU: its parameters, names, initial values and results.

    What is not float32 on a CPU goes to torch's own code, which a GPU runs as one operation.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Run over a sequence.

        Args:
            x: float32 [T, B, D]. Inputs.
            h: float32 [1, B, H]. State before the first step.

        Returns:
            States after each step, float32 [T, B, H], and the last of them, [1, B, H].
        """
        if x.device.type != "cpu" or x.dtype != torch.float32:
            return super().forward(x, h.contiguous())
        gates = linear(x, self.weight_ih_l0, self.bias_ih_l0)
        scan: Any = _Scan.apply
        states: Tensor = scan(gates, h[0], self.weight_hh_l0, self.bias_hh_l0)
        return states, states[-1:]


class _Scan(torch.autograd.Function):
    """The recurrent part of a sequence: states [T, B, H] from gates [T, B, 3 H] and h [B, H]."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        gates, h = gates.contiguous(), h.contiguous()
        states = torch.empty(*gates.shape[:2], h.shape[-1])
        acts = torch.empty(*gates.shape[:2], 4 * h.shape[-1])
        arrays = (gates, h, weight.detach().t().contiguous(), bias.detach(), states, acts)
        scan_forward(*(array.numpy() for array in arrays))
        ctx.save_for_backward(h, weight, states, acts)
        return states

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        h, weight, states, acts = ctx.saved_tensors
        before = torch.cat([h[None], states[:-1]])
        by_input, by_state = (torch.empty(*grad.shape[:2], weight.shape[0]) for _ in range(2))
        by_h = torch.empty_like(h)
        arrays = (grad.contiguous(), before, weight, acts, by_input, by_state, by_h)
        scan_backward(*(array.detach().numpy() for array in arrays))
        flat = by_state.flatten(0, 1)
        return by_input, by_h, flat.t() @ before.flatten(0, 1), flat.sum(0)
