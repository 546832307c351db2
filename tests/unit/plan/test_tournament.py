"""Tournaments: the best, and the best that passes, as if everybody were looked at; but few are."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from partita.plan.tournament import NOBODY, Asked, Gate, Standing, Tournament


class Player:
    """Offers one thing at a time, which asks for so much and takes so long."""

    def __init__(self, cpu: float, memory: float) -> None:
        self.place = -1
        self.rank, self.seconds, self.shortest_s = 0.0, 0.0, 0.0
        self.offers = False
        self.least: Asked = (("cpu", cpu), ("memory", memory)) if memory else (("cpu", cpu),)
        self.above: Tournament

    def standing(self) -> Standing:
        return (0.0, self.rank, self.place) if self.offers else NOBODY

    def standing_of(self, leaf: Any) -> Standing:
        return self.standing()

    def find(self, gate: Gate) -> Player | None:
        return self if gate.passes(self) else None


class Room:
    def __init__(self, cpu: float, memory: float, seconds: float) -> None:
        self.free, self.seconds, self.looks = {"cpu": cpu, "memory": memory}, seconds, 0

    def may_pass(self, least: Asked, shortest_s: float) -> bool:
        self.looks += 1
        return all(self.free[name] >= amount for name, amount in least) and shortest_s <= self.seconds

    def passes(self, line: Player) -> bool:
        line.shortest_s = line.seconds
        return line.seconds <= self.seconds and all(self.free[name] >= amount for name, amount in line.least)


AMOUNTS, RANKS = st.integers(1, 6), st.integers(0, 1000)


@settings(deadline=None)
@given(st.data())
def test_the_best_that_passes_is_found_whatever_has_changed(data: st.DataObject) -> None:
    """Players come, go, offer and stop to, in two levels of tournaments, as had by the upper."""
    top = Tournament()
    groups = [Tournament(top) for _ in range(data.draw(st.integers(1, 3)))]
    players: list[Player] = []
    for _ in range(data.draw(st.integers(1, 60))):
        what = data.draw(
            st.sampled_from(["come", "come", "change", "change", "stop", "go", "charge", "search", "search"])
        )
        player = data.draw(st.sampled_from(players)) if players else None
        if what == "come" or player is None:
            player = Player(data.draw(AMOUNTS), data.draw(st.sampled_from([0, 1, 5])))
            player.above = data.draw(st.sampled_from(groups))
            player.above.enter(player)
            players.append(player)
        elif what == "change":
            player.offers, player.rank, player.seconds = True, data.draw(RANKS), data.draw(AMOUNTS)
            player.shortest_s = 0.0
            player.above.stand(player)
            player.above.forget(player)
        elif what == "stop":
            player.offers = False
            player.above.stand(player)
        elif what == "go":
            player.above.leave(player)
            players.remove(player)
        elif what == "charge":
            player.above.had += data.draw(AMOUNTS)
            top.stand(player.above)
        room = Room(data.draw(AMOUNTS), data.draw(AMOUNTS), data.draw(AMOUNTS))
        found = top.find(room)
        passing = [each for each in players if each.offers and room.passes(each)]
        best = min(passing, key=lambda each: (each.above.had, each.above.place, each.rank, each.place), default=None)
        assert found is best
        first = top.best()
        assert (first is None) == (not any(each.offers for each in players))


def test_few_of_hundreds_are_looked_at() -> None:
    tournament = Tournament()
    for number in range(400):
        player = Player(1 + number % 7, 1 + number / 400)
        player.offers, player.rank, player.seconds = True, float(number * 37 % 400), 5.0 + number % 11
        tournament.enter(player)
    nobody = Room(8.0, 0.5, 100.0)
    assert tournament.find(nobody) is None and nobody.looks < 40
    tournament.find(Room(8.0, 8.0, 4.0))  # all would take too long, as is known from here on
    short = Room(8.0, 8.0, 4.0)
    assert tournament.find(short) is None and short.looks < 10
    some = Room(2.0, 8.0, 100.0)
    found = tournament.find(some)
    assert found is not None and found.least[0][1] <= 2 and some.looks < 80
