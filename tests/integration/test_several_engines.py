"""Several engines on one schema of PostgreSQL: two folders as two machines have them, with real engines and a real server."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import Ridge

from partita.artifacts.keys import workspace_key
from partita.errors import AnswerError, EngineError, GateError, NotFoundError
from partita.models import register
from partita.models.access import ask
from partita.store.port import EventRow, Turn
from partita.store.postgres import PostgresStore
from partita.testing.store_rows import a_run, a_step
from partita.values import PLAIN, pack
from partita.workspace.runs import Run
from tests.contract.postgres_server import new_schema
from tests.integration.conftest import Project
from tests.integration.engines import engine_pid
from tests.integration.test_postgres import own_server
from tests.waiting import wait_until

__all__ = ["own_server"]

pytestmark = pytest.mark.integration

LEASE_S = 3.0

FLOWS = """
import os, time
from dataclasses import dataclass
from pathlib import Path
from partita import approval, flow, task, wait_for

@dataclass
class Note:
    text: str

@task
def slow(x: int, place: str, pause: float) -> bytes:
    with open(f"{place}/begun", "a") as file:
        file.write(f"{x}\\n")
    time.sleep(pause)
    with open(f"{place}/done", "a") as file:
        file.write(f"{x} {os.getcwd()}\\n")
    return b"%d" % x * 5000

@task
def note(text: str) -> object:
    print("noted", text)
    return {Note(text).text}

@task
def total(parts: list) -> int:
    return sum(len(part) for part in parts)

@flow
def many(place: str, count: int = 40, pause: float = 0.05) -> int:
    return total(slow.map(list(range(count)), place=place, pause=pause))

@flow
def noted(text: str = "a") -> object:
    return note(text)

@task
def pass_on(order: dict) -> dict:
    return order

@flow
def asked() -> dict:
    return pass_on(wait_for("paid", type=dict, key="7"))

@flow
def shared() -> dict:
    return pass_on(wait_for("paid", type=dict, key="7", scope="workspace"))

@task(slots="licence")
def licensed(x: int, place: str) -> int:
    with open(f"{place}/held", "a") as file:
        file.write(f"+ {os.getcwd()}\\n")
    time.sleep(0.05)
    with open(f"{place}/held", "a") as file:
        file.write(f"- {os.getcwd()}\\n")
    return x

@task
def add(parts: list) -> int:
    return sum(parts)

@flow
def limited(place: str, count: int = 50) -> int:
    return add(licensed.map(list(range(count)), place=place))

@flow
def approved() -> str:
    approval("go on?")
    return "yes"
