"""A flow's body runs in a worker, and its steps arrive in frames."""

from __future__ import annotations

from typing import Any

from partita.protocol.messages import FAILED, FRAME, LAID
from partita.values import INPUT, PLAIN, REF, pack, unpack

_HEAD = "from partita.flow.task import task\nfrom partita.flow.flow import flow\n"


def test_steps_arrive_before_the_layout_is_complete(bench: Any) -> None:
    bench.write(
        _HEAD + "@task\ndef add(a: int, b: int) -> int:\n    return a + b\n"
        "@flow\ndef total(n: int) -> int:\n    value = 0\n"
        "    for i in range(n):\n        value = add(value, i)\n    return value\n"
    )
    laid = bench.call("total", 1200, body="flow")
    frames = [message for message in bench.messages if message[0] == FRAME]
    assert laid[0] == LAID, laid
    assert [message[2] for message in frames] == [1200] * len(frames)
    assert len(frames) > 1
    steps = [step for message in frames for step in message[4]]
    assert len(steps) == 1200
    assert steps[0][0] == "add"
    assert steps[5][5] == [4]
    assert steps[0][8].startswith("module1.py:")
    assert unpack(laid[2]) == [REF, 1199, []]
    (profile,) = [profile for message in frames for profile in message[3]]
    assert profile["function"] == "module1:add"
    assert profile["fingerprint"]


def test_texts_are_converted_by_the_signature(bench: Any) -> None:
    bench.write(_HEAD + "@flow\ndef show(day: int, rate: float = 0.5) -> float:\n    return day * rate\n")
    laid = bench.call("show", body="flow", extra={"texts": {"day": "3"}})
    assert unpack(laid[2]) == [PLAIN, 1.5]


def test_everything_that_is_wrong_is_told_at_once(bench: Any) -> None:
    bench.write(
        _HEAD + "@task\ndef take(a: int) -> int:\n    return a\n"
        "@flow\ndef wrong() -> int:\n    take('text')\n    take()\n    return take(1, 2)\n"
    )
    failed = bench.call("wrong", body="flow")
    assert failed[0] == FAILED
    assert failed[2]["type"].endswith("CheckError")
    assert len(failed[2]["problems"]) >= 3
    assert failed[2]["retry"] is False


def test_what_the_body_raises_is_a_failure(bench: Any) -> None:
    bench.write(_HEAD + "@flow\ndef fail() -> int:\n    raise ValueError('no')\n")
    failed = bench.call("fail", body="flow")
    assert (failed[2]["type"], failed[2]["message"]) == ("ValueError", "no")


def test_a_module_that_calls_a_task_when_it_is_imported_is_refused(bench: Any) -> None:
    bench.write(_HEAD + "@task\ndef one() -> int:\n    return 1\none()\n@flow\ndef f() -> int:\n    return one()\n")
    failed = bench.call("f", body="flow")
    assert "while a flow is being laid out" in failed[2]["message"]


def test_an_outer_ref_stays_a_ref(bench: Any) -> None:
    bench.write(
        _HEAD + "from partita.flow.ref import Ref\n@task\ndef add(a: int, b: int) -> int:\n    return a + b\n"
        "@flow\ndef inner(a: Ref[int], n: int) -> int:\n    return add(a, n)\n"
    )
    laid = bench.call("inner", body="flow", nodes=[[INPUT, 0], [PLAIN, 2]], inputs=[[REF, 7, ["k"]]])
    assert laid[0] == LAID, laid
    (step,) = next(message for message in bench.messages if message[0] == FRAME)[4]
    assert step[5] == [[-8, ["k"], 0]]


def test_a_value_that_came_in_keeps_its_artifact(bench: Any) -> None:
    bench.write(
        _HEAD + "from fractions import Fraction\n@task\ndef half(a):\n    return Fraction(1, 2)\n"
        "@flow\ndef pass_on(a: Fraction) -> Fraction:\n    half(a)\n    return a\n"
    )
    node = unpack(bench.call("half", 1)[2])
    laid = bench.call("pass_on", body="flow", nodes=[[INPUT, 0]], inputs=[node])
    assert laid[0] == LAID, laid
    assert unpack(laid[2]) == node


def test_a_task_is_called_plainly(bench: Any) -> None:
    bench.write(
        _HEAD + "@task\ndef add(a: int, b: int) -> int:\n    return a + b\n"
        "@task\ndef outer() -> int:\n    return add(1, 2)\n"
    )
    assert bench.result("outer") == 3


def test_the_retry_rule_is_asked(bench: Any) -> None:
    bench.write("def fail():\n    raise ValueError('no')\n")
    failed = bench.call("fail", worker_options=pack([PLAIN, {"retry_delay": 3.0}]))
    assert (failed[2]["retry"], failed[2]["delay_s"]) == (True, 3.0)
