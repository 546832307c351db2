"""Reruns over HTTP: each key once, whoever asks too often is asked to come again, and a double click on a page is one run."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.client import Client, RemoteWorkspace
from tests.serving import Served, serving

PROJECT = Path(__file__).parents[1] / "browser" / "project"
#: Reruns that are asked at once: more than have a place.
MANY = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("reruns") / "shop"
    shutil.copytree(PROJECT, folder)
    made = serving(folder)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def first(served: Served) -> str:
    run = served.launch("flows.py:squares", n=2)
    served.wait(run)
    return run


def rerun(served: Served, run: str, key: str, body: Any = None) -> tuple[int, Any]:
    answer = served.ask("POST", f"/api/v1/runs/{run}/rerun", body or {}, headers={"idempotency-key": key})
    return answer.status, answer.json()


def test_a_key_gives_the_first_rerun_and_refuses_another_one(served: Served, first: str) -> None:
    (status, one), (_, two) = rerun(served, first, "r1"), rerun(served, first, "r1")
    assert status == 201 and one["rerun_of"] == first
    assert one["id"] == two["id"]
    for other in (
        rerun(served, first, "r1", {"same_code": True}),
        rerun(served, one["id"], "r1"),
        rerun(served, first, "r1", {"inputs": {"n": 3}}),
    ):
        assert other[0] == 409 and other[1]["title"] == "ConflictError"
    # A key is one thing, whatever it is given to.
    body = {"flow": "flows.py:squares", "inputs": {"n": 2}}
    assert served.ask("POST", "/api/v1/runs", body, headers={"idempotency-key": "r1"}).status == 409
    assert rerun(served, first, "r2")[1]["id"] != one["id"]


def test_a_key_counts_though_the_latest_run_is_the_rerun_by_then(served: Served, first: str) -> None:
    steps = [step["id"] for step in served.get(f"/api/v1/runs/{first}/steps")["items"] if step["kind"] == "task"]
    body = {"afresh": steps[-1:]}
    served.wait(rerun(served, first, "r3")[1]["id"])
    (status, one), (_, two) = rerun(served, "latest", "r4", body), rerun(served, "latest", "r4", body)
    assert status == 201 and one["id"] == two["id"]


def test_a_client_asks_with_a_key_of_its_own(served: Served, first: str) -> None:
    with Client(served.url, served.token) as client:
        assert client.rerun(first, key="r5")["id"] == client.rerun(first, key="r5")["id"]
        assert client.rerun(first)["id"] != client.rerun(first)["id"]
        workspace = RemoteWorkspace(client)
        assert workspace.rerun(first, key="r6") == workspace.rerun(first, key="r6")


def test_a_page_is_clicked_twice_and_one_run_is_started(served: Served, first: str) -> None:
    page = served.ask("GET", f"/runs/{first}?view=steps&step=1", headers={"accept": "text/html"}).data.decode()
    forms = re.findall(r'<form[^>]*action="/runs/\w+/rerun".*?</form>', page)
    sent = [dict(re.findall(r'name="(step|key)" value="([^"]*)"', form)) for form in forms]
    assert len(sent) == 2 and all(fields["key"] for fields in sent)  # the run, and a step of it
    started = []
    for fields in sent:
        one, two = (served.form(f"/runs/{first}/rerun", **fields) for _ in range(2))
        assert one.status == 303 and one.headers["location"] == two.headers["location"]
        started.append(one.headers["location"])
    assert len(set(started)) == 2


def test_too_many_reruns_at_once_are_refused_and_none_of_these_is_started(served: Served, first: str) -> None:
    answers: list[tuple[int, str, str]] = []
    together = threading.Barrier(MANY)

    def ask() -> None:
        together.wait(30)
        answer = served.ask("POST", f"/api/v1/runs/{first}/rerun", {"same_code": True})
        answers.append((answer.status, answer.headers.get("retry-after", ""), answer.json().get("id", "")))

    before = number_of_runs(served)
    threads = [threading.Thread(target=ask) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    taken = {run for status, _, run in answers if status == 201}
    refused = [wait for status, wait, _ in answers if status == 429]
    assert len(taken) + len(refused) == MANY
    assert taken and refused and all(wait.isdigit() for wait in refused)
    assert number_of_runs(served) == before + len(taken)


def number_of_runs(served: Served) -> int:
    page = served.get("/api/v1/runs?limit=1")
    return int(page["items"][0]["number"])
