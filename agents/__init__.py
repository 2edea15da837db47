"""Agents: networks, advantages, losses, and the arms that differ by configuration only.

Losses are pure functions that return named terms; an arm's weights, under the same names, add
them up. `agents.ppo` and `agents.empathy` do not know each other: the registry puts them
together. Of the world, agents know what it shows (`envs.params`, `envs.observation`), no more.
"""
