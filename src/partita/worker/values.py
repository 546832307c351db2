"""Values as a worker opens and stores them: the codecs of this workspace, made when they are first needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from partita.flow.loading import load, locate
from partita.values import NOTEBOOK_FILE, Node, pack, unpack

if TYPE_CHECKING:
    from partita.artifacts.code.fingerprint import Fingerprinter
    from partita.artifacts.codecs.encoder import Encoder
    from partita.worker.notebook import Notebook

__all__ = ["WorkerValues"]


class WorkerValues:
    """The codecs of one workspace, and the fingerprints of one bundle."""

    def __init__(self, workspace: str, bundle: str, artifacts: str = "") -> None:
        self._workspace = Path(workspace)
        self._bundle = Path(bundle)
        self._artifacts = artifacts

    @cached_property
    def encoder(self) -> Encoder:
        """The codecs."""
        from partita.artifacts.blobs.placing import open_blobs
        from partita.artifacts.codecs.encoder import Encoder
        from partita.artifacts.signing import signer_of
        from partita.flow.settle import make_outcome

        is_durable = os.environ.get("PARTITA_DURABILITY") == "full"
        blobs = open_blobs(self._artifacts, self._workspace, is_durable=is_durable)
        return Encoder(
            blobs, signer_of(self._workspace), outcome=make_outcome, locate=locate, load=load, code_of=self.code_of
        )

    @cached_property
    def notebook(self) -> Notebook | None:
        """The session that the bundle was made in; None: it was made of files only."""
        if not (self._bundle / NOTEBOOK_FILE).exists():
            return None
        from partita.worker.notebook import Notebook

        return Notebook(self._bundle, self._workspace)

    @cached_property
    def _session(self) -> ModuleType:
        assert self.notebook is not None
        return self.notebook.install()

    def session(self) -> ModuleType:
        """The module of that session, which becomes this process's `__main__`."""
        return self._session

    @cached_property
    def _fingerprinter(self) -> Fingerprinter:
        from partita.artifacts.code.fingerprint import Fingerprinter

        if self.notebook is None:
            return Fingerprinter(self._bundle, self._bundle.name)
        return Fingerprinter(
            self._bundle, self._bundle.name, cells=self.notebook.sources, digests=self.notebook.digests
        )

    def fingerprint(self, function: Any) -> str:
        """Hash of the code that a function reaches."""
        return self._fingerprinter.of(function)

    def code_of(self, items: Iterable[Any]) -> str:
        """Hash of the code of those of the classes and functions that are the project's; empty: none is."""
        return self._fingerprinter.of_all(items)

    def encode(self, value: Any, declared: Any, mask: Callable[[str], str]) -> bytes:
        """The value as a packed node.

        Raises:
            ValueStoreError: it cannot be stored.
        """
        node = self.encoder.encode(value, declared, mask=mask)
        if mask is not str:
            from partita.worker.veiling import veiled

            node = veiled(node, value, mask)
        return pack(node)

    def decode(self, node: Node, inputs: list[bytes] | None, ref: Callable[[int, list[Any]], Any] | None = None) -> Any:
        """The value of a node whose INPUT nodes stand for these packed nodes."""
        opened = None if inputs is None else [unpack(item) for item in inputs]
        return self.encoder.decode(node, inputs=opened, ref=ref)
