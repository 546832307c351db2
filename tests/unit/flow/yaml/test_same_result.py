"""Random graphs give the same result as a Python flow, as YAML and as plain calls, in a run and without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita import Ref, Skip, flow, load_flow, task
from partita.flow.yaml.convert.graph import graph_as_yaml
from partita.testing import memory_workspace

#: (what, earlier nodes, a number)
Node = tuple[str, tuple[int, ...], int]

TASKS = """
from partita import task


@task
def give(number: int) -> int:
    return number


@task
def add(left: int, right: int) -> int:
    return left + right


@task
def few(number: int) -> list[int]:
    return list(range(abs(number) % 4))


@task
def square(number: int) -> int:
    return number * number % 1009


@task
def total(values: list[int]) -> int:
    return sum(values)


@task
def perhaps(number: int | None) -> int:
    return -1 if number is None else number
"""


@task
def give(number: int) -> int:
    return number


@task
def add(left: int, right: int) -> int:
    return left + right


@task
def few(number: int) -> list[int]:
    return list(range(abs(number) % 4))


@task
def square(number: int) -> int:
    return number * number % 1009


@task
def total(values: list[int]) -> int:
    return sum(values)


@task
def perhaps(number: int | None) -> int:
    return -1 if number is None else number


@task
def compute(left: int, right: int, number: int) -> int:
    return left * 2 - right + number


@task
def shifted(number: int, by: int) -> int:
    return number + by


@flow
def maybe(value: int, limit: int, number: Ref[int]) -> int:
    if value > limit:
        return square(number)
    raise Skip("too small")


@flow
def large(number: int, limit: int) -> int:
    if number > limit:
        return square(number)
    raise Skip("too small")


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Nodes that refer to earlier ones; some give a number, some a list of them, some perhaps nothing."""
    nodes: list[Node] = [("give", (), draw(st.integers(-5, 5)))]
    for number in range(1, draw(st.integers(2, 12))):
        numbers = [i for i in range(number) if nodes[i][0] not in LISTS]
        lists = [i for i in range(number) if nodes[i][0] in LISTS]
        one = st.sampled_from(numbers)
        kinds = ["give", "input", "add", "few", "compute", "when", "when_input", "perhaps"]
        kind = draw(st.sampled_from(kinds + (["squares", "shift", "total"] * 2 if lists else [])))
        count = {"give": 0, "input": 0, "add": 2, "compute": 2, "when": 2}.get(kind, 1)
        source = st.sampled_from(lists) if kind in ("squares", "shift", "total") else one
        nodes.append((kind, tuple(draw(source) for _ in range(count)), draw(st.integers(-9, 9))))
    return nodes


LISTS = frozenset({"few", "squares", "shift"})


def as_plain_calls(nodes: list[Node], start: int) -> list[Any]:
    """What each node gives; None: nothing, and so what needs it."""
    values: list[Any] = []
    for kind, sources, number in nodes:
        given = [values[source] for source in sources]
        if kind == "perhaps":
            values.append(perhaps.function(given[0]))
        elif any(value is None for value in given):
            values.append(None)
        else:
            values.append(_plain(kind, given, number, start))
    return values


def _plain(kind: str, given: list[Any], number: int, start: int) -> Any:
    calls: dict[str, Callable[[], Any]] = {
        "give": lambda: number,
        "input": lambda: start + number,
        "add": lambda: given[0] + given[1],
        "few": lambda: few.function(given[0]),
        "compute": lambda: given[0] * 2 - given[1] + number,
        "squares": lambda: [square.function(value) for value in given[0]],
        "shift": lambda: [value + start for value in given[0]],
        "total": lambda: sum(given[0]),
        "when": lambda: square.function(given[1]) if given[0] > number else None,
        "when_input": lambda: square.function(given[0]) if start > number else None,
    }
    return calls[kind]()


