"""Importing and exporting models as flows: what they open is opened in a worker."""

from __future__ import annotations

from pathlib import Path

from partita.flow.flow import flow
from partita.flow.task import task
from partita.models.registry import load, register

__all__ = ["export_module", "import_model", "read_and_register", "write_module"]


@task(cache=False)
def read_and_register(source: str, name: str, trust: bool) -> str:
    """Read a model and register it; gives the version."""
    from partita.models.mlflow.reading import read_model

    return str(register(read_model(Path(source), trust=trust), name, tags={"imported_from": source}))


@flow
def import_model(source: str, name: str, trust: bool = False) -> str:
    """Register a model of MLflow's format, or of a file.

    Args:
        source: the folder or file, on the machine of the workers.
        name: of the model in the registry.
        trust: open what can run code.
    """
    return read_and_register(source, name, trust)


@task(cache=False)
def write_module(name: str) -> bytes:
    """A torch module as `torch.save` writes it."""
    import io

    import torch

    buffer = io.BytesIO()
    torch.save(load(name).wrapped, buffer)
    return buffer.getvalue()


@flow
def export_module(name: str) -> bytes:
    """A torch module of the registry as a pickled file, which MLflow asks for."""
    return write_module(name)
