"""What a rollout shows of learning, by its logged names."""

from __future__ import annotations

from torch import Tensor

from empathy_loop.envs.rules.reward import REWARD_TERMS
from empathy_loop.train.buffers import Rollout


def episode_metrics(rollout: Rollout, horizon: int) -> dict[str, float]:
    """Return charts and reward terms of a rollout, by their logged names.

    Worlds are staggered over the episode, so that the rollout holds all phases of it; sums over
    an episode are means per step times the horizon.

    Args:
        rollout: What was experienced.
        horizon: Steps in an episode.

    Returns:
        charts/return and reward/<term>: sums over an episode, mean over focal agents and worlds;
        charts/welfare: the same, of the whole group; charts/drive: mean per focal agent;
        charts/helps: helps given by them in one world's episode; charts/help_precision: share of
        these that were not misattuned, 0 without helps.
    """

    def focal(part: Tensor) -> Tensor:
        return part[:, :, : rollout.num_focal]

    helps, misattuned = float(focal(rollout.helps).sum()), float(focal(rollout.misattuned).sum())
    terms = focal(rollout.reward_terms).mean((0, 1, 2)) * horizon
    return {
        "charts/return": float(focal(rollout.rewards).mean()) * horizon,
        "charts/welfare": float(rollout.welfare.mean()) * horizon,
        "charts/drive": float(focal(rollout.drive).mean()),
        "charts/helps": helps / rollout.welfare.numel() * horizon,
        "charts/help_precision": (helps - misattuned) / max(helps, 1.0),
        **{f"reward/{name}": float(term) for name, term in zip(REWARD_TERMS, terms, strict=True)},
    }
