"""What the server counts of itself and of its engine, for Prometheus to scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from partita.protocol.metrics import EngineMetrics, HistogramView
from partita.version import VERSION

if TYPE_CHECKING:
    from partita.api.state import Server

__all__ = ["METRICS_TYPE", "Meter"]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: Statuses with which the server refuses what is asked -> why.
_REFUSALS = {
    400: "request", 401: "unknown", 403: "forbidden", 413: "too large", 421: "wrong name", 422: "invalid", 429: "too much",
    503: "engine",
}  # fmt: skip
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


#: Values of labels -> amount.
_Values = Mapping[Any, float]


class Meter:
    """Counts requests. It has a registry of its own: what else is counted in the process is not told."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        requests = ("route", "method", "status")
        self._requests = Counter("partita_http_requests", "Requests answered.", requests, registry=self._registry)
        self._durations = Histogram(
            "partita_http_request_duration_seconds", "Seconds until a request was answered; of streams, until they began.",
            ("route", "method"), buckets=_BOUNDS_S, registry=self._registry,
        )  # fmt: skip
        self._refusals = Counter("partita_http_refusals", "Requests refused.", ("reason",), registry=self._registry)

    def count(self, route: str, method: str, status: int, took_s: float) -> None:
        """Count one request.

        Args:
            route: the pattern of its path, of which there are few; empty: there is no such route.
        """
        route, method = route or "none", method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._durations.labels(route, method).observe(took_s)
        if status in _REFUSALS:
            self._refusals.labels(_REFUSALS[status]).inc()

    def page(self, server: Server, engine: EngineMetrics | None) -> bytes:
        """All of it in Prometheus's text format."""
        registry = CollectorRegistry()
        registry.register(_Told(lambda: _of_server(server)))
        registry.register(_Told(lambda: _of_engine(engine)))
        return bytes(generate_latest(self._registry)) + bytes(generate_latest(registry))


class _Told:
    """A collector of what is known already."""

    def __init__(self, tell: Callable[[], Iterator[Metric]]) -> None:
        self._tell = tell

    def collect(self) -> Iterator[Metric]:
        return self._tell()


def _of_server(server: Server) -> Iterator[Metric]:
    yield _gauge("partita_server_info", "The server.", {(VERSION,): 1.0}, ("version",))
    yield _gauge("partita_streams_open", "Live streams that are open.", {(): float(server.streams)})
    sign_ins = {key: float(count) for key, count in server.entrance.counts.copy().items()}
    yield _counter("partita_sign_ins", "Tries to sign in.", sign_ins, ("how", "outcome"))


def _of_engine(told: EngineMetrics | None) -> Iterator[Metric]:
    yield _gauge("partita_engine_up", "Whether an engine answers.", {(): float(told is not None)})
    if told is None:
        return
    yield _gauge("partita_engine_info", "The engine.", {(told["version"],): 1.0}, ("version",))
    yield _gauge("partita_engine_start_time_seconds", "When the engine started.", {(): told["started_at"]})
    for name, text, value in (
        ("clients", "Connections.", told["clients"]), ("runs", "Runs that have not ended.", told["runs"]),
        ("steps", "Steps in memory.", told["steps"]), ("steps_ready", "Steps that wait for room.", told["ready"]),
        ("attempts_running", "Attempts that were handed out and have not ended.", told["running"]),
        ("steps_waiting", "Steps that wait for a time, an event or a person.", told["waiting"]),
        ("store_writable", "Whether the store takes what is written.", told["is_store_writable"]),
    ):  # fmt: skip
        yield _gauge(f"partita_engine_{name}", text, {(): float(value)})
    for name, text, count in (
        ("runs_started", "Runs started.", told["runs_started"]),
        ("runs_taken_up", "Runs taken up from an earlier engine.", told["runs_taken_up"]),
        ("attempts_started", "Attempts started.", told["attempts_started"]),
        ("failed_commits", "Transactions of the store that failed and were tried again.", told["failed_commits"]),
        ("log_bytes", "Bytes that attempts have printed.", told["log_bytes"]),
    ):  # fmt: skip
        yield _counter(f"partita_engine_{name}", text, {(): float(count)})
    yield _counter("partita_engine_runs_ended", "Runs ended.", _by_name(told["runs_ended"]), ("state",))
    yield _counter("partita_engine_steps_ended", "Steps ended.", _by_name(told["steps_ended"]), ("state",))
    ended = {(name, outcome): float(count) for name, outcome, count in told["attempts_ended"]}
    yield _counter("partita_engine_attempts_ended", "Attempts ended.", ended, ("executor", "outcome"))
    yield _counter(
        "partita_engine_spans", "Spans of traces, by what became of them.", _by_name(told["spans"]), ("state",)
    )
    yield _counter("partita_engine_retention", "What retention removed.", _by_name(told["retention"]), ("what",))
    yield from _of_executors(told)
    yield _histogram("partita_engine_turn_seconds", "Turns of the engine that did something.", told["turns"])
    yield _histogram("partita_engine_commit_seconds", "Transactions of the store.", told["commits"])


def _of_executors(told: EngineMetrics) -> Iterator[Metric]:
    executors = told["executors"]
    for name, text in (
        ("queued", "Steps that are ready and wait for room."), ("running", "Attempts that run."),
        ("workers", "Workers, idle ones included."),
    ):  # fmt: skip
        values = {(key,): float(view[name]) for key, view in executors.items()}  # type: ignore[literal-required]
        yield _gauge(f"partita_executor_{name}", text, values, ("executor",))
    for name, text in (
        ("capacity", "What it may hold (memory in bytes)."),
        ("held", "What it holds (memory in bytes)."),
    ):
        amounts = {
            (key, what): float(amount)
            for key, view in executors.items()
            for what, amount in view[name].items()  # type: ignore[literal-required]
        }
        yield _gauge(f"partita_executor_{name}", text, amounts, ("executor", "resource"))
    slots = told["slots"].items()
    yield _gauge("partita_slots_capacity", "Named limits.", {(key,): pair[0] for key, pair in slots}, ("slot",))
    yield _gauge("partita_slots_held", "What is held of them.", {(key,): pair[1] for key, pair in slots}, ("slot",))


def _by_name(counts: Mapping[str, object]) -> dict[tuple[str, ...], float]:
    return {(name,): float(count) for name, count in counts.items()}  # type: ignore[arg-type]


def _gauge(name: str, text: str, values: _Values, labels: tuple[str, ...] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, text: str, values: _Values, labels: tuple[str, ...] = ()) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _histogram(name: str, text: str, view: HistogramView) -> Metric:
    """Prometheus's buckets hold all that is below their bound."""
    total, buckets = 0, []
    for bound, count in zip([*map(str, view["bounds_s"]), "+Inf"], view["counts"], strict=True):
        total += count
        buckets.append((bound, float(total)))
    family = HistogramMetricFamily(name, text)
    family.add_metric((), buckets, view["sum_s"])
    return family
