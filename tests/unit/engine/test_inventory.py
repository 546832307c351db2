"""How artifacts are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from partita import Folder, flow, task
from partita.engine.inventory import Inventory
from partita.errors import NotFoundError
from partita.testing import MemoryWorkspace


@task
def make(place: Path) -> Folder:
    return Folder(place)


@flow
def making(place: Path) -> Folder:
    return make(place)


def test_files_of_a_folder_are_named_as_people_type_them(
    workspace: MemoryWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "été").mkdir(parents=True)
    (tmp_path / "data" / "été" / "日記.txt").write_text("x")
    run = making.submit(tmp_path / "data").wait()
    found = run.artifact('make["été/日記.txt"]')
    monkeypatch.chdir(tmp_path)
    assert found.save() == [Path("日記.txt")]


@task
def names() -> list[str]:
    return ["line", "blend"]


@task
def examine(name: str) -> dict[str, Any]:
    return {"name": name, "long": numpy.arange(2000)}


@flow
def examined() -> list[dict[str, Any]]:
    return examine.map(names())  # not known yet: its elements lie below a step of its own


@flow
def twice() -> list[list[dict[str, Any]]]:
    return [examined(), examined()]


def test_the_element_of_a_map_is_named_without_the_map(workspace: MemoryWorkspace) -> None:
    run = examined.submit().wait()
    whole = run.artifact("examine[]/examine[1]").name
    assert whole == f"{run.id}:examine[]/examine[1]"
    assert run.artifact("examine[1]").name == whole and run.artifact("examine[1].name").value() == "blend"
    assert run.artifact("examine[1].name").name == f"{whole}.name"
    with pytest.raises(NotFoundError, match=r"has no part '\.nam'.*did you mean examine\[\]/examine\[1\]\.name"):
        run.artifact("examine[1].nam")
    with pytest.raises(NotFoundError, match=r"no artifact 'examine\[7\]'; did you mean"):
        run.artifact("examine[7]")


def test_a_name_that_fits_several_artifacts_is_told_with_all(workspace: MemoryWorkspace) -> None:
    run = twice.submit().wait()
    paths = [step["path"] for step in workspace.all_steps(run.id) if step["name"] == "examine[1]"]
    assert len(paths) == 2
    with pytest.raises(NotFoundError, match="may be") as caught:
        run.artifact("examine[1].name")
    assert all(f"{path}.name" in str(caught.value) for path in paths)
    first = paths[0].split("/")[0]
    assert run.artifact(f"{first}/examine[1]").name == f"{run.id}:{paths[0]}"
    assert run.artifact(paths[1]).name == f"{run.id}:{paths[1]}"


def test_the_list_goes_on_where_the_run_at_which_a_page_ended_was_deleted(workspace: MemoryWorkspace) -> None:
    runs = [examined.submit().wait() for _ in range(3)]
    inventory = Inventory(workspace.engine.book, workspace._reading)
    first = inventory.artifacts({})
    number = first["cursor"][0]
    assert {view["run"] for view in first["artifacts"]} == {runs[2].id}
    workspace.engine.book.store.delete_run(number)
    seen, cursor = [], first["cursor"]
    while cursor is not None:
        page = inventory.artifacts({"cursor": cursor})
        seen += [view["run"] for view in page["artifacts"]]
        cursor = page["cursor"]
    assert number == 2 and set(seen) == {runs[0].id}
    assert inventory.artifacts({"run": runs[0].id, "cursor": [number, -1]}) == {"artifacts": [], "cursor": None}
