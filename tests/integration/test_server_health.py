"""Health, metrics and the log of a real server."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Served, serving
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOW = "from partita import flow, task\n\n@task\ndef one(n: int = 1) -> int:\n    return n\n\n@flow\ndef f(n: int = 1) -> int:\n    return one(n)\n"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def start(settings: str = "", *options: str) -> Served:
        (tmp_path / "flows.py").write_text(FLOW)
        (tmp_path / "partita.toml").write_text(settings)
        made.append(serving(tmp_path, *options))
        return made[-1]

    yield start
    for served in made:
        served.stop()


def samples(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health_is_told_to_anybody_and_by_any_name(make: Callable[..., Served]) -> None:
    served = make()
    for host in ("", "10.9.8.7:1", "evil.example"):
        headers = {"host": host} if host else {}
        answer = served.ask("GET", "/healthz", token="", headers=headers)
        assert (answer.status, answer.data) == (200, b"ok\n")
        answer = served.ask("GET", "/readyz", token="", headers=headers)
        assert (answer.status, answer.json()) == (200, {"is_ready": True})
    assert served.ask("GET", "/", token="", headers={"host": "evil.example"}).status == 421


def test_it_is_not_ready_while_its_engine_is_stopped_and_only_its_log_says_why(make: Callable[..., Served]) -> None:
    served = make()
    pid = served.get("/api/v1/engine")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: served.ask("GET", "/readyz", token="").status == 503, 20.0)
        assert served.ask("GET", "/readyz", token="").json() == {"is_ready": False}
        assert served.ask("GET", "/readyz").status == 503  # and does not wait to hear who asks
        wait_until(lambda: any("not ready: the engine has not answered" in line for line in served.lines), 10.0)
        assert served.ask("GET", "/healthz", token="").status == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: served.ask("GET", "/readyz", token="").status == 200, 20.0)


def test_metrics_tell_of_engine_and_server(make: Callable[..., Served]) -> None:
    served = make()
    served.wait(served.launch("flows.py:f"))
    assert served.ask("GET", "/metrics", token="").status == 401
    assert served.ask("GET", "/metrics", headers={"accept": "text/html"}, token="").status == 401
    answer = served.ask("GET", "/metrics", headers={"host": "10.1.2.3:7878"})  # as a scraper by address
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.data.decode())
    assert found["partita_engine_up"] == 1 and found["partita_engine_runs_ended_total state=succeeded"] == 1
    assert found["partita_http_requests_total method=POST route=/api/v1/runs status=201"] == 1
    assert found["partita_http_refusals_total reason=unknown"] == 2
    assert found["partita_executor_capacity executor=process resource=cpu"] >= 1
    narrow = served.post("/api/v1/tokens", {"name": "narrow", "role": "viewer", "scopes": ["runs:read"]})["secret"]
    scraper = served.post("/api/v1/tokens", {"name": "scraper", "role": "viewer", "scopes": ["metrics:read"]})["secret"]
    assert served.ask("GET", "/metrics", token=narrow).status == 403
    assert served.ask("GET", "/metrics", token=scraper).status == 200


def test_metrics_are_open_to_this_machine_only_where_it_is_set(make: Callable[..., Served]) -> None:
    served = make('metrics = "loopback"\n')
    assert served.ask("GET", "/metrics", token="").status == 200
    for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):
        assert served.ask("GET", "/metrics", token="", headers={name: "1.2.3.4"}).status == 401, name
    assert served.ask("GET", "/metrics", token="", headers={"host": "evil.example"}).status == 421


def test_the_log_is_an_object_a_request(make: Callable[..., Served]) -> None:
    served = make('log_format = "json"\n')
    run = served.launch("flows.py:f")
    served.wait(run)
    served.ask("GET", "/runs?text=partita_hidden&cursor=bad", headers={"accept": "text/html", "x-request-id": "mine-1"})
    served.ask("GET", f"/sign-in/callback?code=very-hidden&state={served.token}", token="")

    def lines() -> list[dict[str, object]]:
        found = [json.loads(line) for line in served.lines if line.startswith("{")]
        return [line for line in found if line.get("logger") == "partita.server.requests"]

    wait_until(lambda: any(line["route"] == "/sign-in/callback" for line in lines()), 10.0)
    launched = next(line for line in lines() if line["route"] == "/api/v1/runs")
    assert launched["who"] == "token:first admin" and launched["method"] == "POST" and launched["status"] == 201
    assert launched["address"] == "127.0.0.1" and isinstance(launched["ms"], float) and launched["level"] == "info"
    assert next(line for line in lines() if line.get("request") == "mine-1")["status"] == 400
    assert next(line for line in lines() if line.get("run") == run)["route"] == "/api/v1/runs/{run}"
    noted = [line for line in served.lines if line.startswith("{")]
    assert not [line for line in noted if "hidden" in line or served.token in line]
