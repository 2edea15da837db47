"""Hidden traits of agents: who tends to need what, and how their faces show it."""

from __future__ import annotations

from empathy_loop.envs.kernel import rare
from empathy_loop.envs.random import below, draw, permuted


@rare
def draw_hazard(rules, step_key, agent, purpose, hazard):
    """Draw one agent's hazards: one random dominant kind, the rest shared evenly.

    Args:
        rules: Rules.
        step_key: uint64. Key of the step.
        agent: int64. The agent.
        purpose: int64. Purpose of the draw.
        hazard: float64 [K]. Written, probability per step.
    """
    num_kinds = hazard.shape[0]
    if num_kinds == 1:
        hazard[0] = rules.total_hazard
        return
    dominant = below(draw(step_key, agent, purpose, 0), num_kinds)
    for k in range(num_kinds):
        hazard[k] = rules.total_hazard * (1.0 - rules.dominant_share) / (num_kinds - 1)
    hazard[dominant] = rules.total_hazard * rules.dominant_share


@rare
def draw_style(rules, step_key, agent, purpose_whether, purpose_which, style):
    """Draw one agent's distress symbols: the identity, or for some a random permutation.

    Args:
        rules: Rules.
        step_key: uint64. Key of the step.
        agent: int64. The agent.
        purpose_whether: int64. Purpose of the draw that makes it idiosyncratic.
        purpose_which: int64. Purpose of the draws of the permutation.
        style: int8 [K]. Written, symbol of each kind.
    """
    num_kinds = style.shape[0]
    is_idiosyncratic = draw(step_key, agent, purpose_whether, 0) < rules.idiosyncratic_share
    for k in range(num_kinds):
        style[k] = (
            permuted(step_key, agent, purpose_which, 0, num_kinds, k) if is_idiosyncratic else k
        )
