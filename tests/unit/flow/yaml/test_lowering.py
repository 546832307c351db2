"""What the steps of a file do: in a run and as plain calls alike."""

from __future__ import annotations

import pytest

from partita.errors import CheckError, StepError
from partita.testing import memory_workspace
from tests.unit.flow.yaml.conftest import Folder


def test_inputs_go_to_steps_and_steps_to_steps(folder: Folder) -> None:
    text = """
        inputs: {count: int, right: {type: int, default: 5}}
        steps:
          numbers: {task: "toolbox:numbers", with: {count: "${{ inputs.count }}"}}
          total: {task: "toolbox:total", with: {values: "${{ steps.numbers.output }}"}}
          sum: {task: "toolbox:add", with: {left: "${{ steps.total.output }}", right: "${{ inputs.right }}"}}
        outputs: ${{ steps.sum.output }}
    """
    assert folder.result(text, count=4) == 11
    assert folder.result(text, count=4, right=0) == 6


def test_steps_may_stand_in_any_order(folder: Folder) -> None:
    text = """
        steps:
          last: {task: "toolbox:square", with: {number: "${{ steps.first.output }}"}}
          first: {task: "toolbox:add", with: {left: 2}}
        outputs: ${{ steps.last.output }}
    """
    assert folder.result(text) == 9


def test_a_lone_reference_keeps_path_and_type(folder: Folder) -> None:
    text = """
        steps:
          rows: {task: "toolbox:rows", with: {count: 3}}
          square: {task: "toolbox:square", with: {number: "${{ steps.rows.output[2].size }}"}}
          train: {task: "toolbox:train", with: {rate: 0.5}}
          say: {task: "toolbox:say", with: {text: "${{ steps.train.output.name }}"}}
        outputs: {square: "${{ steps.square.output }}", name: "${{ steps.say.output }}"}
    """
    assert folder.result(text) == {"square": 400, "name": "small"}
    folder.run(text)
    assert set(folder.steps) == {"flow", "rows", "square", "train", "say"}  # nothing was computed


def test_a_reference_of_the_wrong_type_is_refused_before_anything_runs(folder: Folder) -> None:
    text = """
        steps:
          train: {task: "toolbox:train", with: {rate: 0.5}}
          square: {task: "toolbox:square", with: {number: "${{ steps.train.output.name }}"}}
    """
    with memory_workspace(), pytest.raises(CheckError) as caught:
        folder.flow(text).run().result()
    assert "square's number takes int, and step train (called at flow.yaml:3:3) gives str" in str(caught.value)
    assert caught.value.problems[0].place == "flow.yaml:4:51"


@pytest.mark.parametrize(
    ("items", "kind", "remedy"),
    [
        ("steps.rows.output[0]", "dict[str, int]", "${{ steps.rows.output[0].map(key, key) }}"),
        ("steps.square.output", "int", ""),
        ("inputs.number", "int", ""),
        ("inputs.size", "dict", "${{ inputs.size.map(key, key) }}"),
    ],
)
@pytest.mark.parametrize("argument", ["${{ item }}", "${{ string(item) }}", "x"])
def test_foreach_over_what_is_no_list_is_refused_before_anything_runs(
    folder: Folder, items: str, kind: str, remedy: str, argument: str
) -> None:
    text = f"""
        inputs: {{number: {{type: int, default: 3}}, size: {{type: dict, default: {{a: 1}}}}}}
        steps:
          rows: {{task: "toolbox:rows", with: {{count: 2}}}}
          square: {{task: "toolbox:square", with: {{number: 2}}}}
          say: {{task: "toolbox:say", foreach: "${{{{ {items} }}}}", with: {{text: "{argument}"}}}}
    """
    with memory_workspace(), pytest.raises(CheckError) as caught:
        folder.flow(text).run().result()
    problem = caught.value.problems[0]
    assert problem.place == "flow.yaml:6:39"
    assert problem.message == f"`foreach` goes through a list, and `{items}` is of type {kind}"
    assert problem.remedy == (f"write `{remedy}` for its keys" if remedy else "")


