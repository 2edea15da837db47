"""The people of one reference world, in plain Python, from docs/rules.md alone.

`People` is what they think of the AI; `Choices` what they do.
"""

from __future__ import annotations

import math

from reference_draws import below, draw, fold
from reference_world import MOVES, World

from empathy_loop.envs.person import PersonParams


def sigmoid(x: float) -> float:
    """Return the logistic function."""
    return 1 / (1 + math.exp(-x))


class People:
    """What persons think of the AI of a world; attributes bear the names of `PeopleState`."""

    def __init__(self, world: World, people: dict[int, PersonParams], learned: set[int]) -> None:
        self.world = world
        self.people = people
        self.learned = learned
        self.ais = [i for i in world.agents if i not in people]
        self.begin()

    def begin(self) -> None:
        """Begin an episode at the world's step."""
        agents, key = self.world.agents, fold(self.world.key, self.world.step_count)
        for name in ("trust", "ignored", "thanks_due", "offered", "cooperates", "answered"):
            setattr(self, name, [[0 for _ in agents] for _ in agents])
        self.willingness = [0.0 for _ in agents]
        self.asked = [0 for _ in agents]
        for h, p in self.people.items():
            is_unwilling = draw(key, h, "UNWILLING", 0) < p.p_unwilling
            self.willingness[h] = 0.0 if is_unwilling else p.willingness_start
            self.trust[h] = [1.0 if i in self.people else p.trust_start for i in agents]
            self.cooperates[h] = [int(draw(key, h, "ROUND", i) < p.p_first) for i in agents]

    def look_ahead(self) -> None:
        """Say whose help is refused in the coming step, and who has a chance to help."""
        w, key = self.world, fold(self.world.key, self.world.step_count)
        w.refuses, self.chance = set(), set()
        for h, p in self.people.items():
            for i in self.ais:
                x = p.acceptance_slope * (self.trust[h][i] - p.acceptance_barrier)
                if h not in self.learned and not draw(key, h, "REFUSE", i) < sigmoid(x):
                    w.refuses.add((h, i))
                near = self.sees(i, h) and w.distance(i, h) <= w.params.help_reach
                holds_it = w.carried[i] >= 0 and w.need[h][w.carried[i]] > 0
                if w.cue[h] >= 5 and near and holds_it:
                    self.chance.add((h, i))

    def weight(self, h: int, j: int) -> float:
        """Return the weight of j's need in the eyes of person h."""
        p = self.people[h]
        if j in self.people:
            change = self.willingness[h] - p.willingness_start
            return min(1.0, max(0.0, p.willingness_people + p.spillover * change))
        owed = sigmoid(p.help_slope * (self.trust[h][j] - p.help_midpoint))
        if p.rounds:
            owed = self.cooperates[h][j]
        return self.willingness[h] * (1 - p.exploitation) * owed

    def look_back(self) -> None:
        """Learn from the step just done."""
        for h in self.people:
            for i in self.ais:
                self._learn(h, i)
            for g in self.people:
                for i in self.ais:
                    if g != h and self.sees(h, g) and self.sees(h, i) and self.relieves(g, i):
                        gain = self.people[h].willingness_gain
                        self.willingness[h] += gain * (1 - self.willingness[h])
            self._end_round(h)

    def sees(self, h: int, i: int) -> bool:
        """Return whether one agent is within the other's view."""
        (row_h, column_h), (row_i, column_i) = self.world.position[h], self.world.position[i]
        return max(abs(row_h - row_i), abs(column_h - column_i)) <= self.world.params.view_radius

    def relieves(self, i: int, j: int) -> bool:
        """Return whether i has just helped j, and not misattuned."""
        return self.world.helped[i][j] == 1 and self.world.misattuned_given[i] == 0

    def _learn(self, h: int, i: int) -> None:
        w, p, t = self.world, self.people[h], self.trust[h][i]
        t += p.trust_drift * (p.trust_start - t)
        if self.relieves(i, h):
            t += p.trust_gain * (1 - t)
            self.answered[h][i] = 1
            self.offered[h][i] = 0
        elif w.helped[i][h] == 1:
            t -= p.trust_loss * t
        tried = w.helped[i][h] == 1 or (h, i) in w.refused
        if tried or max(w.need[h]) == 0:
            self.ignored[h][i] = 0
        elif (h, i) in self.chance:
            self.ignored[h][i] += 1
        if self.ignored[h][i] >= p.ignored_after:
            t -= p.trust_loss_ignored * t
            self.ignored[h][i] = 0
        if self.thanks_due[h][i] > 0:
            if w.thanked[i][h] == 1:
                t += p.trust_gain_thanked * (1 - t)
                self.thanks_due[h][i] = 0
            else:
                self.thanks_due[h][i] -= 1
                if self.thanks_due[h][i] == 0:
                    t -= p.trust_loss_unthanked * t
        if self.relieves(h, i):
            self.thanks_due[h][i] = p.thanks_within
        if self.sees(h, i):
            others = [j for j in self.people if j != h and self.sees(h, j)]
            if any(self.relieves(i, j) for j in others):
                t += p.trust_gain_observed * (1 - t)
            if w.social_act[i] == 2 and self.offered[h][i] == 0:
                t += p.trust_gain_offered * (1 - t)
                self.offered[h][i] = 1
        self.trust[h][i] = t

    def _end_round(self, h: int) -> None:
        p, key = self.people[h], fold(self.world.key, self.world.step_count)
        if self.world.relief[h] > 0:
            self.asked[h] = 0
        elif self.world.cue[h] >= 5:
            self.asked[h] = 1
        if self.world.step_count % p.round_steps != 0:
            return
        for i in self.ais:
            if self.asked[h] == 1 or self.answered[h][i] == 1:
                moves = (self.cooperates[h][i], self.answered[h][i])
                chances = {(1, 1): p.p_cc, (1, 0): p.p_cd, (0, 1): p.p_dc, (0, 0): p.p_dd}
                self.cooperates[h][i] = int(draw(key, h, "ROUND", i) < chances[moves])
            self.answered[h][i] = 0
        self.asked[h] = 0


