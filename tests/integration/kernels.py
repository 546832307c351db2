"""Notebooks run in a kernel of their own, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

__all__ = ["Kernel", "kernel_in"]


class Kernel:
    """A kernel, and the notebook that is written in it."""

    def __init__(self, client: NotebookClient) -> None:
        self.client = client
        self.notebook = client.nb

    def __call__(self, source: str, *, may_fail: bool = False) -> str:
        """Run a cell; gives what it printed, or its error with the last line of it last."""
        cell = self.show(source)
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors:
            told = f"{errors[0].ename}: {errors[0].evalue}"
            assert may_fail, told + "\n" + "\n".join(errors[0].traceback)
            return told
        return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout").strip()

    def show(self, source: str) -> Any:
        """Run a cell; gives it with its outputs."""
        cell = nbformat.v4.new_code_cell(source)
        self.notebook.cells.append(cell)
        return self.client.execute_cell(cell, len(self.notebook.cells) - 1)


@contextmanager
def kernel_in(folder: Path) -> Iterator[Kernel]:
    """A kernel that works in the folder."""
    client = NotebookClient(
        nbformat.v4.new_notebook(), timeout=120, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    with client.setup_kernel():
        yield Kernel(client)
