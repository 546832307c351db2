"""What follows from what is heard of workers."""

from __future__ import annotations

import pytest

from partita.executors.kubernetes.facts import Created, Fact, Heard, Hindered, Listed, Removed, Said, Server, Vanished
from partita.executors.kubernetes.fates import LONG, NO_WAIT, SHORT, Fate, PodState, Trouble
from partita.executors.kubernetes.sessions import LEAST_GRACE_S, Removal, Sessions
from partita.executors.remote.port import GONE, PENDING, UP, News

S = "0123456789abcdef"
ROOM = Trouble("room", "no node has room", LONG)
IMAGE = Trouble("image", "no such image", SHORT)
REMOVED = Removal(S, LEAST_GRACE_S)


def pod(fate: Fate, uid: str = "u1", *, leaving: bool = False, reads_as: str = "", session: str = S) -> PodState:
    return PodState(session, uid, f"partita-{session}-x", fate, leaving, 30.0 if leaving else 0.0, reads_as)


RUNNING, WAITING, DONE = Fate(UP), Fate(PENDING), Fate(GONE, "ended", "", 0)


class World:
    """Sessions with a clock that one sets."""

    def __init__(self) -> None:
        self.sessions = Sessions(pending_timeout_s=600, start_timeout_s=120)
        self.now = 0.0

    def __call__(self, *facts: Fact) -> list[News]:
        for fact in facts:
            self.sessions.hear(fact, self.now)
        self.sessions.due(self.now)
        return self.sessions.take_news()

    def after(self, seconds: float) -> list[News]:
        self.now += seconds
        return self()

    @property
    def removals(self) -> list[Removal]:
        return self.sessions.take_removals()


@pytest.fixture
def world() -> World:
    made = World()
    made.sessions.start(S)
    return made


def test_a_worker_that_ends_by_itself(world: World) -> None:
    assert world(Created(S)) == [News(S, PENDING)]
    assert world(Heard(pod(WAITING))) == []
    assert world(Heard(pod(RUNNING)), Heard(pod(RUNNING))) == [News(S, UP)]
    assert world(Heard(pod(DONE))) == [News(S, GONE, "ended", "", 0)]
    assert world.removals == [REMOVED]
    assert world(Heard(pod(DONE)), Vanished(pod(DONE)), Removed((S,))) == [] and not world.sessions


def test_what_may_pass_is_pending_until_its_time_is_over(world: World) -> None:
    world(Created(S))
    assert world(Heard(pod(Fate(PENDING, trouble=ROOM)))) == [News(S, PENDING, "", "no node has room")]
    assert world.after(599) == []
    (gone,) = world.after(1)
    assert (gone.what, gone.reason) == (GONE, "refused") and "no node has room" in gone.detail and "10m" in gone.detail
    assert world.removals == [Removal(S, 0.0)]  # it never ran


def test_another_trouble_has_time_of_its_own(world: World) -> None:
    world(Created(S), Heard(pod(Fate(PENDING, trouble=ROOM))))
    world.after(500)
    assert [news.detail for news in world(Heard(pod(Fate(PENDING, trouble=IMAGE))))] == ["no such image"]
    world.after(60)
    backing_off = Trouble("image", "still no such image", SHORT)
    assert [news.detail for news in world(Heard(pod(Fate(PENDING, trouble=backing_off))))] == ["still no such image"]
    assert [news.what for news in world.after(60)] == [GONE]


def test_a_trouble_that_has_passed_counts_no_longer(world: World) -> None:
    world(Created(S), Heard(pod(Fate(PENDING, trouble=ROOM))))
    assert world(Heard(pod(WAITING))) == [News(S, PENDING)]
    assert world.after(10_000) == []
    assert world(Heard(pod(RUNNING))) == [News(S, UP)]
    assert world.after(10_000) == []


def test_what_cannot_pass_is_refused_at_once(world: World) -> None:
    (gone,) = world(Hindered(S, Trouble("rights", "may not", NO_WAIT)))
    assert gone == News(S, GONE, "refused", "may not")


def test_a_quota_that_is_heard_of_by_an_event_passes_when_the_pod_comes(world: World) -> None:
    quota = Trouble("quota", "no quota left", LONG)
    assert [news.detail for news in world(Created(S), Said(S, quota))] == ["", "no quota left"]
    world.after(500)
    assert world(Heard(pod(WAITING))) == [News(S, PENDING)]
    assert world.after(500) == []
    assert world(Said(S, quota)) == []  # it is about a pod that there is meanwhile


def test_a_volume_that_is_not_mounted_is_a_trouble_until_the_container_runs(world: World) -> None:
    world(Created(S), Heard(pod(WAITING)), Said(S, Trouble("volume", "no such claim", LONG)))
    world(Heard(pod(WAITING)))
    assert [news.reason for news in world.after(600)] == ["refused"]