def test_an_expression_that_computes_becomes_a_step(folder: Folder) -> None:
    text = """
        inputs: {count: int}
        steps:
          numbers: {task: "toolbox:numbers", with: {count: "${{ inputs.count }}"}}
          say: {task: "toolbox:say", with: {text: "${{ size(steps.numbers.output) }} of ${{ inputs.count }}"}}
        outputs: {text: "${{ steps.say.output }}", more: "${{ steps.numbers.output.map(x, x + inputs.count) }}"}
    """
    assert folder.result(text, count=2) == {"text": "2 of 2", "more": [2, 3]}
    folder.run(text, count=2)
    assert set(folder.steps) == {"flow", "numbers", "say", "say.text", "outputs.more"}


def test_an_expression_of_inputs_is_a_value(folder: Folder) -> None:
    text = """
        inputs: {name: text, count: {type: int, default: 2}}
        steps:
          say: {task: "toolbox:say", with: {text: "${{ inputs.name + '!' }} ${{ inputs.count > 1 }}"}}
          square: {task: "toolbox:square", with: {number: "${{ inputs.count * 2 }}"}}
        outputs: ["${{ steps.say.output }}", "${{ steps.square.output }}"]
    """
    assert folder.result(text, name="Ada") == ["Ada! true", 16]
    folder.run(text, name="Ada")
    assert set(folder.steps) == {"flow", "say", "square"}


def test_a_condition_on_inputs(folder: Folder) -> None:
    text = """
        inputs: {count: int}
        steps:
          square: {task: "toolbox:square", when: "${{ inputs.count > 3 }}", with: {number: "${{ inputs.count }}"}}
          after: {task: "toolbox:add", with: {left: "${{ steps.square.output }}"}}
          anyway: {task: "toolbox:perhaps", with: {number: "${{ steps.square.output }}"}}
        outputs: ["${{ steps.square.output }}", "${{ steps.after.output }}", "${{ steps.anyway.output }}"]
    """
    assert folder.result(text, count=4) == [16, 17, "got 16"]
    assert folder.result(text, count=3) == [None, None, "got None"]
    folder.run(text, count=3)
    assert folder.steps["square"] == folder.steps["after"] == "skipped"
    assert folder.steps["anyway"] == "succeeded"


def test_a_condition_on_outputs(folder: Folder) -> None:
    text = """
        inputs: {rate: float}
        steps:
          train: {task: "toolbox:train", with: {rate: "${{ inputs.rate }}"}}
          good: {task: "toolbox:say", when: "${{ steps.train.output.score > 4.0 }}", with: {text: "${{ steps.train.output.name }}"}}
          bad: {task: "toolbox:say", when: "${{ !(steps.train.output.score > 4.0) }}", with: {text: "bad ${{ steps.train.output.name }}"}}
        outputs: ["${{ steps.good.output }}", "${{ steps.bad.output }}"]
    """
    assert folder.result(text, rate=0.5) == ["small", None]
    assert folder.result(text, rate=0.1) == [None, "bad small"]
    folder.run(text, rate=0.1)
    assert folder.steps["good"] == "skipped"
    assert folder.steps["bad/bad"] == "succeeded"


def test_a_condition_that_is_neither_true_nor_false(folder: Folder) -> None:
    text = """
        steps:
          add: {task: "toolbox:add", with: {left: 2}}
          say: {task: "toolbox:say", when: "${{ steps.add.output + 1 }}", with: {text: hi}}
    """
    with pytest.raises((CheckError, StepError), match="`when` is true or false"):
        folder.flow(text)()
    run = folder.run(text)
    assert run.state == "failed"


@pytest.mark.parametrize("items", ["${{ steps.numbers.output }}", "${{ inputs.list }}", "[0, 1, 2]"])
def test_foreach_goes_through_lists(folder: Folder, items: str) -> None:
    text = f"""
        inputs: {{list: {{type: "list[int]", default: [0, 1, 2]}}}}
        steps:
          numbers: {{task: "toolbox:numbers", with: {{count: 3}}}}
          plain:
            task: toolbox:square
            foreach: {items}
            with: {{number: "${{{{ item }}}}"}}
          computed:
            task: toolbox:add
            foreach:
              items: {items}
              key: ${{{{ 'n' + string(item) }}}}
            with: {{left: "${{{{ item * 10 }}}}", right: "${{{{ inputs.list[1] }}}}"}}
          next:
            task: toolbox:square
            foreach: ${{{{ steps.plain.output }}}}
            with: {{number: "${{{{ item }}}}"}}
          total: {{task: "toolbox:total", with: {{values: "${{{{ steps.next.output }}}}"}}}}
        outputs: ["${{{{ steps.plain.output }}}}", "${{{{ steps.computed.output }}}}", "${{{{ steps.total.output }}}}"]
    """
    assert folder.result(text) == [[0, 1, 4], [1, 11, 21], 17]
    folder.run(text)
    assert any(path.endswith("computed[n2]") for path in folder.steps)


