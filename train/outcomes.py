"""What a batch of episodes came to, in a few numbers."""

from __future__ import annotations

from empathy_loop.train.evaluate import EpisodeLog

OUTCOMES: dict[str, str] = {
    "welfare": "unshaped welfare of an episode, the score",
    "drive": "sum over kinds of squared need, mean over agents and steps",
    "helps": "helps in one world's episode",
    "help_precision": "share of helps that were not misattuned",
}
"""Name and meaning of each number of `outcomes`."""


def outcomes(log: EpisodeLog) -> dict[str, float]:
    """Return the numbers named in OUTCOMES, means over the worlds of a log.

    Args:
        log: Whole episodes.

    Returns:
        Name to value; help_precision is 0 where nobody helped.
    """
    helps, misattuned = float(log.helps.sum()), float(log.misattuned.sum())
    num_worlds = log.welfare.shape[1]
    return {
        "welfare": float(log.welfare.sum(0).mean()),
        "drive": float(log.drive.mean()),
        "helps": helps / num_worlds,
        "help_precision": (helps - misattuned) / max(helps, 1.0),
    }