"""


@dataclass
class Machines:
    """Two projects of the same code with folders of their own."""

    one: Project
    two: Project
    place: Path  # where steps note what they do
    processes: list[int] = field(default_factory=list)  # ids of engines that are stopped

    def __iter__(self) -> Iterator[Project]:
        yield from (self.one, self.two)

    def done(self) -> list[int]:
        return [int(line.split()[0]) for line in self._lines("done")]

    def workers_of(self, project: Project) -> int:
        return sum(line.split()[1] == str(project.folder) for line in self._lines("done"))

    def _lines(self, name: str) -> list[str]:
        file = self.place / name
        return file.read_text().splitlines() if file.exists() else []


def make_machines(folder: Path, url: str, settings: str = "") -> Machines:
    shared = folder / "shared"
    made = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        project = Project(
            folder / name,
            f'store = "{url}"\nartifacts = "{shared}"\nengine_lease = "{LEASE_S}s"\ncpu = 2\n{settings}',
        )
        project.write(FLOWS)
        made.append(project)
    workspace_key(made[0].workspace.state)
    made[1].workspace.state.mkdir()
    shutil.copy(made[0].workspace.state / "key", made[1].workspace.state / "key")
    (folder / "noted").mkdir()
    return Machines(made[0], made[1], folder / "noted")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    made = make_machines(tmp_path, new_schema())
    yield made
    for process in made.processes:
        os.kill(process, signal.SIGCONT)
    for project in made:
        project.workspace.stop_engine()


def signal_engine(project: Project, number: int) -> int:
    pid = engine_pid(project)
    os.kill(pid, number)
    return pid


def is_up(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def expected(count: int) -> int:
    return sum(len(b"%d" % x) * 5000 for x in range(count))


def start_many(project: Project, machines: Machines, **more: Any) -> Run:
    return project.start("many", place=machines.place, **more)


def test_each_of_two_engines_has_runs_of_its_own_and_both_show_all(machines: Machines) -> None:
    runs = [start_many(project, machines, count=10) for project in machines]
    for project in machines:
        assert {view["id"] for view in project.workspace.runs()} == {run.id for run in runs}
    for project, run in zip(machines, runs, strict=True):
        assert project.result(run) == expected(10)
    assert machines.workers_of(machines.one) == machines.workers_of(machines.two) == 10
    # Each reads the values, steps and logs of the other's.
    for project, run in zip(machines, reversed(runs), strict=True):
        other = Run(project.workspace, run.id)
        assert project.result(other) == expected(10) and len(other.steps) == 13


def test_two_engines_learn_together(machines: Machines) -> None:
    """What each writes of one task has what the other learned, too; but for what both write at the same moment."""
    for count in (3, 5, 4):
        runs = [start_many(project, machines, count=count) for project in machines]
        for project, run in zip(machines, runs, strict=True):
            assert project.result(run) == expected(count)
    for project in machines:
        seen = {view["task"]: view["seen"] for view in project.workspace.history()}
        # Each of three times, one of both may come too late. Alone, either would have learned of 12.
        assert 15 <= seen["slow"] <= 24, seen
        assert 3 <= seen["total"] <= 6, seen


def test_a_run_of_another_engine_is_watched_live(machines: Machines) -> None:
    machines.two.workspace.runs()  # its engine is up
    run = start_many(machines.one, machines, count=30)
    seen: list[int] = []
    version, is_final = 0, False
    while not is_final:
        news = machines.two.workspace.watch(run.id, version)
        version, is_final = news["version"], news["is_final"]
        seen.append(news["run"]["counts"].get("succeeded", 0))
    assert len(set(seen)) > 3 and seen == sorted(seen), seen
    assert news["run"]["state"] == "succeeded"


@pytest.mark.parametrize("way", ["killed", "stopped"])
def test_the_runs_of_a_dead_engine_go_on_at_another_within_the_lease(machines: Machines, way: str) -> None:
    machines.two.workspace.runs()
    run = start_many(machines.one, machines, count=40, pause=0.2)
    wait_until(lambda: len(machines.done()) >= 10)
    finished = {int(step["name"][5:-1]) for step in run.steps if step["state"] == "succeeded" and "[" in step["name"]}
    pid = signal_engine(machines.one, signal.SIGKILL if way == "killed" else signal.SIGSTOP)
    if way == "stopped":
        machines.processes.append(pid)
    dead_at = time.monotonic()
    wait_until(lambda: machines.workers_of(machines.two), LEASE_S + 5)
    assert time.monotonic() - dead_at < LEASE_S + 2.5  # a worker starts and works for 0.2 s, too
    other = Run(machines.two.workspace, run.id)
    if way == "stopped":
        os.kill(pid, signal.SIGCONT)
        machines.processes.clear()
        wait_until(lambda: not is_up(pid), 30)
        log = (machines.one.workspace.state / "engine.log").read_text()
        assert "another engine has taken over its runs" in log and "engine_lease" in log
    assert machines.two.result(other) == expected(40)
    done = machines.done()
    assert finished and all(done.count(x) == 1 for x in finished), "a finished step ran again"
    assert {step["state"] for step in other.steps} == {"succeeded"}
    # What the former engine's attempts gave after its lease was over was not written.
    outcomes = [view["outcome"] for view in machines.two.workspace.attempts(run.id)]
    assert outcomes.count("succeeded") == 42 and set(outcomes) <= {"succeeded", "lost", "returned"}


def test_an_engine_that_ends_hands_its_runs_over_at_once(machines: Machines) -> None:
    machines.two.workspace.runs()
    run = start_many(machines.one, machines, count=30, pause=0.1)
    wait_until(lambda: len(machines.done()) >= 5)
    machines.one.workspace.stop_engine()
    ended_at = time.monotonic()
    wait_until(lambda: machines.workers_of(machines.two), LEASE_S + 5)
    assert time.monotonic() - ended_at < 2.5
    assert machines.two.result(Run(machines.two.workspace, run.id)) == expected(30)


def test_runs_that_an_engine_left_go_on_with_the_next_one_anywhere(machines: Machines) -> None:
    run = start_many(machines.one, machines, count=20, pause=0.1)
    wait_until(lambda: len(machines.done()) >= 5)
    machines.one.workspace.stop_engine()
    assert machines.two.result(Run(machines.two.workspace, run.id)) == expected(20)


def test_two_engines_that_start_at_once_share_what_was_left(machines: Machines) -> None:
    runs = [start_many(machines.one, machines, count=6, pause=0.1) for _ in range(4)]
    machines.one.workspace.stop_engine()
    threads = [threading.Thread(target=project.workspace.runs) for project in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for run in runs:
        assert machines.two.result(Run(machines.two.workspace, run.id)) == expected(6)
    outcomes = [view["outcome"] for run in runs for view in machines.one.workspace.attempts(run.id)]
    assert outcomes.count("succeeded") == 4 * 8, "a step succeeded twice"


def test_what_is_asked_of_another_engines_run_is_carried_out_there(machines: Machines) -> None:
    for workspace in (machines.one.workspace, machines.two.workspace):
        workspace.runs()
    asked, approved, endless = (machines.one.start(name) for name in ("asked", "approved", "approved"))
    there = machines.two.workspace
    wait_until(lambda: len(there.waits()) == 3)
    assert there.send(asked.id, "paid", {"sum": 3}, key="7", id="x")
    assert not there.send(asked.id, "paid", {"sum": 4}, key="7", id="x")
    assert machines.one.result(asked) == {"sum": 3}
    assert there.approve(approved.id)["outcome"] == "approved"
    assert machines.one.result(approved) == "yes"
    with pytest.raises(AnswerError, match=r"decided|approved|ended"):
        there.approve(approved.id, 1)
    there.cancel(endless.id)
    assert Run(there, endless.id).wait(30).state == "cancelled"
    with pytest.raises(NotFoundError, match="has ended already: cancelled"):
        there.cancel(endless.id)
    with pytest.raises(NotFoundError, match="there is no run"):
        there.cancel("nosuchrun")
    there.delete_run(endless.id)
    assert {view["id"] for view in machines.one.workspace.runs()} == {asked.id, approved.id}


def test_an_event_for_any_run_reaches_one_that_waits_wherever_it_is(machines: Machines) -> None:
    runs = [project.start("shared") for project in machines]
    wait_until(lambda: len(machines.one.workspace.waits()) == 2)
    for number, project in enumerate((machines.two, machines.two)):
        project.workspace.send("", "paid", {"sum": number}, key="7", id=f"event {number}")
    machines.one.workspace.send("", "paid", {"sum": 0}, key="7", id="event 0")  # the same one again
    sums = [project.result(run)["sum"] for project, run in zip(machines, runs, strict=True)]
    assert sorted(sums) == [0, 1]


def test_a_key_gives_one_run_wherever_it_is_launched(machines: Machines) -> None:
    for project in machines:
        project.workspace.runs()
    found: list[str] = []

    def launch(project: Project, key: str) -> None:
        texts = {"place": str(machines.place), "count": "1"}
        found.append(project.workspace.launch("flows.py:many", texts=texts, key=key))

    for number in range(10):
        threads = [threading.Thread(target=launch, args=(project, f"day {number}")) for project in machines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(found) == 20 and len(set(found)) == 10
    for id in set(found):
        assert machines.one.result(Run(machines.one.workspace, id)) == 5000


def test_of_two_engines_that_promote_at_once_the_later_one_judges_anew(machines: Machines) -> None:
    """Each judges against the version that has the alias; were one written over, the worse version could win."""
    machines.two.workspace.runs()
    with machines.one.workspace._asking("ann"):
        for number in range(3):
            line = Ridge(number + 1).fit([[0.0], [1.0]], [0.0, 1.0])
            register(line, "line", example=[[0.5]], metrics={"r2": float(number)})
    told: list[str] = []

    def promote_at_once(project: Project, name: str, barrier: threading.Barrier) -> None:
        barrier.wait(60)
        try:
            project.workspace.promote_model(name, "champion", gates=["r2 no worse"])
        except GateError as error:
            told.append(str(error))

    for _ in range(30):
        machines.one.workspace.set_alias("line:1", "champion", why="begin anew")
        barrier = threading.Barrier(2)
        threads = [
            threading.Thread(target=promote_at_once, args=(project, name, barrier))
            for project, name in zip(machines, ("line:2", "line:3"), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert machines.two.workspace.model("line")[0]["aliases"] == {"champion": 3}
    with machines.one.workspace._asking("ann"):
        moves = ask("model_moves", name="line", alias="champion", limit=1000)[::-1]
    made = [(move["before"], move["after"]) for move in moves if not move["record"].get("refused")]
    assert all(one[1] == other[0] for one, other in itertools.pairwise(made)), made
    assert all("worse than line:3" in text for text in told)


def test_a_request_to_an_engine_that_dies_is_answered_by_who_takes_over(machines: Machines) -> None:
    machines.two.workspace.runs()
    run = machines.one.start("approved")
    wait_until(lambda: machines.two.workspace.waits())
    machines.processes.append(signal_engine(machines.one, signal.SIGSTOP))
    assert machines.two.workspace.approve(run.id)["outcome"] == "approved"
    assert machines.two.result(Run(machines.two.workspace, run.id)) == "yes"


def test_an_engine_with_another_key_is_refused(machines: Machines) -> None:
    assert machines.one("noted") == {"a"}
    assert machines.two.result(Run(machines.two.workspace, machines.one.workspace.runs()[0]["id"])) == {"a"}  # a pickle
    view = machines.one.workspace.engine()
    assert view is not None and [other.rpartition(":")[2] for other in view["others"]] == [
        str(engine_pid(machines.two))
    ]
    machines.two.workspace.stop_engine()
    (machines.two.workspace.state / "key").write_bytes(os.urandom(32))
    with pytest.raises(
        EngineError, match=r"belong to another workspace.*same project on another machine, copy its file"
    ):
        machines.two.workspace.runs()
    (machines.place.parent / "shared" / "partita-workspace").unlink()
    with pytest.raises(EngineError, match=r"another key.*copy the file .partita/key"):
        machines.two.workspace.runs()


def test_an_engine_that_keeps_its_values_for_itself_is_refused_beside_another(machines: Machines) -> None:
    machines.one.workspace.runs()
    settings = machines.two.folder / "partita.toml"
    settings.write_text("".join(line + "\n" for line in settings.read_text().splitlines() if "artifacts" not in line))
    alone = Project(machines.two.folder, settings.read_text())
    with pytest.raises(EngineError, match=r"set `artifacts` in both projects"):
        alone.workspace.runs()


def test_a_server_that_is_restarted_ends_neither_engine(tmp_path: Path, own_server: Any) -> None:
    url, stop, start = own_server
    machines = make_machines(tmp_path, url)
    try:
        runs = [start_many(project, machines, count=30, pause=0.1) for project in machines]
        pids = [engine_pid(project) for project in machines]
        wait_until(lambda: len(machines.done()) >= 10)
        stop("fast")
        threading.Event().wait(LEASE_S + 1)  # longer than the lease
        start()
        for project, run in zip(machines, runs, strict=True):
            assert project.result(run) == expected(30)
        assert [engine_pid(project) for project in machines] == pids
        assert sorted(machines.done()) == sorted([*range(30)] * 2)
    finally:
        for project in machines:
            project.workspace.stop_engine()


@pytest.mark.parametrize("count", [1, 2])
def test_a_named_limit_holds_for_all_engines_together(tmp_path: Path, count: int) -> None:
    machines = make_machines(tmp_path, new_schema(), f"slots = {{ licence = {count} }}\n")
    try:
        for project in machines:
            project.workspace.runs()
        runs = [project.start("limited", place=machines.place) for project in machines]
        for project, run in zip(machines, runs, strict=True):
            assert project.result(run) == sum(range(50))
    finally:
        for project in machines:
            project.workspace.stop_engine()
    held, most, order = 0, 0, []
    for line in machines._lines("held"):
        sign, folder = line.split()
        held += 1 if sign == "+" else -1
        most = max(most, held)
        order.append(folder)
    assert most == count and len(order) == 200
    turns = sum(before != after for before, after in itertools.pairwise(order))
    assert turns > 4, "one engine had it all until it was done"


def test_logs_of_another_engines_run_are_told_or_where_they_lie(machines: Machines) -> None:
    machines.two.workspace.runs()
    run = machines.one.start("noted", text="hello")
    machines.one.result(run)
    assert "noted hello" in "".join(chunk["text"] for chunk in machines.two.workspace.logs(run.id))
    machines.one.workspace.stop_engine()
    told = "".join(chunk["text"] for chunk in machines.two.workspace.logs(run.id))
    assert "lies where the engine" in told and "noted hello" not in told


def test_what_is_sent_to_a_run_that_has_ended_is_refused_at_every_engine(machines: Machines) -> None:
    run = machines.one.start("noted")
    machines.one.result(run)
    with pytest.raises(AnswerError, match="has ended"):
        machines.two.workspace._connection.ask("send", run=run.id, name="x", data=pack([PLAIN, 1]), id="1")


def test_an_engine_that_does_not_answer_is_told(machines: Machines) -> None:
    machines.one.workspace.runs()
    silent = PostgresStore(machines.one.workspace.database)
    silent.acquire("silent:1", place="nowhere", lease_s=LEASE_S)
    silent.commit(Turn(runs=[a_run(100)], steps=[a_step(0, run=100)]))
    peers, is_over = silent.peers(), threading.Event()
    assert peers is not None

    def live() -> None:
        while not is_over.wait(LEASE_S / 4):
            peers.renew()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(
            EngineError, match=r"the engine silent:1, which has the run, did not answer 'cancel' in time"
        ):
            machines.one.workspace.cancel(a_run(100).id)
    finally:
        is_over.set()
        thread.join(30)
        silent.delete_run(100)
        silent.release()
        silent.close()


def test_an_event_that_an_engine_took_before_it_died_is_not_lost(machines: Machines) -> None:
    run = machines.one.start("shared")
    wait_until(lambda: machines.one.workspace.waits())
    step = machines.one.workspace.waits()[0]["step"]
    signal_engine(machines.one, signal.SIGKILL)
    # As far as that engine could have come: the event is the step's, and the step does not know.
    store = PostgresStore(machines.one.workspace.database)
    store.acquire("x:1", place="nowhere")
    row, peers = store.run(run.id), store.peers()
    assert row is not None and peers is not None
    event = EventRow(store.next_event_number(), 0, "paid", "7", "id", pack([PLAIN, {"sum": 3}]), "", time.time(), None)
    store.commit(Turn(events=[event]))
    assert peers.claim_event(event.number, row.number, step)
    store.release()
    store.close()
    assert machines.one.result(run) == {"sum": 3}


def test_what_one_engine_changes_about_who_may_counts_at_the_other_at_once(machines: Machines) -> None:
    one, two = machines.one.workspace, machines.two.workspace
    made = one.ensure_admin_token()
    assert made is not None and two.ensure_admin_token() is None
    assert one.identify(made["secret"]) is not None and two.identify(made["secret"]) is not None
    one.set_user("ann", "editor")
    token, session = one.create_token("hers", "admin", user="ann")["secret"], two.start_session("ann", "", "")[1]
    for role in ("viewer", "editor"):
        two.set_user("ann", role)
        found, signed_in = one.identify(token), one.session(session)
        assert found is not None and signed_in is not None
        assert (found.role, signed_in[1].role) == (role, role)
    one.disable_user("ann")
    assert (two.identify(token), two.session(session)) == (None, None)
    two.revoke_token(made["token"]["id"])
    assert one.identify(made["secret"]) is None
    numbers = [entry["number"] for entry in one.audit(after=0)]
    assert numbers == list(range(1, len(numbers) + 1)) and two.audit() == one.audit()


def test_of_two_engines_that_move_a_stage_at_once_each_move_follows_the_other(machines: Machines) -> None:
    workspace = machines.one.workspace
    bundle, record = workspace.bundle(), {"title": "train", "parameters": []}
    for number in range(3):
        workspace.ask("publish", name="train", flow=f"flows.py:f{number}", bundle=bundle, record=record)
    machines.two.workspace.runs()

    def move(project: Project, after: int, barrier: threading.Barrier) -> None:
        barrier.wait(60)
        with contextlib.suppress(GateError):
            project.workspace.promote("train", after, "prod", by=project.folder.name)

    for _ in range(20):
        workspace.promote("train", 1, "prod")
        barrier = threading.Barrier(2)
        threads = [
            threading.Thread(target=move, args=(project, after, barrier))
            for project, after in zip(machines, (2, 3), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    moves = machines.two.workspace.stage_moves("train", limit=1000)[::-1]
    assert len(moves) >= 40 and all(one["after"] == other["before"] for one, other in itertools.pairwise(moves))
    assert machines.two.workspace.publication("train")["number"] == moves[-1]["after"]
