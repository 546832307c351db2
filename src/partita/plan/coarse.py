"""What lies ahead of a run of very many steps, in few pieces: alike steps one after the other, as one lane would do them.

Steps of one sort that lie equally deep in the graph make a class; a chain of such classes, each step of which needs one of the
class before, is a row of it. A class is cut into pieces, some for each lane that its steps may run in at once, and a piece takes
what its steps take together. Of two classes with edges between them a piece waits for the part of the other that lies beside
it, or for all of it where each step needs (nearly) all. So a play costs by the shape of the graph, and not by its size.

Where even that is too much, as in a graph that is like nothing, only what must hold is left: all the work there is, without its
order, and beside it the longest path.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from partita.core.records import Demand
from partita.plan.outlook import Ahead
from partita.plan.spreads import Guess, Spread

__all__ = ["Pieces", "Sort", "coarsened", "sigma_of"]

#: Pieces for each lane of a class at most, and of one run in all, which is kept by cutting less finely.
_PARTS, _MOST_PIECES = 32, 2000
#: Steps that are looked at between two pauses.
_PAUSE = 1000
#: From this share of all steps on that a step needs of a class, it counts as needing all.
_NEARLY_ALL = 0.9
_TENTHS = 2.563103131089201  # standard deviations between the tenth and the ninetieth percentile
_LEAST_S = 1e-9
_WIDEST = 2.0
_NONE, _SEVERAL = -1, -2


@dataclass(frozen=True, slots=True)
class Sort:
    """Steps that are alike."""

    executor: str  # empty: they need none
    demand: Demand
    priority: int
    group: str  # what their durations err together with
    mean_s: float  # of one step
    sigma: float  # standard deviation of the logarithm of its duration
    lanes: int = 1  # as many run at once at most
    others: tuple[tuple[str, float], ...] = ()  # as of `Ahead`


def sigma_of(spread: Spread) -> float:
    """The width of a distribution, as the standard deviation of a logarithm."""
    low, high = max(spread.quantile(0.1), _LEAST_S), max(spread.quantile(0.9), _LEAST_S)
    return min(max(log(high / low) / _TENTHS, 0.0), _WIDEST)


def coarsened(
    run: int,
    sorts: Sequence[Sort],
    sort_of: Sequence[int],
    edges: tuple[Sequence[int], Sequence[int]],
    running: Mapping[int, Ahead],
    shared: float,
) -> Generator[None, None, Pieces]:
    """The pieces of one run: what the generator returns. It gives None for a pause.

    Args:
        sorts: which steps name by number.
        sort_of: of each step.
        edges: positions of steps that have to end before others, and of those others. What runs waits for nothing.
        running: by position, what runs by now; it is a piece of its own.
        shared: how much of the variance of durations is that of their group, 0 to 1.
    """
    return (yield from _Coarse(run, sorts, sort_of, edges, running, shared).pieces())


class Pieces:
    """What lies ahead of one run, in few pieces."""

    def __init__(self, coarse: _Coarse) -> None:
        self._coarse = coarse
        self.steps = coarse.made

    def parts(self, first: int, at_most: int) -> Iterator[tuple[int, int, float, float] | None]:
        """(step, its piece, from which share of it to which it goes on) of steps from the first on; None for a pause.

        Of what is like nothing there are none, nor of what takes no time. Of more steps than so many some of each sort are told,
        and the first of each class in any case.
        """
        coarse = self._coarse
        if not coarse.counts or at_most <= 0:
            return
        classes, sorts, part = coarse.classes, coarse.sorts, coarse.part
        takes_time = [bool(sorts[one.sort].executor or sorts[one.sort].mean_s) for one in classes]
        count = len(coarse.class_of) - first
        share = 1.0 if count <= at_most else max(at_most - len(classes), 0) / count
        seen = [0] * len(classes)
        for step, number in enumerate(coarse.class_of):
            place = seen[number]
            seen[number] = place + 1
            if step >= first and takes_time[number] and (not place or int((place + 1) * share) > int(place * share)):
                yield step, *part(classes[number], place)
                at_most -= 1
                if not at_most:
                    return
            if step % _PAUSE == 0:
                yield None


class _Class:
    """Alike steps of one depth, or rows of them."""

    __slots__ = ("first", "head", "length", "level", "size", "sort")

    def __init__(self, sort: int, number: int) -> None:
        self.sort, self.size, self.length = sort, 0, 1
        self.first = 0  # position of its first piece
        self.head, self.level = number, 0  # the first class of its row, and how many of the row come before


class _Coarse:
    def __init__(
        self,
        run: int,
        sorts: Sequence[Sort],
        sort_of: Sequence[int],
        edges: tuple[Sequence[int], Sequence[int]],
        running: Mapping[int, Ahead],
        shared: float,
    ) -> None:
        self.run, self.sorts, self.sort_of, self.edges = run, sorts, sort_of, edges
        self.running, self.shared = running, shared
        self.class_of = [0] * len(sort_of)
        self.classes: list[_Class] = []
        self.by_depth: list[list[int]] = []  # numbers of classes
        self.links: dict[tuple[int, int], int] = {}  # edges between two classes
        self.made: list[Ahead] = []
        self.counts: list[int] = []  # pieces of each class; empty: there are none that its steps lie in
        self.longest_s = 0.0

    def pieces(self) -> Generator[None, None, Pieces]:
        yield from self._classify()
        yield from self._link()
        merged = yield from self._merge_rows()
        parts = self._parts(merged)
        if parts:
            self._cut(merged, parts)
            self._connect()
        else:
            yield from self._bound()
        return Pieces(self)

    def _classify(self) -> Iterator[None]:
        """Find the depth of each step, and with it the longest path."""
        count, (befores, behinds) = len(self.sort_of), self.edges
        # Of each step its last edge, and of each edge the one before it: a list for each step would be much to look after.
        last, earlier = [-1] * count, [-1] * len(befores)
        waiting = [0] * count
        for edge, (before, behind) in enumerate(zip(befores, behinds, strict=True)):
            waiting[behind] += 1
            earlier[edge], last[before] = last[before], edge
            if edge % _PAUSE == 0:
                yield
        depth, path_s = [0] * count, [0.0] * count
        order = [step for step in range(count) if not waiting[step]]
        known: dict[tuple[int, int], int] = {}
        for place, step in enumerate(order):
            own = -1 - step if step in self.running else self.sort_of[step]
            number = known.setdefault((own, depth[step]), len(self.classes))
            if number == len(self.classes):
                self.classes.append(_Class(self.sort_of[step], number))
                if depth[step] == len(self.by_depth):
                    self.by_depth.append([])
                self.by_depth[depth[step]].append(number)
            self.classes[number].size += 1
            self.class_of[step] = number
            end_s = path_s[step] + self.sorts[self.sort_of[step]].mean_s
            self.longest_s = max(self.longest_s, end_s)
            edge = last[step]
            while edge >= 0:
                other = behinds[edge]
                depth[other] = max(depth[other], depth[step] + 1)
                path_s[other] = max(path_s[other], end_s)
                waiting[other] -= 1
                if not waiting[other]:
                    order.append(other)
                edge = earlier[edge]
            if place % _PAUSE == 0:
                yield

    def _link(self) -> Iterator[None]:
        links, class_of = self.links, self.class_of
        for edge, (before, behind) in enumerate(zip(*self.edges, strict=True)):
            pair = (class_of[before], class_of[behind])
            links[pair] = links.get(pair, 0) + 1
            if edge % _PAUSE == 0:
                yield

    def _merge_rows(self) -> Generator[None, None, list[int]]:
        """Make one class of those that follow each other step by step; gives those that are left, by their depth."""
        # The only class before each, and the only one after; below 0: there is none, or more than one.
        before, after = [_NONE] * len(self.classes), [_NONE] * len(self.classes)
        for count, (first, second) in enumerate(self.links):
            before[second] = first if before[second] == _NONE else _SEVERAL
            after[first] = second if after[first] == _NONE else _SEVERAL
            if count % _PAUSE == 0:
                yield
        single = {self.class_of[step] for step in self.running}
        left: list[int] = []
        for count, second in enumerate(number for numbers in self.by_depth for number in numbers):
            if count % _PAUSE == 0:
                yield
            left.append(second)
            first = before[second]
            if first < 0:
                continue
            one, other = self.classes[first], self.classes[second]
            if (
                after[first] == second and one.sort == other.sort and one.size == other.size
                and self.links[first, second] == one.size and not {first, second} & single
            ):  # fmt: skip
                left.pop()
                other.head, other.level = one.head, self.classes[one.head].length
                self.classes[one.head].length += 1
        found: dict[tuple[int, int], int] = {}
        for count, ((first, second), edges) in enumerate(self.links.items()):
            pair = (self.classes[first].head, self.classes[second].head)
            if pair[0] != pair[1]:
                found[pair] = found.get(pair, 0) + edges
            if count % _PAUSE == 0:
                yield
        self.links = found
        return left

    def _count(self, one: _Class, parts: int) -> int:
        """Pieces of a class."""
        sort = self.sorts[one.sort]
        return min(one.size, parts * sort.lanes) if sort.executor else 1

    def _parts(self, merged: Sequence[int]) -> int:
        """Pieces for each lane, so that they are not too many in all; 0: they are even so."""
        parts = _PARTS if len(merged) <= _MOST_PIECES else 0
        while parts and sum(self._count(self.classes[number], parts) for number in merged) > _MOST_PIECES:
            parts //= 2
        return parts

    def _cut(self, merged: Sequence[int], parts: int) -> None:
        own = {self.class_of[step]: piece for step, piece in self.running.items()}
        self.counts = [0] * len(self.classes)
        for number in merged:
            one = self.classes[number]
            one.first = len(self.made)
            count = self.counts[number] = self._count(one, parts)
            if number in own:
                self.made.append(own[number])
                continue
            for piece in range(count):
                members = one.size * (piece + 1) // count - one.size * piece // count
                # What needs no executor goes on at once, however many there are.
                self._add(one.sort, one.length * (members if self.sorts[one.sort].executor else 1))
        self._rank(merged)

    def part(self, level: _Class, place: int) -> tuple[int, float, float]:
        """Where in the pieces of its row the step in this place of a class lies."""
        row = self.classes[level.head]
        pieces, size, length = self.counts[level.head], row.size, row.length
        if pieces == size or not self.sorts[row.sort].executor:
            # Each chain of the row is a piece of its own; or all of them go on at once.
            piece = place if pieces == size else 0
            return row.first + piece, level.level / length, (level.level + 1) / length
        # What has most behind it goes first: a class before the next one of its row.
        count, number = size * length, level.level * size + place
        piece = ((number + 1) * pieces - 1) // count
        first, end = count * piece // pieces, count * (piece + 1) // pieces
        return row.first + piece, (number - first) / (end - first), (number - first + 1) / (end - first)

    def _add(self, sort: int, times: int) -> None:
        told = self.sorts[sort]
        spread, shared = _sum(told.mean_s, told.sigma, times, self.shared)
        self.made.append(
            Ahead(
                self.run, told.executor, told.demand, told.priority, 0.0, told.mean_s * times, spread, told.group,
                others=told.others, shared=shared,
            )
        )  # fmt: skip

    def _rank(self, merged: Sequence[int]) -> None:
        """How much lies behind the steps of each class, by their means."""
        after: dict[int, list[int]] = {}
        for first, second in self.links:
            after.setdefault(first, []).append(second)
        ranks: dict[int, float] = {}
        for number in reversed(merged):  # a class needs only what lies less deep
            one = self.classes[number]
            behind = max((ranks[other] for other in after.get(number, ())), default=0.0)
            ranks[number] = behind + self.sorts[one.sort].mean_s * one.length
            for piece in range(one.first, one.first + self.counts[number]):
                self.made[piece].rank_s = ranks[number]

    def _connect(self) -> None:
        for (first, second), edges in self.links.items():
            one, other = self.classes[first], self.classes[second]
            ours, theirs = self.counts[first], self.counts[second]
            needed = edges / other.size
            if needed >= _NEARLY_ALL * one.size:
                self._all_before_all(range(one.first, one.first + ours), range(other.first, other.first + theirs))
                continue
            wider = max(needed - max(one.size / other.size, 1.0), 0.0) / 2.0  # than the part that lies beside
            for piece in range(theirs):
                low = (piece / theirs) * one.size - wider
                high = ((piece + 1) / theirs) * one.size + wider
                begin = max(math.floor(low * ours / one.size + 1e-9), 0)
                end = min(math.ceil(high * ours / one.size - 1e-9), ours)
                for place in range(begin, max(end, begin + 1)):
                    self._edge(one.first + place, other.first + piece)

    def _all_before_all(self, firsts: range, seconds: range) -> None:
        if len(firsts) > 1 and len(seconds) > 1:  # one in between, instead of an edge for each pair
            self.made.append(Ahead(self.run, "", Demand(), 0, 0.0, 0.0, Guess(0.0, 0.0), ""))
            middle = len(self.made) - 1
            self._all_before_all(firsts, range(middle, middle + 1))
            firsts = range(middle, middle + 1)
        for first in firsts:
            for second in seconds:
                self._edge(first, second)

    def _edge(self, first: int, second: int) -> None:
        self.made[first].behind.append(second)
        self.made[second].waits_for += 1

    def _bound(self) -> Iterator[None]:
        """The work of each sort, in pieces that wait for nothing; and the longest path."""
        sizes: dict[int, int] = {}
        for step, sort in enumerate(self.sort_of):
            if step not in self.running:
                sizes[sort] = sizes.get(sort, 0) + 1
            if step % _PAUSE == 0:
                yield
        self.made.extend(self.running.values())
        for sort, size in sizes.items():
            if self.sorts[sort].executor:
                count = min(size, _PARTS * self.sorts[sort].lanes, max(_MOST_PIECES // len(sizes), 1))
                for piece in range(count):
                    self._add(sort, size * (piece + 1) // count - size * piece // count)
        sigma = max((self.sorts[sort].sigma for sort in sizes), default=0.0) * sqrt(self.shared)
        self.made.append(
            Ahead(self.run, "", Demand(), 0, 0.0, self.longest_s, Guess(self.longest_s, sigma), "longest path")
        )  # fmt: skip


def _sum(mean_s: float, sigma: float, times: int, shared: float) -> tuple[Guess, float]:
    """What so many steps take one after the other, and how much of its variance is then that of their group.

    What each has by itself evens out, as their number grows (Fenton, 1960); what they have in common does not.
    """
    if times == 1 or not mean_s:
        return Guess(mean_s * exp(-sigma * sigma / 2.0), sigma), shared
    common, own = sigma * sigma * shared, sigma * sigma * (1.0 - shared)
    left = log(1.0 + (exp(own) - 1.0) / times)
    total = common + left
    return Guess(times * mean_s * exp(-total / 2.0), sqrt(total)), common / total if total else shared
