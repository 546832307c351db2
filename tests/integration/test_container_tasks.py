"""Container tasks on real engines and a real Docker."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from partita.errors import StepError
from tests.contract.small_image import small_image
from tests.integration.conftest import Project
from tests.integration.engines import kill_engine
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.service]

FLOWS = """
import os
from pathlib import Path
from partita import File, Folder, container, flow, task

def small(name, **declared):
    return container(name, image=os.environ["TEST_IMAGE"], pull="never", network="none", cpu=0.5, **declared)

@task
def write(name: str, text: str) -> File:
    Path(name).write_text(text)
    return File(name)

@task
def tree(count: int) -> Folder:
    folder = Path("tree")
    (folder / "below").mkdir(parents=True)
    for n in range(count):
        (folder / "below" / f"{n}.txt").write_text(str(n))
    return Folder(folder)

count = small(
    "count", command="wc -l < {inputs.text} > {outputs.lines}; echo said {inputs.word} >&2", inputs={"text": File, "word": "x"},
    outputs={"lines": int},
)
both = small(
    "both", command=["cat", "{inputs.parts}"], inputs={"parts": list[File]}, outputs={"stdout": str},
)
whole = small(
    "whole", inputs={"given": Folder, "n": int},
    command="cp -r {inputs.given}/. {outputs.copy} && id -u > {outputs.who} && echo {inputs.n} > {outputs.note} && echo '[1, 2]'",
    outputs={"copy": Folder, "note": File, "who": int, "stdout": list[int]}, file_names={"note": "note.txt"},
)
told = small(
    "told", command='echo "$TOKEN $PLAIN"; test -z "$KEPT_BACK"', outputs={"stdout": str}, secrets=["TOKEN"],
    environment_variables={"PLAIN": "seen"},
)
hungry = small("hungry", command="head -c 600M /dev/zero | tail > /dev/null", memory="64MiB", crash_retries=1)
failing = small("failing", command=["sh", "-c", "echo why it failed >&2; exit 3"], retries=1)
unknown = small("unknown", command=["no-such-program"])
forgetful = small("forgetful", command="true", outputs={"made": File})
sly = small("sly", command="ln -s /etc/passwd {outputs.made}", outputs={"made": File})
absent = container("absent", image="no-such-image:1", pull="never")
slow = small("slow", command="touch {outputs.begun}; echo begun; sleep 600", outputs={"begun": File}, grace=3)
brief = small("brief", command="sleep 600", timeout=2, grace=0)
cached = small("cached", command=["echo", "{inputs.n}"], inputs={"n": int}, outputs={"stdout": int}, cache=True)

@flow
def files() -> list:
    text = write("a $(odd) name.csv", "1\\n2\\n3\\n")
    return [count(text, word="$(id); *"), both([text, write("b.txt", "more\\n")])]

@flow
def folders() -> list:
    made = whole(tree(3), 7)
    return [look(made["copy"], made["note"]), made["who"], made["stdout"]]

@task
def look(folder: Folder, note: File) -> list:
    return [sorted(folder), note.name, note.read_text()]

@flow
def mapped() -> list[int]:
    return count.map(write.map(["a.txt", "b.txt"], ["1\\n", "1\\n2\\n"]))

@flow
def variables() -> str:
    return told()

@flow
def repeated(n: int) -> int:
    return cached(n)

@flow
def one(name: str) -> object:
    return globals()[name]()
"""

YAML = """
steps:
  write:
    task: flows.py:write
    with: {name: a.txt, text: "x y"}
  count-words:
    container:
      image: IMAGE
      pull: never
      network: none
      command: wc -w < {inputs.text} > {outputs.words}
      inputs: {text: file}
      outputs: {words: int}
    with:
      text: ${{ steps.write.output }}
    retries: 1
