"""What a flow takes and gives, read from its function: runs in a worker, as all that loads a project's code."""

from __future__ import annotations

from typing import Any

from partita.errors import DefinitionError
from partita.flow.catalogue.docstrings import read_docstring
from partita.flow.definition import Definition
from partita.flow.loading import load
from partita.flow.signature import MISSING
from partita.protocol.publications import ParameterView
from partita.publishing.types import default_of, type_view
from partita.worker.attempt_context import AttemptContext

__all__ = ["describe"]


def describe(reference: str) -> dict[str, Any]:
    """The flow as plain data: title, summary, description, parameters, returns, code (its fingerprint).

    Raises:
        DefinitionError: it is no flow.
        LoadError: it cannot be found or imported.
    """
    from partita.flow.context import context

    found = load(reference)
    if not isinstance(found, Definition) or found.body != "flow":
        raise DefinitionError(f"{reference} is no flow; decorate its function with @flow to publish it")
    docstring = read_docstring(found.function.__doc__)
    signature = found.signature
    parameters: list[ParameterView] = []
    for item in signature.parameters:
        if item.kind in (item.kind.VAR_POSITIONAL, item.kind.VAR_KEYWORD):
            continue
        told = ParameterView(
            name=item.name, type=type_view(item.annotation), is_required=item.default is MISSING,
            has_default=item.default is not MISSING, description=docstring.arguments.get(item.name, ""),
        )  # fmt: skip
        if item.default is not MISSING:
            told["default"], told["default_text"] = default_of(item.default)
        parameters.append(told)
    attempt = context()
    code = attempt.fingerprint(found) if isinstance(attempt, AttemptContext) else ""
    return {
        "title": found.name, "summary": docstring.summary, "description": docstring.description, "code": code,
        "parameters": parameters, "returns": type_view(signature.returns),
    }  # fmt: skip
