"""Waits as steps of a file."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import CheckError
from partita.testing import answering, memory_workspace
from tests.unit.flow.yaml.conftest import Folder


def test_a_time(folder: Folder) -> None:
    flow = folder.flow("""
        inputs: {minutes: {type: int, default: 3}}
        steps:
          pause: {wait: {sleep: 5m}}
          longer: {wait: {sleep: "${{ string(inputs.minutes * 60) }}s"}, needs: pause}
          past: {wait: {until: "2020-01-01T00:00:00+00:00"}}
          say: {task: "toolbox:say", needs: [longer, past], with: {text: done}}
        outputs: ${{ steps.say.output }}
    """)
    with memory_workspace() as workspace:
        begun = workspace.clock.now()
        run = flow.run()
        assert run.result() == "done"
        assert workspace.clock.now() - begun == pytest.approx(480, abs=1)
        steps = {step["path"]: step for step in run.steps}
    assert steps["pause"]["kind"] == "wait" and steps["pause"]["place"].startswith("flow.yaml:4")
    with answering({}):
        assert flow() == "done"


def test_an_event_with_a_key_that_a_step_gives(folder: Folder) -> None:
    flow = folder.flow("""
        inputs: {order: text}
        steps:
          name: {task: "toolbox:say", with: {text: "${{ inputs.order }}"}}
          paid: {wait: {event: paid, key: "${{ steps.name.output }}", type: "dict[str, int]", timeout: 7d}}
          add: {task: "toolbox:add", with: {left: "${{ steps.paid.output.amount }}"}}
        outputs: ${{ steps.add.output }}
    """)
    with memory_workspace() as workspace:
        run = flow.submit("A17")
        workspace.send(run.id, "paid", {"amount": 1}, key="other")
        workspace.send(run.id, "paid", {"amount": 3}, key="A17")
        assert run.result() == 4
    with answering({"paid": {"amount": 5}}):
        assert flow("x") == 6


def test_what_becomes_of_a_wait_that_takes_too_long(folder: Folder) -> None:
    flow = folder.flow("""
        steps:
          event: {wait: {event: paid, timeout: 1m, default: 7}}
          skipped: {wait: {event: never, timeout: 1m, on_timeout: skip}}
          after: {task: "toolbox:perhaps", with: {number: "${{ steps.skipped.output }}"}}
        outputs: ["${{ steps.event.output }}", "${{ steps.after.output }}"]
    """)
    with memory_workspace():
        assert flow.run().result() == [7, "got None"]


def test_an_approval(folder: Folder) -> None:
    flow = folder.flow("""
        inputs: {version: text}
        steps:
          train: {task: "toolbox:train", with: {rate: 0.5}}
          approve:
            approval:
              question: Deploy ${{ inputs.version }}?
              show: ${{ steps.train.output.score }}
              approvers: [ann, bob]
              on_reject: continue
              timeout: 2d
              on_timeout: reject
          deploy:
            task: toolbox:say
            when: ${{ steps.approve.output.approved }}
            with: {text: "by ${{ steps.approve.output.by }}"}
        outputs: ${{ steps.deploy.output }}
    """)
    with memory_workspace() as workspace:
        run = flow.submit("1.4")
        workspace.approve(run.id, by="ann")
        assert run.result() == "by ann"
        run = flow.submit("1.5")
        workspace.reject(run.id, by="bob")
        assert run.result() is None
    with answering({"Deploy 1.4?": True}):
        assert flow("1.4") == "by test"


def test_an_answer(folder: Folder) -> None:
    flow = folder.flow("""
        steps:
          count: {ask: {question: How many?, type: int}}
          tone: {ask: {question: Which?, choices: [loud, quiet]}, needs: count}
          name: {ask: Who?, when: "${{ steps.count.output > 1 }}"}
          trial: {ask: {question: What?, type: "toolbox:Trial"}}
          best: {task: "toolbox:best", with: {trials: ["${{ steps.trial.output }}"]}}
        outputs: ["${{ steps.count.output }}", "${{ steps.tone.output }}", "${{ steps.name.output }}", "${{ steps.best.output }}"]
    """)
    answers = {"How many?": 2, "Which?": "loud", "Who?": "Ada", "What?": {"name": "big", "scores": [1]}}
    with answering(answers):
        assert flow() == [2, "loud", "Ada", "big"]
    with answering({**answers, "How many?": 1}):
        assert flow() == [1, "loud", None, "big"]


def test_each_of_several(folder: Folder) -> None:
    flow = folder.flow("""
        steps:
          wait: {wait: {event: "${{ item }}"}, foreach: [a, b]}
          sum: {task: "toolbox:total", with: {values: "${{ steps.wait.output }}"}}
        outputs: ${{ steps.sum.output }}
    """)
    with memory_workspace() as workspace:
        run = flow.submit()
        workspace.send(run.id, "b", 2)
        workspace.send(run.id, "a", 1)
        assert run.result() == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps: {a: {wait: 5m}}", "`wait` is a mapping, and here stands a text | write `wait: {sleep: 5m}`"),
        ("steps: {a: {wait: {sleep: 5m, until: x}}}", "`wait` of a has sleep and until"),
        ("steps: {a: {wait: {slep: 5m}}}", "`wait` of a does not say for what"),
        ("steps: {a: {wait: {sleep: 5m, timeout: 3}}}", "sleep has no key 'timeout'"),
        ("steps: {a: {wait: {event: x, tiemout: 3}}}", "did you mean 'timeout'?"),
        ("steps: {a: {approval: {show: x}}}", "`approval` of a does not say what is asked"),
        ("steps: {a: {approval: [x]}}", "`approval` is a mapping, and here stands a list"),
        ("steps: {a: {ask: {question: x, type: intt}}}", "there is no type 'intt' | did you mean 'int'?"),
        ("steps: {a: {ask: {question: x, type: '${{ 1 + 1 }}'}}}", "type takes no expression"),
        ("steps: {a: {ask: x, retries: 3}}", "the step a has no key 'retries'"),
        ("steps: {a: {wait: {sleep: 5m}, with: {a: 1}}}", "the step a waits, which takes no `with`"),
    ],
)
def test_what_is_wrong_is_told(folder: Folder, text: str, told: str) -> None:
    assert any(told in problem for problem in folder.problems(text)), folder.problems(text)


@pytest.mark.parametrize(
    "text",
    ["{wait: {sleep: 5 parsecs}}", "{approval: {question: x, on_reject: run}}", "{ask: {question: x, type: path}}"],
)
def test_values_that_a_wait_cannot_have_are_refused_with_their_place(folder: Folder, text: str) -> None:
    flow = folder.flow(f"steps:\n  a: {text}\n")
    with memory_workspace(), pytest.raises(CheckError) as caught:
        flow.run().result()
    assert caught.value.problems[0].place.startswith("flow.yaml:2:")


def test_nothing_is_awaited_where_the_condition_is_false(folder: Folder) -> None:
    found: Any = folder.result("""
        inputs: {careful: {type: bool, default: false}}
        steps: {approve: {approval: Sure?, when: "${{ inputs.careful }}"}}
        outputs: {decision: "${{ steps.approve.output }}"}
    """)
    assert found == {"decision": None}


def test_what_is_wrong_with_several_waits_is_told_at_once(folder: Folder) -> None:
    text = """
        steps:
          pause: {wait: {sleep: soon}}
          go: {approval: {question: x, required: 3, approvers: [a, b]}, needs: pause}
          event: {wait: {event: x, on_timeout: skip}}
          square: {task: "toolbox:square", with: {number: "${{ steps.train.output.name }}"}}
          train: {task: "toolbox:train", with: {rate: 0.5}}
    """
    with memory_workspace(), pytest.raises(CheckError) as caught:
        folder.flow(text).run().result()
    assert [problem.place for problem in caught.value.problems] == [
        "flow.yaml:3:17", "flow.yaml:4:18", "flow.yaml:5:17", "flow.yaml:6:51",
    ]  # fmt: skip
