"""What an attempt can ask and say about itself."""

from __future__ import annotations

from typing import Any

from partita.executors.port import LOST
from partita.protocol.messages import DONE, PROGRESS, REPORT, REQUEST
from partita.values import PLAIN, pack, unpack

_HEAD = "import pathlib, time\nfrom partita.flow.context import context\n"


def test_it_knows_the_attempt(bench: Any) -> None:
    bench.write(
        _HEAD + "def show():\n    c = context()\n"
        "    return '|'.join(map(str, [c.run, c.step, c.attempt, c.idempotency_key, c.deadline]))\n"
    )
    assert bench.result("show") == "run|step|1|run:1|None"
    assert bench.result("show", extra={"key": "mine", "deadline": 5.5}) == "run|step|1|mine|5.5"


def test_a_checkpoint_is_found_again(bench: Any) -> None:
    bench.write(_HEAD + "def count():\n    f = context().checkpoint / 'n'\n    return f.write_text('x')\n")
    message = bench.call("count")
    folder = bench.folder / "workspace" / "checkpoints" / "run" / str(message[1])
    assert unpack(message[2])[1] == 1
    assert (folder / "n").read_text() == "x"


def test_progress_is_passed_on_but_not_all_of_it(bench: Any) -> None:
    bench.write(_HEAD + "def work():\n    for i in range(1001):\n        context().progress(i, 1000, 'note')\n")
    ticket = bench.call("work")[1]
    told = [message[2:] for message in bench.messages if message[0] == PROGRESS and message[1] == ticket]
    assert told[0] == [0, 1000, "note"] and told[-1] == [1000, 1000, "note"]
    assert len(told) < 100


def test_reports_come_in_order(bench: Any) -> None:
    bench.write(_HEAD + "def work():\n    for i in range(3):\n        context().report('loss', 1 / (i + 1), i)\n")
    bench.call("work")
    told = [message[2:5] for message in bench.messages if message[0] == REPORT]
    assert told == [["loss", 1.0, 0], ["loss", 0.5, 1], ["loss", 1 / 3, 2]]


def test_what_is_no_number_is_refused(bench: Any) -> None:
    bench.write(_HEAD + "def work():\n    context().report('loss', 'much')\n")
    assert "'much' is not a number" in bench.error("work")["message"]


def test_who_asks_whether_to_stop_ends_by_itself(bench: Any) -> None:
    bench.write(
        _HEAD + "def work(started):\n"
        "    context().should_stop()\n"
        "    pathlib.Path(started).touch()\n"
        "    while not context().should_stop():\n        time.sleep(0.002)\n"
        "    return 'stopped'\n"
    )
    order = bench.start("work", str(bench.file("started")))
    bench.until(bench.file("started").exists)
    bench.executor.cancel(order.ticket, "cancelled", 20.0)
    assert bench.value_of(order.ticket) == "stopped"


def test_a_question_is_answered_and_what_stands_behind_it_can_go_elsewhere(bench: Any) -> None:
    bench.write(
        _HEAD + "def ask():\n    return context().ask('wait', {'run': 'x'})['state']\ndef add(a):\n    return a + 1\n"
    )
    asking = bench.start("ask")
    behind = bench.start("add", 1)
    bench.until(lambda: any(message[0] == REQUEST for message in bench.messages))
    request = next(message for message in bench.messages if message[0] == REQUEST)
    assert request[1] == asking.ticket and request[3:] == ["wait", {"run": "x"}]
    assert bench.executor.take_back(bench.number) == [behind.ticket]
    bench.executor.reply(asking.ticket, request[2], True, {"state": "succeeded", "large": "x" * 300_000})
    assert bench.value_of(asking.ticket) == "succeeded"
    bench.executor.reply(asking.ticket, request[2], True, None)
    assert bench.value_of(bench.start("add", 1).ticket) == 2


def test_a_refusal_is_an_error(bench: Any) -> None:
    bench.write(_HEAD + "def ask():\n    return context().ask('launch', {})\n")
    asking = bench.start("ask")
    bench.until(lambda: any(message[0] == REQUEST for message in bench.messages))
    bench.executor.reply(asking.ticket, 1, False, {"type": "NotFoundError", "message": "no such flow"})
    error = bench.end_of(asking.ticket)[2]
    assert error["type"].endswith("EngineError") and "no such flow" in error["message"]