def test_foreach_takes_elements_apart(folder: Folder) -> None:
    text = """
        steps:
          rows: {task: "toolbox:rows", with: {count: 3}}
          sum:
            task: toolbox:add
            foreach: ${{ steps.rows.output }}
            with: {left: "${{ item.id }}", right: "${{ item.size }}"}
          known:
            task: toolbox:add
            foreach: [{a: 1, b: 2}, {a: 3, b: 4}]
            with: {left: "${{ item.a }}", right: "${{ item['b'] }}"}
        outputs: ["${{ steps.sum.output }}", "${{ steps.known.output }}"]
    """
    assert folder.result(text) == [[0, 11, 22], [3, 7]]


def test_a_condition_on_each_element(folder: Folder) -> None:
    text = """
        steps:
          numbers: {task: "toolbox:numbers", with: {count: 4}}
          square:
            task: toolbox:square
            foreach: ${{ steps.numbers.output }}
            when: ${{ item % 2 == 1 }}
            with: {number: "${{ item }}"}
        outputs: ${{ steps.square.output }}
    """
    folder.run(text)
    assert folder.steps["square[]/square[1]"] == "succeeded"
    assert folder.steps["square[]/square[2]"] == "skipped"


def test_elements_may_fail_where_the_file_says_so(folder: Folder) -> None:
    text = """
        steps:
          some: {task: "toolbox:risky", foreach: {items: [1, 2, 3], at_least: 2}, with: {number: "${{ item }}"}}
          all: {task: "toolbox:risky", foreach: {items: [1, 3], settle: true}, with: {number: "${{ item }}"}}
          look: {task: "toolbox:look", foreach: "${{ steps.all.output }}", with: {outcome: "${{ item }}"}}
        outputs: ["${{ steps.some.output }}", "${{ steps.look.output }}"]
    """
    assert folder.result(text) == [[1, 2], ["fine", "3 is too much"]]


def test_the_outcome_of_a_step(folder: Folder) -> None:
    text = """
        inputs: {number: int}
        steps:
          risky: {task: "toolbox:risky", with: {number: "${{ inputs.number }}"}}
          look: {task: "toolbox:look", with: {outcome: "${{ steps.risky.outcome }}"}}
          mend: {task: "toolbox:instead", when: "${{ !steps.risky.outcome.ok }}", with: {number: 7}}
        outputs: ["${{ steps.look.output }}", "${{ steps.mend.output }}"]
    """
    assert folder.result(text, number=1) == ["fine", None]
    assert folder.result(text, number=3) == ["3 is too much", -7]


def test_needs_orders_steps(folder: Folder) -> None:
    text = """
        steps:
          first: {task: "toolbox:risky", with: {number: 3}}
          second: {task: "toolbox:say", needs: first, with: {text: never}}
    """
    run = folder.run(text)
    assert run.state == "failed"
    assert folder.steps["second"] == "skipped"


def test_values_take_the_form_of_the_parameters(folder: Folder) -> None:
    text = """
        steps:
          numbers: {task: "toolbox:numbers", with: {count: 3}}
          best:
            task: toolbox:best
            with:
              trials:
                - {name: small, scores: [1]}
                - {name: large, scores: "${{ steps.numbers.output }}"}
          paint: {task: "toolbox:paint", with: {color: red, file: a/b.txt}}
        outputs: ["${{ steps.best.output }}", "${{ steps.paint.output }}"]
    """
    assert folder.result(text) == ["large", "Color.RED PosixPath a/b.txt"]


