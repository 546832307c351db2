"""What the server counts, as Prometheus's own parser reads it."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from partita.api.metering import Meter
from partita.protocol.metrics import EngineMetrics, ExecutorMetrics, HistogramView, RetentionCounts, SpanCounts


def samples(meter: Meter, engine: EngineMetrics | None = None, **sign_ins: int) -> dict[str, float]:
    """Name and labels -> value."""
    counts = Counter({tuple(name.split("_")): count for name, count in sign_ins.items()})
    server: Any = SimpleNamespace(streams=3, entrance=SimpleNamespace(counts=counts))
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(meter.page(server, engine).decode())
        for sample in family.samples
    }


def engine() -> EngineMetrics:
    histogram = HistogramView(bounds_s=[0.01, 0.1], counts=[5, 2, 1], sum_s=1.5)
    executor = ExecutorMetrics(
        queued=4, running=2, workers=3, capacity={"cpu": 8.0, "memory": 100.0}, held={"cpu": 2.0, "memory": 50.0},
        free={"cpu": 6.0, "memory": 50.0},
    )  # fmt: skip
    return EngineMetrics(
        version="1", pid=1, started_at=12.5, clients=2, runs_started=7, runs_taken_up=1, runs_ended={"failed": 2},
        steps_ended={"succeeded": 30}, attempts_started=33, attempts_ended=[('a"b\\', "succeeded", 30)], runs=5, steps=99,
        ready=4, running=2, waiting=1, executors={"process": executor}, slots={"licence": (3.0, 1.0)}, turns=histogram,
        commits=histogram, failed_commits=0, is_store_writable=True, log_bytes=1000,
        spans=SpanCounts(made=3, sent=2, dropped=1),
        retention=RetentionCounts(passes=1, runs=0, logs=0, values=0, freed_bytes=9),
    )  # fmt: skip


def test_requests_are_counted_by_route() -> None:
    meter = Meter()
    for status, took_s in ((200, 0.02), (200, 0.2), (429, 0.0)):
        meter.count("/runs/{run}", "GET", status, took_s)
    meter.count("", "BREW", 404, 0.0)
    found = samples(meter, token_done=2, provider_refused=1)
    assert found["partita_http_requests_total method=GET route=/runs/{run} status=200"] == 2
    assert found["partita_http_requests_total method=other route=none status=404"] == 1
    assert found["partita_http_request_duration_seconds_count method=GET route=/runs/{run}"] == 3
    assert found["partita_http_request_duration_seconds_bucket le=0.025 method=GET route=/runs/{run}"] == 2
    assert found["partita_http_refusals_total reason=too much"] == 1
    assert found["partita_streams_open"] == 3
    assert found["partita_sign_ins_total how=token outcome=done"] == 2
    assert found["partita_sign_ins_total how=provider outcome=refused"] == 1
    assert found["partita_engine_up"] == 0
    assert not [name for name in found if name.startswith(("python_", "process_"))]


def test_the_engine_is_told_as_it_counts() -> None:
    found = samples(Meter(), engine())
    assert found["partita_engine_up"] == 1 and found["partita_engine_runs"] == 5
    assert found["partita_engine_runs_ended_total state=failed"] == 2
    assert found['partita_engine_attempts_ended_total executor=a"b\\ outcome=succeeded'] == 30
    assert found["partita_executor_held executor=process resource=cpu"] == 2
    assert found["partita_executor_queued executor=process"] == 4
    assert found["partita_slots_capacity slot=licence"] == 3
    assert [found[f"partita_engine_commit_seconds_bucket le={bound}"] for bound in ("0.01", "0.1", "+Inf")] == [5, 7, 8]
    assert found["partita_engine_commit_seconds_sum"] == 1.5 and found["partita_engine_commit_seconds_count"] == 8
    assert found["partita_engine_spans_total state=dropped"] == 1
