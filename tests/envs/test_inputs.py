"""What a world and those who act in it are made with is checked; errors say what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import ScriptedPolicies, ScriptedPolicy
from empathy_loop.envs.scenarios import seats_of
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.vector import AgentVectorEnv, make_vector
from empathy_loop.envs.world import World

P = WorldParams(horizon=10)
CODES = np.zeros((2, P.num_agents), np.int8)
LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: World("x", 2, 0), r"params must be WorldParams, got 'x'; make them with"),
        (lambda: World(P, True, 0), "num_worlds must be a whole number of at least 1, got True"),
        (lambda: World(P, 2.5, 0), r"num_worlds must be a whole number of at least 1, got 2\.5"),
        (lambda: World(P, 2**63, 0), rf"num_worlds must be at most 2147483647, got {2**63}"),
        (lambda: World(P, 2, 2**63), rf"seed must be a whole number in \[0, {LARGEST}\], got"),
        (lambda: World(P, 2, True), "seed must be a whole number in .*, got True"),
        (lambda: World(P, 2, None), "seed must be a whole number in .*, got None"),
        (lambda: World(P, 2, "7"), "seed must be a whole number in .*, got '7'"),
        (lambda: World(P, 2, 0, LARGEST), rf"first_world must .* \[0, {LARGEST - 1}\], got"),
        (lambda: World(P, 2, 0, autoreset="no"), "autoreset must be True or False, got 'no'"),
        (lambda: World(P, 2, 0, num_threads=True), "num_threads must be .*, got True"),
        (lambda: ScriptedPolicy("filter", P, -1), "num_worlds must be .* at least 1, got -1"),
        (lambda: ScriptedPolicy("reader", P, 0), "num_worlds must be .* at least 1, got 0"),
        (lambda: ScriptedPolicy("reader", "x", 2), "params must be WorldParams, got 'x'"),
        (lambda: ScriptedPolicy(3, P, 2), "unknown policy 3; known are"),
        (lambda: ScriptedPolicies("x", CODES, False), "params must be WorldParams, got 'x'"),
        (lambda: ScriptedPolicies(P, [[0, 0, 0]], False), r"codes must be an array int8 \[E, 3\]"),
        (lambda: ScriptedPolicies(P, CODES[:, :2], False), r"codes must be an array int8 \[E, 3\]"),
        (lambda: ScriptedPolicies(P, CODES[0], False), r"codes must be an array int8 \[E, 3\]"),
        (lambda: ScriptedPolicies(P, CODES, "no"), "filters must be True or False, got 'no'"),
        (lambda: SeatedWorld("x"), r"world must be World, got 'x'; make one with World\("),
        (lambda: SeatedWorld(World(P, 2, 0), 3), "seats must be a list .*, got 3"),
        (lambda: SeatedWorld(World(P, 2, 0), doses=0.5), "doses must be Doses, got 0.5; make"),
        (lambda: make_vector(P, True, 0), "num_worlds must be .* at least 1, got True"),
        (lambda: make_vector(P, 2, 0, seats=3), "seats must be a list .*, got 3"),
        (lambda: AgentVectorEnv(P, True), "num_worlds must be .* at least 1, got True"),
        (lambda: AgentVectorEnv("bystander_v0", 2, seats=3), "seats must be a list .*, got 3"),
        (lambda: AgentVectorEnv("bystander_v0", 2, seats=[[]]), r"no variant '\[\]' of its seats"),
        (lambda: AgentVectorEnv(P, 2).reset(seed=True), "seed must be None or .*, got True"),
        (lambda: seats_of(P, [1, 2, 3], P), "a seat must be a text such as 'focal', got 1"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_value(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_whole_numbers_of_any_type_make_a_world() -> None:
    world = World(P, np.int8(2), np.uint64(LARGEST), first_world=np.int64(LARGEST - 1))
    assert (type(world.num_worlds), type(world.seed), type(world.first_world)) == (int, int, int)
    assert world.seed == LARGEST
    world.step(np.zeros((2, 3), np.int8))
