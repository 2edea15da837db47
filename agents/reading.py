"""Where agents and training find what turns files and command lines into settings."""

from empathy_loop.envs.reading import amend, close_matches

__all__ = ["amend", "close_matches"]