def as_python(nodes: list[Node]) -> Any:
    @flow
    def graph(start: int) -> list[Any]:
        made: list[Any] = []
        for kind, sources, number in nodes:
            made.append(_laid(kind, [made[source] for source in sources], number, start))
        return made

    return graph


def _laid(kind: str, given: list[Any], number: int, start: int) -> Any:
    calls: dict[str, Callable[[], Any]] = {
        "give": lambda: give(number),
        "input": lambda: give(start + number),
        "add": lambda: add(*given),
        "few": lambda: few(*given),
        "compute": lambda: compute(*given, number),
        "squares": lambda: square.map(given[0]),
        "shift": lambda: shifted.map(given[0], start),
        "total": lambda: total(given[0]),
        "when": lambda: maybe(given[0], number, given[1]),
        "when_input": lambda: square(given[0]) if start > number else large(0, 1),
        "perhaps": lambda: perhaps(given[0]),
    }
    return calls[kind]()


def as_yaml(nodes: list[Node]) -> str:
    steps = {f"n{index}": _written(*node) for index, node in enumerate(nodes)}
    outputs = [f"${{{{ steps.n{index}.output }}}}" for index in range(len(nodes))]
    return json.dumps({"inputs": {"start": "int"}, "steps": steps, "outputs": outputs})


def _written(kind: str, sources: tuple[int, ...], number: int) -> dict[str, Any]:
    first, second = [*(f"steps.n{source}.output" for source in sources), "", ""][:2]
    forms: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "give": ("give", {"number": number}, {}),
        "input": ("give", {"number": f"${{{{ inputs.start + ({number}) }}}}"}, {}),
        "add": ("add", {"left": f"${{{{ {first} }}}}", "right": f"${{{{ {second} }}}}"}, {}),
        "few": ("few", {"number": f"${{{{ {first} }}}}"}, {}),
        "compute": ("give", {"number": f"${{{{ {first} * 2 - {second} + ({number}) }}}}"}, {}),
        "squares": ("square", {"number": "${{ item }}"}, {"foreach": f"${{{{ {first} }}}}"}),
        "shift": ("give", {"number": "${{ item + inputs.start }}"}, {"foreach": f"${{{{ {first} }}}}"}),
        "total": ("total", {"values": f"${{{{ {first} }}}}"}, {}),
        "when": ("square", {"number": f"${{{{ {second} }}}}"}, {"when": f"${{{{ {first} > {number} }}}}"}),
        "when_input": ("square", {"number": f"${{{{ {first} }}}}"}, {"when": f"${{{{ inputs.start > {number} }}}}"}),
        "perhaps": ("perhaps", {"number": f"${{{{ {first} }}}}"}, {}),
    }
    name, arguments, others = forms[kind]
    return {"task": f"graph_tasks:{name}", "with": arguments, **others}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=graphs(), start=st.integers(-5, 5))
def test_what_convert_writes_gives_the_same_result(nodes: list[Node], start: int, tmp_path: Path) -> None:
    python = as_python(nodes)
    text, notes = graph_as_yaml(python, {"start": str(start)})
    assert not notes
    (tmp_path / "converted.yaml").write_text(text, encoding="utf-8")
    written = load_flow(tmp_path / "converted.yaml")
    assert written() == as_plain_calls(nodes, start)
    with memory_workspace():
        assert written.run().result() == as_plain_calls(nodes, start)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=graphs(), start=st.integers(-5, 5))
def test_random_graphs_give_the_same_result(nodes: list[Node], start: int, tmp_path: Path) -> None:
    (tmp_path / "graph_tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "graph.yaml").write_text(as_yaml(nodes), encoding="utf-8")
    expected = as_plain_calls(nodes, start)
    python, written = as_python(nodes), load_flow(tmp_path / "graph.yaml")
    assert python(start) == expected
    assert written(start) == expected
    with memory_workspace():
        assert python.run(start).result() == expected
        assert written.run(start).result() == expected
