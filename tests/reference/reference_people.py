"""The people of one reference world, in plain Python, from docs/rules.md alone."""

from __future__ import annotations

import math

from reference_draws import draw, fold
from reference_world import World

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