def test_who_waits_for_an_answer_can_be_stopped(bench: Any) -> None:
    bench.write(_HEAD + "def ask():\n    return context().ask('wait', {})\n")
    asking = bench.start("ask")
    bench.until(lambda: any(message[0] == REQUEST for message in bench.messages))
    bench.executor.cancel(asking.ticket, "cancelled", 20.0)
    lost = bench.end_of(asking.ticket)
    assert lost[0] == LOST and lost[2] == "cancelled"


def test_an_attempt_that_has_ended_is_not_heard(bench: Any) -> None:
    bench.write(
        _HEAD + "kept = []\n"
        "def keep():\n    kept.append(context())\n"
        "def use():\n    kept[0].report('late', 1.0)\n    return kept[0].should_stop()\n"
    )
    assert bench.call("keep")[0] == DONE
    assert bench.result("use") is False
    assert not [message for message in bench.messages if message[0] == REPORT]


_LAUNCH = (
    "from partita.flow.flow import flow\n"
    "@flow\ndef child(n: int) -> int:\n    return n\n"
    "def parent():\n    run = context().launch(child, 5)\n    return [run.id, run.state, run.result()]\n"
    "def not_a_flow():\n    return context().launch(print)\n"
)


def _answer(bench: Any, asking: Any, number: int, is_ok: bool, answer: Any) -> Any:
    bench.until(lambda: any(m[0] == REQUEST and m[2] == number for m in bench.messages))
    bench.executor.reply(asking.ticket, number, is_ok, answer)
    return next(m for m in bench.messages if m[0] == REQUEST and m[2] == number)


def test_a_child_run_is_launched_and_awaited(bench: Any) -> None:
    bench.write(_HEAD + _LAUNCH)
    asking = bench.start("parent")
    launch = _answer(bench, asking, 1, True, "run2")
    assert launch[3] == "launch"
    assert launch[4]["flow"] == "module1:child"
    assert launch[4]["key"] == "run:1/child:1"
    assert unpack(launch[4]["arguments"]) == [[[PLAIN, 5]], [], []]
    wait = _answer(bench, asking, 2, True, {"state": "succeeded", "result": pack([PLAIN, 5])})
    assert wait[3:] == ["wait", {"run": "run2"}]
    assert bench.value_of(asking.ticket) == ["run2", "succeeded", 5]


def test_a_failed_child_run_fails_its_parent(bench: Any) -> None:
    bench.write(_HEAD + _LAUNCH)
    asking = bench.start("parent")
    _answer(bench, asking, 1, True, "run2")
    _answer(bench, asking, 2, True, {"state": "failed", "error": {"type": "ValueError", "message": "no good"}})
    error = bench.end_of(asking.ticket)[2]
    assert error["type"].endswith("StepError")
    assert "no good" in error["message"]


def test_only_flows_are_launched(bench: Any) -> None:
    bench.write(_HEAD + _LAUNCH)
    assert "decorate the function with @flow" in bench.error("not_a_flow")["message"]


def test_a_command_is_ended_with_its_attempt(bench: Any) -> None:
    bench.write("from partita.flow.command import command\nwait = command('echo up; touch {started}; sleep 60')\n")
    order = bench.start("wait", str(bench.file("started")))
    bench.until(bench.file("started").exists)
    bench.executor.cancel(order.ticket, "cancelled", 20.0)
    message = bench.end_of(order.ticket)
    assert message[0] != LOST or message[2] == "cancelled"
    assert bench.log(message) == "up\n"


def test_secrets_in_the_output_of_a_command_are_masked(bench_with: Any) -> None:
    bench = bench_with({"TOKEN": "hunter2secret"})
    bench.write("from partita.flow.command import command\nshow = command('echo token $TOKEN')\n")
    message = bench.call("show", secrets=("TOKEN",))
    assert message[0] == DONE, message
    assert b"hunter2" not in message[2]
    assert bench.log(message) == "token ***\n"
