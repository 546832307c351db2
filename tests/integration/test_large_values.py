"""Large values pass from worker to worker by their files."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Project

pytestmark = pytest.mark.integration

FLOWS = """
import numpy
import pandas
from pathlib import Path
from partita import File, Folder, flow, task


def own_mib() -> int:
    # memory that is no page of a file
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) >> 10
    raise LookupError


@task
def make(mib: int) -> numpy.ndarray:
    return numpy.ones((mib, 1 << 17))


@task
def measure(array: numpy.ndarray) -> list[int]:
    before = own_mib()
    return [int(array.sum()), before, own_mib()]


@flow
def large(mib: int = 300) -> list[int]:
    return measure(make(mib))


@task
def write() -> tuple[Folder, File, pandas.DataFrame]:
    place = Path("out")
    (place / "a").mkdir(parents=True, exist_ok=True)
    (place / "a" / "b.txt").write_text("text")
    return Folder(place), File(place / "a" / "b.txt"), pandas.DataFrame({"x": [1.5, None]})


@task
def read(folder: Folder, file: File, table: pandas.DataFrame) -> list[str]:
    Path(file).write_text("changed")
    return [folder["a/b.txt"].read_text(), file.read_text(), Path(file).name, str(table["x"].isna().sum())]


@flow
def files() -> list[str]:
    folder, file, table = write()
    return read(folder, file, table)
"""


def test_a_large_array_is_mapped_and_not_loaded(project: Project) -> None:
    project.write(FLOWS)
    total, before, after = project("large")
    assert total == 300 << 17
    assert after < 200 and after - before < 100  # of 300 MiB that it has read


def test_files_folders_and_tables_pass_between_workers(project: Project) -> None:
    project.write(FLOWS)
    assert project("files") == ["text", "text", "b.txt", "1"]
