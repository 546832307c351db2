"""What a form of a page does needs exactly what the same thing needs by the API, whichever of its buttons sends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import partita
from partita.api.app import api_routes
from partita.api.routes import OPEN, needs_of
from partita.web.routes import page_routes

WEB = Path(partita.__file__).parent / "web"
PAGES = {
    route.path: needs_of(route)
    for routes in page_routes() for route in routes.routes if "POST" in getattr(route, "methods", ())
}  # fmt: skip
API = {
    f"{method} {route.path.removeprefix('/api/v1')}": needs_of(route)
    for routes in api_routes() for route in routes.routes for method in getattr(route, "methods", ())
}  # fmt: skip

#: (route, what its button says; "": it says nothing) -> what does the same by the API.
SAME = {
    ("/settings/users", "set"): "PUT /users/{name}",
    ("/settings/users", "untie"): "PUT /users/{name}",
    ("/settings/users", "disable"): "POST /users/{name}/disable",
    ("/settings/users", "enable"): "POST /users/{name}/enable",
    ("/settings/users", "sign-out"): "DELETE /users/{name}/sessions",
    ("/settings/sessions/{id}/end", ""): "DELETE /sessions/{id}",
    ("/settings/secrets", ""): "PUT /secrets/{name}",
    ("/settings/secrets/remove", ""): "DELETE /secrets/{name}",
    ("/settings/tokens", ""): "POST /tokens",
    ("/settings/tokens/{id}/revoke", ""): "DELETE /tokens/{id}",
    ("/executors", ""): "POST /executors/{name}/probe",
    ("/executors/environments", ""): "POST /environments/prune",
    ("/executors/cache", ""): "POST /cache/clear",
    ("/executors/cache", "expired"): "POST /cache/clear",
    ("/executors/history", ""): "POST /history/forget",
    ("/flows/{flow:path}", "launch"): "POST /runs",
    ("/flows/{flow:path}", "check"): "POST /runs",  # only leads to the page of the graph, which needs flows:read
    ("/published/{name}/stages", "promote"): "PUT /publications/{name}/stages/{stage}",
    ("/published/{name}/stages", "rollback"): "POST /publications/{name}/stages/{stage}/rollback",
    ("/published/{name}/stages", "check"): "POST /publications/{name}/gates/check",
    ("/published/{name}/retire", ""): "DELETE /publications/{name}",
    ("/runs/{run}/cancel", ""): "POST /runs/{run}/cancel",
    ("/runs/{run}/rerun", ""): "POST /runs/{run}/rerun",
    ("/runs/{run}/resume", ""): "POST /runs/{run}/resume",
    ("/runs/{run}/steps/{step}/decide", "approve"): "POST /runs/{run}/steps/{step}/approve",
    ("/runs/{run}/steps/{step}/decide", "reject"): "POST /runs/{run}/steps/{step}/reject",
    ("/runs/{run}/steps/{step}/answer", ""): "POST /runs/{run}/steps/{step}/answer",
    ("/models/{name}/-/alias", "promote"): "PUT /models/{name}/aliases/{alias}",
    ("/models/{name}/-/alias", "rollback"): "POST /models/{name}/aliases/{alias}/rollback",
    ("/models/{name}/-/alias", "remove"): "DELETE /models/{name}/aliases/{alias}",
    ("/models/{name}/-/gates", ""): "PUT /models/{name}/aliases/{alias}/gates",
    ("/models/{name}/-/describe", ""): "POST /models/{name}/description",
}

_FORM = re.compile(r"<form[^>]*method=\"post\"[^>]*?action=\"([^\"]*)\".*?</form>", re.S)
_BUTTON = re.compile(r"<button([^>]*)>")
_SAID = re.compile(r"name=\"(?:act|what|verdict)\" value=\"([^\"]*)\"")
#: What code looks for in what a button says, beside what templates have.
_LOOKED_FOR = re.compile(r"(?:act|what|verdict)(?:\"\)|\", \"\w+\"\))? == \"([\w-]+)\"")


def buttons() -> Iterator[tuple[str, str, str]]:
    """(template, address, what the button says) of each button of each form that is sent."""
    for file in sorted((WEB / "templates").glob("*.html")):
        text = file.read_text(encoding="utf-8")
        calls = re.findall(r"\{\{ act\((.*?)\) \}\}", text)
        for form in _FORM.finditer(text):
            for attributes in _BUTTON.findall(form[0]):
                said = _SAID.search(attributes)
                text_said = said[1] if said else ""
                if "{{ what }}" in text_said:  # a macro: what it is called with
                    for call in calls:
                        yield file.name, form[1], re.findall(r'"([\w-]+)"', call)[0]
                elif form[1] == "{{ address }}":
                    for call in calls:
                        yield file.name, re.sub(r'" ~ [\w.]+ ~ "', "X", call).split('"')[1], text_said
                else:
                    yield file.name, form[1], text_said


def routes_of(template: str, address: str) -> list[str]:
    """The routes that an address with parts of a template may lead to."""
    tail = re.sub(r"\{\{.*?\}\}", "X", address)
    if template.startswith("model") and tail.startswith("X/"):
        tail = "/models/" + tail
    if template == "flow_parts.html":  # `action` is a reference's, or a published flow's
        tail = "/flows/X"
    return [path for path in PAGES if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), tail)]


@pytest.mark.parametrize("button", sorted(set(buttons())), ids=" ".join)
def test_every_button_of_a_form_is_known(button: tuple[str, str, str]) -> None:
    template, address, said = button
    found = routes_of(template, address)
    assert found, f"{template} sends to {address}, where no page takes it"
    assert any((path, said) in SAME or PAGES[path] == OPEN for path in found), (
        f"say in SAME what {said or 'the form'} of {found} is by the API"
    )


def test_every_route_and_all_that_its_code_looks_for_is_known() -> None:
    assert {path for path, _ in SAME} == {path for path, needs in PAGES.items() if needs != OPEN}
    said = {said for _, said in SAME}
    for file in sorted(WEB.glob("*.py")):
        assert set(_LOOKED_FOR.findall(file.read_text(encoding="utf-8"))) <= said, file.name


@pytest.mark.parametrize("path, said", SAME)
def test_a_form_needs_what_the_api_needs(path: str, said: str) -> None:
    assert PAGES[path] == API[SAME[path, said]], "let what needs something else have a route of its own"
