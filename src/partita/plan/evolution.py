"""Better schedules for one pool, by a genetic algorithm on lists of tasks with double justification.

After Hartmann (1998), whose two-point crossover keeps every list in an order that can be done, and Valls, Ballestín and
Quintanilla (2008), who justify every child; within the lists of the best it looks for windows to shuffle.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from partita.plan.pool import Finishes, PoolProblem
from partita.plan.ranks import downward_ranks, order_by, upward_ranks

TWO = os.environ.get("TWO")
PAR=float(os.environ.get("PAR","0"))
__all__ = ["Chance", "evolve"]


class Chance(Protocol):
    """A source of random numbers, as `random.Random(seed)` is one."""

    def random(self) -> float: ...


#: (makespan, tasks by their starts, finishes).
Individual = tuple[float, list[int], Finishes]


class Evolution:
    def __init__(self, problem: PoolProblem, chance: Chance, size: int = 40) -> None:
        self.problem, self.chance = problem, chance
        self.size = size
        self.people: list[Individual] = []
        self.best: Individual | None = None
        instance = problem.instance
        self.ranks = upward_ranks(instance, problem.seconds)
        self.heads = downward_ranks(instance, problem.seconds)
        self.count = 0

    def born(self, order: Sequence[int]) -> Individual:
        self.count += 1
        pr = self.problem
        if TWO:
            back = pr.place_backwards(order[::-1])
            pos = pr._positions
            fin = pr.place(sorted(range(len(back)), key=lambda t: (-back[t], pos[t])))
            sec = pr.seconds
            order, finishes = sorted(range(len(back)), key=lambda t: (fin[t] - sec[t], pos[t])), fin
        else:
            finishes = pr.place(order)
            order, finishes = pr.justify(finishes)
        made = (max(finishes), order, finishes)
        if self.best is None or made[0] < self.best[0]:
            self.best = made
        return made

    def sampled(self, noise: float) -> Individual:
        top = max(self.ranks)
        rnd = self.chance.random
        keys = [r + top * noise * rnd() for r in self.ranks]
        if rnd() < PAR:
            return self.born(self.parallel(keys))
        return self.born(order_by(self.problem.instance, keys))

    def parallel(self, keys):
        import heapq
        pr = self.problem
        succ, sec, dem, G = pr.successors, pr.seconds, pr._demands, pr._guard
        deg = [len(p) for p in pr.predecessors]
        free = pr._full
        ready = sorted((-keys[t], t) for t in range(len(deg)) if not deg[t])
        run = []
        out = []
        now = 0.0
        while True:
            rest = []
            for e in ready:
                t = e[1]
                if (free - dem[t]) & G == G:
                    free -= dem[t]
                    heapq.heappush(run, (now + sec[t], t))
                    out.append(t)
                else:
                    rest.append(e)
            ready = rest
            if not run:
                return out
            now, t = heapq.heappop(run)
            while True:
                free += dem[t]
                for s in succ[t]:
                    deg[s] -= 1
                    if not deg[s]:
                        ready.append((-keys[s], s))
                if run and run[0][0] <= now:
                    t = heapq.heappop(run)[1]
                else:
                    break
            ready.sort()

    def cross(self, mother: list[int], father: list[int]) -> list[int]:
        n = len(mother)
        rnd = self.chance.random
        a, b = int(rnd() * n), int(rnd() * n)
        if a > b:
            a, b = b, a
        taken = bytearray(n)
        for t in mother[:a]:
            taken[t] = 1
        mid = []
        want = b - a
        for t in father:
            if not taken[t]:
                mid.append(t)
                taken[t] = 1
                if len(mid) == want:
                    break
        return mother[:a] + mid + [t for t in mother if not taken[t]]

    def mutate(self, order: list[int], rate: float) -> None:
        rnd = self.chance.random
        pred = self.problem.predecessors
        for k in range(len(order) - 1):
            if rnd() < rate and order[k] not in pred[order[k + 1]]:
                order[k], order[k + 1] = order[k + 1], order[k]

    def shuffled(self, ind: Individual, width: float, noise: float) -> list[int]:
        """keys = starts, within a window noise"""
        rnd = self.chance.random
        mk, order, fin = ind
        n = len(order)
        w = max(6, int(n * width))
        a = int(rnd() * n) - w // 2
        lo, hi = max(0, a), min(n, a + w)
        pred, succ = self.problem.predecessors, self.problem.successors
        part = order[lo:hi]
        pos = {t: k for k, t in enumerate(part)}
        key = {t: pos[t] + noise * w * (rnd() - 0.5) for t in part}
        # topological sort in the window by key
        import heapq
        deg = {t: sum(p in pos for p in pred[t]) for t in part}
        h = [(key[t], t) for t in part if not deg[t]]
        heapq.heapify(h)
        out = []
        while h:
            _, t = heapq.heappop(h)
            out.append(t)
            for s in succ[t]:
                if s in deg:
                    deg[s] -= 1
                    if not deg[s]:
                        heapq.heappush(h, (key[s], s))
        return order[:lo] + out + order[hi:]


def evolve(problem, chance, clock, until, bound, size=40, noise=0.15, rate=0.03, pwin=0.3, width=0.25, wnoise=1.0):
    E = Evolution(problem, chance, size)
    E.born(order_by(problem.instance, E.ranks) if not PAR else E.parallel(E.ranks))
    eps = 1e-9 * max(1.0, bound)
    E.people = [E.best]
    while len(E.people) < size and clock() < until and E.best[0] > bound + eps:
        E.people.append(E.sampled(noise))
    E.people.sort(key=lambda x: x[0])
    rnd = chance.random
    seen = {(x[0], tuple(x[1])) for x in E.people}
    while clock() < until and E.best[0] > bound + eps:
        if rnd() < pwin:
            m = E.people[int(len(E.people) * rnd() ** 2)]
            c = E.shuffled(m, width * rnd(), wnoise * rnd())
        else:
            m = E.people[int(len(E.people) * rnd() ** 1.5)]
            f = E.people[int(len(E.people) * rnd())]
            c = E.cross(m[1], f[1])
            E.mutate(c, rate)
        x = E.born(c)
        key = (x[0], tuple(x[1]))
        if key in seen:
            continue
        if x[0] <= E.people[-1][0]:
            seen.add(key)
            E.people.pop()
            # insert
            k = 0
            while k < len(E.people) and E.people[k][0] < x[0]:
                k += 1
            E.people.insert(k, x)
    return E.best, E.count
