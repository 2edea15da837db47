"""# Mutual aid: needs that only others can relieve, and faces that tell of them.

Agents on a small board have needs that grow, that nobody else can see, and that others can relieve
far better than they can themselves. What can be seen is a face, which shows the worst need in most
steps; but the same face may mean different things, and only what happens after a help tells. In
each episode, unannounced, one agent becomes a stranger.

| Import | `from empathy_loop.envs import mutual_aid_v0` |
|---|---|
| Agents | `ai_0`, `ai_1`, `ai_2` |
| Parallel API | yes; all act at once |
| Manual control | no |
| Action space | `Discrete(10)` |
| Action mask | `infos[agent]["action_mask"]`, int8 (10,) |
| Observation shape | (78,) |
| Observation values | [-1, 1], float32 |
| State shape | (90,) |
| State values | [-1, 1], float32 |
| Episode | 128 steps; truncation only |
| Registered as | `empathy_loop/mutual_aid_v0`, "parallel" and "aec" |

Sizes hold for the default arguments. `docs/rules.md` in the repository states every rule exactly.

## Actions

| Action | Name | Meaning |
|---|---|---|
| 0 | stay | do nothing |
| 1 | north | move to the row above; agents block each other |
| 2 | south | move to the row below |
| 3 | west | move to the column on the left |
| 4 | east | move to the column on the right |
| 5 | use | spend the carried item on oneself, which removes 15% of that need |
| 6 | thank | show gratitude to the agent that helped last |
| 7 | offer | show kindness; masked unless `offers` is set |
| 8 | help 1 | give the carried item to other 1, if it is at most 2 steps away |
| 9 | help 2 | give the carried item to other 2, if it is at most 2 steps away |

Other `d` of `ai_i` is agent `(i + d) % num_agents`. Entering a supply's cell picks its item up. An
action that the mask forbids does nothing in the world and costs nothing; one outside of [0, 9] is
an error. A help costs the helper 0.3; of a kind that the other does not need, it relieves nothing
and hurts the other by 0.3.

## Observations

What an agent sees, and its own needs. Nothing in it depends on the needs or traits of others.

| features | block | name | meaning |
|---|---|---|---|
| 0-2 | self | need | own need levels, by kind |
| 3-5 | self | carried | kind of the item carried, one-hot, none = zeros |
| 6-7 | self | position | row and column, -1 to 1 across the board |
| 8-14 | self | cue | cue on show, one-hot: relief, annoyed, gratitude, kindness, then distress symbols |
| 15-24 | self | last_action | own last action, one-hot, zeros in the first step |
| 25-27 | self | received | kind of the item just received, one-hot, none = zeros |
| 28-33 | self | station | row and column offset of each kind's station, in board sides |
| 34 | other 1 | visible | 1 if this other is seen; all else is 0 if not |
| 35-36 | other 1 | offset | row and column offset of this other, in board sides |
| 37 | other 1 | in_reach | 1 if near enough to help |
| 38-40 | other 1 | carried | kind of the item carried, one-hot, none = zeros |
| 41-47 | other 1 | cue | cue on show, one-hot: relief, annoyed, gratitude, kindness, then distress symbols |
| 48-50 | other 1 | social_act | last social act, one-hot: thank, offer, help |
| 51-53 | other 1 | received | kind of the item just received, one-hot, none = zeros |
| 54 | other 1 | helped_me | 1 if it helped this agent in the last step |
| 55 | other 1 | thanked_me | 1 if it thanked this agent in the last step |
| 56 | other 2 | visible | 1 if this other is seen; all else is 0 if not |
| 57-58 | other 2 | offset | row and column offset of this other, in board sides |
| 59 | other 2 | in_reach | 1 if near enough to help |
| 60-62 | other 2 | carried | kind of the item carried, one-hot, none = zeros |
| 63-69 | other 2 | cue | cue on show, one-hot: relief, annoyed, gratitude, kindness, then distress symbols |
| 70-72 | other 2 | social_act | last social act, one-hot: thank, offer, help |
| 73-75 | other 2 | received | kind of the item just received, one-hot, none = zeros |
| 76 | other 2 | helped_me | 1 if it helped this agent in the last step |
| 77 | other 2 | thanked_me | 1 if it thanked this agent in the last step |

`infos[agent]` holds `action_mask`, int8 (10,), and `exterior`, float32 (22,): the agent itself in
the layout of the block of another, as the others see it.

With `truth=True`, `infos[agent]["truth"]` also holds what is hidden of that agent, as arrays by
kind: `need` and `hazard` (probability per step that a crisis begins), float64 (3,); `style`, int8
(3,), the distress symbol that each kind is shown as; and `expressivity`, the probability that it
shows its distress. This is for training targets and for scoring. Whatever acts must not read it.

`state()` is what agents show each other, and no more. For each agent in turn: its position (2),
its exterior view (22), and which others it saw help it (2) and thank it (2) in the last step. Then
the row and column of each supply (3 x 2). With `privileged_state=True` the true needs follow,
agent by agent (3 x 3).

## Rewards

Drive is the sum of an agent's squared needs. An agent's own reward is twice the fall of its drive
in the step, minus 0.3 if it helped, minus 0.3 for each misattuned help that it received. With
`coordination` 1, the default, everyone receives the team's mean; with 0, everyone its own.

Rewards are for learning. The score is welfare: at every step, minus the mean over agents of 0.06
times drive, help cost paid and hurt received. `empathy_loop.train.evaluate` reports it.

## Arguments

    mutual_aid_v0.parallel_env(render_mode=None, truth=False, privileged_state=False, **world)
    mutual_aid_v0.env(...)
    mutual_aid_v0.raw_env(...)

`render_mode`: "ansi" for a text, "rgb_array" for a picture, from `render()`. Both show the truth.

`truth`, `privileged_state`: see above.

`world`: any field of `empathy_loop.envs.params.WorldParams`, such as `num_agents=4` or
`shift="cue_remap"`. PettingZoo's `max_cycles` is another name for `horizon`.

`reset(seed=...)` fixes that episode and all that follow; `reset()` begins the next episode of the
same seed. `options` are not used.

## Version history

- v0: first version.
"""  # noqa: E501  the tables are compared with the code, word by word

from __future__ import annotations

from typing import Any

from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv, checked, in_turns, register


def parallel_env(**arguments: Any) -> ScenarioEnv:
    """Return the environment in which all agents act at once."""
    return ScenarioEnv("mutual_aid_v0", **arguments)


def raw_env(**arguments: Any) -> Any:
    """Return the environment in which agents choose one after the other (AEC)."""
    return in_turns(parallel_env(**arguments))


def env(**arguments: Any) -> Any:
    """Return the same, which refuses unknown actions and calls out of order at once."""
    return checked(raw_env(**arguments))


register("mutual_aid_v0")