def test_a_member_of_an_enum_is_its_value_in_texts_and_commands(folder: Folder) -> None:
    text = """
        inputs: {color: {type: "toolbox.py:Color", default: red}}
        steps:
          say: {task: "toolbox:say", with: {text: "in ${{ inputs.color }}"}}
          show: {run: "echo ${{ inputs.color }}"}
        outputs: ["${{ steps.say.output }}", "${{ steps.show.output.stdout }}"]
    """
    assert folder.result(text) == ["in red", "red\n"]


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("1h30m", 5400), ("5", 5), ("0.5", 0.5), ("PT2M", 120)])
def test_durations_are_written_as_everywhere(folder: Folder, written: str, seconds: float) -> None:
    folder.write(
        "clock.py",
        """
        from datetime import timedelta
        from partita import task

        @task
        def seconds(span: timedelta) -> float:
            return span.total_seconds()
    """,
    )
    text = f"""
        inputs: {{pause: {{type: duration, default: {written}}}}}
        steps:
          constant: {{task: "clock:seconds", with: {{span: {written}}}}}
          given: {{task: "clock:seconds", with: {{span: "${{{{ inputs.pause }}}}"}}}}
        outputs: ["${{{{ steps.constant.output }}}}", "${{{{ steps.given.output }}}}"]
    """
    assert folder.result(text) == [seconds, seconds]


def test_commands_get_values_quoted(folder: Folder) -> None:
    text = """
        inputs: {name: text}
        steps:
          shell: {run: "printf '%s' ${{ inputs.name }} | awk '{print $1}'"}
          list: {run: [printf, "%s-%s", "${{ inputs.name }}", "${{ steps.shell.output.exit_status }}"]}
          many: {run: "printf %s ${{ item }}", foreach: [a b, c]}
          odd: {run: "exit 3", allowed_statuses: [0, 3]}
        outputs:
          shell: ${{ steps.shell.output.stdout }}
          list: ${{ steps.list.output.stdout }}
          second: ${{ steps.many.output[0].stdout }}
          odd: ${{ steps.odd.output.exit_status }}
    """
    found = folder.result(text, name="x; rm -rf y")
    assert found == {"shell": "x;\n", "list": "x; rm -rf y-0", "second": "a b", "odd": 3}


def test_flows_call_python_flows_and_other_files(folder: Folder) -> None:
    folder.write("inner.yaml", """
        inputs: {number: int}
        steps: {square: {task: "toolbox:square", with: {number: "${{ inputs.number }}"}}}
        outputs: ${{ steps.square.output }}
    """)  # fmt: skip
    text = """
        steps:
          twice: {flow: "toolbox:twice", with: {number: 2}}
          file: {flow: inner.yaml, with: {number: "${{ steps.twice.output }}"}}
          each: {flow: inner.yaml, foreach: [1, 2], with: {number: "${{ item }}"}}
        outputs: ["${{ steps.file.output }}", "${{ steps.each.output }}"]
    """
    assert folder.result(text) == [256, [1, 4]]


def test_a_file_may_call_itself(folder: Folder) -> None:
    text = """
        inputs: {number: int}
        steps:
          less: {task: "toolbox:add", with: {left: "${{ inputs.number }}", right: -1}}
          rest:
            flow: flow.yaml
            when: ${{ steps.less.output > 0 }}
            with: {number: "${{ steps.less.output }}"}
        outputs: {number: "${{ inputs.number }}", rest: "${{ steps.rest.output }}"}
    """
    assert folder.result(text, number=3)["rest"]["rest"] == {"number": 1, "rest": None}


def test_options_are_those_of_tasks(folder: Folder) -> None:
    text = """
        steps:
          risky:
            task: toolbox:risky
            with: {number: 5}
            retries: 2
            retry_on: [ValueError]
            fallback: toolbox:instead
            environment_variables: {LEVEL: 3}
            description: may fail
        outputs: ${{ steps.risky.output }}
    """
    assert folder.result(text) == -5
    with memory_workspace():
        run = folder.flow(text).run()
        step = next(step for step in run.steps if step["path"] == "risky")
    assert step["attempts"] == 3


def test_options_that_are_functions_are_named_by_their_place(folder: Folder) -> None:
    folder.write(
        "rules.py",
        """
        def longer(attempt: int) -> float:
            return attempt * 1000.0

        def is_passing(error: Exception) -> bool:
            return "much" in str(error)
    """,
    )
    text = """
        steps:
          risky:
            task: toolbox:risky
            with: {number: 5}
            retries: 2
            retry_on: rules:is_passing
            retry_delay: rules:longer
    """
    with memory_workspace() as workspace:
        begun = workspace.clock.now()
        run = folder.flow(text).run()
        assert run.state == "failed"
        assert next(step["attempts"] for step in run.steps if step["path"] == "risky") == 3
        assert workspace.clock.now() - begun == pytest.approx(3000, abs=1)


