"""One step of the worlds of a batch: the rules, in the order in which they apply.

Rows are counted from `max(start, 0)`: then the compiler knows that no index is negative, and leaves
out what Python's counting from the end would cost at every access.
"""

from __future__ import annotations

from empathy_loop.envs.kernel import batch, hot, rare
from empathy_loop.envs.observing import observe
from empathy_loop.envs.random import fold
from empathy_loop.envs.reset import reset_world
from empathy_loop.envs.rules.expression import express
from empathy_loop.envs.rules.helping import act_agents
from empathy_loop.envs.rules.movement import move_agents
from empathy_loop.envs.rules.needs import grow_needs, measure_drive
from empathy_loop.envs.rules.reward import measure_welfare, reward_agents
from empathy_loop.envs.rules.shifts import apply_shift


@batch
def reset_batch(
    rules,
    records,
    observation,
    transition,
    seed,
    first_world,
    episode,
    first_step,
    start,
    end,
):
    """Begin an episode in worlds of a batch and observe it.

    Writes: records, observation, truncated of the transition.

    Args:
        rules: Rules.
        records: record [E]. The worlds.
        observation: Observation.
        transition: Transition.
        seed: int64. Seed of the batch.
        first_world: int64. Number of the world in row 0.
        episode: int64. Number of the episode.
        first_step: int32 [E]. Step at which each world wakes.
        start: int64. First row to reset.
        end: int64. Row after the last one.
    """
    for e in range(max(start, 0), end):
        records[e].episode = episode
        reset_world(rules, records[e], seed, first_world + e)
        records[e].step = first_step[e]
        transition.truncated[e] = False
        _observe(rules, records[e], observation, e)


@batch
def observe_batch(rules, records, observation, start, end):
    """Write the observation of the present state of worlds of a batch.

    Writes: observation.

    Args:
        rules: Rules.
        records: record [E]. The worlds.
        observation: Observation.
        start: int64. First row to observe.
        end: int64. Row after the last one.
    """
    for e in range(max(start, 0), end):
        _observe(rules, records[e], observation, e)


@batch
def step_batch(
    rules,
    records,
    observation,
    transition,
    actions,
    refusals,
    seed,
    first_world,
    autoreset,
    start,
    end,
):
    """Advance worlds of a batch; where one is truncated, keep its last view and begin anew.

    Writes: records, observation, transition, refusals. Draws are keyed by seed, episode and step.

    Args:
        rules: Rules.
        records: record [E]. The worlds.
        observation: Observation.
        transition: Transition.
        actions: int8 [E, A]. Actions asked for, in [0, N).
        refusals: uint8 [E, A, A], or [E, 0, 0] where nobody refuses help; see `act_agents`.
        seed: int64. Seed of the batch.
        first_world: int64. Number of the world in row 0.
        autoreset: bool. Whether a truncated world begins its next episode at once.
        start: int64. First row to advance.
        end: int64. Row after the last one.
    """
    for e in range(max(start, 0), end):
        world = records[e]
        _step_one(rules, world, actions[e], refusals[e])
        _report(rules, world, transition, e)
        _observe(rules, world, observation, e)
        transition.truncated[e] = world.step >= rules.horizon
    # In a loop of its own, so that the one above stays small.
    for e in range(max(start, 0), end):
        if transition.truncated[e]:
            _end(rules, records[e], observation, transition, seed, first_world, autoreset, e)


@hot
def _end(rules, world, observation, transition, seed, first_world, autoreset, e):
    """Keep the last view of the episode of one world and, with autoreset, begin the next one."""
    _keep_final(observation, transition.final_observation, e)
    if autoreset:
        _begin_next(rules, world, observation, seed, first_world, e)


@hot
def _step_one(rules, world, actions, refusals):
    """Advance one world by one step: the rules, in the order in which they apply."""
    step_key = fold(world.key, world.step)
    apply_shift(rules, world, step_key)
    # Read after the shift, so that no reward marks it.
    measure_drive(world, world.drive_before)
    move_agents(rules, world, actions)
    act_agents(rules, world, actions, refusals)
    grow_needs(rules, world, step_key)
    express(rules, world, refusals, step_key)
    measure_drive(world, world.drive)
    world.step += 1


@rare
def _begin_next(rules, world, observation, seed, first_world, e):
    """Begin the next episode in one world and observe it."""
    world.episode += 1
    reset_world(rules, world, seed, first_world + e)
    _observe(rules, world, observation, e)


@hot
def _report(rules, world, transition, e):
    """Write row e of the transition, where a reset leaves it be: reward, welfare, drive, helps."""
    reward_agents(rules, world, transition.reward[e], transition.reward_terms[e])
    transition.welfare[e] = measure_welfare(rules, world)
    for i in range(world.carried.shape[0]):
        transition.drive[e, i] = world.drive[i]
        transition.misattuned[e, i] = world.misattuned_given[i]
        helps = 0
        for j in range(world.carried.shape[0]):
            helps += world.helped[i, j]
        transition.helps[e, i] = helps


@hot
def _observe(rules, world, observation, e):
    """Write row e of the observation."""
    features, exterior = observation.features[e], observation.exterior[e]
    observe(rules, world, features, exterior, observation.action_mask[e])


@hot
def _keep_final(observation, final_observation, e):
    """Copy one world's observation to where the last view of an episode is kept."""
    _copy_rows(observation.features[e], final_observation.features[e])
    _copy_rows(observation.exterior[e], final_observation.exterior[e])
    _copy_rows(observation.action_mask[e], final_observation.action_mask[e])


@hot
def _copy_rows(source, target):
    """Copy an array [A, D]."""
    for i in range(source.shape[0]):
        for column in range(source.shape[1]):
            target[i, column] = source[i, column]
