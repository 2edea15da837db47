"""The mutual-aid world: its rules, what agents observe of it, scripted partners, and views.

The rules are numba kernels over a batch of worlds (`empathy_loop.envs.world`); the PettingZoo
environment, frames and videos are thin views of that one core. Nothing here knows how agents
learn: no module of this package imports torch, `empathy_loop.agents` or `empathy_loop.train`.
"""
