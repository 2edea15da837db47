"""One world of mutual aid, obvious and slow, written from DESIGN and docs/rules.md alone.

It shares no code with the kernels of `empathy_loop.envs`, so that an agreement of the two,
bit for bit, says that both do what the page says. Plain ints, floats and lists inside.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference_draws import below, draw, fold, permutation, world_key

from empathy_loop.envs.params import WorldParams

DTYPES: dict[str, type[np.generic]] = {
    "key": np.uint64,
    "episode": np.int64,
    "step": np.int32,
    "shift_step": np.int32,
    "station": np.int16,
    "position": np.int16,
    "carried": np.int8,
    "need": np.float64,
    "hazard": np.float64,
    "style": np.int8,
    "expressivity": np.float64,
    "severe": np.int8,
    "first_helper": np.int8,
    "help_left": np.int16,
    "cue": np.int8,
    "last_action": np.int8,
    "last_helper": np.int8,
    "received": np.int8,
    "social_act": np.int8,
    "helped": np.uint8,
    "thanked": np.uint8,
    "relief": np.float64,
    "cost": np.float64,
    "hurt": np.float64,
    "misattuned": np.int8,
    "misattuned_given": np.int8,
    "drive_before": np.float64,
    "drive": np.float64,
}
"""Every array of the state with its type, as the seams of the project name them."""

MOVES = {1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}
"""Change of row and column for north, south, west and east."""


class World:
    """One world; its attributes bear the names of the arrays of `State`, without the axis E.

    The step reached is `step_count`, for `step` is the method. Attributes besides: reward [A],
    reward_terms [A][3] (drive, help cost, hurt), welfare, helps [A] (given in the last step),
    truncated. `refuses` holds pairs (j, i) where j would refuse the help of i in the coming step;
    `refused` those where it did so in the last one.
    """

    def __init__(self, params: WorldParams, seed: int, world: int, episode: int = 0) -> None:
        self.params = params
        self.seed = seed
        self.world = world
        self.agents = range(params.num_agents)
        self.kinds = range(params.num_kinds)
        self.reset(episode)

    def reset(self, episode: int, first_step: int = 0) -> None:
        """Begin an episode; all its draws are those of t = 0."""
        p = self.params
        self.key = world_key(self.seed, self.world, episode)
        self.episode = episode
        self.step_key = fold(self.key, 0)
        self._place()
        self.hazard = [self._new_hazard(i, "HAZARD") for i in self.agents]
        self.style = [self._new_style(i, "IDIOSYNCRATIC", "STYLE") for i in self.agents]
        self.expressivity = [p.expressivity for _ in self.agents]
        earliest, latest = p.horizon // 3, 2 * p.horizon // 3
        u = draw(self.step_key, 0, "SHIFT_STEP", 0)
        self.shift_step = earliest + below(u, max(1, latest - earliest))
        self.need = [[0.0 for _ in self.kinds] for _ in self.agents]
        self.severe = [[0 for _ in self.kinds] for _ in self.agents]
        self.first_helper = [[-1 for _ in self.kinds] for _ in self.agents]
        self.help_left = [[0 for _ in self.kinds] for _ in self.agents]
        self.carried = [-1 for _ in self.agents]
        self.cue = [0 for _ in self.agents]
        self.last_action = [-1 for _ in self.agents]
        self.last_helper = [-1 for _ in self.agents]
        self.drive_before = [0.0 for _ in self.agents]
        self.drive = [0.0 for _ in self.agents]
        self.refuses: set[tuple[int, int]] = set()
        self.refused: set[tuple[int, int]] = set()
        self._clear_ledger()
        self.step_count = first_step

    def array(self, name: str) -> NDArray[Any]:
        """Return one array of the state, of the type that `State` gives it."""
        value = self.step_count if name == "step" else getattr(self, name)
        return np.array(value, DTYPES[name])

    def step(self, actions: list[int]) -> None:
        """Let time pass by one step, phase by phase."""
        a = self.params.num_agents
        self.step_key = fold(self.key, self.step_count)
        self.order = [(self.step_count + n) % a for n in range(a)]
        if self.step_count == self.shift_step:
            self._shift()
        self.drive_before = [self._drive_of(i) for i in self.agents]
        for i in self.order:
            self._move(i, actions[i])
        self._clear_ledger()
        self.refused = set()
        for i in self.order:
            self._act(i, actions[i])
        self.last_action = list(actions)
        self._grow_needs()
        self.cue = [self._new_cue(i) for i in self.agents]
        self.drive = [self._drive_of(i) for i in self.agents]
        self._reward()
        self.step_count += 1
        self.truncated = self.step_count == self.params.horizon

    def distance(self, i: int, j: int) -> int:
        """Return the L1 distance of two agents, in cells."""
        (row_i, column_i), (row_j, column_j) = self.position[i], self.position[j]
        return abs(row_i - row_j) + abs(column_i - column_j)

    def is_on_board(self, row: int, column: int) -> bool:
        """Return whether there is such a cell."""
        size = self.params.grid_size
        return 0 <= row < size and 0 <= column < size

    def other(self, i: int, d: int) -> int:
        """Return who is the other number d = 1..A-1 of agent i."""
        return (i + d) % self.params.num_agents

    def _place(self) -> None:
        p = self.params
        cells = [(row, column) for row in range(p.grid_size) for column in range(p.grid_size)]
        for i in range(p.num_kinds + p.num_agents):
            j = i + below(draw(self.step_key, 0, "PLACE", i), len(cells) - i)
            cells[i], cells[j] = cells[j], cells[i]
        self.station = cells[: p.num_kinds]
        self.position = cells[p.num_kinds : p.num_kinds + p.num_agents]

    def _new_hazard(self, i: int, purpose: str) -> list[float]:
        p = self.params
        if p.num_kinds == 1:
            return [p.total_hazard]
        dominant = below(draw(self.step_key, i, purpose, 0), p.num_kinds)
        hazard = [p.total_hazard * (1 - p.dominant_share) / (p.num_kinds - 1) for _ in self.kinds]
        hazard[dominant] = p.total_hazard * p.dominant_share
        return hazard

    def _new_style(self, i: int, whether: str, which: str) -> list[int]:
        if draw(self.step_key, i, whether, 0) < self.params.idiosyncratic_share:
            return permutation(self.step_key, i, which, 0, self.params.num_kinds)
        return list(self.kinds)

    def _shift(self) -> None:
        shift = self.params.shift
        if shift == "resource_move":
            for k in self._affected("MOVE_WHICH", self.params.num_kinds):
                self._move_station(k)
        if shift in ("partner_swap", "cue_remap", "need_dynamics"):
            for i in self._affected("SHIFT_WHO", self.params.num_agents):
                if shift == "partner_swap":
                    self._become_stranger(i)
                if shift == "cue_remap":
                    self._remap_cues(i)
                if shift == "need_dynamics":
                    self._turn_hazards(i)

    def _affected(self, purpose: str, count: int) -> list[int]:
        num_affected = math.ceil(self.params.shift_severity * count - 1e-9)
        return permutation(self.step_key, 0, purpose, 0, count)[:num_affected]

    def _become_stranger(self, i: int) -> None:
        low, high = self.params.stranger_expressivity_low, self.params.stranger_expressivity_high
        u = draw(self.step_key, i, "STRANGER_EXPRESSIVITY", 0)
        self.hazard[i] = self._new_hazard(i, "STRANGER_HAZARD")
        self.style[i] = self._new_style(i, "STRANGER_IDIOSYNCRATIC", "STRANGER_STYLE")
        self.expressivity[i] = low + (high - low) * u

    def _remap_cues(self, i: int) -> None:
        attempt, present = 0, self.style[i]
        while self.style[i] == present:
            kinds = self.params.num_kinds
            self.style[i] = permutation(self.step_key, i, "REMAP", 64 * attempt, kinds)
            attempt += 1

    def _turn_hazards(self, i: int) -> None:
        num_kinds = self.params.num_kinds
        s = 1 + below(draw(self.step_key, i, "NEW_DOMINANT", 0), num_kinds - 1)
        present = list(self.hazard[i])
        for k in self.kinds:
            self.hazard[i][(k + s) % num_kinds] = present[k]

    def _move_station(self, k: int) -> None:
        size = self.params.grid_size
        cells = [(row, column) for row in range(size) for column in range(size)]
        free = [cell for cell in cells if cell not in self.station]
        u = draw(self.step_key, 0, "MOVE_WHERE", k)
        self.station[k] = free[below(u, size * size - self.params.num_kinds)]

    def _move(self, i: int, action: int) -> None:
        if action not in MOVES:
            return
        row, column = self.position[i]
        target = (row + MOVES[action][0], column + MOVES[action][1])
        if not self.is_on_board(*target) or target in self.position:
            return
        self.position[i] = target
        if target in self.station:
            self.carried[i] = self.station.index(target)

    def _clear_ledger(self) -> None:
        self.received = [-1 for _ in self.agents]
        self.social_act = [0 for _ in self.agents]
        self.helped = [[0 for _ in self.agents] for _ in self.agents]
        self.thanked = [[0 for _ in self.agents] for _ in self.agents]
        self.relief = [0.0 for _ in self.agents]
        self.cost = [0.0 for _ in self.agents]
        self.hurt = [0.0 for _ in self.agents]
        self.misattuned = [0 for _ in self.agents]
        self.misattuned_given = [0 for _ in self.agents]

    def _act(self, i: int, action: int) -> None:
        kind = self.carried[i]
        if action == 5 and kind >= 0:
            self.need[i][kind] = self.need[i][kind] * (1 - self.params.self_relief)
            self.carried[i] = -1
        if action == 6 and self.last_helper[i] >= 0:
            self.thanked[i][self.last_helper[i]] = 1
            self.social_act[i] = 1
        if action == 7 and self.params.offers:
            self.social_act[i] = 2
        if action > 7 and kind >= 0:
            j = self.other(i, action - 7)
            if self.distance(i, j) <= self.params.help_reach:
                self.cost[i] += self.params.help_cost
                self.social_act[i] = 3
                if (j, i) in self.refuses:
                    self.refused.add((j, i))
                else:
                    self._help(i, j, kind)

    def _help(self, i: int, j: int, kind: int) -> None:
        if self.need[j][kind] > 0:
            if self.severe[j][kind] == 1 and self.first_helper[j][kind] in (-1, i):
                self.first_helper[j][kind] = i
                self.help_left[j][kind] = self.params.severe_window + 1
            else:
                self.relief[j] += self.need[j][kind]
                self.need[j][kind] = 0.0
        else:
            self.hurt[j] += self.params.misattuned_hurt
            self.misattuned[j] += 1
            self.misattuned_given[i] += 1
        self.carried[i] = -1
        self.received[j] = kind
        self.helped[i][j] = 1
        self.last_helper[j] = i

    def _fade_first_help(self, i: int, k: int) -> None:
        if self.need[i][k] == 0:
            self.severe[i][k] = self.help_left[i][k] = 0
        self.help_left[i][k] = max(0, self.help_left[i][k] - 1)
        if self.help_left[i][k] == 0:
            self.first_helper[i][k] = -1

    def _grow_needs(self) -> None:
        p = self.params
        for i in self.agents:
            for k in self.kinds:
                if p.severe:
                    self._fade_first_help(i, k)
                if self.need[i][k] > 0:
                    self.need[i][k] = min(1.0, self.need[i][k] + p.need_growth)
                elif draw(self.step_key, i, "CRISIS", k) < self.hazard[i][k]:
                    self.need[i][k] = p.crisis_level
                    if p.severe:
                        severe = draw(self.step_key, i, "SEVERE", k) < p.severe_share
                        self.severe[i][k] = int(severe)

    def _new_cue(self, i: int) -> int:
        cue = self._involuntary_cue(i)
        if cue not in (1, 2):
            cue = {0: cue, 1: 3, 2: 4, 3: cue}[self.social_act[i]]
        return cue

    def _involuntary_cue(self, i: int) -> int:
        p, largest = self.params, max(self.need[i])
        shows_reaction = draw(self.step_key, i, "REACTION", 0) < p.p_show_reaction
        if self.relief[i] > p.relief_threshold:
            return 1 if shows_reaction else 0
        refused_help = any(j == i for j, _ in self.refused)
        if self.hurt[i] > 0 or self.misattuned[i] > 0 or refused_help:
            return 2 if shows_reaction else 0
        if draw(self.step_key, i, "FALSE_DISTRESS", 0) < p.p_false_distress:
            return 5 + below(draw(self.step_key, i, "FALSE_SYMBOL", 0), p.num_kinds)
        shows_distress = draw(self.step_key, i, "EXPRESS", 0) < self.expressivity[i]
        if largest > p.distress_threshold and shows_distress:
            return 5 + self.style[i][self.need[i].index(largest)]
        return 0

    def _drive_of(self, i: int) -> float:
        total = 0.0
        for need in self.need[i]:
            total += need * need
        return total

    def _reward(self) -> None:
        p = self.params
        own = [
            [p.drive_scale * (self.drive_before[i] - self.drive[i]) for i in self.agents],
            [-self.cost[i] for i in self.agents],
            [-self.hurt[i] for i in self.agents],
        ]
        mixed = [[np.float32(value) for value in self._mix_with_team(term)] for term in own]
        self.reward_terms = [[term[i] for term in mixed] for i in self.agents]
        self.reward = [(terms[0] + terms[1]) + terms[2] for terms in self.reward_terms]
        self.helps = [sum(self.helped[i]) for i in self.agents]
        total = 0.0
        for i in self.agents:
            total += p.drive_weight * self.drive[i] + self.cost[i] + self.hurt[i]
        self.welfare = -total / p.num_agents

    def _mix_with_team(self, own: list[float]) -> list[float]:
        share = self.params.coordination
        total = 0.0
        for value in own:
            total += value
        return [share * (total / self.params.num_agents) + (1 - share) * value for value in own]
