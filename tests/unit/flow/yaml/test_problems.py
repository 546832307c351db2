"""What is wrong in a file is told at once, with its place and what was probably meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.flow.yaml.conftest import Folder

Problems = Callable[[str], list[str]]


def test_everything_is_told_at_once(problems: Problems) -> None:
    found = problems("""\
        nam: x
        inputs:
          n: intt
          m: {type: int, default: abc, descripton: z}
        steps:
          a: {task: "toolbox:number", with: {n: 3}}
          b:
            task: toolbox:add
            with: {left: "abc", rigth: 3}
            retrys: 3
            retries: -1
          b: {task: "toolbox:add"}
          c:
            task: toolbox:say
            with: {text: "${{ steps.aa.output + inputs.k }}"}
            needs: [d]
          d: {task: "toolbox:say", with: {text: "${{ steps.c.outptu }}"}}
          e: {run: "ls", with: {a: 1}}
          f: {with: {a: 1}}
          g: {task: "toolbox:square", with: {number: "${{ item }}"}}
        outputs: ${{ steps.zz.output }}
    """)
    assert found == [
        "1:1 a flow has no key 'nam' | did you mean 'name'?",
        "3:6 there is no type 'intt' | did you mean 'int'?",
        "4:27 the default of m is not of its type: 'abc' (str), not int | ",
        "4:32 the input m has no key 'descripton' | did you mean 'description'?",
        "6:13 toolbox.py has no 'number' | did you mean 'numbers'?",
        "9:18 add's left takes int, and got 'abc' (str), not int | ",
        "9:25 add has no parameter 'rigth' | did you mean 'right'?",
        "10:5 the step b has no key 'retrys' | did you mean 'retries'?",
        "11:14 retries=-1 is not a count; give 0, 1, 2, ... | ",
        "12:3 the key 'b' stands here twice, first in line 7 | keep one of them",
        "13:3 steps wait for each other: c needs d needs c | take one of these edges away",
        "15:23 there is no step 'aa' | did you mean 'a'?",
        "15:41 the flow has no input 'k' | its inputs: n, m",
        "17:46 a step has no 'outptu': `steps.c.outptu` | did you mean 'output'?",
        "18:18 the step e runs a command, which takes no `with` "
        "| write the values into the command: `run: python prepare.py ${{ inputs.path }}`",
        "19:3 the step f does not say what it does "
        "| give it one of `task: module:name`, `run: command`, `flow: file.yaml`, `container:`, `wait:`, `approval:` and `ask:`",
        "20:51 `item` stands for an element of `foreach`, and there is none here | give the step `foreach:`",
        "21:14 there is no step 'zz' | its steps: a, b, c, d, e, f, g",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps: [", "this is not YAML"),
        ("steps:\n\ta: 1", "2:1 this is not YAML: a tab stands where the line is indented | indent with spaces"),
        ("# nothing but a comment", "1:1 the flow has no steps"),
        ("steps: {a: {run: \x01}}", "1:18 this is not YAML: the character #x0001 is not allowed"),
        ("steps: {a: {run: ls, retry_delay: 'toolbox:nope'}}", "toolbox.py has no 'nope'"),
        ("- a", "1:1 a flow is a mapping, and here stands a list"),
        ("inputs: {}", "the flow has no steps"),
        ("steps: {a: {task: x:y}}\n---\nsteps: {}", "the file holds a second document"),
        (
            "steps: {a: !!python/object:os.system {task: x}}",
            "the tag 'tag:yaml.org,2002:python/object:os.system' is not",
        ),
        ("steps: {a b: {run: ls}}", "'a b' cannot be a name"),
        ("steps: {a: {container: {command: ls}}}", "`container:` names no image | give it `image:`"),
        ("steps: {a: {container: alpine}}", "`container:` is a mapping, and here stands a text"),
        ("steps: {a: {container: {image: alpine, comand: ls}}}", "has no key 'comand' | did you mean 'command'?"),
        ("steps: {a: {container: {image: '${{ inputs.x }}'}}}", "takes no expression"),
        ("steps: {a: {container: {image: alpine, inputs: [text]}}}", "`inputs` is a mapping, and here stands a list"),
        ("steps: {a: {container: {image: alpine, outputs: {x: fil}}}}", "the output x: there is no type 'fil'"),
        ("steps: {a: {container: {image: alpine, command: 'cat {inputs.x}'}}}", "{inputs.x} is not among the inputs"),
        ("steps: {a: {container: {image: alpine, inputs: {n: int}}, with: {n: text}}}", "a's n takes int"),
        ("steps: {a: {container: {image: alpine, inputs: {n: int}}}}", "is missing its argument 'n'"),
        ("steps: {a: {run: ls, task: x:y}}", "the step a has task and run"),
        ("steps: {a: {run: 3, when: maybe}}", "`when` is an expression, and here stands a text"),
        ("steps: {a: {run: ls, foreach: 3}}", "`foreach` goes through a list, and here stands a number"),
        ("steps: {a: {run: ls, foreach: {item: [1]}}}", "did you mean 'items'?"),
        ("steps: {a: {run: ls, needs: b}}", "there is no step 'b'"),
        ("steps: {a: {run: ls, timeout: 5 parsecs}}", "timeout='5 parsecs' is not a duration"),
        ("steps: {a: {run: ls, timeout: '${{ 1 }}'}}", "the option timeout takes no expression"),
        (
            "steps: {a: {task: 'toolbox:plain', with: {number: 1}}}",
            "toolbox:plain is a function, neither a task nor a flow",
        ),
        ("steps: {a: {flow: 'toolbox:add', with: {left: 1}}}", "toolbox:add is a task, not a flow"),
        ("steps: {a: {flow: nothing.yaml}}", "there is no file"),
        ("steps: {a: {task: 'toolbox:add'}}", "add is missing its argument 'left' (int) | give it in `with:`"),
        ("steps: {a: {task: 'toolbox:twice', with: {number: 1}, gpu: 1}}", "a flow has no option 'gpu'"),
        ("steps: {a: {run: 'echo ${{ inputs.a'}}", "is not closed"),
        ("steps: {a: {run: 'echo ${{ }}'}}", "the expression is empty"),
        ("steps: {a: {run: 'echo ${{ steps }}'}}", "`steps` names nothing that can be passed on"),
        ("steps: {a: {run: 'echo ${{ 1 + }}'}}", "the expression cannot be read: Syntax error"),
        ("steps: {a: {run: 'echo ${{ nope + 1 }}'}}", "undeclared reference to 'nope'"),
        ("retries: two\nsteps: {a: {run: ls}}", "retries='two' is not a count"),
        ("steps: {a: {run: ls, fallback: 'toolbox:plain'}}", "is not a task or flow"),
        ("steps: {a: {run: ls, retry_on: Nope}}", "'Nope' is no exception"),
    ],
)
def test_each_fault_is_told(problems: Problems, text: str, told: str) -> None:
    assert any(told in problem for problem in problems(text)), problems(text)


def test_what_is_wrong_in_a_called_file_is_told_with_its_place(folder: Folder) -> None:
    folder.write("inner.yaml", "steps: {a: {tusk: x}}")
    found = folder.problems("steps: {a: {flow: inner.yaml}}")
    assert found[0].startswith("1:19 inner.yaml cannot be used")
    assert any("the step a has no key 'tusk'" in problem for problem in found)
