"""Traces of runs, taken by a real receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from partita.errors import StepError
from partita.workspace.runs import Run
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine
from tests.otlp_receiver import Receiver, attributes_of
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLOWS = """
import os, time
from pathlib import Path
from partita import context, flow, task

@task
def double(n: int) -> int:
    return 2 * n

@task(retries=2)
def shaky(n: int) -> int:
    if context().attempt == 1:
        raise ValueError("not yet")
    return n

@flow
def inner(n: int) -> int:
    return shaky(double(n))

@flow
def outer(n: int) -> int:
    return double(inner(n))

@task
def broken(n: int) -> int:
    raise RuntimeError(f"cannot do {n}")

@flow
def fails(n: int) -> int:
    return broken(n)

@task
def variable() -> str:
    return os.environ.get("TRACEPARENT", "")

@flow
def tells() -> str:
    return variable()

@task
def held(n: int) -> int:
    while not os.path.exists("go"):
        time.sleep(0.01)
    return n

@flow
def waits(n: int) -> int:
    return held(double(n))

@task
def launches(n: int) -> int:
    return context().launch(outer, n).result()

@flow
def launching(n: int) -> int:
    return launches(n)

@flow
def many(n: int) -> list[int]:
    return double.map(list(range(n)))
"""

SPANS = """
import asyncio
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from partita import flow, task

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint="ENDPOINT/v1/traces")))
tracer = provider.get_tracer("user")

@task
def fit(n: int) -> int:
    with tracer.start_as_current_span("load"):
        return n

@task
async def fetch(n: int) -> int:
    with tracer.start_as_current_span("ask"):
        await asyncio.sleep(0.01)
        return n

@flow
def train(n: int) -> int:
    return fetch(fit(n))
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def traced(receiver: Receiver, make_project: Callable[[str], Project]) -> Project:
    project = make_project(f'traces = "{receiver.url}"\n')
    project.write(FLOWS)
    return project


def spans_of(receiver: Receiver, title: str, count: int = 1) -> list[Any]:
    wait_until(lambda: len(receiver.named(title)) >= count, 60)
    return receiver.named(title)


def test_a_run_is_a_trace_with_a_span_a_step_and_attempts_below(traced: Project, receiver: Receiver) -> None:
    run = traced.start("outer", n=3)
    assert traced.result(run) == 12
    whole = spans_of(receiver, "outer")[0]
    assert not whole.parent_span_id and {span.trace_id for span in receiver.spans} == {whole.trace_id}
    facts = attributes_of(whole)
    assert facts["partita.run"] == run.id and facts["partita.state"] == "succeeded"
    assert facts["partita.flow"].endswith("flows.py:outer")
    assert receiver.resources[0]["service.name"] == "partita"
    assert receiver.paths[0] == "/v1/traces"

    flow = receiver.only("inner")
    assert flow.parent_span_id == whole.span_id
    shaky = receiver.only("shaky")
    assert shaky.parent_span_id == flow.span_id
    assert attributes_of(shaky)["partita.path"] == "inner/shaky" and attributes_of(shaky)["partita.attempts"] == 2
    first, second = receiver.only("shaky #1"), receiver.only("shaky #2")
    assert first.parent_span_id == second.parent_span_id == shaky.span_id
    assert first.status.code == 2 and first.events[0].name == "exception"
    told = attributes_of(first.events[0])
    assert told["exception.message"] == "not yet" and "ValueError" in told["exception.stacktrace"]
    assert not second.status.code and not second.events
    facts = attributes_of(second)
    assert facts["partita.executor"] == "process" and facts["partita.outcome"] == "succeeded"
    assert facts["partita.peak_bytes"] > 0 and facts["partita.cpu_s"] >= 0
    for inside, around in ((first, shaky), (shaky, flow), (flow, whole)):
        assert around.start_time_unix_nano <= inside.start_time_unix_nano < inside.end_time_unix_nano
        assert inside.end_time_unix_nano <= around.end_time_unix_nano + 50_000_000


