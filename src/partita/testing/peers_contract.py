"""The laws of `partita.store.peers.Peers` as tests, to be run over every store that several engines share.

class TestMyStoreIsShared(PeersContract):
    @pytest.fixture
    def make_store(self, tmp_path):
        return lambda: MyStore(tmp_path / "rows")
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable

import pytest

from partita.core.states import State
from partita.errors import FencedError, StaleMoveError, StoreError
from partita.store.peers import ENGINES, EVENTS, MESSAGES, SLOTS, Peers
from partita.store.port import EventRow, RunUpdate, Store, Turn
from partita.testing.model_store_contract import a_move, a_version
from partita.testing.store_rows import NOW, a_run, a_step

__all__ = ["PeersContract"]

MakeStore = Callable[[], Store]
_BRIEF_S = 0.3


class Engine:
    """A store with a lease, as an engine at a place of its own has it."""

    def __init__(self, store: Store, name: str, lease_s: float = 60.0, works: bool = True) -> None:
        self.store = store
        self.id = store.acquire(f"host:{name}", place=name, lease_s=lease_s, works=works)
        peers = store.peers()
        assert peers is not None, "this store has one engine at a time"
        self.peers: Peers = peers
        self.peers.news()

    def launch(self, number: int) -> None:
        self.store.commit(Turn(runs=[a_run(number)], steps=[a_step(0, run=number)]))

    def owned(self) -> list[int]:
        return [row.number for row in self.store.owned_runs()]

    def heard(self, timeout_s: float = 10.0) -> set[str]:
        """What there is news of, waited for."""
        until = time.monotonic() + timeout_s
        while not (found := self.peers.news()):
            wire, left_s = self.peers.wire(), until - time.monotonic()
            assert left_s > 0, "there is no news"
            select.select([wire] if wire is not None else [], [], [], min(left_s, 0.2))
        return found


MakeEngine = Callable[..., Engine]


def _refusal(write: Callable[[], object]) -> str:
    """With what an engine is fenced; its connection may have been ended first, and it tries again as an engine does."""
    for _ in range(3):
        try:
            write()
        except FencedError as error:
            return str(error)
        except StoreError:
            continue
        raise AssertionError("it was written")
    raise AssertionError("it was not fenced")


class PeersContract:
    """Subclass it, and give a `make_store` fixture."""

    @pytest.fixture
    def make_store(self) -> MakeStore:
        """Opens the same rows at each call."""
        raise NotImplementedError("give a fixture `make_store`")

    @pytest.fixture
    def engine(self, make_store: MakeStore) -> MakeEngine:
        return lambda name, lease_s=60.0, works=True: Engine(make_store(), name, lease_s, works)

    # Law 1: a run has one engine.

    def test_engines_at_several_places_write_runs_of_their_own(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        one.launch(1)
        two.launch(2)
        one.store.commit(Turn(steps=[a_step(1)]))
        assert (one.owned(), two.owned()) == ([1], [2])
        assert [row.number for row in one.store.unfinished_runs()] == [1, 2]
        assert [peer.id for peer in one.peers.others()] == [two.id] and one.peers.others()[0].owner == "host:two"

    def test_an_engine_that_is_up_keeps_its_runs(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        one.launch(1)
        assert two.peers.take_over() == 0 and one.owned() == [1]

    def test_runs_of_an_engine_that_ended_are_taken_at_once(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        one.launch(1)
        one.store.release()
        assert two.peers.others() == [] and two.peers.take_over() == 1
        assert two.owned() == [1] and two.peers.take_over() == 0

    def test_one_that_works_on_no_runs_takes_none(self, engine: MakeEngine) -> None:
        one = engine("one")
        one.launch(1)
        one.store.release()
        relay = engine("relay", works=False)
        assert relay.owned() == []
        two = engine("two")
        assert two.owned() == [1]
        assert [(peer.id, peer.works) for peer in relay.peers.others()] == [(two.id, True)]
        assert [(peer.id, peer.works) for peer in two.peers.others()] == [(relay.id, False)]
        owner = relay.peers.owner_of(1)
        assert owner is not None and owner.works

    def test_runs_that_nobody_took_go_to_the_next_engine(self, engine: MakeEngine) -> None:
        one = engine("one")
        one.launch(1)
        one.store.release()
        assert engine("two").owned() == [1]

    def test_only_unfinished_runs_move(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        one.launch(1)
        one.launch(2)
        one.store.commit(Turn(run_updates=[RunUpdate(State.SUCCEEDED, NOW, NOW, None, None, 1)]))
        one.store.release()
        assert two.peers.take_over() == 1 and two.owned() == [2]

    def test_of_many_that_take_over_at_once_one_gets_a_run(self, engine: MakeEngine) -> None:
        takers = [engine(f"taker {number}") for number in range(4)]
        ending = [engine(f"ending {number}") for number in range(1, 9)]
        for number, one in enumerate(ending, 1):
            one.launch(number)
        for one in ending:
            one.store.release()
        moved: list[int] = []
        threads = [threading.Thread(target=lambda e=taker: moved.append(e.peers.take_over())) for taker in takers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(moved) == 8
        assert sorted(run for taker in takers for run in taker.owned()) == list(range(1, 9))

    def test_the_engine_of_a_run_is_known(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        one.launch(1)
        owner = two.peers.owner_of(1)
        assert owner is not None and (owner.id, owner.owner) == (one.id, "host:one") and 50 < owner.left_s <= 60
        one.store.release()
        owner = two.peers.owner_of(1)
        assert owner is not None and owner.left_s == 0 and two.peers.owner_of(2) is None

    # Law 2: who lost the lease writes nothing.

    def test_who_was_silent_for_longer_than_the_lease_is_fenced(self, engine: MakeEngine) -> None:
        one, two = engine("one", _BRIEF_S), engine("two")
        one.launch(1)
        time.sleep(_BRIEF_S + 0.1)
        assert two.peers.others()[0].left_s <= 0 and two.peers.take_over() == 1
        for write in (
            lambda: one.store.commit(Turn(steps=[a_step(1)])),
            lambda: one.store.delete_run(1),
            one.peers.renew,
            one.peers.take_over,
        ):
            assert "engine_lease" in _refusal(write)
        assert [step.id for step in two.store.steps(1)] == [0]
        two.store.commit(Turn(steps=[a_step(1)]))

    def test_who_acquires_at_the_same_place_takes_the_lease_at_once(self, engine: MakeEngine) -> None:
        one = engine("one")
        one.launch(1)
        again = engine("one")
        assert again.id > one.id and again.owned() == [1]
        with pytest.raises(FencedError):
            one.launch(2)

    # Law 3: turns and `renew` keep the lease.

    @pytest.mark.parametrize("way", ["turns", "renew"])
    def test_a_lease_that_is_renewed_is_not_taken(self, engine: MakeEngine, way: str) -> None:
        one, two = engine("one", 2 * _BRIEF_S), engine("two")
        one.launch(1)
        for number in range(1, 5):
            time.sleep(_BRIEF_S)
            before_s = time.monotonic()
            if way == "turns":
                one.store.commit(Turn(steps=[a_step(number)]))
            else:
                one.peers.renew()
            assert one.peers.renewed_at_s >= before_s
            assert two.peers.take_over() == 0
        assert one.owned() == [1]

    # Law 4: messages and claims.

    def test_a_message_is_received_once_and_answered(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        first, second = one.peers.send(two.id, b"\x00one"), one.peers.send(two.id, b"two")
        assert one.peers.receive() == []
        asked = two.peers.receive()
        assert [(m.number, m.sender, m.reply_to, m.body) for m in asked] == [
            (first, one.id, 0, b"\x00one"), (second, one.id, 0, b"two"),
        ]  # fmt: skip
        assert two.peers.receive() == []
        two.peers.send(one.id, b"yes", first)
        assert [(m.sender, m.reply_to, m.body) for m in one.peers.receive()] == [(two.id, first, b"yes")]

    def test_what_is_claimed_has_one_engine_until_it_ends(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        assert one.peers.claim("x") == two.peers.claim("x") == one.peers.claim("x") == one.id
        assert two.peers.claim("y") == two.id
        one.store.release()
        assert two.peers.claim("x") == two.id

    def test_an_event_is_taken_once(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        one.store.commit(Turn(events=[EventRow(7, 0, "paid", None, "id", b"data", "", NOW, None)]))
        assert two.peers.claim_event(7, 1, 3) and not one.peers.claim_event(7, 2, 3)
        assert two.peers.event_of(1, 3) == (7, b"data") and two.peers.event_of(2, 3) is None
        assert two.store.pending_events(0) == []

    def test_engines_never_have_more_of_a_limit_than_there_is(self, engine: MakeEngine) -> None:
        one, two = engine("one"), engine("two")
        assert one.peers.take_slots("licence", 2, 3) == 2
        two.peers.news()
        assert two.peers.take_slots("licence", 2, 3) == 0 and two.peers.take_slots("licence", 1, 3) == 1
        heard: set[str] = set()
        while SLOTS not in heard:  # that the other one wants more
            heard |= one.heard()
        assert one.peers.take_slots("licence", 3, 3) == 2 and one.peers.take_slots("other", 3, 3) == 3
        one.peers.give_slots("licence", 1)
        one.peers.give_slots("licence", 5)  # more than it has
        assert two.peers.take_slots("licence", 3, 3) == 1 and two.peers.take_slots("licence", 2, 3) == 2
        one.store.release()
        assert two.peers.take_slots("licence", 3, 3) == 3

    def test_of_two_that_move_an_alias_at_once_one_does(self, engine: MakeEngine) -> None:
        engines = [engine("one"), engine("two")]
        versions = [a_version("churn", number) for number in range(1, 4)]
        engines[0].store.commit(Turn(versions=versions))
        told: list[int] = []

        def move(one: Engine, id: int, before: int, barrier: threading.Barrier) -> None:
            barrier.wait(60)
            try:
                one.store.commit(Turn(moves=[a_move(id, before=before, after=before % 3 + 1)]))
            except StaleMoveError as error:
                told.append(error.move)

        for number in range(40):
            barrier = threading.Barrier(2)
            threads = [
                threading.Thread(target=move, args=(one, 2 * number + place, number and (number - 1) % 3 + 1, barrier))
                for place, one in enumerate(engines)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert len(told) == number + 1
        made = engines[1].store.moves("churn")
        assert sorted([*told, *(row.id for row in made)]) == list(range(80))
        assert [row.after for row in made[::-1]] == [(number % 3) + 1 for number in range(40)]

    def test_a_version_is_not_forgotten_while_another_gives_it_an_alias(self, engine: MakeEngine) -> None:
        engines = [engine("one"), engine("two")]
        for number in range(1, 21):
            engines[0].store.commit(Turn(versions=[a_version("churn", number)]))
            turns = [
                Turn(moves=[a_move(number, alias=f"a{number}", after=number)]),
                Turn(unversioned=[("churn", number)]),
            ]
            refused: list[Turn] = []
            barrier = threading.Barrier(2)

            def commit(
                one: Engine, turn: Turn, barrier: threading.Barrier = barrier, told: list[Turn] = refused
            ) -> None:
                barrier.wait(60)
                try:
                    one.store.commit(turn)
                except StaleMoveError:
                    told.append(turn)

            threads = [threading.Thread(target=commit, args=pair) for pair in zip(engines, turns, strict=True)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            store = engines[1].store
            assert len(refused) == 1
            assert (store.model_version("churn", number) is None) == (refused[0] is turns[0])
            assert any(row.number == number for row in store.aliases("churn")) == (refused[0] is turns[1])

    # Law 5: news.

    def test_news_arrives(self, engine: MakeEngine) -> None:
        one = engine("one")
        two = engine("two")
        assert ENGINES in one.heard()
        two.peers.send(one.id, b"")
        assert one.heard() == {MESSAGES}
        two.peers.tell(EVENTS)
        assert one.heard() == {EVENTS}
        two.store.release()
        assert one.heard() == {ENGINES}
        assert one.peers.news() == set()

    def test_a_message_is_news_to_who_gets_it_alone(self, engine: MakeEngine) -> None:
        one, two, three = engine("one"), engine("two"), engine("three")
        for other in (one, two):
            other.heard()
        one.peers.send(two.id, b"")
        one.peers.tell(EVENTS)  # comes after it
        assert three.heard() == {EVENTS}
        heard = two.heard()
        while EVENTS not in heard:
            heard |= two.heard()
        assert heard == {MESSAGES, EVENTS}

    # The key

    def test_another_key_is_refused(self, make_store: MakeStore) -> None:
        make_store().acquire("host:1", place="one", key="a")
        make_store().acquire("host:2", place="two", key="a")
        with pytest.raises(StoreError, match=r"another key.*copy the file"):
            make_store().acquire("host:3", place="three", key="b")
