"""The catalogue reads packages and modules without importing them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

import pytest

from partita.flow.catalogue import Component, components_of, installed_components, search_components
from partita.flow.catalogue.docstrings import read_docstring
from partita.flow.catalogue.modules import Library, SourceModule
from partita.flow.catalogue.searching import near_names

SOURCE = '''
"""Tasks for shops."""
raise SystemExit("this module must not be imported")
import not_installed_at_all
from typing import TYPE_CHECKING
import partita as p
from partita import command, container, flow, task as step
from celery import task

if TYPE_CHECKING:
    from pandas import DataFrame

@step(retries=3, tags=["shop", "sql"], version=2)
def orders(url: str, day: "DataFrame", /, limit: int = 10 * 2, *rest: int, dry: bool = False, **more: str) -> list[str]:
    """Fetch the orders
    of a day.

    More about it.

    Args:
        url: where
            they are.
        day: of what.
        limit (int): how many: at most.

    Returns:
        Their numbers.

    Raises:
        OSError: never.
    """

@p.flow
def nightly(day: str) -> int: ...

@task
def of_celery() -> int: ...

def plain() -> int: ...

@step
def _private() -> int: ...

def raw(n: int) -> int:
    "Raw."
made = step(retries=5)(raw)
count = command("wc -l {path} {{x}}", parameters={"path": str}, retries=2)
lines = container("lines", image="alpine:3.20", command="wc -l {inputs.text}", inputs={"top": 3, "text": File},
                  outputs={"stdout": int}, network="none", retries=1)
today = orders.partial(limit=3).with_options(retries=9, description="Orders of today")
'''


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, Component]:
    (tmp_path / "shop.py").write_text(SOURCE)
    library = Library([tmp_path])
    return {found.local_name: found for found in components_of(library.module("shop"), library)}


def test_tasks_and_flows_are_found_and_nothing_else(shop: dict[str, Component]) -> None:
    assert {name: found.kind for name, found in shop.items()} == {
        "orders": "task", "nightly": "flow", "made": "task", "count": "task", "lines": "task", "today": "task"
    }  # fmt: skip


def test_a_container_tells_what_goes_in_and_out(shop: dict[str, Component]) -> None:
    found = shop["lines"]
    assert found.summary == "Run `wc -l {inputs.text}` in a container of alpine:3.20."
    assert [(item.name, item.type, item.default) for item in found.parameters] == [
        ("text", "File", None), ("top", "int", "3"),
    ]  # fmt: skip
    assert found.returns == "int" and found.options == {"retries": "1"}


def test_a_component_tells_all_that_its_source_says(shop: dict[str, Component]) -> None:
    found = shop["orders"]
    assert (found.summary, found.description) == ("Fetch the orders of a day.", "More about it.")
    assert [(item.name, item.type, item.default, item.description) for item in found.parameters] == [
        ("url", "str", None, "where they are."), ("day", "DataFrame", None, "of what."),
        ("limit", "int", "10 * 2", "how many: at most."), ("*rest", "int", None, ""), ("dry", "bool", "False", ""),
        ("**more", "str", None, ""),
    ]  # fmt: skip
    assert (found.returns, found.returns_description) == ("list[str]", "Their numbers.")
    assert found.options == {"retries": "3", "version": "2"} and found.tags == ("shop", "sql")
    assert (found.name, found.reference, found.version) == ("project/orders", "shop:orders", "2")
    assert found.place.startswith("shop.py:") and found.missing == ("not_installed_at_all", "celery")
    assert found.import_line == "from shop import orders"
    assert found.example == "orders(url=..., day=...)"


def test_programs_and_specialised_tasks_are_components(shop: dict[str, Component]) -> None:
    assert [item.name for item in shop["count"].parameters] == ["path"]
    assert shop["count"].parameters[0].type == "str" and shop["count"].options == {"retries": "2"}
    assert shop["made"].summary == "Raw." and shop["made"].options == {"retries": "5"}
    today = shop["today"]
    assert today.summary == "Orders of today" and today.options["retries"] == "9"
    assert {item.name: item.default for item in today.parameters if item.is_bound} == {"limit": "3"}
    assert today.place != shop["orders"].place


def package(folder: Path, name: str, entries: str, version: str = "1.0", **files: str) -> None:
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(f"[partita.components]\n{entries}\n")
    for file, text in files.items():
        path = folder / (file.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


GOOD = "from partita import task\n@task\ndef good(a: int) -> int:\n    'Good.'\n    return a\n"


def found_in(folder: Path) -> tuple[list[Component], dict[str, str]]:
    found, broken = installed_components(Library([folder]), metadata.distributions(path=[str(folder)]))
    return found, {item.package: item.reason for item in broken}


def test_packages_name_their_components_by_entry_points(tmp_path: Path) -> None:
    package(tmp_path, "good-tasks", "all = good_pkg.tasks\nrenamed = good_pkg.tasks:good", good_pkg__tasks=GOOD)
    (tmp_path / "good_pkg" / "__init__.py").write_text("raise SystemExit('not imported')")
    found, broken = found_in(tmp_path)
    assert [(item.name, item.version, item.reference) for item in found] == [
        ("good-tasks/good", "1.0", "good_pkg.tasks:good"), ("good-tasks/renamed", "1.0", "good_pkg.tasks:good")
    ]  # fmt: skip
    assert not broken


@pytest.fixture
def usual_depth() -> Iterator[None]:
    """How deep calls may nest, whatever other tests have left."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