def test_a_job_for_which_no_pod_is_made_is_given_up(world: World) -> None:
    world(Created(S))
    (gone,) = world.after(600)
    assert gone.reason == "refused" and "no pod" in gone.detail


def test_while_the_server_does_not_answer_no_worker_is_given_up(world: World) -> None:
    world(Created(S), Heard(pod(Fate(PENDING, trouble=ROOM))), Server("it does not answer"))
    assert world.after(10_000) == [] and world.sessions.server_trouble
    assert [news.what for news in world(Listed((pod(RUNNING),)), Server(""))] == [UP]


def test_a_worker_is_stopped(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)))
    world.sessions.stop(S, 5.0)
    assert world.removals == [Removal(S, 5.0)]
    world.sessions.stop(S, 5.0)
    world.sessions.stop("ffffffffffffffff", 0.0)
    assert world.removals == []
    assert world(Removed((S,)), Heard(pod(RUNNING, leaving=True))) == []
    assert world(Vanished(pod(RUNNING, leaving=True))) == [News(S, GONE, "ended", "it was stopped")]
    assert world.removals == []


def test_a_second_stop_may_be_sooner(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)))
    world.sessions.stop(S, 60.0)
    world.sessions.stop(S, 0.0)
    assert world.removals == [Removal(S, 60.0), Removal(S, LEAST_GRACE_S)]


def test_a_worker_that_never_had_a_pod_is_stopped(world: World) -> None:
    world.sessions.stop(S, 0.0)
    assert world.removals == [REMOVED]
    assert world(Removed((S,))) == [News(S, GONE, "ended", "it was stopped")]


def test_a_stopped_worker_on_a_lost_node_is_taken_from_the_cluster(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)))
    world.sessions.stop(S, 5.0)
    world(Removed((S,)))
    assert world.after(60) == []
    (gone,) = world.after(5)
    assert gone.what == GONE and world.removals[-1] == Removal(S, 0.0)


def test_a_pod_that_somebody_deletes_was_evicted(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)))
    assert world(Heard(pod(RUNNING, leaving=True))) == []
    assert world.removals == [Removal(S, 30.0)]  # lest the Job make another one
    killed = Fate(GONE, "died", "signal 15", 143)
    (gone,) = world(Heard(pod(killed, leaving=True)))
    assert (gone.reason, gone.exit_status) == ("evicted", 143) and "deleted" in gone.detail


def test_a_pod_that_ran_out_of_memory_did_so_though_it_was_deleted_later(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)))
    (gone,) = world(Vanished(pod(Fate(GONE, "memory", "too much", 137), leaving=True)))
    assert gone.reason == "memory"


def test_why_a_pod_is_taken_away_is_told(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)), Said(S, None, "a pod of higher priority took its place"))
    (gone,) = world(Vanished(pod(RUNNING, leaving=True)))
    assert gone == News(S, GONE, "evicted", "a pod of higher priority took its place")


def test_a_pod_on_a_lost_node_is_given_up(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)), Heard(pod(RUNNING, leaving=True, reads_as="the node n does not answer")))
    assert world.after(89) == []
    (gone,) = world.after(1)
    assert (gone.reason, gone.detail) == ("evicted", "the node n does not answer")
    assert world.removals[-1] == Removal(S, 0.0)


def test_what_vanished_while_nobody_watched_is_evicted(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)))
    assert [news.reason for news in world(Listed(()))] == ["evicted"]


def test_what_has_no_pod_yet_is_not_evicted_by_a_list(world: World) -> None:
    world(Created(S))
    assert world(Listed(())) == []


def test_a_second_pod_of_a_job_is_nobody(world: World) -> None:
    world(Created(S), Heard(pod(RUNNING)), Heard(pod(RUNNING, leaving=True)))
    assert world(Heard(pod(RUNNING, uid="u2")), Heard(pod(DONE, uid="u2")), Vanished(pod(DONE, uid="u2"))) == []
    assert [news.reason for news in world(Vanished(pod(RUNNING, leaving=True)))] == ["evicted"]


def test_what_is_created_after_its_end_is_removed(world: World) -> None:
    world(Hindered(S, Trouble("server", "no answer", LONG)))
    assert [news.reason for news in world.after(600)] == ["refused"]
    assert world.removals == [Removal(S, 0.0)]
    assert world(Heard(pod(WAITING))) == [] and world.removals == [REMOVED]
    assert world(Created(S)) == [] and world.removals == [REMOVED]


def test_workers_of_others_are_left_alone(world: World) -> None:
    assert world(Heard(pod(RUNNING, session="f" * 16))) == [] and world.removals == []


def test_workers_of_an_earlier_launcher(world: World) -> None:
    other, over = "a" * 16, "b" * 16
    world.sessions.found(other, 0.0, is_over=False)
    world.sessions.found(over, 0.0, is_over=True)
    news = world(Listed((pod(RUNNING, uid="u7", session=other),)))
    assert {(one.session, one.what, one.reason) for one in news} == {(other, UP, ""), (over, GONE, "evicted")}
