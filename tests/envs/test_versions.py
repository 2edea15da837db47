"""A scenario's rules are pinned: what is published under its name must come out again.

A short scripted episode of each scenario is hashed. Readers act for the focal agents of half of
the worlds, random policies for those of the others; worlds wake at different steps, so that shifts,
ends of episodes and the times at which somebody may act lie among the few steps that are played.

Numbers are hashed as whole ten-thousandths. Nothing in the rules is more than a few sums, products
and one exponential, so that another CPU or library differs in the last bits at most; and `hashed`
makes sure that no number lies so close to an edge of rounding that these would matter.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.partners import ScriptedPolicies, policy_code
from empathy_loop.envs.scenarios import list_scenarios, load_scenario
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World

pytestmark = pytest.mark.xdist_group("sizes")

NUM_WORLDS, NUM_STEPS = 8, 40
PUBLISHED = {
    "apprentice_v0": "ea86c8fc63dfd656",
    "bystander_v0": "e1e21211fa0884d2",
    "crowd_v0": "cf98369bbde5d0ce",
    "hard_faces_v0": "8353386da34cf67e",
    "human_loop_v0": "c351722bc75589f6",
    "joint_aid_v0": "cd66fd774d7483ee",
    "mutual_aid_v0": "7344185ab3a46bfe",
    "self_interest_v0": "32c8d13ef36784a7",
}
"""First 16 digits of the hash of each scenario."""


def hashed(array: NDArray[np.generic]) -> bytes:
    """Return numbers as whole ten-thousandths, int64, in bytes.

    The edges lie where no number of few digits does: at a fraction of 0.682 of a ten-thousandth.
    """
    scaled = np.asarray(array, np.float64) * 1e4 + 0.318
    to_edge = np.abs(scaled - np.rint(scaled)).min()
    assert to_edge > 2e-6, f"a number lies {to_edge} from an edge of rounding; move the edges"
    return np.floor(scaled).astype(np.int64).tobytes()


def digest_of(name: str) -> str:
    """Return the hash of a short episode: of all that is seen, allowed, rewarded and needed."""
    scenario = load_scenario(name)
    params = scenario.params
    world = SeatedWorld(World(params, NUM_WORLDS, seed=5), scenario.seats)
    world.reset(first_step=np.arange(NUM_WORLDS) * (params.horizon // NUM_WORLDS))
    codes = np.zeros((NUM_WORLDS, params.num_agents), np.int8)
    codes[::2], codes[1::2] = policy_code("reader"), policy_code("random")
    policies, digest = ScriptedPolicies(params, codes, filters=False), hashlib.sha256()
    for _ in range(NUM_STEPS):
        found = world.step(policies.act(world.world)[:, : world.num_focal])
        digest.update(b"".join(map(hashed, world.world.observation)))
        digest.update(hashed(found.reward) + hashed(found.welfare) + hashed(world.state.need))
        if world.people is not None:
            digest.update(hashed(world.people.state.trust))
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("name", list_scenarios())
def test_the_rules_of_a_scenario_stay_what_they_were(name: str) -> None:
    found = digest_of(name)
    assert found == PUBLISHED.get(name), (
        f"rules changed: {name} gives {found} now. Give the scenario a new version, such as "
        f"{name.rsplit('_v', 1)[0]}_v1, and leave this one as it was; or, if it is new or nothing "
        "was ever published with it, put its hash into PUBLISHED"
    )
