"""Warnings about a flow's body."""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path
from random import random as chance

from partita.flow.flow import flow
from partita.flow.task import task


@task
def add(number: int) -> int:
    return number + 1


@flow
def clean(number: int) -> int:
    print(number)
    with open(__file__) as file:
        text = file.read()
    try:
        size = int(text[:1])
    except ValueError:
        size = 1
    return add(number + size)


@flow
def dirty(number: int) -> int:
    Path(os.devnull).write_text("x")
    open(os.devnull, "w").close()
    subprocess.run(["true"], check=True)
    time.time()
    random.random()
    chance()
    os.environ["X_OF_TEST"] = "1"
    try:
        number = add(number)
    except ValueError:
        number = 3
    return clean(inner(number))


@flow
def inner(number: int) -> int:
    time.sleep(0)
    return add.map([number])[0]


def test_a_clean_body_has_no_warnings(lay):
    assert lay(clean, 1).warnings == []


def test_side_effects_and_try_are_warned_of_at_once(lay):
    layout = lay(dirty, 1)
    first = dirty.function.__code__.co_firstlineno
    found = [(int(w.place.rpartition(":")[2]) - first, w.message.partition(", ")[2]) for w in layout.warnings]
    assert [line for line, _ in found[:8]] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [message for _, message in found[:8]] == [
        "`Path(os.devnull).write_text(...)` changes files",
        "a file is opened for writing",
        "`subprocess.run(...)` starts a program",
        "`time.time(...)` is different each time",
        "`random.random(...)` is different each time",
        "`chance(...)` is different each time",
        "the environment is changed",
        "`try` is around the call of add, and catches nothing of it: the task runs later",
    ]
    assert "use settle(add(...))" in layout.warnings[7].remedy
    assert all(w.is_warning and w.remedy for w in layout.warnings)
    assert "in the body of inner, `time.sleep(...)` only makes the layout wait" in layout.warnings[8].message


def test_a_body_without_source_has_no_warnings(lay):
    names = {"flow": flow, "add": add, "__name__": __name__}
    exec("@flow\ndef made() -> int:\n    return add(1)\n", names)
    assert lay(names["made"]).warnings == []
