"""One step of the worlds of a batch: the rules, in the order in which they apply.

Rows are counted from `max(start, 0)`: then the compiler knows that no index is negative, and leaves
out what Python's counting from the end would cost at every access.
"""

from __future__ import annotations

from empathy_loop.envs.kernel import batch, hot
from empathy_loop.envs.observation import observe
from empathy_loop.envs.random import fold
from empathy_loop.envs.reset import reset_world
from empathy_loop.envs.rules.expression import express
from empathy_loop.envs.rules.helping import act_agents
from empathy_loop.envs.rules.movement import move_agents
from empathy_loop.envs.rules.needs import grow_needs, measure_drive
from empathy_loop.envs.rules.reward import measure_welfare, reward_agents
from empathy_loop.envs.rules.shifts import apply_shift


@batch
def reset_batch(rules, state, observation, seed, first_world, first_step, start, end):
    """Begin the episode numbered `state.episode` in worlds of a batch and observe it.

    Writes: state but for `episode`, observation.

    Args:
        rules: Rules.
        state: State.
        observation: Observation.
        seed: int64. Seed of the batch.
        first_world: int64. Number of the world in row 0.
        first_step: int32 [E]. Step at which each world wakes.
        start: int64. First row to reset.
        end: int64. Row after the last one.
    """
    for e in range(max(start, 0), end):
        reset_world(rules, state, e, seed, first_world + e)
        state.step[e] = first_step[e]
        observe(rules, state, e, observation)


@batch
def observe_batch(rules, state, observation, start, end):
    """Write the observation of the present state of worlds of a batch.

    Writes: observation.

    Args:
        rules: Rules.
        state: State.
        observation: Observation.
        start: int64. First row to observe.
        end: int64. Row after the last one.
    """
    for e in range(max(start, 0), end):
        observe(rules, state, e, observation)


@batch
def step_batch(
    rules, state, observation, transition, actions, seed, first_world, autoreset, start, end
):
    """Advance worlds of a batch; where one is truncated, keep its last view and begin anew.

    Writes: state, observation, transition. All draws are keyed by seed, world, episode and step.

    Args:
        rules: Rules.
        state: State.
        observation: Observation.
        transition: Transition.
        actions: int8 [E, A]. Actions asked for, in [0, N).
        seed: int64. Seed of the batch.
        first_world: int64. Number of the world in row 0.
        autoreset: bool. Whether a truncated world begins its next episode at once.
        start: int64. First row to advance.
        end: int64. Row after the last one.
    """
    for e in range(max(start, 0), end):
        _step_one(rules, state, e, actions[e], observation, transition)
        transition.truncated[e] = state.step[e] >= rules.horizon
        if transition.truncated[e]:
            _keep_final(observation, transition.final_observation, e)
            if autoreset:
                state.episode[e] += 1
                reset_world(rules, state, e, seed, first_world + e)
                observe(rules, state, e, observation)


@hot
def _step_one(rules, state, e, actions, observation, transition):
    """Advance one world by one step: the rules, in the order in which they apply."""
    step_key = fold(state.key[e], state.step[e])
    apply_shift(rules, state, e, step_key)
    # Read after the shift, so that no reward marks it.
    measure_drive(state, e, state.drive_before)
    move_agents(rules, state, e, actions)
    act_agents(rules, state, e, actions)
    grow_needs(rules, state, e, step_key)
    express(rules, state, e, step_key)
    measure_drive(state, e, state.drive)
    reward_agents(rules, state, e, transition.reward, transition.reward_terms)
    transition.welfare[e] = measure_welfare(rules, state, e)
    _report(state, e, transition)
    state.step[e] += 1
    observe(rules, state, e, observation)


@hot
def _report(state, e, transition):
    """Copy one world's drive and helps into the transition, where a reset leaves them be."""
    for i in range(state.carried.shape[1]):
        transition.drive[e, i] = state.drive[e, i]
        transition.misattuned[e, i] = state.misattuned_given[e, i]
        helps = 0
        for j in range(state.carried.shape[1]):
            helps += state.helped[e, i, j]
        transition.helps[e, i] = helps


@hot
def _keep_final(observation, final_observation, e):
    """Copy one world's observation to where the last view of an episode is kept."""
    _copy_row(observation.features, final_observation.features, e)
    _copy_row(observation.exterior, final_observation.exterior, e)
    _copy_row(observation.action_mask, final_observation.action_mask, e)


@hot
def _copy_row(source, target, e):
    """Copy row e of an array [E, A, D]."""
    for i in range(source.shape[1]):
        for column in range(source.shape[2]):
            target[e, i, column] = source[e, i, column]
