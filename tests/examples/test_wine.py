"""The example notebook, run in a real kernel on its real data."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from partita.workspace import open_workspace
from tests.examples.conftest import EXAMPLES

pytest.importorskip("sklearn", reason="needs the extra 'examples'")
nbformat = pytest.importorskip("nbformat", reason="needs the extra 'test'")
nbclient = pytest.importorskip("nbclient", reason="needs the extra 'test'")

pytestmark = pytest.mark.integration


def test_the_notebook_runs_from_top_to_bottom_and_shows_its_runs(tmp_path: Path) -> None:
    for name in ("notebook.ipynb", "partita.toml"):
        shutil.copy(EXAMPLES / "wine" / name, tmp_path)
    notebook = nbformat.read(tmp_path / "notebook.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")], "is kept without outputs"
    client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}})
    try:
        client.execute()
    finally:
        open_workspace(tmp_path).stop_engine()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    graph, run, table, again, failed = cells[3:]
    assert "tree_fold ×5" in page(graph) and "<svg" in page(graph)
    assert "succeeded" in page(run) and "5/5" in page(run)
    accuracy = {line.split()[0]: float(line.split()[1]) for line in table.outputs[0].text.splitlines()[:3]}
    assert set(accuracy) == {"tree", "neighbours", "logistic"} and min(accuracy.values()) > 0.85
    assert again.outputs[-1].data["text/plain"] == "16"
    assert "n_splits=60 cannot be greater" in page(failed) and "File &quot;In[3]&quot;, line 18" in page(failed)


def page(cell: Any) -> str:
    return str(cell.outputs[0].data["text/html"])
