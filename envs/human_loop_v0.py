"""The environments of `human_loop_v0`; its page, written from its rules, is in `help()`."""

from __future__ import annotations

from functools import partial

from empathy_loop.envs.page import page_of
from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv
from empathy_loop.envs.pettingzoo_registry import aec_env, raw_aec_env, register

NAME = "human_loop_v0"
__doc__ = page_of(NAME)

parallel_env = partial(ScenarioEnv, NAME)
raw_env = partial(raw_aec_env, NAME)
env = partial(aec_env, NAME)

register(NAME)
