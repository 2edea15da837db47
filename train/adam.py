"""Adam, with no more around its arithmetic than one network asks for.

Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

EPS = 1e-5
"""What keeps the denominator above 0; that of PPO's own implementations (Huang et al. 2022, "The 37
implementation details of proximal policy optimization", detail 3)."""


class Adam(torch.optim.Adam):
    """torch's fused Adam to the bit, with the same state by the same names.

    All weights are float32 and on one device, and which of them have a gradient rarely changes. So
    they are looked over when that changes, and not at every step, where on a CPU it takes longer
    than the arithmetic; and the steps of all are counted in one tensor, of which the state has
    views.

    Args:
        weights: Changed in place at each step, each where it has a gradient.
        lr: Step size, at least 0; `param_groups` has it, and may be given another.
    """

    def __init__(self, weights: Iterable[Tensor], lr: float) -> None:
        super().__init__(weights, lr=lr, eps=EPS, fused=True)
        self._present: list[bool] = []
        self._parts: list[list[Tensor]] = []

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Change the weights by one step down their gradients; what has none stays.

        Args:
            closure: None. The gradients must be there.

        Raises:
            ValueError: there is a closure.
        """
        if closure is not None:
            raise ValueError("step takes no closure; compute the gradients before it")
        (group,) = self.param_groups
        present = [weight.grad is not None for weight in group["params"]]
        if not any(present):
            return
        if present != self._present:
            self._look_over(group["params"], present)
        weights, means, squares, steps = self._parts
        gradients: Any = [weight.grad for weight in weights]
        self._counts.add_(1.0)
        torch._fused_adam_(
            weights,
            gradients,
            means,
            squares,
            [],
            steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a state, as loading one does, and copying."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._present = []

    def _look_over(self, weights: list[Tensor], present: list[bool]) -> None:
        """Line up the weights that have a gradient, and their states; new ones begin at zero."""
        chosen = [weight for weight, is_present in zip(weights, present, strict=True) if is_present]
        states = [self.state[weight] for weight in chosen]
        for weight, state in zip(chosen, states, strict=True):
            if not state:
                state["step"] = torch.zeros((), device=weight.device)
                state["exp_avg"] = torch.zeros_like(weight)
                state["exp_avg_sq"] = torch.zeros_like(weight)
        self._counts = torch.stack([state["step"] for state in states])
        for state, count in zip(states, self._counts, strict=True):
            state["step"] = count
        names = ("exp_avg", "exp_avg_sq", "step")
        self._parts = [chosen, *([state[name] for state in states] for name in names)]
        self._present = present
