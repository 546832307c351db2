"""Waits for times, events and persons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Literal

import pytest

from partita import Decision, approval, ask, flow, settle, sleep, task, until, wait_for
from partita.drawing.progress import left_text
from partita.errors import AnswerError, CheckError, DefinitionError, OptionError, StepError
from partita.testing import MemoryWorkspace, answering


@task
def stamp(name: str) -> str:
    return name


@task
def seconds() -> int:
    return 7200


@task
def told(decision: Decision | None) -> str:
    return "skipped" if decision is None else f"{decision.approved} by {decision.by or 'nobody'}: {decision.comment}"


@task
def ok(outcome: Any) -> str:
    return f"{outcome.error.type}: {outcome.error.message}" if outcome.error else f"ok {outcome.value}"


@flow
def naps(duration: str) -> str:
    return stamp.after(sleep(duration))("awake")


@flow
def naps_by_promise() -> str:
    return stamp.after(sleep(seconds()))("awake")


@flow
def at_a_moment(moment: str) -> str:
    return stamp.after(until(moment))("then")


@flow
def paid(timeout: str = "1h") -> Any:
    return wait_for("paid", timeout=timeout)


@flow
def keyed(keys: list[str]) -> list[Any]:
    return [wait_for("paid", key=key) for key in keys]


@flow
def several(number: int) -> list[Any]:
    return [wait_for("paid") for _ in range(number)]


@flow
def late() -> Any:
    return wait_for("paid", after=sleep("1h"))


@flow
def anyone() -> Any:
    return wait_for("news", scope="workspace")


@flow
def asked(score: float) -> Any:
    return approval("Deploy 1.4?", show={"score": score, "name": stamp("model")}, approvers=["ann", "bob"])


@dataclass
class Verdict:
    first: float
    second: float
    p_values: dict[str, float]


@task
def compared() -> Verdict:
    return Verdict(0.8, 0.79, {"mcnemar": 0.4})


@flow
def asked_about_a_record() -> Any:
    return approval("Deploy it?", show=compared())


@flow
def two_of_three() -> str:
    return told(approval("Delete?", approvers=["ann", "bob", "eve"], required=2))


@flow
def two_administrators() -> str:
    return told(approval("Delete?", approvers="administrator", not_by="ann", required=2))


@flow
def gated(on_reject: Literal["fail", "skip", "continue"]) -> str:
    return told(approval("Go?", on_reject=on_reject))


@flow
def timed(on_timeout: Literal["fail", "skip", "approve", "reject"]) -> str:
    return ok(settle(approval("Go?", timeout="1d", on_timeout=on_timeout)))


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Order:
    name: str
    amount: int
    color: Color = Color.RED
    due: date | None = None
    kind: Literal["new", "old"] = "new"


@flow
def orders() -> Order:
    return ask("What do you want?", Order)


@flow
def counts() -> int:
    return ask("How many?", int)


@flow
def typed_event() -> Order:
    return wait_for("order", type=Order)


@flow
def counted_event() -> dict[str, int]:
    return wait_for("counts", type=dict[str, int], timeout="1h", default={"a": 0})


@flow
def with_default() -> int:
    return ask("How many?", int, timeout="1h", default=5)


@flow
def skipping_event() -> str:
    return told(wait_for("never", timeout="1h", on_timeout="skip"))


def state(workspace: MemoryWorkspace, run: Any, path: str) -> str:
    return next(step["state"] for step in run.steps if step["path"] == path)


@task
def often() -> int:
    raise OSError("away")


@flow
def beside(other: str) -> Any:
    if other == "sleep":
        sleep("1d")
    elif other == "retry":
        often.with_options(retries=3, retry_delay="1h")()
    elif other == "event":
        wait_for("paid")
    return stamp.after(approval("Go?"))("gone")


@pytest.mark.parametrize(
    ("other", "held_by"), [("nothing", "person"), ("event", "person"), ("sleep", ""), ("retry", "")]
)
def test_a_run_of_which_all_is_behind_a_person_tells_so_and_no_time(
    workspace: MemoryWorkspace, other: str, held_by: str
) -> None:
    run = beside.submit(other)
    workspace.advance(5)
    workspace.engine.book.live(run.id).notes["forecast"] = {"p10": 1.0, "p50": 2.0, "p90": 3.0}  # type: ignore[union-attr]
    notes = workspace.run(run.id)["notes"]
    assert notes.get("held_by", "") == held_by
    assert ("forecast" in notes) is not bool(held_by)


def test_what_waits_for_an_event_tells_that_until_it_has_come(workspace: MemoryWorkspace) -> None:
    run = paid.submit()
    workspace.advance(5)
    view = workspace.run(run.id)
    assert view["notes"]["held_by"] == "event" and left_text(view, 0.0) == "waits for an event"
    workspace.send(run.id, "paid", 1)
    workspace.work()
    assert "held_by" not in workspace.run(run.id)["notes"]


# Times


def test_a_flow_sleeps_without_a_worker_for_as_long_as_it_said(workspace: MemoryWorkspace) -> None:
    run = naps.submit("2d")
    workspace.advance(2 * 86400 - 1)
    assert state(workspace, run, "sleep") == "waiting" and run.state == "running"
    assert workspace.attempts(run.id, 1) == []
    workspace.advance(2)
    assert run.result() == "awake"


def test_a_sleep_survives_restarts_and_goes_on_from_where_it_was(workspace: MemoryWorkspace) -> None:
    run = naps.submit("2d")
    workspace.advance(86400 * 1.5)
    workspace.restart()
    workspace.advance(86400 * 0.5 - 10)
    assert run.state == "running"
    workspace.advance(11)
    assert run.state == "succeeded"


def test_a_promise_of_a_time_is_waited_for_first(workspace: MemoryWorkspace) -> None:
    run = naps_by_promise.submit()
    workspace.advance(7199)
    assert run.state == "running"
    workspace.advance(2)
    assert run.result() == "awake"


def test_a_moment_is_waited_for_and_one_that_is_past_is_over_at_once(workspace: MemoryWorkspace) -> None:
    now = datetime.fromtimestamp(workspace.clock.now(), UTC)
    past = at_a_moment.submit((now - timedelta(days=3)).isoformat())
    workspace.work()
    assert past.state == "succeeded"
    run = at_a_moment.submit((now + timedelta(hours=30)).isoformat())
    workspace.advance(29 * 3600)
    workspace.restart()
    assert run.state == "running"
    workspace.advance(3601)
    assert run.result() == "then"


def test_a_sleeping_run_can_be_cancelled(workspace: MemoryWorkspace) -> None:
    run = naps.submit("2d")
    workspace.work()
    workspace.cancel(run.id)
    workspace.work()
    assert run.state == "cancelled" and workspace.waits() == []
    assert [wait["outcome"] for wait in workspace.waits(run.id)] == ["cancelled"]


# Events


def test_an_event_goes_to_the_wait_for_it(workspace: MemoryWorkspace) -> None:
    run = paid.submit()
    assert workspace.send(run.id, "other", 1) and workspace.send(run.id, "paid", {"amount": 3.5})
    assert run.result() == {"amount": 3.5}


def test_an_event_that_comes_before_its_wait_is_kept(workspace: MemoryWorkspace) -> None:
    run = late.submit()
    workspace.send(run.id, "paid", 1)
    workspace.restart()
    workspace.advance(3601)
    assert run.result() == 1


def test_events_go_to_waits_first_in_first_out_and_each_to_one(workspace: MemoryWorkspace) -> None:
    run = several.submit(3)
    for number in range(2):
        workspace.send(run.id, "paid", number)
    workspace.work()
    assert run.state == "running"
    workspace.send(run.id, "paid", 2)
    assert run.result() == [0, 1, 2]


def test_a_second_event_of_an_id_is_dropped(workspace: MemoryWorkspace) -> None:
    run = several.submit(2)
    assert workspace.send(run.id, "paid", 1, id="a") is True
    assert workspace.send(run.id, "paid", 2, id="a") is False
    workspace.restart()
    assert workspace.send(run.id, "paid", 3, id="a") is False
    assert workspace.send(run.id, "paid", 4, id="b") is True
    assert run.result() == [1, 4]


def test_keys_tell_events_of_one_name_apart(workspace: MemoryWorkspace) -> None:
    run = keyed.submit(["7", "8"])
    workspace.send(run.id, "paid", "none")
    workspace.send(run.id, "paid", "eight", key=8)
    workspace.send(run.id, "paid", "seven", key="7")
    assert run.result() == ["seven", "eight"]


def test_an_event_for_anybody_goes_to_one_run(workspace: MemoryWorkspace) -> None:
    workspace.send("", "news", "first")
    runs = [anyone.submit(), anyone.submit()]
    workspace.work()
    assert [run.state for run in runs] == ["succeeded", "running"]
    workspace.restart()
    workspace.send("", "news", "second")
    assert [run.result() for run in runs] == ["first", "second"]


def test_an_event_to_a_run_that_has_ended_is_refused(workspace: MemoryWorkspace) -> None:
    run = several.run(0)
    with pytest.raises(AnswerError, match="has ended"):
        workspace.send(run.id, "paid", 1)


def test_what_does_not_come_in_time_fails_or_is_skipped(workspace: MemoryWorkspace) -> None:
    run = paid.submit("1h")
    workspace.advance(3601)
    with pytest.raises(StepError, match="no event 'paid' came within 1h 00m"):
        run.result()
    skipping = skipping_event.submit()
    workspace.advance(3601)
    assert skipping.result() == "skipped"
    assert [wait["outcome"] for wait in workspace.waits(run.id)] == ["timeout"]


def test_an_event_becomes_a_value_of_its_type(workspace: MemoryWorkspace) -> None:
    run = typed_event.submit()
    workspace.send(run.id, "order", {"name": "x", "amount": 3, "color": "blue"})
    assert run.result() == Order("x", 3, Color.BLUE)


# Persons


def test_an_approval_shows_what_it_is_about_and_goes_on_when_it_is_given(workspace: MemoryWorkspace) -> None:
    run = asked.submit(0.9)
    workspace.work()
    (wait,) = workspace.waits()
    assert (wait["run"], wait["path"], wait["name"]) == (run.id, "approval", "Deploy 1.4?")
    assert wait["previews"] == [["score", "0.9"], ["name", "'model'"]]
    assert workspace.approve(run.id, by="ann", comment="fine")["outcome"] == "approved"
    decision = run.result()
    assert (decision.approved, decision.by, decision.comment) == (True, "ann", "fine")
    assert decision.at == pytest.approx(workspace.clock.now(), abs=5)
    assert workspace.waits() == []


def test_an_approval_shows_what_is_in_a_dataclass_and_not_its_fields_alone(workspace: MemoryWorkspace) -> None:
    asked_about_a_record.submit()
    workspace.work()
    (wait,) = workspace.waits()
    assert wait["previews"] == [["first", "0.8"], ["second", "0.79"], ["p_values", "{'mcnemar': 0.4}"]]


def test_who_may_not_say_is_refused(workspace: MemoryWorkspace) -> None:
    run = asked.submit(0.9)
    with pytest.raises(AnswerError, match=r"eve may not say to 'Deploy 1.4\?'; those who may are ann, bob"):
        workspace.approve(run.id, by="eve")
    workspace.restart()
    workspace.approve(run.id, by="bob")
    assert run.result().by == "bob"


def test_an_approval_given_twice_or_too_late_is_refused(workspace: MemoryWorkspace) -> None:
    run = asked.submit(0.9)
    workspace.work()
    workspace.approve(run.id, by="ann")
    step = workspace.waits(run.id)[0]["step"]
    with pytest.raises(AnswerError, match="not open any more: it was approved \\(ann approved\\)"):
        workspace.reject(run.id, step, by="bob")
    late = timed.submit("fail")
    workspace.advance(86401)
    step = workspace.waits(late.id)[0]["step"]
    with pytest.raises(AnswerError, match="its time was over"):
        workspace.approve(late.id, step)


def test_several_have_to_approve_and_one_can_reject(workspace: MemoryWorkspace) -> None:
    run = two_of_three.submit()
    assert workspace.approve(run.id, by="ann")["outcome"] == ""
    assert workspace.approve(run.id, by="ann")["outcome"] == "", "one person counts once"
    workspace.restart()
    assert workspace.approve(run.id, by="eve")["outcome"] == "approved"
    assert run.result() == "True by ann, eve: "
    other = two_of_three.submit()
    workspace.approve(other.id, by="ann")
    assert workspace.reject(other.id, by="bob", comment="no")["outcome"] == "rejected"
    with pytest.raises(StepError, match="bob rejected 'Delete\\?': no"):
        other.result()


@pytest.mark.parametrize(("on_reject", "result"), [("skip", "skipped"), ("continue", "False by ann: not yet")])
def test_a_rejection_is_what_the_flow_says(workspace: MemoryWorkspace, on_reject: Any, result: str) -> None:
    run = gated.submit(on_reject)
    workspace.reject(run.id, by="ann", comment="not yet")
    assert run.result() == result


@pytest.mark.parametrize(
    ("on_timeout", "result"),
    [
        ("fail", "TimeoutError: nobody answered 'Go?' within 1d 00h"),
        ("reject", "Rejected: 'Go?' counts as rejected: nobody answered in time"),
        ("skip", "Skip: nobody answered 'Go?' within 1d 00h"),
        ("approve", "ok Decision(approved=True, by='', comment='nobody answered in time', at=0.0)"),
    ],
)
def test_a_time_that_is_over_is_what_the_flow_says(workspace: MemoryWorkspace, on_timeout: Any, result: str) -> None:
    run = timed.submit(on_timeout)
    workspace.advance(86401)
    assert run.result() == result


def test_an_answer_is_checked_and_becomes_a_value(workspace: MemoryWorkspace) -> None:
    run = orders.submit()
    with pytest.raises(CheckError) as caught:
        workspace.answer({"amount": "many", "colour": "blue"}, run.id)
    assert {problem.message for problem in caught.value.problems} == {
        "there is no field 'colour'; did you mean 'color'?", "name is missing (text)",
        "amount: 'many' is not a whole number",
    }  # fmt: skip
    workspace.answer({"name": "x", "amount": "3", "color": "blue", "due": "2026-01-31"}, run.id, by="ann")
    assert run.result() == Order("x", 3, Color.BLUE, date(2026, 1, 31))
    simple = counts.submit()
    workspace.answer("12", simple.id)
    assert simple.result() == 12


def test_an_answer_that_does_not_come_has_a_default(workspace: MemoryWorkspace) -> None:
    run = with_default.submit()
    workspace.advance(3601)
    assert run.result() == 5


def test_what_waits_for_something_else_is_told_so(workspace: MemoryWorkspace) -> None:
    run = paid.submit()
    workspace.work()
    with pytest.raises(AnswerError, match="waits for an approval nowhere"):
        workspace.approve(run.id)
    with pytest.raises(AnswerError, match="waits for an event; `partita send` ends it"):
        workspace.approve(run.id, 1)


def test_administrators_are_known_by_their_role(workspace: MemoryWorkspace) -> None:
    run = two_administrators.submit()
    (wait,) = workspace.waits(run.id)
    for name in ("eve", "administrator"):
        with pytest.raises(AnswerError, match="those who may are administrators"):
            workspace._ask("decide", run=run.id, step=wait["step"], approved=True, by=name)
    with pytest.raises(AnswerError, match="it was asked for by them"):
        workspace.approve(run.id, by="ann")
    workspace.approve(run.id, by="bob")
    workspace.approve(run.id, by="eve")
    assert run.result() == "True by bob, eve: "


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sleep("soon"), "is not a duration"),
        (lambda: until("tomorrow"), "no ISO time"),
        (lambda: wait_for(""), "name of an event"),
        (lambda: wait_for("x", on_timeout="skip"), "waits for ever"),
        (lambda: approval("x", approvers="ann", required=2), "2 have to approve, but only 1 may"),
        (lambda: approval("x", timeout=1, on_timeout="perhaps"), "none of fail, skip, approve, reject"),  # type: ignore[arg-type]
        (lambda: approval("x", on_reject="perhaps"), "give 'fail', 'skip' or 'continue'"),  # type: ignore[arg-type]
    ],
)
def test_what_makes_no_wait_is_refused(call: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        call()


def test_nobody_can_be_asked_for_everything() -> None:
    with pytest.raises(DefinitionError, match="nobody can be asked for a value of type set"):
        ask("x", set[int])


# Plain calls


def test_a_plain_call_takes_the_answers_of_a_test() -> None:
    answers = {"Deploy 1.4?": True, "What do you want?": {"name": "x", "amount": 1}, "paid": 3, "How many?": "4"}
    with answering(answers):
        assert naps("2d") == "awake"
        assert asked(0.5).approved
        assert orders() == Order("x", 1)
        assert paid() == 3 and counts() == 4
        assert skipping_event() == "skipped"
    with answering({}), pytest.raises(TimeoutError):
        paid()
    with answering({"Go?": False}):
        assert gated("continue").startswith("False by test")
        assert gated("skip") == "skipped"
        with pytest.raises(RuntimeError, match="rejected"):
            gated("fail")


def test_a_plain_call_without_answers_says_what_to_do() -> None:
    with pytest.raises(DefinitionError, match=r"partita\.testing\.answering"):
        paid()


@pytest.mark.parametrize("data", ["abc", {"a": "many"}])
def test_an_event_that_brings_other_plain_data_than_was_declared_fails_the_step(
    workspace: MemoryWorkspace, data: Any
) -> None:
    run = counted_event.submit()
    workspace.send(run.id, "counts", data)
    with pytest.raises(StepError, match="Input should be"):
        run.result()
    run = counted_event.submit()
    workspace.send(run.id, "counts", {"a": 1})
    assert run.result() == {"a": 1}
    run = counted_event.submit()
    workspace.advance(3601)
    assert run.result() == {"a": 0}
