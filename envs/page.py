"""The page of a scenario, in the layout of Farama's documentation, written from its rules."""

from __future__ import annotations

from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import NUM_PLAIN_ACTIONS, WorldParams
from empathy_loop.envs.person import PERSON, PRESETS, PersonParams
from empathy_loop.envs.populations import agent_names, check_seats, count_focal, seat_of
from empathy_loop.envs.reading import field_meanings
from empathy_loop.envs.scenarios import Scenario, load_scenario
from empathy_loop.envs.shared_state import shared_size


def page_of(name: str) -> str:
    """Return the page of a scenario as Markdown: facts, actions, observations, rewards, arguments.

    Every number in it is that of the scenario's default arguments.

    Args:
        name: Name of a scenario.

    Returns:
        The page, which its module takes for its docstring.

    Raises:
        ValueError: an unknown scenario.
    """
    scenario = load_scenario(name)
    sections = [
        f"# {name}: {scenario.summary}",
        scenario.about,
        f"![One step of {name}](docs/scenarios/{name}.png)",
        _facts(scenario),
        "Sizes and numbers hold for the default arguments. `docs/rules.md` in the repository "
        "states every rule exactly.",
        f"## Actions\n\n{_actions(scenario.params)}",
        f"## Observations\n\n{_observations(scenario.params)}",
        f"## Rewards\n\n{_rewards(scenario.params)}",
        _people(scenario),
        f"## Arguments\n\n{_arguments(scenario)}",
        "## Version history\n\n" + "\n".join(f"- {line}" for line in scenario.history),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _facts(scenario: Scenario) -> str:
    """Return the table of facts."""
    params, layout = scenario.params, ObservationLayout.of(scenario.params)
    seats = check_seats(scenario.seats, params.num_agents)
    agents = ", ".join(f"`{name}`" for name in agent_names(seats)[: count_focal(seats)])
    return f"""\
| Import | `from empathy_loop.envs import {scenario.name}` |
|---|---|
| Agents | {agents} |
| Parallel API | yes; all act at once |
| Manual control | no |
| Action space | `Discrete({params.num_actions})` |
| Action mask | `infos[agent]["action_mask"]`, int8 ({params.num_actions},) |
| Observation shape | ({layout.size},) |
| Observation values | [-1, 1], float32 |
| State shape | ({shared_size(params, privileged=False)},) |
| State values | [-1, 1], float32 |
| Episode | {params.horizon} steps; truncation only |
| Registered as | `empathy_loop/{scenario.name}`, "parallel" and "aec" |"""


def _actions(params: WorldParams) -> str:
    """Return the table of actions, and what holds for all of them."""
    near = f"if it is at most {params.help_reach} steps away"
    offer = "" if params.offers else "; masked unless `offers` is set"
    meanings = [
        ("stay", "do nothing"),
        ("north", "move to the row above; agents block each other"),
        ("south", "move to the row below"),
        ("west", "move to the column on the left"),
        ("east", "move to the column on the right"),
        (
            "use",
            f"spend the carried item on oneself, which removes {params.self_relief:.0%} of that "
            "need",
        ),
        ("thank", "show gratitude to the agent that helped last"),
        ("offer", f"show kindness{offer}"),
    ]
    assert len(meanings) == NUM_PLAIN_ACTIONS, "each plain action has its line"
    for d in range(1, params.num_agents):
        meanings.append((f"help {d}", f"give the carried item to other {d}, {near}"))
    rows = [f"| {code} | {name} | {text} |" for code, (name, text) in enumerate(meanings)]
    table = "\n".join(["| Action | Name | Meaning |", "|---|---|---|", *rows])
    return f"""\
{table}

Other `d` of `ai_i` is agent `(i + d) % num_agents`. Entering a supply's cell picks its item up. An
action that the mask forbids does nothing in the world, costs nothing and is counted in
`num_masked_actions`; with `strict=True` it is an error, as one outside of
[0, {params.num_actions - 1}] always is. A help costs the helper {params.help_cost:g}; of a kind
that the other does not need, it relieves nothing and hurts the other by
{params.misattuned_hurt:g}.{_severe(params)}"""


def _severe(params: WorldParams) -> str:
    """Return what holds of severe crises, where there are any."""
    if not params.severe:
        return ""
    return f"""

Each crisis is severe with probability {params.severe_share:g}, which nobody sees. A first help of
the right kind relieves such a one of nothing, and hurts nobody; another agent's, at most
{params.severe_window} steps later, relieves it as any other. A second help by the same agent counts
as the first anew."""


def _observations(params: WorldParams) -> str:
    """Return the layout of the observation, and what is told beside it."""
    layout, kinds = ObservationLayout.of(params), params.num_kinds
    others = params.num_others
    promise = "Nothing in it depends on the needs or traits of others."
    if params.show_needs:
        promise = "It shows the needs of others too, and nothing else that is hidden."
    if params.show_trust:
        promise += " A person's own trust and willingness are seen by nobody else."
    return f"""\
What an agent sees, and its own needs. {promise}

{layout.describe()}

`infos[agent]` holds `action_mask`, int8 ({params.num_actions},), and `exterior`, float32
({layout.other_size},): the agent itself in the layout of the block of another, as others see it.

With `truth=True`, `infos[agent]["truth"]` also holds what is hidden of that agent, as arrays by
kind: `need` and `hazard` (probability per step that a crisis begins), float64 ({kinds},); `style`,
int8 ({kinds},), the distress symbol that each kind is shown as; `severe`, int8 ({kinds},), 1 where
a crisis takes two helpers; and `expressivity`, the probability that it shows its distress. Where
people sit, it also holds each agent's `trust` in this one and `willingness` toward AI, float64
({params.num_agents},), 0 where no person is. This is for training targets and for scoring. Whatever
acts must not read it.

`state()` is what agents show each other, and no more. For each agent in turn: its position (2),
its exterior view ({layout.other_size}), and which others it saw help it ({others}) and thank it
({others}) in the last step. Then the row and column of each supply ({kinds} x 2). With
`privileged_state=True` the true needs follow, agent by agent ({params.num_agents} x {kinds})."""


def _rewards(params: WorldParams) -> str:
    """Return what agents learn from, and what they are scored by."""
    return f"""\
Drive is the sum of an agent's squared needs. An agent's own reward is {params.drive_scale:g} times
the fall of its drive in the step, minus {params.help_cost:g} if it helped, minus
{params.misattuned_hurt:g} for each misattuned help that it received. With `coordination` 1 everyone
receives the team's mean, with 0 everyone its own; here it is {params.coordination:g}.

Rewards are for learning. The score is welfare: at every step, minus the mean over agents of
{params.drive_weight:g} times drive, help cost paid and hurt received.
`empathy_loop.train.evaluate` reports it."""


def _people(scenario: Scenario) -> str:
    """Return who sits in the seats and with what numbers, where partners sit."""
    if not scenario.seats:
        return ""
    variants = {"": scenario.seats, **scenario.variants}
    lines = ["## Seats", "| variant | agent | seat |\n|---|---|---|"]
    for variant, seats in variants.items():
        for name, seat in zip(agent_names(seats), seats, strict=True):
            lines[1] += f"\n| {variant or 'as it is'} | `{name}` | `{seat}` |"
    people = [seat_of(seat).person for seat in scenario.seats]
    names = agent_names(scenario.seats)
    persons = {n: one.params for n, one in zip(names, people, strict=True) if one is not None}
    lines.append(
        "Persons act inside. Their numbers, each of them an assumption, and an argument of a seat "
        f'such as `"{PERSON}reserved,spillover=0.5"`; presets are {", ".join(PRESETS)}:'
    )
    table = f"| number | {' | '.join(persons)} | meaning |\n|---{'|---' * len(persons)}|---|"
    for field, meaning in field_meanings(PersonParams).items():
        values = " | ".join(f"`{getattr(params, field)}`" for params in persons.values())
        table += f"\n| `{field}` | {values} | {meaning} |"
    return "\n\n".join([*lines, table])


def _arguments(scenario: Scenario) -> str:
    """Return the arguments of the environments, every field of the rules among them."""
    name = scenario.name
    rows = ["| field | here | default | meaning |", "|---|---|---|---|"]
    for field, meaning in field_meanings(WorldParams).items():
        here, default = getattr(scenario.params, field), getattr(WorldParams(), field)
        shown = f"`{here}`" if here == default else f"**`{here}`**"
        rows.append(f"| `{field}` | {shown} | `{default}` | {meaning} |")
    table = "\n".join(rows)
    return f"""\
    {name}.parallel_env(
        render_mode=None, truth=False, privileged_state=False, strict=False, seats=None, **world
    )
    {name}.env(...)
    {name}.raw_env(...)

`render_mode`: "human" for a window that follows every step, "ansi" for a text, "rgb_array" for a
picture from `render()`. All show the truth.

`truth`, `privileged_state`, `strict`: see above. `seats`: who sits where, focal agents first, such
as `("focal", "train", "person:warm")`; partners act inside, and only focal ones are agents.

`world`: any field of `empathy_loop.envs.params.WorldParams`, such as `num_agents=4` or
`shift="cue_remap"`; those that differ from the default world are set in bold. PettingZoo's
`max_cycles` is another name for `horizon`.

{table}

`reset(seed=...)` fixes that episode and all that follow; `reset()` begins the next episode of the
same seed. `options` are not used. `get_state()` and `set_state()` of the parallel environment save
and restore a moment; copies and pickles of any of the three go on identically."""
