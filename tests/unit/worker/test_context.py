"""What an attempt can ask and say about itself."""

from __future__ import annotations

from typing import Any

from partita.executors.port import LOST, RETURNED
from partita.protocol.messages import DONE, PROGRESS, REPORT, REQUEST
from partita.protocol.values import unpack

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


def test_a_question_is_answered_and_holds_nobody_up(bench: Any) -> None:
    bench.write(
        _HEAD + "def ask():\n    return context().ask('wait', {'run': 'x'})['state']\ndef add(a):\n    return a + 1\n"
    )
    asking = bench.start("ask")
    behind = bench.start("add", 1)
    bench.until(lambda: any(message[0] == REQUEST for message in bench.messages))
    request = next(message for message in bench.messages if message[0] == REQUEST)
    assert request[1] == asking.ticket and request[3:] == ["wait", {"run": "x"}]
    assert bench.end_of(behind.ticket) == [RETURNED, behind.ticket]
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
