"""`partita plan` on files and over pipes."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita.plan.documents import read_instance, read_schedule
from partita.plan.evaluation import evaluate
from tests.unit.cli.conftest import Partita
from tests.unit.plan.instances import ONE_NODE, TWO_NODES, example, random_document


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def value_of(document: dict[str, Any], plan: dict[str, Any]) -> float:
    instance = read_instance(document)
    return evaluate(instance, read_schedule(instance, plan)).objective


def test_a_plan_is_written(partita: Partita, project: Path) -> None:
    told = partita("plan", "--json", write(project / "in.json", example(ONE_NODE)), "-o", "plan.json")
    plan = json.loads((project / "plan.json").read_text())
    assert told.status == 0 and not told.out
    assert "objective 3.91, makespan 5 s, cost 9.7, proved to be the best" in told.err
    assert plan["status"] == "optimal" and plan["format"] == "partita.sched.plan/1"
    assert value_of(example(ONE_NODE), plan) == pytest.approx(3.91) == plan["bound"]


def test_without_a_target_the_plan_is_printed(partita: Partita, project: Path) -> None:
    (project / "in.json.gz").write_bytes(gzip.compress(json.dumps(example(TWO_NODES)).encode()))
    plan = json.loads(partita("plan", "--json", "in.json.gz", "--time-limit", "0.1").out)
    assert value_of(example(TWO_NODES), plan) == pytest.approx(3.846)


@pytest.mark.parametrize(("alpha", "beta"), [("1", "0"), ("0", "1"), ("3", "")])
def test_what_time_and_cost_count_can_be_said_anew(partita: Partita, project: Path, alpha: str, beta: str) -> None:
    document = example(TWO_NODES)
    words = [*(("--alpha", alpha) if alpha else ()), *(("--beta", beta) if beta else ())]
    told = partita("plan", "--json", write(project / "in.json", document), "--time-limit", "0.1", *words)
    said = document | {"alpha": float(alpha)} | ({"beta": float(beta)} if beta else {})
    best = partita("plan", "--json", write(project / "said.json", said), "--time-limit", "0.1")
    assert json.loads(told.out) == json.loads(best.out)
    plain = partita("plan", "--json", "in.json", "--time-limit", "0.1")
    assert told.err.split(", makespan")[0] != plain.err.split(", makespan")[0]


def test_what_is_proved_is_told(partita: Partita, project: Path) -> None:
    pytest.importorskip("ortools", reason="needs the extra 'optimal'")
    document = random_document(4, 8, whole=True)
    told = partita("plan", "--json", write(project / "in.json", document), "--optimal")
    plan = json.loads(told.out)
    assert plan["status"] == "optimal" and value_of(document, plan) == pytest.approx(plan["bound"])
    assert "proved to be the best" in told.err


def test_a_missing_extra_is_told(partita: Partita, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    source = write(project / "in.json", random_document(1, 30, 2))
    told = partita("plan", "--json", source, "--optimal")
    assert told.status == 4 and "pip install 'partita[optimal]'" in told.out
    assert partita("plan", "--json", source, "--time-limit", "1.1").status == 0  # it is used where it is there


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--json", "in.json", "--stdio"], "or give --stdio"),
        (["--json", "absent.json"], "there is no file absent.json"),
        (["--json", "in.json"], "in.json is not JSON"),
        (["--json", "in.json", "--time-limit", "soon"], "--time-limit should be a number of seconds"),
        (["--json", "in.json", "--time-limit", "-1"], "--time-limit should be a number of seconds"),
        (["--json", "circle.json"], "the edges form a circle"),
        (["--json", "deep.json"], "deep.json is not JSON: maximum recursion depth"),
        (["--json", "broken.json.gz"], "broken.json.gz is not JSON"),
        (["--json", "folder.json"], "folder.json"),
        (["--json", "in.json", "--alpha", "much"], "--alpha is 'much'; give a number"),
        (["--json", "in.json", "--deadline", "1s"], "leave out --deadline of an instance's file"),
        (["--json", "in.json", "--nodes", "x", "--pareto"], "leave out --nodes and --pareto of an instance's file"),
        (["--json", "in.json", "--svg", "x.svg", "--html", "x"], "leave out --svg and --html"),
        (["--json", "in.json", "--budget", "0", "--executor", "x"], "leave out --executor and --budget"),
        (["--stdio", "--beta", "2", "-o", "x.json"], "leave out --beta and -o with --stdio"),
    ],
)
def test_wrong_use_is_told(partita: Partita, project: Path, words: list[str], told: str) -> None:
    (project / "in.json").write_text("{")
    write(project / "circle.json", example(ONE_NODE) | {"edges": [["A", "B"], ["B", "A"]]})
    (project / "deep.json").write_text("[" * 100_000 + "]" * 100_000)
    (project / "broken.json.gz").write_bytes(gzip.compress(b"{}" * 99)[:10] + b"\xff" * 20)
    (project / "folder.json").mkdir()
    found = partita("plan", *words)
    assert found.status == 2 and told in found.err + found.out


def test_events_are_answered_line_by_line(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        {"event": "begin", "t": 0, "instance": example(ONE_NODE)},
        {"event": "finish", "t": 4.0, "finished": [{"task": "B", "node": "n1", "start": 0}]},
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, events)) + "\n\n"))
    told = partita("plan", "--stdio")
    answers = [sorted(row["task"] for row in json.loads(line)["start"]) for line in told.out.splitlines()]
    assert answers == [["B", "C"], ["A"]]


@pytest.mark.parametrize("line", ["begin", "[" * 100_000])
def test_what_is_no_event_is_told(partita: Partita, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(line + "\n"))
    told = partita("plan", "--stdio")
    assert told.status == 2 and "an event should be a line of JSON" in told.err


JUDGE = Path(__file__).parents[4] / "shared" / "bench" / "sched"


@pytest.mark.parametrize(
    ("file", "platform"), [("j30/j301_1.json", ""), ("jobshop/ft06.json", ""), ("wf/nextflow-sarek-dirt02-001.json.gz", "het8-cost")]
)  # fmt: skip
def test_the_judge_finds_nothing_wrong(partita: Partita, project: Path, file: str, platform: str) -> None:
    if not JUDGE.is_dir():
        pytest.skip(f"the judge is not there: {JUDGE}")
    source = JUDGE / "data" / "public" / file
    more = ["--platform", platform] if platform else []
    if platform:
        told = subprocess.run(
            [sys.executable, "-c", "import json,sys,judge,platforms; json.dump(platforms.apply(judge.read(sys.argv[1]), sys.argv[2]), sys.stdout)",
             str(source), platform],
            cwd=JUDGE, capture_output=True, text=True, check=True, env={"PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        (project / "in.json").write_text(told.stdout)
        planned = "in.json"
    else:
        planned = str(source)
    assert partita("plan", "--json", planned, "-o", "plan.json", "--time-limit", "0.2").status == 0
    words = [sys.executable, "judge.py", "check", str(source), str(project / "plan.json"), *more]
    verdict = subprocess.run(words, cwd=JUDGE, capture_output=True, text=True, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert json.loads(verdict.stdout)["ok"], verdict.stdout
