"""Handing spans on: it never waits, whatever happens to who takes them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from partita.protocol.spans import SpanRecord, attempt_span, step_span, trace_of_run
from partita.tracing.outlet import HELD_SPANS, ProcessOutlet, environment_for
from tests.otlp_receiver import Receiver
from tests.waiting import wait_until


def spans(count: int, size: int = 0) -> list[SpanRecord]:
    return [
        SpanRecord(
            f"span {number}", trace_of_run("run"), attempt_span("run", number, 1), step_span("run", 0), 1.0, 2.0,
            {"partita.step": number, "text": "x" * size}, None, False, [],
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def outlet(receiver: Receiver) -> Iterator[ProcessOutlet]:
    made = ProcessOutlet(environment_for(receiver.url, os.environ))
    yield made
    made.close()
    if made._process is not None:
        made._process.send_signal(signal.SIGCONT)
        made._process.wait(30)


def test_what_is_taken_arrives(outlet: ProcessOutlet, receiver: Receiver) -> None:
    outlet.take(spans(700))
    wait_until(lambda: len(receiver.spans) == 700)
    wait_until(lambda: outlet.counts() == {"made": 700, "sent": 700, "dropped": 0})
    assert {span.name for span in receiver.spans} == {f"span {number}" for number in range(700)}


def test_a_process_that_stands_still_holds_nothing_up_and_what_is_too_much_is_counted(outlet: ProcessOutlet) -> None:
    outlet.take(spans(1))
    wait_until(lambda: outlet.counts()["sent"] == 1)
    assert outlet._process is not None
    outlet._process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(25):
        outlet.take(spans(5000))
    assert time.monotonic() - began < 5
    dropped = outlet.counts()["dropped"]
    assert HELD_SPANS < dropped < 125_000  # the socket holds some, and the rest waits for room in it
    outlet._process.send_signal(signal.SIGCONT)

    def is_all_told() -> bool:
        outlet.take([])
        told = outlet.counts()
        return told["sent"] + told["dropped"] == 125_001

    wait_until(is_all_told)
    assert outlet.counts()["dropped"] == dropped


def test_a_span_too_large_for_a_packet_is_dropped_and_not_the_others(outlet: ProcessOutlet, receiver: Receiver) -> None:
    outlet.take([*spans(3), *spans(1, size=1 << 20), *spans(100, size=5000)])
    wait_until(lambda: outlet.counts() == {"made": 104, "sent": 103, "dropped": 1})


def test_a_process_that_dies_is_started_again(
    outlet: ProcessOutlet, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partita.tracing.outlet._AGAIN_S", 0.0)
    outlet.take(spans(1))
    wait_until(lambda: outlet.counts()["sent"] == 1)
    assert outlet._process is not None
    outlet._process.kill()
    outlet._process.wait()

    def arrives() -> bool:
        outlet.take(spans(1))
        return len(receiver.spans) > 1

    wait_until(arrives)
    told = outlet.counts()
    assert told["made"] >= told["sent"] + told["dropped"]


def test_what_waits_is_sent_when_the_engine_ends(receiver: Receiver) -> None:
    outlet = ProcessOutlet(environment_for(receiver.url, os.environ))
    outlet.take(spans(2000))
    outlet.close()
    wait_until(lambda: len(receiver.spans) == 2000)
    assert outlet._process is not None
    assert outlet._process.wait(30) == 0


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://here:4318", "http://here:4318/v1/traces"),
        ("http://here:4318/", "http://here:4318/v1/traces"),
        ("https://far/otlp/v1/traces", "https://far/otlp/v1/traces"),
    ],
)
def test_an_endpoint_without_a_path(given: str, meant: str) -> None:
    assert environment_for(given, {})["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == meant