def test_a_failure_is_told_and_a_rerun_is_linked(traced: Project, receiver: Receiver) -> None:
    run = traced.start("fails", n=3)
    with pytest.raises(StepError):
        traced.result(run)
    failed = spans_of(receiver, "fails")[0]
    assert failed.status.code == 2 and "cannot do 3" in failed.status.message
    again = Run(traced.workspace, traced.workspace.rerun(run.id)).wait(60)
    linked = next(span for span in spans_of(receiver, "fails", 2) if attributes_of(span)["partita.run"] == again.id)
    assert linked.trace_id != failed.trace_id
    assert [(link.trace_id, link.span_id) for link in linked.links] == [(failed.trace_id, failed.span_id)]


def test_spans_of_user_code_hang_under_their_attempt(
    make_project: Callable[[str], Project], receiver: Receiver
) -> None:
    project = make_project(f'traces = "{receiver.url}"\n')
    project.write(SPANS.replace("ENDPOINT", receiver.url))
    assert project("train", n=1) == 1
    spans_of(receiver, "train")
    for own, attempt in (("load", "fit #1"), ("ask", "fetch #1")):
        assert receiver.only(own).parent_span_id == receiver.only(attempt).span_id
        assert receiver.only(own).trace_id == receiver.only(attempt).trace_id


def test_programs_find_the_context_in_a_variable(traced: Project, receiver: Receiver) -> None:
    told = traced("tells")
    spans_of(receiver, "tells")
    attempt = receiver.only("variable #1")
    assert told == f"00-{attempt.trace_id.hex()}-{attempt.span_id.hex()}-01"


def test_a_launcher_that_has_a_context_is_the_parent(
    traced: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{span}-01")
    assert traced("outer", n=1) == 4
    whole = spans_of(receiver, "outer")[0]
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (trace, span)
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{span}-00")  # it is not recorded, and so is nothing below it
    assert traced("tells").endswith("-00")
    monkeypatch.setenv("TRACEPARENT", "nonsense")
    assert traced("many", n=2) == [0, 2]
    spans_of(receiver, "many")
    assert not receiver.named("tells")


def test_a_run_that_a_step_launched_is_part_of_its_trace(traced: Project, receiver: Receiver) -> None:
    assert traced("launching", n=2) == 8
    spans_of(receiver, "launching")
    child = spans_of(receiver, "outer")[0]
    assert child.parent_span_id == receiver.only("launches #1").span_id


def test_the_engine_that_goes_on_with_a_run_goes_on_with_its_trace(traced: Project, receiver: Receiver) -> None:
    run = traced.start("waits", n=2)
    wait_until(
        lambda: run.state == "running" and any(s["name"] == "held" and s["state"] == "running" for s in run.steps)
    )
    spans_of(receiver, "double")
    kill_engine(traced)
    (traced.folder / "go").touch()
    assert traced.result(run) == 4
    whole = spans_of(receiver, "waits")[0]
    assert receiver.only("double").parent_span_id == whole.span_id
    assert attributes_of(receiver.only("held #1"))["partita.outcome"] in ("lost", "crashed")
    assert receiver.only("held #2").parent_span_id == receiver.only("held").span_id


def test_a_receiver_that_is_slow_or_gone_harms_no_run(make_project: Callable[[str], Project]) -> None:
    with Receiver(status=400, delay_s=0.05) as refusing:
        project = make_project(f'traces = "{refusing.url}"\n')
        project.write(FLOWS)
        assert project("many", n=300) == [2 * n for n in range(300)]
        ask = project.workspace.ask
        wait_until(lambda: ask("metrics")["spans"]["dropped"] >= 600, 60)
        told = ask("metrics")["spans"]
        assert told["made"] >= told["dropped"] and not told["sent"]


def test_nothing_is_traced_unless_somebody_says_where_to(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(FLOWS)
    monkeypatch.setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert project("tells") == ""  # the engine outlives whoever started it, and is no part of that trace
    assert project.workspace.ask("metrics")["spans"] == {"made": 0, "sent": 0, "dropped": 0}


def test_the_standard_variables_count(project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "pricing")
    project.write(FLOWS)
    assert project("many", n=1) == [0]
    spans_of(receiver, "many")
    assert receiver.resources[0]["service.name"] == "pricing"
