"""The nodes of a plan: from the settings, or from a what-if file, whose faults are told with what to write instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from partita.core.records import Demand
from partita.errors import NotFoundError, PlanningError
from partita.plan.planner import make_plan
from partita.settings import Settings
from partita.settings_values import ExecutorSettings, as_executors
from partita.workspace.flow_instance import GUESS, SAID, NoHistory, prepare
from partita.workspace.flow_tasks import FlowTask
from partita.workspace.what_if import Machines, PlannedNode, machines_of, read_machines

SETTINGS = Settings(cpu=4, memory_bytes=2**30, slots={"licence": 2})


def read(folder: Path, text: str, name: str = "nodes.yaml") -> Machines:
    (folder / name).write_text(text)
    return read_machines(folder / name, SETTINGS)


def task(path: str = "fit", executor: str = "", needs: tuple[int, ...] = (), **demand: float) -> FlowTask:
    wanted = Demand(**demand)  # type: ignore[arg-type]
    return FlowTask(path, path.partition("[")[0], "task", "flows.py:1", wanted, "flows:fit", "", executor, needs)


def test_a_whole_file(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
nodes:
  - id: fast
    capacity: {cpu: 8, memory: 32GiB, gpu: 1, licence: 1}
    speed: 2
    price: {cpu: 0.5, memory: 1}
    rent: 0.25
    count: 2
    executor: big
  - {id: cheap, capacity: {cpu: 4}, price: 0.1}
network: {bandwidth: 125MB, latency: 50ms, links: [[fast-1, cheap, 1GB, 1ms]]}
alpha: 0.2
beta: 0.3
durations: {fit: 2m, "fit[3]": 7}
weights: {fit: 2}
""",
    )
    fast, twin, cheap = found.nodes
    assert (fast.id, twin.id, cheap.id) == ("fast-1", "fast-2", "cheap")
    assert replace(fast, id="") == replace(twin, id="")
    assert fast.capacity == {"cpu": 8.0, "memory": 32 * 2**30, "gpu": 1.0, "slot licence": 1.0}
    assert fast.price == {"cpu": 0.5, "memory": 1 / 2**30}
    assert (fast.speed, fast.rent, fast.executor) == (2.0, 0.25, "big")
    assert cheap.capacity == {"cpu": 4.0, "gpu": 0.0, "slot licence": 2.0}
    assert (cheap.price, cheap.executor) == ({"cpu": 0.1}, "")
    assert (found.bandwidth, found.latency, found.links) == (125e6, 0.05, (("fast-1", "cheap", 1e9, 0.001),))
    assert (found.alpha, found.beta, found.durations, found.weights) == (
        0.2,
        0.3,
        {"fit": 120.0, "fit[3]": 7.0},
        {"fit": 2.0},
    )


def test_a_list_alone_is_that_of_the_nodes(tmp_path: Path) -> None:
    machines = read(tmp_path, "- {id: fast, capacity: {cpu: 3}}\n- {id: cheap, capacity: {cpu: 3}, speed: 0.5}")
    assert [(node.id, node.speed) for node in machines.nodes] == [("fast", 1.0), ("cheap", 0.5)]


def test_where_to_read_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanningError, match=r"the file is no table of names and values; see docs/how-to/plan-before"):
        read(tmp_path, "just words")


def test_json_is_read_as_well(tmp_path: Path) -> None:
    assert read(tmp_path, '{"nodes": [{"id": "n", "capacity": {"cpu": 1}}]}', "nodes.json").nodes[0].id == "n"


