"""What schemathesis cannot know of the API, for `tests/integration/test_server_document.py`: it loads this by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.checks import positive_data_acceptance

#: What decides whether a request that fits the document is right, and which no document can say: by operation the titles of problems,
#: each with a part of what is said.
#:
#: - A flow says by its signature which inputs, and by its options which executors and spaces it takes.
#: - schemathesis hands on the name of a flow, which it was told, where a version's is asked; it looks at no pattern then.
#: - `machines` is the text of a file, in TOML or YAML; a gate is a sentence of a small language; code is a tar archive.
_FLOW = [("CheckError", "")]
BY_NATURE: dict[str, list[tuple[str, str]]] = {
    "POST /api/v1/flows/convert": _FLOW,
    "POST /api/v1/flows/plan": [*_FLOW, ("PlanningError", "machines.toml")],
    "POST /api/v1/publications": _FLOW,
    "POST /api/v1/runs": _FLOW,
    "POST /api/v1/runs/{run}/rerun": _FLOW,
    "POST /api/v1/studies": _FLOW,
    "PUT /api/v1/models/{name}/aliases/{alias}": [("OptionError", "says no gate")],
    "PUT /api/v1/models/{name}/aliases/{alias}/gates": [("OptionError", "says no gate")],
    "DELETE /api/v1/publications/{name}": [("RequestError", "path.name")],
    "POST /api/v1/bundles": [("PublishError", "this is no archive of code")],
}


@schemathesis.check
def fitting_data_acceptance(ctx: schemathesis.CheckContext, response: Any, case: Any) -> None:
    """Like `positive_data_acceptance`, but for what no document can say."""
    try:
        positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        told = response.json() if "json" in "".join(response.headers.get("content-type", [])) else {}
        title, detail = told.get("title", ""), told.get("detail", "")
        if any(title == kind and part in detail for kind, part in BY_NATURE.get(case.operation.label, ())):
            return
        if r"\p{" in detail and _has_unassigned([unquote(response.request.url or ""), str(case.body)]):
            return  # schemathesis takes some characters for marks that Unicode has not assigned yet
        raise


def _has_unassigned(texts: Iterable[str]) -> bool:
    return any(unicodedata.category(sign) == "Cn" for text in texts for sign in text)
