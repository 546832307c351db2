"""How long a notebook's runs take, from executing the cell that calls `flow.run` to its result.

    python benchmarks/notebook.py [--repeats 7]

Each repeat has a kernel, a project and a workspace of its own, on which no engine runs. What is timed is the cell, as a
notebook's front end sees it: from sending it to the kernel until the kernel is idle again. Prints JSON lines, medians
over the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from partita.workspace import open_workspace

DEFINITIONS = """
from dataclasses import dataclass
from partita import flow, task

@dataclass
class Sample:
    name: str
    size: int

@task
def measure(name: str) -> Sample:
    return Sample(name, len(name))

@task
def largest(samples: list[Sample]) -> Sample:
    return max(samples, key=lambda sample: sample.size)

@flow
def survey(names: list[str]) -> Sample:
    return largest(measure.map(names))
"""
CELL = "assert survey.run(['oak', 'birch', 'elm']).result() == Sample('birch', 5)"


class Notebook:
    """A kernel, and the cells that were run in it."""

    def __init__(self, client: NotebookClient) -> None:
        self._client = client

    def run(self, source: str) -> float:
        """Run a cell; gives the seconds that it took."""
        cell = nbformat.v4.new_code_cell(source)
        self._client.nb.cells.append(cell)
        began = time.perf_counter()
        self._client.execute_cell(cell, len(self._client.nb.cells) - 1)
        return time.perf_counter() - began


@contextmanager
def notebook() -> Iterator[Notebook]:
    with tempfile.TemporaryDirectory(prefix="partita-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder, "partita.toml").write_text("")
        client = NotebookClient(nbformat.v4.new_notebook(), timeout=60, resources={"metadata": {"path": folder}})
        with client.setup_kernel():
            yield Notebook(client)
        open_workspace(Path(folder)).stop_engine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    figures: dict[str, list[float]] = {"first run": [], "second run": [], "after a cell was changed": []}
    for _ in range(repeats):
        with notebook() as made:
            made.run(DEFINITIONS)
            figures["first run"].append(made.run(CELL))
            figures["second run"].append(made.run(CELL))
            made.run("@task\ndef measure(name: str) -> Sample:\n    return Sample(name, len(name) + 0)")
            figures["after a cell was changed"].append(made.run(CELL))
    for name, seconds in figures.items():
        told = {"median_s": round(statistics.median(seconds), 3), "worst_s": round(max(seconds), 3)}
        print(json.dumps({"name": f"notebook: {name}", "cores": os.cpu_count(), "repeats": repeats, **told}))


if __name__ == "__main__":
    main()