NODE = "nodes: [{id: n, capacity: {cpu: 1}}]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nodes: [", "neither YAML nor JSON"),
        ("alpha: 1\nalpha: 2", "nodes.yaml is neither YAML nor JSON: nodes.yaml:2:1: the key 'alpha' stands here twice"),
        ("- 1", "node 1 is no table"),
        ("nodes: []", "nodes should be a list of at least one node"),
        ("alpha: 1", "nodes should be a list of at least one node"),
        ("nodes: [1]", "node 1 is no table"),
        ("nodes: [{capacity: {cpu: 1}}]", "node 1 has no id"),
        ("nodes: [{id: n}]", "node n does not say how many cores it has"),
        ("nodes: [{id: n, capacity: {memory: 1GiB}}]", "how many cores"),
        ("nodes: [{id: n, capacity: {cpu: -1}}]", "the cpu of node n is -1; give a number of at least 0"),
        ("nodes: [{id: n, capacity: {cpu: .inf}}]", "the cpu of node n is inf"),
        (
            "nodes: [{id: n, capacity: {cpu: 1}, speed: 1.0e-320}]",
            "nodes.yaml: the speed of node n is 9.99989e-321; write a number from 0.000001 to 1000000000",
        ),
        ("nodes: [{id: n, capacity: {cpu: 1}, rent: 1.0e+300}]", "the rent of node n is 1e+300, and a plan can be made with numbers up to 1e+50"),
        ("{nodes: [{id: n, capacity: {cpu: 1}}], durations: {fit: 1.0e+300}}", "durations.fit is 1e+300"),
        ("nodes: [{id: n, capacity: {cpus: 1, cpu: 1}}]", "there is no 'cpus' in node n, among its resources; did you mean 'cpu'?"),
        ("nodes: [{id: n, capacity: {cpu: 1}, sped: 2}]", "there is no 'sped' in node 1; did you mean 'speed'?"),
        ("nodes: [{id: n, capacity: {cpu: 1}, speed: 0}]", "the speed of node n is 0: nothing would ever end there"),
        ("nodes: [{id: n, capacity: {cpu: 1}, speed: fast}]", "the speed of node n is 'fast'"),
        ("nodes: [{id: n, capacity: {cpu: 1}, price: -1}]", "the price of node n for cpu is -1"),
        ("nodes: [{id: n, capacity: {cpu: 1}, price: {power: 1}}]", "there is no 'power' in node n"),
        ("nodes: [{id: n, capacity: {cpu: 1}, rent: yes}]", "the rent of node n is 'yes'"),
        ("nodes:\n  - {id: n, capacity: {cpu: 1_000}}", "the cpu of node n is '1_000'"),
        ("nodes: [{id: n, capacity: {cpu: 1}, count: 0}]", "the count of node n is 0"),
        ("nodes: [{id: n, capacity: {cpu: 1, memory: much}}]", "the memory of node n is 'much'; give a number or a size"),
        ("nodes: [{id: n, capacity: {cpu: 1}}, {id: n, capacity: {cpu: 1}}]", "there are two nodes 'n'"),
        (NODE + "netwrok: {}", "there is no 'netwrok' in the file; did you mean 'network'?"),
        (NODE + "network: {latency: soon}", "network.latency is 'soon'; give a number or a duration"),
        (NODE + "network: {links: [[n, m, 1, 1]]}", "there is no 'm' in a link, among the nodes"),
        (NODE + "network: {links: [[n, n]]}", "a link is ['n', 'n']"),
        (NODE + "network: {links: 5}", "network.links is '5'; write links: [[from, to, 1GB, 1ms]]"),
        (NODE + "durations: {fit: 1e308}", "durations.fit is 1e+308, and a plan can be made with numbers up to 1e+50"),
        (NODE + f"durations: {{fit: 1{'0' * 400}}}", "durations.fit is '1000"),
        (NODE + f"durations: {{fit: '1{'0' * 60}s'}}", "durations.fit is 1e+60, and a plan"),
        (f"nodes: [{{id: n, capacity: {{cpu: 1, memory: 1{'0' * 60}}}}}]", "the memory of node n is 1000"),
        (NODE + "alpha: -1", "alpha is -1"),
        (NODE + "durations: [1]", "durations is [1]"),
        (NODE + "durations: {fit: long}", "durations.fit is 'long'"),
        (NODE + "weights: {fit: 2m}", "weights.fit is '2m'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PlanningError) as raised:
        read(tmp_path, text)
    assert told in str(raised.value)
    assert str(raised.value).startswith("nodes.yaml: ") or "nodes.yaml is neither" in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        read_machines(tmp_path / "no.yaml", SETTINGS)


def test_each_executor_of_the_settings_is_a_node() -> None:
    executors = {
        "big": ExecutorSettings(cpu=16, memory_bytes=2**35, gpu=2, speed=2.0),
        "pods": ExecutorSettings(kind="kubernetes", image="i", cpu=64, max_workers=8, price=0.4),
    }
    found = machines_of(replace(SETTINGS, executors=executors))
    default, big, pods = found.nodes
    assert default.capacity == {"cpu": 4, "memory": 2**30, "gpu": 0, "slot licence": 2}
    assert (big.speed, big.price, big.capacity["gpu"]) == (2.0, {}, 2)
    assert (pods.capacity["worker"], pods.price) == (8, {"worker": 0.4})
    assert (found.alpha, found.beta, found.is_what_if) == (1.0, 1.0, False)
    assert machines_of(SETTINGS).beta == 0.0


def test_speed_is_a_setting_of_every_kind_of_executor() -> None:
    made = as_executors({"a": {"speed": 2}, "b": {"kind": "docker", "image": "i", "speed": 0.5}})
    assert (made["a"].speed, made["b"].speed) == (2.0, 0.5)
    with pytest.raises(ValueError, match=r"a number from 0\.000001 to 1000000000"):
        as_executors({"a": {"speed": 0}})


MACHINES = Machines(
    (PlannedNode("small", "process", {"cpu": 2.0, "gpu": 0.0}), PlannedNode("large", "big", {"cpu": 8.0, "gpu": 0.0}))
)


def test_steps_run_on_the_executor_that_they_name_or_on_the_default_one() -> None:
    tasks = [task("a"), task("b", executor="big")]
    assert prepare("f", tasks, MACHINES, NoHistory(), "process").instance.allowed == [(0,), (1,)]


def test_in_a_what_if_file_steps_run_anywhere_but_where_they_name_an_executor() -> None:
    tasks = [task("a"), task("b", executor="big"), task("c", executor="other")]
    machines = replace(MACHINES, is_what_if=True)
    assert prepare("f", tasks, machines, NoHistory(), "process").instance.allowed == [(0, 1), (1,), (0, 1)]


def test_a_step_that_fits_nowhere_is_told_with_the_largest_node() -> None:
    machines = replace(MACHINES, is_what_if=True)
    with pytest.raises(
        PlanningError, match=r"step a needs 64 cores; the largest node, large, has 8 cores\. Ask for less"
    ):
        prepare("f", [task("a", cpu=64)], machines, NoHistory(), "process")
    with pytest.raises(PlanningError, match="step a needs 1 GPU; the largest node, small, has 0 GPUs"):
        prepare("f", [task("a", gpu=1)], machines, NoHistory(), "process")


def test_a_step_that_no_node_holds_as_a_whole_is_told() -> None:
    nodes = (
        PlannedNode("wide", "", {"cpu": 8.0, "memory": 1.0}),
        PlannedNode("deep", "", {"cpu": 1.0, "memory": 2.0**30}),
    )
    with pytest.raises(PlanningError, match="no node has all of that at once"):
        prepare("f", [task("a", cpu=4, memory_bytes=2**20)], Machines(nodes, is_what_if=True), NoHistory(), "")


def test_a_flow_without_steps_has_no_plan() -> None:
    with pytest.raises(PlanningError, match="f has no steps with these inputs"):
        prepare("f", [], MACHINES, NoHistory(), "process")


def test_durations_are_said_by_path_by_name_or_by_task() -> None:
    tasks = [task("fit[0]"), task("fit[3]"), task("part/fit[9]"), task("load")]
    made = prepare("f", tasks, replace(MACHINES, durations={"fit": 5.0, "fit[3]": 7.0}), NoHistory(), "process")
    assert made.instance.durations == [5.0, 7.0, 5.0, 1.0]
    assert [known.basis for known in made.known] == [SAID, SAID, SAID, GUESS]


def test_a_node_that_is_too_slow_to_plan_with_is_told() -> None:
    machines = Machines((PlannedNode("slow", "", {"cpu": 1.0, "gpu": 0.0}, speed=1e-320),), is_what_if=True)
    with pytest.raises(PlanningError, match="task 'a' runs for inf s on node 'slow', whose speed is"):
        prepare("f", [task("a")], machines, NoHistory(), "process")


@pytest.mark.parametrize("name", ["nodes.json", "nodes.yaml"])
def test_what_is_nested_too_deeply_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(PlanningError, match=name):
        read(tmp_path, "[" * 100_000 + "]" * 100_000, name)


def test_a_duration_of_no_step_is_told() -> None:
    with pytest.raises(PlanningError, match="speaks of a step 'fitt', and there is none; there are fit"):
        prepare("f", [task("fit[0]")], replace(MACHINES, durations={"fitt": 5.0}), NoHistory(), "process")


def test_memory_without_a_limit_never_makes_steps_wait() -> None:
    tasks = [task(f"a[{number}]", memory_bytes=2**33) for number in range(2)]
    instance = prepare("f", tasks, MACHINES, NoHistory(), "process").instance
    memory = instance.resources.index("memory")
    assert instance.nodes[0].capacity[memory] >= 2 * 2**33


def test_slots_are_held_by_all_executors_together_as_in_the_engine() -> None:
    settings = Settings(cpu=4, memory_bytes=2**30, slots={"licence": 2}, executors={"big": ExecutorSettings(cpu=4)})
    tasks = [
        FlowTask(
            f"solve[{number}]", "solve", "task", "", Demand(1.0, 0, 0.0, (("licence", 1),)), "f:solve", "", where, (),
        )
        for number, where in enumerate(["process", "big"] * 3)
    ]  # fmt: skip
    instance = prepare("f", tasks, machines_of(settings), NoHistory(), "process").instance
    assert make_plan(instance).value.makespan == 3.0  # six steps of a second, two at a time


def test_slots_that_a_node_of_the_file_has_are_its_own(tmp_path: Path) -> None:
    shared = read(tmp_path, "nodes: [{id: a, capacity: {cpu: 1}}, {id: b, capacity: {cpu: 1}}]")
    own = read(tmp_path, "nodes: [{id: a, capacity: {cpu: 1, licence: 1}}, {id: b, capacity: {cpu: 1}}]")
    assert (shared.slots, own.slots) == ({"slot licence": 2.0}, {})