def test_foreach_goes_through_lists_of_lists_whatever_is_declared(folder: Folder) -> None:
    folder.write("loose.py", """
        from partita import task

        @task
        def size(values: list) -> int:
            return len(values)

        @task
        def pairs() -> list:
            return [[1, 2], [3]]
    """)  # fmt: skip
    text = """
        steps:
          pairs: {task: "loose:pairs"}
          known: {task: "loose:size", foreach: [[1], [2, 3]], with: {values: "${{ item }}"}}
          later: {task: "loose:size", foreach: "${{ steps.pairs.output }}", with: {values: "${{ item }}"}}
          none: {task: "loose:size", foreach: [], with: {values: "${{ item }}"}}
        outputs: ["${{ steps.known.output }}", "${{ steps.later.output }}", "${{ steps.none.output }}"]
    """
    assert folder.result(text) == [[1, 2], [2, 1], []]


def test_needs_holds_for_every_element(folder: Folder) -> None:
    text = """
        inputs: {number: int}
        steps:
          first: {task: "toolbox:risky", when: "${{ inputs.number > 0 }}", with: {number: "${{ inputs.number }}"}}
          known: {task: "toolbox:square", needs: first, foreach: [1, 2], with: {number: "${{ item }}"}}
          numbers: {task: "toolbox:numbers", with: {count: 2}}
          later: {task: "toolbox:square", needs: first, foreach: "${{ steps.numbers.output }}", with: {number: "${{ item }}"}}
          flow: {flow: "toolbox:twice", needs: [first], with: {number: 2}}
          command: {run: "true", needs: [first]}
        outputs: ["${{ steps.later.output }}", "${{ steps.flow.output }}"]
    """
    assert folder.result(text, number=1) == [[0, 1], 16]
    folder.run(text, number=0)
    made = {
        path: state for path, state in folder.steps.items() if path.startswith(("known", "later", "flow/", "command"))
    }
    assert set(made.values()) == {"skipped"}, made


def test_a_file_that_calls_itself_without_an_end_is_refused(folder: Folder) -> None:
    text = "steps: {again: {flow: flow.yaml}}"
    with memory_workspace(), pytest.raises(CheckError, match=r"flow\.yaml calls itself without an end") as caught:
        folder.flow(text).run().result()
    assert caught.value.problems[0].place == "flow.yaml:1:9"


def test_python_flows_call_flows_of_files(folder: Folder) -> None:
    folder.write("inner.yaml", """
        inputs: {number: int}
        steps: {square: {task: "outer:double", with: {number: "${{ inputs.number }}"}}}
        outputs: {value: "${{ steps.square.output }}"}
    """)  # fmt: skip
    folder.write("outer.py", """
        from partita import flow, load_flow, task

        @task
        def double(number: int) -> int:
            return number * 2

        inner = load_flow("inner.yaml")

        @flow
        def outer(number: int) -> list[int]:
            first = inner(number)
            return [first["value"], inner.map([1, 2], key=["a", "b"])[1]["value"], inner(first["value"])["value"]]
    """)  # fmt: skip
    text = """
        steps: {outer: {flow: "outer:outer", with: {number: 3}}}
        outputs: ${{ steps.outer.output }}
    """
    assert folder.result(text) == [6, 4, 12]
    folder.run(text)
    assert "outer/inner[b]/square" in folder.steps


def test_what_a_task_reaches_in_a_file_counts_for_its_fingerprint(folder: Folder) -> None:
    from partita.artifacts.code.fingerprint import Fingerprinter

    text = "steps: {a: {run: ls}}"
    one = Fingerprinter(folder.path).of(folder.flow(text))
    assert Fingerprinter(folder.path).of(folder.flow(text)) == one
    assert Fingerprinter(folder.path).of(folder.flow("steps: {a: {run: ls -l}}")) != one


def test_bodies_of_called_flows_are_read_for_warnings(folder: Folder) -> None:
    from partita.flow.checks import flow_warnings

    folder.write("odd.py", """
        import random
        from partita import flow

        @flow
        def guess() -> int:
            return random.randint(1, 2)
    """)  # fmt: skip
    found = flow_warnings(folder.flow("steps: {a: {flow: 'odd:guess'}}"), lambda file, line: f"{line}")
    assert ["is different each time" in problem.message for problem in found] == [True]