def test_a_broken_package_hides_no_other(tmp_path: Path, usual_depth: None) -> None:
    package(tmp_path, "good", "all = good_tasks", good_tasks=GOOD)
    package(tmp_path, "gone", "all = gone_tasks")
    package(tmp_path, "crooked", "all = crooked_tasks", crooked_tasks="def (:\n")
    package(tmp_path, "typo", "all = typo_tasks:god", typo_tasks=GOOD)
    package(tmp_path, "number", "all = number_tasks:N", number_tasks="N = 3\n")
    package(tmp_path, "deep", "all = deep_tasks", deep_tasks=f"x = {'(' * 90}{')' * 90}\n{'-' * 3000}1")
    found, broken = found_in(tmp_path)
    assert [item.name for item in found] == ["good/good"]
    assert "there is no module 'gone_tasks'" in broken["gone"]
    assert "crooked_tasks.py, line 1" in broken["crooked"]
    assert "'god' in the module typo_tasks does not exist" in broken["typo"]
    assert "neither a task nor a flow" in broken["number"]
    assert "deep" in broken


def test_names_are_followed_from_module_to_module(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from b.c import inner as outer\nimport b.c\nother = b.c.inner.partial(x=1)\nloop = loop2\nloop2 = loop\n__all__ = ['outer', 'other', 'loop']\n"
    )
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "__init__.py").write_text("from .c import inner\n")
    (tmp_path / "b" / "c.py").write_text("from .d import inner\n")
    (tmp_path / "b" / "d.py").write_text("from partita import task\n@task\ndef inner(x: int, y: int) -> int: ...\n")
    library = Library([tmp_path])
    found = {item.local_name: item for item in components_of(library.module("a"), library)}
    assert found.keys() == {"outer", "other"}
    assert found["outer"].place == "d.py:3"
    assert found["other"].example == "other(y=...)"


def test_listing_imports_nothing_of_what_it_lists() -> None:
    program = (
        "import json, sys\nfrom pathlib import Path\nfrom partita.workspace.catalogue import find_components\n"
        "assert len(find_components(Path('.'))['components']) >= 19\nprint(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    heavy = {"partita.components", "pandas", "numpy", "pyarrow", "polars", "sqlalchemy", "urllib3", "pydantic"}
    assert not heavy & set(json.loads(done.stdout))


def test_every_ready_task_is_in_the_catalogue_with_all_that_people_need() -> None:
    from partita import Flow, Task

    entries = [entry for entry in metadata.distribution("partita").entry_points if entry.group == "partita.components"]
    modules = [import_module(entry.value) for entry in entries]
    assert len(modules) == 5
    all_ready = {name: getattr(module, name) for module in modules for name in module.__all__}
    all_ready = {name: ready for name, ready in all_ready.items() if isinstance(ready, (Task, Flow))}
    found = {item.local_name: item for item in installed_components()[0] if item.package == "partita"}
    assert found.keys() == all_ready.keys()
    for name, component in found.items():
        ready = all_ready[name]
        assert component.summary and component.returns and component.tags, name
        assert [item.name for item in component.parameters] == list(ready.signature.by_name), name
        assert all(item.type and item.description for item in component.parameters), name
        assert component.version == metadata.version("partita")


def test_search_goes_by_all_words_and_the_best_stand_first() -> None:
    everything = installed_components()[0]
    assert [item.local_name for item in search_components(everything, "csv")][:2] == ["read_csv", "write_csv"]
    assert next(iter(search_components(everything, "Write Parquet"))).local_name == "write_parquet"
    assert [item.local_name for item in search_components(everything, "attachments")] == ["send_mail"]
    assert search_components(everything, "csv spaceship") == []
    assert near_names(everything, "sql_qury")[0] == "partita/sql_query"


def test_docstrings_of_several_habits() -> None:
    told = read_docstring("One.\n\nArguments:\n    a: first\n\n    b (int, optional): second\nReturns:\n    Three.")
    assert (told.summary, told.arguments, told.returns) == ("One.", {"a": "first", "b": "second"}, "Three.")
    assert read_docstring(None).summary == ""
    assert read_docstring("Just this").arguments == {}


def test_relative_imports_are_made_absolute(tmp_path: Path) -> None:
    file = tmp_path / "d.py"
    file.write_text("from .. import x\nfrom .e import y\nfrom . import z\n")
    module = SourceModule("a.b.d", file)
    assert [module.imported(name) for name in "xyz"] == [("a", "x"), ("a.b.e", "y"), ("a.b", "z")]
