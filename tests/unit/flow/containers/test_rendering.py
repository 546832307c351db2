"""What a command becomes with values: nothing in a value is ever read as a part of the command."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita import File, Folder, container
from partita.flow.containers.rendering import RenderedCall, render


def call(command: Any, inputs: dict[str, Any], values: dict[str, Any], **others: Any) -> RenderedCall:
    made = container("made", image="alpine:3.20", command=command, inputs=inputs, **others)
    return render(made.function.declaration, values)


def test_words_are_words_whatever_is_in_them() -> None:
    kinds = {"a": str, "n": int, "x": float, "yes": bool, "many": list[str]}
    values = {"a": "two words; $(id) {inputs.n}", "n": -3, "x": 0.5, "yes": True, "many": ["-v", "b c"]}
    command = ["run", "{inputs.a}", "--n={inputs.n}", "{inputs.x}", "{inputs.yes}", "{inputs.many}"]
    found = call(command, kinds, values)
    assert found.command == ("run", "two words; $(id) {inputs.n}", "--n=-3", "0.5", "true", "-v", "b c")
    assert found.variables == {} and found.files == ()


def test_other_braces_are_the_commands_own() -> None:
    found = call(["awk", "{print $1}", "${HOME}", '{"a": {}}', "{{inputs.a}}"], {"a": str}, {"a": "x"})
    assert found.command == ("awk", "{print $1}", "${HOME}", '{"a": {}}', "{inputs.a}")


def test_arguments_stand_behind_the_images_own_command() -> None:
    found = call(None, {"n": int}, {"n": 3}, arguments=["--n", "{inputs.n}"])
    assert found.command == () and found.arguments == ("--n", "3")


def test_files_have_paths_that_mean_nothing_to_a_shell(tmp_path: Path) -> None:
    odd = tmp_path / "a $(id)'; rm.csv"
    odd.write_text("1")
    tree = tmp_path / "tree"
    tree.mkdir()
    file, folder = File(odd), Folder(tree)
    kinds = {"data": File, "tree": Folder, "parts": list[File]}
    values = {"data": file, "tree": folder, "parts": [file, file]}
    found = call(["cat", "{inputs.data}", "{inputs.tree}", "{inputs.parts}"], kinds, values)
    assert found.command == (
        "cat", "/partita/inputs/data/a___id____rm.csv", "/partita/inputs/tree/tree",
        "/partita/inputs/parts/0/a___id____rm.csv", "/partita/inputs/parts/1/a___id____rm.csv",
    )  # fmt: skip
    assert dict(found.files)["/partita/inputs/data/a___id____rm.csv"] is file
    assert len(found.files) == 4


def test_outputs_have_paths_too() -> None:
    outputs = {"lines": int, "plot": File}
    found = call("a > {outputs.lines}; b {outputs.plot}", {}, {}, outputs=outputs, file_names={"plot": "plot.png"})
    assert found.command[2] == "a > /partita/outputs/lines; b /partita/outputs/plot.png"


SCRIPTS = {
    "bare": "printf '%s|' {inputs.a} {inputs.b}",
    "quoted": 'printf "%s|" "{inputs.a}" "{inputs.b}"',
    "behind a quote": "printf '%s|' {inputs.a} \"it's\" >/dev/null; printf '%s|' {inputs.a} {inputs.b}",
    "behind a comment": "# it's \"\nprintf '%s|' {inputs.a} {inputs.b}",
    "escaped": "true \\' \\\"; printf '%s|' {inputs.a} {inputs.b}",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.text("'\"\\$`;|&() \n*{}a"))
@settings(max_examples=25, deadline=None)
def test_a_shell_sees_texts_as_they_are(script: str, a: str, b: str) -> None:
    found = call(script, {"a": str, "b": str}, {"a": a, "b": b})
    assert a not in found.command[2] or a in script or len(a) < 20
    done = subprocess.run(
        found.command, env={**found.variables, "PATH": "/usr/bin:/bin"}, capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode() == f"{a}|{b}|"


def test_a_list_with_a_shell_is_a_script_too() -> None:
    found = call(["bash", "-ec", "echo {inputs.a}", "name", "{inputs.a}"], {"a": str}, {"a": "$(id)"})
    assert found.command == ("bash", "-ec", 'echo "${inputs_a}"', "name", "$(id)")
    assert found.variables == {"inputs_a": "$(id)"}


@pytest.mark.parametrize("program", [["sh", "run.sh"], ["python3", "tool.py"], ["grep"]])
def test_a_flag_of_another_program_is_no_script(program: list[str]) -> None:
    found = call([*program, "-c", "{inputs.a}"], {"a": str}, {"a": "$(id)"})
    assert found.command == (*program, "-c", "$(id)")


def test_options_of_a_shell_may_stand_before_its_script() -> None:
    found = call(["bash", "-eu", "-o", "pipefail", "-c", "echo {inputs.a}"], {"a": str}, {"a": "$(id)"})
    assert found.command[-1] == 'echo "${inputs_a}"'


@pytest.mark.parametrize(("text", "told"), [("x" * 200_000, "120 KiB"), ("a\0b", "NUL")])
def test_what_no_word_can_hold_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=rf"the input a .*{told}.*; give it as a File"):
        call(["echo", "{inputs.a}"], {"a": str}, {"a": text})