def stopped_helps(
    world: World, people: dict[int, PersonParams], ai_to_people: float, people_to_ai: float
) -> set[tuple[int, int]]:
    """Return the pairs (i, j) where a dose stops the help of i for j in the coming step."""
    key, found = fold(world.key, world.step_count // 32), set()
    for i in world.agents:
        dose = people_to_ai if i in people else ai_to_people
        if not draw(key, i, "DOSE", 0) < dose:
            found |= {(i, j) for j in world.agents if (i in people) != (j in people)}
    return found


def obeyed(world: World, actions: list[int], stopped: set[tuple[int, int]]) -> list[int]:
    """Return what comes of the actions that were asked for, where helps are stopped."""
    is_stopped = [a > 7 and (i, world.other(i, a - 7)) in stopped for i, a in enumerate(actions)]
    return [0 if no else a for no, a in zip(is_stopped, actions, strict=True)]


class Choices:
    """What persons believe of others' needs, and what they choose to do."""

    def __init__(self, people: People) -> None:
        self.people, self.world = people, people.world
        self.begin()

    def begin(self) -> None:
        """Forget everything, at the beginning of an episode."""
        pairs = [(h, j) for h in self.people.people for j in self.world.agents]
        self.belief = {pair: [0.0 for _ in self.world.kinds] for pair in pairs}
        self.wait = {pair: [0 for _ in self.world.kinds] for pair in pairs}

    def choose(self, h: int, stopped: set[tuple[int, int]]) -> int:
        """Look around, and return what person h does in the coming step."""
        w = self.world
        for j in w.agents:
            self._look(h, j)
        key = fold(w.key, w.step_count)
        action = self._act(h, key, self._plan(h, stopped))
        if w.relief[h] > 0 and draw(key, h, "THANKS", 0) < self.people.trust[h][w.last_helper[h]]:
            return 6
        if w.params.offers and action > 7 and w.last_action[h] != 7:
            return 7
        return action

    def _look(self, h: int, j: int) -> None:
        w, belief, wait = self.world, self.belief[h, j], self.wait[h, j]
        for k in w.kinds:
            belief[k] *= 0.9
            if self.people.sees(h, j):
                if w.received[j] == k:
                    belief[k] = 0.0
                elif w.params.show_cues and w.cue[j] == 5 + k:
                    belief[k] = 0.8
            wait[k] = max(0, wait[k] - 1)
            if w.params.severe and w.helped[h][j] == 1 and w.received[j] == k:
                wait[k] = w.params.severe_window + 1

    def _plan(self, h: int, stopped: set[tuple[int, int]]) -> tuple[int, int] | None:
        """Return whom to give which kind, d = 0 for oneself; None if nothing is worth it."""
        w, p = self.world, self.world.params
        plans: list[tuple[float, tuple[int, int] | None]] = [(0.0, None)]
        for k in w.kinds:
            station, holds_it = w.station[k], w.carried[h] == k
            fetch = 0 if holds_it else l1(w.position[h], station) or 2
            need = w.need[h][k]
            left = (1 - p.self_relief) * need
            plans.append((p.drive_scale * (need * need - left * left) / (fetch + 1), (0, k)))
            for d in range(1, p.num_agents):
                j = w.other(h, d)
                b = self.belief[h, j][k]
                if b > 0 and self.wait[h, j][k] == 0:
                    start = w.position[h] if holds_it else station
                    bring = max(0, l1(start, w.position[j]) - p.help_reach)
                    weight = 0.0 if (h, j) in stopped else self.people.weight(h, j)
                    worth = weight * (p.drive_scale * b * b) - p.help_cost
                    worth -= p.misattuned_hurt * max(0.0, 1 - b / 0.7)
                    plans.append((worth / (fetch + bring + 1), (d, k)))
        # Of several that are as good, max returns the first.
        return max(plans, key=lambda plan: plan[0])[1]

    def _act(self, h: int, key: int, plan: tuple[int, int] | None) -> int:
        w = self.world
        if plan is None:
            return 0
        d, k = plan
        if w.carried[h] == k:
            if d == 0:
                return 5
            if w.distance(h, w.other(h, d)) <= w.params.help_reach:
                return 7 + d
        if draw(key, h, "JAM", 0) < 0.15:
            return self._any_move(h, below(draw(key, h, "JAM", 1), 4))
        goal = w.position[w.other(h, d)] if w.carried[h] == k else w.station[k]
        rows, columns = goal[0] - w.position[h][0], goal[1] - w.position[h][1]
        if (rows, columns) == (0, 0):
            return self._any_move(h, 0)
        ways = [(abs(rows), 2 if rows > 0 else 1), (abs(columns), 4 if columns > 0 else 3)]
        longest_first = sorted(ways, key=lambda way: -way[0])
        moves = [move for length, move in longest_first if length > 0]
        return next((move for move in moves if self._is_free(h, move)), 0)

    def _any_move(self, h: int, first: int) -> int:
        moves = [1 + (first + n) % 4 for n in range(4)]
        return next((move for move in moves if self._is_free(h, move)), 0)

    def _is_free(self, h: int, move: int) -> bool:
        row, column = self.world.position[h]
        cell = (row + MOVES[move][0], column + MOVES[move][1])
        return self.world.is_on_board(*cell) and cell not in self.world.position


def l1(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Return the L1 distance of two cells."""
    return abs(one[0] - other[0]) + abs(one[1] - other[1])