outputs: ${{ steps.count-words.output }}
"""


@pytest.fixture
def boxed(make_project: Callable[[str], Project], monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("TEST_IMAGE", small_image())
    project = make_project("crash_retries = 0\n")
    project.write(FLOWS)
    return project


def containers_of(project: Project) -> set[str]:
    state = f"label=partita.state={project.workspace.state}"
    words = ["docker", "ps", "--all", "--quiet", "--filter", state]
    return set(subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def left_of(project: Project) -> list[Path]:
    return list((project.workspace.state / "containers").glob("*"))


def wait_for_begin(project: Project) -> None:
    wait_until(lambda: list(left_of(project)) and (left_of(project)[0] / "outputs" / "begun").exists())


def test_files_go_in_and_come_out(boxed: Project) -> None:
    run = boxed.start("files")
    assert boxed.result(run) == [3, "1\n2\n3\nmore\n"]
    said = "".join(chunk["text"] for chunk in boxed.workspace.logs(run.id))
    assert "said $(id); *" in said
    assert boxed("folders") == [[["below/0.txt", "below/1.txt", "below/2.txt"], "note.txt", "7\n"], os.getuid(), [1, 2]]
    assert boxed("mapped") == [1, 2]
    assert not containers_of(boxed) and not left_of(boxed)


def test_a_yaml_flow_has_container_steps(boxed: Project) -> None:
    boxed.write(YAML.replace("IMAGE", small_image()), "words.yaml")
    run = boxed.start("words.yaml:words")
    assert boxed.result(run) == 2
    assert [step["name"] for step in run.steps if "count" in step["name"]] == ["count-words"]


def test_variables_and_secrets_are_given_and_secrets_masked(boxed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "very-secret-token")
    monkeypatch.setenv("KEPT_BACK", "no")
    run = boxed.start("variables")
    assert boxed.result(run) == "*** seen\n"
    said = "".join(chunk["text"] for chunk in boxed.workspace.logs(run.id))
    assert "*** seen" in said and "very-secret" not in said


def test_an_equal_step_is_taken_from_the_cache(boxed: Project) -> None:
    assert boxed("repeated", n=4) == 4
    run = boxed.start("repeated", n=4)
    assert boxed.result(run) == 4
    assert "cached" in next(step for step in run.steps if step["name"] == "cached")["marks"]


def test_out_of_memory_is_the_machines_failure_and_raises_the_limit(boxed: Project) -> None:
    run = boxed.start("one", name="hungry")
    with pytest.raises(StepError, match="needed more memory than the 96 MiB"):
        boxed.result(run)
    step = next(step for step in run.steps if step["name"] == "hungry")
    ends = boxed.workspace.attempts(run.id, step["id"])
    assert [end["outcome"] for end in ends] == ["crashed", "crashed"]
    assert not containers_of(boxed) and not left_of(boxed)


@pytest.mark.parametrize(
    "name, told",
    [
        ("failing", "ended with exit status 3:\nwhy it failed"),
        ("unknown", "there is no program no-such-program in the image"),
        ("forgetful", "has not written its output made"),
        ("sly", "leads out of the folder"),
        ("absent", "build or pull it"),
    ],
)
def test_what_is_wrong_is_told_in_words(boxed: Project, name: str, told: str) -> None:
    run = boxed.start("one", name=name)
    with pytest.raises(StepError) as caught:
        boxed.result(run)
    assert told in str(caught.value)
    step = next(step for step in run.steps if step["name"] == name)
    assert {end["outcome"] for end in boxed.workspace.attempts(run.id, step["id"])} == {"failed"}
    assert not containers_of(boxed) and not left_of(boxed)


def test_a_docker_that_does_not_answer_is_told(boxed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(StepError, match="Docker does not answer"):
        boxed("one", name="failing")


def test_cancelling_ends_the_container(boxed: Project) -> None:
    run = boxed.start("one", name="slow")
    wait_for_begin(boxed)
    assert len(containers_of(boxed)) == 1
    boxed.workspace.cancel(run.id)
    assert run.wait(60).state == "cancelled"
    wait_until(lambda: not containers_of(boxed) and not left_of(boxed))


def test_a_timeout_that_kills_the_worker_ends_the_container(boxed: Project) -> None:
    with pytest.raises(StepError, match="longer than its timeout"):
        boxed("one", name="brief")
    wait_until(lambda: not containers_of(boxed) and not left_of(boxed))


def test_a_killed_engine_leaves_no_container(boxed: Project) -> None:
    boxed.start("one", name="slow")
    wait_for_begin(boxed)
    kill_engine(boxed)
    wait_until(lambda: not containers_of(boxed) and not left_of(boxed))


def test_an_engine_removes_what_is_left_of_an_earlier_one(boxed: Project) -> None:
    name, state = "partita-left-behind", boxed.workspace.state
    folder = state / "containers" / f"1.{name}"
    folder.mkdir(parents=True)
    words = ["docker", "run", "--detach", "--name", name, "--label", f"partita.state={state}", "--network", "none"]
    subprocess.run([*words, small_image(), "sleep", "600"], check=True, capture_output=True, timeout=120)
    assert boxed("repeated", n=1) == 1
    wait_until(lambda: not containers_of(boxed) and not folder.exists())


def test_outside_of_a_run_it_is_an_ordinary_call(tmp_path: Path) -> None:
    from partita import File, container

    text = tmp_path / "a.txt"
    text.write_text("1\n2\n")
    count = container(
        "count", image=small_image(), command=["wc", "-l", "{inputs.text}"], inputs={"text": File}, outputs={"stdout": str},
        network="none",
    )  # fmt: skip
    assert count(File(text)).split() == ["2", "/partita/inputs/text/a.txt"]
