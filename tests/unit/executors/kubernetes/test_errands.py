"""Errands at a server that says what a real one says only when it is in trouble: busy, failing, cut off, paged."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.executors.kubernetes.cluster import Cluster
from partita.executors.kubernetes.errands import Errands
from partita.executors.kubernetes.facts import Created, Fact, Hindered, Removed
from partita.executors.kubernetes.names import Identity
from tests.unit.executors.kubernetes.api_server import Server

S, T = "a" * 16, "b" * 16
WHOSE = Identity("w", "pods")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{made.server_port}"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": "prices"}}],
        "users": [{"name": "x", "user": {"token": "t"}}],
    }  # fmt: skip
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


class World:
    """Errands, and what they tell."""

    def __init__(self, calls_per_s: float = 1000.0) -> None:
        self.told: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        self.errands = Errands(Cluster(), WHOSE, calls_per_s, lambda facts: [self.told.put(fact) for fact in facts][:0])
        self.errands.start()

    def next(self) -> Fact:
        return self.told.get(timeout=10)


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    made = World()
    yield made
    made.errands.close(5.0)


def job(name: str = "x") -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}


def test_a_job_is_created_where_the_context_says(server: Server, world: World) -> None:
    world.errands.create(S, job())
    assert world.next() == Created(S)
    assert server.made("POST") == [("/apis/batch/v1/namespaces/prices/jobs", {}, job())]


@pytest.mark.parametrize("status", [429, 500, 503, 409])
def test_what_may_pass_is_told_of_and_tried_again(server: Server, world: World, status: int) -> None:
    server.refuse(status, "not now")
    world.errands.create(S, job())
    told = world.next()
    assert isinstance(told, Hindered) and "not now" in told.trouble.detail
    assert world.next() == Created(S)
    assert len(server.made("POST")) == 2


def test_a_server_that_says_when_to_come_again_is_obeyed(server: Server, world: World) -> None:
    server.refuse(429, "not now", Retry_After="2")
    world.errands.create(S, job())
    assert isinstance(world.next(), Hindered) and world.next() == Created(S)
    assert server.times[1] - server.times[0] >= 1.9


def test_an_answer_that_is_lost_makes_no_second_job(server: Server, world: World) -> None:
    server.answers.append(None)
    server.refuse(409, 'jobs.batch "x" already exists')
    world.errands.create(S, job())
    assert isinstance(world.next(), Hindered) and world.next() == Created(S)


def test_what_cannot_pass_is_not_tried_again(server: Server, world: World) -> None:
    server.refuse(422, "Job.batch is invalid")
    world.errands.create(S, job())
    told = world.next()
    assert isinstance(told, Hindered) and "invalid" in told.trouble.detail
    time.sleep(1.2)
    assert len(server.calls) == 1


def test_what_is_removed_while_it_is_tried_again_is_not_created(server: Server, world: World) -> None:
    for _ in range(5):
        server.refuse(503, "not now")
    world.errands.create(S, job())
    assert isinstance(world.next(), Hindered)
    server.answers.clear()
    world.errands.remove(S, 1.0)
    assert world.next() == Removed((S,))
    time.sleep(1.2)
    assert len(server.made("POST")) == 1 and len(server.made("DELETE")) == 2  # it may be there after all


def test_jobs_are_deleted_together_and_before_their_pods(server: Server, world: World) -> None:
    server.refuse(503, "not now")
    world.errands.remove(S, 5.0)  # fails first, so that the next ones wait with it
    deadline = time.monotonic() + 5
    while not server.calls and time.monotonic() < deadline:
        time.sleep(0.01)
    world.errands.remove(T, 5.0)
    told = world.next()
    assert isinstance(told, Removed) and set(told.sessions) == {S, T}
    (jobs, query, _), (pods, more, _) = server.made("DELETE")[1:]
    assert (jobs, pods) == ("/apis/batch/v1/namespaces/prices/jobs", "/api/v1/namespaces/prices/pods")
    assert query["propagationPolicy"] == ["Orphan"] and more["gracePeriodSeconds"] == ["5"]
    for selector in (query["labelSelector"][0], more["labelSelector"][0]):
        assert "app.kubernetes.io/managed-by=partita,partita/workspace=w,partita/executor=pods" in selector
        assert S in selector and T in selector


def test_no_more_calls_are_made_than_allowed(server: Server) -> None:
    world = World(calls_per_s=20.0)
    begun = time.monotonic()
    for number in range(10):
        world.errands.create(f"{number:016d}", job(str(number)))
    for _ in range(10):
        world.next()
    assert time.monotonic() - begun >= 9 / 20
    world.errands.close(5.0)


def test_the_secret_comes_before_the_first_job(server: Server, world: World) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own"}, "data": {"A": "Yg=="}}
    server.refuse(404, 'secrets "own" not found')
    world.errands.put_secret(secret)
    world.errands.create(S, job())
    world.errands.create(T, job("y"))
    assert (world.next(), world.next()) == (Created(S), Created(T))
    assert [(verb, path.rpartition("/")[2]) for verb, path, _, _ in server.calls] == [
        ("PUT", "own"), ("POST", "secrets"), ("POST", "jobs"), ("POST", "jobs"),
    ]  # fmt: skip


def test_lists_are_read_to_their_end(server: Server) -> None:
    server.answers.append((200, {"metadata": {"continue": "more"}, "items": [{"a": 1}]}, {}))
    server.answers.append((200, {"metadata": {"resourceVersion": "7"}, "items": [{"a": 2}]}, {}))
    assert Cluster().list_pods("a=b") == ([{"a": 1}, {"a": 2}], "7")
    assert server.made("GET")[1][1]["continue"] == ["more"]


def test_closing_does_what_is_still_to_be_deleted(server: Server) -> None:
    world = World(calls_per_s=50.0)
    world.errands.remove(S, 1.0)
    world.errands.remove(T, 2.0)
    world.errands.close(10.0)
    assert len(server.made("DELETE")) == 4


def test_what_cannot_be_said_to_a_server_is_told_and_harms_nothing_else(server: Server, world: World) -> None:
    world.errands.create(S, {"metadata": {"name": object()}})
    told = world.next()
    assert isinstance(told, Hindered) and "cannot be asked for" in told.trouble.detail
    world.errands.create(T, job())
    assert world.next() == Created(T)
