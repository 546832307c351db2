"""What can be declared of a container task, and what is refused where it is written."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from partita import File, Folder, Task, constant, container, flow
from partita.errors import CheckError, DefinitionError, OptionError
from partita.testing import memory_workspace

count = container(
    "count", image="alpine:3.20", command="wc -l < {inputs.text} > {outputs.lines}", inputs={"text": File, "top": 10},
    outputs={"lines": int}, retries=2, cpu=2,
)  # fmt: skip
split = container("split", image="tools:1", outputs={"train": File, "rows": int, "stdout": str})


def made(**changes: Any) -> Task[..., Any]:
    return container("made", **{"image": "alpine:3.20", "command": "true", **changes})


def test_it_is_a_task_with_typed_parameters_and_options() -> None:
    parameters = count.signature.parameters
    assert [(item.name, item.annotation) for item in parameters] == [("text", File), ("top", int)]
    assert parameters[1].default == 10
    assert count.signature.returns is int
    assert (count.name, count.options.retries, count.options.cpu) == ("count", 2, 2.0)
    assert count.place.startswith("test_declaration.py:")
    assert "alpine:3.20" in (count.__doc__ or "")


def test_several_outputs_are_typed_each() -> None:
    @flow
    def uses() -> int:
        found = split()
        return count(found["rows"])

    with memory_workspace(), pytest.raises(CheckError, match="File"):
        uses.run().result()
    assert split.signature.returns.__annotations__ == {"train": File, "rows": int, "stdout": str}


def test_a_step_of_a_container_is_laid_out_and_can_be_faked(tmp_path: Path) -> None:
    @flow
    def uses(n: int) -> list[int]:
        return count.map(write.map([n, n + 1]), top=constant(n))

    with memory_workspace() as workspace:
        (tmp_path / "x").write_text("3")
        workspace.fake(count, lambda text, top: top + int(text.read_text()))
        workspace.fake(write, lambda n: File(tmp_path / "x"))
        assert uses.run(4).result() == [7, 7]


write = container("write", image="tools:1", inputs={"n": int}, outputs={"made": File})


def test_the_declaration_is_plain_data() -> None:
    told = json.loads(json.dumps(count.function.declaration.plain()))
    assert told["command"] == ["/bin/sh", "-c", "wc -l < {inputs.text} > {outputs.lines}"]
    assert told["inputs"] == [["text", "file"], ["top", "integer"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "alpine:3.21"}, {"command": "false"}, {"user": "0:0"}, {"network": "none"}, {"mounts": ["/a:/a"]},
        {"outputs": {"x": str}}, {"inputs": {"x": str}}, {"arguments": ["x"]}, {"folder": "/app"}, {"pull": "always"},
        {"allowed_statuses": [0, 1]}, {"inputs": {"x": int}},
    ],
)  # fmt: skip
def test_whatever_is_declared_counts_for_the_fingerprint(changes: dict[str, Any]) -> None:
    assert made(**changes).function.fingerprint() != made().function.fingerprint()


def test_outputs_in_json_of_another_type_count_for_the_fingerprint() -> None:
    assert made(outputs={"x": int}).function.fingerprint() != made(outputs={"x": list[int]}).function.fingerprint()
    assert made(outputs={"x": int}).function.fingerprint() == made(outputs={"x": int}).function.fingerprint()


def test_it_can_be_sent() -> None:
    sent = pickle.loads(pickle.dumps(made(inputs={"n": 3}, outputs={"a": File, "b": int})))
    assert sent.function.fingerprint() == made(inputs={"n": 3}, outputs={"a": File, "b": int}).function.fingerprint()
    assert sent.signature.parameters[0].default == 3


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"image": ""}, "is no image"),
        ({"image": "--privileged"}, "is no image"),
        ({"image": "two words"}, "is no image"),
        ({"command": ""}, "names no program"),
        ({"command": []}, "names no program"),
        ({"command": ["wc", 3]}, "list of texts"),
        ({"arguments": "text"}, "list of texts"),
        ({"command": "cat {inputs.nothing}"}, "not among the inputs"),
        ({"command": "cat {outputs.nothing}"}, "not among the outputs"),
        ({"command": "cat {input.text}", "inputs": {"text": File}}, "is no value"),
        ({"command": "cat {inputs.text.name}", "inputs": {"text": File}}, "is no value"),
        ({"command": "cat {outputs.stdout}", "outputs": {"stdout": str}}, "has no path"),
        ({"inputs": {"a b": str}}, "cannot name an input"),
        ({"outputs": {"1": str}}, "cannot name an output"),
        ({"inputs": {"x": dict}}, "which no command takes"),
        ({"inputs": {"x": list[Folder]}}, "which no command takes"),
        ({"inputs": {"x": None}}, "which no command takes"),
        ({"outputs": {"x": "nonsense"}}, "which is none"),
        ({"outputs": {"x": 3}}, "no type"),
        ({"outputs": {"stdout": File}}, "is what the command prints"),
        ({"outputs": {"x": File}, "file_names": {"y": "y.csv"}}, "not among the outputs"),
        ({"outputs": {"x": File}, "file_names": {"x": "../x.csv"}}, "no plain name"),
        ({"outputs": {"x": File, "y": File}, "file_names": {"x": "y"}}, "of one name"),
        ({"pull": "sometimes"}, "is none of missing, always, never"),
        ({"folder": "work"}, "give a path from its root"),
        ({"mounts": ["/data"]}, "is no mount"),
        ({"mounts": ["/data:/data:rx"]}, "is no mount"),
        ({"mounts": "/data:/data"}, "list of texts"),
        ({"environment": ["numpy"]}, "leave out environment="),
        ({"command": "echo '{inputs.word}'", "inputs": {"word": str}}, "single quotes"),
        ({"command": ["sh", "-ec", "echo '{inputs.word}'"], "inputs": {"word": str}}, "single quotes"),
        ({"command": ["python3", "-c", "print('{inputs.word}')"], "inputs": {"word": str}}, "item of its own"),
        ({"command": ["env", "python3.12", "-c", "{inputs.word}"], "inputs": {"word": str}}, "item of its own"),
        ({"command": ["python3", "-W", "ignore", "-c", "{inputs.word}"], "inputs": {"word": str}}, "item of its own"),
        ({"command": ["bash", "--odd", "x", "-c", "a {inputs.word}"], "inputs": {"word": str}}, "may stand inside"),
        ({"command": ["perl", "-e", "{inputs.word}"], "inputs": {"word": str}}, "item of its own"),
        ({"command": "cat {inputs.parts}", "inputs": {"parts": list[File]}}, "is a list"),
        ({"command": ["cat", "a{inputs.parts}"], "inputs": {"parts": list[File]}}, "is a list"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        made(**changes)


def test_names_and_options_are_checked() -> None:
    with pytest.raises(DefinitionError, match="no name that a variable can have"):
        container("two words", image="alpine:3.20")
    with pytest.raises(OptionError, match="no option 'retry'"):
        made(retry=3)


def test_arguments_are_checked_before_a_container_is_made() -> None:
    with pytest.raises(TypeError, match="input text got"):
        count("a.txt")
