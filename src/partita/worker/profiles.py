"""A profile as a worker holds it: its fields, and the code behind it once that has been loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["WorkerProfile"]


class WorkerProfile:
    """Made from the map of a PROFILE message."""

    __slots__ = (
        "artifacts", "body", "bundle", "compensate", "declared", "definition", "demand", "environment", "executor",
        "folder", "function", "has_cache_key", "is_async", "is_loaded", "is_special", "opened_options",
        "process_variables", "reference", "secrets", "timeout_s", "title", "variables", "worker_options",
        "workspace",
    )  # fmt: skip

    def __init__(self, fields: dict[str, Any]) -> None:
        self.reference: str = fields["function"]
        self.title: str = fields["title"]
        self.body: str = fields["body"]
        self.bundle: str = fields["bundle"]
        self.folder: str = fields["folder"]
        self.workspace: str = fields["workspace"]
        self.artifacts: str = fields["artifacts"]
        self.process_variables: dict[str, str] = fields["process_variables"]
        self.variables: dict[str, str] = fields["environment_variables"]
        self.secrets: list[str] = fields["secrets"]
        self.worker_options: bytes = fields["worker_options"]
        self.compensate: str | None = fields["compensate"]
        self.executor: str = fields["executor"]
        self.timeout_s: float | None = fields["timeout_s"]
        self.has_cache_key: bool = fields.get("has_cache_key", False)
        self.environment: str = fields["environment"]
        self.demand: list[Any] = fields["demand"]  # of a core.records.Demand
        self.is_special = bool(self.variables or self.secrets)  # needs more than a call
        self.opened_options: dict[str, Any] | None = None  # what lies in them, once an attempt has opened them
        self.is_loaded = False
        self.definition: Any = None  # what the reference names: a Task, a Flow or a function
        self.function: Callable[..., Any] = _not_loaded
        self.declared: Any = None  # annotation of the result, None: there is none
        self.is_async = False

    def load(self) -> None:
        """Find the function.

        Raises:
            LoadError: it cannot be found or imported.
        """
        from pathlib import Path

        from partita.errors import LoadError
        from partita.flow.loading import load

        try:
            self.definition = load(self.reference, Path(self.bundle))
        except LoadError as error:
            if not self.environment or self.body != "task":
                raise
            from partita.worker.surroundings import foreign_code

            raise foreign_code(error, self) from error
        self.function = getattr(self.definition, "function", self.definition)
        self._inspect()
        self.is_loaded = True

    def load_undo(self) -> Callable[..., Any]:
        """The function that undoes a finished step.

        Raises:
            LoadError: it cannot be found or imported.
        """
        from pathlib import Path

        from partita.errors import LoadError
        from partita.flow.loading import load

        if self.compensate is None:
            raise LoadError(f"{self.title} names no function that undoes it; give it compensate=")
        found = load(self.compensate, Path(self.bundle))
        function: Callable[..., Any] = getattr(found, "function", found)
        return function

    def _inspect(self) -> None:
        import inspect

        from partita.flow.signature import MISSING, Signature

        self.is_async = inspect.iscoroutinefunction(self.function)
        try:
            signature = getattr(self.definition, "signature", None) or Signature(self.function)
        except (TypeError, ValueError):
            return  # a builtin that does not tell
        self.declared = None if signature.returns is MISSING else signature.returns


def _not_loaded(*_: Any, **__: Any) -> Any:
    raise AssertionError("the profile's code has not been loaded")
